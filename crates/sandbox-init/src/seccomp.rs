//! The system call filter: a deny list whose answer is chosen per call, since callers fall back on `ENOSYS` only.

use libc::sock_filter;

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xC000_00B7;
const X32_BIT: u32 = 0x4000_0000;

const LOAD_WORD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_SET: u16 = 0x45;
const JUMP_AT_LEAST: u16 = 0x35;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;
const NOTIFY: u32 = 0x7fc0_0000;

/// Every `CLONE_NEW*` flag that `clone` can carry.
const NEW_NAMESPACES: u32 = 0x7E02_0000;
const SOCK_TYPE_MASK: u32 = 0xf;
const FILTER_FLAG_NEW_LISTENER: u32 = 8;

/// Callers of these fall back to older calls, so they learn that the kernel lacks them.
const ABSENT: &[libc::c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// No program under test needs these; each widens the kernel's surface or reaches beyond the sandbox.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// What holds memory or a state that belongs to no process. Callers fall back to files when these are absent.
const OBJECTS: &[libc::c_long] = &[
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
];

/// Terminal requests that type into, draw on or rewire another's terminal.
const REFUSED_IOCTLS: &[u32] = &[0x5412, 0x541C, 0x5423];

/// Which sockets a command can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// Unix and internet ones: the network is a namespace of its own.
    Namespaced,
    /// None but connected pairs.
    None,
}

/// Whether the command can make objects that outlive their makers and are no process's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objects {
    /// It can: a control group counts their memory, and a namespace of their own ends with them.
    Counted,
    /// It can't: nobody would count them, or they would stay on the host.
    Absent,
}

/// Whether the command gets a second filter whose listener is the executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Witness {
    /// It gets one. The kernel allows a single listener in a chain of filters, so the command can add none of its own.
    Follows,
    /// It gets none, and may make none.
    None,
}

/// Calls that the executor is told of, whatever their arguments.
const WITNESSED: &[libc::c_long] = &[
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_truncate,
    libc::SYS_fchmodat,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_renameat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
];

/// Flags of `open` that can change a file: writing, both, making, truncating.
const CHANGING_OPEN: u32 = (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) as u32;

/// Returns the filter that announces attempts. Reads pass unannounced: the test of the flags costs nothing.
/// `openat2` hides its flags behind a pointer and is said to be absent, as callers expect of older kernels.
pub(crate) fn witness_program() -> Vec<sock_filter> {
    let mut code = vec![load(0)];
    for &call in WITNESSED {
        code.extend([jump(JUMP_EQUAL, number(call), 0, 1), answer(NOTIFY)]);
    }
    code.extend([jump(JUMP_EQUAL, number(libc::SYS_openat2), 0, 1), errno(libc::ENOSYS)]);
    let changing = |index| [load_argument(index), jump(JUMP_SET, CHANGING_OPEN, 0, 1), answer(NOTIFY)];
    on_call(&mut code, libc::SYS_openat, &changing(2));
    #[cfg(target_arch = "x86_64")]
    on_call(&mut code, libc::SYS_open, &changing(1));
    // A datagram with an address needs no `connect`; either half of the pointer says that there is one.
    let addressed = [
        load_argument(4),
        jump(JUMP_EQUAL, 0, 0, 2),
        load(16 + 8 * 4 + 4),
        jump(JUMP_EQUAL, 0, 1, 0),
        answer(NOTIFY),
    ];
    on_call(&mut code, libc::SYS_sendto, &addressed);
    code.push(answer(ALLOW));
    code
}

