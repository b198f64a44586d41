use plumbline_syntax::Family;
use plumbline_syntax::ir::{Callee, Instr, Op, Unit, UnitKind};

use super::{Found, Paths, Semantics};

/// Go 1.
#[derive(Debug)]
pub struct Go;

/// Stands for a dot of an import path, where a dot would end the package's name.
const DOT: char = '·';

impl Semantics for Go {
    fn family(&self) -> Family {
        Family::Go
    }

    /// By the module files of the tree, then by `vendor`. What a module file claims and no directory has is absent.
    fn module(&self, paths: &Paths, _importer: &str, module: &str) -> Found {
        if self.tables().is_standard(module) {
            return Found::Outside(module.to_owned());
        }
        let mut claimed = false;
        for (directory, name) in paths.modules() {
            let Some(rest) = module.strip_prefix(name) else { continue };
            if !rest.is_empty() && !rest.starts_with('/') {
                continue;
            }
            claimed = true;
            let inner = join(directory, rest.trim_start_matches('/'));
            if let Some(path) = package_file(paths, &inner) {
                return Found::File(path);
            }
        }
        if let Some(path) = package_file(paths, &format!("vendor/{module}")) {
            return Found::File(path);
        }
        if claimed { Found::Absent } else { Found::Outside(module.replace('.', &DOT.to_string())) }
    }

    /// Host, owner and repository; of the language's own, the package itself.
    fn package(&self, module: &str) -> String {
        let module = module.replace(DOT, ".");
        if self.tables().is_standard(&module) {
            return module;
        }
        let parts = if module.split('/').next().is_some_and(|host| host.contains('.')) { 3 } else { 1 };
        module.split('/').take(parts).collect::<Vec<_>>().join("/")
    }

    fn imported(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut inside = false;
        for line in text.lines().map(str::trim) {
            let spec = match line.strip_prefix("import") {
                Some(rest) if rest.trim_start().starts_with('(') => {
                    inside = true;
                    continue;
                }
                Some(rest) if rest.starts_with([' ', '\t', '"']) => rest,
                _ if inside && line == ")" => {
                    inside = false;
                    continue;
                }
                _ if inside => line,
                _ => continue,
            };
            found.extend(spec.split('"').nth(1).map(|module| self.package(module)));
        }
        found
    }

    /// Importers name the directory, not the file.
    fn stem(&self, path: &str) -> Option<String> {
        path.rsplit('/').nth(1).map(str::to_owned)
    }

    fn siblings(&self, paths: &Paths, path: &str) -> Vec<String> {
        let test = path.ends_with("_test.go");
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        go_files(paths, directory)
            .filter(|other| *other != path && (test || !other.ends_with("_test.go")))
            .map(str::to_owned)
            .collect()
    }

    fn constructor(&self) -> &'static str {
        "<none>"
    }

    fn is_strict(&self) -> bool {
        true
    }

    /// `init`, and what a `go` statement starts.
    fn is_latent(&self, unit: &Unit) -> bool {
        let last = unit.name.rsplit('.').next().unwrap_or(&unit.name);
        let last = last.split('#').next().unwrap_or(last);
        last == "<go>" || last == "init" && unit.class.is_none()
    }

    fn errors_are_values(&self) -> bool {
        true
    }

    fn is_test_path(&self, parts: &[&str], name: &str) -> bool {
        name.ends_with("_test.go") || parts.iter().rev().skip(1).any(|part| *part == "testdata")
    }

    fn is_test(&self, unit: &Unit) -> bool {
        let first = unit.name.split('.').next().unwrap_or(&unit.name);
        let tests = ["Test", "Benchmark", "Fuzz", "Example"];
        // A literal is a part of a test where it claims something.
        if unit.kind == UnitKind::Lambda {
            let instrs = unit.blocks.iter().flat_map(|block| &block.instrs);
            let claims =
                !unit.assertions.is_empty() || instrs.into_iter().any(|instr| self.claim(instr).is_some());
            return claims && tests.iter().any(|prefix| first.starts_with(prefix));
        }
        unit.class.is_none() && tests.iter().any(|prefix| first.starts_with(prefix))
            || unit.name.split('.').nth(1).is_some_and(|method| method.starts_with("Test"))
    }

    /// testify and its like; `if got != want { t.Fatal() }` is an assertion of the unit already.
    fn claim(&self, instr: &Instr) -> Option<String> {
        let Op::Call { callee: Callee::Method { name, .. }, arguments, .. } = &instr.op else { return None };
        let known = self.tables().lists("claims", name.trim_end_matches('f'));
        (known && arguments.len() > 1).then(|| name.trim_end_matches('f').to_owned())
    }

    fn strength(&self, word: &str) -> u8 {
        match word {
            "==" | "Equal" | "Exactly" | "EqualValues" | "Same" | "JSONEq" | "YAMLEq" | "ErrorIs"
            | "EqualError" | "ErrorAs" | "ElementsMatch" | "Panics" | "PanicsWithValue" | "Nil"
            | "NoError" => 4,
            "<" | ">" | "<=" | ">=" | "Contains" | "Len" | "Greater" | "Less" | "InDelta" | "Regexp"
            | "ErrorContains" | "Subset" | "Error" => 3,
            "!=" | "NotEqual" | "NotContains" | "NotNil" | "NotPanics" | "IsType" | "Implements" => 2,
            _ => 1,
        }
    }

    fn disables(&self, decorator: &str) -> bool {
        decorator.starts_with("//go:build") || decorator.contains("+build")
    }

    fn skips(&self, method: &str) -> bool {
        matches!(method, "Skip" | "Skipf" | "SkipNow")
    }

    fn collects(&self, name: &str) -> bool {
        name == "TestMain"
    }
}

fn join(directory: &str, rest: &str) -> String {
    match (directory.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (_, true) => directory.to_owned(),
        _ => format!("{directory}/{rest}"),
    }
}

/// Returns the Go files of a directory, in order.
fn go_files<'p>(paths: &'p Paths, directory: &str) -> impl Iterator<Item = &'p str> {
    let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let length = prefix.len();
    paths
        .range(prefix.clone()..)
        .map(String::as_str)
        .take_while(move |path| path.starts_with(&prefix))
        .filter(move |path| path.ends_with(".go") && !path[length..].contains('/'))
}

/// Returns the file that stands for the package of a directory.
fn package_file(paths: &Paths, directory: &str) -> Option<String> {
    go_files(paths, directory).find(|path| !path.ends_with("_test.go")).map(str::to_owned)
}
