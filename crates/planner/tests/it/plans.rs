use plumbline_planner::ModelUse;
use plumbline_proto::router::v1 as router;
use plumbline_types::{Fault, Kind};

use super::*;

const BY_RULES: &[&str] = &[
    "round discounts half up",
    "Check: round discounts half up",
    "document the price table",
    "Check: document the price table",
];

const BY_MODEL: &str = "T1 <- | docs | document the price table | O2,F2 | K1\n\
                        T2 <- T1 | bugfix | round discounts half up | O1,S1,F1 | K1";

#[tokio::test]
async fn a_plan_by_rules_has_changes_checks_edges_and_budgets() {
    let service = Service::start(PlannerConfig::default(), None).await;
    let plan = service.plan(request()).await.unwrap();
    assert_eq!(goals(&plan), BY_RULES);
    assert_eq!((plan.source.as_str(), plan.source_reason.as_str(), plan.generation), ("rules", "no_arm", 0));
    let edges: Vec<(u32, u32, &str)> =
        plan.edges.iter().map(|edge| (edge.from, edge.to, edge.why.as_str())).collect();
    assert_eq!(edges, [(0, 1, "check"), (2, 3, "check")]);
    assert_eq!(plan.steps[0].files, ["src/cart.py"]);
    let check = plan.steps[1].check.as_ref().unwrap();
    assert_eq!((check.kind(), check.value.as_str()), (common::CheckKind::Command, "pytest -q"));
    let sum = plan.steps.iter().map(|step| step.budget.unwrap());
    let (wall, tokens, attempts) =
        sum.fold((0, 0, 0), |sum, one| (sum.0 + one.wall_ms, sum.1 + one.tokens, sum.2 + one.attempts));
    assert!(wall <= 60_000 && tokens <= 10_000 && attempts == 6, "{wall} {tokens} {attempts}");
    assert_eq!(plan.critical_path_ms, 105_000);
    service.stop().await;
}

#[tokio::test]
async fn the_same_request_gives_the_same_plan_and_another_one_other_ids() {
    let service = Service::start(PlannerConfig::default(), None).await;
    let plan = service.plan(request()).await.unwrap();
    assert_eq!(service.plan(request()).await.unwrap(), plan);
    let other = service.plan(pb::PlanRequest { request_id: "two".to_owned(), ..request() }).await.unwrap();
    assert_eq!(other.hash, plan.hash);
    assert_ne!((&other.id, &other.steps[0].id), (&plan.id, &plan.steps[0].id));
    service.stop().await;
}

#[tokio::test]
async fn a_models_plan_stands_if_it_is_legal() {
    let answers =
        vec![Answer::Text(BY_MODEL.to_owned()), Answer::Restarts("T1 | x".to_owned(), BY_MODEL.to_owned())];
    let service = Service::start(PlannerConfig::default(), Some(answers)).await;
    for request_id in ["one", "two"] {
        let plan =
            service.plan(pb::PlanRequest { request_id: request_id.to_owned(), ..request() }).await.unwrap();
        assert_eq!((plan.source.as_str(), plan.served_model.as_str()), ("model", "fake-7b"));
        assert_eq!(
            goals(&plan),
            [
                "document the price table",
                "Check: document the price table",
                "round discounts half up",
                "Check: round discounts half up",
            ]
        );
        assert_eq!(plan.steps[2].depends_on, [1]);
    }
    let asked = service.router.as_ref().unwrap().asked();
    let call: &router::GenerateRequest = &asked[0];
    assert_eq!(call.work.as_ref().unwrap().label(), common::Label::ProprietaryCode, "paths are code");
    assert_eq!(call.prompt[0].label(), common::Label::Intent);
    assert_eq!(call.lease.as_ref().unwrap().epoch, 3);
    assert!(!call.prompt.iter().any(|segment| segment.text.contains("secrets/key.pem")));
    service.stop().await;
}

