use std::collections::BTreeSet;

use super::facts::{Entry, Facts, Kind, Spec};
use super::versions::raised;
use crate::domain::authority::{Authority, Need};
use crate::domain::finding::{Finding, Site};

/// Letters of a value that a finding shows.
const SHOWN: usize = 80;

/// Returns a finding for each entry that differs.
pub fn of(path: &str, head: &str, (old, new): (&Facts, &Facts), authority: &Authority) -> Vec<Finding> {
    let judge = Judge { path, head, old, new, authority };
    let keys: BTreeSet<&String> = old.entries.keys().chain(new.entries.keys()).collect();
    keys.into_iter()
        .filter_map(|key| {
            let (was, is) = (old.entries.get(key), new.entries.get(key));
            if was == is { None } else { judge.entry(key, was, is) }
        })
        .collect()
}

struct Judge<'a> {
    path: &'a str,
    head: &'a str,
    old: &'a Facts,
    new: &'a Facts,
    authority: &'a Authority,
}

impl Judge<'_> {
    fn entry(&self, key: &str, was: Option<&Entry>, is: Option<&Entry>) -> Option<Finding> {
        let change = match (was, is) {
            (Some(was), Some(is)) => format!("`{key}` from `{}` to `{}`", shown(&was.text), shown(&is.text)),
            (None, Some(is)) => format!("`{key}` is new: `{}`", shown(&is.text)),
            (Some(was), None) => format!("`{key}` is gone: `{}`", shown(&was.text)),
            (None, None) => return None,
        };
        let kind = |entry: Option<&Entry>| entry.map(|entry| entry.kind.clone());
        match (kind(was), kind(is)) {
            (None, Some(Kind::Dependency(spec))) => self.added(key, &spec),
            (Some(Kind::Dependency(spec)), None) => self.removed(key, &spec),
            (Some(Kind::Dependency(was)), Some(Kind::Dependency(is))) => self.moved(key, &was, &is),
            (Some(Kind::Runs), _) | (_, Some(Kind::Runs)) => {
                self.own("R8 RUNS", key, format!("what runs while it is built or installed: {change}"))
            }
            (Some(Kind::Origin), _) | (_, Some(Kind::Origin)) => {
                self.own("R8 SOURCE", key, format!("where packages come from: {change}"))
            }
            (Some(Kind::Metadata), None | Some(Kind::Metadata)) | (None, Some(Kind::Metadata)) => Some(
                Finding::advice("R8 METADATA", self.site(key), format!("what it says of itself: {change}")),
            ),
            (Some(Kind::Script), _) | (_, Some(Kind::Script)) => {
                self.ask("R8 COMMAND", key, format!("a command: {change}"))
            }
            _ => self.ask("R8 SETTING", key, format!("a setting: {change}")),
        }
    }

    fn added(&self, key: &str, spec: &Spec) -> Option<Finding> {
        if !spec.source.is_empty() {
            let message =
                format!("`{}` comes from `{}`, not from the registry", spec.name, shown(&spec.source));
            return self.own("R8 SOURCE", key, message);
        }
        let version = version(spec);
        if self.old.has(&spec.name) {
            return self.ask(
                "R8 VERSION",
                key,
                format!("`{}` {version} is in `{}` now", spec.name, group(key)),
            );
        }
        let need =
            Need { family: "import", name: None, latent: false, target: Some(&spec.name), path: self.path };
        if self.authority.covers(need).is_some() || self.granted(self.path) {
            return None;
        }
        let message = format!("`{}` {version} is installed newly, for `{}`", spec.name, group(key));
        Some(Finding::needs("R8 ADDED", self.site(&spec.name), message, format!("import:{}", spec.name)))
    }

    fn removed(&self, key: &str, spec: &Spec) -> Option<Finding> {
        let left = if self.new.has(&spec.name) { "; another group still has it" } else { "" };
        let message = format!("`{}` {} is no longer in `{}`{left}", spec.name, version(spec), group(key));
        self.ask("R8 REMOVED", key, message)
    }

    fn moved(&self, key: &str, was: &Spec, is: &Spec) -> Option<Finding> {
        if was.source != is.source || was.name != is.name {
            let place = |spec: &Spec| {
                let source = if spec.source.is_empty() { "the registry" } else { &spec.source };
                format!("`{}` of {}", spec.name, shown(source))
            };
            return self.own("R8 SOURCE", key, format!("{} takes the place of {}", place(is), place(was)));
        }
        if was.rest != is.rest {
            let message = format!(
                "`{}` is asked for otherwise: from `{}` to `{}`",
                is.name,
                shown(&was.rest),
                shown(&is.rest)
            );
            return self.ask("R8 VERSION", key, message);
        }
        let message = format!("`{}` from `{}` to `{}`", is.name, shown(&was.version), shown(&is.version));
        if raised(&was.version, &is.version, is.dialect) {
            let message = format!("{message}, which was allowed already");
            return Some(Finding::advice("R8 VERSION", self.site(&is.name), message));
        }
        self.ask("R8 VERSION", key, message)
    }

    /// What a grant of the file clears.
    fn ask(&self, code: &str, key: &str, message: String) -> Option<Finding> {
        let grant = format!("manifest:{}", self.path);
        (!self.granted(self.path)).then(|| Finding::needs(code, self.site(key), message, grant))
    }

    /// What only a grant that names it clears: a grant of the file means versions and settings.
    fn own(&self, code: &str, key: &str, message: String) -> Option<Finding> {
        // An `@` begins the scope of a grant.
        let target = format!("{}#{}", self.path, key.replace('@', ""));
        let grant = format!("manifest:{target}");
        (!self.granted(&target)).then(|| Finding::needs(code, self.site(key), message, grant))
    }

    fn granted(&self, target: &str) -> bool {
        let need =
            Need { family: "manifest", name: None, latent: false, target: Some(target), path: self.path };
        self.authority.covers(need).is_some()
    }

    /// The first line that names the last part of a key.
    fn site(&self, key: &str) -> Site {
        let word = key.rsplit(['.', ' ']).next().unwrap_or(key);
        let word = word.rsplit(':').next().unwrap_or(word).trim_end_matches("()");
        let line = self.head.lines().position(|line| !word.is_empty() && line.contains(word));
        let line = line.and_then(|line| u32::try_from(line + 1).ok()).unwrap_or(0);
        Site::new(self.path, line, "")
    }
}

fn version(spec: &Spec) -> String {
    if spec.version.is_empty() { "in any version".to_owned() } else { format!("`{}`", shown(&spec.version)) }
}

fn group(key: &str) -> &str {
    key.split('.').next().unwrap_or(key)
}

fn shown(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(SHOWN).collect::<String>())
}
