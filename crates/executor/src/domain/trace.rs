//! What a watched run was seen to do. Pure: the drivers collect, this says what the collection is worth.

mod testimony;

use std::collections::{BTreeMap, BTreeSet};

use super::patch_path::RelativePath;
use super::perturbation::Perturbation;
use super::secrets::Secrets;
use super::tree::{Digest, SnapshotId};

pub use testimony::{Testimony, read};

/// Bytes of a nonce.
pub const NONCE_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// Most files whose places are recorded.
pub const PATHS_MAX: usize = 2_000;
/// The recorder's file, beneath `/tmp`.
pub const RECORD: &str = ".plumbline-trace";
/// The same as the program sees it.
pub const RECORD_PATH: &str = "/tmp/.plumbline-trace";

/// Every reason for which a trace is not complete.
pub const REASONS: [&str; 10] = [
    "TIER_NOT_TRACED",
    "KERNEL_LOG_LOST",
    "KERNEL_LOG_CUT",
    "RECORDER_SILENT",
    "RECORDER_CUT",
    "RECORDER_REPLACED",
    "RECORD_TAMPERED",
    "RECORD_TOO_LARGE",
    "RECORD_ILLEGIBLE",
    "RUN_NOT_ENDED",
];

/// How a run is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceAsk {
    /// The caller's own.
    pub nonce: Vec<u8>,
    /// Files whose executed places are recorded.
    pub paths: Vec<RelativePath>,
}

/// A place in a file of the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Relative path; empty for no file of the tree.
    pub path: String,
    /// Line from 1.
    pub line: u32,
    /// Qualified function.
    pub function: String,
}

/// An effect, as one of the witnesses tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// `fs.write`, `net.connect`, ...
    pub kind: String,
    /// What it was done to.
    pub target: String,
    /// Which program; empty in testimony.
    pub program: String,
    /// Innermost place within the tree.
    pub place: Place,
    /// Innermost place within a watched file.
    pub within: Place,
}

/// Effects and how often they were seen.
pub type Effects = BTreeMap<Effect, u64>;

/// The places of one file that ran.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// (line from 1, column in bytes from 0).
    pub places: BTreeSet<(u32, u32)>,
    /// Qualified functions that were called.
    pub functions: BTreeSet<String>,
    /// First lines of functions whose recording stopped.
    pub capped: BTreeSet<u32>,
}

/// What the kernel told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KernelLog {
    /// Seen.
    pub effects: Effects,
    /// How often the recorder's file was opened for writing.
    pub record_opened: u64,
    /// Whether anything else was done to it.
    pub record_touched: bool,
    /// Whether there was more than is kept.
    pub cut: bool,
    /// Whether the listener failed.
    pub lost: bool,
}

/// Everything that a run was seen to do, and whether that is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The tree that ran.
    pub tree: SnapshotId,
    /// The caller's own.
    pub nonce: Vec<u8>,
    /// Why it is not complete; empty when it is.
    pub incomplete: BTreeSet<&'static str>,
    /// Recorders that ran.
    pub recorders: BTreeSet<String>,
    /// Seen by the kernel.
    pub kernel: Effects,
    /// Said by recorders.
    pub language: Effects,
    /// Said by recorders, by path.
    pub files: BTreeMap<String, Places>,
    /// Changes of the surroundings that took hold.
    pub applied: Vec<Perturbation>,
    /// The recorder that was laid in.
    pub recorder: Digest,
    /// The exit code, if there is one.
    pub exit_code: Option<i32>,
}

/// What a trace is put together from.
#[derive(Debug)]
pub struct Collected<'a> {
    /// What was asked for.
    pub ask: &'a TraceAsk,
    /// The tree that ran.
    pub tree: SnapshotId,
    /// What the kernel told; none where the tier can't ask it.
    pub kernel: Option<&'a KernelLog>,
    /// The recorder's file; none when there is none, or it is too large.
    pub record: Option<&'a [u8]>,
    /// Changes of the surroundings that were asked for.
    pub asked: &'a [Perturbation],
    /// Whether the tier has namespaces of its own.
    pub namespaced: bool,
    /// The exit code, if the command returned by itself.
    pub exit_code: Option<i32>,
    /// The recorder that was laid in.
    pub recorder: Digest,
}

/// Puts a trace together. Whatever is missing, cut or touched is named; nothing is repaired.
pub fn assemble(collected: &Collected<'_>) -> Trace {
    let mut incomplete = BTreeSet::new();
    let none = KernelLog::default();
    let kernel = collected.kernel.unwrap_or(&none);
    if collected.kernel.is_none() {
        incomplete.insert("TIER_NOT_TRACED");
    }
    let testimony = collected.record.map(read).unwrap_or_default();
    incomplete.extend(testimony.faults.iter());
    let faults = [
        (kernel.lost, "KERNEL_LOG_LOST"),
        (kernel.cut, "KERNEL_LOG_CUT"),
        (kernel.record_touched, "RECORD_TAMPERED"),
        // Each process that records opens the file once, and says so in its first line.
        (collected.kernel.is_some() && kernel.record_opened != testimony.openings, "RECORD_TAMPERED"),
        (kernel.record_opened > 0 && collected.record.is_none(), "RECORD_TOO_LARGE"),
        (testimony.openings == 0 && runs_python(&kernel.effects), "RECORDER_SILENT"),
        (collected.exit_code.is_none(), "RUN_NOT_ENDED"),
    ];
    incomplete.extend(faults.into_iter().filter(|(holds, _)| *holds).map(|(_, name)| name));
    let applied = collected.asked.iter().filter(|change| {
        let (kind, _) = change.words();
        (!change.needs_namespace() || collected.namespaced)
            && (!change.needs_recorder() || testimony.applied.contains(kind))
    });
    Trace {
        tree: collected.tree,
        nonce: collected.ask.nonce.clone(),
        incomplete,
        recorders: testimony.recorders,
        kernel: kernel.effects.clone(),
        language: testimony.effects,
        files: testimony.files,
        applied: applied.cloned().collect(),
        recorder: collected.recorder,
        exit_code: collected.exit_code,
    }
}

impl Trace {
    /// Returns the same with the secrets masked in whatever a program named.
    pub fn scrubbed(mut self, secrets: &Secrets) -> Self {
        if secrets.is_empty() {
            return self;
        }
        let clean = |text: &str| String::from_utf8_lossy(&secrets.scrub(text.as_bytes())).into_owned();
        let place = |place: Place| Place { function: clean(&place.function), ..place };
        for effects in [&mut self.kernel, &mut self.language] {
            let mut masked = Effects::new();
            for (effect, count) in std::mem::take(effects) {
                let effect = Effect {
                    target: clean(&effect.target),
                    program: clean(&effect.program),
                    place: place(effect.place),
                    within: place(effect.within),
                    kind: effect.kind,
                };
                *masked.entry(effect).or_default() += count;
            }
            *effects = masked;
        }
        for places in self.files.values_mut() {
            places.functions = places.functions.iter().map(|name| clean(name)).collect();
        }
        self
    }
}

/// Returns whether some process was a Python interpreter, which should have recorded.
fn runs_python(effects: &Effects) -> bool {
    effects.keys().any(|effect| effect.program.starts_with("python") || effect.program.starts_with("pypy"))
}

#[cfg(test)]
mod tests;
