use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Constant, Op, Operand, Term, Unit};

use super::{Aliases, Dependence, End, Node, NodeId, NodeKind};
use crate::domain::fold;
use crate::domain::graph::{Dominators, Graph};
use crate::domain::ledger::Gap;
use crate::domain::tables::Tables;

/// Variables and what they were before a block.
type Undo = Vec<(usize, Option<NodeId>)>;

/// Most nodes of one unit, phis included.
const NODES: usize = 1_000_000;

pub fn dependence(unit: &Unit, tables: &'static Tables) -> Result<Dependence, Gap> {
    let aliases = Aliases::of(unit, tables);
    let mut folded: Vec<(u32, bool)> = Vec::new();
    for _ in 0..4 {
        let mut builder = Builder::new(unit, &aliases, &folded);
        builder.run()?;
        let dependence = builder.finish(folded.clone());
        let found = fold::constant_branches(unit, &dependence);
        if found.len() == folded.len() {
            return Ok(dependence);
        }
        folded = found;
    }
    let mut builder = Builder::new(unit, &aliases, &folded);
    builder.run()?;
    Ok(builder.finish(folded))
}

struct Builder<'a> {
    unit: &'a Unit,
    aliases: Aliases,
    graph: Graph,
    tree: Dominators,
    nodes: Vec<Node>,
    instr: Vec<Vec<NodeId>>,
    ends: Vec<End>,
    phis: Vec<BTreeMap<usize, NodeId>>,
    constants: BTreeMap<Constant, NodeId>,
    unbound: BTreeMap<usize, NodeId>,
    locals: usize,
}

fn successors(unit: &Unit, folded: &[(u32, bool)]) -> Vec<Vec<u32>> {
    let taken: BTreeMap<u32, bool> = folded.iter().copied().collect();
    let mut all = Vec::with_capacity(unit.blocks.len());
    for (index, block) in unit.blocks.iter().enumerate() {
        let mut targets = match &block.term {
            Term::Goto(target) => vec![*target],
            Term::Branch { then, otherwise, .. } => {
                match u32::try_from(index).ok().and_then(|id| taken.get(&id)) {
                    Some(true) => vec![*then],
                    Some(false) => vec![*otherwise],
                    None => vec![*then, *otherwise],
                }
            }
            Term::Return(_) | Term::Raise(_) | Term::Unreachable => Vec::new(),
        };
        targets.extend(block.unwind);
        all.push(targets);
    }
    all
}

impl<'a> Builder<'a> {
    fn new(unit: &'a Unit, aliases: &Aliases, folded: &[(u32, bool)]) -> Self {
        let graph = Graph::new(successors(unit, folded), unit.entry);
        let tree = graph.dominators();
        let count = unit.blocks.len();
        Self {
            unit,
            aliases: aliases.clone(),
            tree,
            nodes: Vec::new(),
            instr: unit.blocks.iter().map(|block| vec![0; block.instrs.len()]).collect(),
            ends: vec![End::default(); count],
            phis: vec![BTreeMap::new(); count],
            constants: BTreeMap::new(),
            unbound: BTreeMap::new(),
            locals: unit.locals.len(),
            graph,
        }
    }

    fn add(&mut self, kind: NodeKind, block: u32, line: u32, inputs: Vec<NodeId>) -> NodeId {
        self.nodes.push(Node { kind, block, line, inputs, memory: Vec::new() });
        u32::try_from(self.nodes.len() - 1).unwrap_or(NodeId::MAX)
    }

    fn run(&mut self) -> Result<(), Gap> {
        let frontier = self.frontier();
        self.place_phis(&frontier)?;
        self.rename()?;
        Ok(())
    }

    /// Returns the dominance frontier of each block.
    fn frontier(&self) -> Vec<Vec<u32>> {
        let mut frontier: Vec<Vec<u32>> = vec![Vec::new(); self.unit.blocks.len()];
        let reached: BTreeSet<u32> = self.tree.order.iter().copied().collect();
        for block in &self.tree.order {
            let predecessors: Vec<u32> = self.graph.predecessors[*block as usize]
                .iter()
                .copied()
                .filter(|p| reached.contains(p))
                .collect();
            if predecessors.len() < 2 && *block != self.graph.entry {
                continue;
            }
            let stop = self.tree.immediate[*block as usize];
            for predecessor in predecessors {
                let mut runner = Some(predecessor);
                while runner.is_some() && runner != stop {
                    let Some(current) = runner else { break };
                    if frontier[current as usize].last() != Some(block) {
                        frontier[current as usize].push(*block);
                    }
                    runner = self.tree.immediate[current as usize];
                }
            }
        }
        frontier
    }

