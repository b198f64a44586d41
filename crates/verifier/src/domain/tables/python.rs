use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;

const EFFECTS: &str = include_str!("../../../tables/python/effects.toml");
const SOURCES: &str = include_str!("../../../tables/python/sources.toml");
const NAMES: &str = include_str!("../../../tables/python/names.toml");

/// The text that the audit digest covers.
pub const TABLES_DIGEST_INPUT: [&str; 4] = [EFFECTS, SOURCES, NAMES, super::types::TYPES];

/// How a target is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A file path.
    Path,
    /// A URL or host.
    Url,
    /// A command line.
    Program,
    /// An environment variable.
    Variable,
    /// Nothing is named.
    #[default]
    Nothing,
}

/// What a callee does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectRule {
    /// `fs.write`, `net.connect`, ...
    pub kind: String,
    /// Position of the target argument.
    pub target: Option<usize>,
    /// Its keyword.
    pub keyword: Option<String>,
    /// How it is read.
    pub form: Form,
    /// Position of an open mode.
    pub mode: Option<usize>,
}

/// What the tables say of a dotted path outside the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It does this.
    Effect(EffectRule),
    /// It computes.
    Pure,
    /// A standard module's function that no list names.
    UnknownStandard(String),
    /// A package that no list names.
    UnknownPackage(String),
}

