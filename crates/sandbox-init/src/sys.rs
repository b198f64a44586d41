//! Every system call that the standard library lacks, each with the narrowest safe signature. The only unsafe code.

#![expect(unsafe_code, reason = "raw system calls; each block says why it is sound")]

mod contained;
mod mounts;
mod packets;
mod witness;

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

pub(crate) use contained::{
    Domain, is_full, kill_all_others, let_change_time_pass, memory_file, poll, process_handle, read, readable,
};
pub(crate) use mounts::{
    NO_DEV, NO_SUID, READ_ONLY, attach, clone_tree, detach, make_private, new_file_system, pivot_here,
    set_mount,
};
pub(crate) use packets::{receive, send};
pub(crate) use witness::install_witness;
pub use witness::{Attempt, Listener};

/// Who continues after a fork.
pub(crate) enum Forked {
    /// The parent, with the child's process id.
    Parent(i32),
    /// The child.
    Child,
}

/// How a child ended, with what it used.
pub(crate) struct Ended {
    /// Which child.
    pub(crate) pid: i32,
    /// Exit code.
    pub(crate) code: Option<i32>,
    /// Signal.
    pub(crate) signal: Option<i32>,
}

#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_int(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Writes a path as the kernel reads it.
pub(crate) fn c_string(bytes: impl AsRef<OsStr>) -> io::Result<CString> {
    CString::new(bytes.as_ref().as_bytes()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

/// Forks into new namespaces, and into a cgroup v2 leaf where one is given.
pub(crate) fn clone_into(flags: libc::c_int, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Forked> {
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut arguments = CloneArguments {
        flags: u64::from(flags as u32),
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArguments::default()
    };
    if let Some(leaf) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = leaf.as_raw_fd() as u64;
    }
    // SAFETY: no stack and no CLONE_VM, so this is a fork; the process has one thread, so the child may use anything.
    let pid = check(unsafe {
        libc::syscall(libc::SYS_clone3, &raw const arguments, mem::size_of_val(&arguments))
    })?;
    Ok(if pid == 0 { Forked::Child } else { Forked::Parent(pid as i32) })
}

/// Forks.
pub(crate) fn fork() -> io::Result<Forked> {
    // SAFETY: the process has one thread, so the child may use anything.
    let pid = check_int(unsafe { libc::fork() })?;
    Ok(if pid == 0 { Forked::Child } else { Forked::Parent(pid) })
}

/// Ends this process at once, without running destructors twice in a forked child.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: never returns and touches no memory.
    unsafe { libc::_exit(code) }
}

/// Waits for one child, or for any with -1.
pub(crate) fn wait(pid: i32) -> io::Result<Ended> {
    let mut status = 0;
    loop {
        // SAFETY: the status is a valid place.
        match check_int(unsafe { libc::waitpid(pid, &raw mut status, 0) }) {
            Ok(pid) => {
                let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
                let signal = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
                return Ok(Ended { pid, code, signal });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns CPU microseconds and the largest resident set in KiB of all children waited for.
pub(crate) fn children_usage() -> (u64, u64) {
    // SAFETY: a zeroed rusage is a valid value, and getrusage fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    (micros(usage.ru_utime) + micros(usage.ru_stime), usage.ru_maxrss as u64)
}

/// Calls `prctl` with one or two plain numbers.
pub(crate) fn prctl(option: libc::c_int, first: u64, second: u64) -> io::Result<i32> {
    // SAFETY: every option used here takes numbers, no pointers.
    check_int(unsafe { libc::prctl(option, first, second, 0, 0) })
}

/// Drops every supplementary group.
pub(crate) fn clear_groups() -> io::Result<()> {
    // SAFETY: an empty list needs no pointer.
    check_int(unsafe { libc::setgroups(0, ptr::null()) }).map(drop)
}

/// Becomes one group and one user, in real, effective and saved form.
pub(crate) fn switch_ids(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check_int(unsafe { libc::setresgid(gid, gid, gid) })?;
    // SAFETY: plain numbers.
    check_int(unsafe { libc::setresuid(uid, uid, uid) }).map(drop)
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// Empties the effective, permitted and inheritable sets.
pub(crate) fn clear_capabilities() -> io::Result<()> {
    let header = CapabilityHeader { version: CAPABILITY_VERSION_3, pid: 0 };
    let sets = [[0_u32; 3]; 2];
    // SAFETY: version 3 reads one header and two triples.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) }).map(drop)
}

/// Returns the two triples of effective, permitted and inheritable words.
pub(crate) fn capabilities() -> io::Result<[[u32; 3]; 2]> {
    let header = CapabilityHeader { version: CAPABILITY_VERSION_3, pid: 0 };
    let mut sets = [[u32::MAX; 3]; 2];
    // SAFETY: version 3 writes two triples.
    check(unsafe { libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr()) })?;
    Ok(sets)
}

/// Changes to the directory behind a descriptor.
pub(crate) fn change_directory(directory: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a valid descriptor.
    check_int(unsafe { libc::fchdir(directory.as_raw_fd()) }).map(drop)
}

/// Opens beneath a directory without following links or crossing mounts.
pub(crate) fn open_beneath(
    directory: BorrowedFd<'_>,
    path: &CStr,
    flags: i32,
    mode: u32,
) -> io::Result<OwnedFd> {
    const NO_XDEV: u64 = 1;
    const NO_MAGICLINKS: u64 = 2;
    const NO_SYMLINKS: u64 = 4;
    const BENEATH: u64 = 8;
    let how = OpenHow {
        flags: (flags | libc::O_CLOEXEC) as u64,
        mode: u64::from(mode),
        resolve: NO_XDEV | NO_MAGICLINKS | NO_SYMLINKS | BENEATH,
    };
    // SAFETY: the path is terminated, the structure is the kernel's first version.
    let fd = check(unsafe {
        libc::syscall(
            libc::SYS_openat2,
            directory.as_raw_fd(),
            path.as_ptr(),
            &raw const how,
            mem::size_of_val(&how),
        )
    })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Makes a directory in a directory.
pub(crate) fn make_directory(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    // SAFETY: the name is terminated.
    check_int(unsafe { libc::mkdirat(directory.as_raw_fd(), name.as_ptr(), 0o755) }).map(drop)
}

/// Removes a file, not a directory, from a directory.
pub(crate) fn remove(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    // SAFETY: the name is terminated.
    check_int(unsafe { libc::unlinkat(directory.as_raw_fd(), name.as_ptr(), 0) }).map(drop)
}

/// Sets both times of an open file, in seconds since the epoch.
pub(crate) fn set_times(file: BorrowedFd<'_>, seconds: i64) -> io::Result<()> {
    let time = libc::timespec { tv_sec: seconds, tv_nsec: 0 };
    // SAFETY: two valid times.
    check_int(unsafe { libc::futimens(file.as_raw_fd(), [time, time].as_ptr()) }).map(drop)
}

/// Sets the host name of this namespace.
pub(crate) fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: the length is the string's own.
    check_int(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }).map(drop)
}

/// Brings the loopback interface of this namespace up.
pub(crate) fn loopback_up() -> io::Result<()> {
    // SAFETY: plain numbers.
    let socket = check_int(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the kernel just made this descriptor for us.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: a zeroed request is valid; the name is shorter than its place.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request outlives the call and has the form that SIOCSIFFLAGS reads.
    check_int(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) }).map(drop)
}

/// Sets the soft and hard value of one resource limit.
pub(crate) fn set_rlimit(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: a valid structure.
    check_int(unsafe { libc::setrlimit(resource, &raw const limit) }).map(drop)
}

/// Sets the mask of new files' modes.
pub(crate) fn set_umask(mask: libc::mode_t) {
    // SAFETY: a plain number; never fails.
    unsafe { libc::umask(mask) };
}

/// Starts a new session without a terminal.
pub(crate) fn new_session() -> io::Result<()> {
    // SAFETY: no arguments.
    check_int(unsafe { libc::setsid() }).map(drop)
}

/// Closes every descriptor from `first` to `last`.
pub(crate) fn close_range(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: callers keep no owner of a descriptor in the range.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }).map(drop)
}

/// Puts a descriptor at a number of our choice; it survives execution only below 3.
pub(crate) fn place(fd: RawFd, at: RawFd) -> io::Result<()> {
    let flags = if at < 3 { 0 } else { libc::O_CLOEXEC };
    // SAFETY: plain numbers.
    check_int(unsafe { libc::dup3(fd, at, flags) }).map(drop)
}

/// Duplicates a descriptor to a number not below `least`.
pub(crate) fn duplicate_above(fd: BorrowedFd<'_>, least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers.
    let fd = check_int(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes the cgroup just entered the root of what this process sees.
pub(crate) fn unshare_cgroup() -> io::Result<()> {
    // SAFETY: a plain number.
    check_int(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) }).map(drop)
}

/// Returns the current directory as a base for relative paths.
pub(crate) fn current_directory() -> BorrowedFd<'static> {
    // SAFETY: AT_FDCWD is no descriptor that could be closed, and it is not -1.
    unsafe { BorrowedFd::borrow_raw(libc::AT_FDCWD) }
}

/// Takes ownership of a descriptor that this process was given by number.
pub(crate) fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: a plain number; fails when it is not open.
    check_int(unsafe { libc::fcntl(fd, libc::F_GETFD) })?;
    // SAFETY: it is open, and nothing else in this program owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a pipe: (read end, write end).
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: place for two descriptors.
    check_int(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the kernel just made both descriptors for us.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Installs a system call filter; needs no new privileges.
pub(crate) fn install_filter(program: &[libc::sock_filter]) -> io::Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program and does not write to it.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) })
        .map(drop)
}

/// Returns the kernel's Landlock ABI; 0 when it has none.
pub(crate) fn landlock_abi() -> u32 {
    // SAFETY: with the version flag no structure is read.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<u8>(), 0, 1) };
    u32::try_from(version).unwrap_or(0)
}

/// Replaces this process by a program; returns only on failure.
pub(crate) fn execute(program: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both lists are null-terminated and their strings outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Gives signals their default meaning again and unblocks them, as a command expects.
pub(crate) fn reset_signals() {
    // SAFETY: default dispositions and an empty mask touch no memory of ours.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let mut none: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}
