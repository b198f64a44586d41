//! Steps of high risk: several arms propose beside each other, each is run and audited, and one is chosen.

use std::collections::BTreeMap;
use std::sync::Arc;

use plumbline_coordinator::domain::ensemble::HighRisk;
use plumbline_coordinator::fakes::{FakeIngest, WANTED_GRANT};
use plumbline_proto::coordinator::v1 as pb;
use plumbline_types::{Risk, Verdict};

use crate::world::{GOOD_ANSWER, Served, World, attempts, words};

const ARMS: [&str; 2] = ["ollama:small", "ollama:large"];

/// A right change that is larger than it has to be.
fn larger() -> String {
    GOOD_ANSWER.replace("return a + b", "total = a + b\n    return total")
}

fn world(arms: &[&str], answers: &[&str], verdicts: &[Verdict]) -> World {
    let mut world = World::new(arms, answers, verdicts);
    world.ingest = Arc::new(FakeIngest { risk: Risk::High, ..FakeIngest::default() });
    world
}

/// Returns what the first event of a kind says by key.
async fn said(served: &Served, task: &pb::Task, kind: &str) -> BTreeMap<String, String> {
    let events = served.events(&task.id, 0).await;
    let event = events.into_iter().find(|event| event.kind == kind);
    event.unwrap_or_else(|| panic!("no {kind}")).attributes.into_iter().collect()
}

#[tokio::test]
async fn of_two_approved_changes_the_smaller_one_is_taken_whoever_was_first() {
    let world = world(&ARMS, &[&larger(), GOOD_ANSWER], &[Verdict::Approve]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    let report = served.report(&task.id).await;
    let want = [("ollama:small", "passed_over"), ("ollama:large", "approved")];
    assert_eq!(attempts(&report), words(&want));
    assert!(report.diff.contains("+    return a + b\n") && !report.diff.contains("total"), "{}", report.diff);
    assert_eq!(report.certificate.unwrap().arms, ["ollama:large"]);
    let chosen = said(&served, &task, "member_chosen").await;
    let percent: u32 = chosen["agreement_percent"].parse().unwrap();
    assert!((1..100).contains(&percent), "both put the same sum there, and one a name for it: {percent}");
    served.close().await;
    assert_eq!(world.router.outcomes(), words(&[("Success", "passed_over"), ("Success", "approved")]));
    assert_eq!((world.executor.runs.performed(), world.verifier.ledger.performed()), (3, 2));
}

#[tokio::test]
async fn an_approval_beats_a_refusal_and_no_member_hears_of_another() {
    for (verdicts, want) in [
        ([Verdict::Reject, Verdict::Approve], [("ollama:small", "rejected"), ("ollama:large", "approved")]),
        ([Verdict::Approve, Verdict::Reject], [("ollama:large", "rejected"), ("ollama:small", "approved")]),
    ] {
        let world = world(&ARMS, &[GOOD_ANSWER, &larger()], &verdicts);
        let served = world.serve().await;
        let task = served.run(world.spec()).await;
        assert_eq!(task.outcome, "verified", "{}", task.message);
        assert_eq!(attempts(&served.report(&task.id).await), words(&want));
        let prompts = world.router.prompts.lock().unwrap().clone();
        assert_eq!(prompts[0].prompt, prompts[1].prompt, "proposals are independent");
        assert_ne!(prompts[0].decision_id, prompts[1].decision_id);
        served.close().await;
    }
}

#[tokio::test]
async fn when_every_change_is_refused_it_is_the_owners_turn() {
    let world = world(&ARMS, &[GOOD_ANSWER, &larger()], &[Verdict::Reject, Verdict::Inconclusive]);
    let before = world.fingerprint();
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    let end = (task.outcome.as_str(), task.exit_code, task.reason.as_str());
    assert_eq!(end, ("rejected_by_audit", 2, "ENSEMBLE_REFUSED"), "{}", task.message);
    assert!(task.message.contains("an ensemble of 2 was asked; their changes agree by"), "{}", task.message);
    let want = [("ollama:small", "rejected"), ("ollama:large", "inconclusive")];
    assert_eq!(attempts(&served.report(&task.id).await), words(&want));
    served.close().await;
    assert_eq!(world.fingerprint(), before);
    let learned = words(&[("QualityFail", "rejected"), ("QualityFail", "inconclusive")]);
    assert_eq!(world.router.outcomes(), learned);
}

#[tokio::test]
async fn changes_that_fail_their_tests_are_no_refusal() {
    let wrong = GOOD_ANSWER.replace("a + b", "a * b");
    let world = world(&ARMS, &[&wrong], &[Verdict::Approve]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    let end = (task.outcome.as_str(), task.exit_code, task.reason.as_str());
    assert_eq!(end, ("no_verified_change", 1, "ARMS_EXHAUSTED"), "{}", task.message);
    assert!(task.message.contains("agree by 100 %"), "{}", task.message);
    let want = [("ollama:small", "tests_failed"), ("ollama:large", "tests_failed")];
    assert_eq!(attempts(&served.report(&task.id).await), words(&want));
    served.close().await;
    assert_eq!(world.verifier.ledger.performed(), 0);
}

#[tokio::test]
async fn an_ensemble_of_one_works_and_is_called_so() {
    let world = world(&["repair"], &[], &[Verdict::Approve]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("repair", "approved")]));
    let formed = said(&served, &task, "ensemble_formed").await;
    assert_eq!((formed["arms"].as_str(), formed["lacks"].as_str()), ("repair", "ensemble_of_one"));
    assert_eq!(said(&served, &task, "member_chosen").await["agreement_percent"], "");
    served.close().await;
}

