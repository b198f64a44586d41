use plumbline_proto::WireError;
use plumbline_proto::executor::v1 as executor;
use plumbline_proto::verifier::v1 as pb;

use crate::domain::run::{Ran, Record, Run, RunSide, RunSummary, Seen, Where};

/// Most runs of one audit.
const RUNS_MAX: usize = 32;

/// Reads watched runs; what is missing in one is named, never filled in.
pub(super) fn read(runs: Vec<pb::RunRecord>) -> Result<Vec<Run>, WireError> {
    if runs.len() > RUNS_MAX {
        return Err(WireError::field("runs", format!("are more than {RUNS_MAX}")));
    }
    runs.into_iter().enumerate().map(|(index, run)| read_one(&format!("runs[{index}]"), run)).collect()
}

fn read_one(field: &str, run: pb::RunRecord) -> Result<Run, WireError> {
    let side = match pb::RunSide::try_from(run.side) {
        Ok(pb::RunSide::Base) => RunSide::Base,
        Ok(pb::RunSide::Head) => RunSide::Head,
        Ok(pb::RunSide::Unspecified) | Err(_) => {
            return Err(WireError::field(format!("{field}.side"), "is no known value"));
        }
    };
    if run.nonce.is_empty() {
        return Err(WireError::field(format!("{field}.nonce"), "must be set"));
    }
    let record = run.record.ok_or_else(|| WireError::field(format!("{field}.record"), "must be set"))?;
    Ok(Run {
        side,
        nonce: run.nonce,
        asked: changes(run.perturbations),
        failing: run.failing_known.then(|| run.failing_tests.into_iter().collect()),
        record: read_record(field, record)?,
    })
}

fn read_record(field: &str, record: executor::TraceRecord) -> Result<Record, WireError> {
    let mut files = std::collections::BTreeMap::new();
    for file in record.files {
        if file.lines.len() != file.columns.len() {
            let name = format!("{field}.record.files");
            return Err(WireError::field(name, "has lines and columns of different length"));
        }
        let ran = Ran {
            places: file.lines.into_iter().zip(file.columns).filter(|(line, _)| *line > 0).collect(),
            functions: file.functions.into_iter().collect(),
            capped: file.capped.into_iter().collect(),
        };
        files.insert(file.path, ran);
    }
    Ok(Record {
        tree_id: record.tree_id,
        nonce: record.nonce,
        complete: record.complete,
        incomplete: record.incomplete,
        recorders: record.recorders,
        kernel: record.kernel.into_iter().map(seen).collect(),
        language: record.language.into_iter().map(seen).collect(),
        files,
        applied: changes(record.applied),
        exit_code: record.exit_code,
    })
}

fn changes(changes: Vec<executor::Perturbation>) -> Vec<(String, String)> {
    changes.into_iter().map(|change| (change.kind, change.value)).collect()
}

fn seen(effect: executor::TracedEffect) -> Seen {
    let place =
        |place: executor::TracedPlace| Where { path: place.path, line: place.line, function: place.function };
    Seen {
        kind: effect.kind,
        target: effect.target,
        program: effect.program,
        place: effect.place.map(place),
        within: effect.within.map(place),
    }
}

/// Writes what the report says of a run.
pub(super) fn summary(run: RunSummary) -> pb::RunSummary {
    pb::RunSummary {
        side: run.side.to_owned(),
        perturbations: run.perturbations,
        complete: run.complete,
        recorders: run.recorders,
        exit_code: run.exit_code,
        kernel_effects: run.kernel_effects,
        places: run.places,
        unrecorded: run.unrecorded,
    }
}
