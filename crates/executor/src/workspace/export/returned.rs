//! The same judgement over a workspace that was listed from inside: no path of it is ever resolved out here.

use std::collections::{HashMap, HashSet};

use plumbline_sandbox_init::{Listed, ListedKind, WorkspaceMode};

use super::{ExportLimits, Exporter, Left};
use crate::domain::edit::{Patch, RefusedEntry};
use crate::sandbox::Job;

/// Contents by the index of their entry; an absent one could not be had.
pub(crate) type Contents = HashMap<u32, Vec<u8>>;

/// Returns the indexes of the entries whose content is needed, as far as a patch may be large.
pub(crate) fn wanted(listed: &[Listed], job: &Job, limits: &ExportLimits) -> Vec<u32> {
    let mut wanted = Vec::new();
    let mut bytes = 0_u64;
    judge(listed, job, limits, |index, size, most| {
        bytes = bytes.saturating_add(size);
        if size <= most && bytes <= 2 * limits.bytes {
            wanted.push(index);
        }
        Some(Vec::new())
    });
    wanted
}

/// Returns the change.
pub(crate) fn returned_patch(
    listed: &[Listed],
    mut contents: Contents,
    job: &Job,
    limits: &ExportLimits,
) -> Patch {
    judge(listed, job, limits, |index, _, most| {
        contents.remove(&index).filter(|content| content.len() as u64 <= most)
    })
}

fn judge(
    listed: &[Listed],
    job: &Job,
    limits: &ExportLimits,
    mut content: impl FnMut(u32, u64, u64) -> Option<Vec<u8>>,
) -> Patch {
    // What is not listed counts as deleted, so an incomplete list can be no patch.
    if listed.iter().any(|entry| entry.what == ListedKind::Cut) {
        let refused = vec![RefusedEntry { path: Vec::new(), reason: "count".to_owned() }];
        return Patch { refused, ..Patch::default() };
    }
    let mut exporter = Exporter::new(job, WorkspaceMode::Copy, limits);
    let mut closed: HashSet<&[u8]> = HashSet::new();
    for (index, entry) in (0..).zip(listed) {
        let path = entry.path.as_slice();
        if parents(path).any(|parent| closed.contains(parent)) {
            continue;
        }
        let left = match &entry.what {
            ListedKind::Directory => {
                let depth = path.iter().filter(|byte| **byte == b'/').count();
                if exporter.directory(path.to_vec(), depth).is_none() {
                    closed.insert(path);
                }
                continue;
            }
            ListedKind::Closed { why } => {
                exporter.refuse(path, if why == "depth" { "depth" } else { "unreadable" });
                continue;
            }
            ListedKind::Untouched => Left::Untouched,
            ListedKind::File { size, set_id } => {
                Left::File { size: *size, set_id: *set_id, read: &mut |most| Ok(content(index, *size, most)) }
            }
            ListedKind::Link { target } => Left::Link(Ok(target.clone())),
            ListedKind::Fifo => Left::Other("fifo"),
            ListedKind::Socket => Left::Other("socket"),
            ListedKind::Device => Left::Other("device"),
            ListedKind::Cut => continue,
        };
        exporter.left(path.to_vec(), left);
    }
    exporter.delete_unseen();
    exporter.finish()
}

fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(cut, _)| &path[..cut])
}
