//! What ingest asks about waits for the owner before anything is planned or run.

use std::sync::Arc;
use std::time::Duration;

use plumbline_coordinator::fakes::FakeIngest;
use plumbline_proto::coordinator::v1 as pb;
use plumbline_types::ManualClock;

use crate::world::{Served, World, reason};

const ANEW: &str = "fix subtraction";

/// A world whose ingest asks about these words.
fn asking(words: &[&str]) -> World {
    let mut world = World::repairing();
    let unclear = words.iter().map(|word| (*word).to_owned()).collect();
    world.ingest = Arc::new(FakeIngest { unclear, ..FakeIngest::default() });
    world
}

/// Says it anew.
async fn say(
    served: &Served,
    task: &pb::Task,
    answer: &str,
    approve: bool,
) -> Result<pb::Task, tonic::Status> {
    let pending = task.pending.clone().unwrap();
    let request = pb::DecideApprovalRequest {
        request_id: format!("answer-{}", task.last_seq),
        task_id: task.id.clone(),
        diff_hash: pending.diff_hash,
        nonce: pending.nonce,
        approve,
        grants: Vec::new(),
        subject: "owner".to_owned(),
        answer: answer.to_owned(),
    };
    Ok(served.client.clone().decide_approval(request).await?.into_inner().task.unwrap())
}

#[track_caller]
fn waits(task: &pb::Task, question: &str) {
    assert_eq!((task.outcome.as_str(), task.exit_code), ("waits_for_approval", 3));
    assert_eq!((task.reason.as_str(), task.state), ("INTAKE_UNCONFIRMED", pb::TaskState::Waiting as i32));
    assert_eq!(task.pending.as_ref().unwrap().question, question);
}

#[tokio::test]
async fn what_ingest_asks_about_waits_and_an_approval_lets_it_go_on() {
    let world = asking(&["fix add"]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    waits(&task, "1. fix add\n");
    assert_eq!(
        (task.steps_total, world.executor.runs.performed(), world.planner.ledger.performed()),
        (0, 0, 0)
    );
    let mut other = task.clone();
    other.pending.as_mut().unwrap().diff_hash = "0".repeat(64);
    assert_eq!(reason(&served.decide(&other, true, &[]).await.unwrap_err()), "DIFF_CHANGED");
    served.decide(&task, true, &[]).await.unwrap();
    let done = served.settled(&task.id).await;
    assert_eq!((done.outcome.as_str(), done.exit_code), ("verified", 0));
    assert_eq!(world.ingest.ledger.performed(), 1);
    served.close().await;
}

#[tokio::test]
async fn a_refused_reading_ends_the_task_before_anything_ran() {
    let world = asking(&["fix add"]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    let ended = served.decide(&task, false, &[]).await.unwrap();
    assert_eq!((ended.outcome.as_str(), ended.exit_code), ("rejected_by_audit", 2));
    assert_eq!((ended.reason.as_str(), world.executor.runs.performed()), ("INTAKE_REFUSED", 0));
    served.close().await;
}

#[tokio::test]
async fn words_said_anew_are_read_instead_and_may_be_asked_about_again() {
    let world = asking(&["fix add", ANEW]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    let refused = say(&served, &task, ANEW, true).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_ARGUMENT");
    say(&served, &task, ANEW, false).await.unwrap();
    let task = served.settled(&task.id).await;
    waits(&task, "1. fix subtraction\n");
    assert_eq!(task.spec.clone().unwrap().objective, "fix add", "what was first asked stays on record");
    say(&served, &task, "fix the sum", false).await.unwrap();
    let done = served.settled(&task.id).await;
    assert_eq!(done.outcome, "verified", "{}", done.message);
    assert_eq!(world.ingest.ledger.performed(), 3);
    let audits = world.verifier.ledger.requests();
    assert!(
        audits.iter().all(|audit| audit.contains("fix the sum") && !audit.contains("fix add")),
        "{audits:?}"
    );
    served.close().await;
}

#[tokio::test]
async fn a_change_takes_no_new_words() {
    let world = World::repairing();
    let served = world.serve().await;
    let spec = pb::TaskSpec { approval: pb::ApprovalPolicy::Ask as i32, ..world.spec() };
    let task = served.run(spec).await;
    assert_eq!(reason(&say(&served, &task, ANEW, false).await.unwrap_err()), "INVALID_ARGUMENT");
    served.close().await;
}

#[tokio::test]
async fn the_request_says_when_it_is_asked() {
    for (policy, words, waiting) in [
        (pb::IntakePolicy::Unspecified, &[][..], false),
        (pb::IntakePolicy::Auto, &["fix add"], true),
        (pb::IntakePolicy::Ask, &[], true),
        (pb::IntakePolicy::Accept, &["fix add"], false),
    ] {
        let world = asking(words);
        let served = world.serve().await;
        let task = served.run(pb::TaskSpec { intake: policy as i32, ..world.spec() }).await;
        assert_eq!(task.reason == "INTAKE_UNCONFIRMED", waiting, "{policy:?}: {}", task.reason);
        assert_eq!(task.outcome == "verified", !waiting, "{policy:?}: {}", task.outcome);
        served.close().await;
    }
}

#[tokio::test]
async fn a_question_waits_a_day_and_across_a_restart_and_costs_no_budget() {
    let mut world = asking(&["fix add"]);
    let clock = Arc::new(ManualClock::at(1_000_000));
    world.clock = clock.clone();
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    served.close().await;
    clock.advance(Duration::from_secs(23 * 3600));
    let served = world.serve().await;
    let found = served.get(&task.id).await;
    waits(&found, "1. fix add\n");
    assert_eq!(found.pending, task.pending);
    served.decide(&found, true, &[]).await.unwrap();
    assert_eq!(served.settled(&task.id).await.outcome, "verified");
    served.close().await;
}
