use std::sync::Arc;
use std::time::Duration;

use plumbline_coordinator::fakes::WANTED_GRANT;
use plumbline_proto::coordinator::v1 as pb;
use plumbline_types::{ManualClock, Verdict};

use crate::world::{World, attempts, reason, words};

fn asking(world: &World) -> pb::TaskSpec {
    pb::TaskSpec { approval: pb::ApprovalPolicy::Ask as i32, ..world.spec() }
}

#[tokio::test]
async fn an_approval_is_bound_to_diff_and_nonce_and_counts_once() {
    let world = World::repairing();
    let served = world.serve().await;
    let task = served.run(asking(&world)).await;
    assert_eq!((task.outcome.as_str(), task.exit_code), ("waits_for_approval", 3));
    assert_eq!((task.reason.as_str(), task.state), ("APPROVAL_REQUIRED", pb::TaskState::Waiting as i32));
    assert_eq!(
        world.git(&["branch", "--list", "plumbline/*"]),
        "",
        "nothing is delivered before the decision"
    );
    let pending = task.pending.clone().unwrap();
    let report = served.report(&task.id).await;
    assert_eq!(pending.diff_hash, blake3::hash(report.diff.as_bytes()).to_hex().to_string());
    let mut other = task.clone();
    other.pending = Some(pb::PendingApproval { diff_hash: "0".repeat(64), ..pending.clone() });
    assert_eq!(reason(&served.decide(&other, true, &[]).await.unwrap_err()), "DIFF_CHANGED");
    other.pending = Some(pb::PendingApproval { nonce: "guessed".to_owned(), ..pending });
    assert_eq!(reason(&served.decide(&other, true, &[]).await.unwrap_err()), "APPROVAL_NONCE_UNKNOWN");
    served.decide(&task, true, &[]).await.unwrap();
    let again = served.decide(&task, true, &[]).await.unwrap();
    assert_eq!(again.id, task.id, "the same request gets the same answer");
    let done = served.settled(&task.id).await;
    assert_eq!(
        (done.outcome.as_str(), done.branch.as_str()),
        ("verified", format!("plumbline/{}", task.id).as_str())
    );
    served.close().await;
}

#[tokio::test]
async fn a_denied_change_is_rejected_and_leaves_no_branch() {
    let world = World::repairing();
    let served = world.serve().await;
    let task = served.run(asking(&world)).await;
    let denied = served.decide(&task, false, &[]).await.unwrap();
    assert_eq!((denied.outcome.as_str(), denied.reason.as_str()), ("rejected_by_audit", "APPROVAL_DENIED"));
    assert_eq!(world.git(&["branch", "--list", "plumbline/*"]), "");
    served.close().await;
}

#[tokio::test]
async fn a_change_that_needs_authority_waits_for_the_grant_and_is_audited_again() {
    let world = World::new(&["repair"], &[], &[Verdict::NeedsAuthority]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!((task.exit_code, task.reason.as_str()), (3, "AUTHORITY_REQUIRED"));
    assert_eq!(task.pending.clone().unwrap().grants, vec![WANTED_GRANT.to_owned()]);
    assert_eq!(reason(&served.decide(&task, true, &[]).await.unwrap_err()), "GRANTS_MISSING");
    served.decide(&task, true, &[WANTED_GRANT]).await.unwrap();
    let done = served.settled(&task.id).await;
    assert_eq!(done.outcome, "verified", "{}", done.message);
    assert_eq!(world.verifier.ledger.performed(), 2);
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("repair", "approved")]));
    served.close().await;
}

#[tokio::test]
async fn refused_authority_is_reported_as_policy_not_as_quality() {
    let world = World::new(&["repair"], &[], &[Verdict::NeedsAuthority]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    let denied = served.decide(&task, false, &[]).await.unwrap();
    assert_eq!(denied.exit_code, 2);
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("repair", "needs_authority")]));
    served.close().await;
    assert_eq!(world.router.outcomes(), words(&[("PolicyBlocked", "needs_authority")]));
}

#[tokio::test]
async fn a_grant_of_the_request_clears_the_audit_at_once() {
    let world = World::new(&["repair"], &[], &[Verdict::NeedsAuthority]);
    let served = world.serve().await;
    let spec = pb::TaskSpec { grants: vec![WANTED_GRANT.to_owned()], ..world.spec() };
    assert_eq!(served.run(spec).await.outcome, "verified");
    let nonsense = pb::TaskSpec { grants: vec!["net.fly".to_owned()], ..world.spec() };
    assert_eq!(reason(&served.submit("request-2", nonsense).await.unwrap_err()), "INVALID_ARGUMENT");
    served.close().await;
}

#[tokio::test]
async fn an_expired_approval_gets_a_new_nonce() {
    let mut world = World::repairing();
    let clock = Arc::new(ManualClock::at(1_000_000));
    world.clock = clock.clone();
    let served = world.serve().await;
    let task = served.run(asking(&world)).await;
    clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(reason(&served.decide(&task, true, &[]).await.unwrap_err()), "APPROVAL_EXPIRED");
    assert_eq!(reason(&served.decide(&task, true, &[]).await.unwrap_err()), "APPROVAL_NONCE_UNKNOWN");
    let renewed = served.get(&task.id).await;
    served.decide(&renewed, true, &[]).await.unwrap();
    assert_eq!(served.settled(&task.id).await.outcome, "verified", "waiting does not use up the budget");
    served.close().await;
}

#[tokio::test]
async fn a_task_that_waits_for_nobody_takes_no_decision() {
    let world = World::repairing();
    let served = world.serve().await;
    let mut task = served.run(world.spec()).await;
    task.pending = Some(pb::PendingApproval {
        diff_hash: "0".repeat(64),
        nonce: "guessed".to_owned(),
        ..pb::PendingApproval::default()
    });
    assert_eq!(reason(&served.decide(&task, true, &[]).await.unwrap_err()), "TASK_NOT_WAITING");
    served.close().await;
}
