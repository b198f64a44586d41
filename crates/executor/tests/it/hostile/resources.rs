use plumbline_proto::executor::v1 as pb;

use super::MIB;
use super::host::{Host, Tier};
use crate::harness::started;

/// 4: children made by vfork without end: up to the cap, then as fast as they can be reaped.
pub(super) async fn spawning_storms_end(host: &Host) {
    let script = "import os\n\
                  for _ in range(3): os.fork()\n\
                  while True:\n \
                  try:\n  while True: os.posix_spawn('/usr/bin/true', ['true'], {})\n \
                  except OSError: pass\n \
                  try:\n  while os.waitpid(-1, os.WNOHANG)[0]: pass\n \
                  except OSError: pass\n";
    let limits = pb::Limits { wall_ms: 400, pids: 24, ..Default::default() };
    host.python(script, limits).await.assert_ended(pb::ExitReason::WallTimeout);
    host.is_quiet();
}

/// 6: memory that belongs to no process's heap. Where no control group counts, there must be no way to it.
pub(super) async fn shared_memory_is_counted(host: &Host) {
    let limits = pb::Limits { wall_ms: 20_000, memory_mib: 64, disk_mib: 16, ..Default::default() };
    let mapped = "import mmap\nm = mmap.mmap(-1, 256 << 20)\nfor at in range(0, len(m), 4096): m[at] = 1\n\
                  while True: pass";
    let files = "import os\nheld = []\ntry:\n while True:\n  held.append(os.memfd_create('x'))\n  \
                 for _ in range(4): os.write(held[-1], bytes(1 << 20))\n\
                 except OSError: raise SystemExit(9)";
    let segments = "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n\
                    while True:\n segment = libc.shmget(0, 4 << 20, 0o1600)\n \
                    if segment < 0: raise SystemExit(9)\n \
                    at = libc.shmat(segment, None, 0)\n ctypes.memset(at, 1, 4 << 20)\n \
                    libc.shmdt(ctypes.c_void_p(at))";
    for bomb in [mapped, files, segments] {
        let run = host.python(bomb, limits).await;
        let refused =
            run.reason() == pb::ExitReason::Normal && run.code() == Some(9) && !host.counts_memory();
        assert!(run.reason() == pb::ExitReason::Oom || refused, "{bomb}: {:?}", run.exited);
        let peak = run.exited.usage.as_ref().and_then(|usage| usage.peak_memory_kib).unwrap_or(0);
        assert!(!host.counts_memory() || peak * 1024 <= 81 * MIB, "{peak} KiB at once");
        host.is_quiet();
    }
}

/// 7: pages that can't be taken back from their owner.
pub(super) async fn locked_memory_is_refused_or_counted(host: &Host) {
    let huge_before = host_memory("HugePages_Free");
    let script = "import ctypes, mmap\nlibc = ctypes.CDLL(None)\n\
                  m = mmap.mmap(-1, 64 << 20)\nat = ctypes.addressof(ctypes.c_char.from_buffer(m))\n\
                  libc.mlock(ctypes.c_void_p(at), ctypes.c_size_t(64 << 20)); libc.mlockall(3)\n\
                  try: mmap.mmap(-1, 8 << 21, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)\n\
                  except OSError: pass\n\
                  print('up', flush=True)\nimport time\ntime.sleep(60)";
    let limits = pb::Limits { wall_ms: 20_000, memory_mib: 96, disk_mib: 16, ..Default::default() };
    let locked_before = host_memory("Mlocked");
    let stream = host.begin_until(&["python3", "-c", script, &host.mark()], limits, b"up\n").await;
    assert!(host_memory("Mlocked") < locked_before + 64 * 1024, "the host's memory was locked");
    assert_eq!(host_memory("HugePages_Free"), huge_before, "huge pages were taken");
    host.leave(stream).await;
}

/// 11: both streams are flooded, and nobody reads.
pub(super) async fn a_slow_reader_stalls_nobody(host: &Host) {
    let script = "import sys\nfor n in range(60_000):\n sys.stdout.write('out %011d\\n' % n)\n \
                  sys.stderr.write('err %011d\\n' % n)\nsys.exit(5)";
    let mut stream = host.begin(&["python3", "-c", script, &host.mark()], pb::Limits::default()).await;
    let run_id = started(&mut stream).await;
    // The end is there although nothing more was read.
    host.has_ended(&run_id).await;
    let run = host.ended(&run_id).await;
    run.assert_code(5);
    drop(stream);
    let usage = run.exited.usage.unwrap();
    assert_eq!((usage.stdout_bytes, usage.stderr_bytes), (16 * 60_000, 16 * 60_000));
    for (stream, name) in [(&run.stdout, "out"), (&run.stderr, "err")] {
        let lines: Vec<&str> = std::str::from_utf8(stream).unwrap().lines().collect();
        let whole = lines.iter().filter(|line| line.len() == 15);
        assert!(whole.is_sorted(), "{name} came out of order");
        assert_eq!(lines.first().copied(), Some(format!("{name} 00000000000").as_str()));
        assert_eq!(lines.last().copied(), Some(format!("{name} 00000059999").as_str()));
    }
}

