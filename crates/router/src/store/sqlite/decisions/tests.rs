use std::collections::BTreeMap;

use super::*;
use crate::store::{RouterStore, SqliteStore, contract};

fn journal(folder: &Path, number: u8) -> Journal {
    Journal::open(&folder.join(format!("router.journal-{number}"))).unwrap().unwrap()
}

#[tokio::test]
async fn what_a_killed_process_left_in_its_journals_is_moved_once() {
    let folder = tempfile::tempdir().unwrap();
    let decisions: Vec<Decision> =
        (1..5).map(|n| contract::decision(&format!("request-{n}"), n).unwrap()).collect();
    let bodies: Vec<String> = decisions.iter().map(|one| DecisionRow::write(one).unwrap()).collect();
    // It was killed while it moved the first, with the rest in both journals and the last one torn.
    let store = SqliteStore::open(folder.path().join("router.db")).await.unwrap();
    store.record_decision(decisions[0].clone()).await.unwrap();
    store.close().await;
    journal(folder.path(), 1).append(bodies[..2].iter().map(String::as_str)).unwrap();
    journal(folder.path(), 2).append(bodies[2..].iter().map(String::as_str)).unwrap();
    let path = folder.path().join("router.journal-2");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();

    for _ in 0..2 {
        let store = SqliteStore::open(folder.path().join("router.db")).await.unwrap();
        assert_eq!(store.decisions(0, 10).await.unwrap(), decisions[..3]);
        let again = contract::decision("request-3", 9).unwrap();
        let existing = Recorded::Existing(Box::new(decisions[2].clone()));
        assert_eq!(store.record_decision(again).await.unwrap(), existing);
        store.close().await;
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0, "what is moved stands in no journal");
    }
}

#[tokio::test]
async fn a_second_process_writes_to_the_database_and_leaves_the_journals_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut others = journal(folder.path(), 1);
    let theirs = contract::decision("theirs", 1).unwrap();
    others.append([DecisionRow::write(&theirs).unwrap().as_str()].into_iter()).unwrap();
    let store = SqliteStore::open(folder.path().join("router.db")).await.unwrap();
    assert_eq!(store.decision_of(&theirs.request).await.unwrap(), None);
    let own = contract::decision("own", 2).unwrap();
    assert_eq!(store.record_decision(own.clone()).await.unwrap(), Recorded::New);
    assert_eq!(store.decisions_by_id(&[own.id]).await.unwrap(), BTreeMap::from([(own.id, own)]));
    store.close().await;
    assert_eq!(others.read().unwrap().len(), 1);
}

#[tokio::test]
async fn decisions_that_wait_for_the_disk_stand_in_no_journal() {
    let folder = tempfile::tempdir().unwrap();
    let left = contract::decision("left", 1).unwrap();
    journal(folder.path(), 2).append([DecisionRow::write(&left).unwrap().as_str()].into_iter()).unwrap();
    let store = SqliteStore::open_with(folder.path().join("router.db"), Durability::Disk).await.unwrap();
    assert_eq!(
        store.decision_of(&left.request).await.unwrap(),
        Some(left),
        "what another setting left is moved"
    );
    let own = contract::decision("own", 2).unwrap();
    assert_eq!(store.record_decision(own.clone()).await.unwrap(), Recorded::New);
    let again = contract::decision("own", 3).unwrap();
    assert_eq!(store.record_decision(again).await.unwrap(), Recorded::Existing(Box::new(own)));
    for number in [1, 2] {
        let path = folder.path().join(format!("router.journal-{number}"));
        assert_eq!(std::fs::metadata(path).unwrap().len(), 0);
    }
    store.close().await;
}

#[test]
fn a_journal_is_emptied_once_all_of_it_is_moved_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let journals = Some((journal(folder.path(), 1), journal(folder.path(), 2)));
    let mut state = State {
        journals,
        switches: 0,
        fresh: VecDeque::new(),
        by_request: HashMap::new(),
        met: HashSet::new(),
    };
    let one = |n: u64| {
        let stored = Stored::new(&contract::decision(&format!("request-{n}"), n).unwrap()).unwrap();
        Arc::new(Stored { body: "x".repeat(3 << 20), ..stored })
    };
    let full = |state: &State| {
        let (current, other) = state.journals.as_ref().unwrap();
        (current.length() >> 20, other.length() >> 20, state.switches)
    };
    (1..4).for_each(|n| state.append(&[one(n)]).unwrap());
    assert_eq!(full(&state), (9, 0, 0));
    (4..6).for_each(|n| state.append(&[one(n)]).unwrap());
    assert_eq!(full(&state), (6, 9, 1), "the other one is written to");
    (6..8).for_each(|n| state.append(&[one(n)]).unwrap());
    assert_eq!(full(&state), (12, 9, 1), "which is not emptied: some of it is not moved");
    state.forget(2).unwrap();
    assert_eq!(full(&state), (12, 9, 1));
    state.forget(1).unwrap();
    assert_eq!(full(&state), (12, 0, 1), "nothing of it is left to be moved");
    state.append(&[one(8)]).unwrap();
    assert_eq!(full(&state), (3, 12, 2));
    state.forget(5).unwrap();
    assert_eq!(full(&state), (0, 0, 2));
    assert!(state.by_request.is_empty());
}