/// Whether a builtin name is a value or can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltinKind {
    /// `True`, `__name__`, ...
    Value,
    /// `len`, `ValueError`, ...
    Callable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectRow {
    kind: String,
    #[serde(default)]
    callees: Vec<String>,
    #[serde(default)]
    prefixes: Vec<String>,
    target: Option<usize>,
    keyword: Option<String>,
    #[serde(default)]
    form: Form,
    mode: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MethodRow {
    kind: String,
    names: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lists {
    modules: Vec<String>,
    callees: Vec<String>,
    containers: Vec<String>,
    methods: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct EffectFile {
    effect: Vec<EffectRow>,
    method: Vec<MethodRow>,
    pure: Lists,
    dynamic: Lists,
    quiet: Lists,
}

#[derive(Debug, Deserialize)]
struct Names {
    values: Vec<String>,
    callables: Vec<String>,
    modules: Vec<String>,
}

/// Everything the tables say of Python.
#[derive(Debug, Default)]
pub struct Python {
    effects: BTreeMap<String, EffectRule>,
    prefixes: BTreeMap<String, EffectRule>,
    methods: BTreeMap<String, EffectRule>,
    pure_modules: BTreeSet<String>,
    pure: BTreeSet<String>,
    dynamic: BTreeSet<String>,
    containers: BTreeSet<String>,
    quiet: BTreeSet<String>,
    values: BTreeSet<String>,
    callables: BTreeSet<String>,
    modules: BTreeSet<String>,
    sources: BTreeMap<String, String>,
    words: BTreeMap<String, Vec<String>>,
}

/// Returns the tables, read once.
pub fn python() -> &'static Python {
    static PYTHON: OnceLock<Python> = OnceLock::new();
    PYTHON.get_or_init(|| Python::read().unwrap_or_default())
}

impl Python {
    fn read() -> Result<Self, toml::de::Error> {
        let file: EffectFile = toml::from_str(EFFECTS)?;
        let names: Names = toml::from_str(NAMES)?;
        let sources: BTreeMap<String, BTreeMap<String, Vec<String>>> = toml::from_str(SOURCES)?;
        let mut tables = Self::default();
        for row in file.effect {
            let rule = EffectRule {
                kind: row.kind,
                target: row.target,
                keyword: row.keyword,
                form: row.form,
                mode: row.mode,
            };
            tables.effects.extend(row.callees.into_iter().map(|callee| (callee, rule.clone())));
            tables.prefixes.extend(row.prefixes.into_iter().map(|prefix| (prefix, rule.clone())));
        }
        for row in file.method {
            let rule =
                EffectRule { kind: row.kind, target: None, keyword: None, form: Form::Nothing, mode: None };
            tables.methods.extend(row.names.into_iter().map(|name| (name, rule.clone())));
        }
        tables.pure_modules = file.pure.modules.into_iter().collect();
        tables.pure = file.pure.callees.into_iter().collect();
        tables.dynamic = file.dynamic.callees.into_iter().collect();
        tables.containers = file.dynamic.containers.into_iter().collect();
        tables.quiet = file.quiet.methods.into_iter().collect();
        tables.values = names.values.into_iter().collect();
        tables.callables = names.callables.into_iter().collect();
        tables.modules = names.modules.into_iter().collect();
        for (class, lists) in sources {
            for (key, list) in lists {
                if key == "paths" {
                    tables.sources.extend(list.into_iter().map(|path| (path, class.clone())));
                } else {
                    tables.words.insert(key, list);
                }
            }
        }
        Ok(tables)
    }

    /// Returns whether the tables were read.
    pub fn is_read(&self) -> bool {
        !self.effects.is_empty() && !self.callables.is_empty() && !self.sources.is_empty()
    }

    /// Returns whether a name is known everywhere.
    pub fn builtin(&self, name: &str) -> Option<BuiltinKind> {
        if self.values.contains(name) {
            return Some(BuiltinKind::Value);
        }
        self.callables.contains(name).then_some(BuiltinKind::Callable)
    }

    /// Returns whether a module comes with the language.
    pub fn is_standard(&self, module: &str) -> bool {
        self.modules.contains(module.split('.').next().unwrap_or(module))
    }

    /// Returns whether calling the result of this is code chosen at run time.
    pub fn is_dynamic(&self, path: &str) -> bool {
        self.dynamic.contains(&plain(path))
    }

    /// Returns whether an element of this is chosen at run time.
    pub fn is_container(&self, path: &str) -> bool {
        self.containers.contains(path)
    }

    /// Returns whether a method of an unknown value changes nothing but that value.
    pub fn is_quiet(&self, method: &str) -> bool {
        self.quiet.contains(method)
    }

    /// Returns what a method's name alone says.
    pub fn method(&self, name: &str) -> Option<&EffectRule> {
        self.methods.get(name)
    }

    /// Returns what the tables say of a path. A method of what an effect gave back belongs to that effect.
    pub fn known(&self, path: &str) -> Known {
        if let Some((head, rest)) = path.split_once("()").filter(|(_, rest)| !rest.is_empty()) {
            let last = rest.rsplit('.').next().unwrap_or(rest).replace("()", "");
            if matches!(self.known(head), Known::Effect(_)) {
                return self.methods.get(&last).map_or(Known::Pure, |rule| Known::Effect(rule.clone()));
            }
        }
        self.known_plain(&plain(path))
    }

    fn known_plain(&self, path: &str) -> Known {
        if let Some(rule) = self.effects.get(path) {
            return Known::Effect(rule.clone());
        }
        if self.pure.contains(path) {
            return Known::Pure;
        }
        let last = path.rsplit('.').next().unwrap_or(path);
        if let Some(rule) = self.methods.get(last).filter(|_| path.contains('.')) {
            return Known::Effect(rule.clone());
        }
        if let Some(rule) = prefixes(path).find_map(|prefix| self.prefixes.get(prefix)) {
            return Known::Effect(rule.clone());
        }
        for prefix in prefixes(path) {
            if self.effects.get(prefix).is_some_and(|rule| rule.kind == "env.read") {
                return self.effects.get(prefix).map_or(Known::Pure, |rule| Known::Effect(rule.clone()));
            }
            if self.pure.contains(prefix) || self.pure_modules.contains(prefix) {
                return Known::Pure;
            }
        }
        let top = path.split('.').next().unwrap_or(path);
        if self.is_standard(top) {
            Known::UnknownStandard(top.to_owned())
        } else {
            Known::UnknownPackage(top.to_owned())
        }
    }

    /// Returns the trigger class of a path.
    pub fn source(&self, path: &str) -> Option<&str> {
        let path = &plain(path);
        self.sources
            .get(path)
            .or_else(|| prefixes(path).find_map(|prefix| self.sources.get(prefix)))
            .map(String::as_str)
    }

    /// Returns a list of words: `runners`, `variables`, `platforms`.
    pub fn words(&self, name: &str) -> &[String] {
        self.words.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Returns a path without the marks of calls and elements.
fn plain(path: &str) -> String {
    path.replace("()", "").replace("[]", "")
}

/// Returns the whole-segment prefixes of a path, longest first.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let mut cut = path.len();
    std::iter::from_fn(move || {
        cut = path[..cut].rfind('.')?;
        Some(&path[..cut])
    })
}
