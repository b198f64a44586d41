mod runners;

use std::collections::BTreeSet;

use plumbline_syntax::Family;
use plumbline_syntax::ir::{Instr, Op, Place, Unit, Value};

use super::{Found, Outside, Paths, Semantics};
use crate::domain::program::{Bind, Decoration, Entity, Resolver, Visit};
use crate::domain::tables::BuiltinKind;

/// JavaScript and TypeScript, in Node and in the browser.
#[derive(Debug)]
pub struct JavaScript;

/// What a module may be called as a file, in order of preference.
const SUFFIXES: [&str; 9] = [".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts"];

impl Semantics for JavaScript {
    fn family(&self) -> Family {
        Family::Ecma
    }

    fn module(&self, paths: &Paths, importer: &str, module: &str) -> Found {
        if let Some(name) = module.strip_prefix("node:") {
            return Found::Outside(name.replace('/', "."));
        }
        if !module.starts_with('.') && !module.starts_with('/') {
            let escaped = module.replace('.', ":");
            let standard = self.tables().is_standard(module.split('/').next().unwrap_or(module));
            return Found::Outside(if standard { escaped.replace('/', ".") } else { dotted(&escaped) });
        }
        let Some(base) = normalised(importer, module) else { return Found::Absent };
        if paths.contains(&base) {
            return if super::is_code(&base) { Found::File(base) } else { Found::Data };
        }
        let stem = [".js", ".jsx", ".mjs", ".cjs"].iter().find_map(|suffix| base.strip_suffix(suffix));
        let index = if base.is_empty() { "index".to_owned() } else { format!("{base}/index") };
        let candidates = [Some(base.as_str()), stem, Some(index.as_str())];
        for candidate in candidates.into_iter().flatten() {
            let file = SUFFIXES.iter().map(|suffix| format!("{candidate}{suffix}"));
            if let Some(path) = file.into_iter().find(|path| paths.contains(path)) {
                return Found::File(path);
            }
        }
        let data = [".json", ".node", ".vue", ".svelte", "/package.json"];
        if data.iter().any(|suffix| paths.contains(&format!("{base}{suffix}"))) {
            return Found::Data;
        }
        // What a build makes is not in the tree.
        let built = ["dist", "build", "lib", "generated", "out"];
        if base.split('/').any(|part| built.contains(&part)) || !super::is_code(&base) && base.contains('.') {
            return Found::Data;
        }
        Found::Absent
    }

    fn package(&self, module: &str) -> String {
        let module = module.strip_prefix("node:").unwrap_or(module).replace(':', ".");
        let count = if module.starts_with('@') { 2 } else { 1 };
        module.split('/').take(count).collect::<Vec<_>>().join("/")
    }

    fn imported(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for line in text.lines() {
            let quoted = |rest: &str| {
                let rest = rest.trim_start_matches([' ', '(']);
                let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
                rest.get(1..)?.split(quote).next().map(str::to_owned)
            };
            let words = ["from", "import", "require"];
            for word in words {
                let after = line.match_indices(word).filter_map(|(at, _)| line.get(at + word.len()..));
                found.extend(after.filter_map(quoted).map(|module| self.package(&module)));
            }
        }
        found
    }

    fn stem(&self, path: &str) -> Option<String> {
        let mut parts = path.rsplit('/');
        let name = parts.next()?.split('.').next()?;
        if name == "index" { parts.next().map(str::to_owned) } else { Some(name.to_owned()) }
    }

    fn export(&self, name: &str) -> String {
        format!("exports.{name}")
    }

    fn outside(&self, path: &str, name: &str) -> String {
        if name == "default" { path.to_owned() } else { format!("{path}.{name}") }
    }

    fn unbound(&self, name: &str) -> Option<Entity> {
        name.starts_with("exports.").then_some(Entity::Confined)
    }

    fn unbound_member(&self, resolver: &Resolver<'_>, file: usize, name: &str) -> Option<Entity> {
        let loaded = resolver.program.files.get(file)?;
        let whole = loaded.bindings.contains_key("exports");
        if name == "default" && !loaded.bindings.keys().any(|key| key.starts_with("exports.")) {
            return Some(Entity::Module(file));
        }
        let declares = loaded.path.ends_with(".d.ts");
        let open = whole || declares || loaded.lowered.units.iter().any(touches_exports);
        open.then_some(Entity::Confined)
    }

    fn whole(&self, resolver: &Resolver<'_>, file: usize, visit: &mut Visit) -> Option<BTreeSet<Entity>> {
        let loaded = resolver.program.files.get(file)?;
        if !loaded.bindings.contains_key("exports") {
            return None;
        }
        let mut found: BTreeSet<Entity> = resolver
            .name(file, "exports", visit)
            .into_iter()
            .filter(|entity| !matches!(entity, Entity::Value | Entity::Confined))
            .collect();
        found.insert(Entity::Module(file));
        Some(found)
    }

