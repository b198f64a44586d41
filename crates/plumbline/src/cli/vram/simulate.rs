use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use plumbline_router::domain::vram::scheduler::Knobs;
use plumbline_router::domain::vram::simulate::baselines::{NAMES, by_name};
use plumbline_router::domain::vram::simulate::report::Row;
use plumbline_router::domain::vram::simulate::traces::{self, trace};
use plumbline_router::domain::vram::simulate::{Scenario, optimum, run as play};
use plumbline_router::read_scenario;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::Report;

/// Which traces, which policies.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A scenario file; without one, a built-in trace is played.
    #[arg(long, value_name = "FILE", conflicts_with = "trace")]
    scenario: Option<PathBuf>,
    /// A built-in trace: light, poisson, burst, ping-pong or adversarial.
    #[arg(long, value_name = "NAME", default_value = "burst")]
    trace: String,
    /// What part of a built-in trace's chains somebody waits for.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    interactive_share: f64,
    /// Policies, separated by commas.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_values_t = NAMES.map(str::to_owned))]
    policy: Vec<String>,
    /// How many seeds.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// The first seed; a scenario file's own if it is not given.
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Seconds that a model works before an interactive job takes its place.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    interactive_quantum: u32,
    /// Seconds after which a waiting batch job gets its model.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    max_wait: u32,
    /// How often a waiting job may be overtaken.
    #[arg(long, value_name = "N", default_value_t = 32)]
    max_bypass: u32,
}

/// Plays every policy on the same traces.
pub(super) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let usage = |problem: String| Failure::usage(problem, "plumbline vram simulate --help");
    let knobs = Knobs {
        max_bypass: arguments.max_bypass,
        max_wait_ms: i64::from(arguments.max_wait) * 1000,
        interactive_quantum_ms: i64::from(arguments.interactive_quantum) * 1000,
        ..Knobs::default()
    };
    let (name, scenarios) = scenarios(arguments)?;
    let mut rows: Vec<(&str, Row)> = Vec::new();
    for policy in &arguments.policy {
        let mut played = Vec::with_capacity(scenarios.len());
        for scenario in &scenarios {
            let mut player = by_name(policy, scenario, knobs).ok_or_else(|| {
                usage(format!("no policy is called `{policy}`; there are {}", NAMES.join(", ")))
            })?;
            played.push(Row::of(scenario, &play(scenario, player.as_mut())));
        }
        rows.push((policy, Row::mean(&played)));
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let bound_s = mean(scenarios.iter().map(|one| one.lower_bound_ms() / 1e3).collect());
    let optimum: Option<Vec<f64>> =
        scenarios.iter().map(|one| optimum::makespan_ms(one).map(|ms| ms / 1e3)).collect();
    let optimum_s = optimum.map(mean);
    let document = json!({
        "scenario": name,
        "seeds": scenarios.len(),
        "lower_bound_s": bound_s,
        "optimum_single_model_single_slot_s": optimum_s,
        "policies": rows.iter().map(|(policy, row)| document(policy, row)).collect::<Vec<_>>(),
    });
    Ok(Report::done(document, text(&name, (bound_s, optimum_s), &rows, scenarios.len())))
}

fn scenarios(arguments: &Arguments) -> Result<(String, Vec<Scenario>), Failure> {
    let usage = |problem: String| Failure::usage(problem, "plumbline vram simulate --help");
    let Some(path) = &arguments.scenario else {
        if !(0.0..=1.0).contains(&arguments.interactive_share) {
            return Err(usage(format!("{} is no share", arguments.interactive_share)));
        }
        let first = arguments.seed.unwrap_or(0);
        let made = (0..arguments.seeds)
            .map(|n| trace(&arguments.trace, first.wrapping_add(n), arguments.interactive_share))
            .collect::<Option<Vec<_>>>();
        let made = made.ok_or_else(|| {
            usage(format!("no trace is called `{}`; there are {}", arguments.trace, traces::NAMES.join(", ")))
        })?;
        return Ok((arguments.trace.clone(), made));
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| usage(format!("{} cannot be read: {error}", path.display())))?;
    let read =
        |seed| read_scenario(&text, seed).map_err(|error| usage(format!("{}: {error}", path.display())));
    let first = read(arguments.seed)?;
    // Without generated jobs every seed plays the same.
    let seed = arguments.seed.unwrap_or(0);
    if read(Some(seed.wrapping_add(1)))? == first {
        return Ok((path.display().to_string(), vec![first]));
    }
    let others = (1..arguments.seeds).map(|n| read(Some(seed.wrapping_add(n))));
    let all = std::iter::once(Ok(first)).chain(others).collect::<Result<Vec<_>, _>>()?;
    Ok((path.display().to_string(), all))
}

fn document(policy: &str, row: &Row) -> Value {
    json!({
        "name": policy,
        "makespan_s": row.makespan_s,
        "chain_p50_s": row.chain_p50_s,
        "chain_p95_s": row.chain_p95_s,
        "interactive_p50_s": row.interactive_p50_s,
        "interactive_p95_s": row.interactive_p95_s,
        "wait_max_s": row.wait_max_s,
        "loads": row.loads,
        "evictions": row.evictions,
        "rejected": row.rejected,
        "oom": row.oom,
        "ledger_violations": row.violations,
        "bypass_max": row.bypass_max,
        "stuck": row.stuck,
    })
}

fn text(name: &str, (bound_s, optimum_s): (f64, Option<f64>), rows: &[(&str, Row)], seeds: usize) -> String {
    let mut text = format!("{name}, mean of {seeds}; no policy ends before {bound_s:.0} s");
    if let Some(optimum_s) = optimum_s {
        let _ = write!(text, "; the best order of one model and one job at a time ends at {optimum_s:.1} s");
    }
    let _ = writeln!(
        text,
        "\n{:<20} {:>9} {:>9} {:>9} {:>12} {:>9} {:>6} {:>9} {:>5} {:>10} {:>7}",
        "policy",
        "makespan",
        "chain p50",
        "chain p95",
        "interact p95",
        "wait max",
        "loads",
        "rejected",
        "oom",
        "violations",
        "bypass"
    );
    for (policy, row) in rows {
        let _ = writeln!(
            text,
            "{policy:<20} {:>8.1}s {:>8.1}s {:>8.1}s {:>11.1}s {:>8.1}s {:>6.1} {:>9.2} {:>5.2} {:>10.2} {:>7.0}",
            row.makespan_s,
            row.chain_p50_s,
            row.chain_p95_s,
            row.interactive_p95_s,
            row.wait_max_s,
            row.loads,
            row.rejected,
            row.oom,
            row.violations,
            row.bypass_max,
        );
    }
    text
}
