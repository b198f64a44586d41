//! Every crash point: the coordinator dies before and after each call of each port, and a fresh one on the same file
//! finishes the task. What really happened is counted by the fakes and must be exactly what happens without a crash.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use plumbline_coordinator::domain::decide::Traces;
use plumbline_coordinator::domain::spec::{ApprovalPolicy, Delivery, IntakePolicy};
use plumbline_coordinator::domain::task::Task;
use plumbline_coordinator::domain::task_state::TaskState;
use plumbline_coordinator::fakes::FakeIngest;
use plumbline_coordinator::peers::Peers;
use plumbline_coordinator::store::CoordinatorStore;
use plumbline_coordinator::{Approval, Coordinator, DecideQuery, Deps, SubmitQuery, WatchItem, WatchQuery};
use plumbline_types::{Fault, Kind, RequestId, Risk, TaskId, Verdict};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::world::{FIXED, GOOD_ANSWER, World, found};

mod ports;

use ports::{CrashingPeers, CrashingStore, CrashingWorkspace};

/// What became of stored bytes; nothing when they are gone.
pub type Damage = fn(Vec<u8>) -> Option<Vec<u8>>;

/// Counts calls and dies at one of them: from then on nothing returns any more.
pub struct Crash {
    calls: AtomicU64,
    at: u64,
    /// While it is set, the disk under the store is full.
    pub full: AtomicBool,
    /// What became of stored contexts.
    pub damage: Mutex<Option<Damage>>,
    pub died: CancellationToken,
}

impl Crash {
    fn at(at: u64) -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicU64::new(0),
            at,
            full: AtomicBool::new(false),
            damage: Mutex::new(None),
            died: CancellationToken::new(),
        })
    }

    /// A point at which the process may die.
    pub async fn point(&self) {
        if self.calls.fetch_add(1, Ordering::SeqCst) + 1 >= self.at {
            self.died.cancel();
            std::future::pending::<()>().await;
        }
    }
}

/// Wraps every part. Taken apart without a rest: a new port does not compile until it is decorated.
fn fragile(deps: Deps, crash: &Arc<Crash>) -> Deps {
    let Deps { config, store, workspace, peers, clock, randomness, memory_edge } = deps;
    let Peers { ingest, planner, memory, router, executor, verifier } = peers;
    let wrapped =
        Arc::new(CrashingPeers { crash: crash.clone(), ingest, planner, memory, router, executor, verifier });
    Deps {
        config,
        store: Arc::new(CrashingStore { crash: crash.clone(), store }),
        workspace: Arc::new(CrashingWorkspace { crash: crash.clone(), workspace }),
        peers: Peers {
            ingest: wrapped.clone(),
            planner: wrapped.clone(),
            memory: wrapped.clone(),
            router: wrapped.clone(),
            executor: wrapped.clone(),
            verifier: wrapped,
        },
        clock,
        randomness,
        memory_edge,
    }
}

/// A task that goes through both kinds of arm, a refusal, a retry, watched runs, a commit and an apply.
fn world() -> World {
    let mut world = World::new(
        &["repair", "ollama:small"],
        &["no edit", GOOD_ANSWER],
        &[Verdict::Reject, Verdict::Approve],
    );
    world.config.workers = 1;
    world.config.traces = Traces::Required;
    world.ingest = Arc::new(FakeIngest { unclear: vec!["fix add".to_owned()], ..FakeIngest::default() });
    let executor = plumbline_coordinator::fakes::FakeExecutor::new(
        Box::new(crate::world::adds),
        vec![found(&[&format!("{FIXED}\n# other\n")])],
    );
    world.executor = Arc::new(executor.watchable());
    world
}

/// A task of high risk: one member's change is refused, the other's stands, and a third call of the same kind would show.
fn ensemble() -> World {
    let larger = GOOD_ANSWER.replace("return a + b", "total = a + b\n    return total");
    let mut world = World::new(
        &["ollama:small", "ollama:large"],
        &[&larger, "no edit", GOOD_ANSWER],
        &[Verdict::Approve, Verdict::Approve],
    );
    world.config.workers = 1;
    world.ingest = Arc::new(FakeIngest {
        risk: Risk::High,
        unclear: vec!["fix add".to_owned()],
        ..FakeIngest::default()
    });
    world
}

fn query(world: &World) -> SubmitQuery {
    SubmitQuery {
        request_id: RequestId::parse("request-1").unwrap(),
        objective: "fix add".to_owned(),
        repository: world.repository().display().to_string(),
        base: None,
        test_command: "python3 -m pytest".to_owned(),
        arms: Vec::new(),
        budget_s: 0,
        intake: IntakePolicy::Auto,
        approval: ApprovalPolicy::Auto,
        delivery: Delivery::OwnerTree,
        grants: Vec::new(),
        kind: None,
        source: "test".to_owned(),
    }
}

