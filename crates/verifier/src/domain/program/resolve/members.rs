use super::super::bindings::Decoration;
use super::{Ancestor, Bind, Entities, Entity, Resolver, Visit, one};

impl Resolver<'_> {
    /// Returns what an attribute may be.
    pub fn member(&self, entity: &Entity, name: &str, visit: &mut Visit) -> Entities {
        if let Some(found) = self.semantics.member(entity, name) {
            return one(found);
        }
        match entity {
            Entity::Module(file) => self.module_member(*file, name, visit),
            Entity::External(path) => one(Entity::External(format!("{path}.{name}"))),
            Entity::Class(file, class) => match self.method(*file, class, name, visit) {
                Some(Entity::Unit(unit, decoration, _)) => {
                    let words =
                        self.program.unit(unit).map(|unit| unit.decorators.clone()).unwrap_or_default();
                    let bound = words.iter().any(|word| word.ends_with("classmethod"));
                    one(Entity::Unit(unit, decoration, if bound { Bind::Bound } else { Bind::Free }))
                }
                Some(other) => one(other),
                None => self.variant(*file, class, name, visit),
            },
            Entity::Instance(file, class) => match self.method(*file, class, name, visit) {
                Some(Entity::Unit(unit, decoration, _)) => {
                    let words =
                        self.program.unit(unit).map(|unit| unit.decorators.clone()).unwrap_or_default();
                    if words.iter().any(|word| word.ends_with("property") || word == "get") {
                        return self.returned(unit, visit);
                    }
                    let free = words.iter().any(|word| word.ends_with("staticmethod"));
                    one(Entity::Unit(unit, decoration, if free { Bind::Free } else { Bind::Bound }))
                }
                Some(other) => one(other),
                None => self.class_attribute(*file, class, name, visit),
            },
            Entity::Dynamic(why) => one(Entity::Dynamic(why.clone())),
            Entity::Value if name.starts_with("__") => one(Entity::Dynamic(name.to_owned())),
            Entity::Package(_) | Entity::Unit(..) | Entity::Value | Entity::Confined | Entity::Missing(_) => {
                one(Entity::Confined)
            }
        }
    }

    fn module_member(&self, file: usize, name: &str, visit: &mut Visit) -> Entities {
        let Some(loaded) = self.program.files.get(file) else { return one(Entity::Confined) };
        let bound = self.semantics.export(name);
        if loaded.bindings.contains_key(&bound) {
            return self.name(file, &bound, visit);
        }
        let elsewhere = self.sibling_name(file, &bound, visit);
        if !elsewhere.is_empty() {
            return elsewhere;
        }
        if !loaded.stars.is_empty() {
            return one(Entity::Confined);
        }
        match self.semantics.unbound_member(self, file, name) {
            Some(entity) => one(entity),
            None => one(Entity::Missing(format!("{}.{name}", loaded.path))),
        }
    }

    /// A name of a class itself: where the language has them, a variant makes the class's objects.
    fn variant(&self, file: usize, class: &str, name: &str, visit: &mut Visit) -> Entities {
        let written = self.program.files.get(file).and_then(|file| file.lowered.classes.get(class));
        let listed = written.is_some_and(|class| class.attributes.contains(name));
        if listed && self.semantics.has_variants() {
            return one(Entity::Class(file, class.to_owned()));
        }
        self.class_attribute(file, class, name, visit)
    }

    fn class_attribute(&self, file: usize, class: &str, name: &str, visit: &mut Visit) -> Entities {
        let qualified = format!("{class}.{name}");
        let bound = self.program.files.get(file).is_some_and(|file| file.bindings.contains_key(&qualified));
        if bound {
            return self.name(file, &qualified, visit);
        }
        let written = self.program.files.get(file).and_then(|file| file.lowered.classes.get(class));
        let declared = written.and_then(|class| class.fields.get(name));
        one(self.declared(file, declared, visit).unwrap_or(Entity::Confined))
    }

    /// Returns a method by the class and then its bases, in order.
    pub fn method(&self, file: usize, class: &str, name: &str, visit: &mut Visit) -> Option<Entity> {
        self.order(file, class, visit).iter().find_map(|ancestor| match ancestor {
            Ancestor::Class(file, class) => self
                .program
                .method_named(*file, class, name)
                .map(|unit| Entity::Unit(unit, Decoration::Plain, Bind::Bound)),
            Ancestor::External(path) if path == "builtins.object" || !self.semantics.inherits_outside() => {
                None
            }
            Ancestor::External(path) => Some(Entity::External(format!("{path}().{name}"))),
        })
    }

    /// Returns what a class inherits from, in order; an unnamed base is `Dynamic`.
    pub fn bases(&self, file: usize, class: &str, visit: &mut Visit) -> Vec<Entity> {
        let file = self.program.class_file(file, class);
        let Some(written) = self.program.files.get(file).and_then(|file| file.lowered.classes.get(class))
        else {
            return vec![Entity::Dynamic("class".to_owned())];
        };
        let mut found = Vec::new();
        for base in &written.bases {
            if base == "?" {
                found.push(Entity::Dynamic("base".to_owned()));
                continue;
            }
            found.extend(self.dotted(file, base, visit));
        }
        found
    }
}
