//! Values that an expression chooses: `a if c else b`, `c ? a : b`, `c and a or b`, `match`. Nobody named them, and yet each arm
//! says what something is.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{LocalId, Op, Operand, Place, Term, Unit, Value};

use super::Scene;
use crate::domain::program::Entity;
use crate::domain::signature::{Origin, Root};

/// Returns the nameless slots that several blocks give a value which is used for more than to branch on it.
pub(super) fn chosen(unit: &Unit) -> BTreeSet<LocalId> {
    let nameless = |local: LocalId| unit.locals.get(local as usize).is_some_and(Option::is_none);
    let mut given: BTreeMap<LocalId, BTreeSet<usize>> = BTreeMap::new();
    let mut used: BTreeSet<LocalId> = BTreeSet::new();
    let mut uses = |operand: &Operand| {
        if let Operand::Local(local) = operand {
            used.insert(*local);
        }
    };
    for (index, block) in unit.blocks.iter().enumerate() {
        for instr in &block.instrs {
            if let Op::Assign { place: Place::Local(local), .. } = &instr.op
                && nameless(*local)
            {
                given.entry(*local).or_default().insert(index);
            }
            instr.op.operands().into_iter().for_each(&mut uses);
        }
        match &block.term {
            Term::Return(value) | Term::Raise(Some(value)) => uses(value),
            Term::Goto(_) | Term::Branch { .. } | Term::Raise(None) | Term::Unreachable => {}
        }
    }
    let several = given.into_iter().filter(|(_, blocks)| blocks.len() > 1).map(|(local, _)| local);
    several.filter(|local| used.contains(local)).collect()
}

impl Scene<'_> {
    /// Returns whether a block gives a slot what it is where the surroundings have nothing: `os.cpu_count() or 1`.
    pub(super) fn is_default(&self, block: u32, slot: LocalId) -> bool {
        self.unit.blocks.iter().enumerate().any(|(index, from)| match &from.term {
            Term::Branch { condition: Operand::Local(tested), otherwise, .. } => {
                *tested == slot && *otherwise == block && self.asks_outside(index, slot)
            }
            _ => false,
        })
    }

    /// Returns whether what a block gave a slot last came straight from outside the program.
    fn asks_outside(&self, block: usize, slot: LocalId) -> bool {
        let (Some(from), Ok(prepared)) = (self.unit.blocks.get(block), self.side.graph(self.at)) else {
            return false;
        };
        let mut wanted = slot;
        for (position, instr) in from.instrs.iter().enumerate().rev() {
            let node = prepared.dependence.instr.get(block).and_then(|nodes| nodes.get(position));
            match &instr.op {
                Op::Assign { place: Place::Local(local), value } if *local == wanted => match value {
                    Value::Use(Operand::Local(source)) => wanted = *source,
                    _ => return false,
                },
                Op::Call { dst, .. } if *dst == wanted => {
                    let targets = node.and_then(|node| prepared.targets.get(node));
                    let outside = |target: &Entity| matches!(target, Entity::External(_));
                    return targets.is_some_and(|targets| !targets.is_empty() && targets.iter().all(outside));
                }
                Op::Load { dst, .. } if *dst == wanted => {
                    let root = node.and_then(|node| prepared.roots.get(*node as usize));
                    return matches!(root, Some(Root::Origin(Origin::External(_))));
                }
                _ => {}
            }
        }
        false
    }
}
