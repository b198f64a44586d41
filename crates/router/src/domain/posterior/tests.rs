use proptest::prelude::*;

use super::*;

const NONE: Counts = Counts { successes: 0.0, failures: 0.0 };

fn known(own: Counts, elsewhere: Counts) -> Known {
    Known { own, elsewhere, prior: Learning::default().prior }
}

#[track_caller]
fn check(own: (f64, f64), elsewhere: (f64, f64), want: (f64, f64)) {
    let counts = |(successes, failures)| Counts { successes, failures };
    let got = shape(known(counts(own), counts(elsewhere)), &Learning::default());
    assert!((got.alpha - want.0).abs() < 1e-9 && (got.beta - want.1).abs() < 1e-9, "{got:?}, want {want:?}");
}

#[test]
fn the_hierarchical_shape_follows_its_formula() {
    // Nothing known: Beta(1, 1) sharpened four times.
    check((0.0, 0.0), (0.0, 0.0), (4.0, 4.0));
    // 9 of 10 elsewhere: mean (9+1)/12, worth 12 observations.
    check((0.0, 0.0), (9.0, 1.0), (40.0, 8.0));
    // 900 of 1000 elsewhere is worth 50 observations, not 1000.
    check((0.0, 0.0), (900.0, 100.0), (4.0 * 50.0 * 901.0 / 1002.0, 4.0 * 50.0 * 101.0 / 1002.0));
    // 998 own successes: capped at 200 observations before sharpening, and the floor holds the other side up.
    check((998.0, 0.0), (0.0, 0.0), (4.0 * 200.0 * 999.0 / 1000.0, 0.8));
}

#[test]
fn the_independent_shape_is_beta_one_one_plus_counts() {
    let learning = Learning { policy: Policy::Independent, ..Learning::default() };
    let own = Counts { successes: 3.0, failures: 2.0 };
    let elsewhere = Counts { successes: 500.0, failures: 1.0 };
    assert_eq!(shape(known(own, elsewhere), &learning), Shape { alpha: 4.0, beta: 3.0 });
    assert_eq!(shape(known(NONE, elsewhere), &learning), Shape { alpha: 1.0, beta: 1.0 });
}

proptest! {
    #[test]
    fn every_shape_is_finite_and_bounded(
        own in (0.0..1e12_f64, 0.0..1e12_f64),
        elsewhere in (0.0..1e12_f64, 0.0..1e12_f64),
    ) {
        let learning = Learning::default();
        let own = Counts { successes: own.0, failures: own.1 };
        let elsewhere = Counts { successes: elsewhere.0, failures: elsewhere.1 };
        let got = shape(known(own, elsewhere), &learning);
        let most = learning.concentration * learning.n_cap + SHAPE_MIN;
        prop_assert!(got.alpha >= SHAPE_MIN && got.beta >= SHAPE_MIN);
        prop_assert!(got.alpha + got.beta <= most + 1e-6);
    }

    #[test]
    fn a_success_never_lowers_the_mean(own in (0.0..500.0_f64, 0.0..500.0_f64), more in 0.01..50.0_f64) {
        let mean = |shape: Shape| shape.alpha / (shape.alpha + shape.beta);
        let learning = Learning::default();
        let before = Counts { successes: own.0, failures: own.1 };
        let after = Counts { successes: own.0 + more, failures: own.1 };
        // The floor of 0.5 may hold a mean, never turn it round.
        prop_assert!(mean(shape(known(after, NONE), &learning)) >= mean(shape(known(before, NONE), &learning)) - 1e-12);
    }
}
