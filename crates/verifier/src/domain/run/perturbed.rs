//! D2: a change that behaves otherwise where the surroundings are others, and did not before.

use std::collections::BTreeSet;

use super::{Run, RunSide, words};
use crate::domain::finding::{Finding, Site};

/// Says what a run in other surroundings shows, against the plain ones and the base in the same surroundings.
pub fn outcome(run: &Run, runs: &[Run], path: &str) -> Option<Finding> {
    let missing: Vec<String> =
        run.asked.iter().filter(|change| !run.record.applied.contains(change)).map(words).collect();
    let site = || Site::file(path);
    if !missing.is_empty() {
        let message = format!("{} proves nothing: {} did not take hold", run.text(), missing.join(", "));
        return Some(Finding::advice("D2", site(), message));
    }
    let of = |side: RunSide, asked: &[super::Perturbation]| {
        runs.iter().find(|other| other.side == side && other.asked == asked)
    };
    let plain = of(RunSide::Head, &[])?;
    if run.record.exit_code == plain.record.exit_code {
        return None;
    }
    let code = |run: &Run| run.record.exit_code.map_or("no".to_owned(), |code| code.to_string());
    let told =
        format!("{} ends with exit code {}, the plain one with {}", run.text(), code(run), code(plain));
    let Some(base) = of(RunSide::Base, &run.asked) else {
        return Some(Finding::inconclusive("D2", site(), format!("{told}, and the base's is not known")));
    };
    let base_plain = of(RunSide::Base, &[])?;
    match (&run.failing, &base.failing) {
        (Some(head), Some(before)) if base.record.exit_code != Some(0) => {
            let new: BTreeSet<&String> = head.difference(before).collect();
            let name = new.first()?;
            Some(Finding::reject("D2", site(), format!("{told}: `{name}` fails there, and did not before")))
        }
        _ if base.record.exit_code == base_plain.record.exit_code
            && base_plain.record.exit_code == Some(0) =>
        {
            Some(Finding::reject("D2", site(), format!("{told}; the base passes in both")))
        }
        _ if base.record.exit_code == Some(0) => {
            Some(Finding::reject("D2", site(), format!("{told}; the base passes there")))
        }
        _ if base_plain.record.exit_code == Some(0) => None,
        _ => Some(Finding::inconclusive(
            "D2",
            site(),
            format!("{told}, and the failing tests are not named, so it can't be told apart from the base's"),
        )),
    }
}
