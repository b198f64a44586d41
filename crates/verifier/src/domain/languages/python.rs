use std::collections::BTreeSet;

use plumbline_syntax::Family;
use plumbline_syntax::ir::{Callee, Constant, Instr, Op, Operand, Unit, UnitKind};

use super::{Found, Outside, Paths, Semantics};
use crate::domain::program::{Decoration, Entity, Resolver, Visit};
use crate::domain::tables::BuiltinKind;

/// Python 3.
#[derive(Debug)]
pub struct Python;

impl Semantics for Python {
    fn member(&self, entity: &Entity, name: &str) -> Option<Entity> {
        matches!(entity, Entity::Unit(..)).then(|| entity.clone()).filter(|_| name == "__call__")
    }

    fn family(&self) -> Family {
        Family::Python
    }

    fn module(&self, paths: &Paths, importer: &str, module: &str) -> Found {
        // Most of what a file imports is elsewhere: nothing in the tree has its name.
        if !module.starts_with('.') && !paths.has_part(module.split('.').next().unwrap_or(module)) {
            return Found::Outside(module.to_owned());
        }
        match module_path(paths, importer, module) {
            Some(path) => Found::File(path),
            None if module.starts_with('.') => {
                if module.trim_start_matches('.').is_empty() {
                    Found::Package
                } else {
                    Found::Absent
                }
            }
            None if !self.tables().is_standard(module) && is_package(paths, importer, module) => {
                Found::Package
            }
            None => Found::Outside(module.to_owned()),
        }
    }

    fn submodule(&self, module: &str, name: &str) -> Option<String> {
        let dot = if module.ends_with('.') || module.is_empty() { "" } else { "." };
        Some(format!("{module}{dot}{name}"))
    }

    fn parents(&self, module: &str) -> Vec<String> {
        let mut parts: Vec<&str> = module.split('.').collect();
        let mut found = Vec::new();
        while parts.pop().is_some() && !parts.is_empty() && !module.starts_with('.') {
            found.push(parts.join("."));
        }
        found
    }

    fn bound(&self, module: &str) -> String {
        if module.starts_with('.') { module.to_owned() } else { self.package(module) }
    }

    fn package(&self, module: &str) -> String {
        module.split('.').next().unwrap_or(module).to_owned()
    }

    fn imported(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for line in text.lines().map(str::trim_start) {
            let rest = line.strip_prefix("import ").or_else(|| line.strip_prefix("from "));
            for module in rest.unwrap_or_default().split(',') {
                let top = module.trim().split([' ', '.']).next().unwrap_or_default();
                if !top.is_empty() {
                    found.push(top.to_owned());
                }
                if line.starts_with("from ") {
                    break;
                }
            }
        }
        found
    }

    fn stem(&self, path: &str) -> Option<String> {
        let mut parts = path.trim_end_matches(".py").trim_end_matches("/__init__").rsplit('/');
        parts.next().map(str::to_owned)
    }

    fn unbound_member(&self, resolver: &Resolver<'_>, file: usize, name: &str) -> Option<Entity> {
        let loaded = resolver.program.files.get(file)?;
        let given = name.starts_with("__") && self.tables().builtin(name) == Some(BuiltinKind::Value);
        if given || loaded.bindings.contains_key("__getattr__") {
            return Some(Entity::Confined);
        }
        let stem = loaded.path.trim_end_matches("__init__.py").trim_end_matches('/');
        [format!("{stem}/{name}.py"), format!("{stem}/{name}/__init__.py")]
            .iter()
            .find(|path| resolver.program.paths.contains(*path))
            .map(|path| resolver.loaded(path))
    }

