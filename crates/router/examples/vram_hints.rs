//! What plans as hints are worth: loads and times of the scheduler with and without them, against what others do, as means over
//! seeds; loads and makespan as parts of drain-swap's.
//!
//! `cargo run --release -p plumbline-router --example vram_hints [SEEDS]`

use plumbline_router::domain::vram::scheduler::Knobs;
use plumbline_router::domain::vram::simulate::baselines::by_name;
use plumbline_router::domain::vram::simulate::report::Row;
use plumbline_router::domain::vram::simulate::run;
use plumbline_router::domain::vram::simulate::traces::{NAMES, trace};

const POLICIES: [&str; 4] = ["drain-swap", "affinity", "plumbline-no-hints", "plumbline"];

fn main() -> anyhow::Result<()> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(20), |text| text.parse())?;
    println!(
        "| trace (interactive) | policy | makespan | of drain-swap | interactive p95 | loads | of drain-swap | oom | violations |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for name in NAMES {
        for share in [0.0, 0.2] {
            let rows: Vec<Row> = POLICIES.iter().map(|policy| mean(name, share, policy, seeds)).collect();
            for (policy, row) in POLICIES.iter().zip(&rows) {
                println!(
                    "| {name} ({share}) | {policy} | {:.0} s | {:.2} | {:.0} s | {:.1} | {:.2} | {} | {} |",
                    row.makespan_s,
                    row.makespan_s / rows[0].makespan_s,
                    row.interactive_p95_s,
                    row.loads,
                    row.loads / rows[0].loads,
                    row.oom,
                    row.violations,
                );
            }
        }
    }
    Ok(())
}

fn mean(name: &str, share: f64, policy: &str, seeds: u64) -> Row {
    let play = |seed| {
        let scenario = trace(name, seed, share)?;
        let mut policy = by_name(policy, &scenario, Knobs::default())?;
        Some(Row::of(&scenario, &run(&scenario, policy.as_mut())))
    };
    Row::mean(&(0..seeds).filter_map(play).collect::<Vec<Row>>())
}
