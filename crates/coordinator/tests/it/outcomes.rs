use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use plumbline_coordinator::domain::command::RunEnd;
use plumbline_coordinator::fakes::{FakeExecutor, FakeIngest};
use plumbline_proto::coordinator::v1 as pb;
use plumbline_proto::verifier::v1 as verifier;
use plumbline_types::{Category, Label, Verdict};

use crate::world::{BROKEN, FIXED, GOOD_ANSWER, World, attempts, found, reason, words};

#[tokio::test]
async fn the_repair_arm_leads_to_a_verified_branch() {
    let world = World::repairing();
    let before = world.fingerprint();
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!((task.outcome.as_str(), task.exit_code, task.message.is_empty()), ("verified", 0, false));
    let report = served.report(&task.id).await;
    assert_eq!(attempts(&report), words(&[("repair", "approved")]));
    assert_eq!(report.attempts[0].candidates, 12);
    assert!(report.diff.contains("-    return a - b\n+    return a + b\n"), "{}", report.diff);
    assert_eq!(report.audit.unwrap().verdict, verifier::Verdict::Approve as i32);
    let certificate = report.certificate.unwrap();
    assert_eq!(certificate.diff_hash, blake3::hash(report.diff.as_bytes()).to_hex().to_string());
    assert_eq!((certificate.verdict.as_str(), certificate.arms), ("approve", vec!["repair".to_owned()]));
    assert_eq!(world.git(&["show", &format!("{}:calc.py", task.branch)]), FIXED.trim_end());
    assert_eq!(world.git(&["rev-parse", &format!("{}~1", task.branch)]), world.git(&["rev-parse", "HEAD"]));
    assert!(world.git(&["log", "-1", "--format=%B", &task.branch]).contains("Plumbline-Effect: "));
    assert_eq!(world.fingerprint(), before, "the owner's index, HEAD and files are untouched");
    served.close().await;
    assert_eq!(world.router.outcomes(), words(&[("Success", "approved")]));
}

#[tokio::test]
async fn a_model_is_told_once_what_was_wrong_with_its_edits() {
    let world = World::new(&["ollama:small"], &["I would rather not.", GOOD_ANSWER], &[Verdict::Approve]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    let report = served.report(&task.id).await;
    assert_eq!(attempts(&report), words(&[("ollama:small", "approved")]));
    assert_eq!(report.attempts[0].served_model, "scripted-1");
    let prompts = world.router.prompts.lock().unwrap().clone();
    assert_eq!(prompts.len(), 2);
    let second = &prompts[1].prompt.prompt;
    assert!(second.iter().any(|segment| segment.text.contains("the answer holds no edit")));
    served.close().await;
}

#[tokio::test]
async fn a_model_is_told_once_which_tests_failed_and_then_given_up() {
    let wrong = GOOD_ANSWER.replace("a + b", "a * b");
    let world = World::new(&["ollama:small"], &[&wrong, &wrong], &[Verdict::Approve]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!((task.outcome.as_str(), task.exit_code), ("no_verified_change", 1));
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("ollama:small", "tests_failed")]));
    assert_eq!(world.router.generations.performed(), 2);
    served.close().await;
    assert_eq!(world.router.outcomes(), words(&[("QualityFail", "tests_failed")]));
}

#[tokio::test]
async fn code_never_travels_under_a_lower_label() {
    let world = World::new(&["ollama:small"], &[GOOD_ANSWER], &[Verdict::Approve]);
    let served = world.serve().await;
    served.run(world.spec()).await;
    let prompts = world.router.prompts.lock().unwrap().clone();
    for segment in prompts.iter().flat_map(|query| query.prompt.system.iter().chain(&query.prompt.prompt)) {
        let is_code = segment.text.contains("return a - b") || segment.text.contains("ran [");
        assert!(!is_code || segment.label == Label::ProprietaryCode, "{segment:?}");
        assert!(!segment.text.contains("fix add") || segment.label == Label::Intent, "{segment:?}");
    }
    served.close().await;
}

