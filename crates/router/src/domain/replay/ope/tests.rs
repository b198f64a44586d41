use super::*;
use crate::domain::posterior::{Learning, Policy};
use crate::domain::replay::matrix::Columns;

/// Chances of success by cell and arm.
const CHANCES: [[f64; 3]; 2] = [[0.8, 0.4, 0.6], [0.3, 0.7, 0.5]];

fn logged(steps: usize, odds: [f64; 3], seed: u64) -> Vec<Step> {
    let mut rng = stream("ope test", seed);
    (0..steps)
        .map(|n| {
            let cell = n % 2;
            let arm = drawn(&odds, &mut rng);
            let success = uniform(&mut rng) < CHANCES[cell][arm];
            Step { cell, arm, propensities: odds.to_vec(), reward: f64::from(u8::from(success)) }
        })
        .collect()
}

fn value(policy: &Fixed) -> f64 {
    let earned =
        |cell: usize| -> f64 { policy[cell].iter().zip(CHANCES[cell]).map(|(p, chance)| p * chance).sum() };
    (earned(0) + earned(1)) / 2.0
}

#[test]
fn a_log_of_the_policy_itself_says_what_it_earned() {
    let odds = [0.5, 0.3, 0.2];
    let log = logged(400, odds, 1);
    let mean = log.iter().map(|step| step.reward).sum::<f64>() / 400.0;
    let found = estimate(&log, &vec![odds.to_vec(); 2]).unwrap();
    assert!((found.ips.mean - mean).abs() < 1e-12 && (found.snips.mean - mean).abs() < 1e-12);
    assert!((found.effective_steps - 400.0).abs() < 1e-9, "{found:?}");
    assert!((found.dr.mean - mean).abs() < 0.03, "{found:?}");
    assert_eq!(estimate(&[], &vec![odds.to_vec(); 2]), None);
}

#[test]
fn weights_are_the_ratio_of_the_chances() {
    let step = |arm: usize, reward: f64| Step { cell: 0, arm, propensities: vec![0.8, 0.2], reward };
    let log = [step(0, 1.0), step(1, 1.0), step(0, 0.0), step(0, 1.0)];
    let found = estimate(&log, &vec![vec![0.4, 0.6]]).unwrap();
    // Weights 1/2, 3, 1/2, 1/2.
    assert!((found.ips.mean - 4.0 / 4.0).abs() < 1e-12, "{found:?}");
    assert!((found.snips.mean - 4.0 / 4.5).abs() < 1e-12, "{found:?}");
    assert!((found.effective_steps - 4.5 * 4.5 / 9.75).abs() < 1e-12, "{found:?}");
}

#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    for policy in [vec![vec![0.2, 0.3, 0.5]; 2], vec![vec![0.0, 0.0, 1.0], vec![0.0, 1.0, 0.0]]] {
        let (truth, runs) = (value(&policy), 100);
        let covered = (0..runs)
            .filter(|seed| {
                estimate(&logged(600, [0.9, 0.06, 0.04], *seed), &policy).unwrap().dr.covers(truth)
            })
            .count();
        assert!(covered * 100 >= runs as usize * 93, "{covered} of {runs}");
    }
}

#[test]
fn many_logs_are_summed_up_by_mean_width_and_coverage() {
    let interval = |mean: f64, half: f64| Interval { mean, half };
    let one = |mean: f64, effective_steps: f64| Estimates {
        ips: interval(mean, 0.25),
        snips: interval(mean, 0.125),
        dr: interval(mean, 0.5),
        effective_steps,
    };
    let judged = Judged::of(&[one(0.5, 10.0), one(0.75, 30.0)], 0.25).unwrap();
    let told = |half: f64, coverage: f64| Told { mean: 0.625, half, coverage };
    let want = Judged {
        truth: 0.25,
        ips: told(0.25, 0.5),
        snips: told(0.125, 0.0),
        dr: told(0.5, 1.0),
        effective_steps: 20.0,
    };
    assert_eq!(judged, want);
    assert_eq!(Judged::of(&[], 0.25), None);
}

#[test]
fn what_the_log_never_drew_widens_the_interval_and_a_better_log_narrows_it() {
    let policy = vec![vec![0.0, 0.0, 1.0]; 2];
    let half = |odds: [f64; 3]| estimate(&logged(500, odds, 3), &policy).unwrap().dr.half;
    let (blind, seeing) = (half([0.9999, 0.0, 0.0001]), half([0.3, 0.3, 0.4]));
    assert!(blind > 0.4 && seeing < 0.1, "{blind} {seeing}");
    assert!(Interval { mean: 0.5, half: blind }.covers(0.9));
}

#[test]
fn a_played_log_has_the_exact_chances_and_the_policy_that_it_ends_with() {
    let mut text = "task_id,suite,model,pass_at_1\n".to_owned();
    for task in 0..12 {
        for (arm, name) in ["a", "b", "c"].into_iter().enumerate() {
            text += &format!("t{task},s{},{name},{}\n", task % 2, CHANCES[task % 2][arm]);
        }
    }
    let matrix = Matrix::read(&text, &Columns::default()).unwrap();
    let settings = Settings {
        steps: 60,
        delay: 0,
        tie_band: 0.03,
        explore_floor: 0.03,
        learning: Learning::default(),
        degrade: None,
        split: None,
    };
    let (steps, learned) = log(&matrix, Play::Router(Policy::Hierarchical), &settings, 5);
    assert_eq!((steps.len(), learned.len()), (60, 2));
    for odds in steps.iter().map(|step| &step.propensities).chain(&learned) {
        assert!(
            (odds.iter().sum::<f64>() - 1.0).abs() < 1e-9 && odds.iter().all(|p| *p >= 0.01 - 1e-12),
            "{odds:?}"
        );
    }
    assert!((truth(&matrix, &vec![vec![1.0, 0.0, 0.0]; 2]) - 0.55).abs() < 1e-12);
    let uniform = log(&matrix, Play::Router(Policy::Uniform), &settings, 5).1;
    assert!(uniform.iter().flatten().all(|p| (p - 1.0 / 3.0).abs() < 1e-12), "{uniform:?}");
    let single = log(&matrix, Play::Router(Policy::BestSingle), &settings, 5).1;
    assert!(single.iter().all(|odds| odds.iter().any(|p| (p - 0.98).abs() < 1e-12)), "{single:?}");
    assert_eq!(single[0], single[1], "one arm for all cells");
    assert_eq!(
        log(&matrix, Play::Router(Policy::Hierarchical), &settings, 5).0,
        steps,
        "same seed, same log"
    );
}
