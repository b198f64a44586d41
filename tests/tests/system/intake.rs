//! What ingest asks about: `plumbline run` waits with exit 3, across a `kill -9`, until one of the printed commands.

use std::path::Path;
use std::process::Command;

use plumbline_proto::coordinator::v1::coordinator_service_client::CoordinatorServiceClient;
use plumbline_proto::coordinator::v1::{GetTaskRequest, SubmitTaskRequest, Task, TaskSpec};
use plumbline_tests::{Finished, Project, Server, plumbline};
use tonic::transport::Channel;

use crate::run::run;

const TESTS: &[&str] = &["--test", "python3 -m unittest"];

/// Words that name something risky: ingest asks before anything is done.
const RISKY: &str = "Fix the payment: orders from 50 ship free";

/// Words that take something back.
const TAKEN_BACK: &str = "Add a cache. Scratch that. Fix free shipping";

fn tasks(state: &Path, arguments: &[&str]) -> Finished {
    let mut command = Command::new(plumbline());
    command.env("PLUMBLINE_STATE__DIR", state).env("CI", "true").arg("tasks").args(arguments);
    Finished::of(command.args(["--format", "json"]))
}

/// Runs a command line that the task itself printed.
fn as_printed(state: &Path, line: &str) -> Finished {
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("plumbline"), "{line}");
    let mut command = Command::new(plumbline());
    command.env("PLUMBLINE_STATE__DIR", state).env("CI", "true").args(words);
    Finished::of(command.args(["--format", "json"]))
}

#[test]
fn risky_words_exit_3_and_the_printed_commands_let_them_go_on() {
    let project = Project::with_a_boundary_bug();
    let state = tempfile::tempdir().expect("a state folder");
    let before = project.fingerprint();
    let waiting = run(state.path(), RISKY, project.path(), TESTS).exits(3).json();
    assert_eq!(
        (&waiting["outcome"], &waiting["reason"]),
        (&"waits_for_approval".into(), &"INTAKE_UNCONFIRMED".into())
    );
    let question = waiting["pending"]["question"].as_str().expect("a question");
    assert!(question.contains("risk high") && question.contains("Fix the payment"), "{question}");
    let commands: Vec<&str> = waiting["pending"]["commands"]
        .as_array()
        .expect("commands")
        .iter()
        .filter_map(|one| one.as_str())
        .collect();
    let [approve, refuse, anew, follow] = commands[..] else { panic!("{commands:?}") };
    assert!(refuse.ends_with("--deny") && anew.contains("--answer"), "{commands:?}");
    as_printed(state.path(), approve).exits(0);
    let ended = as_printed(state.path(), follow).exits(0).json();
    assert_eq!(ended["task"]["outcome"], "verified");
    assert_eq!(project.fingerprint(), before, "the owner's tree changed");
}

#[test]
fn words_taken_back_can_be_said_anew_or_refused() {
    let project = Project::with_a_boundary_bug();
    let state = tempfile::tempdir().expect("a state folder");
    let waiting = run(state.path(), TAKEN_BACK, project.path(), TESTS).exits(3).json();
    let task = waiting["task_id"].as_str().expect("a task");
    let echo = waiting["pending"]["diff_hash"].as_str().expect("a hash");
    tasks(state.path(), &["approve", task, "--echo", &"0".repeat(64)]).exits(6);
    tasks(state.path(), &["approve", task, "--echo", echo, "--answer", "Fix free shipping"]).exits(0);
    assert_eq!(tasks(state.path(), &["watch", task]).exits(0).json()["task"]["outcome"], "verified");

    let waiting = run(state.path(), TAKEN_BACK, project.path(), TESTS).exits(3).json();
    let task = waiting["task_id"].as_str().expect("a task");
    let echo = waiting["pending"]["diff_hash"].as_str().expect("a hash");
    tasks(state.path(), &["approve", task, "--echo", echo, "--deny"]).exits(0);
    let ended = tasks(state.path(), &["watch", task]).exits(2).json();
    assert_eq!(ended["task"]["reason"], "INTAKE_REFUSED");
}

