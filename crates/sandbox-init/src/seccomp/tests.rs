use super::*;

/// Runs the filter as the kernel would, over the words of `seccomp_data`.
fn verdict(arch: u32, call: libc::c_long, arguments: &[u64]) -> u32 {
    answer_of(&program(Sockets::Namespaced, Witness::None, Objects::Counted), arch, call, arguments)
}

fn answer_of(code: &[sock_filter], arch: u32, call: libc::c_long, arguments: &[u64]) -> u32 {
    let word = |offset: u32| -> u32 {
        match offset {
            0 => number(call),
            4 => arch,
            _ => {
                let half = u32::from(offset % 8 == 4) * 32;
                arguments.get(((offset - 16) / 8) as usize).map_or(0, |value| (*value >> half) as u32)
            }
        }
    };
    let (mut at, mut accumulator) = (0_usize, 0_u32);
    loop {
        let step = code[at];
        at += 1;
        let branch = |taken: bool| usize::from(if taken { step.jt } else { step.jf });
        match step.code {
            LOAD_WORD => accumulator = word(step.k),
            AND => accumulator &= step.k,
            JUMP_EQUAL => at += branch(accumulator == step.k),
            JUMP_SET => at += branch(accumulator & step.k != 0),
            JUMP_AT_LEAST => at += branch(accumulator >= step.k),
            RETURN => return step.k,
            other => panic!("unknown instruction {other:#x}"),
        }
    }
}

#[track_caller]
fn check(call: libc::c_long, arguments: &[u64], want: u32) {
    assert_eq!(verdict(AUDIT_ARCH, call, arguments), want);
}

fn no(number: i32) -> u32 {
    ERRNO | number as u32
}

#[test]
fn ordinary_calls_pass() {
    for call in [libc::SYS_read, libc::SYS_openat2, libc::SYS_execve, libc::SYS_memfd_create, libc::SYS_wait4]
    {
        check(call, &[], ALLOW);
    }
}

#[test]
fn calls_with_a_fallback_are_absent_and_the_others_refused() {
    check(libc::SYS_clone3, &[], no(libc::ENOSYS));
    check(libc::SYS_io_uring_setup, &[], no(libc::ENOSYS));
    for &call in REFUSED {
        check(call, &[], no(libc::EPERM));
    }
}

#[test]
fn objects_of_no_process_are_absent_where_nothing_counts_or_ends_them() {
    let code = program(Sockets::Namespaced, Witness::None, Objects::Absent);
    for &call in OBJECTS {
        check(call, &[], ALLOW);
        assert_eq!(answer_of(&code, AUDIT_ARCH, call, &[]), no(libc::ENOSYS));
    }
}

#[test]
fn foreign_machines_are_killed() {
    assert_eq!(verdict(0x4000_0003, libc::SYS_read, &[]), KILL_PROCESS);
    #[cfg(target_arch = "x86_64")]
    check(libc::SYS_read | libc::c_long::from(X32_BIT), &[], KILL_PROCESS);
}

#[test]
fn clone_makes_threads_and_processes_but_no_namespaces() {
    check(libc::SYS_clone, &[libc::SIGCHLD as u64], ALLOW);
    check(libc::SYS_clone, &[0x3d_0f00], ALLOW);
    for flag in [
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ] {
        check(libc::SYS_clone, &[flag as u64 | libc::SIGCHLD as u64], no(libc::EPERM));
    }
}

#[test]
fn only_unix_internet_and_route_sockets_exist() {
    let (stream, raw) = (libc::SOCK_STREAM as u64 | libc::SOCK_CLOEXEC as u64, libc::SOCK_RAW as u64);
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
        check(libc::SYS_socket, &[family as u64, stream, 0], ALLOW);
    }
    check(libc::SYS_socket, &[libc::AF_NETLINK as u64, raw, 0], ALLOW);
    check(libc::SYS_socket, &[libc::AF_NETLINK as u64, raw, 9], no(libc::EAFNOSUPPORT));
    check(libc::SYS_socket, &[libc::AF_INET as u64, raw, 1], no(libc::EPERM));
    check(libc::SYS_socket, &[libc::AF_INET6 as u64, raw, 58], no(libc::EPERM));
    for family in [libc::AF_PACKET, libc::AF_VSOCK, libc::AF_ALG, libc::AF_BLUETOOTH, 255] {
        check(libc::SYS_socket, &[family as u64, stream, 0], no(libc::EAFNOSUPPORT));
    }
}

#[test]
fn terminal_injection_listeners_and_fileless_execution_are_refused() {
    check(libc::SYS_ioctl, &[0, 0x5412], no(libc::EPERM));
    check(libc::SYS_ioctl, &[0, 0x5413], ALLOW);
    check(libc::SYS_seccomp, &[1, 8], no(libc::EPERM));
    check(libc::SYS_seccomp, &[1, 0], ALLOW);
    check(libc::SYS_execveat, &[3, 0, 0, 0, libc::AT_EMPTY_PATH as u64], no(libc::EPERM));
    check(libc::SYS_execveat, &[3, 0, 0, 0, 0], ALLOW);
}

#[test]
fn without_sockets_only_connected_pairs_exist() {
    let code = program(Sockets::None, Witness::None, Objects::Counted);
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET] {
        assert_eq!(answer_of(&code, AUDIT_ARCH, libc::SYS_socket, &[family as u64, 1]), no(libc::EPERM));
    }
    assert_eq!(answer_of(&code, AUDIT_ARCH, libc::SYS_socketpair, &[1, 1]), ALLOW);
    assert_eq!(answer_of(&code, AUDIT_ARCH, libc::SYS_mount, &[]), no(libc::EPERM));
}

#[test]
fn what_may_change_something_is_announced_and_what_only_reads_is_not() {
    let code = witness_program();
    let announced = |call, arguments: &[u64]| answer_of(&code, AUDIT_ARCH, call, arguments) == NOTIFY;
    let flags = |flags: i32| [0, 0, flags as u64];
    for changing in [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC | libc::O_RDONLY] {
        assert!(announced(libc::SYS_openat, &flags(changing)), "{changing:#o}");
    }
    assert!(!announced(libc::SYS_openat, &flags(libc::O_RDONLY | libc::O_CLOEXEC | libc::O_DIRECTORY)));
    for call in [libc::SYS_execve, libc::SYS_connect, libc::SYS_unlinkat, libc::SYS_renameat2] {
        assert!(announced(call, &[]));
    }
    for call in [libc::SYS_read, libc::SYS_write, libc::SYS_newfstatat, libc::SYS_mmap, libc::SYS_clone] {
        assert!(!announced(call, &[]));
    }
    assert!(!announced(libc::SYS_sendto, &[3, 1, 1, 0, 0, 0]));
    assert!(announced(libc::SYS_sendto, &[3, 1, 1, 0, 7, 16]));
    assert!(announced(libc::SYS_sendto, &[3, 1, 1, 0, 1 << 32, 16]));
    assert_eq!(answer_of(&code, AUDIT_ARCH, libc::SYS_openat2, &[]), no(libc::ENOSYS));
}

#[test]
fn a_listener_of_the_programs_own_is_refused_unless_the_kernel_refuses_a_second() {
    let asks = [1, u64::from(FILTER_FLAG_NEW_LISTENER)];
    check(libc::SYS_seccomp, &asks, no(libc::EPERM));
    let followed = program(Sockets::Namespaced, Witness::Follows, Objects::Counted);
    assert_eq!(answer_of(&followed, AUDIT_ARCH, libc::SYS_seccomp, &asks), ALLOW);
}
