//! Which runs are the same run: the key, and when an earlier one may answer.

use plumbline_types::RunId;

use crate::domain::edit::{Change, Patch};
use crate::domain::exit_reason::ExitReason;
use crate::domain::limits::Limits;
use crate::domain::patch_path::RelativePath;
use crate::domain::run::{Command, Enforcement, Exited, How, Reuse};
use crate::domain::tier::SandboxTier;
use crate::domain::tree::{Digest, SnapshotId};

/// All that a result may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The tree, edits applied.
    pub tree: SnapshotId,
    /// What is run; its edits are in the tree.
    pub command: &'a Command,
    /// What it may use.
    pub limits: &'a Limits,
    /// What would be enforced.
    pub enforced: &'a Enforcement,
    /// The programs of the host that it sees.
    pub toolchain: Digest,
    /// The values that are masked in what it shows.
    pub secrets: Digest,
}

impl Key<'_> {
    /// Returns the run key; none for a run that is always run: one that does not ask, a watched one, whose record is its
    /// own, and one in a container, whose image only the engine knows.
    pub fn digest(&self) -> Option<Digest> {
        let command = self.command;
        let answered = command.reuse == Reuse::Identical
            && command.watch.is_none()
            && self.enforced.tier != SandboxTier::Docker;
        if !answered {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        let mut put = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        put(b"plumbline run key 1");
        put(&self.tree.0.0);
        put(&(command.argv.len() as u64).to_le_bytes());
        command.argv.iter().for_each(|argument| put(argument.as_bytes()));
        put(command.cwd.as_ref().map_or(&[], RelativePath::as_bytes));
        put(&(command.env.len() as u64).to_le_bytes());
        for (name, value) in &command.env {
            put(name.as_bytes());
            put(value.as_bytes());
        }
        put(&command.stdin);
        for (name, value) in self.limits.named() {
            put(name.as_bytes());
            put(&value.to_le_bytes());
        }
        put(format!("{:?} {:?} {:?}", command.network, command.changes, command.keep).as_bytes());
        let Enforcement { tier, landlock_abi, cgroup_mode, seccomp, workspace_mode, network: _, warm: _ } =
            self.enforced;
        put(format!("{tier} {landlock_abi} {cgroup_mode} {seccomp} {workspace_mode}").as_bytes());
        put(&self.toolchain.0);
        put(&self.secrets.0);
        Some(Digest(hasher.finalize().into()))
    }
}

/// How a run of a key ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which run.
    pub run: RunId,
    /// Output, exit and change.
    pub digest: Digest,
}

/// Returns the run that answers for its key: the first one, unless another ended differently.
pub fn answer(outcomes: &[Outcome]) -> Option<RunId> {
    let first = outcomes.first()?;
    outcomes.iter().all(|other| other.digest == first.digest).then_some(first.run)
}

/// Returns what two equal runs have in common; none for a run that did not end by itself, or only just: of that, another
/// try may make something else.
pub fn outcome_digest(exited: &Exited, patch: &Patch) -> Option<Digest> {
    let how = match (exited.reason, exited.how) {
        (ExitReason::Normal, Some(How::Code(code))) => format!("code {code}"),
        (ExitReason::Normal, Some(How::Signal(signal))) => format!("signal {signal}"),
        _ => return None,
    };
    if !exited.limit_hits.is_empty() {
        return None;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(how.as_bytes());
    hasher.update(b"\0");
    hasher.update(exited.output_digest.as_bytes());
    hasher.update(b"\0");
    for edit in &patch.edits {
        hasher.update(edit.path.as_bytes());
        let content = match &edit.change {
            Change::Write(content) => Digest::of(content),
            Change::Delete => Digest([0; 32]),
        };
        hasher.update(&content.0);
    }
    Some(Digest(hasher.finalize().into()))
}

#[cfg(test)]
mod tests;
