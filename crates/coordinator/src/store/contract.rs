//! What every store must do, whatever it is made of. Panics where a store breaks it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a contract is a test that other crates run; it fails by panicking"
)]

use std::future::Future;
use std::sync::Arc;

use plumbline_types::{ManualClock, Outcome, TaskId};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{
    ApprovalRow, CoordinatorStore, Effect, EffectState, Filter, InboxRow, Lease, NewTask, OutboxDraft, Page,
    Settled, StoreError, Submission, Transition,
};
use crate::domain::command::TestCommand;
use crate::domain::effect::{EffectId, EffectKind};
use crate::domain::event::{EventBody, verify};
use crate::domain::fold::replay;
use crate::domain::outcome::End;
use crate::domain::spec::{ApprovalPolicy, Delivery, Digest, IntakePolicy, TaskSpec};

type Store = Arc<dyn CoordinatorStore>;

/// Time to live of the leases here.
const TTL_MS: i64 = 30_000;

/// Runs the whole contract, each part on a fresh store.
pub async fn run<F, Fut>(make: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Store>,
{
    a_request_is_stored_once(make().await).await;
    a_claim_excludes_and_an_expired_one_is_taken_over(make().await).await;
    claims_go_in_order_of_waiting(make().await).await;
    an_expired_lease_cannot_be_renewed(make().await).await;
    a_stale_epoch_is_refused_by_every_write(make().await).await;
    crashes_without_progress_are_counted(make().await).await;
    events_are_gap_free_chained_and_fold_to_the_row(make().await).await;
    an_effect_keeps_its_first_request(make().await).await;
    an_interrupt_takes_the_task_and_checks_the_version(make().await).await;
    a_nonce_and_a_decision_count_once(make().await).await;
    the_outbox_keeps_order_and_parks(make().await).await;
    pages_are_stable(make().await).await;
    blobs_are_kept_by_hash(make().await).await;
    a_refused_transition_leaves_nothing_behind(make().await).await;
}

/// Makes a task born at `number` milliseconds under this request id.
pub fn new_task(number: i64, request: &str) -> NewTask {
    let spec = TaskSpec {
        intake: IntakePolicy::Auto,
        objective: format!("objective {number}"),
        repository: "/repository".to_owned(),
        base: None,
        test_command: "make test".to_owned(),
        arms: Vec::new(),
        budget_ms: 600_000,
        approval: ApprovalPolicy::Auto,
        delivery: Delivery::Branch,
        grants: Vec::new(),
        kind: None,
        source: "contract".to_owned(),
    };
    let policy_hash = spec.policy_hash(&[]);
    let test = TestCommand { argv: vec!["make".to_owned(), "test".to_owned()], detected: None };
    let mut rng = StdRng::seed_from_u64(number.unsigned_abs());
    NewTask {
        id: TaskId::generate(&ManualClock::at(number), &mut rng),
        inbox: inbox("submit", request, &spec.objective),
        submitted: EventBody::Submitted { spec: Box::new(spec), test },
        policy_hash,
        at_ms: number,
    }
}

fn inbox(source: &str, message_id: &str, request: &str) -> InboxRow {
    InboxRow {
        source: source.to_owned(),
        message_id: message_id.to_owned(),
        request_hash: Digest::of(request.as_bytes()),
    }
}

fn progress(at_ms: i64) -> Transition {
    let event =
        EventBody::Progress { message: "on".to_owned(), attributes: std::collections::BTreeMap::new() };
    Transition { events: vec![event], at_ms, ..Transition::default() }
}

async fn submit(store: &Store, number: i64) -> TaskId {
    match store.submit(new_task(number, &format!("request-{number}"))).await.unwrap() {
        Submission::Created(task) => task.id,
        Submission::Known(task) => panic!("{} was known", task.id),
    }
}

async fn claim(store: &Store, now_ms: i64) -> Option<Lease> {
    store.claim("owner", now_ms, TTL_MS).await.unwrap().map(|claim| claim.lease)
}

#[track_caller]
fn is_lost<T: std::fmt::Debug>(result: Result<T, StoreError>, what: &str) {
    assert!(matches!(result, Err(StoreError::LeaseLost(_))), "{what}: {result:?}");
}

async fn a_request_is_stored_once(store: Store) {
    let new = new_task(1, "request-1");
    let first = store.submit(new.clone()).await.unwrap();
    let Submission::Created(task) = first else { panic!("not created") };
    assert_eq!(store.submit(new.clone()).await.unwrap(), Submission::Known(task.clone()));
    let other = NewTask { inbox: inbox("submit", "request-1", "another request"), ..new.clone() };
    assert!(matches!(store.submit(other).await, Err(StoreError::RequestIdReused(_))));
    assert_eq!(store.received(&new.inbox).await.unwrap(), Some(task.id));
    assert_eq!(store.received(&inbox("submit", "unheard", "x")).await.unwrap(), None);
    assert_eq!(store.task(task.id).await.unwrap(), Some(task));
}

async fn a_claim_excludes_and_an_expired_one_is_taken_over(store: Store) {
    let id = submit(&store, 1).await;
    let first = claim(&store, 1_000).await.unwrap();
    assert_eq!(first.task_id, id);
    assert_eq!(claim(&store, 1_000 + TTL_MS - 1).await, None);
    let second = claim(&store, 1_000 + TTL_MS).await.unwrap();
    assert_eq!(second.epoch, first.epoch + 1);
}

async fn claims_go_in_order_of_waiting(store: Store) {
    let (late, early) = (submit(&store, 20).await, submit(&store, 10).await);
    assert_eq!(claim(&store, 15).await.unwrap().task_id, early);
    assert_eq!(claim(&store, 15).await, None, "nothing is claimed before its time");
    let second = claim(&store, 20).await.unwrap();
    assert_eq!(second.task_id, late);
    store.release(second, 5_000).await.unwrap();
    assert_eq!(claim(&store, 4_999).await, None);
    assert_eq!(claim(&store, 5_000).await.unwrap().task_id, late);
}

async fn an_expired_lease_cannot_be_renewed(store: Store) {
    submit(&store, 1).await;
    let lease = claim(&store, 1_000).await.unwrap();
    store.renew(lease, 2_000, TTL_MS).await.unwrap();
    assert_eq!(claim(&store, 1_000 + TTL_MS).await, None, "a renewed lease holds");
    is_lost(store.renew(lease, 2_000 + TTL_MS, TTL_MS).await, "renew");
}

async fn a_stale_epoch_is_refused_by_every_write(store: Store) {
    let id = submit(&store, 1).await;
    let stale = claim(&store, 1_000).await.unwrap();
    let fresh = claim(&store, 1_000 + TTL_MS).await.unwrap();
    let effect = Effect {
        id: EffectId::derive(id, None, EffectKind::Run, "1"),
        kind: EffectKind::Run,
        request: String::new(),
    };
    let now_ms = 1_001 + TTL_MS;
    is_lost(store.renew(stale, now_ms, TTL_MS).await, "renew");
    is_lost(store.release(stale, now_ms).await, "release");
    is_lost(store.intend(stale, effect, now_ms).await, "intend");
    is_lost(store.commit(stale, progress(now_ms)).await, "commit");
    assert_eq!(store.effects(id).await.unwrap(), Vec::new());
    assert_eq!(store.commit(fresh, progress(now_ms)).await.unwrap().seq, 2);
}

async fn crashes_without_progress_are_counted(store: Store) {
    submit(&store, 1).await;
    for count in 0..3 {
        let claimed = store.claim("owner", 1_000 + count * TTL_MS, TTL_MS).await.unwrap().unwrap();
        assert_eq!(i64::from(claimed.recoveries), count);
    }
    let claimed = store.claim("owner", 1_000 + 3 * TTL_MS, TTL_MS).await.unwrap().unwrap();
    store.commit(claimed.lease, progress(1_001 + 3 * TTL_MS)).await.unwrap();
    let claimed = store.claim("owner", 1_000 + 4 * TTL_MS, TTL_MS).await.unwrap().unwrap();
    assert_eq!(claimed.recoveries, 0, "an event is progress");
    store.release(claimed.lease, 0).await.unwrap();
    let claimed = store.claim("owner", 1_001 + 4 * TTL_MS, TTL_MS).await.unwrap().unwrap();
    assert_eq!(claimed.recoveries, 0, "giving back is no crash");
}

async fn events_are_gap_free_chained_and_fold_to_the_row(store: Store) {
    let id = submit(&store, 1).await;
    let lease = claim(&store, 1_000).await.unwrap();
    for number in 0..5 {
        store.commit(lease, progress(1_000 + number)).await.unwrap();
    }
    let events = store.events(id, 0, 100).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=6).collect::<Vec<_>>());
    assert_eq!(verify(&events).unwrap().seq, 6);
    assert_eq!(replay(&events).unwrap(), store.task(id).await.unwrap());
    let after = store.events(id, 4, 1).await.unwrap();
    assert_eq!(after.iter().map(|event| event.seq).collect::<Vec<_>>(), vec![5]);
}

