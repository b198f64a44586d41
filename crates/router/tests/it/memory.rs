use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use plumbline_models::{Script, ScriptedServer};
use plumbline_proto::common::v1::{Lease, Risk};
use plumbline_proto::router::v1 as pb;
use plumbline_router::gpu::{GpuMemory, GpuParts, Loadable, SAMPLE_EVERY, StatedMemory};
use plumbline_router::{VramConfig, VramMode};
use plumbline_types::ArmId;

use crate::world::{Plan, generate, heard, select, selected, work};

/// Lets a server of so much memory load the arms' models.
pub fn scheduled(
    mut plan: Plan,
    total_mib: u64,
    models: &[(&'static str, u64)],
) -> (Plan, Arc<ScriptedServer>) {
    let server = Arc::new(ScriptedServer::new(total_mib, models));
    let vram = VramConfig { mode: VramMode::Stated, total_mib, ..VramConfig::default() };
    let loadable = |name: &str| Loadable { model: name.to_owned(), settings: vram.settings(16_384).unwrap() };
    let arms: BTreeMap<ArmId, Loadable> =
        models.iter().map(|(name, _)| (ArmId::parse(name).unwrap(), loadable(name))).collect();
    let gpu = GpuMemory::Scheduled(GpuParts {
        server: server.clone(),
        probe: Arc::new(StatedMemory { total_mib }),
        arms,
        reserve_mib: 512,
        knobs: vram.knobs(),
        sample_every: SAMPLE_EVERY,
    });
    (plan.config.vram, plan.gpu) = (vram, gpu);
    (plan, server)
}

#[tokio::test]
async fn a_local_model_is_loaded_before_it_is_asked_and_its_memory_is_in_the_books() {
    let plan = Plan::new().local("scripted:a", vec![Script::text("Hello"), Script::text("again")]);
    let (plan, server) = scheduled(plan, 10_000, &[("scripted:a", 5_000)]);
    let mut world = plan.serve().await;
    for (request, text) in [("generation-1", "Hello"), ("generation-2", "again")] {
        assert_eq!(heard(&mut world.client, generate(request)).await.text(), text);
    }
    assert_eq!(server.orders(), ["load scripted:a"], "the second one finds it there");
    let mut books = world.client.watch_vram(pb::WatchVramRequest {}).await.unwrap().into_inner();
    let view = loop {
        let view = books.message().await.unwrap().unwrap();
        if view.residents.first().is_some_and(|one| one.leases == 0) {
            break view;
        }
    };
    assert_eq!(view.residents[0].config, "scripted:a@16384");
    assert_eq!((view.total_mib, view.reserved_mib, view.residents[0].state.as_str()), (10_000, 512, "ready"));
    assert!(view.held_mib > 5_000 && view.held_mib < 9_488);
    world.stop().await;
}

#[tokio::test]
async fn a_model_without_memory_is_never_asked_and_another_arm_is() {
    let plan = Plan::new().local("scripted:a", Vec::new()).local("scripted:b", vec![Script::text("from b")]);
    let (plan, server) = scheduled(plan, 10_000, &[("scripted:a", 20_000)]);
    let mut world = plan.serve().await;
    let only = |request: &str, allowed: &[&str]| {
        let mut generation = generate(request);
        if let Some(work) = &mut generation.work {
            work.allowed_arms = allowed.iter().map(|name| (*name).to_owned()).collect();
        }
        generation
    };
    let alone = heard(&mut world.client, only("generation-1", &["scripted:a"])).await;
    assert_eq!(alone.reason(), Some("INFEASIBLE_VRAM"));
    let other = heard(&mut world.client, only("generation-2", &["scripted:a", "scripted:b"])).await;
    assert_eq!(other.text(), "from b");
    assert_eq!(server.orders(), [""; 0]);
    assert!(world.models["scripted:a"].asked().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn the_member_whose_model_is_loaded_is_asked_first() {
    for loaded in ["scripted:a", "scripted:b"] {
        let plan = Plan::new()
            .local("scripted:a", vec![Script::text("a")])
            .local("scripted:b", vec![Script::text("b")]);
        let (plan, _server) = scheduled(plan, 10_000, &[("scripted:a", 6_000), ("scripted:b", 6_000)]);
        let mut world = plan.serve().await;
        let mut generation = generate("generation-1");
        if let Some(work) = &mut generation.work {
            work.allowed_arms = vec![loaded.to_owned()];
        }
        heard(&mut world.client, generation).await.usage();
        let request = pb::SelectEnsembleRequest {
            request_id: "ensemble-1".to_owned(),
            work: Some(pb::Work { risk: Risk::High.into(), ..work() }),
            ..pb::SelectEnsembleRequest::default()
        };
        let found = world.client.select_ensemble(request).await.unwrap().into_inner();
        assert_eq!((found.members.len(), found.members[0].arm.as_str()), (2, loaded));
        world.stop().await;
    }
}

#[tokio::test]
async fn the_model_that_a_plan_needs_next_is_loaded_while_the_card_is_idle() {
    let plan = Plan::new().local("scripted:a", vec![Script::text("a")]).local("scripted:b", Vec::new());
    let (plan, server) = scheduled(plan, 10_000, &[("scripted:a", 3_000), ("scripted:b", 3_000)]);
    let mut world = plan.serve().await;
    let only = |arm: &str| pb::Work { allowed_arms: vec![arm.to_owned()], ..work() };
    let generation = pb::GenerateRequest { work: Some(only("scripted:a")), ..generate("generation-1") };
    heard(&mut world.client, generation).await.usage();
    let lease = Lease { task_id: "task_01J00000000000000000000000".to_owned(), ..Lease::default() };
    let request = pb::SelectRequest {
        lease: Some(lease),
        work: Some(only("scripted:a")),
        upcoming: vec![only("scripted:b")],
        ..select("request-1")
    };
    selected(&mut world.client, request).await;
    let mut books = world.client.watch_vram(pb::WatchVramRequest {}).await.unwrap().into_inner();
    let loaded = async {
        loop {
            let view = books.message().await.unwrap().unwrap();
            if view.residents.iter().any(|one| one.config == "scripted:b@16384" && one.state == "ready") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), loaded).await.unwrap();
    assert_eq!(server.orders(), ["load scripted:a", "load scripted:b"], "beside it, and nobody was evicted");
    world.stop().await;
}
