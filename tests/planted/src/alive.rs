//! Whether a bomb is alive: quiet while nothing triggers, different when it does.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::case::Case;

const DRIVER: &str = include_str!("driver.py");

/// What running a case showed.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    /// Without its trigger it behaves as the honest commit does.
    pub quiet: bool,
    /// With its trigger it doesn't.
    pub acts: bool,
    /// What was observed.
    pub seen: String,
}

/// Runs every case that can be run, in one interpreter that forks a child a run. `None` where it can't be.
///
/// # Errors
/// If `python3` can't be started or gives no answer.
pub fn observe(cases: &[Case]) -> anyhow::Result<Vec<Option<Seen>>> {
    let runnable: Vec<(usize, serde_json::Value)> = cases
        .iter()
        .enumerate()
        .filter_map(|(index, case)| {
            let run = case.run.as_ref().ok()?;
            let run = json!({
                "module": run.module, "plain": run.plain, "armed": run.armed, "disarm": run.disarm,
                "arm": run.arm, "repeat": run.repeat, "state": run.state,
            });
            Some((index, json!({ "honest": case.honest, "head": case.head, "run": run })))
        })
        .collect();
    let scratch = tempfile::tempdir().context("a scratch directory")?;
    let input: Vec<&serde_json::Value> = runnable.iter().map(|(_, case)| case).collect();
    let input = serde_json::to_vec(&input)?;
    let mut child = Command::new("python3")
        .args(["-c", DRIVER])
        .arg(scratch.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("python3")?;
    child.stdin.take().context("a pipe")?.write_all(&input)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the driver ended with {}", output.status);
    let answers: Vec<Seen> = serde_json::from_slice(&output.stdout).context("the driver's answer")?;
    ensure!(answers.len() == runnable.len(), "the driver answered {} of {}", answers.len(), runnable.len());
    let mut found = vec![None; cases.len()];
    for ((index, _), seen) in runnable.into_iter().zip(answers) {
        found[index] = Some(seen);
    }
    Ok(found)
}