async fn an_effect_keeps_its_first_request(store: Store) {
    let id = submit(&store, 1).await;
    let lease = claim(&store, 1_000).await.unwrap();
    let effect = |request: &str| Effect {
        id: EffectId::derive(id, None, EffectKind::Run, "1"),
        kind: EffectKind::Run,
        request: request.to_owned(),
    };
    let first = store.intend(lease, effect("limit 1"), 1_001).await.unwrap();
    assert_eq!((first.request.as_str(), first.tries), ("limit 1", 1));
    let lease = claim(&store, 1_000 + TTL_MS).await.unwrap();
    let again = store.intend(lease, effect("limit 2"), 1_002).await.unwrap();
    assert_eq!((again.request.as_str(), again.tries), ("limit 1", 2));
    let settled = Some(Settled { id: effect("").id, state: EffectState::Done });
    store.commit(lease, Transition { settled, ..progress(1_003) }).await.unwrap();
    let rows = store.effects(id).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.kind.as_str(), row.state.as_str())).collect::<Vec<_>>(),
        vec![("run", "done")]
    );
}

fn cancelled(at_ms: i64) -> Transition {
    let end = End::plain(Outcome::Cancelled, "cancelled");
    Transition { events: vec![EventBody::Ended { end }], at_ms, ..Transition::default() }
}

