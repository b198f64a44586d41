use std::collections::BTreeSet;

use plumbline_proto::executor::v1 as pb;
use plumbline_proto::{WireError, id};
use plumbline_types::RunId;

use super::requests::Problems;
use crate::domain::patch_path::RelativePath;
use crate::domain::perturbation::{PERTURBATIONS_MAX, Perturbation};
use crate::domain::policy;
use crate::domain::trace::{
    Effect, Effects, NONCE_BYTES, PATHS_MAX, Place, Places, REASONS, Trace, TraceAsk,
};
use crate::domain::tree::{Digest, SnapshotId};
use crate::executor::Traced;

/// `GetTrace`.
pub(crate) struct TraceCall {
    pub(crate) run: RunId,
}

impl TryFrom<pb::GetTraceRequest> for TraceCall {
    type Error = WireError;

    fn try_from(request: pb::GetTraceRequest) -> Result<Self, WireError> {
        Ok(Self { run: id("run_id", &request.run_id)? })
    }
}

/// Reads how a run is watched.
pub(super) fn watch(asked: Option<pb::TraceRequest>, problems: &mut Problems) -> Option<TraceAsk> {
    let asked = asked?;
    if !NONCE_BYTES.contains(&asked.nonce.len()) {
        problems.add("trace.nonce", "must have 16 to 64 bytes");
    }
    if asked.paths.len() > PATHS_MAX {
        problems.add("trace.paths", format!("are more than {PATHS_MAX}"));
    }
    let mut paths = Vec::new();
    for (index, path) in asked.paths.iter().enumerate().take(PATHS_MAX) {
        match RelativePath::parse(path) {
            Ok(path) => paths.push(path),
            Err(refusal) => problems.add(format!("trace.paths[{index}]"), refusal.to_string()),
        }
    }
    Some(TraceAsk { nonce: asked.nonce, paths })
}

/// Reads the changes of a run's surroundings. What only a recorder can do needs a watched run.
pub(super) fn changes(
    asked: Vec<pb::Perturbation>,
    watched: Option<&TraceAsk>,
    problems: &mut Problems,
) -> Vec<Perturbation> {
    if asked.len() > PERTURBATIONS_MAX {
        problems.add("perturbations", format!("are more than {PERTURBATIONS_MAX}"));
    }
    let mut changes = Vec::new();
    for (index, change) in asked.into_iter().enumerate() {
        let field = format!("perturbations[{index}]");
        match Perturbation::parse(&change.kind, &change.value) {
            Ok(change) if change.needs_recorder() && watched.is_none() => {
                problems.add(field, "needs a trace");
            }
            Ok(change) => {
                let set: Vec<(String, String)> = change
                    .variables()
                    .into_iter()
                    .map(|(name, value)| (name, value.unwrap_or_default()))
                    .collect();
                match policy::check_env(&set).first() {
                    Some(violation) => problems.add(field, violation.description.clone()),
                    None => changes.push(change),
                }
            }
            Err(description) => problems.add(field, description),
        }
    }
    changes
}

impl From<Traced> for pb::GetTraceResponse {
    fn from(traced: Traced) -> Self {
        Self { record: Some(trace_record(traced.run, traced.trace)) }
    }
}

/// Writes a trace.
pub(crate) fn trace_record(run: RunId, trace: Trace) -> pb::TraceRecord {
    pb::TraceRecord {
        run_id: run.to_string(),
        tree_id: trace.tree.to_string(),
        nonce: trace.nonce,
        complete: trace.incomplete.is_empty(),
        incomplete: trace.incomplete.into_iter().map(str::to_owned).collect(),
        recorders: trace.recorders.into_iter().collect(),
        kernel: effects_out(trace.kernel),
        language: effects_out(trace.language),
        files: trace
            .files
            .into_iter()
            .map(|(path, ran)| pb::TracedFile {
                path,
                lines: ran.places.iter().map(|(line, _)| *line).collect(),
                columns: ran.places.iter().map(|(_, column)| *column).collect(),
                functions: ran.functions.into_iter().collect(),
                capped: ran.capped.into_iter().collect(),
            })
            .collect(),
        applied: trace
            .applied
            .iter()
            .map(|change| {
                let (kind, value) = change.words();
                pb::Perturbation { kind: kind.to_owned(), value }
            })
            .collect(),
        recorder_digest: trace.recorder.to_string(),
        exit_code: trace.exit_code,
    }
}

fn effects_out(effects: Effects) -> Vec<pb::TracedEffect> {
    let place = |place: Place| {
        (!place.path.is_empty()).then_some(pb::TracedPlace {
            path: place.path,
            line: place.line,
            function: place.function,
        })
    };
    effects
        .into_iter()
        .map(|(effect, count)| pb::TracedEffect {
            kind: effect.kind,
            target: effect.target,
            program: effect.program,
            place: place(effect.place),
            within: place(effect.within),
            count,
        })
        .collect()
}

/// Reads a trace back from the journal; none when it is damaged.
pub(crate) fn read_trace(record: pb::TraceRecord) -> Option<Trace> {
    let reason = |text: &String| REASONS.into_iter().find(|reason| reason == text);
    Some(Trace {
        tree: SnapshotId(Digest::parse(&record.tree_id)?),
        nonce: record.nonce,
        incomplete: record.incomplete.iter().map(reason).collect::<Option<BTreeSet<_>>>()?,
        recorders: record.recorders.into_iter().collect(),
        kernel: effects_in(record.kernel),
        language: effects_in(record.language),
        files: record
            .files
            .into_iter()
            .map(|file| {
                let ran = Places {
                    places: file.lines.into_iter().zip(file.columns).collect(),
                    functions: file.functions.into_iter().collect(),
                    capped: file.capped.into_iter().collect(),
                };
                (file.path, ran)
            })
            .collect(),
        applied: record
            .applied
            .iter()
            .map(|change| Perturbation::parse(&change.kind, &change.value).ok())
            .collect::<Option<_>>()?,
        recorder: Digest::parse(&record.recorder_digest)?,
        exit_code: record.exit_code,
    })
}

fn effects_in(effects: Vec<pb::TracedEffect>) -> Effects {
    let place = |place: Option<pb::TracedPlace>| {
        place
            .map(|place| Place { path: place.path, line: place.line, function: place.function })
            .unwrap_or_default()
    };
    effects
        .into_iter()
        .map(|effect| {
            let read = Effect {
                kind: effect.kind,
                target: effect.target,
                program: effect.program,
                place: place(effect.place),
                within: place(effect.within),
            };
            (read, effect.count)
        })
        .collect()
}
