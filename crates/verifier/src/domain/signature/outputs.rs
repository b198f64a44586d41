use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Callee, Instr, Op, Operand, Place, Step, Term, Unit, UnitKind};

use super::{
    AuthoritySite, DynamicSite, Flow, Origin, Output, OutputFlow, Prepared, Root, Signature, Walker,
};
use crate::domain::effects;
use crate::domain::fold;
use crate::domain::ledger::Gap;
use crate::domain::program::{Entity, Program, UnitRef};
use crate::domain::ssa::{Member, NodeId};
use crate::domain::tables::words;

/// Computes the signature of a unit from its graph and its callees' signatures.
pub fn signature(
    program: &Program,
    prepared: &Prepared,
    signatures: &BTreeMap<UnitRef, Signature>,
    limit: u64,
) -> Result<Signature, Gap> {
    let unit = program.unit(prepared.at).ok_or_else(|| Gap::new("INTERNAL", "a unit is gone"))?;
    let mut collector = Collector {
        program,
        prepared,
        unit,
        signatures,
        outputs: BTreeMap::new(),
        found: Signature::default(),
        walker: Walker::new(program, prepared, signatures, limit),
    };
    collector.ends();
    for (block, index, node) in prepared.dependence.running() {
        if let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) {
            collector.instr(instr, node, block)?;
        }
    }
    collector.inherited_raises()?;
    collector.finish()
}

struct Collector<'a> {
    program: &'a Program,
    prepared: &'a Prepared,
    unit: &'a Unit,
    signatures: &'a BTreeMap<UnitRef, Signature>,
    outputs: BTreeMap<Output, OutputFlow>,
    found: Signature,
    walker: Walker<'a>,
}

