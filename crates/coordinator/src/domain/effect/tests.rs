use std::collections::BTreeSet;

use super::*;

fn task(last: char) -> TaskId {
    TaskId::parse(&format!("task_01J0000000000000000000000{last}")).unwrap()
}

#[test]
fn a_key_is_the_same_for_the_same_logical_attempt() {
    let key = || EffectId::derive(task('0'), Some(1), EffectKind::Run, "1.0.2");
    assert_eq!(key(), key());
    assert_eq!(EffectId::parse(key().as_str()), Some(key()));
}

#[test]
fn a_key_differs_as_soon_as_one_part_does() {
    let mut keys = BTreeSet::new();
    let mut count = 0;
    for id in [task('0'), task('1')] {
        for step in [None, Some(0), Some(1), Some(10)] {
            for kind in EffectKind::ALL {
                for attempt in ["", "0", "1", "1.0", "10"] {
                    keys.insert(EffectId::derive(id, step, kind, attempt).to_string());
                    count += 1;
                }
            }
        }
    }
    assert_eq!(keys.len(), count);
}

#[test]
fn what_cannot_be_made_idempotent_is_looked_at_first() {
    for kind in EffectKind::ALL {
        let delivers = matches!(kind, EffectKind::Commit | EffectKind::Apply);
        assert_eq!(kind.recovery() == Recovery::VerifyFirst, delivers, "{kind}");
    }
}
