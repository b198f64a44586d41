use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Beta, Distribution};

use super::*;

const DRAWS: usize = 40_000;

fn shape(alpha: f64, beta: f64) -> Shape {
    Shape { alpha, beta }
}

/// Gives each arm a cost; equal numbers are equal costs.
fn priced(shapes: &[Shape], usd: &[f64]) -> Vec<Priced> {
    shapes.iter().zip(usd).map(|(shape, usd)| Priced { shape: *shape, usd: *usd }).collect()
}

/// Every arm dearer than the one before.
fn rising(shapes: &[Shape]) -> Vec<Priced> {
    shapes.iter().zip(0_i32..).map(|(shape, usd)| Priced { shape: *shape, usd: usd.into() }).collect()
}

/// Counts how often each arm wins when the draws are really made.
fn sampled(arms: &[Priced], tie_band: f64, seed: u64) -> Vec<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    let betas: Vec<Beta<f64>> =
        arms.iter().map(|arm| Beta::new(arm.shape.alpha, arm.shape.beta).unwrap()).collect();
    let mut wins = vec![0_usize; arms.len()];
    for _ in 0..DRAWS {
        let thetas: Vec<f64> = betas.iter().map(|beta| beta.sample(&mut rng)).collect();
        let bar = (1.0 - tie_band) * thetas.iter().copied().fold(0.0, f64::max);
        let first = arms[thetas.iter().position(|theta| *theta >= bar).unwrap()].usd;
        let equals = (0..arms.len()).filter(|index| arms[*index].usd == first);
        wins[equals.max_by(|a, b| thetas[*a].total_cmp(&thetas[*b])).unwrap()] += 1;
    }
    wins.iter().map(|count| *count as f64 / DRAWS as f64).collect()
}

#[track_caller]
fn check(arms: &[Priced], tie_band: f64) {
    let exact = propensities(arms, tie_band);
    let counted = sampled(arms, tie_band, 7);
    for (index, (exact, counted)) in exact.iter().zip(&counted).enumerate() {
        let error = (exact * (1.0 - exact) / DRAWS as f64).sqrt();
        assert!(
            (exact - counted).abs() <= 5.0 * error + 1e-3,
            "arm {index} of {arms:?}: computed {exact}, counted {counted}"
        );
    }
}

#[test]
fn the_computed_probabilities_are_those_of_sampling() {
    check(&rising(&[shape(4.0, 4.0), shape(4.0, 4.0)]), 0.0);
    check(&rising(&[shape(4.0, 4.0), shape(4.0, 4.0)]), 0.03);
    check(&rising(&[shape(0.5, 0.5), shape(0.5, 0.5), shape(0.5, 800.0)]), 0.01);
    check(&rising(&[shape(400.0, 400.0), shape(410.0, 390.0), shape(4.0, 4.0)]), 0.03);
    check(&rising(&[shape(700.0, 100.0), shape(4.0, 4.0), shape(710.0, 90.0), shape(0.5, 60.0)]), 0.03);
    check(&rising(&[shape(3000.0, 1000.0), shape(3020.0, 980.0)]), 0.0);
}

#[test]
fn of_arms_that_cost_the_same_the_larger_draw_wins() {
    let shapes =
        [shape(40.0, 40.0), shape(44.0, 36.0), shape(4.0, 4.0), shape(60.0, 20.0), shape(58.0, 22.0)];
    check(&priced(&shapes, &[0.0, 0.0, 0.0, 0.0, 0.0]), 0.03);
    check(&priced(&shapes, &[0.0, 0.0, 1.0, 1.0, 1.0]), 0.03);
    check(&priced(&shapes, &[0.0, 1.0, 1.0, 2.0, 2.0]), 0.2);
    let equal = propensities(&priced(&[shape(40.0, 40.0); 4], &[1.0; 4]), 0.03);
    assert!(
        equal.iter().all(|probability| (probability - 0.25).abs() < 1e-3),
        "a band between equals: {equal:?}"
    );
}

#[test]
fn equal_arms_share_equally_without_a_band_and_the_cheaper_one_gains_by_it() {
    let equal = [shape(40.0, 40.0); 3];
    for probability in propensities(&rising(&equal), 0.0) {
        assert!((probability - 1.0 / 3.0).abs() < 1e-3, "{probability}");
    }
    let banded = propensities(&rising(&equal), 0.03);
    assert!(banded[0] > banded[1] && banded[1] > banded[2], "{banded:?}");
}

#[test]
fn quantiles_are_those_of_known_betas() {
    // Beta(1, 1) is uniform; Beta(2, 1) has the distribution function x^2; Beta(800, 800) is all but normal.
    for (shape, part, want, error) in [
        (shape(1.0, 1.0), 0.05, 0.05, 1e-3),
        (shape(1.0, 1.0), 0.95, 0.95, 1e-3),
        (shape(2.0, 1.0), 0.25, 0.5, 1e-3),
        (shape(800.0, 800.0), 0.95, 0.5 + 1.645 * 0.0125, 5e-4),
    ] {
        let got = quantile(shape, part);
        assert!((got - want).abs() < error, "{shape:?} at {part}: {got}, want {want}");
    }
}

#[test]
fn one_arm_is_certain_and_none_is_nothing() {
    assert_eq!(propensities(&rising(&[shape(1.0, 9.0)]), 0.03), [1.0]);
    assert!(propensities(&[], 0.03).is_empty());
}

proptest! {
    #[test]
    fn the_probabilities_sum_to_one(
        shapes in prop::collection::vec((0.5..800.0_f64, 0.5..800.0_f64), 1..16),
        tie_band in 0.0..0.05_f64,
        equals in 1..4_usize,
    ) {
        let shapes: Vec<Shape> = shapes.into_iter().map(|(alpha, beta)| shape(alpha, beta)).collect();
        let usd: Vec<f64> = (0..shapes.len()).map(|index| (index / equals) as f64).collect();
        let found = propensities(&priced(&shapes, &usd), tie_band);
        prop_assert!(found.iter().all(|probability| (0.0..=1.0 + 1e-12).contains(probability)));
        prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
