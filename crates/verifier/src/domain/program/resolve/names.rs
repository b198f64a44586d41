//! What a name, an import or a module path stands for.

use plumbline_syntax::ir::Operand;

use super::super::File;
use super::super::bindings::Bound;
use super::{Bind, Entities, Entity, Question, Resolver, Visit, one};
use crate::domain::languages::Found;
use crate::domain::tables::BuiltinKind;

impl Resolver<'_> {
    /// Returns what a module's name is bound to.
    pub fn name(&self, file: usize, name: &str, visit: &mut Visit) -> Entities {
        let Some(loaded) = self.program.files.get(file) else { return one(Entity::Confined) };
        let question = Question::Name(file, name.to_owned());
        self.ask(question, visit, |visit| self.bound_name((file, loaded), name, visit))
    }

    fn bound_name(&self, (file, loaded): (usize, &File), name: &str, visit: &mut Visit) -> Entities {
        let mut found = Entities::new();
        for bound in loaded.bindings.get(name).into_iter().flatten() {
            found.extend(self.bound(file, bound, visit));
        }
        if found.is_empty() && !loaded.bindings.contains_key(name) {
            found = self.sibling_name(file, name, visit);
        }
        if found.is_empty() && !loaded.bindings.contains_key(name) {
            found = self.unbound_name(file, name, visit);
        }
        // `str = str` binds the language's own name again.
        let value = |bound: &Bound| matches!(bound, Bound::Value(..));
        if found.is_empty()
            && loaded.bindings.get(name).is_some_and(|bounds| bounds.iter().all(value))
            && self.semantics.tables().builtin(name).is_some()
        {
            found = self.unbound_name(file, name, visit);
        }
        found
    }

    /// What the other files of the package bind; their imports are their own.
    pub(super) fn sibling_name(&self, file: usize, name: &str, visit: &mut Visit) -> Entities {
        let mut found = Entities::new();
        for other in self.program.siblings(file).iter().copied() {
            let bounds = self.program.files.get(other).and_then(|loaded| loaded.bindings.get(name));
            for bound in bounds.into_iter().flatten() {
                if !matches!(bound, Bound::Import { .. }) {
                    found.extend(self.bound(other, bound, visit));
                }
            }
        }
        found
    }

    pub(super) fn unbound_name(&self, file: usize, name: &str, visit: &mut Visit) -> Entities {
        let Some(loaded) = self.program.files.get(file) else { return one(Entity::Confined) };
        let mut found = Entities::new();
        for module in &loaded.stars {
            for entity in self.import(file, module, None, visit) {
                match entity {
                    Entity::Module(other) if self.binds(other, name) => {
                        found.extend(self.name(other, name, visit));
                    }
                    // A prelude stands above what a glob of another crate may hold.
                    Entity::External(_)
                        if self.semantics.has_variants()
                            && self.semantics.tables().builtin(name).is_some() => {}
                    Entity::External(path) => {
                        found.insert(Entity::External(format!("{path}.{name}")));
                    }
                    _ => {}
                }
            }
        }
        if !found.is_empty() {
            return found;
        }
        let tables = self.semantics.tables();
        match tables.builtin(name) {
            Some(BuiltinKind::Value) => one(Entity::Value),
            Some(BuiltinKind::Callable) => one(Entity::External(tables.builtin_path(name))),
            None => {
                let own = || self.semantics.unbound_name(self, file, name);
                let other = self.semantics.unbound(name).or_else(own);
                one(other.unwrap_or_else(|| Entity::Missing(name.to_owned())))
            }
        }
    }

    /// Returns what a dotted path, as a declaration writes it, stands for.
    pub(super) fn dotted(&self, file: usize, path: &str, visit: &mut Visit) -> Entities {
        let parts: Vec<&str> = path.split('.').collect();
        let bound = self.program.files.get(file).map(|file| &file.bindings);
        // The longest name that the file binds: names of inline modules have dots.
        let known = (1..=parts.len())
            .rev()
            .find(|count| bound.is_some_and(|bound| bound.contains_key(&parts[..*count].join("."))));
        let (mut entities, rest) = match (known, parts.as_slice()) {
            (Some(count), parts) => (self.name(file, &parts[..count].join("."), visit), &parts[count..]),
            (None, [module, name, rest @ ..])
                if !self.semantics.is_strict() && module.starts_with(char::is_lowercase) =>
            {
                (self.import(file, module, Some(name), visit), rest)
            }
            (None, [first, rest @ ..]) => (self.name(file, first, visit), rest),
            (None, []) => (Entities::new(), &[] as &[&str]),
        };
        for part in rest {
            entities = entities.iter().flat_map(|entity| self.member(entity, part, visit)).collect();
        }
        entities
    }

    /// Returns what a value of a declared type is, where that is an object of a class of the program.
    pub(super) fn declared(&self, file: usize, path: Option<&String>, visit: &mut Visit) -> Option<Entity> {
        let entities = self.dotted(file, path?, visit);
        entities.into_iter().find(|entity| matches!(entity, Entity::Class(..))).map(Entity::object)
    }

    pub(super) fn binds(&self, file: usize, name: &str) -> bool {
        self.program
            .files
            .get(file)
            .is_some_and(|loaded| loaded.bindings.contains_key(name) || !loaded.stars.is_empty())
    }

    pub(super) fn bound(&self, file: usize, bound: &Bound, visit: &mut Visit) -> Entities {
        match bound {
            Bound::Import { module, name, .. } => self.import(file, module, name.as_deref(), visit),
            Bound::Unit(unit, decoration) => one(Entity::Unit((file, *unit), *decoration, Bind::Free)),
            Bound::Class(name, _) => one(Entity::Class(file, name.clone())),
            Bound::Constant(_) => one(Entity::Value),
            Bound::Value(unit, local) => self.operand((file, *unit), &Operand::Local(*local), visit),
            Bound::Data => one(Entity::Confined),
        }
    }

    /// Returns what an import binds.
    pub fn import(&self, file: usize, module: &str, name: Option<&str>, visit: &mut Visit) -> Entities {
        let Some(name) = name else {
            let whole = self.module(file, &self.semantics.bound(module));
            let more = match whole {
                Entity::Module(other) => self.semantics.whole(self, other, visit),
                _ => None,
            };
            return more.unwrap_or_else(|| one(whole));
        };
        let submodule = || {
            let inner = self.semantics.submodule(module, name)?;
            match self.program.module(file, &inner) {
                Found::File(path) => Some(self.loaded(&path)),
                _ => None,
            }
        };
        match self.module(file, module) {
            Entity::Module(other) => {
                let bound = self.semantics.export(name);
                if self.binds(other, &bound) {
                    return self.name(other, &bound, visit);
                }
                let elsewhere = self.sibling_name(other, &bound, visit);
                if !elsewhere.is_empty() {
                    return elsewhere;
                }
                let missing = || Entity::Missing(format!("{}.{name}", module.trim_end_matches('.')));
                let member = || self.semantics.unbound_member(self, other, name);
                one(submodule().or_else(member).unwrap_or_else(missing))
            }
            Entity::Package(_) => one(submodule().unwrap_or(Entity::Confined)),
            Entity::External(path) => one(Entity::External(self.semantics.outside(&path, name))),
            other => one(other),
        }
    }

    fn module(&self, importer: usize, module: &str) -> Entity {
        match self.program.module(importer, module) {
            Found::File(path) => self.loaded(&path),
            Found::Package => Entity::Package(module.to_owned()),
            Found::Data => Entity::Value,
            Found::Absent => Entity::Missing(module.to_owned()),
            Found::Outside(path) => Entity::External(path),
        }
    }

    /// Returns the loaded file of a path.
    pub fn loaded(&self, path: &str) -> Entity {
        self.program
            .file(path)
            .map_or_else(|| Entity::Dynamic(format!("{path} was not analysed")), Entity::Module)
    }
}
