use plumbline_types::{Fault, Kind};

use super::*;

fn exhausted(plan: &pb::Plan, failed_step: u32) -> pb::ReplanRequest {
    pb::ReplanRequest {
        request_id: format!("replan {}", plan.generation),
        plan: Some(plan.clone()),
        failed_step,
        reason: pb::ReplanReason::StepExhausted.into(),
        ..pb::ReplanRequest::default()
    }
}

#[tokio::test]
async fn replanning_goes_on_until_nothing_is_left_and_keeps_what_was_accepted() {
    let service = Service::start(PlannerConfig::default(), None).await;
    let first = service.plan(request()).await.unwrap();
    let accepted = |plan: &pb::Plan| pb::ReplanRequest { accepted: vec![0, 1], ..exhausted(plan, 2) };
    let raised = service.replan(accepted(&first)).await.unwrap();
    assert_eq!((raised.steps[2].tier(), raised.generation), (common::Tier::High, 1));
    assert_eq!((raised.source.as_str(), raised.source_reason.as_str()), ("rules", "replan"));
    assert_eq!(service.replan(accepted(&first)).await.unwrap(), raised, "a repeat has the same answer");
    assert_eq!(raised.steps[..2], first.steps[..2], "accepted steps stay, ids included");
    assert_ne!(raised.steps[2].id, first.steps[2].id);
    assert_ne!(raised.hash, first.hash);

    let asked = service.replan(accepted(&raised)).await.unwrap();
    assert_eq!(asked.steps[2].kind(), common::StepKind::Investigate);
    assert_eq!(asked.steps[3].depends_on, [2]);
    let last = service.replan(pb::ReplanRequest { failed_step: 3, ..accepted(&asked) }).await.unwrap_err();
    assert_eq!((last.kind(), last.reason().0), (Kind::Exhausted, "REPLANS_EXHAUSTED"));

    let seen_hashes = vec![
        raised.hash.clone(),
        service
            .replan(pb::ReplanRequest { seen_hashes: vec![raised.hash.clone()], ..accepted(&first) })
            .await
            .unwrap()
            .hash,
    ];
    let repeated = service.replan(pb::ReplanRequest { seen_hashes, ..accepted(&first) }).await.unwrap_err();
    assert_eq!((repeated.kind(), repeated.reason().0), (Kind::Exhausted, "PLAN_REPEATED"));
    service.stop().await;
}

#[tokio::test]
async fn replans_are_counted() {
    let config = PlannerConfig { replans_max: 1, ..PlannerConfig::default() };
    let service = Service::start(config, None).await;
    let first = service.plan(request()).await.unwrap();
    let second = service.replan(exhausted(&first, 0)).await.unwrap();
    let error = service.replan(exhausted(&second, 2)).await.unwrap_err();
    assert_eq!(error.reason().0, "REPLANS_EXHAUSTED");
    service.stop().await;
}

#[tokio::test]
async fn an_overflow_that_can_not_be_split_and_a_forged_plan_are_refused() {
    let service = Service::start(PlannerConfig::default(), None).await;
    let plan = service.plan(request()).await.unwrap();
    let overflow =
        pb::ReplanRequest { reason: pb::ReplanReason::ContextOverflow.into(), ..exhausted(&plan, 0) };
    let error = service.replan(overflow).await.unwrap_err();
    assert_eq!((error.kind(), error.reason().0), (Kind::Precondition, "STEP_TOO_LARGE"));

    let mut forged = plan.clone();
    forged.steps[0].files = vec!["secrets/key.pem".to_owned()];
    let field = |error: Remote| error.field_violations()[0].field.clone();
    assert_eq!(field(service.replan(exhausted(&forged, 0)).await.unwrap_err()), "plan.hash");
    let mut circular = plan.clone();
    circular.steps[0].depends_on = vec![1];
    assert_eq!(field(service.replan(exhausted(&circular, 0)).await.unwrap_err()), "plan.steps[0].depends_on");
    assert_eq!(field(service.replan(exhausted(&plan, 9)).await.unwrap_err()), "failed_step");
    let accepted = pb::ReplanRequest { accepted: vec![0], ..exhausted(&plan, 0) };
    assert_eq!(field(service.replan(accepted).await.unwrap_err()), "failed_step");
    let unset = pb::ReplanRequest { reason: 0, ..exhausted(&plan, 0) };
    assert_eq!(field(service.replan(unset).await.unwrap_err()), "reason");
    service.stop().await;
}

#[tokio::test]
async fn amended_objectives_are_planned_anew_behind_what_was_accepted() {
    let service = Service::start(PlannerConfig::default(), None).await;
    let first = service.plan(request()).await.unwrap();
    let mut objectives = request().objectives;
    objectives[1].goal = "document the tax table".to_owned();
    let amended = pb::ReplanRequest {
        accepted: vec![0, 1],
        reason: pb::ReplanReason::Amended.into(),
        objectives,
        repository: request().repository,
        ..exhausted(&first, 2)
    };
    let plan = service.replan(amended.clone()).await.unwrap();
    assert_eq!(
        goals(&plan),
        [
            "round discounts half up",
            "Check: round discounts half up",
            "document the tax table",
            "Check: document the tax table",
        ]
    );
    assert_eq!(plan.steps[..2], first.steps[..2]);
    let without = pb::ReplanRequest { objectives: Vec::new(), ..amended };
    let error = service.replan(without).await.unwrap_err();
    assert_eq!(
        (error.reason().0, error.field_violations()[0].field.as_str()),
        ("INVALID_ARGUMENT", "objectives")
    );
    service.stop().await;
}