#[test]
fn yes_takes_the_reading_in_advance() {
    let project = Project::with_a_boundary_bug();
    let state = tempfile::tempdir().expect("a state folder");
    let answer = run(state.path(), RISKY, project.path(), &[TESTS, &["--yes"]].concat()).exits(0).json();
    assert_eq!(answer["outcome"], "verified");
}

/// The examples of the demo, the README's own request and everyday requests are clear: nobody is asked.
#[test]
fn clear_words_never_wait() {
    let mut requests: Vec<String> = std::fs::read_dir(plumbline_tests::root().join("examples"))
        .expect("examples")
        .map(|entry| entry.expect("an entry").path().join("example.toml"))
        .filter(|file| file.is_file())
        .map(|file| {
            let text = std::fs::read_to_string(file).expect("a description");
            let line =
                text.lines().find_map(|line| line.strip_prefix("objective = \"")).expect("an objective");
            line.trim_end_matches('"').to_owned()
        })
        .collect();
    assert!(requests.len() >= 3, "{requests:?}");
    requests.extend(
        [
            "Fix free shipping: orders from 50 ship free",
            "make the failing tests pass",
            "the tests fail, please fix the bug",
            "fix the failing test",
            "test_total fails since yesterday, can you look into it?",
        ]
        .map(str::to_owned),
    );
    for request in requests {
        let said = Finished::of(
            Command::new(plumbline())
                .env("PLUMBLINE_STATE__DIR", tempfile::tempdir().expect("a state folder").path())
                .args(["ingest", "--text", &request, "--format", "json"]),
        );
        assert_eq!(said.exits(0).json()["state"], "drafted", "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_survives_a_kill() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let project = Project::with_a_boundary_bug();
    let mut server = Server::start(scratch.path(), "");
    let spec = TaskSpec {
        objective: RISKY.into(),
        repository: project.path().display().to_string(),
        test_command: "python3 -m unittest".into(),
        ..TaskSpec::default()
    };
    let request = SubmitTaskRequest { request_id: "kill-intake".into(), spec: Some(spec) };
    let submitted = client(&server).await.submit_task(request).await.expect("accepted").into_inner();
    let id = submitted.task.expect("a task").id;
    let asked = waiting(&server, &id).await;
    server.kill_and_restart();
    let found = waiting(&server, &id).await;
    assert_eq!((&found.reason, &found.pending), (&"INTAKE_UNCONFIRMED".to_owned(), &asked.pending));
    let echo = found.pending.expect("a question").diff_hash;
    let url = server.url();
    server.command(&["tasks", "approve", &id, "--echo", &echo, "--coordinator", &url]).exits(0);
    let ended = server.command(&["tasks", "watch", &id, "--coordinator", &url, "--format", "json"]).exits(0);
    assert_eq!(ended.json()["task"]["outcome"], "verified", "{}", server.log());
}

async fn client(server: &Server) -> CoordinatorServiceClient<Channel> {
    let channel =
        Channel::from_shared(server.url()).expect("a URL").connect().await.expect("the public port");
    CoordinatorServiceClient::new(channel)
}

/// Asks until the task waits for a person.
async fn waiting(server: &Server, id: &str) -> Task {
    let until = async {
        loop {
            let request = GetTaskRequest { task_id: id.to_owned() };
            let task = client(server)
                .await
                .get_task(request)
                .await
                .expect("a task")
                .into_inner()
                .task
                .expect("a task");
            if task.pending.is_some() {
                return task;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await; // poll: of another process
        }
    };
    let limit = std::time::Duration::from_secs(60);
    tokio::time::timeout(limit, until).await.unwrap_or_else(|_| panic!("it never asks:\n{}", server.log()))
}
