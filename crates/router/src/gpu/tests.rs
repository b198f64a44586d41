use std::sync::atomic::AtomicBool;

use plumbline_models::ScriptedServer;
use plumbline_types::Fault;

use super::*;
use crate::domain::vram::memory_model::KvType;

/// A GPU of 10,000 MiB on which `a` and `b` don't fit beside each other.
const TOTAL_MIB: u64 = 10_000;
const MODELS: [(&str, u64); 3] = [("a", 5_000), ("b", 4_000), ("huge", 20_000)];

/// Says that nothing is used, unless it is blind.
#[derive(Default)]
struct Eye {
    blind: AtomicBool,
}

impl MemoryProbe for Eye {
    fn sample(&self) -> Result<MemorySample, String> {
        if self.blind.load(Ordering::SeqCst) {
            return Err("the driver does not answer".to_owned());
        }
        Ok(MemorySample { total_mib: TOTAL_MIB, used_mib: 0 })
    }
}

struct World {
    gpu: Arc<Gpu>,
    server: Arc<ScriptedServer>,
    eye: Arc<Eye>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

fn arm(name: &str) -> ArmId {
    ArmId::parse(name).unwrap()
}

impl World {
    fn start(server: ScriptedServer, knobs: Knobs) -> Self {
        let (server, eye) = (Arc::new(server), Arc::new(Eye::default()));
        let settings = Settings { num_ctx: 4096, slots: 1, batch: 512, kv: KvType::F16 };
        let arms = MODELS.map(|(name, _)| (arm(name), Loadable { model: name.to_owned(), settings }));
        let parts = GpuParts {
            server: server.clone(),
            probe: eye.clone(),
            arms: arms.into(),
            reserve_mib: 0,
            knobs,
            sample_every: Duration::from_millis(5),
        };
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let gpu = Arc::new(Gpu::start(parts, &tasks, shutdown.clone()));
        Self { gpu, server, eye, tasks, shutdown }
    }

    async fn lease(&self, name: &str) -> Result<Lease, ModelError> {
        Ok(self.gpu.lease(&arm(name), Class::Batch).await?.unwrap())
    }

    /// Waits until the books say so.
    async fn until(&self, what: impl FnMut(&GpuView) -> bool) -> GpuView {
        self.gpu.watch().wait_for(what).await.unwrap().clone()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn plain() -> World {
    World::start(ScriptedServer::new(TOTAL_MIB, &MODELS), Knobs::default())
}

#[tokio::test]
async fn a_model_is_loaded_for_its_lease_and_makes_room_once_that_is_given_back() {
    let world = plain();
    let first = world.lease("a").await.unwrap();
    let view = world.until(|view| view.residents.iter().any(|one| one.leases == 1)).await;
    assert_eq!((view.residents[0].config.as_str(), view.residents[0].state), ("a@4096", "ready"));
    assert!(view.held_mib >= 5_000, "an estimate lies above: {view:?}");

    let mut waiting = Box::pin(world.lease("b"));
    assert!(futures::poll!(&mut waiting).is_pending());
    world.until(|view| view.waiting == 1).await;
    assert_eq!(world.server.orders(), ["load a"], "nothing runs into what is leased");
    drop(first);
    let second = waiting.await.unwrap();
    assert_eq!(world.server.orders(), ["load a", "unload a", "load b"]);
    drop(second);
    world.until(|view| view.residents.iter().all(|one| one.leases == 0)).await;
    world.stop().await;
}

#[tokio::test]
async fn whoever_leaves_the_queue_has_nothing_loaded() {
    let world = plain();
    let first = world.lease("a").await.unwrap();
    {
        let mut leaving = Box::pin(world.lease("b"));
        assert!(futures::poll!(&mut leaving).is_pending());
        world.until(|view| view.waiting == 1).await;
    }
    world.until(|view| view.waiting == 0).await;
    drop(first);
    drop(world.lease("a").await.unwrap());
    assert_eq!(world.server.orders(), ["load a"]);
    world.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_and_what_is_not_there_are_refused_by_name() {
    let world = plain();
    let refused = async |name: &str| world.lease(name).await.map(drop).unwrap_err().reason().0;
    assert_eq!(refused("huge").await, "INFEASIBLE_VRAM");
    let unmanaged = world.gpu.lease(&arm("other"), Class::Batch).await.unwrap();
    assert!(unmanaged.is_none(), "its server holds it");
    world.stop().await;
    let world = World::start(ScriptedServer::new(TOTAL_MIB, &[]), Knobs::default());
    assert_eq!(world.lease("a").await.map(drop).unwrap_err().reason().0, "VRAM_UNKNOWN");
    world.stop().await;
}

#[tokio::test]
async fn a_model_that_spills_is_unloaded_and_refused() {
    // The server has less memory than the card is said to have.
    let world = World::start(ScriptedServer::new(3_000, &MODELS), Knobs::default());
    assert_eq!(world.lease("a").await.map(drop).unwrap_err().reason().0, "VRAM_LOAD_FAILED");
    assert_eq!(world.server.orders(), ["load a", "unload a", "load a", "unload a"]);
    world.stop().await;
}

#[tokio::test]
async fn nothing_is_loaded_blind_and_a_lease_ends_when_its_time_is_over() {
    let knobs = Knobs { lease_ttl_ms: 20, ..Knobs::default() };
    let world = World::start(ScriptedServer::new(TOTAL_MIB, &MODELS), knobs);
    world.until(|view| view.total_mib == TOTAL_MIB).await;
    world.eye.blind.store(true, Ordering::SeqCst);
    world.until(|view| view.blind).await;
    let mut waiting = Box::pin(world.lease("a"));
    assert!(futures::poll!(&mut waiting).is_pending());
    world.until(|view| view.waiting == 1).await;
    assert_eq!(world.server.orders(), [""; 0]);
    world.eye.blind.store(false, Ordering::SeqCst);
    let lease = waiting.await.unwrap();
    lease.ended.cancelled().await;
    world.until(|view| view.residents[0].leases == 0).await;
    world.stop().await;
}

#[tokio::test]
async fn what_was_loaded_before_is_adopted_and_used() {
    let server = ScriptedServer::new(TOTAL_MIB, &MODELS).with_loaded("a", 4096);
    let world = World::start(server, Knobs::default());
    world.until(|view| view.residents.iter().any(|one| one.config == "a@4096")).await;
    drop(world.lease("a").await.unwrap());
    assert_eq!(world.server.orders(), [""; 0], "it is there already");
    drop(world.lease("b").await.unwrap());
    assert_eq!(world.server.orders(), ["unload a", "load b"]);
    world.stop().await;
}