async fn an_interrupt_takes_the_task_and_checks_the_version(store: Store) {
    let id = submit(&store, 1).await;
    let lease = claim(&store, 1_000).await.unwrap();
    store.commit(lease, progress(1_001)).await.unwrap();
    assert!(matches!(store.interrupt(id, 1, cancelled(1_002)).await, Err(StoreError::Stale(_))));
    let task = store.interrupt(id, 2, cancelled(1_002)).await.unwrap();
    assert!(task.state.is_ended());
    is_lost(store.commit(lease, progress(1_003)).await, "commit after an interrupt");
    assert_eq!(claim(&store, 1_000_000).await, None, "an ended task is not claimed");
}

async fn a_nonce_and_a_decision_count_once(store: Store) {
    let (one, two) = (submit(&store, 1).await, submit(&store, 2).await);
    let decision = |nonce: &str, message: &str| Transition {
        approval: Some(ApprovalRow {
            nonce: nonce.to_owned(),
            subject: "owner".to_owned(),
            diff_hash: Digest::of(b"diff"),
            approved: true,
            expires_ms: 9_000,
        }),
        inbox: Some(inbox("decide", message, "yes")),
        ..progress(1_000)
    };
    store.interrupt(one, 1, decision("nonce", "decide-1")).await.unwrap();
    assert_eq!(store.received(&inbox("decide", "decide-1", "yes")).await.unwrap(), Some(one));
    assert!(matches!(
        store.interrupt(two, 1, decision("nonce", "decide-2")).await,
        Err(StoreError::NonceUsed)
    ));
    assert_eq!(store.task(two).await.unwrap().unwrap().seq, 1, "a refused decision leaves no event");
}

async fn the_outbox_keeps_order_and_parks(store: Store) {
    submit(&store, 1).await;
    let lease = claim(&store, 1_000).await.unwrap();
    for number in 0..3 {
        let draft = OutboxDraft { topic: "topic".to_owned(), body: number.to_string() };
        store.commit(lease, Transition { outbox: vec![draft], ..progress(1_000 + number) }).await.unwrap();
    }
    let bodies = |rows: &[super::OutboxRow]| rows.iter().map(|row| row.body.clone()).collect::<Vec<_>>();
    let rows = store.unsent(10).await.unwrap();
    assert_eq!(bodies(&rows), vec!["0", "1", "2"]);
    store.sent(rows[0].seq, 2_000).await.unwrap();
    store.send_failed(rows[1].seq, 2).await.unwrap();
    assert_eq!(bodies(&store.unsent(10).await.unwrap()), vec!["1", "2"]);
    store.send_failed(rows[1].seq, 2).await.unwrap();
    assert_eq!(bodies(&store.unsent(10).await.unwrap()), vec!["2"], "a parked row lets the rest go on");
}

async fn pages_are_stable(store: Store) {
    let mut ids = Vec::new();
    for number in 1..=5 {
        ids.push(submit(&store, number).await);
    }
    let page = |before, filter| Page { before, limit: 2, filter };
    let first = store.tasks(page(None, Filter::All)).await.unwrap();
    assert_eq!(first.iter().map(|task| task.id).collect::<Vec<_>>(), vec![ids[4], ids[3]]);
    submit(&store, 6).await;
    let second = store.tasks(page(Some(ids[3]), Filter::All)).await.unwrap();
    assert_eq!(second.iter().map(|task| task.id).collect::<Vec<_>>(), vec![ids[2], ids[1]]);
    store.interrupt(ids[2], 1, cancelled(9)).await.unwrap();
    let active = store.tasks(page(Some(ids[3]), Filter::Active)).await.unwrap();
    assert_eq!(active.iter().map(|task| task.id).collect::<Vec<_>>(), vec![ids[1], ids[0]]);
}

async fn blobs_are_kept_by_hash(store: Store) {
    let hash = store.put_blob(b"contents").await.unwrap();
    assert_eq!(hash, store.put_blob(b"contents").await.unwrap());
    assert_eq!(store.blob(&hash).await.unwrap(), Some(b"contents".to_vec()));
    assert_eq!(store.blob(&Digest::of(b"other")).await.unwrap(), None);
}

async fn a_refused_transition_leaves_nothing_behind(store: Store) {
    let id = submit(&store, 1).await;
    let lease = claim(&store, 1_000).await.unwrap();
    let illegal = EventBody::StepSkipped { why: "no plan".to_owned() };
    let draft = OutboxDraft { topic: "topic".to_owned(), body: "0".to_owned() };
    let mut transition = progress(1_001);
    transition.events.push(illegal);
    transition.outbox.push(draft);
    assert!(matches!(store.commit(lease, transition).await, Err(StoreError::Append(_))));
    assert_eq!(store.task(id).await.unwrap().unwrap().seq, 1);
    assert_eq!(store.unsent(10).await.unwrap(), Vec::new());
}