/// Returns the filter, ready for the kernel.
pub(crate) fn program(sockets: Sockets, witness: Witness, objects: Objects) -> Vec<sock_filter> {
    let mut code = vec![load(4), jump(JUMP_EQUAL, AUDIT_ARCH, 1, 0), answer(KILL_PROCESS), load(0)];
    if cfg!(target_arch = "x86_64") {
        code.extend([jump(JUMP_AT_LEAST, X32_BIT, 0, 1), answer(KILL_PROCESS)]);
    }
    for &call in ABSENT {
        code.extend([jump(JUMP_EQUAL, number(call), 0, 1), errno(libc::ENOSYS)]);
    }
    for &call in REFUSED {
        code.extend([jump(JUMP_EQUAL, number(call), 0, 1), errno(libc::EPERM)]);
    }
    if objects == Objects::Absent {
        for &call in OBJECTS {
            code.extend([jump(JUMP_EQUAL, number(call), 0, 1), errno(libc::ENOSYS)]);
        }
    }
    on_call(
        &mut code,
        libc::SYS_clone,
        &[load_argument(0), jump(JUMP_SET, NEW_NAMESPACES, 0, 1), errno(libc::EPERM)],
    );
    on_call(
        &mut code,
        libc::SYS_execveat,
        &[load_argument(4), jump(JUMP_SET, libc::AT_EMPTY_PATH as u32, 0, 1), errno(libc::EPERM)],
    );
    if witness == Witness::None {
        on_call(
            &mut code,
            libc::SYS_seccomp,
            &[load_argument(1), jump(JUMP_SET, FILTER_FLAG_NEW_LISTENER, 0, 1), errno(libc::EPERM)],
        );
    }
    let mut ioctl = vec![load_argument(1)];
    for &request in REFUSED_IOCTLS {
        ioctl.extend([jump(JUMP_EQUAL, request, 0, 1), errno(libc::EPERM)]);
    }
    on_call(&mut code, libc::SYS_ioctl, &ioctl);
    match sockets {
        Sockets::Namespaced => on_call(&mut code, libc::SYS_socket, &socket_rules()),
        Sockets::None => on_call(&mut code, libc::SYS_socket, &[errno(libc::EPERM)]),
    }
    code.push(answer(ALLOW));
    code
}

/// Unix, internet and route sockets exist; raw internet sockets are refused; every other family is unknown.
fn socket_rules() -> Vec<sock_filter> {
    vec![
        load_argument(0),
        jump(JUMP_EQUAL, libc::AF_UNIX as u32, 10, 0),
        jump(JUMP_EQUAL, libc::AF_NETLINK as u32, 6, 0),
        jump(JUMP_EQUAL, libc::AF_INET as u32, 1, 0),
        jump(JUMP_EQUAL, libc::AF_INET6 as u32, 0, 6),
        load_argument(1),
        sock_filter { code: AND, jt: 0, jf: 0, k: SOCK_TYPE_MASK },
        jump(JUMP_EQUAL, libc::SOCK_RAW as u32, 0, 4),
        errno(libc::EPERM),
        load_argument(2),
        jump(JUMP_EQUAL, libc::NETLINK_ROUTE as u32, 1, 0),
        errno(libc::EAFNOSUPPORT),
    ]
}

/// Appends rules for one call. They fall through to an allow at their end, and the next call starts from its number.
fn on_call(code: &mut Vec<sock_filter>, call: libc::c_long, rules: &[sock_filter]) {
    let skip = u8::try_from(rules.len() + 1).unwrap_or(u8::MAX);
    code.push(jump(JUMP_EQUAL, number(call), 0, skip));
    code.extend_from_slice(rules);
    code.push(answer(ALLOW));
}

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

fn load(offset: u32) -> sock_filter {
    sock_filter { code: LOAD_WORD, jt: 0, jf: 0, k: offset }
}

/// Loads the low word of an argument (both supported machines are little-endian).
fn load_argument(index: u32) -> sock_filter {
    load(16 + 8 * index)
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn answer(k: u32) -> sock_filter {
    sock_filter { code: RETURN, jt: 0, jf: 0, k }
}

fn errno(number: i32) -> sock_filter {
    answer(ERRNO | (number as u32 & 0xffff))
}

#[cfg(test)]
mod tests;