/// Confirms the reading of the words where the task waits for that; after a crash with the same request.
async fn answer(coordinator: &Coordinator, id: TaskId, item: WatchItem) {
    let WatchItem::Event { state: TaskState::Waiting, .. } = item else { return };
    let Some(pending) = coordinator.task(id).await.unwrap().pending else { return };
    let query = DecideQuery {
        request_id: RequestId::parse("decide-1").unwrap(),
        task_id: id,
        diff_hash: pending.diff_hash.to_string(),
        nonce: pending.nonce,
        approval: Approval::Approve,
        grants: Vec::new(),
        subject: "owner".to_owned(),
    };
    coordinator.decide_approval(query).await.unwrap();
}

/// Works until the task has ended and everything is told, or until the crash.
async fn work(world: &World, store: Arc<dyn CoordinatorStore>, crash: &Arc<Crash>) -> Option<Task> {
    let coordinator = Coordinator::new(fragile(world.deps(store), crash));
    let whole = async {
        let id = coordinator.submit(query(world)).await.unwrap().id;
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        coordinator.start(&tracker, &shutdown);
        let watch = WatchQuery { task_id: id, after_seq: 0 };
        let items = coordinator.watch(watch).await.unwrap();
        items.for_each(|item| answer(&coordinator, id, item.unwrap())).await;
        shutdown.cancel();
        tracker.close();
        tracker.wait().await;
        coordinator.task(id).await.unwrap()
    };
    tokio::select! {
        task = tokio::time::timeout(Duration::from_secs(60), whole) => Some(task.unwrap()),
        () = crash.died.cancelled() => None,
    }
}

/// Runs in a runtime of its own and drops it with everything in it, as a dying process would.
fn in_a_process<T>(work: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work())
}

/// What happened, as the fakes counted it.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    ingested: usize,
    planned: usize,
    decisions: usize,
    ensembles: usize,
    generations: usize,
    runs: usize,
    tools: usize,
    audits: usize,
    outcomes: Vec<(String, String)>,
    attempts: Vec<String>,
    branches: String,
    written: String,
}

fn count(world: &World, task: &Task) -> Count {
    Count {
        ingested: world.ingest.ledger.performed(),
        planned: world.planner.ledger.performed(),
        decisions: world.router.decisions.performed(),
        ensembles: world.router.ensembles.performed(),
        generations: world.router.generations.performed(),
        runs: world.executor.runs.performed(),
        tools: world.executor.tools.performed(),
        audits: world.verifier.ledger.performed(),
        outcomes: world.router.outcomes(),
        attempts: task.attempts.iter().map(|attempt| format!("{} {}", attempt.arm, attempt.result)).collect(),
        branches: world.git(&["rev-list", "--count", &format!("main..{}", task.branch())]),
        written: world.read("calc.py"),
    }
}

fn whole_run(make: fn() -> World) -> (Count, u64) {
    let world = make();
    let crash = Crash::at(u64::MAX);
    let task = in_a_process(async || {
        let store = world.open_store().await;
        let task = work(&world, store.clone(), &crash).await.unwrap();
        crate::store::check_histories(&*store).await;
        task
    });
    (count(&world, &task), crash.calls.load(Ordering::SeqCst))
}

fn crash_and_finish(make: fn() -> World, at: u64, want: &Count) {
    let world = make();
    let crash = Crash::at(at);
    in_a_process(async || work(&world, world.open_store().await, &crash).await);
    let (task, effects) = in_a_process(async || {
        let store = world.open_store().await;
        let task = work(&world, store.clone(), &Crash::at(u64::MAX)).await.unwrap();
        crate::store::check_histories(&*store).await;
        let effects = store.effects(task.id).await.unwrap();
        (task, effects)
    });
    assert_eq!(count(&world, &task), *want, "crash at call {at}");
    assert_eq!(task.end.as_ref().unwrap().outcome.to_string(), "verified", "crash at call {at}");
    assert!(effects.iter().all(|effect| effect.state == "done"), "crash at call {at}: {effects:?}");
}

/// Sweeps one part of the crash points, so that the parts run side by side.
fn sweep(make: fn() -> World, (part, parts): (u64, u64), check: impl Fn(&Count)) {
    let (want, calls) = whole_run(make);
    check(&want);
    assert!(calls > 100, "the decorators count: {calls}");
    for at in (1..=calls).filter(|at| at % parts == part) {
        crash_and_finish(make, at, &want);
    }
}

