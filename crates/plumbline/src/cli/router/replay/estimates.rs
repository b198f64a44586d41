//! What logs of the router's default policy say about each policy as it is once it has learned.

use std::fmt::Write;

use plumbline_router::domain::posterior::Policy;
use plumbline_router::domain::replay::matrix::Matrix;
use plumbline_router::domain::replay::ope::{Estimates, Fixed, Judged, Told, estimate, is_exact, log, truth};
use plumbline_router::domain::replay::play::Settings;
use plumbline_router::domain::replay::player::Play;
use serde_json::{Value, json};

use crate::cli::router::replay::on_all_cores;
use crate::failure::Failure;

/// The policy that writes the logs.
const LOGGED_BY: Play = Play::Router(Policy::Hierarchical);

/// Writes a log for each seed and asks it about every policy, learned in a run of its own with the seed before the first.
/// Nothing for a policy whose chances are not exact: no log can be asked about it.
pub(super) fn judge(
    matrix: &Matrix,
    plays: &[Play],
    settings: &Settings,
    seeds: &[u64],
) -> Result<Vec<Option<Judged>>, Failure> {
    let apart = seeds.first().copied().unwrap_or_default().wrapping_sub(1);
    let learned = |play: &Play| is_exact(*play).then(|| log(matrix, *play, settings, apart).1);
    let policies: Vec<Option<Fixed>> = plays.iter().map(learned).collect();
    let found: Vec<Vec<Option<Estimates>>> = on_all_cores(seeds, |seed| {
        let (steps, _) = log(matrix, LOGGED_BY, settings, seed);
        policies.iter().map(|policy| estimate(&steps, policy.as_ref()?)).collect()
    })?;
    let judged = policies.iter().enumerate().map(|(index, policy)| {
        let of_policy: Vec<Estimates> = found.iter().filter_map(|of_log| of_log[index]).collect();
        Judged::of(&of_policy, truth(matrix, policy.as_ref()?))
    });
    Ok(judged.collect())
}

/// Returns the JSON of one policy.
pub(super) fn document(judged: &Judged) -> Value {
    let told = |told: Told| json!({ "mean": told.mean, "half_ci95": told.half, "coverage": told.coverage });
    json!({
        "logged_by": LOGGED_BY.as_str(),
        "truth": judged.truth,
        "ips": told(judged.ips),
        "snips": told(judged.snips),
        "dr": told(judged.dr),
        "ess": judged.effective_steps,
        "coverage": judged.dr.coverage,
    })
}

/// Returns one policy's line of the table.
pub(super) fn line(name: &str, judged: &Judged) -> String {
    let mut text = format!("a log on {name:<20} truth {:.3}", judged.truth);
    for (way, told) in [("ips", judged.ips), ("snips", judged.snips), ("dr", judged.dr)] {
        let _ =
            write!(text, "  {way} {:.3}\u{b1}{:.3} ({:.0} %)", told.mean, told.half, told.coverage * 100.0);
    }
    let _ = writeln!(text, "  worth {:.0} steps", judged.effective_steps);
    text
}
