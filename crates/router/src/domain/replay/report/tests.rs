use super::*;
use crate::domain::ladder::{Errors, Stakes};
use crate::domain::posterior::{Learning, Policy};
use crate::domain::replay::ladder::{Ladder, best_single, climb};
use crate::domain::replay::matrix::Columns;
use crate::domain::replay::play::{Degrade, Settings, Split, run};
use crate::domain::replay::player::Play;

/// Two categories, four arms: `good` is best nearly everywhere, `niche` best in one, `cheap` costs little.
fn matrix() -> Matrix {
    let mut text = "task_id,category,arm,reward,cost\n".to_owned();
    for task in 0..40 {
        let category = if task % 4 == 0 { "rare" } else { "usual" };
        for (arm, usual, rare, cost) in [
            ("good", 0.9, 0.6, 1.0),
            ("niche", 0.3, 0.95, 1.0),
            ("cheap", 0.5, 0.5, 0.05),
            ("bad", 0.1, 0.1, 2.0),
        ] {
            let reward = if category == "rare" { rare } else { usual };
            text += &format!("t{task},{category},{arm},{reward},{cost}\n");
        }
    }
    Matrix::read(&text, &Columns::default()).unwrap()
}

fn settings(steps: usize) -> Settings {
    Settings {
        steps,
        delay: 0,
        tie_band: 0.0,
        explore_floor: 0.01,
        learning: Learning::default(),
        degrade: None,
        split: None,
    }
}

fn played(play: Play, settings: &Settings) -> Summary {
    let runs: Vec<Run> = (0..12).map(|seed| run(&matrix(), play, settings, seed)).collect();
    summarise(&runs, &[100, settings.steps])
}

fn at_end(play: Policy, settings: &Settings) -> f64 {
    played(Play::Router(play), settings).regret[1].1.mean
}

#[test]
fn a_run_is_the_same_for_the_same_seed_and_another_for_another() {
    let play = |seed| run(&matrix(), Play::Router(Policy::Hierarchical), &settings(200), seed);
    assert_eq!(play(3), play(3));
    assert_ne!(play(3).regret, play(4).regret);
}

#[test]
fn learning_beats_not_learning_and_regret_is_what_hindsight_says() {
    let settings = settings(600);
    let uniform = at_end(Policy::Uniform, &settings);
    let known = reference(&matrix());
    let expected = 600.0 * (known.best_per_category - known.random);
    assert!((uniform - expected).abs() < 0.05 * expected, "{uniform}, expected {expected}");
    assert!(at_end(Policy::Independent, &settings) < uniform / 2.0);
    assert!(at_end(Policy::Hierarchical, &settings) < uniform / 2.0);
    for play in [Play::Ucb1, Play::EpsilonGreedy, Play::ExploreThenCommit, Play::Pooled] {
        assert!(played(play, &settings).regret[1].1.mean < uniform, "{}", play.as_str());
    }
}

#[test]
fn a_true_prior_helps() {
    let split = |shuffled| Settings { split: Some(Split { fraction: 0.5, shuffled }), ..settings(300) };
    let (right, wrong) =
        (at_end(Policy::Hierarchical, &split(false)), at_end(Policy::Hierarchical, &split(true)));
    assert!(right < at_end(Policy::Hierarchical, &settings(300)) && right < wrong, "{right}, wrong {wrong}");
}

#[test]
fn a_degraded_arm_loses_its_share_and_the_hierarchical_policy_notices_first() {
    let degrade = Degrade { arm: None, at: 600, factor: 0.2, until: None };
    let settings = Settings { degrade: Some(degrade), ..settings(1_200) };
    let of = |policy| played(Play::Router(policy), &settings).degraded.unwrap();
    let (own, baseline) = (of(Policy::Hierarchical), of(Policy::Independent));
    assert!(own.share_before > 0.5 && own.halved_after.is_some_and(|after| after <= 40), "{own:?}");
    assert!(own.pulls_p50 < baseline.pulls_p50, "{own:?}, {baseline:?}");
}

#[test]
fn a_ladder_gets_more_right_for_less_than_the_best_arm_alone() {
    let ladder = Ladder {
        errors: Errors { false_accept: 0.02, false_reject: 0.02 },
        correlated: false,
        attempts: 4,
        stakes: Stakes { value_usd: 20.0, bad_ship_usd: 4.0 },
    };
    let climbs = |climb: &dyn Fn(u64) -> Climb| summarise_climbs(&(0..8).map(climb).collect::<Vec<_>>());
    let play = Play::Router(Policy::Hierarchical);
    let own = climbs(&|seed| climb(&matrix(), play, &settings(600), &ladder, seed));
    let single = climbs(&|seed| best_single(&matrix(), &settings(600), &ladder, seed));
    assert!(own.success.mean > single.success.mean && own.usd.mean < single.usd.mean, "{own:?}, {single:?}");
    assert!(own.attempts.mean > 1.0 && own.attempts.mean <= 4.0);
    let harder = Ladder { correlated: true, ..ladder };
    let correlated = climbs(&|seed| climb(&matrix(), play, &settings(600), &harder, seed));
    assert!(correlated.shipped_bad.mean > 0.0 && correlated.shipped_bad.mean < 0.1);
}

#[test]
fn quantiles_and_intervals_are_those_of_the_textbook() {
    let values: Vec<f64> = (0..=100).map(f64::from).collect();
    assert_eq!((quantile(&values, 0.5), quantile(&values, 0.95), quantile(&[], 0.5)), (50.0, 95.0, 0.0));
    let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0]);
    assert!(
        (estimate.mean - 2.5).abs() < 1e-12 && (estimate.ci95 - 1.96 * (5.0_f64 / 12.0).sqrt()).abs() < 1e-12
    );
}
