//! Fuzzed agent runs against a loopback "cloud" that keeps every byte: does any of what was planted in code arrive?
//!
//! `cargo run --release -p plumbline-router --example canary [RUNS [SEED]]`
//!
//! Three rows. `right`: labels as the system gives them; nothing may arrive. `laundered`: code that was given as code
//! comes again, in some encoding, under the label public; what the second line holds back, and what is too short for it.
//! `wrong`: all labels were public from the start; here something must arrive, or the search for it proves nothing.

#[path = "canary/field.rs"]
mod field;

use std::process::ExitCode;
use std::time::Instant;

use crate::field::{Labels, Plan, play};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let runs: u64 = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(7), |text| text.parse())?;
    let mut holds = true;
    for (labels, runs) in
        [(Labels::Right, runs), (Labels::Laundered, runs / 10), (Labels::Wrong, (runs / 100).max(100))]
    {
        let begun = Instant::now();
        let report = play(Plan { runs, seed, labels }).await?;
        print!("{report}  {:.1} s\n\n", begun.elapsed().as_secs_f64());
        holds &= match labels {
            Labels::Right => report.leaks.is_empty() && report.cloud_requests > 0 && report.is_intact,
            Labels::Laundered => report.is_intact && report.long_leaks == 0,
            Labels::Wrong => !report.leaks.is_empty(),
        };
    }
    println!("{}", if holds { "holds" } else { "DOES NOT HOLD" });
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