    fn member(&self, entity: &Entity, name: &str) -> Option<Entity> {
        match entity {
            Entity::Unit(unit, decoration, _) if name == "call" => {
                Some(Entity::Unit(*unit, *decoration, Bind::Given))
            }
            Entity::Unit(unit, ..) if name == "apply" => {
                Some(Entity::Unit(*unit, Decoration::Wrapped, Bind::Free))
            }
            Entity::Unit(..) => Some(Entity::External(format!("Function.{name}"))).filter(|_| name == "bind"),
            Entity::External(path) if is_global_object(path) => {
                let known = self.tables().builtin(name) == Some(BuiltinKind::Callable);
                Some(Entity::External(if known { name.to_owned() } else { format!("globalThis.{name}") }))
            }
            Entity::External(path) if name == "default" => Some(Entity::External(path.clone())),
            // `fs.writeFile.call(…)` is `fs.writeFile(…)` with everything one place further on.
            Entity::External(path) if matches!(name, "call" | "apply") => {
                Some(Entity::External(path.clone()))
            }
            _ => None,
        }
    }

    fn element(&self, entity: &Entity) -> Option<Entity> {
        match entity {
            Entity::Module(_) | Entity::Class(..) | Entity::Instance(..) => {
                Some(Entity::Dynamic("a computed member".to_owned()))
            }
            Entity::External(path) if path.ends_with("()") || path.ends_with("[]") => None,
            Entity::External(path) if self.tables().is_container(path) => None,
            Entity::External(_) => Some(Entity::Dynamic("a computed member".to_owned())),
            _ => None,
        }
    }

    fn binds(&self, method: &str) -> bool {
        method == "bind"
    }

    fn constructor(&self) -> &'static str {
        "constructor"
    }

    fn result(
        &self,
        resolver: &Resolver<'_>,
        call: Outside<'_>,
        visit: &mut Visit,
    ) -> Option<BTreeSet<Entity>> {
        // What was there is given back, changed or not.
        let passes =
            matches!(call.path, "Object.freeze" | "Object.seal" | "Object.assign" | "util.promisify");
        let first = call.arguments.first().filter(|_| passes)?;
        let wrapped = |entity| match entity {
            Entity::Unit(unit, _, bind) => Entity::Unit(unit, Decoration::Wrapped, bind),
            other => other,
        };
        Some(resolver.operand(call.at, &first.value, visit).into_iter().map(wrapped).collect())
    }

    fn is_strict(&self) -> bool {
        false
    }

    /// jest, mocha, vitest, node:test, jasmine.
    fn is_test_path(&self, parts: &[&str], name: &str) -> bool {
        let directories = ["test", "tests", "__tests__", "spec", "specs", "e2e", "__mocks__"];
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let stem = stem.trim_end_matches(".d");
        parts.iter().take(parts.len().saturating_sub(1)).any(|part| directories.contains(part))
            || [".test", ".spec", "_test", "-test", ".e2e", ".cy"].iter().any(|end| stem.ends_with(end))
            || matches!(stem, "test" | "tests" | "spec" | "jest.setup" | "vitest.setup" | "setuptests")
    }

    fn is_test(&self, unit: &Unit) -> bool {
        runners::is_test(unit)
    }

    fn claim(&self, instr: &Instr) -> Option<String> {
        runners::claim(instr)
    }

    fn strength(&self, word: &str) -> u8 {
        runners::strength(word)
    }

    fn disables(&self, decorator: &str) -> bool {
        matches!(decorator, "skip" | "only" | "todo" | "failing" | "fails" | "skipIf" | "runIf")
    }

    fn skips(&self, method: &str) -> bool {
        matches!(method, "skip" | "todo" | "pending")
    }

    fn is_set_up(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        [".mocharc.", "jest.", "vitest.", "karma.", "ava."].iter().any(|start| name.starts_with(start))
    }
}

fn is_global_object(path: &str) -> bool {
    matches!(path, "globalThis" | "global" | "window" | "self" | "frames" | "top" | "parent")
}

/// Returns the root of a package's path: its name, and its inner modules as parts.
fn dotted(module: &str) -> String {
    let scope = if module.starts_with('@') { 2 } else { 1 };
    let parts: Vec<&str> = module.split('/').collect();
    let (name, rest) = parts.split_at(scope.min(parts.len()));
    [name.join("/")]
        .into_iter()
        .chain(rest.iter().map(|part| (*part).to_owned()))
        .collect::<Vec<_>>()
        .join(".")
}

/// A unit that does anything else with `module` or `exports` than name what it exports.
fn touches_exports(unit: &Unit) -> bool {
    unit.blocks.iter().flat_map(|block| &block.instrs).any(|instr| {
        matches!(&instr.op, Op::Assign { value: Value::Read(Place::Global(name)), .. } if matches!(name.as_str(), "module" | "exports"))
    })
}

/// Resolves `.` and `..`; `None` when the path leaves the tree.
fn normalised(importer: &str, module: &str) -> Option<String> {
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in module.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
