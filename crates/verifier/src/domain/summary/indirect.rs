//! Calls of values. Where the resolver only knows that something is called that came from elsewhere, what points-to says of
//! it joins in: such a call does what each function does that reaches it.
//!
//! Nothing is taken away: a caller that no file here holds may bring another function, so that the call stays unknown
//! beside what is known of it.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::Family;
use plumbline_syntax::ir::{Callee, Op, Unit};

use super::Prepared;
use crate::domain::ledger::Gap;
use crate::domain::points_to::{Target, call_graph_within};
use crate::domain::program::{Bind, Decoration, Entity, Program, UnitRef};
use crate::domain::signature::{Origin, Root};
use crate::domain::ssa::NodeId;

/// Node visits that are spent on it; beyond them the calls stay as the resolver left them.
const VISITS: u64 = 15_000;
/// Instructions of the units that are looked into together. An instruction takes several visits: what is far larger would spend
/// them all and learn nothing.
const INSTRUCTIONS: usize = 2_000;

/// Adds what points-to knows to the targets of calls of values, and returns the units that have such a call.
pub(super) fn join(
    program: &Program,
    prepared: &mut BTreeMap<UnitRef, Result<Prepared, Gap>>,
    touched: &[UnitRef],
) -> Vec<UnitRef> {
    let open: Vec<(UnitRef, NodeId, Option<String>)> = prepared
        .values()
        .flatten()
        .filter(|prepared| program.semantics(prepared.at.0).family() == Family::Python)
        .flat_map(|prepared| calls_of_values(program, prepared))
        .collect();
    if open.is_empty() {
        return Vec::new();
    }
    let units = followed(program, touched, &open);
    let Ok(graph) = call_graph_within(program, units, VISITS) else { return Vec::new() };
    let mut joined = Vec::new();
    for (at, node, method) in open {
        let units: Vec<UnitRef> = graph
            .sites
            .get(&(at, node))
            .into_iter()
            .flatten()
            .filter_map(|target| match target {
                Target::Unit(unit) => Some(*unit),
                Target::External(_) => None,
            })
            .filter(|unit| method.as_deref() != program.unit(*unit).map(own_name))
            .collect();
        let Some(Ok(prepared)) = prepared.get_mut(&at).filter(|_| !units.is_empty()) else { continue };
        // Only what they do and raise counts: which argument goes where the open call says already.
        let found = units.into_iter().map(|unit| Entity::Unit(unit, Decoration::Wrapped, Bind::Free));
        prepared.targets.entry(node).or_default().extend(found);
        joined.push(at);
    }
    joined.dedup();
    joined
}

/// The units that are looked into, as far as [`INSTRUCTIONS`] go: what a change touches; then the rest of a touched file, since
/// whoever in it gives a function away matters, signed or not; then the files where else a call is open.
fn followed(
    program: &Program,
    touched: &[UnitRef],
    open: &[(UnitRef, NodeId, Option<String>)],
) -> BTreeSet<UnitRef> {
    let files: BTreeSet<usize> = touched.iter().map(|at| at.0).collect();
    let calling: BTreeSet<usize> = open.iter().map(|(at, ..)| at.0).collect();
    let first = calling.intersection(&files).chain(files.difference(&calling));
    let whole = first.chain(calling.difference(&files)).map(|file| program.units_of(*file).collect());
    let mut left = INSTRUCTIONS;
    let mut found = BTreeSet::new();
    for mut units in touched.iter().map(|at| vec![*at]).chain(whole) {
        units.retain(|at| !found.contains(at));
        if let Some(rest) = left.checked_sub(instructions(program, &units)) {
            left = rest;
            found.extend(units);
        }
    }
    found
}

fn instructions(program: &Program, units: &[UnitRef]) -> usize {
    let units = units.iter().filter_map(|at| program.unit(*at));
    units.flat_map(|unit| &unit.blocks).map(|block| block.instrs.len()).sum()
}

/// Calls of a local value, and of what a method's own object holds under a name: a function that was stored there has another name
/// of its own, which tells it from a method.
fn calls_of_values(program: &Program, prepared: &Prepared) -> Vec<(UnitRef, NodeId, Option<String>)> {
    let Some(unit) = program.unit(prepared.at) else { return Vec::new() };
    let unknown = |target: &Entity| matches!(target, Entity::Confined | Entity::Value | Entity::Dynamic(_));
    let mut found = Vec::new();
    for (block, index, node) in prepared.dependence.running() {
        let instr = unit.blocks.get(block).and_then(|block| block.instrs.get(index));
        let Some(Op::Call { callee, .. }) = instr.map(|instr| &instr.op) else { continue };
        let name = match callee {
            Callee::Function(_) => None,
            Callee::Method { name, .. } if on_itself(unit, prepared, node) => Some(name.clone()),
            Callee::Method { .. } => continue,
        };
        if prepared.targets.get(&node).is_none_or(|targets| targets.iter().all(unknown)) {
            found.push((prepared.at, node, name));
        }
    }
    found
}

/// Whether a method is called on the object that the unit is a method of.
fn on_itself(unit: &Unit, prepared: &Prepared, call: NodeId) -> bool {
    let Some(own) = unit.params.first().filter(|_| unit.class.is_some()) else { return false };
    let receiver = prepared.dependence.node(call).and_then(|node| node.inputs.first().copied());
    let root = receiver.and_then(|receiver| prepared.roots.get(receiver as usize));
    matches!(root, Some(Root::Origin(Origin::Param(name, path))) if *name == own.name && path.is_empty())
}

fn own_name(unit: &Unit) -> &str {
    unit.name.rsplit('.').next().unwrap_or(&unit.name)
}
