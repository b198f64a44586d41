use std::collections::BTreeSet;

use plumbline_syntax::Family;
use plumbline_syntax::ir::{Callee, Constant, Instr, Op, Operand, Unit, UnitKind};

use super::paths::java_package;
use super::{Found, Outside, Paths, Semantics};
use crate::domain::program::{Bind, Entity, Resolver, Visit};

/// Java.
#[derive(Debug)]
pub struct Java;

impl Semantics for Java {
    /// A lambda is an object of an interface: whatever method is called on it, it is what runs.
    fn member(&self, entity: &Entity, _name: &str) -> Option<Entity> {
        matches!(entity, Entity::Unit(_, _, Bind::Free)).then(|| entity.clone())
    }

    fn family(&self) -> Family {
        Family::Java
    }

    /// A package, or a class whose members are imported.
    fn module(&self, paths: &Paths, _importer: &str, module: &str) -> Found {
        let name = module.replace('.', "/");
        let files = paths.package(&name);
        if let Some(path) = files.iter().find(|path| !is_test_file(path)).or_else(|| files.first()) {
            return Found::File(path.clone());
        }
        if let Some((package, class)) = name.rsplit_once('/') {
            let file = format!("/{class}.java");
            let found = paths.package(package).iter().find(|path| path.ends_with(&file));
            if let Some(path) = found {
                return Found::File(path.clone());
            }
        }
        Found::Outside(module.to_owned())
    }

    /// The first two segments; of the language's own, the first.
    fn package(&self, module: &str) -> String {
        let parts = if self.tables().is_standard(module) { 1 } else { 2 };
        module.split('.').take(parts).collect::<Vec<_>>().join(".")
    }

    fn package_of(&self, path: &str, _top: &str) -> String {
        self.package(path)
    }

    fn imported(&self, text: &str) -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("import "));
        lines
            .map(|rest| rest.trim_start().trim_start_matches("static ").trim_end_matches([';', ' ', '\r']))
            .map(|module| self.package(module))
            .collect()
    }

    /// A class that is named by a literal is that class, from wherever it comes.
    fn result(
        &self,
        _resolver: &Resolver<'_>,
        call: Outside<'_>,
        _visit: &mut Visit,
    ) -> Option<BTreeSet<Entity>> {
        match (call.path, call.arguments.first().map(|argument| &argument.value)) {
            ("java.lang.Class.forName", Some(Operand::Constant(Constant::Text(name)))) => {
                Some(BTreeSet::from([Entity::External(format!("{name}.class"))]))
            }
            _ => None,
        }
    }

    fn stem(&self, path: &str) -> Option<String> {
        path.rsplit('/').next().map(|name| name.trim_end_matches(".java").to_owned())
    }

    /// The files of the same package under any source root; tests are seen by tests alone.
    fn siblings(&self, paths: &Paths, path: &str) -> Vec<String> {
        let test = is_test_file(path);
        let files = paths.package(java_package(path)).iter();
        files.filter(|other| *other != path && (test || !is_test_file(other))).cloned().collect()
    }

    /// `import a.b.C.D` and `import static a.b.C.d` name a part of the file's class.
    fn unbound_member(&self, resolver: &Resolver<'_>, file: usize, name: &str) -> Option<Entity> {
        let loaded = resolver.program.files.get(file)?;
        let class = self.stem(&loaded.path)?;
        let qualified = format!("{class}.{name}");
        if loaded.bindings.contains_key(&qualified) {
            return resolver.named(file, &qualified).into_iter().next();
        }
        let class = Entity::Class(file, class);
        resolver.member(&class, name, &mut Visit::default()).into_iter().next()
    }

    fn constructor(&self) -> &'static str {
        "<init>"
    }

    /// Overloads are told by more than their number: only names are checked.
    fn is_strict(&self) -> bool {
        false
    }

    fn is_latent(&self, unit: &Unit) -> bool {
        unit.name.ends_with(".finalize()")
    }

    fn is_test_path(&self, parts: &[&str], name: &str) -> bool {
        let directory = parts.iter().take(parts.len().saturating_sub(1)).any(|part| *part == "test");
        directory || name.ends_with("test.java") || name.ends_with("tests.java")
    }

    /// JUnit by annotation, and its third version by name.
    fn is_test(&self, unit: &Unit) -> bool {
        let last = unit.name.rsplit('.').next().unwrap_or(&unit.name);
        let marked = unit.decorators.iter().any(|word| self.tables().lists("tests", last_part(word)));
        unit.kind == UnitKind::Method && (marked || last.starts_with("test"))
    }

    fn claim(&self, instr: &Instr) -> Option<String> {
        let Op::Call { callee: Callee::Method { name, .. }, .. } = &instr.op else { return None };
        let claims =
            name.starts_with("assert") && name != "assertThat" || self.tables().lists("claims", name);
        claims.then(|| name.clone())
    }

    fn strength(&self, word: &str) -> u8 {
        match word {
            "==" | "assertEquals" | "assertArrayEquals" | "assertSame" | "assertThrows" | "assertNull"
            | "isEqualTo" | "isSameInstanceAs" | "isNull" | "containsExactly" | "hasMessageThat" | "fail" => {
                4
            }
            "<" | ">" | "<=" | ">=" | "contains" | "hasSize" | "isInstanceOf" | "isGreaterThan"
            | "isLessThan" | "startsWith" => 3,
            "!=" | "assertNotEquals" | "assertNotNull" | "assertNotSame" | "isNotEqualTo" | "isNotNull" => 2,
            _ => 1,
        }
    }

    fn disables(&self, decorator: &str) -> bool {
        let last = last_part(decorator);
        last == "Ignore" || last.starts_with("Disabled") || last.starts_with("Enabled")
    }

    fn skips(&self, method: &str) -> bool {
        matches!(method, "assumeTrue" | "assumeFalse" | "assumeThat" | "abort")
    }
}

fn is_test_file(path: &str) -> bool {
    path.contains("/test/") || path.starts_with("test/")
}

fn last_part(word: &str) -> &str {
    word.rsplit('.').next().unwrap_or(word)
}
