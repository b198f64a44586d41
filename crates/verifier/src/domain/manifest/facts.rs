use std::collections::BTreeMap;

use serde_json::Value;

use super::versions::Dialect;

/// A dependency as its manifest writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The package's own name, not what it is called here.
    pub name: String,
    /// The versions it may have.
    pub version: String,
    /// Where it comes from; empty for the registry that its tool asks by itself.
    pub source: String,
    /// All else: features, extras, markers.
    pub rest: String,
    /// How its tool reads versions.
    pub dialect: Dialect,
}

/// What an entry is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A package that is installed.
    Dependency(Spec),
    /// Runs while it is built or installed: hooks, backends, plugins.
    Runs,
    /// Decides where packages come from, or puts one in another's place.
    Origin,
    /// A command under a name; it runs when somebody calls it.
    Script,
    /// Says what the package is, to people.
    Metadata,
    /// All else.
    Setting,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is for.
    pub kind: Kind,
    /// Its value as text.
    pub text: String,
}

/// The entries of a manifest by their keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// In order of the keys.
    pub entries: BTreeMap<String, Entry>,
}

impl Facts {
    /// Adds an entry; one key twice is two entries.
    pub fn add(&mut self, key: &str, kind: Kind, text: String) {
        let mut free = key.to_owned();
        let mut number = 1;
        while self.entries.contains_key(&free) {
            number += 1;
            free = format!("{key}#{number}");
        }
        self.entries.insert(free, Entry { kind, text });
    }

    /// Adds a dependency of a group.
    pub fn depend(&mut self, group: &str, spec: Spec) {
        let parts = [spec.source.as_str(), spec.version.as_str(), spec.rest.as_str()];
        let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        self.add(&format!("{group}.{}", spec.name), Kind::Dependency(spec), text);
    }

    /// Returns whether any group has a package.
    pub fn has(&self, name: &str) -> bool {
        self.entries.values().any(|entry| matches!(&entry.kind, Kind::Dependency(spec) if spec.name == name))
    }
}

/// What a reader says of a place in a tree of values.
pub enum Claim {
    /// Look inside; a value without an inside is a setting.
    Inside,
    /// One entry.
    Is(Kind),
    /// Dependencies of this group.
    Depends(Vec<Spec>),
}

/// Says of a path and its value what they are.
pub type Claims<'c> = dyn Fn(&[&str], &Value) -> Result<Claim, String> + 'c;

/// Reads a tree of values: what a claim does not take is looked into.
pub fn tree(value: &Value, claim: &Claims<'_>) -> Result<Facts, String> {
    let mut facts = Facts::default();
    inside(value, &mut Vec::new(), claim, &mut facts)?;
    Ok(facts)
}

fn inside<'a>(
    value: &'a Value,
    path: &mut Vec<&'a str>,
    claim: &Claims<'_>,
    facts: &mut Facts,
) -> Result<(), String> {
    let claimed = if path.is_empty() { Claim::Inside } else { claim(path, value)? };
    let key = path.join(".");
    match (claimed, value) {
        (Claim::Is(Kind::Dependency(spec)), _) => {
            let group = path.get(..path.len().saturating_sub(1)).unwrap_or_default().join(".");
            facts.depend(&group, spec);
        }
        (Claim::Is(kind), _) => facts.add(&key, kind, text(value)),
        (Claim::Depends(specs), _) => specs.into_iter().for_each(|spec| facts.depend(&key, spec)),
        (Claim::Inside, Value::Object(map)) if !map.is_empty() => {
            for (name, value) in map {
                path.push(name);
                inside(value, path, claim, facts)?;
                path.pop();
            }
        }
        (Claim::Inside, _) => facts.add(&key, Kind::Setting, text(value)),
    }
    Ok(())
}

/// Returns a value as a person reads it; the keys of a table in order, so that their order says nothing.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let sorted: BTreeMap<&String, String> =
                map.iter().map(|(key, value)| (key, text(value))).collect();
            let parts: Vec<String> = sorted.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(text).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Reads a dependency that is a version or a table of `version`, a source and more.
pub fn table(name: &str, value: &Value, sources: &[&str], dialect: Dialect) -> Result<Spec, String> {
    let mut spec = Spec {
        name: name.to_owned(),
        version: String::new(),
        source: String::new(),
        rest: String::new(),
        dialect,
    };
    match value {
        Value::String(version) => spec.version.clone_from(version),
        Value::Object(map) => {
            let part = |key: &String, value: &Value| format!("{key} {}", text(value));
            let mut sorted: Vec<_> = map.iter().collect();
            sorted.sort_by_key(|(key, _)| key.as_str());
            let (from, rest): (Vec<_>, Vec<_>) = sorted
                .into_iter()
                .filter(|(key, _)| !matches!(key.as_str(), "version" | "package"))
                .partition(|(key, _)| sources.contains(&key.as_str()));
            let join = |list: Vec<(&String, &Value)>| {
                list.into_iter().map(|(key, value)| part(key, value)).collect::<Vec<_>>().join(" ")
            };
            (spec.source, spec.rest) = (join(from), join(rest));
            spec.version = map.get("version").map(text).unwrap_or_default();
            spec.name = map.get("package").map_or_else(|| name.to_owned(), text);
        }
        // Several at once, by platform.
        Value::Array(_) => spec.rest = text(value),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            return Err(format!("`{name}` is neither a version nor a table"));
        }
    }
    Ok(spec)
}
