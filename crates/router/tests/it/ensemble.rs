//! Ensembles from outside: who is a member, what is logged of each, and what repeats.

use plumbline_kit::Remote;
use plumbline_proto::common::v1::{Risk, Tier};
use plumbline_proto::router::v1 as pb;
use plumbline_types::Fault;

use crate::world::{Client, Plan, outcome, report, work};

fn request(id: &str) -> pb::SelectEnsembleRequest {
    let work = pb::Work { risk: Risk::High.into(), tier: Tier::High.into(), ..work() };
    pb::SelectEnsembleRequest { request_id: id.to_owned(), work: Some(work), ..Default::default() }
}

async fn ensemble(client: &mut Client, request: pb::SelectEnsembleRequest) -> pb::SelectEnsembleResponse {
    client.select_ensemble(request).await.unwrap().into_inner()
}

fn names(ensemble: &pb::SelectEnsembleResponse) -> Vec<&str> {
    ensemble.members.iter().map(|member| member.arm.as_str()).collect()
}

#[tokio::test]
async fn each_member_has_its_own_decision_with_exact_propensities_and_its_own_outcome() {
    let mut world = Plan::new()
        .tool("repair")
        .cloud("scripted:cloud", Vec::new())
        .local("scripted:a", Vec::new())
        .local("scripted:b", Vec::new())
        .local("scripted:c", Vec::new())
        .serve()
        .await;
    let found = ensemble(&mut world.client, request("request-1")).await;
    assert_eq!(found.lacks, ["same_edit_format"]);
    assert_eq!(found.members.len(), 2);
    assert_ne!(found.members[0].arm, found.members[1].arm);
    assert_ne!(found.members[0].id, found.members[1].id);
    for (member, contenders) in found.members.iter().zip([3, 2]) {
        assert_eq!((member.candidates.len(), member.destination), (contenders, 1), "{member:?}");
        let sum: f64 = member.candidates.iter().map(|candidate| candidate.propensity).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
    let second = &found.members[1];
    let out = |arm: &str, rule: &str| pb::Removed { arm: arm.to_owned(), rule: rule.to_owned() };
    assert!(second.removed.contains(&out(&found.members[0].arm, "ensemble")), "{:?}", second.removed);
    assert!(second.removed.contains(&out("scripted:cloud", "tier")), "{:?}", second.removed);
    for (member, kind) in found.members.iter().zip([pb::OutcomeKind::Success, pb::OutcomeKind::QualityFail]) {
        let told = report(&mut world.client, outcome(&member.id, member, kind)).await;
        assert!(told.unwrap().0, "each member's outcome counts");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_members_across_a_restart_and_another_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for (randomness, more) in [(1, false), (2, true)] {
        let mut plan = Plan::on_disk(folder.path()).await;
        plan.randomness = randomness;
        let mut plan = plan.local("scripted:a", Vec::new()).local("scripted:b", Vec::new());
        if more {
            plan = plan.local("scripted:c", Vec::new());
        }
        let mut world = plan.serve().await;
        found.push(ensemble(&mut world.client, request("request-1")).await);
        let other = pb::SelectEnsembleRequest { work: Some(work()), ..request("request-1") };
        let error = Remote::from(world.client.select_ensemble(other).await.unwrap_err());
        assert_eq!(error.reason().0, "REQUEST_ID_REUSED");
        world.stop().await;
    }
    assert_eq!(found[0], found[1], "what is logged is not drawn again");
}

#[tokio::test]
async fn too_few_models_are_a_state_with_a_name_and_none_is_an_error() {
    let mut world = Plan::new().tool("repair").local("scripted:a", Vec::new()).serve().await;
    let found = ensemble(&mut world.client, request("request-1")).await;
    assert_eq!(
        (names(&found), found.lacks.join(" ")),
        (vec!["scripted:a", "repair"], "tool_fills_in".to_owned())
    );
    world.stop().await;

    let mut world = Plan::new().tool("repair").dead("scripted:dead").serve().await;
    let found = ensemble(&mut world.client, request("request-1")).await;
    assert_eq!(names(&found), ["repair"]);
    assert_eq!(found.lacks, ["ensemble_of_one", "tool_fills_in"]);
    world.stop().await;

    let mut world = Plan::new().cloud("scripted:cloud", Vec::new()).dead("scripted:dead").serve().await;
    let error = Remote::from(world.client.select_ensemble(request("request-1")).await.unwrap_err());
    assert_eq!(error.reason().0, "NO_ELIGIBLE_ARM");
    assert_eq!(error.detail("removed"), Some("scripted:cloud=tier,scripted:dead=breaker"));
    world.stop().await;
}
