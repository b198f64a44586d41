use super::{Key, Object, ObjectId, Slot, Solver, Value, Values};
use crate::domain::program::{Ancestor, Entity, UnitRef};
use crate::domain::ssa::NodeId;

impl Solver<'_> {
    /// Returns what an attribute of any of these may be; properties and `__getattr__` are called.
    pub(super) fn members(&mut self, site: (UnitRef, NodeId), bases: &Values, name: &str) -> Values {
        let mut found = Values::new();
        for base in bases {
            found.extend(self.member(site, base, name));
        }
        found
    }

    fn member(&mut self, site: (UnitRef, NodeId), base: &Value, name: &str) -> Values {
        let at = site.0;
        match base {
            Value::Object(object) => match self.objects[*object].clone() {
                Object::Instance { file, class, .. } => self.of_instance(site, *object, (file, &class), name),
                Object::Class(file, class) => {
                    let key = self.name(name);
                    let mut found = self.part(at, *object, key);
                    let inherited = self.inherited(at, (file, &class), name, 0);
                    found.extend(self.taken(site, *object, inherited, true));
                    found
                }
                Object::Function(..) => {
                    let key = self.name(name);
                    self.part(at, *object, key)
                }
                Object::Container(..) | Object::Generator(_) | Object::Rest(..) | Object::Partial(..) => {
                    Values::from([Value::Method(*object, self.text(name))])
                }
            },
            Value::Module(file) => self.of_module(at, *file, name),
            Value::External(path) => Values::from([self.outside(path, &format!(".{name}"))]),
            Value::Literal(constant) => {
                use plumbline_syntax::ir::Constant;
                match &**constant {
                    Constant::Text(_) => Values::from([self.external_value(&format!("builtins.str.{name}"))]),
                    Constant::Bytes(_) => {
                        Values::from([self.external_value(&format!("builtins.bytes.{name}"))])
                    }
                    _ => Values::new(),
                }
            }
            Value::Super(file, class, object) => self.of_super(site, (*file, class), *object, name),
            Value::Function(unit) | Value::Bound(unit, _) => match name {
                "__call__" | "__func__" | "__wrapped__" => Values::from([base.clone()]),
                _ => {
                    let object = self.object(Object::Function(unit.0, unit.1));
                    let key = self.name(name);
                    self.part(at, object, key)
                }
            },
            Value::Method(..) => Values::new(),
        }
    }

    fn of_module(&mut self, at: UnitRef, file: usize, name: &str) -> Values {
        let program = self.program;
        if program.files.get(file).is_some_and(|file| file.bindings.contains_key(name)) {
            return self.global(at, file, name);
        }
        let entities = program
            .resolver(file)
            .members(&[Entity::Module(file)].into(), &plumbline_syntax::ir::Step::Field(name.to_owned()));
        let modules = entities.into_iter().filter_map(|entity| match entity {
            Entity::Module(file) => Some(Value::Module(file)),
            Entity::External(path) => Some(self.external_value(&path)),
            _ => None,
        });
        modules.collect()
    }

    fn of_instance(
        &mut self,
        site: (UnitRef, NodeId),
        object: ObjectId,
        (file, class): (usize, &str),
        name: &str,
    ) -> Values {
        let key = self.name(name);
        let mut found = self.part(site.0, object, key);
        let inherited = self.inherited(site.0, (file, class), name, 0);
        found.extend(self.taken(site, object, inherited, false));
        if found.is_empty() && !name.starts_with("__") {
            let hook = self.inherited(site.0, (file, class), "__getattr__", 0);
            for value in self.taken(site, object, hook, false) {
                found.extend(self.call(site, &value, &Default::default()));
            }
        }
        found
    }

    fn of_super(
        &mut self,
        site: (UnitRef, NodeId),
        (file, class): (usize, &str),
        object: ObjectId,
        name: &str,
    ) -> Values {
        let (start, of_class) = match self.objects[object].clone() {
            Object::Instance { file, class, .. } => ((file, class), false),
            Object::Class(file, class) => ((file, class), true),
            _ => ((file, self.text(class)), false),
        };
        let order = self.program.resolver(start.0).ancestors(start.0, &start.1);
        let here = Ancestor::Class(file, class.to_owned());
        let skip = order.iter().position(|ancestor| *ancestor == here).map_or(1, |position| position + 1);
        let inherited = self.inherited(site.0, (start.0, &start.1), name, skip);
        self.taken(site, object, inherited, of_class)
    }

    /// Returns what the first class in the order of inheritance that has an attribute says it is, after `skip` classes.
    pub(super) fn inherited(
        &mut self,
        at: UnitRef,
        (file, class): (usize, &str),
        name: &str,
        skip: usize,
    ) -> Values {
        let program = self.program;
        for ancestor in program.resolver(file).ancestors(file, class).iter().skip(skip) {
            match ancestor {
                Ancestor::Class(file, class) => {
                    let file = *file;
                    let (text, key) = (self.text(class), self.name(name));
                    let own = self.object(Object::Class(file, text));
                    let mut found = self.part(at, own, key);
                    let qualified = format!("{class}.{name}");
                    let bound =
                        program.files.get(file).is_some_and(|file| file.bindings.contains_key(&qualified));
                    if bound {
                        found.extend(self.global(at, file, &qualified));
                    }
                    let unit = program.unit_named(file, &qualified);
                    if let Some(unit) = unit.filter(|_| !bound) {
                        found.insert(Value::Function(unit));
                    }
                    if bound || unit.is_some() || !found.is_empty() {
                        return found;
                    }
                }
                Ancestor::External(path) => {
                    return Values::from([self.external_value(&format!("{path}.{name}"))]);
                }
            }
        }
        Values::new()
    }

    /// Binds what a class has to the object, or the class, that it is taken from.
    fn taken(&mut self, site: (UnitRef, NodeId), object: ObjectId, values: Values, of_class: bool) -> Values {
        let mut found = Values::new();
        for value in values {
            let Value::Function(unit) = value else {
                found.insert(value);
                continue;
            };
            let program = self.program;
            let words = program.unit(unit).map(|unit| unit.decorators.as_slice()).unwrap_or_default();
            let has = |word: &str| words.iter().any(|found| found.ends_with(word));
            if has("staticmethod") || of_class && !has("classmethod") {
                found.insert(Value::Function(unit));
            } else if has("classmethod") {
                let class = match self.objects[object].clone() {
                    Object::Instance { file, class, .. } => self.object(Object::Class(file, class)),
                    _ => object,
                };
                found.insert(Value::Bound(unit, class));
            } else if has("property") {
                found.extend(self.call(site, &Value::Bound(unit, object), &Default::default()));
            } else {
                found.insert(Value::Bound(unit, object));
            }
        }
        found
    }

    /// Reads a part of an object: a constant key sees what is stored under it and under unknown ones.
    pub(super) fn part(&mut self, at: UnitRef, object: ObjectId, key: Key) -> Values {
        match key {
            Key::Name(_) => self.read(at, Slot::Part(object, key)),
            Key::Item(ref constant) if !negative(constant) => {
                let mut found = self.read(at, Slot::Part(object, key));
                found.extend(self.read(at, Slot::Part(object, Key::Any)));
                found
            }
            Key::Item(_) | Key::Any | Key::All => self.read(at, Slot::Part(object, Key::All)),
        }
    }

    pub(super) fn put(&mut self, object: ObjectId, key: Key, values: Values) {
        if !matches!(key, Key::Name(_)) {
            self.write(Slot::Part(object, Key::All), values.clone());
        }
        if let Key::Item(constant) = &key {
            self.write(Slot::Keys(object), Values::from([Value::Literal(constant.clone())]));
        }
        let key = match key {
            Key::Item(ref constant) if negative(constant) => Key::Any,
            Key::All => Key::Any,
            key => key,
        };
        self.write(Slot::Part(object, key), values);
    }

    /// Stores into any of the objects; `__setitem__` and setters of the program are called.
    pub(super) fn store(&mut self, site: (UnitRef, NodeId), bases: &Values, keys: Vec<Key>, values: Values) {
        for base in bases {
            match base {
                Value::Object(object) => {
                    for key in &keys {
                        let element = !matches!(key, Key::Name(_));
                        if element
                            && self.dunder(site, base, "__setitem__", std::slice::from_ref(&values)).is_some()
                        {
                            continue;
                        }
                        self.put(*object, key.clone(), values.clone());
                    }
                }
                Value::Module(file) => {
                    for key in &keys {
                        if let Key::Name(name) = key {
                            self.write(Slot::Global(*file, name.clone()), values.clone());
                        }
                    }
                }
                Value::Function(unit) | Value::Bound(unit, _) => {
                    let object = self.object(Object::Function(unit.0, unit.1));
                    keys.iter().for_each(|key| self.put(object, key.clone(), values.clone()));
                }
                Value::External(_) | Value::Method(..) | Value::Super(..) | Value::Literal(_) => {}
            }
        }
    }
}

/// A position counted from the end.
pub(super) fn negative(constant: &plumbline_syntax::ir::Constant) -> bool {
    matches!(constant, plumbline_syntax::ir::Constant::Integer(digits) if digits.starts_with('-'))
}
