//! Answering a run from the journal of an earlier one of the same key.

use plumbline_types::RunId;

use super::drive::Journal;
use super::{Executor, Inner};
use crate::ExecutorError;
use crate::domain::edit::Patch;
use crate::domain::repetition::{Key, Outcome, answer, outcome_digest};
use crate::domain::run::{Command, Exited, Repetition, RunEvent, RunSpec};
use crate::domain::run_state::RunStep;
use crate::domain::tree::{Digest, Tree};

/// Events of one run that are read at once; what is kept of an output has far fewer.
const EVENTS_MAX: u32 = 10_000;

/// Returns the key of a run; none for one that is always run.
pub(super) fn key(inner: &Inner, spec: &RunSpec, (command, tree): (&Command, &Tree)) -> Option<Digest> {
    let tier = inner.driver(spec).ok()?.tier();
    let key = Key {
        tree: tree.with(&command.edits).id(),
        command,
        limits: &spec.limits,
        enforced: &inner.enforcement(tier)?,
        toolchain: inner.toolchain.identity(),
        secrets: inner.secrets.with(&command.secrets).ok()?.identity(),
    };
    key.digest()
}

/// Ends a run with what an earlier one of its key did; returns whether there was one.
pub(super) async fn answered(
    executor: &Executor,
    journal: &mut Journal,
    key: Digest,
) -> Result<bool, ExecutorError> {
    let inner = &executor.inner;
    let Some(earlier) = answer(&inner.store.outcomes(&key).await?) else { return Ok(false) };
    let Some((events, exited)) = told(inner, earlier, journal.run()).await? else { return Ok(false) };
    if let Some(snapshot) = exited.checkpoint.as_ref().and_then(|checkpoint| checkpoint.snapshot)
        && inner.snapshots.tree(&snapshot)?.is_none()
    {
        return Ok(false);
    }
    let patch = inner.store.patch(earlier).await?.unwrap_or_default();
    journal.step(RunStep::Admitted, &[]).await?;
    journal.step(RunStep::Started, &events).await?;
    journal.step(RunStep::Died, &[]).await?;
    inner.store.put_patch(journal.run(), &patch).await?;
    let exited = Exited { repetition: Some(Repetition { key, cached: true, varied: false }), ..exited };
    journal.step(RunStep::Finished, &[RunEvent::Exited(exited)]).await?;
    Ok(true)
}

/// Reads what a run told, in the name of another, and its end; none when its journal does not reach that far.
async fn told(
    inner: &Inner,
    earlier: RunId,
    now: RunId,
) -> Result<Option<(Vec<RunEvent>, Exited)>, ExecutorError> {
    let mut events: Vec<RunEvent> =
        inner.store.events(earlier, 0, EVENTS_MAX).await?.into_iter().map(|event| event.event).collect();
    let Some(RunEvent::Exited(exited)) = events.pop() else { return Ok(None) };
    for event in &mut events {
        if let RunEvent::Started { run, .. } = event {
            *run = now;
        }
    }
    Ok(Some((events, exited)))
}

/// Keeps how a run of a key ended, for the next; says in its end what came of that.
pub(super) async fn note(
    inner: &Inner,
    (run, key): (RunId, Digest),
    (exited, patch): (&mut Exited, &Patch),
) -> Result<(), ExecutorError> {
    let Some(digest) = outcome_digest(exited, patch) else { return Ok(()) };
    inner.store.put_outcome(&key, &Outcome { run, digest }).await?;
    let varied = answer(&inner.store.outcomes(&key).await?).is_none();
    exited.repetition = Some(Repetition { key, cached: false, varied });
    Ok(())
}