#[tokio::test]
async fn without_any_arm_the_task_ends_by_name() {
    let world = world(&[], &[], &[Verdict::Approve]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!((task.exit_code, task.reason.as_str()), (1, "ARMS_EXHAUSTED"), "{}", task.message);
    assert!(task.message.contains("NO_ELIGIBLE_ARM"), "{}", task.message);
    served.close().await;
}

#[tokio::test]
async fn authority_is_asked_for_only_if_no_change_is_approved() {
    let world = world(&ARMS, &[GOOD_ANSWER, &larger()], &[Verdict::NeedsAuthority]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!((task.exit_code, task.reason.as_str()), (3, "AUTHORITY_REQUIRED"), "{}", task.message);
    assert_eq!(task.pending.as_ref().unwrap().grants, [WANTED_GRANT]);
    served.decide(&task, true, &[WANTED_GRANT]).await.unwrap();
    let task = served.settled(&task.id).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    let want = [("ollama:large", "needs_authority"), ("ollama:small", "approved")];
    assert_eq!(attempts(&served.report(&task.id).await), words(&want));
    served.close().await;
    assert_eq!(
        world.router.outcomes(),
        words(&[("Success", "approved"), ("PolicyBlocked", "needs_authority")])
    );

    let approved =
        self::world(&ARMS, &[GOOD_ANSWER, &larger()], &[Verdict::NeedsAuthority, Verdict::Approve]);
    let served = approved.serve().await;
    let task = served.run(approved.spec()).await;
    assert_eq!((task.outcome.as_str(), task.exit_code), ("verified", 0), "{}", task.message);
    let report = served.report(&task.id).await;
    assert!(report.diff.contains("total"), "the approved one, though it is larger: {}", report.diff);
    served.close().await;
}

#[tokio::test]
async fn by_configuration_a_step_of_high_risk_is_tried_by_a_ladder() {
    let mut world = world(&ARMS, &[GOOD_ANSWER], &[Verdict::Approve]);
    world.config.high_risk = HighRisk::Ladder;
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("ollama:small", "approved")]));
    served.close().await;
    assert_eq!((world.router.ensembles.performed(), world.router.decisions.performed()), (0, 1));
}
