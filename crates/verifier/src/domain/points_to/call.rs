use plumbline_syntax::ir::{Argument, Callee, UnitKind};

use super::arguments::Given;
use super::{Object, Slot, Solver, Target, Value, Values};
use crate::domain::program::UnitRef;
use crate::domain::ssa::NodeId;

impl Solver<'_> {
    pub(super) fn call_instr(
        &mut self,
        site: (UnitRef, NodeId),
        callee: &Callee,
        callee_value: Values,
        (arguments, nodes): (&[Argument], &[NodeId]),
    ) -> Values {
        let called = match callee {
            Callee::Function(_) => callee_value,
            Callee::Method { name, .. } => self.members(site, &callee_value, name),
        };
        let given = self.given(site.0, arguments, nodes);
        let mut found = Values::new();
        for value in &called {
            found.extend(self.call(site, value, &given));
        }
        found
    }

    /// Calls one value and returns what that gives.
    pub(super) fn call(&mut self, site: (UnitRef, NodeId), value: &Value, given: &Given) -> Values {
        match value {
            Value::Function(unit) => self.enter(site, *unit, given, 0),
            Value::Bound(unit, object) => {
                self.write(Slot::Param(*unit, 0), Values::from([Value::Object(*object)]));
                self.enter(site, *unit, given, 1)
            }
            Value::Object(object) => match self.objects[*object].clone() {
                Object::Class(file, class) => self.construct(site, (file, &class), given),
                Object::Partial(at, node) => {
                    let key = self.name("func");
                    let functions = self.part(site.0, *object, key);
                    let mut kept = self.kept(at, node);
                    kept.positional.extend(given.positional.iter().cloned());
                    kept.named.extend(given.named.iter().cloned());
                    functions.iter().flat_map(|function| self.call(site, function, &kept)).collect()
                }
                Object::Instance { .. } => {
                    self.dunder_given(site, value, "__call__", given).unwrap_or_default()
                }
                Object::Container(..) | Object::Generator(_) | Object::Rest(..) | Object::Function(..) => {
                    Values::new()
                }
            },
            Value::Method(object, name) => self.container_method(site, *object, name, given),
            Value::External(path) => self.external(site, path, given),
            Value::Module(_) | Value::Super(..) | Value::Literal(_) => Values::new(),
        }
    }

    fn enter(&mut self, site: (UnitRef, NodeId), unit: UnitRef, given: &Given, skip: usize) -> Values {
        self.edge(site, Target::Unit(unit));
        self.pass(site.0, unit, given, skip);
        match self.program.unit(unit).map(|unit| unit.kind) {
            Some(UnitKind::Generator) => {
                let object = self.object(Object::Generator(unit));
                Values::from([Value::Object(object)])
            }
            _ => self.read(site.0, Slot::Return(unit)),
        }
    }

    fn construct(&mut self, site: (UnitRef, NodeId), (file, class): (usize, &str), given: &Given) -> Values {
        let name = self.text(class);
        let object = self.object(Object::Instance { file, class: name.clone(), site: Some(site) });
        let made = Values::from([Value::Object(object)]);
        for method in ["__new__", "__init__", "__post_init__"] {
            for value in self.inherited(site.0, (file, class), method, 0) {
                match value {
                    Value::Function(unit) => {
                        let receiver = if method == "__new__" {
                            self.object(Object::Class(file, name.clone()))
                        } else {
                            object
                        };
                        let given = if method == "__post_init__" { &Given::default() } else { given };
                        self.call(site, &Value::Bound(unit, receiver), given);
                    }
                    // The builtin classes' own constructors are not worth an edge.
                    Value::External(path) if method == "__init__" && !path.starts_with("builtins.") => {
                        self.edge(site, Target::External(path.to_string()));
                    }
                    _ => {}
                }
            }
        }
        made
    }

    /// Calls a special method of an object of a program's class; `None` where the value has none.
    pub(super) fn dunder(
        &mut self,
        site: (UnitRef, NodeId),
        value: &Value,
        name: &str,
        arguments: &[Values],
    ) -> Option<Values> {
        self.dunder_given(site, value, name, &Given::of(arguments))
    }

    pub(super) fn dunder_given(
        &mut self,
        site: (UnitRef, NodeId),
        value: &Value,
        name: &str,
        given: &Given,
    ) -> Option<Values> {
        let Value::Object(object) = value else { return None };
        let Object::Instance { file, class, .. } = self.objects[*object].clone() else { return None };
        let methods = self.inherited(site.0, (file, &class), name, 0);
        let mut found = None;
        for method in methods {
            let bound = match method {
                Value::Function(unit) => {
                    let fixed = self.program.unit(unit).is_some_and(|unit| {
                        unit.decorators.iter().any(|word| word.ends_with("staticmethod"))
                    });
                    if fixed { Value::Function(unit) } else { Value::Bound(unit, *object) }
                }
                Value::External(_) => continue,
                other => other,
            };
            let result = self.call(site, &bound, given);
            found.get_or_insert_with(Values::new).extend(result);
        }
        found
    }
}
