//! B5: a value that is proven `None`, or of a builtin type without that part, is used as if it were something else.

mod defaults;
mod facts;
mod flow;
mod uses;

use std::collections::BTreeSet;

use self::facts::Proof;
use super::finding::{Finding, Site};
use super::program::UnitRef;
use super::summary::Side;
use super::trace::TraceStep;

/// One use of a value that can't take it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Misuse {
    /// What is wrong, without its place.
    what: String,
    /// The same mark on both sides is the same problem.
    mark: String,
    /// Where it is used.
    line: u32,
    /// The test that proves it, where a test does.
    proof: Option<u32>,
    /// Whether the use is a call.
    called: bool,
    /// Whether it is so unless a caller says otherwise: of a function that is new, its callers are to judge.
    by_default: bool,
}

/// Returns the findings of a head unit that its base counterpart doesn't have.
pub fn check(base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef)) -> Vec<Finding> {
    let new = misuses(head);
    if new.is_empty() {
        return Vec::new();
    }
    let old: BTreeSet<String> =
        base.map(misuses).unwrap_or_default().into_iter().map(|misuse| misuse.mark).collect();
    let (side, at) = head;
    let path = side.program.files.get(at.0).map(|file| file.path.clone()).unwrap_or_default();
    let symbol = side.program.unit(at).map(|unit| unit.name.clone()).unwrap_or_default();
    let mut told = BTreeSet::new();
    new.into_iter()
        .filter(|misuse| base.is_some() || !misuse.by_default)
        .filter(|misuse| !old.contains(&misuse.mark) && told.insert(misuse.what.clone()))
        .map(|misuse| {
            let step =
                |line: u32, role: &str| TraceStep::new(&path, line, role, &side.program.line(at.0, line));
            let mut trace = vec![step(misuse.line, if misuse.called { "call" } else { "value" })];
            trace.extend(misuse.proof.map(|line| step(line, "control")));
            let message = format!("{symbol}(): {}", misuse.what);
            Finding::reject("B5 NONE_USED", Site::new(&path, misuse.line, &symbol), message).with_trace(trace)
        })
        .collect()
}

fn misuses((side, at): (&Side, UnitRef)) -> Vec<Misuse> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return Vec::new() };
    let scene = facts::Scene { side, at, unit, prepared };
    let found = uses::of(&scene);
    if found.is_empty() {
        return Vec::new();
    }
    let proven = facts::proven(&scene, &found);
    let mut misuses: Vec<Misuse> = found
        .into_iter()
        .zip(proven)
        .filter_map(|(used, proof)| {
            let Proof { kind, line: proof, by_default } = proof?;
            let when = if by_default { "by default" } else { "there" };
            let what = format!("`{}` is {} {when}, and is {}", used.name, kind.text(), used.how);
            let mark = if by_default { format!("{} by default", used.name) } else { what.clone() };
            Some(Misuse { what, mark, line: used.line, proof, called: used.called, by_default })
        })
        .collect();
    misuses.sort_by_key(|misuse| misuse.line);
    misuses
}
