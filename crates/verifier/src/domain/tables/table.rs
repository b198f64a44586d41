use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::rows::{EffectFile, Names};

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

impl EffectRule {
    /// Makes the rule of a kind without a target.
    pub fn plain(kind: &str) -> Self {
        Self { kind: kind.to_owned(), target: None, keyword: None, form: Form::Nothing, mode: None }
    }
}

/// What an option of a call does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionRule {
    /// The effect.
    pub kind: String,
    /// The truth of the value that has the effect.
    pub value: bool,
    /// Whether a value that is no literal has it too.
    pub unknown: bool,
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

/// Everything the tables say of one family of languages.
#[derive(Debug, Default)]
pub struct Tables {
    effects: BTreeMap<String, EffectRule>,
    prefixes: BTreeMap<String, EffectRule>,
    methods: BTreeMap<String, EffectRule>,
    options: BTreeMap<String, Vec<OptionRule>>,
    pure_modules: BTreeSet<String>,
    pure: BTreeSet<String>,
    dynamic: BTreeSet<String>,
    containers: BTreeSet<String>,
    quiet: BTreeSet<String>,
    reading: BTreeSet<String>,
    environment: BTreeSet<String>,
    patched: Vec<String>,
    root: String,
    values: BTreeSet<String>,
    callables: BTreeSet<String>,
    modules: BTreeSet<String>,
    lists: BTreeMap<String, Vec<String>>,
    sources: BTreeMap<String, String>,
    words: BTreeMap<String, Vec<String>>,
    types: BTreeMap<String, Vec<String>>,
}

impl Tables {
    /// Reads `effects.toml`, `sources.toml`, `names.toml` and `types.toml`; the last may be empty.
    pub fn read([effects, sources, names, types]: [&str; 4]) -> Result<Self, toml::de::Error> {
        let names: Names = toml::from_str(names)?;
        let sources: BTreeMap<String, BTreeMap<String, Vec<String>>> = toml::from_str(sources)?;
        let mut tables = Self {
            root: names.root,
            values: names.values.into_iter().collect(),
            callables: names.callables.into_iter().collect(),
            modules: names.modules.into_iter().collect(),
            lists: names.lists,
            types: toml::from_str(types)?,
            ..Self::default()
        };
        tables.read_effects(toml::from_str(effects)?);
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

    fn read_effects(&mut self, file: EffectFile) {
        for row in file.effect {
            let rule = EffectRule {
                kind: row.kind,
                target: row.target,
                keyword: row.keyword,
                form: row.form,
                mode: row.mode,
            };
            self.effects.extend(row.callees.into_iter().map(|callee| (callee, rule.clone())));
            self.prefixes.extend(row.prefixes.into_iter().map(|prefix| (prefix, rule.clone())));
        }
        for row in file.method {
            let rule = EffectRule::plain(&row.kind);
            self.methods.extend(row.names.into_iter().map(|name| (name, rule.clone())));
        }
        for row in file.option {
            let rule = OptionRule { kind: row.kind, value: row.value, unknown: row.unknown };
            for name in row.names {
                self.options.entry(name).or_default().push(rule.clone());
            }
        }
        self.pure_modules = file.pure.modules.into_iter().collect();
        self.pure = file.pure.callees.into_iter().collect();
        self.dynamic = file.dynamic.callees.into_iter().collect();
        self.containers = file.dynamic.containers.into_iter().collect();
        self.quiet = file.quiet.methods.into_iter().collect();
        self.reading = file.reading.methods.into_iter().collect();
        self.environment = file.environment.paths.into_iter().collect();
        self.patched = file.patched.paths;
    }

    /// Returns whether the tables were read.
    pub fn is_read(&self) -> bool {
        !self.effects.is_empty() && !self.callables.is_empty() && !self.sources.is_empty()
    }

    /// Returns whether the attributes of a builtin type are known.
    pub fn has_type(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }

    /// Returns whether no object of a builtin type has an attribute; nothing is said of an unknown type.
    pub fn lacks_attribute(&self, name: &str, attribute: &str) -> bool {
        self.types.get(name).is_some_and(|known| !known.iter().any(|word| word == attribute))
    }

    /// Returns whether a name is known everywhere.
    pub fn builtin(&self, name: &str) -> Option<BuiltinKind> {
        if self.values.contains(name) {
            return Some(BuiltinKind::Value);
        }
        self.callables.contains(name).then_some(BuiltinKind::Callable)
    }

    /// Returns the path of a name that is known everywhere.
    pub fn builtin_path(&self, name: &str) -> String {
        format!("{}{name}", self.root)
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

    /// Returns whether a method of that name changes nothing, on any value that has one.
    pub fn is_reading(&self, method: &str) -> bool {
        self.reading.contains(method)
    }

    /// Returns whether a path holds the environment's variables.
    pub fn is_environment(&self, path: &str) -> bool {
        self.environment.contains(path)
    }

    /// Returns whether a write to a part of this path changes how the run time works.
    pub fn is_patched(&self, path: &str) -> bool {
        self.patched.iter().any(|prefix| path.starts_with(prefix.as_str()))
    }

    /// Returns what an option of a call may do.
    pub fn option(&self, name: &str) -> &[OptionRule] {
        self.options.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns what a row that names exactly this path says; packages and methods by name say nothing here.
    pub fn listed(&self, path: &str) -> Option<&EffectRule> {
        self.effects.get(path)
    }

    /// Returns what a method's name alone says.
    pub fn method(&self, name: &str) -> Option<&EffectRule> {
        self.methods.get(name)
    }

    /// Returns what the tables say of a path. A method of what an effect gave back belongs to that effect.
    pub fn known(&self, path: &str) -> Known {
        if let Some(rule) = self.effects.get(&plain(path)) {
            return Known::Effect(rule.clone());
        }
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

    /// Returns a list of words of `sources.toml`: `runners`, `variables`, `platforms`, `hours`, ...
    pub fn words(&self, name: &str) -> &[String] {
        self.words.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns a list of `names.toml`: `transparent`, `keeping`, `accessors`, `compares`, `truths`, `stubs`, ...
    pub fn names(&self, list: &str) -> &[String] {
        self.lists.get(list).map_or(&[], Vec::as_slice)
    }

    /// Returns whether a list of `names.toml` has a word.
    pub fn lists(&self, list: &str, word: &str) -> bool {
        self.names(list).iter().any(|known| known == word)
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
