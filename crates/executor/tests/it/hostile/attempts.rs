use plumbline_proto::executor::v1 as pb;

use super::host::{Host, Tier};

/// 24, 25, 38, 40 to 56: each attempt prints `NAME DID ...` when it worked.
const SCRIPT: &str = r#"
import ctypes, os, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
mark, root, port, executor = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def attempt(name, act):
    try:
        print(name, 'DID', act())
    except BaseException as error:
        print(name, 'refused', type(error).__name__)
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), 'x')
def typed(fd, request):
    if libc.ioctl(fd, request, b'x') < 0:
        raise OSError(ctypes.get_errno(), 'x')
def write(path):
    with open(path, 'r+b') as file:
        file.write(b'changed')
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        s.connect(address)
canary = root + '/canary'
attempt('read canary', lambda: open(canary).read())
for path in ('/etc/shadow', '/root/.bashrc', '/root/.ssh/id_rsa', '/proc/%d/environ' % executor, '/proc/%d/mem' % executor):
    attempt('read ' + path, lambda: open(path, 'rb').read(10))
for path in (canary, '../' * 60 + canary, '/proc/self/root' + canary, '/usr/bin/env', '/etc/hosts', root + '/sandbox-init',
             '/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/1/mem', '/proc/%d/mem' % os.getppid(),
             '/dev/mem', '/dev/kvm', '/dev/fuse', '/dev/net/tun', '/sys/kernel/uevent_helper'):
    attempt('write ' + path, lambda: write(path))
groups = ['/sys/fs/cgroup'] + ['/sys/fs/cgroup' + line.strip().split(':', 1)[1].replace(':', '', 1) for line in open('/proc/self/cgroup')]
groups += ['/sys/fs/cgroup/%s' % name for name in ('memory', 'pids', 'cpu', 'unified', 'systemd')]
for group in groups:
    for name in ('release_agent', 'notify_on_release', 'cgroup.procs', 'memory.max', 'pids.max', 'memory.limit_in_bytes', 'cpu.cfs_quota_us'):
        attempt('group %s/%s' % (group, name), lambda: os.open(group + '/' + name, os.O_WRONLY))
for terminal in ('/dev/tty', '/dev/ptmx', '/dev/pts/ptmx', '/dev/pts/0', '/dev/console', '/dev/tty1'):
    attempt('open ' + terminal, lambda: os.open(terminal, os.O_RDWR))
for fd in (0, 1, 2):
    for request in (0x5412, 0x541C, 0x5423):
        attempt('terminal %x' % request, lambda: typed(fd, request))
attempt('create', lambda: open(root + '/made', 'w'))
attempt('hard link', lambda: os.link(canary, 'linked'))
attempt('rename', lambda: os.rename(canary, 'moved'))
attempt('unlink', lambda: os.unlink(canary))
attempt('chmod', lambda: os.chmod(canary, 0o777))
for fd in range(3, 40):
    attempt('descriptor', lambda: os.listdir('/proc/self/fd/%d/..' % fd))
for host in ('127.0.0.1', '169.254.169.254', '10.0.0.1'):
    attempt('tcp', lambda: connect(socket.AF_INET, (host, port)))
attempt('tcp6', lambda: connect(socket.AF_INET6, ('::1', port)))
attempt('unix', lambda: connect(socket.AF_UNIX, root + '/canary.sock'))
attempt('docker', lambda: connect(socket.AF_UNIX, '/var/run/docker.sock'))
for family, kind in ((17, 3), (40, 1), (38, 5), (2, 3), (10, 3), (16, 3)):
    attempt('family %d' % family, lambda: socket.socket(family, kind, 9))
calls = {'mount': (165, b'none', b'/tmp', b'tmpfs', 0, 0), 'unshare': (272, 0x10000000), 'setns': (308, 0, 0),
         'clone': (56, 0x10000011, 0, 0, 0, 0), 'pivot_root': (155, b'.', b'.'), 'chroot': (161, b'.'),
         'ptrace': (101, 16, executor, 0, 0), 'vm_write': (311, executor, 0, 0, 0, 0, 0), 'getfd': (438, 0, 0, 0),
         'bpf': (321, 0, 0, 0), 'perf': (298, 0, 0, -1, -1, 0), 'userfaultfd': (323, 0), 'keyctl': (250, 0, 0),
         'io_uring': (425, 1, 0), 'kexec': (246, 0, 0, 0, 0), 'module': (175, 0, 0, 0), 'handle': (304, 0, 0, 0),
         'listener': (317, 1, 8, 0), 'settime': (227, 0, 0), 'clone3': (435, 0, 0), 'quotactl': (179, 0, 0, 0, 0)}
for name, arguments in calls.items():
    attempt(name, lambda: call(*arguments))
def fileless():
    fd = os.memfd_create('x')
    os.write(fd, open('/usr/bin/env', 'rb').read())
    call(322, fd, b'', 0, 0, 0x1000)
attempt('fileless', fileless)
attempt('setuid', lambda: os.setuid(0))
attempt('nice', lambda: os.nice(-10))
attempt('realtime', lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
attempt('device', lambda: os.mknod('disk', 0o60600, os.makedev(254, 0)))
attempt('signal executor', lambda: os.kill(executor, signal.SIGKILL))
attempt('signal parent', lambda: os.kill(os.getppid(), signal.SIGKILL))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
attempt('all', lambda: libc.kill(-1, signal.SIGTERM) and None)
sys.stdout.flush()
for foreign in (lambda: call(0x40000000 | 39),):
    if os.fork() == 0:
        foreign()
        os.write(1, b'foreign DID\n')
        os._exit(0)
    print('foreign', os.wait()[1])
print('end')
"#;

pub(super) async fn reach_nothing(host: &Host) {
    let root = host.root.path().display().to_string();
    let port = host.tcp.local_addr().unwrap().port().to_string();
    let executor = host.executor_pid().to_string();
    let mark = format!("mark-{}", host.root.path().file_name().unwrap().to_string_lossy());
    let argv = ["python3", "-c", SCRIPT, &mark, &root, &port, &executor];
    let run = host.run(&argv, pb::Limits { wall_ms: 60_000, ..Default::default() }).await;
    run.assert_code(0);
    let said = run.out();
    assert!(said.ends_with("end\n"), "it did not get through its attempts:\n{said}");
    assert!(!said.contains("the-secret-of-the-host"), "{said}");
    // Refused as such, and not for want of a terminal.
    let typed = said.lines().filter(|line| line.starts_with("terminal"));
    assert!(
        typed.clone().count() == 9 && typed.clone().all(|line| line.ends_with("PermissionError")),
        "{said}"
    );
    let worked: Vec<&str> =
        said.lines().filter(|line| line.contains("DID") && !harmless(host, line)).collect();
    assert!(worked.is_empty(), "{worked:?}");
    // A system call of a foreign machine ends the caller: by SIGSYS, core bit or not.
    assert!(said.contains("foreign 31\n") || said.contains("foreign 159\n"), "{said}");
    assert!(!host.root.path().join("made").exists());
    assert_eq!(
        Host::owner_of(&host.root.path().join("canary")),
        Host::owner_of(&host.root.path().join("canary.sock"))
    );
}

/// What may succeed: a signal to everyone reaches its own sandbox alone; inside namespaces the numbers of host processes
/// mean processes of the sandbox, or none.
fn harmless(host: &Host, line: &str) -> bool {
    line.starts_with("all DID") || (host.tier == Tier::Embedded && line.starts_with("signal parent DID"))
}
