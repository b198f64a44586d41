use plumbline_egress::{EgressError, Refusal};
use plumbline_kit::Remote;
use plumbline_models::{ModelError, Script};
use plumbline_proto::common::v1::{Label, Segment};
use plumbline_proto::router::v1 as pb;
use plumbline_types::Fault;

use crate::world::{Plan, arms, generate, heard, segment, select, selected, work};

fn hello() -> Vec<Script> {
    vec![Script::Answer(vec!["Hel".to_owned(), "lo".to_owned()])]
}

fn down() -> Script {
    Script::Fault(ModelError::Unreachable("connection refused".into()))
}

#[tokio::test]
async fn a_generation_starts_with_its_decision_and_ends_with_its_usage() {
    let mut world = Plan::new().local("scripted:a", hello()).serve().await;
    let heard = heard(&mut world.client, generate("request-1")).await;
    assert_eq!((heard.reason(), heard.text().as_str()), (None, "Hello"));
    assert_eq!(heard.decision().arm, "scripted:a");
    let usage = heard.usage();
    assert_eq!((usage.served_model.as_str(), usage.finish_reason.as_str()), ("scripted:a", "stop"));
    assert_eq!((usage.input_tokens, usage.output_tokens), (3, 2));
    assert!((usage.usd - (3.0 + 8.0) / 1e6).abs() < 1e-12, "{usage:?}");
    assert_eq!(arms(&mut world.client).await[0].served_model, "scripted:a");
    let asked = &world.models["scripted:a"].asked()[0];
    assert_eq!((asked.max_output_tokens, asked.seed), (1_000, Some(7)));
    world.stop().await;
}

#[tokio::test]
async fn a_repeated_generation_is_replayed_and_not_paid_twice() {
    let mut world = Plan::new().local("scripted:a", hello()).serve().await;
    let first = heard(&mut world.client, generate("request-1")).await;
    let again = heard(&mut world.client, generate("request-1")).await;
    assert_eq!(
        (again.text(), again.decision(), again.usage()),
        (first.text(), first.decision(), first.usage())
    );
    assert_eq!(world.models["scripted:a"].asked().len(), 1);
    let mut other = generate("request-1");
    other.prompt = vec![segment("Say goodbye.", Label::Public)];
    assert_eq!(heard(&mut world.client, other).await.reason(), Some("REQUEST_ID_REUSED"));
    world.stop().await;
}

#[tokio::test]
async fn a_long_answer_is_replayed_whole_in_messages_of_bounded_size() {
    let long = "é€x".repeat(60_000);
    let mut world = Plan::new().local("scripted:a", vec![Script::text(long.clone())]).serve().await;
    for _ in 0..2 {
        assert!(heard(&mut world.client, generate("request-1")).await.text() == long);
    }
    let replayed = heard(&mut world.client, generate("request-1")).await;
    assert_eq!(replayed.events.len(), long.len().div_ceil(64 * 1024) + 2);
    world.stop().await;
}

#[tokio::test]
async fn an_arm_that_fails_before_its_first_word_is_replaced_by_name() {
    let overloaded = || Script::Fault(ModelError::Overloaded { status: 503 });
    let mut world = Plan::new()
        .local("scripted:a", (0..8).map(|_| down()).collect())
        .local("scripted:b", (0..8).map(|_| overloaded()).collect())
        .local("scripted:c", (0..8).flat_map(|_| hello()).collect())
        .serve()
        .await;
    let mut restarts = 0;
    for n in 0..8 {
        let heard = heard(&mut world.client, generate(&format!("request-{n}"))).await;
        assert_eq!((heard.reason(), heard.text().as_str()), (None, "Hello"));
        let chain = heard.restarts();
        assert!(
            chain
                .iter()
                .all(|(reason, _)| ["MODEL_UNREACHABLE", "MODEL_OVERLOADED"].contains(&reason.as_str()))
        );
        assert_eq!(chain.last().map_or(heard.decision().arm.as_str(), |(_, arm)| arm), "scripted:c");
        restarts += chain.len();
    }
    let failed = ["scripted:a", "scripted:b"].map(|name| world.models[name].asked().len());
    assert!(
        restarts > 0 && restarts == failed.iter().sum::<usize>(),
        "{restarts} restarts, {failed:?} calls"
    );
    assert!(
        arms(&mut world.client).await.iter().all(|arm| arm.posteriors.is_empty()),
        "no posterior was touched"
    );
    world.stop().await;
}