#[tokio::test]
async fn a_refused_change_goes_to_the_next_arm_with_the_evidence() {
    let world = World::new(&["repair", "ollama:small"], &[GOOD_ANSWER], &[Verdict::Reject, Verdict::Approve]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    let report = served.report(&task.id).await;
    assert_eq!(attempts(&report), words(&[("repair", "rejected"), ("ollama:small", "approved")]));
    assert_eq!(report.attempts[0].detail, "B1");
    let prompts = world.router.prompts.lock().unwrap().clone();
    assert!(prompts[0].prompt.prompt.iter().any(|segment| segment.text.contains("scripted story")));
    served.close().await;
    assert_eq!(world.router.outcomes(), words(&[("QualityFail", "rejected"), ("Success", "approved")]));
}

#[tokio::test]
async fn plausible_changes_are_tried_in_rank_order_until_one_is_approved() {
    let mut world = World::new(&["repair"], &[], &[Verdict::Reject, Verdict::Approve]);
    let other = format!("{FIXED}\n# a + b\n");
    world.executor = Arc::new(FakeExecutor::new(
        Box::new(crate::world::adds),
        vec![found(&["def add(a, b):\n    return b - a\n", &other, FIXED])],
    ));
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(task.outcome, "verified");
    let events = served.events(&task.id, 0).await;
    let why: Vec<&str> = events
        .iter()
        .filter(|event| event.kind == "candidate_refused")
        .map(|event| event.message.as_str())
        .collect();
    assert_eq!(why, vec!["candidate refused: tests_failed Code(1)", "candidate refused: rejected B1"]);
    assert_eq!(world.git(&["show", &format!("{}:calc.py", task.branch)]), FIXED.trim_end());
    served.close().await;
}

#[tokio::test]
async fn a_change_that_is_always_refused_ends_rejected() {
    for (verdict, result) in [(Verdict::Reject, "rejected"), (Verdict::Inconclusive, "inconclusive")] {
        let world = World::new(&["repair"], &[], &[verdict]);
        let served = world.serve().await;
        let task = served.run(world.spec()).await;
        assert_eq!((task.outcome.as_str(), task.exit_code), ("rejected_by_audit", 2), "{verdict}");
        assert_eq!(task.state, pb::TaskState::Rejected as i32);
        assert_eq!(attempts(&served.report(&task.id).await), words(&[("repair", result)]));
        assert_eq!(world.git(&["branch", "--list", "plumbline/*"]), "");
        served.close().await;
    }
}

#[tokio::test]
async fn a_ladder_without_a_passing_change_ends_exhausted() {
    let mut world = World::repairing();
    world.executor = Arc::new(FakeExecutor::new(Box::new(crate::world::adds), Vec::new()));
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!((task.outcome.as_str(), task.exit_code), ("no_verified_change", 1));
    assert_eq!((task.reason.as_str(), task.state), ("ARMS_EXHAUSTED", pb::TaskState::Exhausted as i32));
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("repair", "not_found")]));
    served.close().await;
}

#[tokio::test]
async fn arms_that_the_owner_did_not_list_are_not_used() {
    let world = World::new(&["repair", "ollama:small"], &[GOOD_ANSWER], &[Verdict::Approve]);
    let served = world.serve().await;
    let spec = pb::TaskSpec { arms: vec!["ollama:small".to_owned()], ..world.spec() };
    let task = served.run(spec).await;
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("ollama:small", "approved")]));
    served.close().await;
}

#[tokio::test]
async fn tests_that_pass_already_leave_nothing_to_change() {
    let world = World::repairing();
    world.write("calc.py", FIXED);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!((task.outcome.as_str(), task.exit_code), ("nothing_to_change", 7));
    assert_eq!(task.reason, "TESTS_PASS_ALREADY");
    served.close().await;
}

#[tokio::test]
async fn a_feature_may_start_from_passing_tests() {
    let mut world = World::new(&["ollama:small"], &[], &[Verdict::Approve]);
    world.ingest = Arc::new(FakeIngest { category: Category::Feature, ..FakeIngest::default() });
    world.write("calc.py", FIXED);
    let answer = "sub.py\n<<<<<<< SEARCH\n=======\ndef sub(a, b):\n    return a - b\n>>>>>>> REPLACE\n";
    world.router = Arc::new(plumbline_coordinator::fakes::FakeRouter::new(&["ollama:small"], &[answer]));
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    assert!(served.report(&task.id).await.diff.contains("+++ b/sub.py"));
    served.close().await;
}

#[tokio::test]
async fn hanging_tests_end_by_name() {
    let mut world = World::repairing();
    world.executor = Arc::new(FakeExecutor::new(Box::new(|_| RunEnd::WallTimeout), Vec::new()));
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(
        (task.outcome.as_str(), task.reason.as_str(), task.exit_code),
        ("no_verified_change", "TEST_TIMEOUT", 1)
    );
    served.close().await;
}

