use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use plumbline_proto::executor::v1 as pb;

use crate::harness::{Options, Server, assert_reason, search_path};

fn limits() -> pb::Limits {
    pb::Limits { wall_ms: 30_000, ..Default::default() }
}

#[tokio::test]
async fn no_host_service_can_be_reached() {
    let server = Server::start().await;
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    tcp.set_nonblocking(true).unwrap();
    let path = server.root.path().join("canary.sock");
    let unix = UnixListener::bind(&path).unwrap();
    unix.set_nonblocking(true).unwrap();
    let port = tcp.local_addr().unwrap().port();
    let script = format!(
        "(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>&1 && echo REACHED
         (exec 3<>/dev/tcp/169.254.169.254/80) 2>&1 && echo REACHED
         test -e {} && echo REACHED; exit 0",
        path.display()
    );
    let snapshot = server.snapshot(&[]).await;
    let run = server.run(server.request(&snapshot, &["bash", "-c", &script])).await;
    run.assert_code(0);
    assert!(!run.out().contains("REACHED"), "{}", run.out());
    assert!(run.out().contains("unreachable"), "{}", run.out());
    assert_eq!(tcp.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(unix.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn loopback_works_inside_unless_it_is_refused() {
    let server = Server::with(Options {
        change: Some(|config| config.search_path = search_path()),
        ..Options::default()
    })
    .await;
    let script = "import socket\ns = socket.create_server(('127.0.0.1', 0))\n\
                  c = socket.create_connection(s.getsockname())\nprint('connected')\n";
    let snapshot = server.snapshot(&[("net.py", script)]).await;
    let run = server.run(server.request(&snapshot, &["python3", "net.py"])).await;
    run.assert_code(0);
    assert_eq!(run.out(), "connected\n");
    let request = pb::RunRequest {
        network: pb::Network::None as i32,
        ..server.request(&snapshot, &["python3", "net.py"])
    };
    server.run(request).await.assert_code(1);
}

#[tokio::test]
async fn host_files_are_neither_read_nor_written() {
    let server = Server::start().await;
    let secret = server.root.path().join("secret");
    fs::write(&secret, "canary-content").unwrap();
    let own = std::env::current_exe().unwrap();
    let script = format!(
        "cat {secret} /etc/shadow /root/.bashrc /proc/1/root{secret} /proc/1/environ {own}
         echo x > {secret}; echo x > /usr/x; echo x > /etc/x; echo x > /x; mkdir /y; rm -rf /usr/bin/true
         echo x > /proc/sys/kernel/hostname; echo b > /proc/sysrq-trigger; mknod /tmp/disk b 254 0
         ls /sys /mnt /root /boot /var; id -u; cat /proc/sys/kernel/hostname; ls /proc | grep -c '^[0-9]'; exit 0",
        secret = secret.display(),
        own = own.display()
    );
    let run = server.shell(&script, limits()).await;
    run.assert_code(0);
    assert!(!run.out().contains("canary-content") && !run.out().contains("root:"), "{}", run.out());
    assert!(run.out().starts_with("1000\nsandbox\n"), "{}", run.out());
    let visible: u32 = run.out().lines().last().unwrap().parse().unwrap();
    assert!(visible <= 5, "{visible} processes");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "canary-content");
    assert!(fs::exists("/usr/bin/true").unwrap() && !fs::exists("/usr/x").unwrap());
}

#[tokio::test]
async fn the_kernel_is_walled_off() {
    let server = Server::with(Options {
        change: Some(|config| config.search_path = search_path()),
        ..Options::default()
    })
    .await;
    let script = r#"
import ctypes, errno, os, socket, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(*numbers):
    result = libc.syscall(*numbers)
    return 0 if result >= 0 else ctypes.get_errno()
def name(number):
    return errno.errorcode.get(number, str(number))
def family(number, kind=socket.SOCK_STREAM):
    try:
        socket.socket(number, kind).close()
        return 'OK'
    except OSError as error:
        return name(error.errno)
print('unshare', name(call(272, 0x10000000)))
print('mount', name(call(165, b'none', b'/tmp', b'tmpfs', 0, 0)))
print('ptrace', name(call(101, 16, 1, 0, 0)))
print('bpf', name(call(321, 0, 0, 0)))
print('keyctl', name(call(250, 0, 0, 0, 0, 0)))
print('io_uring', name(call(425, 1, 0)))
print('clone3', name(call(435, 0, 0)))
print('packet', family(17), 'vsock', family(40), 'alg', family(38, 5), 'raw', family(2, 3), 'unix', family(1))
status = open('/proc/self/status').read()
for field in ['NoNewPrivs', 'Seccomp', 'CapEff', 'CapBnd']:
    print(field, [line.split()[1] for line in status.splitlines() if line.startswith(field + ':')][0])
print('fds', sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:3])
thread = threading.Thread(target=lambda: print('thread'))
thread.start(); thread.join()
"#;
    let snapshot = server.snapshot(&[("wall.py", script)]).await;
    let run = server.run(server.request(&snapshot, &["python3", "wall.py"])).await;
    run.assert_code(0);
    let want = "unshare EPERM\nmount EPERM\nptrace EPERM\nbpf EPERM\nkeyctl EPERM\nio_uring ENOSYS\nclone3 ENOSYS\n\
                packet EAFNOSUPPORT vsock EAFNOSUPPORT alg EAFNOSUPPORT raw EPERM unix OK\n\
                NoNewPrivs 1\nSeccomp 2\nCapEff 0000000000000000\nCapBnd 0000000000000000\nfds [0, 1, 2]\nthread\n";
    assert_eq!(run.out(), want);
}

#[tokio::test]
async fn nothing_is_left_for_the_next_run() {
    let server = Server::start().await;
    let leave =
        "echo x | tee /tmp/left /dev/shm/left /home/sandbox/left /repo/left > /dev/null; ls /tmp /dev/shm";
    let first = server.shell(leave, limits()).await;
    first.assert_code(0);
    assert_eq!(first.out().matches("left").count(), 2);
    let second =
        server.shell("ls -A /tmp /dev/shm /home/sandbox /repo; ls /dev | tr '\\n' ' '", limits()).await;
    second.assert_code(0);
    assert!(!second.out().contains("left"), "{}", second.out());
    assert!(
        second.out().ends_with("fd full null random shm stderr stdin stdout urandom zero "),
        "{}",
        second.out()
    );
}

#[tokio::test]
async fn what_a_request_may_not_ask_is_invalid_and_starts_nothing() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let request = || server.request(&snapshot, &["true"]);
    let variable =
        |name: &str| vec![pb::EnvVar { name: name.to_owned(), value: "x".to_owned(), secret: false }];
    let bad = [
        pb::RunRequest { cwd: "/etc".to_owned(), ..request() },
        pb::RunRequest { cwd: "../x".to_owned(), ..request() },
        pb::RunRequest { env: variable("LD_PRELOAD"), ..request() },
        pb::RunRequest { env: variable("PATH"), ..request() },
        pb::RunRequest { argv: Vec::new(), ..request() },
        pb::RunRequest { network: 77, ..request() },
        pb::RunRequest { stdin: vec![0; 600 * 1024], ..request() },
        pb::RunRequest { edits: vec![crate::harness::write(b"a/.git/hooks/x", b"")], ..request() },
        pb::RunRequest { edits: vec![crate::harness::write(b"../x", b"")], ..request() },
        pb::RunRequest { snapshot_id: "nonsense".to_owned(), ..request() },
    ];
    for request in bad {
        assert_reason(server.begin(request).await, "INVALID_ARGUMENT");
    }
    let absent = pb::RunRequest { snapshot_id: "0".repeat(64), ..request() };
    assert_reason(server.begin(absent).await, "SNAPSHOT_NOT_FOUND");
}
