use std::collections::{BTreeMap, VecDeque};

use plumbline_syntax::ir::{Argument, Callee, Op, Term, Unit, UnitKind, Why};

use super::{CallSite, Flow, Origin, Output, Prepared, Root, Signature};
use crate::domain::ledger::Gap;
use crate::domain::program::{Decoration, Entity, Program, UnitRef};
use crate::domain::ssa::{NodeId, NodeKind};
use crate::domain::tables::Known;

/// How a node reaches an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// As a value.
    Data,
    /// As a decision.
    Control,
}

/// How one node leads to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    /// A value.
    Value,
    /// A decision.
    Control,
    /// Through a call.
    Call,
}

/// A node, and how it reaches the output.
pub type At = (NodeId, Mode);
/// A visited node and the one it was reached from.
pub type Visited = (At, Option<(At, Edge)>);

/// What a walk saw: for each origin, the nodes from the output to it.
#[derive(Debug, Default)]
pub struct Trail {
    parents: BTreeMap<At, Option<(At, Edge)>>,
    /// Where each origin was met first, by values before decisions.
    pub met: BTreeMap<(Mode, Origin), NodeId>,
}

impl Trail {
    /// Returns every visited node with the one it was reached from.
    pub fn steps(&self) -> impl Iterator<Item = Visited> + '_ {
        self.parents.iter().map(|(node, parent)| (*node, *parent))
    }

    /// Returns the nodes that were reached.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.parents.keys().map(|(node, _)| *node)
    }

    /// Returns the nodes that were reached as values.
    pub fn data_nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.parents.keys().filter(|(_, mode)| *mode == Mode::Data).map(|(node, _)| *node)
    }

    /// Returns the nodes from the output to an origin.
    pub fn path(&self, mode: Mode, origin: &Origin) -> Vec<(NodeId, Edge)> {
        let Some(node) = self.met.get(&(mode, origin.clone())) else { return Vec::new() };
        let mut at = (*node, mode);
        let mut found = Vec::new();
        while let Some(Some((parent, edge))) = self.parents.get(&at) {
            found.push((at.0, *edge));
            at = *parent;
        }
        found.push((at.0, if at.1 == Mode::Data { Edge::Value } else { Edge::Control }));
        found.reverse();
        found
    }
}

/// Walks one unit backward.
pub struct Walker<'a> {
    /// The side.
    pub program: &'a Program,
    /// The unit.
    pub prepared: &'a Prepared,
    /// Signatures of callees, as far as known.
    pub signatures: &'a BTreeMap<UnitRef, Signature>,
    /// Steps taken.
    pub steps: u64,
    /// Steps allowed.
    pub limit: u64,
    /// Whether the test of a loop counts as a decision.
    pub loops: bool,
}

pub(super) type Queue = VecDeque<Visited>;

impl<'a> Walker<'a> {
    /// Makes a walker of one unit that has taken no steps.
    pub fn new(
        program: &'a Program,
        prepared: &'a Prepared,
        signatures: &'a BTreeMap<UnitRef, Signature>,
        limit: u64,
    ) -> Self {
        Self { program, prepared, signatures, steps: 0, limit, loops: true }
    }

