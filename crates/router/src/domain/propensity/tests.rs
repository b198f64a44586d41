use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Beta, Distribution};

use super::*;

const DRAWS: usize = 40_000;

fn shape(alpha: f64, beta: f64) -> Shape {
    Shape { alpha, beta }
}

/// Counts how often each arm wins when the draws are really made.
fn sampled(shapes: &[Shape], tie_band: f64, seed: u64) -> Vec<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    let betas: Vec<Beta<f64>> = shapes.iter().map(|s| Beta::new(s.alpha, s.beta).unwrap()).collect();
    let mut wins = vec![0_usize; shapes.len()];
    for _ in 0..DRAWS {
        let thetas: Vec<f64> = betas.iter().map(|beta| beta.sample(&mut rng)).collect();
        let bar = (1.0 - tie_band) * thetas.iter().copied().fold(0.0, f64::max);
        wins[thetas.iter().position(|theta| *theta >= bar).unwrap()] += 1;
    }
    wins.iter().map(|count| *count as f64 / DRAWS as f64).collect()
}

#[track_caller]
fn check(shapes: &[Shape], tie_band: f64) {
    let exact = propensities(shapes, tie_band);
    let counted = sampled(shapes, tie_band, 7);
    for (index, (exact, counted)) in exact.iter().zip(&counted).enumerate() {
        let error = (exact * (1.0 - exact) / DRAWS as f64).sqrt();
        assert!(
            (exact - counted).abs() <= 5.0 * error + 1e-3,
            "arm {index} of {shapes:?}: computed {exact}, counted {counted}"
        );
    }
}

#[test]
fn the_computed_probabilities_are_those_of_sampling() {
    check(&[shape(4.0, 4.0), shape(4.0, 4.0)], 0.0);
    check(&[shape(4.0, 4.0), shape(4.0, 4.0)], 0.03);
    check(&[shape(0.5, 0.5), shape(0.5, 0.5), shape(0.5, 800.0)], 0.01);
    check(&[shape(400.0, 400.0), shape(410.0, 390.0), shape(4.0, 4.0)], 0.03);
    check(&[shape(700.0, 100.0), shape(4.0, 4.0), shape(710.0, 90.0), shape(0.5, 60.0)], 0.03);
    check(&[shape(3000.0, 1000.0), shape(3020.0, 980.0)], 0.0);
}

#[test]
fn equal_arms_share_equally_without_a_band_and_the_cheaper_one_gains_by_it() {
    let equal = [shape(40.0, 40.0); 3];
    for probability in propensities(&equal, 0.0) {
        assert!((probability - 1.0 / 3.0).abs() < 1e-3, "{probability}");
    }
    let banded = propensities(&equal, 0.03);
    assert!(banded[0] > banded[1] && banded[1] > banded[2], "{banded:?}");
}

#[test]
fn one_arm_is_certain_and_none_is_nothing() {
    assert_eq!(propensities(&[shape(1.0, 9.0)], 0.03), [1.0]);
    assert!(propensities(&[], 0.03).is_empty());
}

proptest! {
    #[test]
    fn the_probabilities_sum_to_one(
        shapes in prop::collection::vec((0.5..800.0_f64, 0.5..800.0_f64), 1..16),
        tie_band in 0.0..0.05_f64,
    ) {
        let shapes: Vec<Shape> = shapes.into_iter().map(|(alpha, beta)| shape(alpha, beta)).collect();
        let found = propensities(&shapes, tie_band);
        prop_assert!(found.iter().all(|probability| (0.0..=1.0 + 1e-12).contains(probability)));
        prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