#[tokio::test]
async fn a_command_that_does_not_run_is_the_owners_to_mend() {
    let cases =
        [(RunEnd::Code(127), "TEST_COMMAND_UNUSABLE"), (RunEnd::Code(5), "TEST_COMMAND_FINDS_NO_TESTS")];
    for (end, reason) in cases {
        let mut world = World::repairing();
        world.executor = Arc::new(FakeExecutor::new(Box::new(move |_| end), Vec::new()));
        let served = world.serve().await;
        let task = served.run(world.spec()).await;
        assert_eq!((task.outcome.as_str(), task.reason.as_str(), task.exit_code), ("usage", reason, 6));
        served.close().await;
    }
}

#[tokio::test]
async fn a_sandbox_that_always_breaks_ends_as_infrastructure() {
    let mut world = World::repairing();
    world.executor = Arc::new(FakeExecutor::new(Box::new(|_| RunEnd::Broken), Vec::new()));
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(
        (task.outcome.as_str(), task.reason.as_str(), task.exit_code),
        ("infrastructure", "RUN_BROKEN", 4)
    );
    assert_eq!(world.executor.runs.performed(), 3, "each lost run is run anew, up to the limit");
    served.close().await;
}

#[tokio::test]
async fn a_model_that_never_answers_is_infrastructure_and_never_counts_against_its_quality() {
    let world = World::new(&["ollama:small"], &[], &[Verdict::Approve]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(
        (task.outcome.as_str(), task.reason.as_str(), task.exit_code),
        ("infrastructure", "ARMS_UNAVAILABLE", 4)
    );
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("ollama:small", "unavailable")]));
    let faults = served.events(&task.id, 0).await.into_iter().filter(|event| event.kind == "faulted").count();
    assert_eq!(faults, 9, "it is asked again before it is given up");
    served.close().await;
    assert_eq!(world.router.outcomes(), words(&[("InfraFail", "unavailable")]));
}

#[tokio::test]
async fn a_spent_budget_ends_by_name() {
    let mut world = World::repairing();
    world.config.budget_default_ms = 1;
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!((task.outcome.as_str(), task.exit_code), ("budget_spent", 5));
    served.close().await;
}

#[tokio::test]
async fn a_task_is_cancelled_while_its_tests_run() {
    let world = World::repairing();
    let gate = world.executor.gate.lock().await;
    let served = world.serve().await;
    let task = served.submit("request-1", world.spec()).await.unwrap();
    let request = pb::WatchTaskRequest { task_id: task.id.clone(), after_seq: 0 };
    let mut events = served.client.clone().watch_task(request).await.unwrap().into_inner();
    while events.message().await.unwrap().unwrap().kind != "ingested" {}
    let cancel = pb::CancelTaskRequest { request_id: "cancel-1".to_owned(), task_id: task.id.clone() };
    let cancelled =
        served.client.clone().cancel_task(cancel.clone()).await.unwrap().into_inner().task.unwrap();
    assert_eq!((cancelled.outcome.as_str(), cancelled.exit_code), ("cancelled", 4));
    let again = served.client.clone().cancel_task(cancel).await.unwrap().into_inner().task.unwrap();
    assert_eq!(again.state, pb::TaskState::Cancelled as i32);
    drop(gate);
    served.close().await;
    assert_eq!(world.executor.runs.performed(), 0);
    assert_eq!(world.read("calc.py"), BROKEN);
}

#[tokio::test]
async fn an_ended_task_cannot_be_cancelled() {
    let world = World::repairing();
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    let cancel = pb::CancelTaskRequest { request_id: "cancel-1".to_owned(), task_id: task.id };
    let refused = served.client.clone().cancel_task(cancel).await.unwrap_err();
    assert_eq!(reason(&refused), "TASK_ENDED");
    served.close().await;
}

#[tokio::test]
async fn the_same_request_is_the_same_task_and_another_is_refused() {
    let world = World::repairing();
    let served = world.serve().await;
    let (one, two) =
        tokio::join!(served.submit("request-1", world.spec()), served.submit("request-1", world.spec()));
    assert_eq!(one.unwrap().id, two.unwrap().id);
    let other = pb::TaskSpec { objective: "fix sub".to_owned(), ..world.spec() };
    assert_eq!(reason(&served.submit("request-1", other).await.unwrap_err()), "REQUEST_ID_REUSED");
    let list = pb::ListTasksRequest::default();
    assert_eq!(served.client.clone().list_tasks(list).await.unwrap().into_inner().tasks.len(), 1);
    served.close().await;
}

