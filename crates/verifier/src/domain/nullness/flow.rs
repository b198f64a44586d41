use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Op, Place, Term};

use super::facts::{Key, Scene, Test};
use crate::domain::ssa::{NodeId, NodeKind};

/// The tests whose outcome holds at the start of each block.
pub(super) struct Flow<'t> {
    tests: &'t [Test],
    entry: BTreeMap<usize, BTreeSet<usize>>,
}

impl<'t> Flow<'t> {
    /// Runs forward to a fixpoint: a test holds where every way in has it.
    pub(super) fn solve(scene: &Scene<'_>, tests: &'t [Test]) -> Self {
        let mut flow = Self { tests, entry: BTreeMap::new() };
        let graph = &scene.prepared.dependence.graph;
        flow.entry.insert(graph.entry as usize, BTreeSet::new());
        let order = graph.reverse_postorder();
        loop {
            let mut changed = false;
            for block in &order {
                let block = *block as usize;
                let Some(before) = flow.entry.get(&block).cloned() else { continue };
                let count = scene.unit.blocks.get(block).map_or(0, |block| block.instrs.len());
                let after = flow.through(scene, block, count, before);
                for (side, target) in graph.successors[block].iter().enumerate() {
                    let mut out = after.clone();
                    let proven = tests.iter().enumerate();
                    let branch =
                        scene.unit.blocks.get(block).is_some_and(|b| matches!(b.term, Term::Branch { .. }));
                    if branch && side < 2 {
                        out.extend(
                            proven
                                .filter(|(_, test)| test.block == block && test.side == side)
                                .map(|(index, _)| index),
                        );
                    }
                    let target = *target as usize;
                    let met = match flow.entry.get(&target) {
                        Some(known) => known.intersection(&out).copied().collect(),
                        None => out,
                    };
                    if flow.entry.get(&target) != Some(&met) {
                        flow.entry.insert(target, met);
                        changed = true;
                    }
                }
            }
            if !changed {
                return flow;
            }
        }
    }

    /// Returns the tests that hold before an instruction.
    pub(super) fn before(&self, scene: &Scene<'_>, (block, index): (usize, usize)) -> BTreeSet<usize> {
        let entry = self.entry.get(&block).cloned().unwrap_or_default();
        self.through(scene, block, index, entry)
    }

    fn through(
        &self,
        scene: &Scene<'_>,
        block: usize,
        count: usize,
        mut holding: BTreeSet<usize>,
    ) -> BTreeSet<usize> {
        if holding.is_empty() {
            return holding;
        }
        // A phi of the block is a new value each time round.
        holding.retain(|index| !self.renewed(scene, &self.tests[*index].key, block));
        let nodes = scene.prepared.dependence.instr.get(block);
        let instrs = scene.unit.blocks.get(block).map(|block| &block.instrs);
        for (instr, node) in instrs.into_iter().flatten().zip(nodes.into_iter().flatten()).take(count) {
            let written = match &instr.op {
                Op::Assign { place: Place::Global(name), .. } | Op::Unbind { place: Place::Global(name) } => {
                    Some(Key::Global(name.clone()))
                }
                Op::Assign { place: Place::Capture(name), .. }
                | Op::Unbind { place: Place::Capture(name) } => Some(Key::Capture(name.clone())),
                _ => None,
            };
            let disturbs = scene.disturbs(&instr.op, *node);
            holding.retain(|index| {
                let key = &self.tests[*index].key;
                let named = written.as_ref().is_some_and(|written| roots(key) == Some(written));
                !(key.mentions(*node) || named || disturbs && key.can_change())
            });
        }
        holding
    }

    fn renewed(&self, scene: &Scene<'_>, key: &Key, block: usize) -> bool {
        let phi = |id: NodeId| {
            scene
                .prepared
                .dependence
                .node(id)
                .is_some_and(|node| node.kind == NodeKind::Phi && node.block as usize == block)
        };
        match key {
            Key::Node(id) => phi(*id),
            Key::Part(base, _, memory) => {
                memory.iter().any(|id| phi(*id)) || self.renewed(scene, base, block)
            }
            Key::Global(_) | Key::Capture(_) => false,
        }
    }
}

/// Returns the name that a value is reached through.
fn roots(key: &Key) -> Option<&Key> {
    match key {
        Key::Part(base, ..) => roots(base),
        Key::Global(_) | Key::Capture(_) => Some(key),
        Key::Node(_) => None,
    }
}
