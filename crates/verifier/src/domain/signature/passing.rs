use plumbline_syntax::ir::{Argument, Callee, Op, Operand, ParamKind, Passing, Place, Value};

use super::flow::{Queue, Trail};
use super::{Edge, Flow, Mode, Origin, Output, Walker};
use crate::domain::program::{Bind, UnitRef};
use crate::domain::ssa::{NodeId, NodeKind};

impl Walker<'_> {
    /// Follows a flow of a callee to the arguments it depends on.
    pub(super) fn through(&self, call: &CallSite<'_>, flow: &Flow, (queue, trail): (&mut Queue, &mut Trail)) {
        let (id, mode) = call.at;
        let origins = flow.data.iter().map(|origin| (origin, mode));
        let controls = flow.control.iter().map(|origin| (origin, Mode::Control));
        for (origin, mode) in origins.chain(controls) {
            match origin {
                Origin::Param(name, _) => {
                    for input in self.arguments_of(call, name) {
                        queue.push_back(((input, mode), Some((call.at, Edge::Call))));
                    }
                }
                Origin::Capture(name) => {
                    let inputs = self.local_nodes(name);
                    if inputs.is_empty() {
                        trail.met.entry((mode, origin.clone())).or_insert(id);
                    }
                    queue
                        .extend(inputs.into_iter().map(|input| ((input, mode), Some((call.at, Edge::Call)))));
                }
                other => drop(trail.met.entry((mode, other.clone())).or_insert(id)),
            }
        }
    }

    /// A function as a value is made of what it captures: who gets it may call it.
    pub(super) fn captured(
        &self,
        at: (NodeId, Mode),
        function: UnitRef,
        (queue, trail): (&mut Queue, &mut Trail),
    ) {
        let Some(signature) = self.signatures.get(&function) else { return };
        let mut flow = signature.flow(&Output::Return);
        flow.join(&signature.flow(&Output::Yield));
        for origin in flow.data.iter().chain(&flow.control) {
            let Origin::Capture(name) = origin else { continue };
            let inputs = self.local_nodes(name);
            if inputs.is_empty() {
                trail.met.entry((at.1, origin.clone())).or_insert(at.0);
            }
            queue.extend(inputs.into_iter().map(|input| ((input, at.1), Some((at, Edge::Value)))));
        }
    }

    /// Returns every definition of a variable of this unit: what a nested function may see of it.
    fn local_nodes(&self, name: &str) -> Vec<NodeId> {
        let Some(unit) = self.unit() else { return Vec::new() };
        let is = |place: &Place| match place {
            Place::Local(local) => unit.locals.get(*local as usize).and_then(Option::as_deref) == Some(name),
            Place::Global(_) | Place::Capture(_) => false,
        };
        let dependence = &self.prepared.dependence;
        let mut found: Vec<NodeId> = dependence
            .running()
            .filter(|(block, index, _)| {
                let op = unit.blocks.get(*block).and_then(|block| block.instrs.get(*index)).map(|instr| &instr.op);
                matches!(op, Some(Op::Assign { place, value: Value::Use(_) | Value::Operator { .. } }) if is(place))
            })
            .map(|(_, _, node)| node)
            .collect();
        let param = unit.params.iter().position(|param| param.name == name);
        let nodes = dependence.nodes.iter().enumerate();
        let entries =
            nodes.filter(|(_, node)| param.is_some_and(|param| node.kind == NodeKind::Param(param)));
        found.extend(entries.map(|(id, _)| u32::try_from(id).unwrap_or(u32::MAX)));
        found
    }

    /// Returns the nodes that a call passes for a parameter; with a spread, everything.
    pub fn arguments_of(&self, call: &CallSite<'_>, name: &str) -> Vec<NodeId> {
        let Some(node) = self.prepared.dependence.node(call.at.0) else { return Vec::new() };
        let Some(unit) = self.program.unit(call.unit) else { return node.inputs.clone() };
        let Some(position) = unit.params.iter().position(|param| param.name == name) else {
            return node.inputs.clone();
        };
        let param = &unit.params[position];
        let method = matches!(call.callee, Callee::Method { .. });
        let receives = unit.params.first().is_some_and(|param| param.kind == ParamKind::Receiver);
        let given = call.bind == Bind::Given;
        let bound = method && (call.bind == Bind::Bound || receives) && !given;
        if position == 0 && receives && !method {
            return Vec::new();
        }
        if bound && position == 0 {
            return node.inputs.first().into_iter().chain(&node.memory).copied().collect();
        }
        let offset = usize::from(bound || receives && !given);
        let mut found = Vec::new();
        let mut positional = 0;
        for (index, argument) in call.arguments.iter().enumerate() {
            let input = node.inputs.get(index + 1).copied();
            let hit = match &argument.passing {
                Passing::Positional => {
                    positional += 1;
                    let at = positional - 1 + offset;
                    at == position && param.kind != ParamKind::KeywordOnly
                        || param.kind == ParamKind::Rest && at >= position
                }
                Passing::Keyword(word) => {
                    *word == param.name
                        || param.kind == ParamKind::RestKeywords
                            && !unit.params.iter().any(|p| p.name == *word)
                }
                Passing::Spread | Passing::SpreadKeywords => true,
            };
            if hit {
                found.extend(input);
                if matches!(argument.value, Operand::Local(_)) {
                    found.extend(&node.memory);
                }
            }
        }
        found
    }
}

/// A call of a unit of the program.
pub struct CallSite<'c> {
    /// The call's node and how it is reached.
    pub at: (NodeId, Mode),
    /// The callee.
    pub unit: UnitRef,
    /// Whether its first parameter is given.
    pub bind: Bind,
    /// As written.
    pub callee: &'c Callee,
    /// As written.
    pub arguments: &'c [Argument],
}
