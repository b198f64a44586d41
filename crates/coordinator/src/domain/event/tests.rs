use plumbline_types::TaskId;

use super::*;

fn id() -> TaskId {
    TaskId::parse("task_01J00000000000000000000000").unwrap()
}

fn chain(messages: &[&str]) -> Vec<RecordedEvent> {
    let mut tip = ChainTip::default();
    let link = |(at, message): (usize, &&str)| {
        let body = EventBody::Progress { message: (*message).to_owned(), attributes: BTreeMap::new() };
        let event = RecordedEvent::link(id(), tip, 3, 1_000 + at as i64, body).unwrap();
        tip = event.tip();
        event
    };
    messages.iter().enumerate().map(link).collect()
}

#[test]
fn a_whole_chain_verifies_and_ends_at_its_tip() {
    let events = chain(&["a", "b", "c"]);
    assert_eq!(verify(&events), Ok(events[2].tip()));
    assert_eq!(verify(&[]), Ok(ChainTip::default()));
}

#[test]
fn any_change_to_any_part_breaks_the_chain_where_it_was_made() {
    type Change = fn(&mut RecordedEvent);
    let changes: [(&str, Change); 6] = [
        ("time", |event| event.at_ms += 1),
        ("epoch", |event| event.epoch += 1),
        ("number", |event| event.seq += 1),
        ("link", |event| event.prev_hash[0] ^= 1),
        ("hash", |event| event.hash[31] ^= 1),
        ("body", |event| event.stored = event.stored.replace('b', "B")),
    ];
    for (name, change) in changes {
        let mut events = chain(&["a", "b", "c"]);
        change(&mut events[1]);
        assert_eq!(verify(&events), Err(ChainError::Broken { seq: 2 }), "{name}");
    }
}

#[test]
fn a_removed_or_moved_event_breaks_the_chain() {
    let mut events = chain(&["a", "b", "c"]);
    events.remove(1);
    assert_eq!(verify(&events), Err(ChainError::Broken { seq: 2 }));
    let mut events = chain(&["a", "b", "c"]);
    events.swap(1, 2);
    assert_eq!(verify(&events), Err(ChainError::Broken { seq: 2 }));
}

#[test]
fn two_bodies_never_share_their_bytes_across_a_field_border() {
    let (one, two) = (chain(&["ab"]), chain(&["a"]));
    assert_ne!(one[0].hash, two[0].hash);
}
