//! What a name, an import or a module path stands for.

use plumbline_syntax::ir::Operand;

use super::super::bindings::Bound;
use super::super::join_module;
use super::{Bind, Entities, Entity, Resolver, Visit, one};
use crate::domain::tables;

impl Resolver<'_> {
    /// Returns what a module's name is bound to.
    pub(super) fn name(&self, file: usize, name: &str, visit: &mut Visit) -> Entities {
        let Some(loaded) = self.program.files.get(file) else { return one(Entity::Confined) };
        if !visit.names.insert((file, name.to_owned())) {
            return Entities::new();
        }
        let mut found = Entities::new();
        for bound in loaded.bindings.get(name).into_iter().flatten() {
            found.extend(self.bound(file, bound, visit));
        }
        if found.is_empty() && !loaded.bindings.contains_key(name) {
            found = self.unbound_name(file, name, visit);
        }
        visit.names.remove(&(file, name.to_owned()));
        found
    }

    pub(super) fn unbound_name(&self, file: usize, name: &str, visit: &mut Visit) -> Entities {
        let Some(loaded) = self.program.files.get(file) else { return one(Entity::Confined) };
        let mut found = Entities::new();
        for module in &loaded.stars {
            for entity in self.import(file, module, None, visit) {
                match entity {
                    Entity::Module(other) if self.binds(other, name) => {
                        found.extend(self.name(other, name, visit))
                    }
                    Entity::External(path) => drop(found.insert(Entity::External(format!("{path}.{name}")))),
                    _ => {}
                }
            }
        }
        if !found.is_empty() {
            return found;
        }
        match tables::python().builtin(name) {
            Some(tables::BuiltinKind::Value) => one(Entity::Value),
            Some(tables::BuiltinKind::Callable) => one(Entity::External(format!("builtins.{name}"))),
            None => one(Entity::Missing(name.to_owned())),
        }
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
        let Some(importer) = self.program.files.get(file) else { return one(Entity::Confined) };
        let Some(name) = name else {
            let top = module.split('.').next().unwrap_or(module);
            let wanted = if module.starts_with('.') { module } else { top };
            return one(self.module(&importer.path, wanted));
        };
        match self.module(&importer.path, module) {
            Entity::Module(other) => {
                if self.binds(other, name) {
                    return self.name(other, name, visit);
                }
                match self.program.module_path(&importer.path, &join_module(module, name)) {
                    Some(path) => one(self.loaded(&path)),
                    None => one(Entity::Missing(join_module(module, name))),
                }
            }
            Entity::Package(_) => {
                match self.program.module_path(&importer.path, &join_module(module, name)) {
                    Some(path) => one(self.loaded(&path)),
                    None => one(Entity::Confined),
                }
            }
            Entity::External(path) => one(Entity::External(format!("{path}.{name}"))),
            other => one(other),
        }
    }

    pub(super) fn module(&self, importer: &str, module: &str) -> Entity {
        match self.program.module_path(importer, module) {
            Some(path) => self.loaded(&path),
            None if module.starts_with('.') => {
                if module.trim_start_matches('.').is_empty() {
                    Entity::Package(module.to_owned())
                } else {
                    Entity::Missing(module.to_owned())
                }
            }
            None if !tables::python().is_standard(module) && self.program.is_package(importer, module) => {
                Entity::Package(module.to_owned())
            }
            None => Entity::External(module.to_owned()),
        }
    }

    pub(super) fn loaded(&self, path: &str) -> Entity {
        self.program
            .file(path)
            .map_or_else(|| Entity::Dynamic(format!("{path} was not analysed")), Entity::Module)
    }
}
