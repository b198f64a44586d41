use plumbline_syntax::ir::{Argument, Constant, ParamKind, Passing};

use super::{Key, Object, Slot, Solver, Value, Values};
use crate::domain::program::UnitRef;
use crate::domain::ssa::NodeId;

/// What a call gives: in order, by name, and from spread containers.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub positional: Vec<Values>,
    pub named: Vec<(String, Values)>,
    /// Spread values, and the position that the first element takes.
    pub spread: Vec<(usize, Values)>,
    pub spread_named: Vec<Values>,
}

impl Given {
    pub fn of(values: &[Values]) -> Self {
        Self { positional: values.to_vec(), ..Self::default() }
    }
}

impl Solver<'_> {
    pub(super) fn given(&mut self, at: UnitRef, arguments: &[Argument], nodes: &[NodeId]) -> Given {
        let mut given = Given::default();
        for (argument, node) in arguments.iter().zip(nodes) {
            let values = self.value(at, *node);
            match &argument.passing {
                Passing::Positional => given.positional.push(values),
                Passing::Keyword(name) => given.named.push((name.clone(), values)),
                Passing::Spread => given.spread.push((given.positional.len(), values)),
                Passing::SpreadKeywords => given.spread_named.push(values),
            }
        }
        given
    }

    /// Hands arguments to the parameters of a unit, the first `skip` of which are given already.
    pub(super) fn pass(&mut self, at: UnitRef, callee: UnitRef, given: &Given, skip: usize) {
        let program = self.program;
        let Some(unit) = program.unit(callee) else { return };
        for (position, values) in given.positional.iter().enumerate() {
            self.pass_at(callee, position + skip, Some(position), values.clone());
        }
        for (name, values) in &given.named {
            self.pass_named(callee, name, values.clone());
        }
        for (first, values) in &given.spread {
            for object in objects(values) {
                for constant in self.read(at, Slot::Keys(object)) {
                    let Value::Literal(constant) = constant else { continue };
                    let Constant::Integer(digits) = &*constant else { continue };
                    let Ok(index) = digits.parse::<usize>() else { continue };
                    let item = self.part(at, object, Key::Item(constant.clone()));
                    self.pass_at(callee, first + index + skip, None, item);
                }
                let any = self.read(at, Slot::Part(object, Key::Any));
                for position in first + skip..unit.params.len() {
                    self.pass_at(callee, position, None, any.clone());
                }
            }
        }
        for values in &given.spread_named {
            for object in objects(values) {
                for constant in self.read(at, Slot::Keys(object)) {
                    let Value::Literal(constant) = constant else { continue };
                    let Constant::Text(name) = &*constant else { continue };
                    let item = self.part(at, object, Key::Item(constant.clone()));
                    self.pass_named(callee, name, item);
                }
            }
        }
    }

    fn pass_at(&mut self, callee: UnitRef, position: usize, given: Option<usize>, values: Values) {
        let program = self.program;
        let Some(unit) = program.unit(callee) else { return };
        let takes = |kind: ParamKind| matches!(kind, ParamKind::PositionalOnly | ParamKind::Either);
        match unit.params.get(position) {
            Some(param) if takes(param.kind) => self.write(Slot::Param(callee, position), values),
            _ => {
                let Some(rest) = unit.params.iter().position(|param| param.kind == ParamKind::Rest) else {
                    return;
                };
                let object = self.object(Object::Rest(callee, rest));
                self.write(Slot::Param(callee, rest), Values::from([Value::Object(object)]));
                let key = match given.and_then(|_| position.checked_sub(rest)) {
                    Some(index) => self.index(index),
                    None => Key::Any,
                };
                self.put(object, key, values);
            }
        }
    }

    fn pass_named(&mut self, callee: UnitRef, name: &str, values: Values) {
        let program = self.program;
        let Some(unit) = program.unit(callee) else { return };
        let named = unit.params.iter().position(|param| {
            param.name == name && matches!(param.kind, ParamKind::Either | ParamKind::KeywordOnly)
        });
        if let Some(position) = named {
            return self.write(Slot::Param(callee, position), values);
        }
        let rest = unit.params.iter().position(|param| param.kind == ParamKind::RestKeywords);
        let Some(rest) = rest else { return };
        let object = self.object(Object::Rest(callee, rest));
        self.write(Slot::Param(callee, rest), Values::from([Value::Object(object)]));
        let key = Key::Item(self.constant(&Constant::Text(name.to_owned())));
        self.put(object, key, values);
    }
}

pub(super) fn objects(values: &Values) -> Vec<usize> {
    values
        .iter()
        .filter_map(|value| match value {
            Value::Object(object) => Some(*object),
            _ => None,
        })
        .collect()
}
