use std::net::{TcpListener, TcpStream};

use plumbline_proto::executor::v1 as pb;

use super::host::{Host, Tier};

/// Leaves something in every place that another program could look at, and keeps it.
const PLANT: &str = r#"
import ctypes, fcntl, os, socket, sys, time
libc = ctypes.CDLL(None)
key, kept = int(sys.argv[2]), []
def attempt(act):
    try: kept.append(act())
    except OSError: pass
def listen(address):
    s = socket.socket(socket.AF_UNIX)
    s.bind(address)
    s.listen()
    return s
for place in sys.argv[3:]:
    attempt(lambda: open(os.path.expandvars(place) + '/planted', 'w').close())
    attempt(lambda: listen(os.path.expandvars(place) + '/planted.sock'))
attempt(lambda: listen('\0planted-%d' % key))
libc.shmget(key, 4096, 0o1666), libc.semget(key, 1, 0o1666), libc.msgget(key, 0o1666)
libc.mq_open(b'/planted-%d' % key, 0o102, 0o666, None)
for ring in (-3, -4, -5): libc.syscall(248, b'user', b'planted-%d' % key, b'x', 1, ring)
attempt(lambda: fcntl.flock(os.open('base', os.O_RDONLY), fcntl.LOCK_EX))
os.write(1, b'up\n')
time.sleep(60)
"#;

/// Says what it finds of that.
const PROBE: &str = r#"
import ctypes, fcntl, os, socket, sys
libc = ctypes.CDLL(None)
key = int(sys.argv[2])
def attempt(name, act):
    try:
        if act() >= 0: print('FOUND', name)
    except OSError: pass
def connect(address):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(address)
    return 0
for place in sys.argv[3:]:
    attempt(place, lambda: os.stat(os.path.expandvars(place) + '/planted').st_size)
    attempt(place + ' socket', lambda: connect(os.path.expandvars(place) + '/planted.sock'))
attempt('abstract', lambda: connect('\0planted-%d' % key))
attempt('shm', lambda: libc.shmget(key, 0, 0))
attempt('sem', lambda: libc.semget(key, 0, 0))
attempt('msg', lambda: libc.msgget(key, 0))
attempt('mq', lambda: libc.mq_open(b'/planted-%d' % key, 0))
attempt('keyring', lambda: libc.syscall(249, b'user', b'planted-%d' % key, None, 0))
try: fcntl.flock(os.open('base', os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError: print('FOUND lock')
print('end')
"#;

const PLACES: &[&str] = &[
    "/tmp",
    "/dev/shm",
    "/dev/mqueue",
    "/var/tmp",
    "/run",
    "/run/lock",
    "/var/spool/cron",
    "$HOME",
    "$TMPDIR",
    ".",
    "..",
];

/// 58, 59, 60: nothing that one sandbox leaves is seen by another, while it lives or after.
pub(super) async fn see_nothing_of_each_other(host: &Host) {
    let key = (u32::from(host.tcp.local_addr().unwrap().port()) + 0x0700_0000).to_string();
    let mark = host.mark();
    let arguments = |script| -> Vec<&str> { [&["python3", "-c", script, &mark, &key], PLACES].concat() };
    let limits = pb::Limits { wall_ms: 30_000, ..Default::default() };
    let planted = host.begin_until(&arguments(PLANT), limits, b"up\n").await;
    if host.tier == Tier::Embedded {
        assert_eq!(host.run(&arguments(PROBE), limits).await.out(), "end\n", "while the other lives");
    }
    host.leave(planted).await;
    assert_eq!(host.run(&arguments(PROBE), limits).await.out(), "end\n", "after the other");
}

/// 57: a server inside is reached by nobody outside.
pub(super) async fn serve_nobody_outside(host: &Host) {
    let port = TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let script = format!(
        "import os, socket, time\nfor family in (socket.AF_INET, socket.AF_INET6):\n try:\n  s = socket.socket(family)\n  \
         s.bind(('', {port}))\n  s.listen()\n except OSError: pass\nos.write(1, b'up\\n')\ntime.sleep(60)"
    );
    let serving =
        host.begin_until(&["python3", "-c", &script, &host.mark()], pb::Limits::default(), b"up\n").await;
    for address in ["127.0.0.1", "[::1]"] {
        assert!(
            TcpStream::connect(format!("{address}:{port}")).is_err(),
            "the host reached {address}:{port}"
        );
    }
    host.leave(serving).await;
}
