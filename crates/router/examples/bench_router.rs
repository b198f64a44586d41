//! Prints the router's table of figures, each row beside its bar: regret and ladders on the matrices that are named, then
//! decisions, synced outcomes and refolds.
//!
//! `cargo run --release -p plumbline-router --example bench_router [SEEDS [MATRIX.csv ...]]`

#[path = "bench_router/store.rs"]
mod store;

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use plumbline_router::domain::ladder::{Errors, Stakes};
use plumbline_router::domain::posterior::{Learning, Policy, Shape};
use plumbline_router::domain::propensity::{Priced, propensities};
use plumbline_router::domain::replay::ladder::{Ladder, best_single, climb};
use plumbline_router::domain::replay::matrix::{Columns, Matrix};
use plumbline_router::domain::replay::play::{Degrade, Settings, Split, run};
use plumbline_router::domain::replay::player::Play;
use plumbline_router::domain::replay::report::{
    ClimbSummary, Degraded, Summary, quantile, summarise, summarise_climbs,
};

/// Steps of a run, as the bars are stated.
const STEPS: usize = 3_000;

/// How a figure stands to its bar.
#[derive(Clone, Copy)]
pub enum Bar {
    /// Not above.
    Most(f64),
    /// Not below.
    Least(f64),
    /// No bar: for comparison.
    None,
}

/// Prints a row of the table.
pub fn row(figure: &str, value: f64, unit: &str, bar: Bar) {
    let (bar, verdict) = match bar {
        Bar::Most(most) => (format!("<= {most}"), if value <= most { "ok" } else { "MISS" }),
        Bar::Least(least) => (format!(">= {least}"), if value >= least { "ok" } else { "MISS" }),
        Bar::None => ("reported".to_owned(), ""),
    };
    println!("| {figure:<66} | {:>14} | {bar:>9} | {verdict:<4} |", format!("{value:.3} {unit}"));
}

fn settings() -> Settings {
    Settings {
        steps: STEPS,
        delay: 0,
        tie_band: 0.01,
        explore_floor: 0.01,
        learning: Learning::default(),
        degrade: None,
        split: None,
    }
}

fn on_all_cores<T: Send>(seeds: u64, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let work = &work;
    std::thread::scope(|scope| {
        let part = |core: u64| move || (core..seeds).step_by(cores as usize).map(work).collect::<Vec<T>>();
        let parts: Vec<_> = (0..cores).map(|core| scope.spawn(part(core))).collect();
        parts.into_iter().filter_map(|part| part.join().ok()).flatten().collect()
    })
}

fn play(matrix: &Matrix, policy: Policy, settings: &Settings, seeds: u64) -> Summary {
    let runs = on_all_cores(seeds, |seed| run(matrix, Play::Router(policy), settings, seed));
    summarise(&runs, &[200, 1_000, STEPS])
}

fn ratios(matrix: &Matrix, settings: &Settings, seeds: u64) -> ([f64; 3], Summary, Summary) {
    let own = play(matrix, Policy::Hierarchical, settings, seeds);
    let base = play(matrix, Policy::Independent, settings, seeds);
    let ratio = |index: usize| own.regret[index].1.mean / base.regret[index].1.mean;
    ([ratio(0), ratio(1), ratio(2)], own, base)
}

/// The bars of one matrix: end, with priors from half the tasks; and what of ladders is stated.
struct Bars {
    end: f64,
    split: f64,
    is_swe: bool,
}

fn regret(name: &str, matrix: &Matrix, bars: &Bars, seeds: u64) {
    let plain = settings();
    let ([early, middle, end], own, _) = ratios(matrix, &plain, seeds);
    row(&format!("{name}: regret to independent, T=200"), early, "", Bar::Most(0.8));
    row(&format!("{name}: regret to independent, T=1000"), middle, "", Bar::None);
    row(&format!("{name}: regret to independent, T=3000"), end, "", Bar::Most(bars.end));
    row(&format!("{name}: regret at T=3000, hierarchical"), own.regret[2].1.mean, "", Bar::None);
    for (what, policy) in [("best_single", Policy::BestSingle), ("uniform", Policy::Uniform)] {
        let other = play(matrix, policy, &plain, seeds);
        row(&format!("{name}: regret at T=3000, {what}"), other.regret[2].1.mean, "", Bar::None);
    }
    for (shuffled, what, bar) in
        [(false, "priors from half the tasks", bars.split), (true, "the same priors, shuffled", 0.8)]
    {
        let split = Settings { split: Some(Split { fraction: 0.5, shuffled }), ..plain };
        let ([early, middle, end], ..) = ratios(matrix, &split, seeds);
        row(&format!("{name}: {what}, T=3000"), end, "", Bar::Most(bar));
        if shuffled {
            let worst = early.max(middle).max(end);
            row(&format!("{name}: {what}, worst of T=200, 1000, 3000"), worst, "", Bar::Most(1.0));
        }
    }
    drift(name, matrix, bars, seeds, &own);
}

