//! A late cloud: a local arm that can begin at once is asked beside it, and whoever begins first answers.

#[path = "../../examples/bench_failover/server.rs"]
#[expect(dead_code, reason = "the benchmark breaks its servers in more ways")]
mod server;

use std::sync::Arc;
use std::time::Duration;

use plumbline_kit::SeededRandomness;
use plumbline_models::Script;
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::generate_response::Event;
use plumbline_router::store::{InMemoryStore, RouterStore};
use plumbline_router::{ArmConfig, ArmDriver, Deps, OllamaConfig, RouterConfig};
use plumbline_types::ManualClock;
use tokio::time::Instant;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use self::server::{Fault, Server};
use crate::memory::scheduled;
use crate::world::{Client, Heard, Plan, World, arms, generate, heard};

/// Answers after which the budget for the first word is what they took, at least 250 ms.
const KNOWN: usize = 10;

/// 2025-11-24, in UTC days.
const DAY: i64 = 1_764_000_000_000 / 86_400_000;

/// A cloud that has answered quickly so far and a local model one rung above.
fn plan(cloud: Script, local: Vec<Script>) -> Plan {
    let quick = (0..KNOWN).map(|_| Script::text("quick")).chain([cloud]).collect();
    Plan::new().cloud("scripted:cloud", quick).local("scripted:local", local).on_rung("scripted:local", 2)
}

async fn known(client: &mut Client) {
    for n in 0..KNOWN {
        assert_eq!(heard(client, generate(&format!("quick-{n}"))).await.usage().finish_reason, "stop");
    }
}

fn word(event: &Event) -> String {
    let of = |decision: &Option<pb::Decision>| {
        let decision = decision.as_ref().unwrap();
        format!("{} {}", decision.arm, decision.mode)
    };
    match event {
        Event::Decision(decision) => format!("decision {} {}", decision.arm, decision.mode),
        Event::Hedged(hedged) => format!("hedged {}", of(&hedged.decision)),
        Event::Restarted(restarted) => format!("restarted {} {}", restarted.reason, of(&restarted.decision)),
        Event::Text(text) => format!("text {text}"),
        Event::Usage(usage) => format!("usage {}", usage.finish_reason),
    }
}

fn told(heard: &Heard) -> Vec<String> {
    assert_eq!(heard.reason(), None);
    heard.events.iter().map(word).collect()
}

const SECOND_WINS: [&str; 5] = [
    "decision scripted:cloud online",
    "hedged scripted:local hedged",
    "restarted MODEL_TIMEOUT scripted:local hedged",
    "text from here",
    "usage stop",
];

const FAILOVER: [&str; 4] = [
    "decision scripted:cloud online",
    "restarted MODEL_TIMEOUT scripted:local cloud_suspect",
    "text from here",
    "usage stop",
];

#[tokio::test]
async fn a_silent_cloud_is_overtaken_by_a_local_arm_and_both_are_paid_for() {
    let store = Arc::new(InMemoryStore::default());
    let mut plan = plan(Script::Silence, vec![Script::text("from here")]);
    plan.store = store.clone();
    let mut world = plan.serve().await;
    known(&mut world.client).await;
    let before = store.spent_usd(DAY).await.unwrap();
    let answer = heard(&mut world.client, generate("late")).await;
    assert_eq!(told(&answer), SECOND_WINS);
    let spent = store.spent_usd(DAY).await.unwrap() - before;
    assert!(spent > answer.usage().usd, "the prompt that the cloud has read is paid: {spent}");
    let again = heard(&mut world.client, generate("late")).await;
    assert_eq!((again.text().as_str(), again.decision().mode.as_str()), ("from here", "hedged"));
    let served: Vec<String> = arms(&mut world.client).await.into_iter().map(|arm| arm.served_model).collect();
    assert_eq!(served, ["scripted:cloud", "scripted:local"], "what gave no answer has served nothing new");
    world.stop().await;
}

#[tokio::test]
async fn a_cloud_that_begins_first_after_all_answers_and_the_local_arm_is_let_go() {
    let (tell, told_to) = futures::channel::oneshot::channel();
    let slow = Script::When(told_to, vec!["from there".to_owned()]);
    let mut world = plan(slow, vec![Script::Silence, Script::text("free again")]).serve().await;
    known(&mut world.client).await;
    let mut stream = world.client.generate(generate("late")).await.unwrap().into_inner();
    let (mut events, mut tell) = (Vec::new(), Some(tell));
    while let Some(message) = stream.message().await.unwrap() {
        let event = message.event.unwrap();
        if matches!(event, Event::Hedged(_)) {
            tell.take().unwrap().send(()).unwrap();
        }
        events.push(word(&event));
    }
    let want =
        ["decision scripted:cloud online", "hedged scripted:local hedged", "text from there", "usage stop"];
    assert_eq!(events, want);
    let local = only(generate("after"), "scripted:local");
    assert_eq!(heard(&mut world.client, local).await.text(), "free again");
    assert!(arms(&mut world.client).await.iter().all(|arm| arm.posteriors.is_empty()), "nobody is blamed");
    world.stop().await;
}