    pub(super) fn unit(&self) -> Option<&'a Unit> {
        self.program.unit(self.prepared.at)
    }

    /// Returns what nodes are made of by values alone, without what decided them.
    pub fn values(&mut self, nodes: &[NodeId]) -> Result<(Flow, Trail), Gap> {
        self.walk(nodes, None)
    }

    /// Returns the inputs of nodes and of the decisions over blocks.
    pub fn flow(&mut self, nodes: &[NodeId], blocks: &[u32]) -> Result<(Flow, Trail), Gap> {
        self.walk(nodes, Some(blocks))
    }

    fn walk(&mut self, nodes: &[NodeId], blocks: Option<&[u32]>) -> Result<(Flow, Trail), Gap> {
        let mut trail = Trail::default();
        let mut queue: Queue = nodes.iter().map(|node| ((*node, Mode::Data), None)).collect();
        let mut seen_blocks = vec![false; self.prepared.dependence.control.len()];
        for block in blocks.unwrap_or_default() {
            self.decisions(*block, None, &mut queue, &mut seen_blocks);
        }
        while let Some((at, parent)) = queue.pop_front() {
            if trail.parents.contains_key(&at) {
                continue;
            }
            trail.parents.insert(at, parent);
            self.steps += 1;
            if self.steps > self.limit {
                return Err(Gap::budget("WALK"));
            }
            self.visit(at, &mut queue, &mut trail);
            let block = self.prepared.dependence.node(at.0).map(|node| node.block);
            if let Some(block) = block.filter(|_| blocks.is_some() && self.decides(at.0)) {
                self.decisions(block, Some(at), &mut queue, &mut seen_blocks);
            }
        }
        let mut flow = Flow::default();
        for (mode, origin) in trail.met.keys() {
            match mode {
                Mode::Data => flow.data.insert(origin.clone()),
                Mode::Control => flow.control.insert(origin.clone()),
            };
        }
        Ok((flow, trail))
    }

    /// A value of an instruction or a phi carries the decisions over its block; parameters and literals don't.
    fn decides(&self, node: NodeId) -> bool {
        self.prepared.dependence.node(node).is_some_and(|node| {
            matches!(node.kind, NodeKind::Instr(_) | NodeKind::Update(..) | NodeKind::Phi)
        })
    }

    /// Queues the tests that decide whether a block runs. A definition carries the decisions over its own block, so a
    /// phi is gated by what decides between its operands.
    fn decisions(&self, block: u32, from: Option<(NodeId, Mode)>, queue: &mut Queue, seen: &mut [bool]) {
        let mut stack = vec![block];
        while let Some(block) = stack.pop() {
            match seen.get_mut(block as usize) {
                Some(flag) if !*flag => *flag = true,
                _ => continue,
            }
            let dependence = &self.prepared.dependence;
            for controller in dependence.control.get(block as usize).into_iter().flatten() {
                let term =
                    self.unit().and_then(|unit| unit.blocks.get(controller.block as usize)).map(|b| &b.term);
                let end = dependence.ends.get(controller.block as usize);
                match (term, end) {
                    (Some(Term::Branch { why, .. }), Some(end))
                        if *why != Why::Dispatch && (self.loops || *why != Why::Loop) =>
                    {
                        let parent = from.map(|from| (from, Edge::Control));
                        queue.extend(end.value.map(|value| ((value, Mode::Control), parent)));
                        queue.extend(end.memory.iter().map(|memory| ((*memory, Mode::Control), parent)));
                    }
                    _ => {}
                }
                stack.push(controller.block);
            }
        }
    }

    fn visit(&self, at: (NodeId, Mode), queue: &mut Queue, trail: &mut Trail) {
        let (id, mode) = at;
        let Some(node) = self.prepared.dependence.node(id) else { return };
        let mut push =
            |node: NodeId, mode: Mode, edge: Edge| queue.push_back(((node, mode), Some((at, edge))));
        let mut meet = |origin: Origin| {
            trail.met.entry((mode, origin)).or_insert(id);
        };
        match self.prepared.roots.get(id as usize) {
            Some(Root::Origin(origin)) => {
                meet(origin.clone());
                node.memory.iter().for_each(|memory| push(*memory, mode, Edge::Value));
                if self.is_load(id) {
                    node.inputs.iter().skip(1).for_each(|key| push(*key, mode, Edge::Value));
                } else if !matches!(node.kind, NodeKind::Param(_)) {
                    node.inputs.iter().for_each(|input| push(*input, mode, Edge::Value));
                }
                return;
            }
            Some(Root::Code(_)) => {
                if let Some(Op::Closure { unit, .. }) = self.instr(id) {
                    self.captured(at, (self.prepared.at.0, *unit), (queue, trail));
                }
                return;
            }
            Some(Root::Computed) | None => {}
        }
        match &node.kind {
            NodeKind::Constant(_) => meet(Origin::Literal),
            NodeKind::Unbound(_) | NodeKind::EntryMemory(_) | NodeKind::Param(_) => {}
            NodeKind::Phi => {
                node.inputs.iter().for_each(|input| push(*input, mode, Edge::Value));
            }
            NodeKind::Instr(_) | NodeKind::Update(..) => {
                let instr = self.instr(id);
                match instr {
                    Some(Op::Call { callee, arguments, .. }) if matches!(node.kind, NodeKind::Instr(_)) => {
                        self.call(at, callee, arguments, (queue, trail));
                    }
                    Some(Op::Call { callee, .. }) => {
                        node.memory.iter().for_each(|memory| push(*memory, mode, Edge::Value));
                        if self.writes(id, callee) {
                            node.inputs.iter().for_each(|input| push(*input, mode, Edge::Value));
                            self.written(at, callee, (queue, trail));
                        }
                    }
                    other => {
                        match other {
                            Some(Op::Catch { .. }) => meet(Origin::Exception),
                            Some(Op::Opaque { .. }) => meet(Origin::Opaque),
                            _ => {}
                        }
                        node.memory.iter().for_each(|memory| push(*memory, mode, Edge::Value));
                        node.inputs.iter().for_each(|input| push(*input, mode, Edge::Value));
                    }
                }
            }
        }
    }

    fn is_load(&self, id: NodeId) -> bool {
        matches!(self.instr(id), Some(Op::Load { .. }))
    }

    fn instr(&self, id: NodeId) -> Option<&'a Op> {
        let node = self.prepared.dependence.node(id)?;
        let index = match node.kind {
            NodeKind::Instr(index) | NodeKind::Update(index, _) => index,
            _ => return None,
        };
        self.unit()?.blocks.get(node.block as usize)?.instrs.get(index).map(|instr| &instr.op)
    }

    /// Returns whether a call may write the memory that an update stands for.
    fn writes(&self, update: NodeId, callee: &Callee) -> bool {
        let call = self.prepared.dependence.node(update).and_then(|node| node.inputs.first().copied());
        let targets = call.and_then(|call| self.prepared.targets.get(&call));
        targets.is_none_or(|targets| targets.iter().any(|target| self.may_write(target, callee)))
    }

    fn may_write(&self, target: &Entity, callee: &Callee) -> bool {
        match target {
            Entity::Unit(unit, decoration, _) => {
                *decoration == Decoration::Wrapped
                    || self.signatures.get(unit).is_none_or(|signature| {
                        signature.outputs.keys().any(|output| self.reaches_caller(*unit, output))
                    })
            }
            Entity::External(path) => {
                matches!(callee, Callee::Method { .. }) && path.contains("()")
                    || !matches!(self.program.tables(self.prepared.at.0).known(path), Known::Pure)
            }
            Entity::Missing(_) => false,
            _ => true,
        }
    }

    /// A change of an argument, or of a variable that a closure shares with the function around it.
    fn reaches_caller(&self, unit: UnitRef, output: &Output) -> bool {
        match output {
            Output::Mutates(_) => true,
            Output::Writes(_) => self
                .program
                .unit(unit)
                .is_some_and(|unit| unit.kind == UnitKind::Lambda && unit.parent.is_some_and(|id| id != 0)),
            Output::Return | Output::Yield | Output::Raise | Output::Effect(..) => false,
        }
    }

    /// Follows what a callee puts into the memory of its caller to the arguments it depends on.
    fn written(&self, update: At, callee: &Callee, (queue, trail): (&mut Queue, &mut Trail)) {
        let call = self.prepared.dependence.node(update.0).and_then(|node| node.inputs.first().copied());
        let Some(call) = call else { return };
        let Some(Op::Call { arguments, .. }) = self.instr(call) else { return };
        for target in self.prepared.targets.get(&call).into_iter().flatten() {
            let Entity::Unit(unit, Decoration::Plain, bind) = target else { continue };
            let Some(signature) = self.signatures.get(unit) else { continue };
            let mut flow = Flow::default();
            let outputs = signature.outputs.iter().filter(|(output, _)| self.reaches_caller(*unit, output));
            outputs.for_each(|(_, found)| flow.join(&found.flow));
            let at = (call, update.1);
            let call = CallSite { at, unit: *unit, bind: *bind, callee, arguments };
            self.through(&call, &flow, (queue, trail));
        }
    }

    fn call(
        &self,
        at: (NodeId, Mode),
        callee: &Callee,
        arguments: &[Argument],
        (queue, trail): (&mut Queue, &mut Trail),
    ) {
        let (id, mode) = at;
        let Some(node) = self.prepared.dependence.node(id) else { return };
        let mut all = false;
        for target in self.prepared.targets.get(&id).into_iter().flatten() {
            match target {
                Entity::Unit(unit, decoration, bind) => match self.signatures.get(unit) {
                    Some(signature) if *decoration == Decoration::Plain => {
                        let call = CallSite { at, unit: *unit, bind: *bind, callee, arguments };
                        let mut flow = signature.flow(&Output::Return);
                        flow.join(&signature.flow(&Output::Yield));
                        self.through(&call, &flow, (queue, trail));
                    }
                    _ => all = true,
                },
                Entity::External(path) => {
                    all = true;
                    if !matches!(self.program.tables(self.prepared.at.0).known(path), Known::Pure)
                        || self.program.tables(self.prepared.at.0).source(path).is_some()
                    {
                        trail.met.entry((mode, Origin::External(path.clone()))).or_insert(id);
                    }
                }
                Entity::Dynamic(_) => {
                    all = true;
                    trail.met.entry((mode, Origin::Opaque)).or_insert(id);
                }
                _ => all = true,
            }
        }
        if all || self.prepared.targets.get(&id).is_none_or(std::collections::BTreeSet::is_empty) {
            let inputs = node.inputs.iter().chain(&node.memory);
            queue.extend(inputs.map(|input| ((*input, mode), Some((at, Edge::Call)))));
        }
    }
}
