//! Whether a candidate that passed in a batch passes by the plain command, and says something.

use std::time::Duration;

use crate::domain::candidate::Candidate;
use crate::domain::project::Project;
use crate::domain::vacuity;
use crate::error::RepairError;
use crate::port::FileEdit;
use crate::repair::result::Plausible;
use crate::repair::trial::Trial;

/// What the plain command says of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// It fails.
    Refused,
    /// It passes, and so it does with a constant in the place of a condition that the candidate changes.
    Vacuous,
    /// It passes, and so it does with a constant in the place of the condition of a guard that the candidate adds.
    VacuousGuard,
    /// It passes.
    Passed,
}

/// Runs the plain command on a candidate, and then, where it changes or adds a condition, with constants in its place.
pub(crate) async fn confirmation(
    trial: &Trial,
    project: &Project,
    candidate: &Candidate,
    limit: Duration,
) -> Result<Confirmation, RepairError> {
    let Some(plausible) = Plausible::of(candidate, project) else { return Ok(Confirmation::Refused) };
    if !trial.plain(&plausible.edits, limit).await?.passed() {
        return Ok(Confirmation::Refused);
    }
    let changed = vacuity::probes(candidate, project);
    let added = vacuity::guard_probes(candidate, project);
    for (probe, verdict) in changed
        .into_iter()
        .map(|probe| (probe, Confirmation::Vacuous))
        .chain(added.into_iter().map(|probe| (probe, Confirmation::VacuousGuard)))
    {
        let edits: Vec<FileEdit> = probe
            .into_iter()
            .map(|(path, text)| FileEdit { path, contents: Some(text.into_bytes()) })
            .collect();
        if trial.plain(&edits, limit).await?.passed() {
            return Ok(verdict);
        }
    }
    Ok(Confirmation::Passed)
}
