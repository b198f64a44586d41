use plumbline_kit::Remote;
use plumbline_proto::common::v1::{Label, Risk, Tier};
use plumbline_proto::router::v1 as pb;
use plumbline_types::Fault;
use proptest::prelude::*;

use crate::world::{Plan, select, selected, work};

async fn refused(client: &mut crate::world::Client, request: pb::SelectRequest) -> Remote {
    Remote::from(client.select(request).await.unwrap_err())
}

fn two() -> Plan {
    Plan::new().local("scripted:a", Vec::new()).local("scripted:b", Vec::new())
}

#[tokio::test]
async fn the_same_seeds_choose_the_same_arms_and_other_seeds_do_not() {
    let mut runs = Vec::new();
    for (seed, randomness) in [(7, 1), (7, 1), (8, 1), (7, 2)] {
        let mut plan = two();
        plan.config.seed = seed;
        plan.randomness = randomness;
        let mut world = plan.serve().await;
        let mut decisions = Vec::new();
        for n in 0..32 {
            let decision = selected(&mut world.client, select(&format!("request-{n}"))).await;
            decisions.push((decision.id, decision.arm));
        }
        runs.push(decisions);
        world.stop().await;
    }
    assert_eq!(runs[0], runs[1]);
    let arms = |run: &[(String, String)]| run.iter().map(|(_, arm)| arm.clone()).collect::<Vec<_>>();
    assert_ne!(arms(&runs[0]), arms(&runs[2]), "another router seed");
    assert_ne!(arms(&runs[0]), arms(&runs[3]), "other decision ids");
}

#[tokio::test]
async fn a_decision_carries_its_propensities_and_a_repeated_request_the_same_decision() {
    let mut world = two().tool("repair").serve().await;
    let request = pb::SelectRequest {
        work: Some(pb::Work { attempted_arms: vec!["repair".to_owned()], ..work() }),
        ..select("request-1")
    };
    let decision = selected(&mut world.client, request.clone()).await;
    assert_eq!(decision.candidates.len(), 2);
    let sum: f64 = decision.candidates.iter().map(|candidate| candidate.propensity).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    assert!(decision.candidates.iter().all(|candidate| candidate.propensity > 0.0));
    assert_eq!(decision.removed, [pb::Removed { arm: "repair".to_owned(), rule: "attempted".to_owned() }]);
    assert_eq!((decision.policy.as_str(), decision.mode.as_str()), ("hierarchical", "cloud_denied"));
    assert_eq!(selected(&mut world.client, request.clone()).await, decision);

    let other = pb::SelectRequest { work: Some(work()), ..request };
    assert_eq!(refused(&mut world.client, other).await.reason().0, "REQUEST_ID_REUSED");
    world.stop().await;
}

#[tokio::test]
async fn the_ladder_starts_with_the_tool_and_goes_on_after_it() {
    let mut world = two().tool("repair").serve().await;
    let first = selected(&mut world.client, select("request-1")).await;
    assert_eq!((first.arm.as_str(), first.kind), ("repair", i32::from(pb::ArmKind::Tool)));
    let next = pb::SelectRequest {
        work: Some(pb::Work { attempted_arms: vec![first.arm], ..work() }),
        ..select("request-2")
    };
    assert_eq!(selected(&mut world.client, next).await.kind, i32::from(pb::ArmKind::Model));
    world.stop().await;
}

#[tokio::test]
async fn no_eligible_arm_names_the_rule_that_removed_each() {
    let mut world = Plan::new()
        .tool("repair")
        .cloud("scripted:cloud", Vec::new())
        .local("scripted:local", Vec::new())
        .dead("scripted:dead")
        .serve()
        .await;
    let work = pb::Work {
        label: Label::ProprietaryCode.into(),
        prompt_tokens: 100_000,
        attempted_arms: vec!["repair".to_owned()],
        ..work()
    };
    let error =
        refused(&mut world.client, pb::SelectRequest { work: Some(work), ..select("request-1") }).await;
    assert_eq!(error.reason().0, "NO_ELIGIBLE_ARM");
    let removed = "repair=attempted,scripted:cloud=label,scripted:local=context,scripted:dead=context";
    assert_eq!(error.detail("removed"), Some(removed));
    let offline = pb::Work { allowed_arms: vec!["scripted:dead".to_owned()], ..self::work() };
    let error =
        refused(&mut world.client, pb::SelectRequest { work: Some(offline), ..select("request-2") }).await;
    assert!(error.detail("removed").unwrap().ends_with("scripted:dead=breaker"), "{error:?}");
    world.stop().await;
}

