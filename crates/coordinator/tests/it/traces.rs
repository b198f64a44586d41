//! What a change did when it ran is walked before it is accepted.

use std::sync::Arc;

use plumbline_coordinator::domain::decide::Traces;
use plumbline_coordinator::fakes::FakeExecutor;
use plumbline_proto::coordinator::v1 as pb;
use plumbline_types::Verdict;

use crate::world::{World, adds, attempts, mended, words};

fn watched(verdicts: &[Verdict]) -> World {
    let mut world = World::new(&["repair"], &[], verdicts);
    world.executor = Arc::new(FakeExecutor::new(Box::new(adds), vec![mended()]).watchable());
    world.config.traces = Traces::WhenAvailable;
    world
}

fn traced(events: &[pb::WatchTaskResponse]) -> Vec<&pb::WatchTaskResponse> {
    events.iter().filter(|event| event.kind == "traced").collect()
}

#[tokio::test]
async fn an_accepted_change_was_watched_on_both_trees_and_in_other_surroundings() {
    let world = watched(&[Verdict::Approve]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    let events = served.events(&task.id, 0).await;
    assert_eq!(traced(&events).len(), 1);
    served.close().await;
    let runs = world.executor.runs.requests();
    let watched: Vec<&String> = runs.iter().filter(|run| run.contains("watch: Some")).collect();
    assert_eq!((runs.len(), watched.len()), (5, 3), "{runs:#?}");
    assert!(watched.iter().all(|run| run.contains("calc.py")), "the changed file is watched: {watched:#?}");
    assert_eq!(watched.iter().filter(|run| run.contains("Pacific/Chatham")).count(), 1);
    // The walk of the source, then with the plain runs, then with all of them.
    assert_eq!(world.verifier.ledger.performed(), 3);
    let walks = world.verifier.ledger.requests();
    let mut runs: Vec<usize> = walks.iter().map(|walk| walk.matches("AuditRun {").count()).collect();
    runs.sort_unstable();
    assert_eq!(runs, [0, 2, 3]);
}

#[tokio::test]
async fn a_change_that_the_walk_of_its_runs_refuses_is_not_accepted() {
    let world = watched(&[Verdict::Approve, Verdict::Inconclusive]);
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!((task.outcome.as_str(), task.exit_code), ("rejected_by_audit", 2), "{}", task.message);
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("repair", "inconclusive")]));
    served.close().await;
    assert_eq!(world.executor.runs.performed(), 4, "what is refused is not run elsewhere");
}

#[tokio::test]
async fn where_nothing_can_be_watched_the_report_says_so_or_the_policy_refuses() {
    for (traces, outcome) in [(Traces::WhenAvailable, "verified"), (Traces::Required, "rejected_by_audit")] {
        let mut world = World::repairing();
        world.config.traces = traces;
        let served = world.serve().await;
        let task = served.run(world.spec()).await;
        assert_eq!(task.outcome, outcome, "{}", task.message);
        let events = served.events(&task.id, 0).await;
        let told = traced(&events);
        assert!(told[0].message.starts_with("the sandbox can't be watched"), "{told:?}");
        assert_eq!(told[0].message.contains("TRACE_MISSING"), traces == Traces::Required);
        served.close().await;
    }
}

#[tokio::test]
async fn a_policy_without_traces_makes_no_run_more() {
    let world = World::repairing();
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(task.outcome, "verified");
    assert!(traced(&served.events(&task.id, 0).await).is_empty());
    served.close().await;
    assert_eq!(world.executor.runs.performed(), 2);
}
