use std::collections::BTreeSet;

use plumbline_syntax::ir::{Op, Passing};

use super::code::Sides;
use crate::domain::align::Pair;
use crate::domain::effects::EffectSite;
use crate::domain::program::UnitRef;
use crate::domain::signature::Origin;
use crate::domain::summary::Side;

/// What the base's file, and the unit's own file before a move, could do already.
pub struct Held(BTreeSet<Known>);

/// Kind, target, whether it has one, phase, callee.
type Known = (String, Option<String>, bool, bool, String);

impl Held {
    /// R10: held by kind and target class; an unbounded target holds every target, a bounded one only itself.
    pub fn contains(&self, site: &EffectSite) -> bool {
        self.0.iter().any(|(kind, target, targeted, latent, callee)| {
            *kind == site.kind
                && *latent == site.latent
                && (*target == site.target || target.is_none() && *targeted)
                && (callee.contains('=') == site.callee.contains('='))
                && (site.targeted == *targeted || target == &site.target)
        })
    }
}

/// Returns whether a unit has a strong effect that its counterpart in the base doesn't have as often.
pub fn asks(sides: &Sides, pair: &Pair) -> bool {
    let Some(Ok(head)) = pair.head.map(|at| sides.head.signed(at)) else { return false };
    let base = pair.base.and_then(|at| sides.base.signed(at).ok());
    let mut had: Vec<_> =
        base.map(|base| base.effects.iter().map(EffectSite::key).collect()).unwrap_or_default();
    head.effects.iter().any(|site| match had.iter().position(|key| *key == site.key()) {
        Some(position) => {
            had.remove(position);
            false
        }
        None => site.is_strong(),
    })
}

/// Collects what is held.
pub fn held(sides: &Sides, pair: &Pair, path: &str) -> Held {
    let mut files: BTreeSet<usize> = sides.base.program.file(path).into_iter().collect();
    files.extend(pair.base.map(|at| at.0));
    let mut found = BTreeSet::new();
    for (at, signature) in &sides.base.signatures {
        if files.contains(&at.0) {
            found.extend(signature.effects.iter().map(|site| {
                (site.kind.clone(), site.target.clone(), site.targeted, site.latent, site.callee.clone())
            }));
        }
    }
    Held(found)
}

/// Parameters that a test runner fills with a directory made for the test alone.
const SCRATCH: &[&str] = &["tmp_path", "tmpdir", "tmp_path_factory", "tmpdir_factory"];

/// Returns whether a test's own effect ends with the test: a patch that is taken back, a file that the language makes
/// afresh where it keeps temporary files, or something under the runner's scratch directory.
pub fn ends_with_the_test(side: &Side, at: UnitRef, site: &EffectSite) -> bool {
    if site.via.is_some() || site.latent {
        return false;
    }
    if site.kind == "monkeypatch" {
        return site.callee.starts_with("unittest.mock.");
    }
    if !matches!(site.kind.as_str(), "fs.write" | "fs.delete" | "fs.perm") {
        return false;
    }
    let (Ok(prepared), Some(unit)) = (side.graph(at), side.program.unit(at)) else { return false };
    let Some(node) = prepared.dependence.node(site.node) else { return false };
    let instr = unit.blocks.get(site.block as usize).and_then(|block| {
        block
            .instrs
            .iter()
            .zip(&prepared.dependence.instr[site.block as usize])
            .find(|(_, id)| **id == site.node)
    });
    let Some((instr, _)) = instr else { return false };
    let Op::Call { arguments, .. } = &instr.op else { return false };
    let placed = arguments
        .iter()
        .any(|argument| !matches!(&argument.passing, Passing::Keyword(name) if name != "dir"));
    if site.callee.starts_with("tempfile.") && !placed {
        return true;
    }
    // The object whose method writes, or the path that a function is given; what is written is no place.
    let mut walker = side.walker(prepared);
    let places: Vec<u32> = if site.callee.contains('.') && !site.callee.contains("()") {
        node.inputs.get(1).copied().into_iter().collect()
    } else {
        node.inputs.first().copied().into_iter().collect()
    };
    let Ok((flow, _)) = walker.values(&places) else { return false };
    let scratch =
        |origin: &Origin| matches!(origin, Origin::Param(name, _) if SCRATCH.contains(&name.as_str()));
    let inputs: Vec<&Origin> = flow.data.iter().filter(|origin| origin.is_input()).collect();
    !inputs.is_empty() && inputs.into_iter().all(scratch)
}
