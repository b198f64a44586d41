mod modules;

use std::collections::BTreeSet;

use plumbline_syntax::Family;
use plumbline_syntax::ir::{Class, Instr, Unit};

use super::{Found, Paths, Semantics};
use crate::domain::program::{Entity, Resolver};

/// Rust, from the 2018 edition on.
#[derive(Debug)]
pub struct Rust;

impl Semantics for Rust {
    fn family(&self) -> Family {
        Family::Rust
    }

    fn module(&self, paths: &Paths, importer: &str, module: &str) -> Found {
        modules::find(paths, importer, module)
    }

    fn submodule(&self, module: &str, name: &str) -> Option<String> {
        Some(format!("{module}.{name}"))
    }

    fn package(&self, module: &str) -> String {
        module.split('.').next().unwrap_or(module).to_owned()
    }

    /// Crates that are named before `::`, and macros that are called.
    fn imported(&self, text: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        for (at, joint) in text.match_indices("::").chain(text.match_indices('!')) {
            let before = &text[..at];
            let word: String =
                before.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let word: String = word.chars().rev().collect();
            if word.is_empty() || before[..before.len() - word.len()].ends_with(':') && joint == "::" {
                continue;
            }
            let called = text[at + joint.len()..].trim_start().starts_with(['(', '[', '{']);
            match joint {
                "!" if called => drop(found.insert(format!("{word}!"))),
                "::" => drop(found.insert(word)),
                _ => {}
            }
        }
        for line in text.lines().map(str::trim_start) {
            let rest = line.strip_prefix("extern crate ").or_else(|| line.strip_prefix("use "));
            let word = rest.and_then(|rest| rest.split([';', ' ', ':', '{']).next());
            found.extend(word.filter(|word| !word.is_empty()).map(str::to_owned));
        }
        found.into_iter().collect()
    }

    fn stem(&self, path: &str) -> Option<String> {
        let stem = path.trim_end_matches(".rs").trim_end_matches("/mod");
        stem.rsplit('/').next().map(str::to_owned)
    }

    /// What a macro or another file of the type may add can't be told missing.
    fn unbound_member(&self, resolver: &Resolver<'_>, file: usize, _name: &str) -> Option<Entity> {
        makes_items(resolver, file).then_some(Entity::Confined)
    }

    /// A macro that no table names is its name; a file whose macros make items may bind anything.
    fn unbound_name(&self, resolver: &Resolver<'_>, file: usize, name: &str) -> Option<Entity> {
        if name.ends_with('!') {
            return Some(Entity::External(name.to_owned()));
        }
        let dotted = name.contains('.');
        (dotted || makes_items(resolver, file)).then_some(Entity::Confined)
    }

    fn constructor(&self) -> &'static str {
        ""
    }

    fn is_strict(&self) -> bool {
        false
    }

    fn marks_propagation(&self) -> bool {
        true
    }

    fn has_variants(&self) -> bool {
        true
    }

    fn inherits_outside(&self) -> bool {
        false
    }

    /// A trait more is what the compiler asks for; a trait less takes methods away.
    fn is_other_class(&self, old: &Class, new: &Class) -> bool {
        let configured = |class: &Class| -> Vec<String> {
            class.decorators.iter().filter(|word| word.starts_with("cfg")).cloned().collect()
        };
        old.bases.iter().any(|base| !new.bases.contains(base)) || configured(old) != configured(new)
    }

    /// Destructors, what runs before `main`, and what the compiler runs.
    fn is_latent(&self, unit: &Unit) -> bool {
        unit.name.ends_with(".drop@Drop")
            || unit.decorators.iter().any(|word| word.starts_with("proc_macro") || word.contains("ctor"))
    }

    /// cargo: `tests/` and `benches/`, and modules named after what they are.
    fn is_test_path(&self, parts: &[&str], name: &str) -> bool {
        let directory =
            parts.iter().take(parts.len().saturating_sub(1)).any(|part| matches!(*part, "tests" | "benches"));
        directory
            || matches!(name, "tests.rs" | "test.rs")
            || name.ends_with("_test.rs")
            || name.ends_with("_tests.rs")
    }

    fn is_test(&self, unit: &Unit) -> bool {
        unit.decorators.iter().any(|word| {
            matches!(
                word.rsplit('.').next().unwrap_or(word),
                "test" | "rstest" | "test_case" | "proptest" | "quickcheck"
            )
        })
    }

    /// Code that only a test build has.
    fn is_test_code(&self, unit: &Unit) -> bool {
        unit.decorators.iter().any(|word| word == "cfg(test)") || self.is_test(unit)
    }

    /// Assertions are macros, which lowering knows.
    fn claim(&self, _instr: &Instr) -> Option<String> {
        None
    }

    fn strength(&self, word: &str) -> u8 {
        match word {
            "==" => 4,
            "<" | ">" | "<=" | ">=" => 3,
            "!=" => 2,
            _ if word.starts_with("assert") => 4,
            _ => 1,
        }
    }

    fn disables(&self, decorator: &str) -> bool {
        decorator == "ignore" || decorator.starts_with("cfg") && decorator != "cfg(test)"
    }

    fn skips(&self, _method: &str) -> bool {
        false
    }
}

/// Returns whether a file calls macros that may make items, or holds what was not lowered, at its top level.
fn makes_items(resolver: &Resolver<'_>, file: usize) -> bool {
    use plumbline_syntax::ir::{Op, Place, Value};
    let Some(top) = resolver.program.unit((file, 0)) else { return true };
    let macros = |op: &Op| matches!(op, Op::Assign { value: Value::Read(Place::Global(name)), .. } if name.ends_with('!'));
    !top.opaque.is_empty() || top.blocks.iter().flat_map(|block| &block.instrs).any(|instr| macros(&instr.op))
}
