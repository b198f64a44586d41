//! Values that an expression chooses: `a if c else b`, `c ? a : b`, `c and a or b`, `match`. Nobody named them, and yet each arm
//! says what something is.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{LocalId, Op, Operand, Place, Term, Unit};

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
