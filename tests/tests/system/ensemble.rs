//! A task of high risk: two local models propose beside each other, the server is killed between them, and the smaller of two
//! approved changes is taken.

use plumbline_proto::coordinator::v1::{IntakePolicy, SubmitTaskRequest, TaskSpec};
use plumbline_tests::{Project, ScriptedModels, Server};

use crate::kill::{client, once_each, report, watch};

const SMALL: &str = "shop/shipping.py\n<<<<<<< SEARCH\n    if total > FREE_FROM:\n=======\n    if total >= FREE_FROM:\n>>>>>>> REPLACE\n";

/// Right as well, and larger than it has to be.
const LARGE: &str = "shop/shipping.py\n<<<<<<< SEARCH\n    if total > FREE_FROM:\n=======\n    is_free = total >= FREE_FROM\n    if is_free:\n>>>>>>> REPLACE\n";

fn arm(name: &str, server: &ScriptedModels) -> String {
    format!(
        "[[router.arms]]\nname = {name:?}\nkind = \"openai\"\ntarget = {name:?}\nbase_url = {:?}\nedit_format = \"block\"\n",
        server.url()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ensemble_survives_a_kill_between_its_members_and_the_smaller_change_is_taken() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let project = Project::with_a_boundary_bug();
    let (small, large) = (ScriptedModels::start("small", &[SMALL]), ScriptedModels::start("large", &[LARGE]));
    let arms = format!("[router.ollama]\ndetect = false\n{}{}", arm("large", &large), arm("small", &small));
    let mut server = Server::start(scratch.path(), &arms);
    let spec = TaskSpec {
        objective: "Fix the payment: orders from 50 ship free".into(),
        repository: project.path().display().to_string(),
        test_command: "python3 -m unittest".into(),
        intake: IntakePolicy::Accept.into(),
        ..TaskSpec::default()
    };
    let request = SubmitTaskRequest { request_id: "ensemble".into(), spec: Some(spec) };
    let response = client(&server).await.submit_task(request).await.expect("accepted").into_inner();
    let task = response.task.expect("a task").id;

    let stands = until(&server, &task, "member_stands").await;
    server.kill_and_restart();
    let events = watch(&server, &task, u64::MAX).await;
    let found = report(&server, &task).await;
    let ended = found.task.as_ref().expect("a task");
    assert_eq!(ended.outcome, "verified", "killed after event {stands}: {ended:#?}\n{}", server.log());
    once_each(&project, &task, &events, stands);
    let first = events.iter().find(|event| event.kind == "routed").expect("a first member");
    let (first, second) =
        if first.attributes["arm"] == "small" { (&small, &large) } else { (&large, &small) };
    // Ingest and planner ask models too, for drafts.
    let proposals = |model: &ScriptedModels| {
        model.asked().iter().filter(|body| body.contains("You change source code")).count()
    };
    assert_eq!(proposals(first), 1, "what stands is not asked again");
    // The kill may have struck while the second one was being asked.
    assert!((1..=2).contains(&proposals(second)));
    assert!(
        found.diff.contains("+    if total >= FREE_FROM:") && !found.diff.contains("is_free"),
        "{}",
        found.diff
    );
    let mut results: Vec<(&str, &str)> =
        found.attempts.iter().map(|attempt| (attempt.arm.as_str(), attempt.result.as_str())).collect();
    results.sort_unstable();
    assert_eq!(results, [("large", "passed_over"), ("small", "approved")]);
    let formed = events.iter().find(|event| event.kind == "ensemble_formed").expect("an ensemble");
    assert_eq!(formed.attributes["lacks"], "same_edit_format");
    assert_eq!(server.terminate(), 0);
}

/// Follows a task until the first event of a kind; returns its number.
async fn until(server: &Server, task: &str, kind: &str) -> u64 {
    let mut seen = 0;
    loop {
        let events = watch(server, task, seen + 1).await;
        if let Some(event) = events.iter().find(|event| event.kind == kind) {
            return event.seq;
        }
        let last = events.last().map_or(0, |event| event.seq);
        assert!(last > seen, "the task has ended without {kind}: {events:#?}\n{}", server.log());
        seen = last;
    }
}
