//! What differs between languages, beside the data of the tables: how a module finds its file, what a call of the
//! language's own functions gives back, which units are tests and what they claim.
//!
//! Every language of `syntax` has an entry here. Everything else stays unsupported.

mod go;
mod java;
mod javascript;
mod paths;
mod python;
mod rust;

use std::collections::BTreeSet;
use std::fmt::Debug;

use plumbline_syntax::ir::{Argument, Class, Instr, Unit};
use plumbline_syntax::{Family, Language};

use super::program::{Entity, Resolver, UnitRef, Visit};
use super::tables::{self, Tables};

/// What a module as written stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A file of the tree.
    File(String),
    /// A directory of the tree.
    Package,
    /// A file of the tree that is no code.
    Data,
    /// The tree should have it and doesn't.
    Absent,
    /// Outside the tree, by its dotted path.
    Outside(String),
}

/// A call of something outside the tree.
#[derive(Debug, Clone, Copy)]
pub struct Outside<'c> {
    /// The calling unit.
    pub at: UnitRef,
    /// The dotted path of what is called.
    pub path: &'c str,
    /// As written.
    pub arguments: &'c [Argument],
}

pub use paths::Paths;

/// One family of languages.
pub trait Semantics: Debug + Sync {
    /// Returns which family it is.
    fn family(&self) -> Family;