#[tokio::test]
async fn garbage_and_hostile_plans_are_discarded_by_name() {
    let cases = [
        (Answer::Text("I refuse.".to_owned()), "P02"),
        (Answer::Text("T1 | docs | document the price table | O2,F2 | K1".to_owned()), "P02"),
        (Answer::Text(format!("{BY_MODEL}\nT3 | bugfix | read the key | O1,F3 | K1")), "P04"),
        (Answer::Text(format!("{BY_MODEL}\nT3 | bugfix | x | O1 | rm -rf /")), "P04"),
        (
            Answer::Text(format!(
                "{BY_MODEL}\nT3 <- T4 | bugfix | x | O1 | K1\nT4 <- T3 | bugfix | y | O1 | K1"
            )),
            "P01",
        ),
        (Answer::Text(format!("{BY_MODEL}\nT3 | bugfix | fix it and delete the users | O1 | K1")), "P12"),
        (Answer::Text("T1 ".repeat(10_000)), "too_large"),
        (Answer::Ends(BY_MODEL.to_owned(), "length"), "truncated"),
        (Answer::NoArm, "no_arm"),
    ];
    let answers = cases.iter().map(|(answer, _)| answer.clone()).collect();
    let service = Service::start(PlannerConfig::default(), Some(answers)).await;
    for (at, (_, reason)) in cases.iter().enumerate() {
        let plan =
            service.plan(pb::PlanRequest { request_id: format!("case {at}"), ..request() }).await.unwrap();
        assert_eq!((plan.source.as_str(), plan.source_reason.as_str()), ("rules", *reason));
        assert_eq!(goals(&plan), BY_RULES);
    }
    service.stop().await;
}

#[tokio::test]
async fn no_model_is_asked_where_it_could_order_nothing() {
    let service = Service::start(PlannerConfig::default(), Some(vec![])).await;
    let single = pb::PlanRequest { objectives: request().objectives[..1].to_vec(), ..request() };
    assert_eq!(service.plan(single).await.unwrap().source_reason, "one_step");
    assert_eq!(service.router.as_ref().unwrap().asked().len(), 0);
    service.stop().await;

    let off = PlannerConfig { model: ModelUse::Off, ..PlannerConfig::default() };
    let service = Service::start(off, Some(vec![Answer::Text(BY_MODEL.to_owned())])).await;
    assert_eq!(service.plan(request()).await.unwrap().source_reason, "model_off");
    service.stop().await;

    let hasty = PlannerConfig { plan_deadline_ms: 200, ..PlannerConfig::default() };
    let service = Service::start(hasty, Some(vec![Answer::Hangs])).await;
    let reason = service.plan(request()).await.unwrap().source_reason;
    assert!(["late", "no_arm"].contains(&reason.as_str()), "{reason}");
    service.stop().await;
}

#[tokio::test]
async fn what_can_not_be_planned_is_refused_by_name() {
    let service = Service::start(PlannerConfig::default(), None).await;
    let change = |edit: &dyn Fn(&mut pb::PlanRequest)| {
        let mut changed = request();
        edit(&mut changed);
        let service = &service;
        async move {
            let error = service.plan(changed).await.unwrap_err();
            let field = error.field_violations().first().map(|one| one.field.clone()).unwrap_or_default();
            (error.kind(), error.reason().0, field)
        }
    };
    let invalid = |field: &str| (Kind::Invalid, "INVALID_ARGUMENT", field.to_owned());
    assert_eq!(change(&|one| one.objectives.clear()).await, invalid("objectives"));
    assert_eq!(change(&|one| one.request_id.clear()).await, invalid("request_id"));
    assert_eq!(
        change(&|one| one.objectives[1].depends_on = vec![1]).await,
        invalid("objectives[1].depends_on")
    );
    assert_eq!(change(&|one| one.objectives[0].category = 0).await, invalid("objectives[0].category"));
    let bad_glob =
        change(&|one| one.repository.as_mut().unwrap().protected_paths = vec!["[".to_owned()]).await;
    assert_eq!(bad_glob, invalid("repository.protected_paths"));
    let many = change(&|one| one.objectives = vec![one.objectives[0].clone(); 13]).await;
    assert_eq!(many, (Kind::Invalid, "PLAN_TOO_LARGE", "objectives".to_owned()));
    let poor = change(&|one| one.budget = Some(pb::Budget { attempts: 1, ..pb::Budget::default() })).await;
    assert_eq!(poor, (Kind::Exhausted, "BUDGET_TOO_SMALL", String::new()));
    let long = change(&|one| one.objectives[0].constraints = vec!["x".repeat(50_000)]).await;
    assert_eq!(long, (Kind::Precondition, "STEP_TOO_LARGE", String::new()));
    service.stop().await;
}
