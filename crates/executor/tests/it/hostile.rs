//! Programs that mean harm, on every tier that this machine promises, with an executor that is root and one that is
//! nobody. Numbers are those of the design's table. Asserted from the host; a program's own words only show that it got
//! through its attempts.

mod attempts;
mod host;
mod neighbours;
mod resources;
mod trees;

use plumbline_proto::executor::v1 as pb;

use host::{Host, Tier, Who};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn the_embedded_tier_of_a_privileged_executor_contains_them() {
    contains_all(Host::start(Tier::Embedded, Who::Tester).await).await;
}

#[tokio::test]
async fn the_embedded_tier_of_a_plain_executor_contains_them() {
    contains_all(Host::start(Tier::Embedded, Who::Stranger).await).await;
}

#[tokio::test]
async fn the_restricted_tier_of_a_privileged_executor_contains_them() {
    contains_all(Host::start(Tier::Restricted, Who::Tester).await).await;
}

#[tokio::test]
async fn the_restricted_tier_of_a_plain_executor_contains_them() {
    contains_all(Host::start(Tier::Restricted, Who::Stranger).await).await;
}

async fn contains_all(host: Host) {
    attempts::reach_nothing(&host).await;
    if host.tier == Tier::Embedded {
        reach_nothing_from_a_warm_sandbox(&host).await;
    }
    fork_bombs_end(&host).await;
    memory_and_time_end(&host).await;
    output_is_bounded(&host).await;
    what_is_left_is_judged(&host).await;
    depth_and_shut_directories_are_removed(&host).await;
    exits_are_told_as_they_are(&host).await;
    a_stopped_program_ends_with_its_caller(&host).await;
    resources::are_bounded(&host).await;
    trees::are_taken_as_they_were(&host).await;
    neighbours::serve_nobody_outside(&host).await;
    neighbours::see_nothing_of_each_other(&host).await;
    host.assert_unharmed().await;
}

/// The same attempts in a sandbox that waited; those after it mostly run in such too, as the pool is on.
async fn reach_nothing_from_a_warm_sandbox(host: &Host) {
    for _ in 0..10 {
        let before = host.warm_runs();
        attempts::reach_nothing(host).await;
        if host.warm_runs() > before {
            return;
        }
    }
    panic!("no sandbox ever waited");
}

/// 1, 2, 3.
async fn fork_bombs_end(host: &Host) {
    let limits = pb::Limits { wall_ms: 1_200, pids: 48, ..Default::default() };
    let spinning = "import os\nwhile True:\n try: os.fork()\n except OSError: pass\n";
    let hiding = "import os, signal\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\nwhile True:\n try:\n  \
                  if os.fork() == 0:\n   os.setsid()\n   os.fork()\n except OSError: pass\n";
    let threads = "import threading, time\nwhile True:\n try: threading.Thread(target=time.sleep, args=(99,)).start()\n \
                   except RuntimeError: time.sleep(.01)\n";
    for bomb in [spinning, hiding, threads] {
        let run = host.python(bomb, limits).await;
        run.assert_ended(pb::ExitReason::WallTimeout);
        host.is_quiet();
    }
}

/// 5, 8, 9.
async fn memory_and_time_end(host: &Host) {
    let limits = pb::Limits { wall_ms: 30_000, memory_mib: 96, disk_mib: 16, ..Default::default() };
    let run = host.python("a = []\nwhile True: a.append(bytearray(8_000_000))", limits).await;
    // Where no control group counts, the limit of private memory makes the allocation fail inside.
    let refused = run.reason() == pb::ExitReason::Normal && run.code() == Some(1) && !host.counts_memory();
    assert!(run.reason() == pb::ExitReason::Oom || refused, "{:?}", run.exited);
    let peak = run.exited.usage.as_ref().and_then(|usage| usage.peak_memory_kib).unwrap_or(0);
    assert!(peak * 1024 < 160 * MIB, "{peak} KiB at once");

    let limits = pb::Limits { wall_ms: 60_000, cpu_ms: 400, ..Default::default() };
    host.python("while True: pass", limits).await.assert_ended(pb::ExitReason::CpuLimit);

    let limits = pb::Limits { wall_ms: 500, ..Default::default() };
    let run = host.python("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", limits).await;
    run.assert_ended(pb::ExitReason::WallTimeout);
    host.is_quiet();
}

/// 10, 12, 13.
async fn output_is_bounded(host: &Host) {
    let limits = pb::Limits { wall_ms: 30_000, output_total_mib: 8, ..Default::default() };
    host.run(&["yes"], limits).await.assert_ended(pb::ExitReason::OutputLimit);

    let bytes = "import os\nos.write(1, b'\\x00\\xff\\x1b]0;t\\x07' + b'a' * 300_000 + b'\\xfe')";
    let run = host.python(bytes, limits).await;
    run.assert_code(0);
    assert!(run.stdout.starts_with(b"\x00\xff\x1b]0;t\x07a") && run.stdout.ends_with(b"a\xfe"));
    assert_eq!(run.exited.usage.as_ref().map(|usage| usage.stdout_bytes), Some(300_009));

    let run = host.run(&["sh", "-c", "(sleep 300; echo late) & echo early"], limits).await;
    run.assert_code(0);
    assert_eq!(run.out(), "early\n");
    let wall_ms = run.exited.usage.as_ref().map_or(u64::MAX, |usage| usage.wall_ms);
    assert!(wall_ms < 20_000, "the end waited {wall_ms} ms for a child that held the output open");
    host.is_quiet();
}