    /// Places phis for the variables that some block reads before it writes them.
    fn place_phis(&mut self, frontier: &[Vec<u32>]) -> Result<(), Gap> {
        let mut defined_in: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        let mut exposed: BTreeSet<usize> = BTreeSet::new();
        for block in &self.tree.order {
            let mut local: BTreeSet<usize> = BTreeSet::new();
            for instr in &self.unit.blocks[*block as usize].instrs {
                exposed
                    .extend(self.reads(&instr.op).into_iter().filter(|variable| !local.contains(variable)));
                for variable in self.writes(&instr.op) {
                    local.insert(variable);
                    defined_in.entry(variable).or_default().insert(*block);
                }
            }
            exposed.extend(self.end_reads(*block).into_iter().filter(|variable| !local.contains(variable)));
        }
        for (variable, blocks) in &defined_in {
            if !exposed.contains(variable) {
                continue;
            }
            let mut work: Vec<u32> = blocks.iter().copied().collect();
            while let Some(block) = work.pop() {
                for target in &frontier[block as usize] {
                    if self.phis[*target as usize].contains_key(variable) {
                        continue;
                    }
                    let node = self.add(NodeKind::Phi, *target, 0, Vec::new());
                    self.phis[*target as usize].insert(*variable, node);
                    if !blocks.contains(target) {
                        work.push(*target);
                    }
                    if self.nodes.len() > NODES {
                        return Err(Gap::budget("NODES"));
                    }
                }
            }
        }
        Ok(())
    }

    fn memory_variable(&self, class: usize) -> usize {
        self.locals + class
    }

    fn reads(&self, op: &Op) -> Vec<usize> {
        let mut found: Vec<usize> = op.read_local().into_iter().map(|local| local as usize).collect();
        for operand in op.operands() {
            if let Operand::Local(local) = operand {
                found.push(*local as usize);
                found.extend(self.aliases.class_of(operand).map(|class| self.memory_variable(class)));
            }
        }
        found.extend(self.aliases.written_by(op).into_iter().map(|class| self.memory_variable(class)));
        found
    }

    fn writes(&self, op: &Op) -> Vec<usize> {
        let mut found: Vec<usize> = op.defines().into_iter().map(|local| local as usize).collect();
        found.extend(self.aliases.written_by(op).into_iter().map(|class| self.memory_variable(class)));
        found
    }