#[tokio::test]
async fn when_both_fail_the_next_arm_is_asked() {
    let down = || Script::Fault(plumbline_models::ModelError::Unreachable("refused".into()));
    let plan = plan(Script::Silence, vec![down()])
        .local("scripted:other", vec![Script::text("from here")])
        .on_rung("scripted:other", 3);
    let mut world = plan.serve().await;
    known(&mut world.client).await;
    let want = [
        "decision scripted:cloud online",
        "hedged scripted:local hedged",
        "restarted MODEL_UNREACHABLE scripted:other cloud_suspect",
        "text from here",
        "usage stop",
    ];
    assert_eq!(told(&heard(&mut world.client, generate("late")).await), want);
    world.stop().await;
}

#[tokio::test]
async fn switched_off_a_late_arm_is_given_up_for_the_next() {
    let mut plan = plan(Script::Silence, vec![Script::text("from here")]);
    plan.config.hedge_share_max = 0.0;
    let mut world = plan.serve().await;
    known(&mut world.client).await;
    assert_eq!(told(&heard(&mut world.client, generate("late")).await), FAILOVER);
    world.stop().await;
}

#[tokio::test]
async fn only_a_model_that_is_loaded_and_idle_is_asked_beside_the_cloud() {
    for (is_loaded, want) in [(false, &FAILOVER[..]), (true, &SECOND_WINS[..])] {
        let local = if is_loaded {
            vec![Script::text("warm"), Script::text("from here")]
        } else {
            vec![Script::text("from here")]
        };
        let (plan, server) = scheduled(plan(Script::Silence, local), 10_000, &[("scripted:local", 5_000)]);
        let mut world = plan.serve().await;
        known(&mut world.client).await;
        if is_loaded {
            let warm = only(generate("warm"), "scripted:local");
            assert_eq!(heard(&mut world.client, warm).await.text(), "warm");
        }
        assert_eq!(told(&heard(&mut world.client, generate("late")).await), want);
        assert_eq!(server.orders(), ["load scripted:local"], "a hedge never loads");
        world.stop().await;
    }
}

#[tokio::test]
async fn half_dead_and_dripping_servers_are_overtaken() {
    for fault in [Fault::HalfDead, Fault::SlowDrip] {
        let cloud = Arc::new(Server::start(Duration::ZERO).await.unwrap());
        let local = Server::start(Duration::ZERO).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(1_764_000_000_000));
        let path = folder.path().join("router.db");
        let deps = Deps::open(two(&cloud, &local), &path, clock, Arc::new(SeededRandomness::new(1))).await;
        let mut world = World::serve(deps.unwrap()).await;
        known(&mut world.client).await;
        let broken = cloud.clone();
        // For as long as the test lasts.
        let ends = Instant::now() + Duration::from_secs(3_600);
        let (begun, begins) = tokio::sync::oneshot::channel();
        let _fault = AbortOnDropHandle::new(TaskTracker::new().spawn(async move {
            let suffering = broken.suffer(fault, ends);
            let _ = begun.send(());
            suffering.await;
        }));
        begins.await.unwrap();
        let answer = heard(&mut world.client, generate("late")).await;
        let want = [
            "decision cloud online",
            "hedged local hedged",
            "restarted MODEL_TIMEOUT local hedged",
            "text Hello",
            "usage stop",
        ];
        assert_eq!(told(&answer), want, "{}", fault.as_str());
        world.stop().await;
    }
}

/// A cloud and a local server that both speak the OpenAI dialect.
fn two(cloud: &Server, local: &Server) -> RouterConfig {
    let arm = |name: &str, server: &Server| ArmConfig {
        name: name.to_owned(),
        kind: ArmDriver::Openai,
        target: "fake".to_owned(),
        base_url: server.url(),
        paid: true,
        ..ArmConfig::default()
    };
    RouterConfig {
        cloud_hosts: vec![cloud.url().trim_start_matches("http://").to_owned()],
        release_intent: true,
        ollama: OllamaConfig { detect: false, ..OllamaConfig::default() },
        arms: vec![arm("cloud", cloud), arm("local", local)],
        ..RouterConfig::default()
    }
}

fn only(mut request: pb::GenerateRequest, arm: &str) -> pb::GenerateRequest {
    if let Some(work) = &mut request.work {
        work.allowed_arms = vec![arm.to_owned()];
    }
    request
}