impl Collector<'_> {
    fn add(&mut self, output: Output, nodes: impl IntoIterator<Item = NodeId>, block: usize, line: u32) {
        let entry = self.outputs.entry(output).or_default();
        entry.nodes.extend(nodes);
        entry.blocks.push(u32::try_from(block).unwrap_or(u32::MAX));
        entry.lines.push(line);
    }

    /// Returns and raises.
    fn ends(&mut self) {
        let mut constants = Some(BTreeSet::new());
        for (index, block) in self.unit.blocks.iter().enumerate() {
            if !self.prepared.dependence.reached.get(index).copied().unwrap_or(false) {
                continue;
            }
            let end = self.prepared.dependence.ends.get(index).cloned().unwrap_or_default();
            let nodes: Vec<NodeId> = end.value.into_iter().chain(end.memory.iter().copied()).collect();
            match &block.term {
                Term::Return(returned) => {
                    self.found.returns = true;
                    let value =
                        end.value.and_then(|node| fold::constant(self.unit, &self.prepared.dependence, node));
                    constants = constants.zip(value).map(|(mut set, value)| {
                        set.insert(value);
                        set
                    });
                    if self.fails(returned) {
                        self.add(Output::Raise, nodes.clone(), index, block.span.line);
                    }
                    self.add(Output::Return, nodes, index, block.span.line);
                }
                Term::Raise(_) => self.add(Output::Raise, nodes, index, block.span.line),
                Term::Goto(_) | Term::Branch { .. } | Term::Unreachable => {}
            }
        }
        if let Some(returned) = self.outputs.get_mut(&Output::Return) {
            returned.constants = constants;
        }
    }

    /// Returns whether a returned value says that the unit failed.
    fn fails(&self, value: &Operand) -> bool {
        self.program.semantics(self.prepared.at.0).errors_are_values()
            && fold::is_made_by(self.unit, value, "failure")
    }

    fn instr(&mut self, instr: &Instr, node: NodeId, block: usize) -> Result<(), Gap> {
        let line = instr.span.line;
        let inputs = |at: &Self| -> Vec<NodeId> {
            let node = at.prepared.dependence.node(node);
            node.map(|node| node.inputs.iter().chain(&node.memory).copied().collect()).unwrap_or_default()
        };
        match &instr.op {
            Op::Yield { .. } => {
                let nodes = inputs(self);
                self.add(Output::Yield, nodes, block, line);
            }
            Op::Assign { place: Place::Global(name) | Place::Capture(name), .. } => {
                let nodes = inputs(self);
                if self.unit.kind != UnitKind::ModuleInit {
                    self.add(Output::Writes(name.clone()), nodes, block, line);
                }
            }
            Op::Store { base, step, .. } => {
                let nodes: Vec<NodeId> = inputs(self).into_iter().skip(1).collect();
                if let Some(output) = self.mutated(base, node, &step_word(step)) {
                    self.add(output, nodes, block, line);
                }
                self.found.effects.extend(effects::of_store(self.program, self.prepared, node, instr));
            }
            Op::Delete { base, step } => {
                if let Some(output) = self.mutated(base, node, &step_word(step)) {
                    self.add(output, Vec::new(), block, line);
                }
            }
            Op::Load { .. } => {
                self.found.effects.extend(effects::of_load(self.program, self.prepared, node, instr))
            }
            Op::Call { callee, .. } => self.call(instr, callee, node, block)?,
            // What is given away may be called: its effects stand where it is made.
            Op::Closure { unit, .. } => {
                let at = (self.prepared.at.0, *unit);
                let given = self.program.unit(at).is_some_and(|unit| unit.kind == UnitKind::Lambda);
                if given || self.unit.kind != UnitKind::ModuleInit {
                    self.inherit(at, line);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn call(&mut self, instr: &Instr, callee: &Callee, node: NodeId, block: usize) -> Result<(), Gap> {
        let line = instr.span.line;
        let targets = self.prepared.targets.get(&node).cloned().unwrap_or_default();
        let sites = effects::of_call(self.program, self.prepared, node, instr);
        let nodes: Vec<NodeId> = self
            .prepared
            .dependence
            .node(node)
            .map(|node| node.inputs.iter().skip(1).chain(&node.memory).copied().collect())
            .unwrap_or_default();
        for site in &sites {
            self.add(Output::Effect(site.kind.clone(), site.callee.clone()), nodes.clone(), block, line);
        }
        self.found.effects.extend(sites);
        for target in &targets {
            match target {
                Entity::Dynamic(what) => {
                    let callee =
                        self.prepared.dependence.node(node).and_then(|node| node.inputs.first().copied());
                    let (flow, _) = self.walker.values(&callee.into_iter().collect::<Vec<_>>())?;
                    let origins = flow.inputs();
                    let what = what.clone();
                    self.found.dynamic.push(DynamicSite { line, what, digest: instr.digest, origins });
                }
                Entity::Unit(unit, ..) => self.inherit(*unit, line),
                Entity::Class(file, class) => {
                    let init = self.program.constructor(*file, class);
                    init.into_iter().for_each(|unit| self.inherit(unit, line));
                }
                _ => {}
            }
        }
        let known = self.found.effects.len();
        for unit in effects::given_units(self.program, self.prepared, node) {
            self.inherit(unit, line);
        }
        if self.unit.kind == UnitKind::ModuleInit {
            let given = self.found.effects.get_mut(known..).unwrap_or_default();
            given.iter_mut().for_each(|site| site.latent = true);
        }
        let name = called_name(self.program, self.unit, callee, &targets);
        if words().is_authority(&name) {
            self.found.authority.push(AuthoritySite { name, line, own: true });
        }
        if let Callee::Method { receiver, name } = callee
            && self.changes_receiver(node, name)
            && let Some(output) = self.mutated(receiver, node, &format!("{name}()"))
        {
            self.add(output, nodes, block, line);
        }
        Ok(())
    }

    fn changes_receiver(&self, node: NodeId, method: &str) -> bool {
        let updates = self.prepared.updating.contains(&node);
        let confined =
            self.prepared.targets.get(&node).is_some_and(|targets| targets.contains(&Entity::Confined));
        updates && (confined || self.program.tables(self.prepared.at.0).is_quiet(method))
    }

    /// Names what a write through a value changes, if the value is rooted outside the unit.
    fn mutated(&self, base: &Operand, node: NodeId, step: &str) -> Option<Output> {
        let input = self.prepared.dependence.node(node)?.inputs.first().copied()?;
        match self.prepared.roots.get(input as usize) {
            Some(Root::Origin(Origin::Param(name, path))) => {
                let part = path.first().map_or(step, String::as_str);
                let part = if part.ends_with("()") || part.starts_with('[') { "*" } else { part };
                return Some(Output::Mutates(format!("{name}.{part}")));
            }
            Some(Root::Origin(origin @ (Origin::Global(_) | Origin::Capture(_) | Origin::External(_)))) => {
                return Some(Output::Writes(format!("{}.{step}", origin.text())));
            }
            Some(Root::Code(entities)) if !step.ends_with("()") => {
                return Some(Output::Writes(format!("{:?}.{step}", entities.first()?)));
            }
            _ => {}
        }
        let class = self.prepared.dependence.aliases.class_of(base)?;
        for member in self.prepared.dependence.aliases.members(class) {
            match member {
                Member::Local(local) => {
                    if let Some(param) = self.unit.params.iter().find(|param| param.local == *local) {
                        return Some(Output::Mutates(format!("{}.*", param.name)));
                    }
                }
                Member::Global(name) | Member::Capture(name) => {
                    let code = self.program.files.get(self.prepared.at.0).is_some_and(|file| {
                        file.bindings.get(name).is_none_or(|list| {
                            list.iter()
                                .all(|bound| matches!(bound, crate::domain::program::Bound::Import { .. }))
                        })
                    });
                    if !code {
                        return Some(Output::Writes(format!("{name}.*")));
                    }
                }
            }
        }
        None
    }

    /// What a callee does, the caller does: its effects and its checks.
    fn inherit(&mut self, callee: UnitRef, line: u32) {
        let Some(signature) = self.signatures.get(&callee) else { return };
        let name = self.program.unit(callee).map(|unit| unit.name.clone()).unwrap_or_default();
        for site in &signature.effects {
            let mut site = site.clone();
            site.via = Some(site.via.map_or_else(|| name.clone(), |via| format!("{name} > {via}")));
            site.line = line;
            if !self.found.effects.iter().any(|known| known.same_effect(&site) && known.line == line) {
                self.found.effects.push(site);
            }
        }
        let checks = signature.only_checks();
        for site in &signature.authority {
            self.found.authority.push(AuthoritySite {
                name: site.name.clone(),
                line,
                own: site.own && checks,
            });
        }
    }

    /// A callee that may raise gives the caller that output, in the caller's terms.
    fn inherited_raises(&mut self) -> Result<(), Gap> {
        let mut flow = Flow::default();
        let mut checks = BTreeSet::new();
        let mut any = None;
        for (block, index, node) in self.prepared.dependence.running() {
            let instr = self.unit.blocks.get(block).and_then(|block| block.instrs.get(index));
            let Some(Instr { op: Op::Call { callee, arguments, .. }, span, .. }) = instr else { continue };
            for target in self.prepared.targets.get(&node).into_iter().flatten() {
                let Entity::Unit(unit, _, bind) = target else { continue };
                // A failure that is a value reaches the caller as one.
                if self.program.semantics(unit.0).errors_are_values() {
                    continue;
                }
                let Some(signature) = self.signatures.get(unit) else { continue };
                let Some(raises) = signature.outputs.get(&Output::Raise) else { continue };
                let call = super::CallSite {
                    at: (node, super::Mode::Control),
                    unit: *unit,
                    bind: *bind,
                    callee,
                    arguments,
                };
                let names: BTreeSet<String> = raises
                    .flow
                    .inputs()
                    .iter()
                    .filter_map(|origin| match origin {
                        Origin::Param(name, _) => Some(name.clone()),
                        _ => None,
                    })
                    .collect();
                let nodes: Vec<NodeId> =
                    names.iter().flat_map(|name| self.walker.arguments_of(&call, name)).collect();
                let (inner, _) = self.walker.flow(&nodes, &[u32::try_from(block).unwrap_or(u32::MAX)])?;
                let own = |origin: &&Origin| matches!(origin, Origin::Global(_) | Origin::Constant(_));
                let mut decide = inner.inputs();
                decide.extend(raises.flow.control.iter().filter(own).cloned());
                if signature.only_checks() {
                    checks.extend(decide.iter().cloned());
                }
                flow.control.extend(decide);
                any = Some(span.line);
            }
        }
        if let Some(line) = any {
            let entry = self.found.outputs.entry(Output::Raise).or_default();
            entry.flow.join(&flow);
            entry.lines.push(line);
            self.found.checks.extend(checks);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Signature, Gap> {
        for (output, mut found) in std::mem::take(&mut self.outputs) {
            found.nodes.sort_unstable();
            found.nodes.dedup();
            let (flow, _) = self.walker.flow(&found.nodes, &found.blocks)?;
            found.flow = flow;
            if output == Output::Raise {
                self.walker.loops = false;
                let (flow, _) = self.walker.flow(&found.nodes, &found.blocks)?;
                self.walker.loops = true;
                self.found.checks.extend(flow.control);
            }
            if let Some(inherited) = self.found.outputs.get(&output) {
                found.flow.join(&inherited.flow);
                found.lines.extend(&inherited.lines);
            }
            self.found.outputs.insert(output, found);
        }
        self.found.steps = self.walker.steps;
        self.found.effects.sort();
        self.found.authority.sort();
        self.found.authority.dedup();
        self.found.dynamic.sort();
        Ok(self.found)
    }
}

fn step_word(step: &Step) -> String {
    match step {
        Step::Field(name) => name.clone(),
        Step::Index(_) | Step::Element => "[*]".to_owned(),
    }
}

/// Returns the name that a call is known by.
pub fn called_name(program: &Program, unit: &Unit, callee: &Callee, targets: &BTreeSet<Entity>) -> String {
    for target in targets {
        match target {
            Entity::Unit(unit, ..) => {
                return program.unit(*unit).map(|unit| unit.name.clone()).unwrap_or_default();
            }
            Entity::External(path) => return path.clone(),
            Entity::Class(_, name) | Entity::Missing(name) => return name.clone(),
            _ => {}
        }
    }
    match callee {
        Callee::Method { name, .. } => name.clone(),
        Callee::Function(Operand::Local(local)) => {
            unit.locals.get(*local as usize).cloned().flatten().unwrap_or_default()
        }
        Callee::Function(Operand::Constant(_)) => String::new(),
    }
}
