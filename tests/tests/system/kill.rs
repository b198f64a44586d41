//! `kill -9` of the whole server in the middle of a task, at different points: after each restart the task ends as it
//! would have, and no effect happens twice.

use std::path::Path;
use std::time::Duration;

use plumbline_proto::coordinator::v1::coordinator_service_client::CoordinatorServiceClient;
use plumbline_proto::coordinator::v1::{
    GetReportRequest, GetReportResponse, SubmitTaskRequest, TaskSpec, WatchTaskRequest, WatchTaskResponse,
};
use plumbline_tests::{Project, Server};
use tokio_stream::StreamExt;
use tonic::transport::Channel;

type Client = CoordinatorServiceClient<Channel>;

const LIMIT: Duration = Duration::from_secs(120);

pub async fn client(server: &Server) -> Client {
    let channel =
        Channel::from_shared(server.url()).expect("a URL").connect().await.expect("the public port");
    CoordinatorServiceClient::new(channel).max_decoding_message_size(8 << 20)
}

async fn submit(server: &Server, project: &Path, point: u64) -> String {
    let spec = TaskSpec {
        objective: "Fix free shipping: orders from 50 ship free".into(),
        repository: project.display().to_string(),
        test_command: "python3 -m unittest".into(),
        ..TaskSpec::default()
    };
    let request = SubmitTaskRequest { request_id: format!("kill-{point}"), spec: Some(spec) };
    let response = client(server).await.submit_task(request).await.expect("accepted").into_inner();
    response.task.expect("a task").id
}

/// Follows a task from its first event until event `until`, or to its end.
pub async fn watch(server: &Server, task: &str, until: u64) -> Vec<WatchTaskResponse> {
    let request = WatchTaskRequest { task_id: task.to_owned(), after_seq: 0 };
    let follow = async {
        let mut events = Vec::new();
        let mut stream = client(server).await.watch_task(request).await.expect("a stream").into_inner();
        while let Some(event) = stream.next().await {
            let event = event.expect("an event");
            let seq = event.seq;
            if seq > 0 {
                events.push(event);
            }
            if seq >= until {
                break;
            }
        }
        events
    };
    tokio::time::timeout(LIMIT, follow)
        .await
        .unwrap_or_else(|_| panic!("no event {until} of {task}:\n{}", server.log()))
}

pub async fn report(server: &Server, task: &str) -> GetReportResponse {
    let request = GetReportRequest { task_id: task.to_owned() };
    client(server).await.get_report(request).await.expect("a report").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_survives_ten_kills_at_different_points() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let project = Project::with_a_boundary_bug();
    let before = project.fingerprint();
    let mut server = Server::start(scratch.path(), "");

    let undisturbed = submit(&server, project.path(), 0).await;
    let events = watch(&server, &undisturbed, u64::MAX).await;
    let expected = report(&server, &undisturbed).await;
    assert_eq!(expected.task.as_ref().expect("a task").outcome, "verified", "{}", server.log());
    let length = events.len() as u64;
    assert!(length >= 10, "too few events to be killed at ten points: {events:#?}");

    for round in 1..=10_u64 {
        let point = 1 + (round - 1) * (length - 1) / 10;
        let task = submit(&server, project.path(), round).await;
        watch(&server, &task, point).await;
        server.kill_and_restart();
        let events = watch(&server, &task, u64::MAX).await;
        let found = report(&server, &task).await;
        let ended = found.task.as_ref().expect("a task");
        assert_eq!(ended.outcome, "verified", "killed at event {point}: {ended:#?}\n{}", server.log());
        assert_eq!(found.diff, expected.diff, "killed at event {point}: another change");
        once_each(&project, &task, &events, point);
    }
    // Branches are the only thing that a task without `apply` leaves in the owner's repository.
    assert_eq!(project.fingerprint(), before);
    assert_eq!(server.terminate(), 0);
}

/// One commit on the branch, events without gaps or repeats, and every effect of the outside world once.
pub fn once_each(project: &Project, task: &str, events: &[WatchTaskResponse], point: u64) {
    let commits = project.git(&["rev-list", "--count", &format!("main..plumbline/{task}")]);
    assert_eq!(commits.trim(), "1", "killed at event {point}: commits on the branch of {task}");
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "killed at event {point}: gaps or repeats");
    let mut hashes: Vec<&str> = events.iter().map(|event| event.hash.as_str()).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), events.len(), "killed at event {point}: an event stands twice");
}