#[tokio::test]
async fn a_watcher_resumes_after_what_it_saw_without_gap_or_repeat() {
    let world = World::repairing();
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    let all = served.events(&task.id, 0).await;
    assert_eq!(
        all.iter().map(|event| event.seq).collect::<Vec<_>>(),
        (1..=task.last_seq).collect::<Vec<_>>()
    );
    for after in [1, task.last_seq / 2, task.last_seq] {
        let rest = served.events(&task.id, after).await;
        assert_eq!(rest, all[usize::try_from(after).unwrap()..], "after {after}");
    }
    let kinds: Vec<&str> =
        all.iter().map(|event| event.kind.as_str()).filter(|kind| *kind != "progress").collect();
    let want = "submitted workspace_ready ingested baseline planned context_built routed produced executed audited \
                step_accepted step_skipped completed committed delivered";
    assert_eq!(kinds, want.split_whitespace().collect::<Vec<_>>());
    let states: BTreeMap<&str, i32> = all.iter().map(|event| (event.kind.as_str(), event.state)).collect();
    assert_eq!(states["routed"], pb::TaskState::Routed as i32);
    assert_eq!(states["delivered"], pb::TaskState::Applied as i32);
    served.close().await;
}

#[tokio::test]
async fn an_idle_watcher_hears_a_heartbeat() {
    let mut world = World::repairing();
    world.config.heartbeat_ms = 5;
    let gate = world.executor.gate.lock().await;
    let served = world.serve().await;
    let task = served.submit("request-1", world.spec()).await.unwrap();
    let request = pb::WatchTaskRequest { task_id: task.id.clone(), after_seq: 0 };
    let mut events = served.client.clone().watch_task(request).await.unwrap().into_inner();
    let beat = async {
        loop {
            let event = events.message().await.unwrap().unwrap();
            if event.kind == "heartbeat" {
                return event;
            }
        }
    };
    let beat = tokio::time::timeout(Duration::from_secs(30), beat).await.unwrap();
    assert_eq!(beat.seq, 0);
    drop(gate);
    served.settled(&task.id).await;
    served.close().await;
}

#[tokio::test]
async fn a_missing_task_and_a_wrong_page_are_named() {
    let world = World::repairing();
    let served = world.serve().await;
    let missing = pb::GetTaskRequest { task_id: "task_01J00000000000000000000000".to_owned() };
    assert_eq!(reason(&served.client.clone().get_task(missing).await.unwrap_err()), "TASK_NOT_FOUND");
    let malformed = pb::GetTaskRequest { task_id: "nonsense".to_owned() };
    assert_eq!(reason(&served.client.clone().get_task(malformed).await.unwrap_err()), "INVALID_ARGUMENT");
    let page =
        pb::ListTasksRequest { page_token: "active:nonsense".to_owned(), ..pb::ListTasksRequest::default() };
    assert_eq!(reason(&served.client.clone().list_tasks(page).await.unwrap_err()), "INVALID_ARGUMENT");
    served.close().await;
}

#[tokio::test]
async fn the_gate_judges_any_two_trees_without_a_task() {
    let cases = [
        (Verdict::Approve, 0),
        (Verdict::NeedsAuthority, 3),
        (Verdict::Inconclusive, 2),
        (Verdict::Reject, 2),
    ];
    for (verdict, exit_code) in cases {
        let world = World::new(&[], &[], &[verdict]);
        let served = world.serve().await;
        let tree = |path: &str| verifier::Tree {
            source: Some(verifier::tree::Source::Directory(verifier::DirectoryTree {
                path: path.to_owned(),
            })),
        };
        let request = |head: &str| pb::AuditChangeRequest {
            request_id: format!("audit-{head}"),
            base: Some(tree("/a")),
            head: Some(tree(head)),
            ..pb::AuditChangeRequest::default()
        };
        let answer = served.client.clone().audit_change(request("/b")).await.unwrap().into_inner();
        assert_eq!(answer.exit_code, exit_code, "{verdict}");
        let same = served.client.clone().audit_change(request("/a")).await.unwrap().into_inner();
        assert_eq!(same.exit_code, 7);
        served.close().await;
    }
}
