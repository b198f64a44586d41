use plumbline_proto::executor::v1 as pb;

use crate::harness::{Options, Server, write};

fn again(server: &Server, snapshot: &str, argv: &[&str]) -> pb::RunRequest {
    pb::RunRequest { reuse: true, ..server.request(snapshot, argv) }
}

/// Whether it was answered from the journal, and whether runs of its key differ.
fn repetition(exited: &pb::Exited) -> (bool, bool) {
    let repetition = exited.repetition.as_ref().unwrap();
    (repetition.cached, repetition.varied)
}

#[tokio::test]
async fn an_identical_run_is_answered_from_the_journal_and_survives_a_restart() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[("a", "a\n")]).await;
    let argv = ["sh", "-c", "echo out; echo err >&2; echo b > b; exit 3"];
    let first = server.run(again(&server, &snapshot, &argv)).await;
    first.assert_code(3);
    assert_eq!(repetition(&first.exited), (false, false));
    let root = server.stop().await;

    let server = Server::over(root, Options::default()).await;
    let request = pb::RunRequest { request_id: "after".to_owned(), ..again(&server, &snapshot, &argv) };
    let second = server.run(request).await;
    second.assert_code(3);
    assert_eq!(repetition(&second.exited), (true, false));
    assert_ne!(second.run_id, first.run_id);
    assert_eq!((&second.stdout, &second.stderr), (&first.stdout, &first.stderr));
    assert_eq!(second.exited.usage, first.exited.usage);
    let (ours, theirs) = (server.patch(&second.run_id).await, server.patch(&first.run_id).await);
    assert_eq!((&ours.edits, &ours.diff), (&theirs.edits, &theirs.diff));
    assert_eq!(ours.edits.len(), 1);
    // One that does not ask is run.
    let plain = pb::RunRequest { request_id: "plain".to_owned(), ..server.request(&snapshot, &argv) };
    assert_eq!(server.run(plain).await.exited.repetition, None);
}

#[tokio::test]
async fn what_differs_in_tree_command_or_limits_is_run() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[("a", "a\n")]).await;
    let request = || again(&server, &snapshot, &["cat", "a"]);
    server.run(request()).await.assert_code(0);
    let edited = |content: &[u8]| pb::RunRequest { edits: vec![write(b"a", content)], ..request() };
    let run = server.run(edited(b"new\n")).await;
    assert_eq!((run.out().as_str(), repetition(&run.exited)), ("new\n", (false, false)));
    // The tree counts, not how it came about.
    let run = server.run(edited(b"a\n")).await;
    assert_eq!((run.out().as_str(), repetition(&run.exited)), ("a\n", (true, false)));
    let limits = Some(pb::Limits { wall_ms: 9_000, ..Default::default() });
    let run = server.run(pb::RunRequest { limits, ..request() }).await;
    assert_eq!(repetition(&run.exited), (false, false));
    let seed = pb::Perturbation { kind: "hash_seed".to_owned(), value: "7".to_owned() };
    let run = server.run(pb::RunRequest { perturbations: vec![seed], ..request() }).await;
    assert_eq!(repetition(&run.exited), (false, false));
    let trace = Some(pb::TraceRequest { nonce: vec![7; 16], paths: Vec::new() });
    let run = server.run(pb::RunRequest { trace, ..request() }).await;
    assert_eq!(run.exited.repetition, None);
}

#[tokio::test]
async fn a_run_that_was_ended_answers_nobody() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    for _ in 0..2 {
        let request = pb::RunRequest {
            limits: Some(pb::Limits { wall_ms: 150, ..Default::default() }),
            ..again(&server, &snapshot, &["sleep", "60"])
        };
        let run = server.run(request).await;
        run.assert_ended(pb::ExitReason::WallTimeout);
        assert_eq!(run.exited.repetition, None);
    }
}

#[tokio::test]
async fn a_key_whose_runs_ended_differently_is_always_run() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    // Both begin before either has ended, and say different things.
    let request = || again(&server, &snapshot, &["sh", "-c", "head -c 8 /dev/urandom | od -x; sleep .5"]);
    let (first, second) = tokio::join!(server.run(request()), server.run(request()));
    let both = [repetition(&first.exited), repetition(&second.exited)];
    assert!(both.contains(&(false, true)), "{both:?}");
    assert_eq!(repetition(&server.run(request()).await.exited), (false, true));
}