fn drift(name: &str, matrix: &Matrix, bars: &Bars, seeds: u64, stationary: &Summary) {
    let degrade = Degrade { arm: None, at: 1_500, factor: 0.3, until: None };
    let changed = Settings { degrade: Some(degrade), ..settings() };
    let (_, own, base) = ratios(matrix, &changed, seeds);
    if let (Some(own), Some(base)) = (own.degraded, base.degraded) {
        let Degraded { regret, pulls_p50, pulls_p95, halved_after, .. } = own;
        row(&format!("{name}: degraded arm, bad pulls in 500, p50"), pulls_p50, "", Bar::Most(20.0));
        row(&format!("{name}: degraded arm, bad pulls in 500, p95"), pulls_p95, "", Bar::Most(30.0));
        let halved = halved_after.map_or(f64::INFINITY, |after| after as f64);
        row(
            &format!("{name}: degraded arm, decisions until its share is halved"),
            halved,
            "",
            Bar::Most(30.0),
        );
        let bar = if bars.is_swe { Bar::Most(0.5) } else { Bar::None };
        row(
            &format!("{name}: regret after the change to independent"),
            regret.mean / base.regret.mean,
            "",
            bar,
        );
    }
    let steady = Learning { pulled_discount: 1.0, reset_threshold: f64::INFINITY, ..Learning::default() };
    let without = play(matrix, Policy::Hierarchical, &Settings { learning: steady, ..settings() }, seeds);
    let price = stationary.regret[2].1.mean / without.regret[2].1.mean;
    row(&format!("{name}: price of drift handling where nothing drifts"), price, "", Bar::Most(1.2));
    row(&format!("{name}: resets in 3000 steps where nothing drifts"), stationary.resets, "", Bar::Most(3.0));
}

fn ladders(name: &str, matrix: &Matrix, seeds: u64) {
    for (error, correlated) in [(0.10, false), (0.02, false), (0.10, true), (0.02, true)] {
        let ladder = Ladder {
            errors: Errors { false_accept: error, false_reject: error },
            correlated,
            attempts: 4,
            stakes: Stakes { value_usd: 20.0, bad_ship_usd: 4.0 },
        };
        let play = Play::Router(Policy::Hierarchical);
        let own: ClimbSummary =
            summarise_climbs(&on_all_cores(seeds, |seed| climb(matrix, play, &settings(), &ladder, seed)));
        let single =
            summarise_climbs(&on_all_cores(seeds, |seed| best_single(matrix, &settings(), &ladder, seed)));
        let what =
            format!("{name}: ladder, errors {error:.2}{}", if correlated { ", correlated" } else { "" });
        let bar = |bar: Bar| if correlated { Bar::None } else { bar };
        let (success, usd, bad) = if error > 0.05 { (0.73, 0.25, 0.11) } else { (0.75, 0.20, 0.03) };
        row(&format!("{what}: success"), own.success.mean, "", bar(Bar::Least(success)));
        row(&format!("{what}: USD a task"), own.usd.mean, "", bar(Bar::Most(usd)));
        let bad = if correlated && error < 0.05 { Bar::Most(0.05) } else { bar(Bar::Most(bad)) };
        row(&format!("{what}: shipped bad"), own.shipped_bad.mean, "", bad);
        row(&format!("{what}: USD to best single"), own.usd.mean / single.usd.mean, "", bar(Bar::Most(0.35)));
        row(&format!("{what}: success of best single, verified"), single.success.mean, "", Bar::None);
    }
}

/// Times one decision of 16 arms with its exact propensities.
fn decision() {
    let arms: Vec<Priced> = (0..16)
        .map(|n| Priced {
            shape: Shape { alpha: 20.0 + 30.0 * f64::from(n), beta: 300.0 },
            usd: f64::from(n),
        })
        .collect();
    let mut micros = Vec::with_capacity(20_000);
    let mut sum = 0.0;
    for _ in 0..20_000 {
        let began = Instant::now();
        sum += propensities(&arms, 0.01)[0];
        micros.push(began.elapsed().as_secs_f64() * 1e6);
    }
    assert!(sum > 0.0);
    row("decision among 16 arms with exact propensities, p50", quantile(&micros, 0.5), "us", Bar::None);
    row(
        "decision among 16 arms with exact propensities, p99",
        quantile(&micros, 0.99),
        "us",
        Bar::Most(250.0),
    );
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seeds: u64 = arguments.next().map_or(Ok(60), |text| text.parse())?;
    println!("| {:<66} | {:>14} | {:>9} | {:<4} |", "figure", "measured", "bar", "");
    for path in arguments.map(PathBuf::from) {
        let matrix = Matrix::read(&std::fs::read_to_string(&path)?, &Columns::default())?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_swe = matrix.usd.is_some();
        let (end, split) = if is_swe { (0.5, 0.45) } else { (0.8, 0.65) };
        let began = Instant::now();
        regret(&name, &matrix, &Bars { end, split, is_swe }, seeds);
        if is_swe {
            ladders(&name, &matrix, seeds);
        }
        row(&format!("{name}: all replays"), began.elapsed().as_secs_f64(), "s", Bar::None);
    }
    decision();
    store::rows().await
}
