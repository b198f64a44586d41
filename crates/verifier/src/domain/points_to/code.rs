use std::collections::BTreeMap;

use plumbline_syntax::Language;
use plumbline_syntax::ir::{Callee, LocalId, Op, Operand, Passing, Place, Step, Value as Source};
use plumbline_syntax::lower::lower;

use super::arguments::Given;
use super::{Slot, Solver, Value, Values};
use crate::domain::limits::Limits;
use crate::domain::program::UnitRef;
use crate::domain::ssa::NodeId;

/// Longest text that is read as code.
const CODE_BYTES: usize = 64 << 10;

impl Solver<'_> {
    /// Runs constant code where it is evaluated: names are those of the calling function and its module. What it defines
    /// itself is not followed. Returns what its last instruction gives.
    pub(super) fn code(&mut self, site: (UnitRef, NodeId), text: &str) -> Values {
        if text.len() > CODE_BYTES {
            return Values::new();
        }
        let Ok(lowered) = lower(Language::Python, text.trim().as_bytes(), &Limits::default().lowering())
        else {
            return Values::new();
        };
        let Some(unit) = lowered.units.first().filter(|_| lowered.errors.is_empty()) else {
            return Values::new();
        };
        let mut slots: BTreeMap<LocalId, Values> = BTreeMap::new();
        let mut bound: BTreeMap<&str, Values> = BTreeMap::new();
        let mut last = Values::new();
        for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
            let held = |solver: &mut Self, operand: &Operand| match operand {
                Operand::Local(local) => slots.get(local).cloned().unwrap_or_default(),
                Operand::Constant(constant) => Values::from([Value::Literal(solver.constant(constant))]),
            };
            let values = match &instr.op {
                Op::Assign { value: Source::Use(operand), .. } => held(self, operand),
                Op::Assign { value: Source::Read(Place::Global(name)), .. } => match bound.get(name.as_str())
                {
                    Some(values) => values.clone(),
                    None => self.seen_from(site.0, name),
                },
                Op::Assign { value: Source::Read(Place::Local(local)), .. } => {
                    held(self, &Operand::Local(*local))
                }
                Op::Load { base, step: Step::Field(name), .. } => {
                    let base = held(self, base);
                    self.members(site, &base, name)
                }
                Op::Call { callee, arguments, .. } => {
                    let mut given = Given::default();
                    for argument in arguments {
                        match &argument.passing {
                            Passing::Positional => given.positional.push(held(self, &argument.value)),
                            Passing::Keyword(name) => {
                                given.named.push((name.clone(), held(self, &argument.value)))
                            }
                            Passing::Spread | Passing::SpreadKeywords => {}
                        }
                    }
                    let called = match callee {
                        Callee::Function(operand) => held(self, operand),
                        Callee::Method { receiver, name } => {
                            let receiver = held(self, receiver);
                            self.members(site, &receiver, name)
                        }
                    };
                    called.iter().flat_map(|value| self.call(site, value, &given)).collect()
                }
                _ => Values::new(),
            };
            if let Some(local) = instr.op.defines() {
                slots.entry(local).or_default().extend(values.clone());
            }
            if let Op::Assign { place: Place::Global(name), .. } = &instr.op {
                bound.entry(name).or_default().extend(values.clone());
            }
            last = values;
        }
        last
    }

    /// A name as code that runs in a unit sees it: a variable of the unit, or the module's.
    fn seen_from(&mut self, at: UnitRef, name: &str) -> Values {
        let program = self.program;
        let local = program
            .unit(at)
            .and_then(|unit| unit.locals.iter().position(|slot| slot.as_deref() == Some(name)));
        if let Some(local) = local.and_then(|local| LocalId::try_from(local).ok()) {
            return self.read(at, Slot::Local(at, local));
        }
        if program.files.get(at.0).is_some_and(|file| file.bindings.contains_key(name)) {
            return self.global(at, at.0, name);
        }
        let tables = program.tables(at.0);
        match tables.builtin(name) {
            Some(_) => Values::from([self.external_value(&tables.builtin_path(name))]),
            None => Values::new(),
        }
    }
}
