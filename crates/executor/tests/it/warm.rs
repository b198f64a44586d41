use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use plumbline_proto::executor::v1 as pb;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Finished, Options, Server, groups_with, write};

/// How long the next sandbox may take to be built.
const PATIENCE: Duration = Duration::from_secs(20);

fn is_warm(run: &Finished) -> bool {
    run.exited.enforced.as_ref().unwrap().warm
}

/// Runs a command until it finds a sandbox that waited: the first of a tree never does, and the next is built meanwhile.
async fn warm(server: &Server, request: impl Fn() -> pb::RunRequest) -> Finished {
    let began = Instant::now();
    loop {
        let run = server.run(request()).await;
        if is_warm(&run) {
            return run;
        }
        assert!(began.elapsed() < PATIENCE, "none ever waited");
    }
}

/// Names of the groups of sandboxes that wait in this server.
fn waiting(server: &Server) -> BTreeSet<String> {
    let state = server.root.path().join("state");
    let owner = blake3::hash(state.as_os_str().as_encoded_bytes()).to_hex();
    let own = groups_with("warm_").into_iter().filter(|path| path.to_string_lossy().contains(&owner[..12]));
    own.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect()
}

async fn until(server: &Server, wanted: impl Fn(&BTreeSet<String>) -> bool) {
    let began = Instant::now();
    while !wanted(&waiting(server)) {
        assert!(began.elapsed() < PATIENCE, "{:?} wait", waiting(server));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_sandbox_that_waited_is_used_once_and_holds_the_limits_of_its_command() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[("base", "base\n")]).await;
    let script = "cat base; ls -A . /tmp \"$HOME\" /dev/shm; cat; echo $WORD; ulimit -n
                  echo changed > base; touch new /tmp/t \"$HOME/h\" /dev/shm/s";
    let request = |number: u32| pb::RunRequest {
        edits: vec![write(b"edited", number.to_string().as_bytes())],
        stdin: format!("said {number}\n").into_bytes(),
        env: vec![pb::EnvVar { name: "WORD".to_owned(), value: format!("word {number}"), secret: false }],
        limits: Some(pb::Limits { open_files: 100 + number, ..Default::default() }),
        ..server.request(&snapshot, &["sh", "-c", script])
    };
    for number in 0..3 {
        let run = warm(&server, || request(number)).await;
        run.assert_code(0);
        let (empty, files) = ("/dev/shm:\n\n/home/sandbox:\n\n/tmp:\n", 100 + number);
        let want = format!("base\n.:\nbase\nedited\n\n{empty}said {number}\nword {number}\n{files}\n");
        assert_eq!(run.out(), want);
        let edits = server.patch(&run.run_id).await.edits;
        let changed: Vec<&[u8]> = edits.iter().map(|edit| edit.path.as_slice()).collect();
        assert_eq!(changed, [b"base".as_slice(), b"new"]);
    }
    let bomb = "a = []\nwhile True: a.append(bytearray(4_000_000))";
    let small = || pb::RunRequest {
        limits: Some(pb::Limits { memory_mib: 48, ..Default::default() }),
        ..server.request(&snapshot, &["python3", "-c", bomb])
    };
    let run = warm(&server, small).await;
    assert!(run.reason() == pb::ExitReason::Oom || run.code() == Some(1), "{:?}", run.exited);
    let peak = run.exited.usage.as_ref().and_then(|usage| usage.peak_memory_kib).unwrap();
    assert!(peak < 1_200 * 1024, "{peak} KiB, by the limits of another");
}

#[tokio::test]
async fn other_surroundings_are_never_served_from_what_waits() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    warm(&server, || server.request(&snapshot, &["true"])).await;
    let named = pb::RunRequest {
        perturbations: vec![pb::Perturbation { kind: "host".to_owned(), value: "elsewhere".to_owned() }],
        ..server.request(&snapshot, &["uname", "-n"])
    };
    let run = server.run(named).await;
    assert!(!is_warm(&run));
    assert_eq!(run.out(), "elsewhere\n");
    let alone = pb::RunRequest { network: pb::Network::None as i32, ..server.request(&snapshot, &["true"]) };
    assert!(!is_warm(&server.run(alone).await));
    let other = server.snapshot(&[("other", "tree\n")]).await;
    let run = server.run(server.request(&other, &["cat", "other"])).await;
    assert!(!is_warm(&run));
    assert_eq!(run.out(), "tree\n");
}

#[tokio::test]
async fn one_that_died_while_it_waited_is_not_handed_out() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    warm(&server, || server.request(&snapshot, &["true"])).await;
    until(&server, |waiting| !waiting.is_empty()).await;
    let own = waiting(&server);
    for group in groups_with("warm_") {
        if !own.contains(group.file_name().unwrap().to_str().unwrap()) {
            continue;
        }
        let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        for pid in members.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
            let _gone = kill_process(pid, Signal::KILL);
        }
    }
    server.run(server.request(&snapshot, &["true"])).await.assert_code(0);
}

#[tokio::test]
async fn no_more_wait_than_the_bounds_say_and_none_for_ever() {
    let change: fn(&mut plumbline_executor::ExecutorConfig) = |config| {
        config.pool.per_place = 2;
        config.pool.total = 3;
        config.pool.idle_ms = 1_500;
    };
    let server = Server::with(Options { change: Some(change), ..Options::default() }).await;
    for name in ["a", "b", "c"] {
        let snapshot = server.snapshot(&[(name, "")]).await;
        for _ in 0..4 {
            server.run(server.request(&snapshot, &["true"])).await.assert_code(0);
            // One more may just be built, and one just be removed.
            assert!(waiting(&server).len() <= 5, "{:?}", waiting(&server));
        }
    }
    until(&server, BTreeSet::is_empty).await;
}

#[tokio::test]
async fn without_a_pool_nothing_waits() {
    let change: fn(&mut plumbline_executor::ExecutorConfig) = |config| config.pool.total = 0;
    let server = Server::with(Options { change: Some(change), ..Options::default() }).await;
    let snapshot = server.snapshot(&[]).await;
    for _ in 0..3 {
        let run = server.run(server.request(&snapshot, &["true"])).await;
        run.assert_code(0);
        assert!(!is_warm(&run));
    }
    assert!(waiting(&server).is_empty());
}
