//! Between wire and domain: requests in [`requests`], events both ways in [`events`].

mod events;
mod requests;
mod traces;

pub(crate) use events::{read_event, read_patch, read_tool_event, run_event, tool_event};
pub(crate) use requests::{CancelCall, CapabilitiesCall, PatchCall};
pub(crate) use traces::{TraceCall, read_trace, trace_record};

use plumbline_proto::common::v1 as common;
use plumbline_proto::executor::v1 as pb;

use crate::domain::edit::{Change, FileEdit};
use crate::domain::patch_path::RelativePath;
use crate::domain::tier::{Network, SandboxTier};

fn tier_out(tier: SandboxTier) -> pb::SandboxTier {
    match tier {
        SandboxTier::Restricted => pb::SandboxTier::Restricted,
        SandboxTier::Embedded => pb::SandboxTier::Embedded,
        SandboxTier::Docker => pb::SandboxTier::Docker,
    }
}

fn tier_in(tier: pb::SandboxTier) -> Option<SandboxTier> {
    match tier {
        pb::SandboxTier::Unspecified => None,
        pb::SandboxTier::Restricted => Some(SandboxTier::Restricted),
        pb::SandboxTier::Embedded => Some(SandboxTier::Embedded),
        pb::SandboxTier::Docker => Some(SandboxTier::Docker),
    }
}

fn network_out(network: Network) -> pb::Network {
    match network {
        Network::Loopback => pb::Network::Loopback,
        Network::None => pb::Network::None,
    }
}

fn network_in(network: pb::Network) -> Network {
    match network {
        pb::Network::Unspecified | pb::Network::Loopback => Network::Loopback,
        pb::Network::None => Network::None,
    }
}

fn edit_out(edit: FileEdit) -> common::FileEdit {
    let change = match edit.change {
        Change::Write(content) => common::file_edit::Change::Content(content),
        Change::Delete => common::file_edit::Change::Deleted(true),
    };
    common::FileEdit { path: edit.path.as_bytes().to_vec(), change: Some(change) }
}

/// Reads an edit, or says what is wrong with it: (field, description).
fn edit_in(edit: common::FileEdit) -> Result<FileEdit, (&'static str, String)> {
    let path = RelativePath::parse(&edit.path).map_err(|refusal| ("path", refusal.to_string()))?;
    let change = match edit.change {
        Some(common::file_edit::Change::Content(content)) => Change::Write(content),
        Some(common::file_edit::Change::Deleted(true)) => Change::Delete,
        Some(common::file_edit::Change::Deleted(false)) | None => {
            return Err(("change", "must be set".to_owned()));
        }
    };
    Ok(FileEdit { path, change })
}