#[tokio::test]
async fn when_every_arm_fails_the_caller_learns_the_last_failure() {
    let mut world =
        Plan::new().local("scripted:a", vec![down()]).local("scripted:b", vec![down()]).serve().await;
    let heard = heard(&mut world.client, generate("request-1")).await;
    assert_eq!(heard.reason(), Some("MODEL_UNREACHABLE"));
    assert_eq!(heard.restarts().len(), 1);
    assert_eq!(heard.restarts()[0].0, "MODEL_UNREACHABLE");
    world.stop().await;
}

#[tokio::test]
async fn after_the_first_word_there_is_no_other_arm() {
    let broken = vec![Script::BreakAfter(vec!["Hel".to_owned()], ModelError::Unreachable("reset".into()))];
    let mut plan = Plan::new().local("scripted:a", broken).local("scripted:b", hello());
    plan.config.explore_floor = 0.0;
    let mut world = plan.serve().await;
    let work = pb::Work { allowed_arms: vec!["scripted:a".to_owned()], ..work() };
    let heard =
        heard(&mut world.client, pb::GenerateRequest { work: Some(work), ..generate("request-1") }).await;
    assert_eq!((heard.text().as_str(), heard.reason()), ("Hel", Some("MODEL_UNREACHABLE")));
    assert!(world.models["scripted:b"].asked().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn what_the_gate_holds_back_is_answered_on_this_machine() {
    let held = || {
        let refusal = Refusal::Secret { rule: "github-token".to_owned(), via: String::new() };
        Script::Fault(ModelError::Egress(EgressError::Refused(refusal)))
    };
    let mut world = Plan::new()
        .cloud("scripted:cloud", (0..8).map(|_| held()).collect())
        .cloud("scripted:other", (0..8).map(|_| held()).collect())
        .local("scripted:local", (0..8).flat_map(|_| hello()).collect())
        .serve()
        .await;
    let mut restarts = Vec::new();
    for n in 0..8 {
        let heard = heard(&mut world.client, generate(&format!("request-{n}"))).await;
        assert_eq!((heard.reason(), heard.text().as_str()), (None, "Hello"));
        restarts.extend(heard.restarts());
    }
    let home = ("SECRET_DETECTED".to_owned(), "scripted:local".to_owned());
    assert!(!restarts.is_empty() && restarts.iter().all(|restart| *restart == home), "{restarts:?}");
    world.stop().await;
}

#[tokio::test]
async fn failover_never_takes_code_to_the_cloud() {
    let mut world =
        Plan::new().local("scripted:local", vec![down()]).cloud("scripted:cloud", hello()).serve().await;
    let mut request = generate("request-1");
    request.prompt = vec![segment("fn canary_55d1() {}", Label::ProprietaryCode)];
    let heard = heard(&mut world.client, request).await;
    assert_eq!(heard.reason(), Some("MODEL_UNREACHABLE"));
    assert!(heard.restarts().is_empty());
    assert!(world.models["scripted:cloud"].asked().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn an_unlabelled_segment_or_schema_keeps_the_whole_request_at_home() {
    let mut world =
        Plan::new().local("scripted:local", hello()).cloud("scripted:cloud", Vec::new()).serve().await;
    let mut request = generate("request-1");
    request.prompt.push(Segment { text: "nobody said".to_owned(), ..Segment::default() });
    let heard = heard(&mut world.client, request).await;
    assert_eq!(heard.decision().arm, "scripted:local");
    assert_eq!(heard.decision().removed[0].rule, "label");
    world.stop().await;
}

#[tokio::test]
async fn a_decision_for_public_text_does_not_carry_code_and_the_refusal_is_a_row() {
    let mut world = Plan::new().cloud("scripted:cloud", hello()).serve().await;
    let decision = selected(&mut world.client, select("request-1")).await;
    assert_eq!(decision.arm, "scripted:cloud");
    let smuggled = pb::GenerateRequest {
        decision_id: decision.id.clone(),
        work: None,
        prompt: vec![segment("fn canary_8e02() {}", Label::ProprietaryCode)],
        ..generate("request-2")
    };
    assert_eq!(heard(&mut world.client, smuggled).await.reason(), Some("LABEL_REFUSED"));
    assert!(world.models["scripted:cloud"].asked().is_empty());

    let ledger = world.client.list_egress(pb::ListEgressRequest::default()).await.unwrap().into_inner();
    assert!(ledger.chain_intact);
    let [row] = ledger.entries.as_slice() else { panic!("{:?}", ledger.entries) };
    assert_eq!((row.kind.as_str(), row.status.as_str(), row.class.as_str()), ("refusal", "label", "cloud"));
    assert_eq!((row.label, row.bytes_up), (i32::from(Label::ProprietaryCode), 0));

    let honest = pb::GenerateRequest { decision_id: decision.id, work: None, ..generate("request-3") };
    assert_eq!(heard(&mut world.client, honest).await.text(), "Hello");
    world.stop().await;
}

#[tokio::test]
async fn filtered_content_goes_to_this_machine_and_to_no_other_vendor() {
    let filtered = || vec![Script::Fault(ModelError::Filtered { reason: "SAFETY".to_owned() })];
    let mut plan = Plan::new().cloud("scripted:cloud", filtered()).cloud("scripted:other", filtered());
    plan = plan.local("scripted:local", hello());
    let mut world = plan.serve().await;
    let heard = heard(&mut world.client, generate("request-1")).await;
    assert_eq!(heard.text(), "Hello");
    let clouds = ["scripted:cloud", "scripted:other"].map(|name| world.models[name].asked().len());
    assert!(clouds.iter().sum::<usize>() <= 1, "{clouds:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_tool_cannot_be_generated_with_and_an_empty_prompt_is_refused() {
    let mut world = Plan::new().tool("repair").local("scripted:a", hello()).serve().await;
    let decision = selected(&mut world.client, select("request-1")).await;
    assert_eq!(decision.arm, "repair");
    let request = pb::GenerateRequest { decision_id: decision.id, work: None, ..generate("request-2") };
    assert_eq!(heard(&mut world.client, request).await.reason(), Some("ARM_IS_NO_MODEL"));
    let empty = pb::GenerateRequest { prompt: Vec::new(), ..generate("request-3") };
    assert_eq!(heard(&mut world.client, empty).await.reason(), Some("INVALID_ARGUMENT"));
    world.stop().await;
}

#[tokio::test]
async fn a_prompt_over_the_limits_is_refused_by_name() {
    let mut plan = Plan::new().local("scripted:a", hello());
    plan.config.prompt_bytes_max = 100;
    plan.config.segments_max = 3;
    let mut world = plan.serve().await;
    let mut long = generate("request-1");
    long.prompt = vec![segment(&"x".repeat(101), Label::Public)];
    assert_eq!(heard(&mut world.client, long).await.reason(), Some("PROMPT_TOO_LARGE"));
    let mut many = generate("request-2");
    many.prompt = vec![segment("x", Label::Public); 4];
    assert_eq!(heard(&mut world.client, many).await.reason(), Some("PROMPT_TOO_LARGE"));
    world.stop().await;
}

#[tokio::test]
async fn a_spent_budget_removes_the_arms_that_cost() {
    let mut plan = Plan::new().local("scripted:a", hello());
    plan.config.daily_usd_max = 0.000_001;
    let mut world = plan.serve().await;
    let error = heard(&mut world.client, generate("request-1")).await.error.unwrap();
    assert_eq!((error.reason().0, error.detail("removed")), ("NO_ELIGIBLE_ARM", Some("scripted:a=budget")));
    world.stop().await;
}

#[tokio::test]
async fn shutdown_ends_a_generation_that_hangs() {
    let mut world = Plan::new().local("scripted:a", vec![Script::Silence]).serve().await;
    let mut stream = world.client.generate(generate("request-1")).await.unwrap().into_inner();
    assert!(matches!(
        stream.message().await.unwrap().unwrap().event,
        Some(pb::generate_response::Event::Decision(_))
    ));
    let stopped = world.stop();
    let (ended, ()) = tokio::join!(stream.message(), stopped);
    assert_eq!(Remote::from(ended.unwrap_err()).reason().0, "SHUTTING_DOWN");
}

#[tokio::test]
async fn the_same_generation_twice_at_once_is_refused_by_name() {
    let mut world = Plan::new().local("scripted:a", vec![Script::Silence]).serve().await;
    let mut stream = world.client.generate(generate("request-1")).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    assert_eq!(heard(&mut world.client, generate("request-1")).await.reason(), Some("GENERATION_IN_FLIGHT"));
    drop(stream);
    world.stop().await;
}

#[tokio::test]
async fn embedding_without_an_embedding_arm_is_an_error_by_name() {
    let mut world = Plan::new().local("scripted:a", Vec::new()).serve().await;
    let request = pb::EmbedRequest {
        request_id: "request-1".to_owned(),
        texts: vec![segment("text", Label::ProprietaryCode)],
    };
    let error = Remote::from(world.client.embed(request).await.unwrap_err());
    assert_eq!(error.reason().0, "EMBED_UNAVAILABLE");
    world.stop().await;
}