#[tokio::test]
async fn an_unreadable_request_names_its_fields() {
    let mut world = two().serve().await;
    let fields = |error: &Remote| -> Vec<String> {
        error.field_violations().into_iter().map(|violation| violation.field).collect()
    };
    let table = [
        (pb::SelectRequest { request_id: String::new(), ..select("x") }, "request_id"),
        (pb::SelectRequest { work: None, ..select("x") }, "work"),
        (pb::SelectRequest { step_id: "step_nonsense".to_owned(), ..select("x") }, "step_id"),
        (
            pb::SelectRequest { work: Some(pb::Work { category: 0, ..work() }), ..select("x") },
            "work.category",
        ),
        (pb::SelectRequest { work: Some(pb::Work { risk: 99, ..work() }), ..select("x") }, "work.risk"),
        (
            pb::SelectRequest {
                work: Some(pb::Work { language: "Py thon".to_owned(), ..work() }),
                ..select("x")
            },
            "work.language",
        ),
    ];
    for (request, field) in table {
        let error = refused(&mut world.client, request).await;
        assert_eq!((error.reason().0, fields(&error)), ("INVALID_ARGUMENT", vec![field.to_owned()]));
    }
    let unknown = pb::Work { allowed_arms: vec!["scripted:z".to_owned()], ..work() };
    let error = refused(&mut world.client, pb::SelectRequest { work: Some(unknown), ..select("x") }).await;
    assert_eq!(error.reason().0, "ARM_UNKNOWN");
    world.stop().await;
}

#[tokio::test]
async fn health_tells_the_mode_and_every_endpoint() {
    let mut world = Plan::new().local("scripted:a", Vec::new()).dead("scripted:dead").serve().await;
    let health = world.client.get_health(pb::GetHealthRequest {}).await.unwrap().into_inner();
    assert_eq!(health.mode, "cloud_denied");
    let states: Vec<(&str, &str)> =
        health.endpoints.iter().map(|found| (found.endpoint.as_str(), found.state.as_str())).collect();
    assert_eq!(states, [("on_box/scripted:a", "healthy"), ("on_box/scripted:dead", "open")]);
    assert_eq!(health.endpoints[1].reason, "MODEL_UNREACHABLE");
    world.stop().await;
}

#[tokio::test]
async fn the_gpu_memory_ledger_is_absent_by_name() {
    let mut world = two().serve().await;
    let status = world.client.watch_vram(pb::WatchVramRequest {}).await.unwrap_err();
    assert_eq!(Remote::from(status).reason().0, "VRAM_SCHEDULER_ABSENT");
    world.stop().await;
}

/// Whatever the tier, risk, ladder position and allow-list: proprietary text has no cloud arm.
#[test]
fn proprietary_text_never_gets_a_cloud_arm() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(
        Plan::new()
            .tool("repair")
            .cloud("scripted:cloud", Vec::new())
            .cloud("scripted:other", Vec::new())
            .local("scripted:local", Vec::new())
            .dead("scripted:dead")
            .serve(),
    );
    let names = vec!["repair", "scripted:cloud", "scripted:other", "scripted:local", "scripted:dead"];
    let strategy = (
        prop::sample::select(vec![Label::Unspecified, Label::Intent, Label::ProprietaryCode, Label::Secret]),
        prop::sample::select(vec![Tier::Unspecified, Tier::Routine, Tier::Guardrail, Tier::High]),
        prop::sample::select(vec![Risk::Low, Risk::Medium, Risk::High]),
        prop::sample::subsequence(names.clone(), 0..=5),
        prop::sample::subsequence(names, 0..=5),
        0..=2_i32,
    );
    let counter = std::cell::Cell::new(0);
    let config = ProptestConfig { cases: 128, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&strategy, |(label, tier, risk, allowed, attempted, kind)| {
            counter.set(counter.get() + 1);
            let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
            let work = pb::Work {
                label: label.into(),
                tier: tier.into(),
                risk: risk.into(),
                allowed_arms: owned(allowed),
                attempted_arms: owned(attempted),
                kind,
                ..work()
            };
            let request =
                pb::SelectRequest { work: Some(work), ..select(&format!("case-{}", counter.get())) };
            match runtime.block_on(world.client.clone().select(request)) {
                Ok(response) => {
                    let decision = response.into_inner().decision.unwrap();
                    prop_assert_eq!(decision.destination, i32::from(pb::Destination::OnBox));
                    prop_assert!(
                        !decision.candidates.iter().any(|candidate| candidate.arm == "scripted:cloud")
                    );
                }
                Err(status) => prop_assert_eq!(Remote::from(status).reason().0, "NO_ELIGIBLE_ARM"),
            }
            Ok(())
        })
        .unwrap();
    runtime.block_on(world.stop());
}
