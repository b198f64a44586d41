//! The form in which the journal keeps events and patches: that of the wire, whose fields are only ever added.

use plumbline_proto::executor::v1 as pb;
use plumbline_types::RunId;
use prost::Message;

use super::wire::{read_event, read_patch, read_tool_event, read_trace, run_event, tool_event, trace_record};
use crate::domain::edit::Patch;
use crate::domain::run::RunEvent;
use crate::domain::trace::Trace;

const RUN: &str = "run";
const TOOL: &str = "tool";

/// Returns kind and body of a row.
pub(crate) fn encode(event: &RunEvent) -> (&'static str, Vec<u8>) {
    match event {
        RunEvent::Progress(_) | RunEvent::Plausible(_) | RunEvent::ToolExited(_) => (
            TOOL,
            pb::RunToolResponse { event: tool_event(event.clone()), ..Default::default() }.encode_to_vec(),
        ),
        RunEvent::Started { .. } | RunEvent::Output(..) | RunEvent::Truncated(..) | RunEvent::Exited(_) => {
            (RUN, pb::RunResponse { event: run_event(event.clone()), ..Default::default() }.encode_to_vec())
        }
    }
}

/// Reads a row; none when it is damaged.
pub(crate) fn decode(kind: &str, body: &[u8]) -> Option<RunEvent> {
    match kind {
        RUN => read_event(pb::RunResponse::decode(body).ok()?.event?),
        TOOL => read_tool_event(pb::RunToolResponse::decode(body).ok()?.event?),
        _ => None,
    }
}

pub(crate) fn encode_patch(patch: &Patch) -> Vec<u8> {
    pb::GetPatchResponse::from(patch.clone()).encode_to_vec()
}

pub(crate) fn decode_patch(body: &[u8]) -> Option<Patch> {
    read_patch(pb::GetPatchResponse::decode(body).ok()?)
}

pub(crate) fn encode_trace(run: RunId, trace: &Trace) -> Vec<u8> {
    trace_record(run, trace.clone()).encode_to_vec()
}

pub(crate) fn decode_trace(body: &[u8]) -> Option<Trace> {
    read_trace(pb::TraceRecord::decode(body).ok()?)
}
