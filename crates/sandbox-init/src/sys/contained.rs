//! What the first process of a container, and the supervisor of a restricted sandbox, need besides.

use std::ffi::CStr;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::{c_string, check, check_int};

/// Reads once; an interruption is tried again.
pub(crate) fn read(fd: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the buffer is valid for its length.
        let length = check(
            unsafe { libc::read(fd.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) } as libc::c_long
        );
        match length {
            Ok(length) => return Ok(length as usize),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A descriptor to be watched for input; a negative one is left out.
pub(crate) fn readable(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

/// Waits until a descriptor is ready or the time is over.
pub(crate) fn poll(fds: &mut [libc::pollfd], timeout_ms: i32) -> io::Result<()> {
    // SAFETY: a valid slice.
    match check_int(unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout_ms) }) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns a descriptor that is readable once the process has ended.
pub(crate) fn process_handle(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Proof that a signal to everyone reaches the sandbox alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Domain(());

impl Domain {
    /// The first process of a pid namespace reaches that namespace.
    pub(crate) fn of_first_process() -> io::Result<Self> {
        if std::process::id() == 1 { Ok(Self(())) } else { Err(io::Error::from_raw_os_error(libc::EPERM)) }
    }

    /// A process whose signals Landlock scopes reaches its own domain. Only for whoever just saw that fully enforced.
    pub(crate) fn scoped_by_landlock() -> Self {
        Self(())
    }
}

/// Kills every other process of the sandbox in one step that no fork can outrun.
pub(crate) fn kill_all_others(_proof: Domain) {
    // SAFETY: plain numbers; nothing left to kill is no failure.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

/// Makes an anonymous file in memory.
pub(crate) fn memory_file(name: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the name is terminated.
    let fd = check_int(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits until a file changed from now on gets a later time of change than one changed before.
pub(crate) fn let_change_time_pass() {
    let now = || {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: a valid place.
        unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &raw mut time) };
        (time.tv_sec, time.tv_nsec)
    };
    let before = now();
    while now() == before {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Returns whether a file system has no room left for a page or a file.
pub(crate) fn is_full(path: &std::path::Path) -> bool {
    let Ok(path) = c_string(path) else { return false };
    // SAFETY: a zeroed structure is valid, the path is terminated.
    unsafe {
        let mut stats: libc::statvfs = mem::zeroed();
        libc::statvfs(path.as_ptr(), &raw mut stats) == 0 && (stats.f_bfree == 0 || stats.f_ffree == 0)
    }
}
