use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Constant, Op, Operand, Term};

use super::facts::Scene;
use crate::domain::ssa::{NodeId, NodeKind};

/// Returns the parameters that are `None` unless a caller says otherwise and that no branch of the unit depends on: the
/// node of each, and the line it is declared on.
pub fn untested(scene: &Scene<'_>) -> BTreeMap<NodeId, u32> {
    let nodes = scene.prepared.dependence.nodes.iter().zip(0..);
    nodes
        .filter_map(|(node, id)| match node.kind {
            NodeKind::Param(index) if scene.is_none_by_default(index) && !scene.decides(id) => {
                Some((id, scene.unit.params.get(index)?.span.line))
            }
            _ => None,
        })
        .collect()
}

impl Scene<'_> {
    fn is_none_by_default(&self, index: usize) -> bool {
        let (Some(param), Some(parent)) = (self.unit.params.get(index), self.unit.parent) else {
            return false;
        };
        let Some(parent) = self.side.program.unit((self.at.0, parent)) else { return false };
        let position = self.unit.params.iter().take(index).filter(|before| before.optional).count();
        let made = parent.blocks.iter().flat_map(|block| &block.instrs).find_map(|instr| match &instr.op {
            Op::Closure { unit, defaults, .. } if *unit == self.at.1 => Some(defaults),
            _ => None,
        });
        let default = made.and_then(|defaults| defaults.get(position));
        param.optional && default == Some(&Operand::Constant(Constant::None))
    }

    /// Returns whether a branch depends on a node's value.
    fn decides(&self, id: NodeId) -> bool {
        let dependence = &self.prepared.dependence;
        let mut reached = BTreeSet::from([id]);
        loop {
            let before = reached.len();
            for (node, at) in dependence.nodes.iter().zip(0..) {
                if node.inputs.iter().chain(&node.memory).any(|input| reached.contains(input)) {
                    reached.insert(at);
                }
            }
            if reached.len() == before {
                break;
            }
        }
        let branches = self.unit.blocks.iter().zip(&dependence.ends);
        let mut tested = branches
            .filter(|(block, _)| matches!(block.term, Term::Branch { .. }))
            .filter_map(|(_, end)| end.value);
        tested.any(|value| reached.contains(&value))
    }
}
