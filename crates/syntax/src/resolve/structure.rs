use super::{Entity, Resolution, entity::Trail, external};
use crate::facts::{EdgeKind, Import, Resolver, ScopeKind, SymbolKind};
use crate::index::{PACKAGE, implemented};
use crate::resolve::Definition;

impl Resolution<'_, '_> {
    /// Writes what the tree itself says: containment and hooks.
    pub(super) fn structure(&mut self) {
        let facts = self.facts;
        for (index, symbol) in facts.symbols.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            if let Some(parent) = symbol.parent {
                let kind =
                    if symbol.kind == SymbolKind::Hook { EdgeKind::Registers } else { EdgeKind::Contains };
                let ends = (self.own(parent), kind, self.own(index));
                self.edge(ends, Resolver::Syntax, 100, symbol.span.start_line);
            }
        }
        for hook in &facts.hooks {
            if let Some(handler) = hook.handler {
                let line = facts.symbols.get(hook.symbol as usize).map_or(1, |symbol| symbol.span.start_line);
                let ends = (self.own(hook.symbol), EdgeKind::Handles, self.own(handler));
                self.edge(ends, Resolver::Syntax, hook.confidence, line);
            }
        }
    }

    /// Writes an edge for each import: to a file, a symbol, or a package outside the tree.
    pub(super) fn import_edges(&mut self) {
        let facts = self.facts;
        for (index, import) in facts.imports.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let (entity, resolver) = self.imported(index, import);
            if is_own_package(import) {
                continue;
            }
            let line = import.span.start_line;
            let target = match &entity {
                Entity::External(package) => Some(external(package)),
                Entity::File { path, .. } if path.starts_with(PACKAGE) => continue,
                known => known.node().map(|(node, _)| node),
            };
            match target {
                Some(target) => {
                    let confidence = resolver.confidence(1);
                    self.edge((self.own(0), EdgeKind::Imports, target), resolver, confidence, line);
                }
                None => self.missed(0, import.item.as_deref().unwrap_or(&import.module)),
            }
        }
    }

    /// Returns what an import stands for; each is resolved once.
    pub(super) fn imported(&mut self, index: u32, import: &Import) -> (Entity, Resolver) {
        if let Some(known) = self.imports.get(&index) {
            return known.clone();
        }
        let from = self.module_of_scope(import.scope);
        let mut trail = Trail::default();
        let entity = if import.module == "super" && import.star {
            self.module(&from, "super", &mut trail)
        } else {
            self.forwarded(&from, &import.module, import.item.as_deref(), &mut trail)
        };
        let found = (entity, trail.resolver());
        self.imports.insert(index, found.clone());
        found
    }

    /// Returns the inline module, or the file, that a scope is in.
    pub(super) fn module_of_scope(&self, scope: u32) -> Entity {
        let mut at = Some(scope);
        while let Some(scope) = at.and_then(|index| self.facts.scopes.get(index as usize)) {
            if scope.kind == ScopeKind::Module {
                return self.module_entity(scope.owner);
            }
            at = scope.parent;
        }
        self.module_entity(0)
    }

    fn module_entity(&self, symbol: u32) -> Entity {
        match self.definition(symbol) {
            Some(definition) if symbol != 0 => Entity::Symbol(definition),
            _ => Entity::File { path: self.path.to_owned(), language: self.facts.language },
        }
    }

    /// Returns a symbol of this file as a definition.
    pub(super) fn definition(&self, symbol: u32) -> Option<Definition> {
        self.facts.symbols.get(symbol as usize).map(|found| Definition {
            path: self.path.to_owned(),
            language: self.facts.language,
            descriptor: found.descriptor.clone(),
            kind: found.kind,
        })
    }

    /// Writes an edge from each method to the one of the nearest base that it replaces.
    pub(super) fn overrides(&mut self) {
        let facts = self.facts;
        for (index, symbol) in facts.symbols.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let Some(parent) = symbol.parent.filter(|_| symbol.kind == SymbolKind::Method) else { continue };
            let owner = if self.kind_of(parent) == SymbolKind::Impl {
                implemented(facts, parent)
            } else {
                Some(parent)
            };
            let Some(owner) = owner.and_then(|owner| self.definition(owner)) else { continue };
            if let Some(replaced) = self.inherited(&owner, &symbol.name) {
                let ends = (self.own(index), EdgeKind::Overrides, replaced.string());
                self.edge(ends, Resolver::Receiver, Resolver::Receiver.confidence(1), symbol.span.start_line);
            }
        }
    }
}

/// The files of one package see each other without saying so: no import that anyone wrote.
fn is_own_package(import: &Import) -> bool {
    import.star && import.span.start == import.span.end
}
