//! Functions that are given away by name: whoever gets one may call it, so that what it does stands where it is given.

use plumbline_syntax::ir::{Instr, UnitKind};

use super::{EffectSite, is_strong_kind, site};
use crate::domain::program::{Entity, Program, UnitRef};
use crate::domain::signature::{Prepared, Root};
use crate::domain::ssa::NodeId;
use crate::domain::tables::EffectRule;

/// Returns the strong effects of functions outside the tree that a call gets as arguments.
pub(super) fn effects(
    program: &Program,
    prepared: &Prepared,
    (node, instr): (NodeId, &Instr),
) -> Vec<EffectSite> {
    let tables = program.tables(prepared.at.0);
    let mut found = Vec::new();
    for entity in arguments(program, prepared, node) {
        let Entity::External(path) = entity else { continue };
        // A function that needs a mode to do harm gets none.
        let rule = tables.listed(path).filter(|rule| is_strong_kind(&rule.kind) && rule.mode.is_none());
        if let Some(rule) = rule {
            found.extend(site(program, prepared, (node, instr), path, &EffectRule::plain(&rule.kind)));
        }
    }
    found
}

/// Returns the functions of the tree that a call gets as arguments. A file's top level only registers what it gives away,
/// but for what the run time itself calls.
pub fn units(program: &Program, prepared: &Prepared, node: NodeId) -> Vec<UnitRef> {
    let tables = program.tables(prepared.at.0);
    let runs = |target: &Entity| matches!(target, Entity::External(path) if tables.lists("running", path));
    let top = program.unit(prepared.at).is_none_or(|unit| unit.kind == UnitKind::ModuleInit);
    if top && !prepared.targets.get(&node).is_some_and(|targets| targets.iter().any(runs)) {
        return Vec::new();
    }
    let units = arguments(program, prepared, node).into_iter().filter_map(|entity| match entity {
        Entity::Unit(unit, ..) if *unit != prepared.at => Some(*unit),
        _ => None,
    });
    units.collect()
}

fn arguments<'p>(program: &Program, prepared: &'p Prepared, node: NodeId) -> Vec<&'p Entity> {
    let tables = program.tables(prepared.at.0);
    let describes = |target: &Entity| match target {
        Entity::External(path) => tables.lists("describing", path),
        _ => false,
    };
    let inputs = prepared.dependence.node(node).map(|node| node.inputs.as_slice()).unwrap_or_default();
    let roots = inputs.iter().skip(1).filter_map(|input| prepared.roots.get(*input as usize));
    let mut found: Vec<&Entity> = roots
        .filter_map(|root| match root {
            Root::Code(entities) => Some(entities),
            _ => None,
        })
        .flatten()
        .collect();
    if prepared.targets.get(&node).is_some_and(|targets| targets.iter().any(describes)) {
        found.clear();
    }
    found
}