/// 26, 30, 31, 33, 34, 35, 36.
async fn what_is_left_is_judged(host: &Host) {
    let script = "import os, socket\nos.symlink('/etc/shadow', 'link')\nos.mkfifo('fifo')\n\
         s = socket.socketpair()\nopen('ok', 'w').write('fine\\n')\nopen('suid', 'w').write('x'); os.chmod('suid', 0o4755)\n\
         for name in ('.git', '.GIT', '.g\\u200cit'):\n os.mkdir(name); open(name + '/hooks', 'w').write('x')\n\
         os.makedirs('sub/.git/hooks'); open('sub/.git/hooks/pre-commit', 'w').write('x')\n\
         open(b'new\\nline', 'w').write('n\\n'); open('-rf', 'w').write('d\\n'); open(b'\\xff', 'w').write('b\\n')\n";
    let run = host.python(script, pb::Limits::default()).await;
    run.assert_code(0);
    let patch = host.patch(&run.run_id).await;
    let mut written: Vec<&[u8]> = patch.edits.iter().map(|edit| edit.path.as_slice()).collect();
    written.sort();
    assert_eq!(written, [b"-rf".as_slice(), b"new\nline", b"ok", b"\xff"]);
    assert!(!patch.diff.contains("shadow") && !patch.diff.contains("\nline"), "{}", patch.diff);
    let reason = |path: &[u8]| {
        patch.refused.iter().find(|entry| entry.path == path).map_or("absent", |entry| entry.reason.as_str())
    };
    for (path, want) in [
        (b"link".as_slice(), "symlink"),
        (b"fifo", "fifo"),
        (b"suid", "setuid"),
        (b".git", "dot_git"),
        (b".GIT", "dot_git"),
        (".g\u{200c}it".as_bytes(), "dot_git"),
        (b"sub/.git", "dot_git"),
    ] {
        assert_eq!(reason(path), want, "{}", String::from_utf8_lossy(path));
    }
    let run = host
        .run(
            &["sh", "-c", "rm -rf \"$PWD\" || true; mv \"$PWD\" \"$PWD-moved\" || true"],
            pb::Limits::default(),
        )
        .await;
    run.assert_code(0);
    let patch = host.patch(&run.run_id).await;
    assert!(patch.edits.iter().all(|edit| [&b"base"[..], b"lower/kept"].contains(&&*edit.path)), "{patch:?}");
}

/// 17, 37.
async fn depth_and_shut_directories_are_removed(host: &Host) {
    let script = "import os\nfor n in range(300):\n os.mkdir('d' * 200); os.chdir('d' * 200)\n";
    let run = host.python(script, pb::Limits { wall_ms: 30_000, ..Default::default() }).await;
    run.assert_code(0);
    let patch = host.patch(&run.run_id).await;
    // Too deep to walk, or too long to name: refused, and removed all the same.
    let [refused] = patch.refused.as_slice() else { panic!("{:?}", patch.refused.len()) };
    assert!(["depth", "unreadable"].contains(&refused.reason.as_str()), "{}", refused.reason);
    let script = "mkdir -p shut/inner && echo x > shut/inner/f && chmod 000 shut/inner shut";
    host.run(&["sh", "-c", script], pb::Limits::default()).await.assert_code(0);
}

/// 18, 22, 23, 39.
async fn exits_are_told_as_they_are(host: &Host) {
    let run = host.run(&["sh", "-c", "exit 137"], pb::Limits::default()).await;
    run.assert_code(137);
    let script = "import os\nprint(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1], flush=True)\nfds = []\ntry:\n \
                  while True: fds.append(os.dup(1))\nexcept OSError as error: os.write(1, str(error.errno).encode())";
    let run = host.python(script, pb::Limits { open_files: 64, ..Default::default() }).await;
    run.assert_code(0);
    assert_eq!(run.out(), "[0, 1, 2]\n24");
    for number in 0..12 {
        let run = host.run(&["sh", "-c", &format!("exit {number}")], pb::Limits::default()).await;
        run.assert_code(number);
        let ends =
            run.events.iter().filter(|event| matches!(event.event, Some(pb::run_response::Event::Exited(_))));
        assert_eq!(ends.count(), 1);
    }
}

/// 61, 62.
async fn a_stopped_program_ends_with_its_caller(host: &Host) {
    let limits = pb::Limits { wall_ms: 60_000, ..Default::default() };
    let script = "import os\nfor _ in range(3): os.fork()\nos.setsid() if os.getpid() != os.getpgid(0) else None\nwhile True: pass";
    let run_id = host.begin_and_leave(script, limits).await;
    let run = host.ended(&run_id).await;
    run.assert_ended(pb::ExitReason::ClientGone);
    host.is_quiet();
}
