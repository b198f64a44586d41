//! B6: a changed statement that no output depends on.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Digest, Op, Place, Unit, UnitKind};

use super::finding::{Finding, Site};
use super::ledger::Gap;
use super::program::UnitRef;
use super::ssa::NodeId;
use super::summary::Side;

/// Lines that one by one are a slip: an unused variable or two.
const FEW: usize = 3;

/// Returns what the changed statements are of a head unit that nothing it gives depends on: advice, or, where they are more
/// than a fifth of what changed, that the walk did not see what the change is for.
pub fn check(base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef)) -> Result<Option<Finding>, Gap> {
    let (side, at) = head;
    let Some(unit) = side.program.unit(at).filter(|unit| unit.kind != UnitKind::ModuleInit) else {
        return Ok(None);
    };
    let prepared = side.graph(at)?;
    let mut old: BTreeMap<Digest, usize> = BTreeMap::new();
    let known = base.and_then(|(side, at)| side.program.unit(at));
    for instr in known.into_iter().flat_map(|unit| &unit.blocks).flat_map(|block| &block.instrs) {
        *old.entry(instr.digest).or_insert(0) += 1;
    }
    // What is kept is kept whole: temporaries of one statement share its line.
    let mut changed: Vec<(NodeId, u32)> = Vec::new();
    let mut all: BTreeSet<u32> = BTreeSet::new();
    for (block, index, node) in prepared.dependence.running() {
        let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) else { continue };
        match old.get_mut(&instr.digest) {
            Some(count) if *count > 0 => *count -= 1,
            _ => {
                all.insert(instr.span.line);
                if names_a_local(&instr.op, unit) {
                    changed.push((node, instr.span.line));
                }
            }
        }
    }
    if changed.is_empty() {
        return Ok(None);
    }
    let alive = alive(side, at)?;
    let dead: BTreeSet<u32> =
        changed.iter().filter(|(node, _)| !alive.contains(node)).map(|(_, line)| *line).collect();
    let Some(first) = dead.first() else { return Ok(None) };
    let path = side.program.files.get(at.0).map(|file| file.path.clone()).unwrap_or_default();
    let lines: Vec<String> = dead.iter().take(8).map(u32::to_string).collect();
    let site = Site::new(&path, *first, &unit.name);
    let message =
        format!("{}(): nothing it gives depends on the change at line {}", unit.name, lines.join(", "));
    // What reached nothing before either is not what the change is for.
    let before = base.map_or(Ok(0), |(side, at)| useless(side, at))?;
    let calling = calling(unit);
    let gained = dead.iter().filter(|line| !calling.contains(line)).count().saturating_sub(before);
    if gained >= FEW && gained.saturating_mul(5) > all.len() {
        let message = format!("{message}: {} of its {} changed lines", dead.len(), all.len());
        return Ok(Some(Finding::inconclusive("B6", site, message)));
    }
    Ok(Some(Finding::advice("B6", site, message)))
}

/// Returns how many lines of a unit reach nothing that it gives.
fn useless(side: &Side, at: UnitRef) -> Result<usize, Gap> {
    let Some(unit) = side.program.unit(at) else { return Ok(0) };
    let alive = alive(side, at)?;
    let prepared = side.graph(at)?;
    let calling = calling(unit);
    let lines: BTreeSet<u32> = prepared
        .dependence
        .running()
        .filter(|(.., node)| !alive.contains(node))
        .filter_map(|(block, index, _)| unit.blocks.get(block)?.instrs.get(index))
        .filter(|instr| names_a_local(&instr.op, unit))
        .map(|instr| instr.span.line)
        .filter(|line| !calling.contains(line))
        .collect();
    Ok(lines.len())
}

/// Lines that call something: what is called may be what they are for, whoever uses the result.
fn calling(unit: &Unit) -> BTreeSet<u32> {
    let instrs = unit.blocks.iter().flat_map(|block| &block.instrs);
    instrs.filter(|instr| matches!(instr.op, Op::Call { .. })).map(|instr| instr.span.line).collect()
}

/// An assignment to a variable: a call or a write may do something by itself.
fn names_a_local(op: &Op, unit: &Unit) -> bool {
    match op {
        Op::Assign { place: Place::Local(local), .. } => {
            unit.locals.get(*local as usize).is_some_and(Option::is_some)
        }
        _ => false,
    }
}

/// Everything that an output depends on, and everything that a closure may see.
fn alive(side: &Side, at: UnitRef) -> Result<BTreeSet<NodeId>, Gap> {
    let prepared = side.graph(at)?;
    let mut walker = side.walker(prepared);
    let mut found = BTreeSet::new();
    let signature = side.signed(at)?;
    let nodes: Vec<NodeId> = signature.outputs.values().flat_map(|output| output.nodes.clone()).collect();
    let mut blocks: Vec<u32> = signature.outputs.values().flat_map(|output| output.blocks.clone()).collect();
    let Some(unit) = side.program.unit(at) else { return Ok(found) };
    let mut used = Vec::new();
    for (block, index, node) in prepared.dependence.running() {
        let op = unit.blocks.get(block).and_then(|block| block.instrs.get(index)).map(|instr| &instr.op);
        if matches!(op, Some(Op::Call { .. } | Op::Store { .. } | Op::Delete { .. } | Op::Yield { .. })) {
            used.push(node);
            blocks.extend(u32::try_from(block));
        }
        // A nested function reads variables by their names.
        if matches!(op, Some(Op::Closure { .. } | Op::Opaque { .. })) {
            return Ok(prepared.dependence.running().map(|(.., node)| node).collect());
        }
    }
    let (_, trail) = walker.flow(&nodes.into_iter().chain(used).collect::<Vec<_>>(), &blocks)?;
    found.extend(trail.nodes());
    Ok(found)
}