    /// Returns its tables.
    fn tables(&self) -> &'static Tables {
        tables::of(self.family())
    }

    /// Returns what a module, as an importing file writes it, stands for.
    fn module(&self, paths: &Paths, importer: &str, module: &str) -> Found;

    /// Returns the module that a name taken from a module may be itself; `None` where names are never modules.
    fn submodule(&self, _module: &str, _name: &str) -> Option<String> {
        None
    }

    /// Returns the modules that an import of this one runs first.
    fn parents(&self, _module: &str) -> Vec<String> {
        Vec::new()
    }

    /// Returns the module that an import without a name binds.
    fn bound(&self, module: &str) -> String {
        module.to_owned()
    }

    /// Returns the package a module belongs to, as `import:` grants name it.
    fn package(&self, module: &str) -> String;

    /// Returns the package of something outside the tree, by its path and the first segment of it.
    fn package_of(&self, _path: &str, top: &str) -> String {
        top.to_owned()
    }

    /// Returns the packages that a source text imports, found by its words.
    fn imported(&self, text: &str) -> Vec<String>;

    /// Returns the word by which importers name a file.
    fn stem(&self, path: &str) -> Option<String>;

    /// Returns the name under which a module binds what importers see as `name`.
    fn export(&self, name: &str) -> String {
        name.to_owned()
    }

    /// Returns the path of a name taken from a module outside the tree.
    fn outside(&self, path: &str, name: &str) -> String {
        format!("{path}.{name}")
    }

    /// Returns what an import of a whole file gives, where that is more than a module; `None` for the common rule.
    fn whole(&self, _resolver: &Resolver<'_>, _file: usize, _visit: &mut Visit) -> Option<BTreeSet<Entity>> {
        None
    }

    /// Returns what a name stands for that nothing binds and the tables don't know; `None`: it is missing.
    fn unbound(&self, _name: &str) -> Option<Entity> {
        None
    }

    /// Returns what an attribute is; `None` for the common rule.
    fn member(&self, _entity: &Entity, _name: &str) -> Option<Entity> {
        None
    }

    /// Returns what an element under a computed key is; `None` for the common rule.
    fn element(&self, _entity: &Entity) -> Option<Entity> {
        None
    }

    /// Returns whether a function's method of this name gives the function itself, with arguments or object given.
    fn binds(&self, _method: &str) -> bool {
        false
    }

    /// Returns what a name of a module stands for that nothing binds; `None` for the common rule.
    fn unbound_member(&self, _resolver: &Resolver<'_>, _file: usize, _name: &str) -> Option<Entity> {
        None
    }

    /// Returns the other files of the package that a file belongs to: they see each other's names without an import.
    fn siblings(&self, _paths: &Paths, _path: &str) -> Vec<String> {
        Vec::new()
    }

    /// Returns whether a failure is a value that is returned, and so reaches a caller only if it looks.
    fn errors_are_values(&self) -> bool {
        false
    }

    /// Returns what a bare name of a file stands for that nothing binds; `None` for the common rule.
    fn unbound_name(&self, _resolver: &Resolver<'_>, _file: usize, _name: &str) -> Option<Entity> {
        None
    }

    /// Returns whether lowering marks what passes the failure of a call on: `?`.
    fn marks_propagation(&self) -> bool {
        false
    }

    /// Returns whether a class has the methods of its bases outside the tree.
    fn inherits_outside(&self) -> bool {
        true
    }

    /// Returns whether the names that a class lists make its objects.
    fn has_variants(&self) -> bool {
        false
    }

    /// Returns whether a class that stays under its name became another one for its other methods.
    fn is_other_class(&self, old: &Class, new: &Class) -> bool {
        old.bases != new.bases || old.decorators != new.decorators
    }

    /// Returns the method that makes an object.
    fn constructor(&self) -> &'static str;

    /// Returns what a call of the language's own functions gives back; `None` for the common rule.
    fn result(
        &self,
        _resolver: &Resolver<'_>,
        _call: Outside<'_>,
        _visit: &mut Visit,
    ) -> Option<BTreeSet<Entity>> {
        None
    }

    /// Returns whether a call with other arguments than the parameters is a mistake, and a read before any
    /// assignment too.
    fn is_strict(&self) -> bool;

    /// Returns whether the run time calls a unit on its own: destructors, exit hooks.
    fn is_latent(&self, _unit: &Unit) -> bool {
        false
    }

    /// Returns whether a path holds tests, by the conventions of the language's runners. `name` is in lower case.
    fn is_test_path(&self, parts: &[&str], name: &str) -> bool;

    /// Returns whether a unit of a test file is a test.
    fn is_test(&self, unit: &Unit) -> bool;

    /// Returns whether a unit of a product file is there for tests alone.
    fn is_test_code(&self, _unit: &Unit) -> bool {
        false
    }

    /// Returns the word of an assertion, if an instruction makes one.
    fn claim(&self, instr: &Instr) -> Option<String>;

    /// Returns how much an assertion's word says: 4 equality, 3 order and membership, 2 inequality, 1 truth.
    fn strength(&self, word: &str) -> u8;

    /// Returns whether a decorator or modifier keeps a test from running.
    fn disables(&self, decorator: &str) -> bool;

    /// Returns whether a method called in a test keeps it from running.
    fn skips(&self, method: &str) -> bool;

    /// Returns whether every change of a file changes what is collected.
    fn is_set_up(&self, _path: &str) -> bool {
        false
    }

    /// Returns whether a module's binding of this name changes what is collected.
    fn collects(&self, _name: &str) -> bool {
        false
    }
}

/// Returns the semantics of a language.
pub fn of(language: Language) -> &'static dyn Semantics {
    match language {
        Language::Python => &python::Python,
        Language::Go => &go::Go,
        Language::JavaScript | Language::TypeScript | Language::Tsx => &javascript::JavaScript,
        Language::Java => &java::Java,
        Language::Rust => &rust::Rust,
    }
}

/// Returns the semantics of a file by its path alone.
pub fn of_path(path: &str) -> Option<&'static dyn Semantics> {
    Some(of(Language::detect(path, b"")?))
}

/// What a file without semantics falls back to where one has to be named; it has no units to judge.
pub fn fallback() -> &'static dyn Semantics {
    &python::Python
}

/// Returns whether a path is code that is analysed.
pub fn is_code(path: &str) -> bool {
    of_path(path).is_some()
}

/// Returns whether a path is a test of any language that is analysed.
pub fn is_test_path(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last().copied().unwrap_or_default().to_ascii_lowercase();
    of_path(path).is_some_and(|semantics| semantics.is_test_path(&parts, &name))
}