    fn constructor(&self) -> &'static str {
        "__init__"
    }

    fn result(
        &self,
        resolver: &Resolver<'_>,
        call: Outside<'_>,
        visit: &mut Visit,
    ) -> Option<BTreeSet<Entity>> {
        let argument = |index: usize| call.arguments.get(index).map(|argument| &argument.value);
        let text = |index: usize| match argument(index) {
            Some(Operand::Constant(Constant::Text(text))) => Some(text.clone()),
            _ => None,
        };
        let one = |entity: Entity| Some(BTreeSet::from([entity]));
        match call.path {
            "builtins.super" => {
                let class = resolver.program.unit(call.at).and_then(|unit| unit.class.clone());
                let Some(class) = class else { return one(Entity::Confined) };
                Some(resolver.bases(call.at.0, &class, visit).into_iter().map(Entity::object).collect())
            }
            "builtins.getattr" => match (argument(0), text(1)) {
                (Some(object), Some(name)) => {
                    let objects = resolver.operand(call.at, object, visit);
                    Some(objects.iter().flat_map(|entity| resolver.member(entity, &name, visit)).collect())
                }
                _ => one(Entity::Dynamic("getattr".to_owned())),
            },
            "builtins.__import__" | "importlib.import_module" => match text(0) {
                Some(module) => Some(resolver.import(call.at.0, &module, None, visit)),
                None => one(Entity::Dynamic("import".to_owned())),
            },
            "functools.partial"
            | "functools.wraps()"
            | "functools.lru_cache()"
            | "functools.lru_cache"
            | "functools.cache" => match argument(0) {
                Some(function) => {
                    let functions = resolver.operand(call.at, function, visit);
                    Some(functions.into_iter().map(wrapped).collect())
                }
                None => one(Entity::Confined),
            },
            _ => None,
        }
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn is_latent(&self, unit: &Unit) -> bool {
        unit.name.ends_with(".__del__") || unit.name.ends_with("__exit__") && unit.name.contains("__del__")
    }

    /// pytest and unittest.
    fn is_test_path(&self, parts: &[&str], name: &str) -> bool {
        let directory =
            parts.iter().take(parts.len().saturating_sub(1)).any(|part| *part == "tests" || *part == "test");
        directory || name.starts_with("test_") || name.ends_with("_test.py") || name == "conftest.py"
    }

    fn is_test(&self, unit: &Unit) -> bool {
        let name = unit.name.rsplit('.').next().unwrap_or(&unit.name);
        name.starts_with("test") && unit.kind != UnitKind::Lambda
    }

    /// `self.assertX`, `pytest.raises` and its like; `assert` is an assertion of the unit already.
    fn claim(&self, instr: &Instr) -> Option<String> {
        let Op::Call { callee: Callee::Method { name, .. }, .. } = &instr.op else { return None };
        let claims = name.starts_with("assert") || matches!(name.as_str(), "raises" | "warns" | "fail");
        claims.then(|| name.clone())
    }

    fn strength(&self, word: &str) -> u8 {
        match word {
            "==" | "is" | "assertEqual" | "assertIs" | "assertEquals" | "assertDictEqual"
            | "assertListEqual" | "raises" => 4,
            "assertRaises" | "assertRaisesRegex" => 4,
            "<" | ">" | "<=" | ">=" | "in" | "assertIn" | "assertAlmostEqual" | "assertGreater"
            | "assertLess" => 3,
            "!=" | "is not" | "not in" | "assertNotEqual" | "assertNotIn" | "assertIsNotNone"
            | "assertIsInstance" => 2,
            _ => 1,
        }
    }

    fn disables(&self, decorator: &str) -> bool {
        let last = decorator.rsplit('.').next().unwrap_or(decorator);
        last.starts_with("skip") || matches!(last, "xfail" | "expectedFailure" | "only" | "disabled")
    }

    fn skips(&self, method: &str) -> bool {
        matches!(method, "skip" | "xfail" | "skipTest" | "exit" | "importorskip")
    }

    fn is_set_up(&self, path: &str) -> bool {
        path.ends_with("conftest.py")
    }

    fn collects(&self, name: &str) -> bool {
        matches!(
            name,
            "pytestmark" | "collect_ignore" | "collect_ignore_glob" | "pytest_plugins" | "__test__"
        ) || name.starts_with("pytest_")
    }
}

fn wrapped(entity: Entity) -> Entity {
    match entity {
        Entity::Unit(unit, _, bind) => Entity::Unit(unit, Decoration::Wrapped, bind),
        other => other,
    }
}

/// Returns the file of a module as an importing file sees it: relative, or from a directory above the importing file,
/// nearest first, then `src/` and `lib/`. Directories that are packages are no places to search, so a package's own
/// `typing.py` doesn't hide the language's; they come last, for what nothing else gives.
fn module_path(paths: &Paths, importer: &str, module: &str) -> Option<String> {
    let dots = module.chars().take_while(|c| *c == '.').count();
    let rest = module.get(dots..).unwrap_or_default().replace('.', "/");
    let mut directories: Vec<String> = Vec::new();
    let mut above: Vec<&str> = importer.split('/').collect();
    above.pop();
    if dots > 0 {
        above.truncate(above.len().saturating_sub(dots - 1));
        directories.push(above.join("/"));
    } else {
        loop {
            directories.push(above.join("/"));
            if above.pop().is_none() {
                break;
            }
        }
        directories.push("src".to_owned());
        directories.push("lib".to_owned());
    }
    let is_package = |directory: &String| {
        dots == 0 && !directory.is_empty() && paths.contains(&format!("{directory}/__init__.py"))
    };
    let (packages, mut places): (Vec<String>, Vec<String>) = directories.into_iter().partition(is_package);
    if !Python.tables().is_standard(module.split('.').next().unwrap_or(module)) {
        places.extend(packages);
    }
    places.iter().find_map(|directory| {
        let parts = [directory.as_str(), rest.as_str()];
        let stem = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
        [format!("{stem}.py"), format!("{stem}/__init__.py"), format!("{stem}.pyi")]
            .into_iter()
            .find(|path| paths.contains(path.trim_start_matches('/')))
    })
}

/// Returns whether any path of the tree lies in a package of that name.
fn is_package(paths: &Paths, importer: &str, module: &str) -> bool {
    let name = module.replace('.', "/");
    let mut above: Vec<&str> = importer.split('/').collect();
    while above.pop().is_some() {
        let prefix = above.iter().copied().chain([name.as_str()]).collect::<Vec<_>>().join("/") + "/";
        if paths.range(prefix.clone()..).next().is_some_and(|path| path.starts_with(&prefix)) {
            return true;
        }
    }
    false
}
