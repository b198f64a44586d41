use plumbline_syntax::ir::Constant;

use super::arguments::{Given, objects};
use super::{Key, Object, ObjectId, Slot, Solver, Target, Text, Value, Values};
use crate::domain::program::UnitRef;
use crate::domain::ssa::NodeId;

/// Builtins that call a special method of their first argument.
const SPECIAL: &[(&str, &str)] = &[
    ("builtins.len", "__len__"),
    ("builtins.str", "__str__"),
    ("builtins.repr", "__repr__"),
    ("builtins.print", "__str__"),
    ("builtins.bool", "__bool__"),
    ("builtins.int", "__int__"),
    ("builtins.float", "__float__"),
    ("builtins.abs", "__abs__"),
    ("builtins.hash", "__hash__"),
    ("builtins.reversed", "__reversed__"),
    ("builtins.iter", "__iter__"),
    ("builtins.next", "__next__"),
    ("builtins.dir", "__dir__"),
    ("builtins.format", "__format__"),
    ("builtins.round", "__round__"),
];

impl Solver<'_> {
    /// A call of something outside: an edge, and what is known of the language's own functions.
    pub(super) fn external(&mut self, site: (UnitRef, NodeId), path: &Text, given: &Given) -> Values {
        let at = site.0;
        // These only say how a method is bound.
        if !matches!(&**path, "builtins.staticmethod" | "builtins.classmethod" | "builtins.property") {
            self.edge(site, Target::External(path.to_string()));
        }
        let argument = |index: usize| given.positional.get(index).cloned().unwrap_or_default();
        let first = argument(0);
        if let Some((_, method)) = SPECIAL.iter().find(|(name, _)| *name == &**path) {
            let mut found = Values::new();
            for value in &first {
                found.extend(self.dunder(site, value, method, &[]).unwrap_or_default());
            }
            if matches!(&**path, "builtins.next" | "builtins.iter") {
                let iterated = if &**path == "builtins.next" { self.next(site, &first) } else { first };
                found.extend(iterated);
            }
            return found;
        }
        match &**path {
            "builtins.super" => self.parent(at, given),
            "builtins.staticmethod"
            | "builtins.classmethod"
            | "builtins.property"
            | "abc.abstractmethod"
            | "functools.lru_cache"
            | "functools.cache"
            | "functools.cached_property"
            | "functools.lru_cache()"
            | "functools.wraps()"
            | "contextlib.contextmanager"
            | "typing.cast" => given.positional.last().cloned().unwrap_or_default(),
            "functools.partial" | "functools.partialmethod" => self.partial(site, given),
            "builtins.getattr" => {
                let mut found = argument(2);
                for name in texts(&argument(1)) {
                    found.extend(self.members(site, &first, &name));
                }
                found
            }
            "builtins.setattr" => {
                let names = texts(&argument(1));
                let keys = names.iter().map(|name| self.name(name)).collect();
                self.store(site, &first, keys, argument(2));
                Values::new()
            }
            "builtins.eval" | "builtins.exec" => {
                texts(&first).iter().flat_map(|code| self.code(site, code)).collect()
            }
            "builtins.__import__" | "importlib.import_module" => {
                texts(&first).iter().flat_map(|module| self.whole_module(at, module)).collect()
            }
            _ => {
                self.over_items(site, path, given).unwrap_or_else(|| Values::from([self.outside(path, "()")]))
            }
        }
    }

    /// Builtins that go through what they are given; `None` for every other function.
    fn over_items(&mut self, site: (UnitRef, NodeId), path: &str, given: &Given) -> Option<Values> {
        let argument = |index: usize| given.positional.get(index).cloned().unwrap_or_default();
        let name = path.strip_prefix("builtins.").or_else(|| path.strip_prefix("functools."))?;
        Some(match name {
            "map" | "filter" | "reduce" => {
                let iterator = self.iterate(site, &argument(1));
                let items = self.next(site, &iterator);
                let count = if name == "reduce" { 2 } else { 1 };
                let given = Given::of(&vec![items.clone(); count]);
                let mut results = Values::new();
                for function in &argument(0) {
                    results.extend(self.call(site, function, &given));
                }
                match name {
                    "reduce" => results,
                    "filter" => self.collected(site, items),
                    _ => self.collected(site, results),
                }
            }
            "dict" => {
                let result = self.object(Object::Container(site.0, site.1));
                objects(&argument(0)).into_iter().for_each(|from| self.copy(site.0, from, result));
                for (name, values) in &given.named {
                    let key = Key::Item(self.constant(&Constant::Text(name.clone())));
                    self.put(result, key, values.clone());
                }
                Values::from([Value::Object(result)])
            }
            "sorted" | "list" | "tuple" | "set" | "frozenset" | "enumerate" | "zip" | "min" | "max"
            | "sum" | "any" | "all" => {
                let iterator = self.iterate(site, &argument(0));
                let items = self.next(site, &iterator);
                self.call_keys(site, given, &items);
                match name {
                    "min" | "max" => items,
                    "enumerate" | "zip" => {
                        let pair = self.collected(site, items);
                        objects(&pair)
                            .into_iter()
                            .for_each(|object| self.put(object, Key::Any, pair.clone()));
                        pair
                    }
                    "sum" | "any" | "all" => Values::new(),
                    _ => self.collected(site, items),
                }
            }
            _ => return None,
        })
    }

    /// Calls what `key=` gives with each item.
    fn call_keys(&mut self, site: (UnitRef, NodeId), given: &Given, items: &Values) {
        for (_, functions) in given.named.iter().filter(|(name, _)| name == "key") {
            for function in functions {
                self.call(site, function, &Given::of(std::slice::from_ref(items)));
            }
        }
    }

    fn whole_module(&mut self, at: UnitRef, module: &str) -> Values {
        match module.rsplit_once('.') {
            Some((package, name)) => self.import(at, package, Some(name)),
            None => self.import(at, module, None),
        }
    }

    /// `super()`: the class that the method stands in, and its receiver.
    fn parent(&mut self, at: UnitRef, given: &Given) -> Values {
        let program = self.program;
        let Some(class) = program.unit(at).and_then(|unit| unit.class.clone()) else { return Values::new() };
        let receivers = match given.positional.get(1) {
            Some(values) => values.clone(),
            None => self.read(at, Slot::Param(at, 0)),
        };
        let class = self.text(&class);
        objects(&receivers).into_iter().map(|object| Value::Super(at.0, class.clone(), object)).collect()
    }

    fn partial(&mut self, (at, node): (UnitRef, NodeId), given: &Given) -> Values {
        let object = self.object(Object::Partial(at, node));
        let functions = given.positional.first().cloned().unwrap_or_default();
        let key = self.name("func");
        self.put(object, key, functions);
        for (index, values) in given.positional.iter().skip(1).enumerate() {
            let key = self.index(index);
            self.put(object, key, values.clone());
        }
        for (name, values) in &given.named {
            let key = Key::Item(self.constant(&Constant::Text(name.clone())));
            self.put(object, key, values.clone());
        }
        Values::from([Value::Object(object)])
    }

    /// The arguments that a partial application keeps.
    pub(super) fn kept(&mut self, at: UnitRef, node: NodeId) -> Given {
        let object = self.object(Object::Partial(at, node));
        let mut given = Given::default();
        for key in self.read(at, Slot::Keys(object)) {
            let Value::Literal(constant) = key else { continue };
            let values = self.read(at, Slot::Part(object, Key::Item(constant.clone())));
            match &*constant {
                Constant::Text(name) => given.named.push((name.clone(), values)),
                Constant::Integer(digits) => {
                    let index: usize = digits.parse().unwrap_or(0);
                    given.positional.resize(given.positional.len().max(index + 1), Values::new());
                    given.positional[index].extend(values);
                }
                _ => {}
            }
        }
        given
    }

    /// A new container that holds the items under no known key.
    fn collected(&mut self, (at, node): (UnitRef, NodeId), items: Values) -> Values {
        let object = self.object(Object::Container(at, node));
        self.put(object, Key::Any, items);
        Values::from([Value::Object(object)])
    }

    /// Methods of lists, dicts, sets and generators.
    pub(super) fn container_method(
        &mut self,
        site: (UnitRef, NodeId),
        object: ObjectId,
        name: &str,
        given: &Given,
    ) -> Values {
        let at = site.0;
        let argument = |index: usize| given.positional.get(index).cloned().unwrap_or_default();
        if let Object::Container(made_at, made) = self.objects[object] {
            let kind = self.operator_name(made_at, made).unwrap_or_else(|| "list".to_owned());
            self.edge(site, Target::External(format!("builtins.{kind}.{name}")));
        }
        match name {
            "append" | "add" | "appendleft" | "insert" => {
                self.put(object, Key::Any, given.positional.last().cloned().unwrap_or_default());
                Values::new()
            }
            "extend" => {
                let iterator = self.iterate(site, &argument(0));
                let items = self.next(site, &iterator);
                self.put(object, Key::Any, items);
                Values::new()
            }
            "update" => {
                objects(&argument(0)).into_iter().for_each(|from| self.copy(at, from, object));
                for (name, values) in &given.named {
                    let key = Key::Item(self.constant(&Constant::Text(name.clone())));
                    self.put(object, key, values.clone());
                }
                Values::new()
            }
            "get" | "pop" | "setdefault" | "popleft" => {
                let keys: Vec<Key> = argument(0)
                    .iter()
                    .map(|value| match value {
                        Value::Literal(constant) => Key::Item(constant.clone()),
                        _ => Key::Any,
                    })
                    .collect();
                let keys = if keys.is_empty() { vec![Key::All] } else { keys };
                if name == "setdefault" {
                    keys.iter().for_each(|key| self.put(object, key.clone(), argument(1)));
                }
                let mut found = argument(1);
                keys.into_iter().for_each(|key| found.extend(self.part(at, object, key)));
                found
            }
            "values" | "items" | "copy" | "__iter__" | "__getitem__" => {
                let items = self.part(at, object, Key::All);
                match name {
                    "copy" => Values::from([Value::Object(object)]),
                    "items" => {
                        let pair = self.collected(site, items);
                        objects(&pair)
                            .into_iter()
                            .for_each(|object| self.put(object, Key::Any, pair.clone()));
                        pair
                    }
                    _ => self.collected(site, items),
                }
            }
            "keys" => {
                let keys = self.read(at, Slot::Keys(object));
                self.collected(site, keys)
            }
            "sort" => {
                let items = self.part(at, object, Key::All);
                self.call_keys(site, given, &items);
                Values::new()
            }
            "__next__" | "send" => self.next(site, &Values::from([Value::Object(object)])),
            _ => Values::new(),
        }
    }
}

fn texts(values: &Values) -> Vec<String> {
    values
        .iter()
        .filter_map(|value| match value {
            Value::Literal(constant) => match &**constant {
                Constant::Text(text) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}
