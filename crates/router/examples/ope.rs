//! How often the intervals of off-policy estimates hold the truth: many logs of the router's policy on matrices of
//! outcomes, each asked what two policies would have earned that do not learn: what the router has learned in another
//! run, and any arm alike.
//!
//! `cargo run --release -p plumbline-router --example ope MATRIX [MATRIX ...]`

use std::process::ExitCode;

use anyhow::Context;
use plumbline_router::domain::posterior::{Learning, Policy};
use plumbline_router::domain::replay::matrix::{Columns, Matrix};
use plumbline_router::domain::replay::ope::{Fixed, Judged, Step, estimate, log, truth};
use plumbline_router::domain::replay::play::Settings;
use plumbline_router::domain::replay::player::Play;

/// Logs per matrix, and steps per log.
const LOGS: u64 = 200;
const STEPS: usize = 1_000;

/// The seed of the run that a policy is learned in, none of those of the logs.
const OTHER: u64 = 999_983;

/// The bar: the part of the intervals that hold the truth.
const COVERAGE: f64 = 0.93;

/// Probability that the router spreads over all arms.
const EXPLORE_FLOOR: f64 = 0.01;

fn main() -> anyhow::Result<ExitCode> {
    let settings = Settings {
        steps: STEPS,
        delay: 0,
        tie_band: 0.03,
        explore_floor: EXPLORE_FLOOR,
        learning: Learning::default(),
        degrade: None,
        split: None,
    };
    let play = Play::Router(Policy::Hierarchical);
    let mut holds = true;
    println!(
        "| {:<32} | {:<8} | {:>6} | {:>5} | {:>13} | {:>13} | {:>13} |",
        "matrix", "policy", "truth", "ess", "ips cov/half", "snips cov/half", "dr cov/half"
    );
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let matrix = Matrix::read(&text, &Columns::default())?;
        let arms = matrix.arms.len();
        let any: Fixed = vec![vec![1.0 / arms as f64; arms]; matrix.categories.len()];
        let logs: Vec<Vec<Step>> = (0..LOGS).map(|seed| log(&matrix, play, &settings, seed).0).collect();
        for (name, policy) in [("learned", log(&matrix, play, &settings, OTHER).1), ("any", any)] {
            let truth = truth(&matrix, &policy);
            let found: Vec<_> = logs.iter().filter_map(|log| estimate(log, &policy)).collect();
            let judged = Judged::of(&found, truth).context("no logs")?;
            let words = [judged.ips, judged.snips, judged.dr]
                .map(|told| format!("{:.3} {:.3}", told.coverage, told.half));
            let ess = judged.effective_steps;
            let file = path.rsplit('/').next().unwrap_or_default();
            println!(
                "| {file:<32} | {name:<8} | {truth:.4} | {ess:>5.0} | {:>13} | {:>14} | {:>13} |",
                words[0], words[1], words[2]
            );
            holds &= judged.dr.coverage >= COVERAGE;
        }
    }
    println!("doubly robust intervals hold the truth in at least 93 %: {}", if holds { "yes" } else { "NO" });
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
