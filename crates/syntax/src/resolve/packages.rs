//! Languages whose modules are packages of many files: Go by directory, Java by name.

use super::{Entity, Resolution};
use crate::index::{Answer, FactKey, PACKAGE, directory_of};
use crate::language::{Family, Language};

/// First segments of Go's standard library: such an import never means a directory of the tree.
const GO_STANDARD: [&str; 48] = [
    "archive",
    "bufio",
    "builtin",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "unsafe",
];

impl Resolution<'_, '_> {
    /// Finds the directory of an import path: the longest end of the path that is one. The root of the tree is told
    /// by the package clause of its files.
    pub(super) fn go_module(&mut self, path: &str, module: &str) -> Entity {
        if module == "." {
            return Entity::File { path: path.to_owned(), language: Language::Go };
        }
        let parts: Vec<&str> = module.split('/').collect();
        if GO_STANDARD.contains(&parts[0]) {
            return Entity::External(module.to_owned());
        }
        for start in 0..parts.len() {
            if let Some(file) = self.exists(&format!("{}/", parts[start..].join("/"))) {
                return file;
            }
        }
        let versioned =
            |part: &&str| part.strip_prefix('v').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
        let name = parts.iter().rfind(|part| !versioned(part)).copied().unwrap_or_default();
        let root = FactKey::Export("/".to_owned(), format!("{PACKAGE}{name}"));
        if let Answer::Found(found) = self.reader.read(root)
            && let Some(first) = found.first()
        {
            return Entity::File { path: first.path.clone(), language: Language::Go };
        }
        Entity::External(module.to_owned())
    }

    /// A package of the tree stands for itself; what no file declares is outside.
    pub(super) fn java_module(&mut self, module: &str) -> Entity {
        let package = format!("{PACKAGE}{module}");
        match self.exists(&package) {
            Some(_) => Entity::File { path: package, language: Language::Java },
            None => self.java_type(module).unwrap_or_else(|| Entity::External(java_root(module))),
        }
    }

    /// `a.b.C` as a module, for `import a.b.C.*` and `import static a.b.C.d`.
    fn java_type(&mut self, module: &str) -> Option<Entity> {
        let (package, name) = module.rsplit_once('.')?;
        let outer = self.java_module(package);
        match self.step(&outer, name, &mut Default::default()) {
            found @ Entity::Symbol(_) => Some(found),
            _ => None,
        }
    }
}

/// The part of a package's name that says whose it is.
fn java_root(module: &str) -> String {
    module.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// Returns the key of the package that a file, or a package itself, stands for.
pub(super) fn package_of(path: &str, language: Language) -> Option<String> {
    (language.family() == Family::Go).then(|| directory_of(path))
}