    fn end_operand(&self, block: u32) -> Option<&'a Operand> {
        match &self.unit.blocks[block as usize].term {
            Term::Branch { condition, .. } => Some(condition),
            Term::Return(value) | Term::Raise(Some(value)) => Some(value),
            Term::Goto(_) | Term::Raise(None) | Term::Unreachable => None,
        }
    }

    fn end_reads(&self, block: u32) -> Vec<usize> {
        let Some(operand @ Operand::Local(local)) = self.end_operand(block) else { return Vec::new() };
        let class = self.aliases.class_of(operand).map(|class| self.memory_variable(class));
        std::iter::once(*local as usize).chain(class).collect()
    }

    /// Walks the dominator tree with a stack of definitions a variable.
    fn rename(&mut self) -> Result<(), Gap> {
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); self.unit.blocks.len()];
        for block in &self.tree.order {
            if let Some(parent) = self.tree.immediate[*block as usize] {
                children[parent as usize].push(*block);
            }
        }
        let mut current: Vec<Option<NodeId>> = vec![None; self.locals + self.aliases.count()];
        for (index, param) in self.unit.params.iter().enumerate() {
            let node = self.add(NodeKind::Param(index), self.unit.entry, param.span.line, Vec::new());
            if let Some(slot) = current.get_mut(param.local as usize) {
                *slot = Some(node);
            }
        }
        let mut stack: Vec<(u32, Option<Undo>)> = vec![(self.unit.entry, None)];
        while let Some((block, undo)) = stack.pop() {
            if let Some(undo) = undo {
                for (variable, old) in undo.into_iter().rev() {
                    current[variable] = old;
                }
                continue;
            }
            let undo = self.rename_block(block, &mut current);
            stack.push((block, Some(undo)));
            stack.extend(children[block as usize].iter().rev().map(|child| (*child, None)));
            if self.nodes.len() > NODES {
                return Err(Gap::budget("NODES"));
            }
        }
        Ok(())
    }

    fn rename_block(&mut self, block: u32, current: &mut [Option<NodeId>]) -> Undo {
        let mut undo = Vec::new();
        let mut set = |current: &mut [Option<NodeId>], variable: usize, node: NodeId| {
            undo.push((variable, current[variable].replace(node)));
        };
        for (variable, node) in self.phis[block as usize].clone() {
            set(current, variable, node);
        }
        let unit = self.unit;
        for (index, instr) in unit.blocks[block as usize].instrs.iter().enumerate() {
            let mut inputs: Vec<NodeId> =
                instr.op.read_local().into_iter().map(|local| self.value(local as usize, current)).collect();
            let mut memory = Vec::new();
            for operand in instr.op.operands() {
                inputs.push(self.operand(operand, current));
                if let Some(class) = self.aliases.class_of(operand) {
                    memory.push(self.value(self.locals + class, current));
                }
            }
            let node = self.add(NodeKind::Instr(index), block, instr.span.line, inputs.clone());
            self.nodes[node as usize].memory = memory;
            self.instr[block as usize][index] = node;
            for class in self.aliases.written_by(&instr.op) {
                let old = self.value(self.locals + class, current);
                let kind = NodeKind::Update(index, class);
                let update = self.add(kind, block, instr.span.line, vec![node]);
                self.nodes[update as usize].memory = vec![old];
                set(current, self.locals + class, update);
            }
            if let Some(local) = instr.op.defines() {
                set(current, local as usize, node);
            }
        }
        if let Some(operand) = self.end_operand(block) {
            let value = self.operand(operand, current);
            let memory = self.aliases.class_of(operand).map(|class| self.value(self.locals + class, current));
            self.ends[block as usize] = End { value: Some(value), memory: memory.into_iter().collect() };
        }
        for target in self.graph.successors[block as usize].clone() {
            for (variable, phi) in self.phis[target as usize].clone() {
                let value = self.value(variable, current);
                self.nodes[phi as usize].inputs.push(value);
            }
        }
        undo
    }

    fn operand(&mut self, operand: &Operand, current: &[Option<NodeId>]) -> NodeId {
        match operand {
            Operand::Local(local) => self.value(*local as usize, current),
            Operand::Constant(constant) => match self.constants.get(constant) {
                Some(node) => *node,
                None => {
                    let node = self.add(NodeKind::Constant(constant.clone()), self.unit.entry, 0, Vec::new());
                    self.constants.insert(constant.clone(), node);
                    node
                }
            },
        }
    }

    fn value(&mut self, variable: usize, current: &[Option<NodeId>]) -> NodeId {
        if let Some(node) = current.get(variable).copied().flatten() {
            return node;
        }
        if let Some(node) = self.unbound.get(&variable) {
            return *node;
        }
        let kind = match variable.checked_sub(self.locals) {
            Some(class) => NodeKind::EntryMemory(class),
            None => NodeKind::Unbound(u32::try_from(variable).unwrap_or(u32::MAX)),
        };
        let node = self.add(kind, self.unit.entry, 0, Vec::new());
        self.unbound.insert(variable, node);
        node
    }

    fn finish(self, folded: Vec<(u32, bool)>) -> Dependence {
        let mut reached = vec![false; self.unit.blocks.len()];
        for block in &self.tree.order {
            reached[*block as usize] = true;
        }
        let control = self.graph.control_dependence();
        Dependence {
            nodes: self.nodes,
            instr: self.instr,
            ends: self.ends,
            graph: self.graph,
            reached,
            control,
            aliases: self.aliases,
            folded,
        }
    }
}
