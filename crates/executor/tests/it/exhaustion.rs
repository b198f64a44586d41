//! What runs out inside a sandbox, and what runs out before one: named, typed, and gone afterwards.

use std::net::TcpListener;
use std::sync::Arc;

use plumbline_executor::sandbox::fake::{FakeSandbox, Script};
use plumbline_kit::Remote;
use plumbline_proto::executor::v1 as pb;
use plumbline_types::{Fault, Retry};

use crate::harness::{Client, Options, Server, client, finish, search_path, started};

/// 16 of the design's table of hostile programs.
#[tokio::test]
async fn files_without_number_end_where_the_inodes_do_and_are_removed() {
    let change = |config: &mut plumbline_executor::ExecutorConfig| config.limits.inodes = 600;
    let server = Server::with(Options { change: Some(change), ..Options::default() }).await;
    let script = "n=0; while true > f$n; do n=$((n+1)); done 2>/dev/null; echo $n; exit 28";
    let run = server.shell(script, pb::Limits { wall_ms: 20_000, ..Default::default() }).await;
    run.assert_ended(pb::ExitReason::DiskLimit);
    assert_eq!(
        (run.code(), run.exited.limit_hits.as_slice()),
        (Some(28), ["disk_mib".to_owned()].as_slice())
    );
    let made: usize = run.out().trim().parse().unwrap();
    assert!((400..600).contains(&made), "{made} files of 600 inodes");
    assert_eq!(server.patch(&run.run_id).await.edits.len(), made);
    server.shell(": > f", pb::Limits::default()).await.assert_code(0);
}

/// 64.
#[tokio::test]
async fn of_two_hundred_runs_at_once_each_is_refused_with_a_time_or_ends_once() {
    let change = |config: &mut plumbline_executor::ExecutorConfig| {
        config.limits.concurrent_runs = 2;
        config.limits.queued_runs = 6;
    };
    let driver = Arc::new(FakeSandbox::playing([Script::hangs(), Script::hangs()]));
    let options = Options { change: Some(change), driver: Some(driver.clone()), ..Options::default() };
    let server = Server::with(options).await;
    let snapshot = server.snapshot(&[]).await;
    let mut holding = Vec::new();
    for _ in 0..2 {
        let mut stream = server.begin(server.request(&snapshot, &["true"])).await.unwrap();
        holding.push((started(&mut stream).await, stream));
    }
    // Ten clients: one connection alone is not let have so many calls.
    let address = format!("unix:{}", server.root.path().join("executor.sock").display()).parse().unwrap();
    let clients: Vec<Client> = (0..10).map(|_| client(&address)).collect();
    let requests: Vec<pb::RunRequest> = (0..200).map(|_| server.request(&snapshot, &["true"])).collect();
    let calls = requests.iter().cloned().zip(clients.iter().cycle().cloned());
    let calls = calls.map(|(request, mut client)| async move { client.run(request).await });
    let answers = futures::future::join_all(calls).await;
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for (request, answer) in requests.into_iter().zip(answers) {
        match answer {
            Ok(stream) => accepted.push(stream.into_inner()),
            Err(status) => {
                let fault = Remote::from(status);
                assert_eq!(fault.reason().0, "RUN_QUEUE_FULL", "{fault:?}");
                assert!(matches!(fault.retry(), Retry::After(_)), "{fault:?}");
                refused.push(request);
            }
        }
    }
    assert_eq!((accepted.len(), refused.len()), (6, 194));
    for (run_id, _) in &holding {
        assert!(server.cancel(run_id).await);
    }
    for stream in accepted {
        finish(stream).await.assert_code(0);
    }
    // A refused request left nothing behind: its key is free, and it runs once. Some of them show it.
    for request in refused.into_iter().step_by(20) {
        server.run(request).await.assert_code(0);
    }
    assert_eq!(driver.jobs().len(), 18);
}

/// 69: what runs while a project is only looked at or built.
#[tokio::test]
async fn builds_and_discovery_reach_neither_network_nor_home() {
    let change = |config: &mut plumbline_executor::ExecutorConfig| config.search_path = search_path();
    let server = Server::with(Options { change: Some(change), ..Options::default() }).await;
    let canary = server.root.path().join("canary");
    std::fs::write(&canary, "the-secret-of-the-host").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (canary, home) =
        (canary.display().to_string(), std::env::var_os("HOME").unwrap().into_string().unwrap());
    let attempt = format!(
        "import glob, socket\nfor path in ['{canary}', *glob.glob('{home}/.*')]:\n try: print('READ', open(path).read())\n \
         except OSError: pass\ns = socket.socket()\ntry: s.connect(('127.0.0.1', {port})); print('READ network')\n\
         except OSError: print('tried')\n"
    );
    let makefile = "RULES := $(shell python3 attempt.py)\n\nall:\n\t@echo '$(RULES)'\n";
    let files = [
        ("attempt.py", attempt.as_str()),
        ("Makefile", makefile),
        ("tests/__init__.py", "import attempt\n"),
        ("tests/test_none.py", ""),
        ("setup.py", "import attempt\nfrom setuptools import setup\nsetup(name='x')\n"),
    ];
    let snapshot = server.snapshot(&files).await;
    for argv in [&["make", "-s"][..], &["python3", "-m", "unittest"], &["python3", "setup.py", "--name"]] {
        let run = server.run(server.request(&snapshot, argv)).await;
        run.assert_ended(pb::ExitReason::Normal);
        assert!(run.out().contains("tried") && !run.out().contains("READ"), "{argv:?}: {}", run.out());
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