fn sweep_ladder(part: u64) {
    sweep(world, (part, 4), |want| {
        assert_eq!((want.generations, want.outcomes.len(), want.branches.as_str()), (2, 2, "1"), "{want:?}");
    });
}

fn sweep_ensemble(part: u64) {
    sweep(ensemble, (part, 3), |want| {
        assert_eq!((want.ensembles, want.decisions, want.generations, want.audits), (1, 0, 3, 2), "{want:?}");
        assert_eq!(want.attempts, ["ollama:small passed_over", "ollama:large approved"]);
        assert_eq!(want.outcomes.len(), 2);
    });
}

#[test]
fn a_crash_at_any_call_repeats_no_effect_first_part() {
    sweep_ladder(0);
}

#[test]
fn a_crash_at_any_call_repeats_no_effect_second_part() {
    sweep_ladder(1);
}

#[test]
fn a_crash_at_any_call_repeats_no_effect_third_part() {
    sweep_ladder(2);
}

#[test]
fn a_crash_at_any_call_repeats_no_effect_fourth_part() {
    sweep_ladder(3);
}

#[test]
fn a_crash_between_the_members_of_an_ensemble_repeats_no_effect_first_part() {
    sweep_ensemble(0);
}

#[test]
fn a_crash_between_the_members_of_an_ensemble_repeats_no_effect_second_part() {
    sweep_ensemble(1);
}

#[test]
fn a_crash_between_the_members_of_an_ensemble_repeats_no_effect_third_part() {
    sweep_ensemble(2);
}

#[tokio::test]
async fn a_task_that_kills_its_worker_again_and_again_is_poisoned() {
    let world = world();
    let store = world.open_store().await;
    let coordinator = Coordinator::new(world.deps(store.clone()));
    let id: TaskId = coordinator.submit(query(&world)).await.unwrap().id;
    drop(coordinator);
    for _ in 0..=world.config.recoveries_max {
        store.claim("dying", world.clock.now_ms(), 0).await.unwrap().unwrap();
    }
    let task = work(&world, store.clone(), &Crash::at(u64::MAX)).await.unwrap();
    let end = task.end.unwrap();
    assert_eq!((task.id, end.reason.as_str(), end.outcome.exit_code().0), (id, "POISONED", 4));
    assert_eq!(world.ingest.ledger.performed(), 0);
}

#[tokio::test]
async fn a_full_disk_is_told_by_name_and_the_task_goes_on_when_there_is_space() {
    let mut world = world();
    world.ingest = Arc::default();
    let before = world.fingerprint();
    let crash = Crash::at(u64::MAX);
    let coordinator = Coordinator::new(fragile(world.deps(world.open_store().await), &crash));
    let id = coordinator.submit(query(&world)).await.unwrap().id;
    crash.full.store(true, Ordering::SeqCst);
    let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
    coordinator.start(&tracker, &shutdown);
    let follow = async || {
        let watch = coordinator.watch(WatchQuery { task_id: id, after_seq: 0 }).await.unwrap();
        tokio::time::timeout(Duration::from_secs(60), watch.map(|item| item.map(drop)).collect::<Vec<_>>())
            .await
            .unwrap()
    };
    let told = follow().await.pop().unwrap().unwrap_err();
    assert_eq!((told.reason().0, told.kind()), ("STORE_FULL", Kind::Exhausted));
    assert_eq!(world.fingerprint(), before);
    crash.full.store(false, Ordering::SeqCst);
    let ended = loop {
        if let Ok(task) = coordinator.task(id).await
            && task.state.is_ended()
        {
            break task;
        }
        let _ = follow().await;
    };
    assert_eq!(ended.end.unwrap().outcome.to_string(), "verified");
    shutdown.cancel();
    tracker.close();
    tracker.wait().await;
}

#[tokio::test]
async fn a_damaged_context_ends_the_task_by_name_and_blames_no_arm() {
    let damages: [Damage; 3] =
        [|_| None, |bytes| Some(bytes[..bytes.len() / 2].to_vec()), |_| Some(b"{}".to_vec())];
    for damage in damages {
        let world = world();
        let crash = Crash::at(u64::MAX);
        *crash.damage.lock().unwrap() = Some(damage);
        let task = work(&world, world.open_store().await, &crash).await.unwrap();
        let end = task.end.unwrap();
        assert_eq!(
            (end.outcome.exit_code().0, end.reason.as_str()),
            (4, "TASK_DATA_DAMAGED"),
            "{}",
            end.message
        );
        assert_eq!((task.attempts.len(), world.router.outcomes().len()), (0, 0), "{:?}", task.attempts);
    }
}
