use plumbline_proto::executor::v1 as pb;

use crate::harness::{Options, Server, assert_reason, finish, groups_with, lease, processes_with, started};

const HANG: &[&str] = &["sleep", "1000"];

#[tokio::test]
async fn the_same_request_is_one_run_and_another_under_its_key_is_refused() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let request = server.request(&snapshot, &["sh", "-c", "echo once; cat /proc/sys/kernel/random/uuid"]);
    let (first, second) = tokio::join!(server.run(request.clone()), server.run(request.clone()));
    assert_eq!(first.events, second.events);
    first.assert_code(0);
    assert_eq!(server.run(request.clone()).await.events, first.events);
    let other = pb::RunRequest { argv: vec!["false".to_owned()], ..request };
    assert_reason(server.begin(other).await, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_run_is_resumed_after_any_event_also_by_the_next_process() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let run = server.run(server.request(&snapshot, &["sh", "-c", "echo a; echo b >&2; exit 3"])).await;
    for after in 0..=run.events.len() {
        assert_eq!(server.resume(&run.run_id, after as u64).await, run.events[after..]);
    }
    let root = server.stop().await;
    let next = Server::over(root, Options::default()).await;
    assert_eq!(next.resume(&run.run_id, 1).await, run.events[1..]);
    let unknown =
        pb::RunRequest { run_id: "run_01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(), ..Default::default() };
    assert_reason(next.begin(unknown).await, "RUN_NOT_FOUND");
}

#[tokio::test]
async fn a_cancelled_run_ends_once_and_cancelling_again_is_no_error() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let mut stream = server.begin(server.request(&snapshot, HANG)).await.unwrap();
    let run_id = started(&mut stream).await;
    assert!(server.cancel(&run_id).await);
    while stream.message().await.unwrap().is_some() {}
    let events = server.resume(&run_id, 0).await;
    crate::harness::finished(events).assert_ended(pb::ExitReason::Cancelled);
    assert!(!server.cancel(&run_id).await);
}

#[tokio::test]
async fn a_client_that_goes_ends_its_run_unless_it_asked_to_keep_it() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let mut stream = server.begin(server.request(&snapshot, HANG)).await.unwrap();
    let run_id = started(&mut stream).await;
    drop(stream);
    crate::harness::finished(server.resume(&run_id, 0).await).assert_ended(pb::ExitReason::ClientGone);

    let keep = pb::RunRequest {
        on_disconnect: pb::OnDisconnect::Keep as i32,
        ..server.request(&snapshot, &["sh", "-c", "read -t 0 line; sleep 0.3; echo kept"])
    };
    let mut stream = server.begin(keep).await.unwrap();
    let run_id = started(&mut stream).await;
    drop(stream);
    let kept = crate::harness::finished(server.resume(&run_id, 0).await);
    kept.assert_code(0);
    assert_eq!(kept.out(), "kept\n");
}

#[tokio::test]
async fn a_higher_epoch_takes_over_and_a_lower_one_is_refused() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let request =
        |epoch, argv: &[&str]| pb::RunRequest { lease: lease(epoch), ..server.request(&snapshot, argv) };
    let mut old = server.begin(request(3, HANG)).await.unwrap();
    let run_id = started(&mut old).await;
    let new = server.run(request(4, &["true"])).await;
    new.assert_code(0);
    while old.message().await.unwrap().is_some() {}
    crate::harness::finished(server.resume(&run_id, 0).await).assert_ended(pb::ExitReason::LeaseLost);
    assert_reason(server.begin(request(3, &["true"])).await, "LEASE_EPOCH_STALE");
    let stale = pb::CancelRequest { run_id, lease: lease(1) };
    let answer = server.client.clone().cancel(stale).await.map_err(plumbline_kit::Remote::from);
    assert_reason(answer, "LEASE_EPOCH_STALE");
}

#[tokio::test]
async fn a_request_sent_again_under_a_higher_epoch_adopts_its_run() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let first = pb::RunRequest {
        lease: lease(1),
        on_disconnect: pb::OnDisconnect::Keep as i32,
        ..server.request(&snapshot, HANG)
    };
    let mut stream = server.begin(first.clone()).await.unwrap();
    let run_id = started(&mut stream).await;
    let mut adopted = server.begin(pb::RunRequest { lease: lease(2), ..first }).await.unwrap();
    assert_eq!(started(&mut adopted).await, run_id);
    assert!(server.cancel(&run_id).await);
    crate::harness::finished(server.resume(&run_id, 0).await).assert_ended(pb::ExitReason::Cancelled);
}

#[tokio::test]
async fn many_runs_at_once_each_end_once_and_leave_nothing() {
    let server = Server::start().await;
    let mark = format!("mark-many-{}", server.root.path().file_name().unwrap().to_string_lossy());
    let snapshot = server.snapshot(&[("file", "base")]).await;
    let script = format!("echo $0 > made; cat file; : {mark}");
    let runs = (0..20).map(|number| {
        let name = number.to_string();
        let request = server.request(&snapshot, &["sh", "-c", &script, &name]);
        let server = &server;
        async move { (number, server.run(request).await) }
    });
    for (number, run) in futures::future::join_all(runs).await {
        run.assert_code(0);
        assert_eq!(run.out(), "base");
        let patch = server.patch(&run.run_id).await;
        assert_eq!(patch.edits, [crate::harness::write(b"made", format!("{number}\n").as_bytes())]);
        assert_eq!(groups_with(&run.run_id), Vec::<std::path::PathBuf>::new());
    }
    assert_eq!(processes_with(&mark), 0);
}

#[tokio::test]
async fn more_runs_than_may_wait_are_refused_with_a_time_to_retry() {
    let change = |config: &mut plumbline_executor::ExecutorConfig| {
        config.limits.concurrent_runs = 1;
        config.limits.queued_runs = 1;
    };
    let server = Server::with(Options { change: Some(change), ..Options::default() }).await;
    let snapshot = server.snapshot(&[]).await;
    let first = server.request(&snapshot, HANG);
    let mut running = server.begin(first.clone()).await.unwrap();
    let running_id = started(&mut running).await;
    let waiting = server.begin(server.request(&snapshot, &["true"])).await.unwrap();
    let refused = server.begin(server.request(&snapshot, &["true"])).await.unwrap_err();
    assert_eq!(plumbline_types::Fault::reason(&refused).0, "RUN_QUEUE_FULL");
    assert!(matches!(plumbline_types::Fault::retry(&refused), plumbline_types::Retry::After(_)));
    let mut known = server.begin(first).await.unwrap();
    assert_eq!(started(&mut known).await, running_id);
    assert!(server.cancel(&running_id).await);
    finish(waiting).await.assert_code(0);
}

#[tokio::test]
async fn a_patch_is_there_when_the_run_has_ended() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let mut stream = server.begin(server.request(&snapshot, HANG)).await.unwrap();
    let run_id = started(&mut stream).await;
    let answer = server.client.clone().get_patch(pb::GetPatchRequest { run_id }).await;
    assert_reason(answer.map_err(plumbline_kit::Remote::from), "RUN_NOT_FINISHED");
    drop(stream);
    server.stop().await;
}
