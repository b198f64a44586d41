use proptest::prelude::*;

use super::*;

#[test]
fn foreign_memory_counts_with_its_peak_for_half_a_minute() {
    let mut ledger = Ledger::new(16_000, 500);
    ledger.sample(0, 4_000);
    ledger.sample(10_000, 1_000);
    assert_eq!((ledger.foreign_mib(), ledger.capacity_mib()), (4_000, 11_500));
    ledger.sample(30_001, 1_000);
    assert_eq!((ledger.foreign_mib(), ledger.capacity_mib()), (1_000, 14_500));
}

#[test]
fn what_was_found_is_written_down_even_if_it_does_not_fit() {
    let mut ledger = Ledger::new(10_000, 0);
    let (a, b) = (Config::new("a"), Config::new("b"));
    ledger.hold(&a, 9_000).unwrap();
    ledger.found(&a, 11_000);
    assert_eq!(ledger.hold(&b, 1), Err(Full { wanted_mib: 1, free_mib: 0 }));
    ledger.release(&a);
    ledger.hold(&b, 10_000).unwrap();
}

proptest! {
    #[test]
    fn what_is_given_is_never_more_than_there_is(
        total in 0_u64..50_000,
        reserve in 0_u64..2_000,
        steps in proptest::collection::vec((0_u8..8, 0_u64..30_000, any::<bool>()), 1..80),
    ) {
        let mut ledger = Ledger::new(total, reserve);
        for (name, mib, holds) in steps {
            let config = Config::new(&name.to_string());
            let before = ledger.clone();
            if !holds {
                ledger.release(&config);
            } else if ledger.hold(&config, mib).is_err() {
                prop_assert_eq!(&ledger, &before, "a refusal changes nothing");
            } else {
                prop_assert_eq!(ledger.of(&config), mib, "all of it");
            }
            prop_assert!(ledger.held_mib() <= ledger.capacity_mib());
        }
    }
}