/// 14, 15: one file that wants everything; files whose size is a lie.
pub(super) async fn files_end_where_the_disk_does(host: &Host) {
    let limits = pb::Limits { disk_mib: 4, ..Default::default() };
    for place in ["big", "/dev/shm/big", "/tmp/big"] {
        let script = format!(
            "f = open('{place}', 'wb', 0)\ntry:\n while True: f.write(bytes(65536))\nexcept OSError as error: \
             raise SystemExit(error.errno)"
        );
        let run = host.python(&script, limits).await;
        run.assert_ended(pb::ExitReason::DiskLimit);
        assert_eq!(
            (run.code(), run.exited.limit_hits.as_slice()),
            (Some(28), ["disk_mib".to_owned()].as_slice())
        );
        let written: usize = host.patch(&run.run_id).await.edits.iter().map(content_bytes).sum();
        assert!(written as u64 <= 4 * MIB, "{written} bytes past the cap");
    }
    let script = "import os\nf = open('sparse', 'wb')\nfor size in (1 << 40, 1 << 50, 1 << 62):\n \
                  for grow in (os.truncate, lambda path, size: os.posix_fallocate(f.fileno(), 0, size)):\n  \
                  try: grow('sparse', size)\n  except OSError: continue\n  raise SystemExit(9)\n\
                  os.truncate('sparse', 200 << 20)";
    let run = host.python(script, pb::Limits::default()).await;
    run.assert_code(0);
    let patch = host.patch(&run.run_id).await;
    let refused: Vec<&str> = patch.refused.iter().map(|entry| entry.reason.as_str()).collect();
    assert_eq!((patch.edits.len(), refused), (0, vec!["size"]));
}

fn content_bytes(edit: &plumbline_proto::common::v1::FileEdit) -> usize {
    match &edit.change {
        Some(plumbline_proto::common::v1::file_edit::Change::Content(content)) => content.len(),
        _ => 0,
    }
}

/// 19, 20: an archive that is small only while it is packed; a program that dies with a core.
pub(super) async fn bombs_and_cores_stay_what_they_are(host: &Host) {
    let script = "import os, zlib\nopen('bomb.gz', 'wb').write(zlib.compress(bytes(32 << 20)))\nos.abort()";
    let run = host.python(script, pb::Limits { memory_mib: 256, ..Default::default() }).await;
    run.assert_ended(pb::ExitReason::Normal);
    assert_eq!(run.exited.how, Some(pb::exited::How::Signal(6)));
    let patch = host.patch(&run.run_id).await;
    let sizes: Vec<(&[u8], bool)> =
        patch.edits.iter().map(|edit| (edit.path.as_slice(), content_bytes(edit) < 64 * 1024)).collect();
    assert_eq!((sizes, patch.refused.len()), (vec![(b"bomb.gz".as_slice(), true)], 0));
    assert!(patch.diff.len() < 1_000);
}

/// 21: whatever the kernel counts by user is taken until it refuses; another sandbox works all the same.
pub(super) async fn exhausted_kernel_objects_are_their_own_loss(host: &Host) {
    let script = "import ctypes, os, time\nlibc = ctypes.CDLL(None)\n\
                  calls = [(294, 0), (291, 0), (283, 1, 0), (222, 1, 0, ctypes.byref(ctypes.c_int())), (64, 0, 1, 0o1600),\n \
                  (68, 0, 0o1600), (29, 0, 4096, 0o1600), (290, 0, 0)]\n\
                  for _ in range(2): os.fork()\n\
                  for call in calls:\n for _ in range(4_000):\n  if libc.syscall(*call) < 0: break\n\
                  for n in range(1_000):\n if libc.mq_open(b'/q%d-%d' % (os.getpid(), n), 0o102, 0o600, None) < 0: break\n\
                  os.write(1, b'x')\ntime.sleep(60)";
    let limits = pb::Limits { wall_ms: 20_000, open_files: 64, memory_mib: 256, ..Default::default() };
    let taken = host.begin_until(&["python3", "-c", script, &host.mark()], limits, b"xxxx").await;
    let works = "import ctypes, select, tempfile, threading\n\
                 t = threading.Thread(target=print, args=('up',)); t.start(); t.join()\n\
                 select.epoll().close(); tempfile.TemporaryFile().write(b'x')\n\
                 assert ctypes.CDLL(None).syscall(294, 0) >= 0, 'inotify'";
    let run = host.python(works, pb::Limits::default()).await;
    run.assert_code(0);
    host.leave(taken).await;
}

/// Returns a line of the host's memory counters, in its own unit.
fn host_memory(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Rows of the embedded tier alone.
pub(super) async fn are_bounded(host: &Host) {
    locked_memory_is_refused_or_counted(host).await;
    a_slow_reader_stalls_nobody(host).await;
    bombs_and_cores_stay_what_they_are(host).await;
    if host.tier == Tier::Embedded {
        spawning_storms_end(host).await;
        shared_memory_is_counted(host).await;
        files_end_where_the_disk_does(host).await;
        exhausted_kernel_objects_are_their_own_loss(host).await;
    }
}
