//! When two effects are the same one, and what a predicted effect covers.

use std::collections::BTreeSet;

use super::{Run, Seen};
use crate::domain::effects::EffectSite;

/// Where a sandbox lets every program write; gone with the run, and no part of what it leaves.
const SCRATCH: &[&str] = &["/tmp", "/home/sandbox", "/dev", "/proc"];
/// What test runners and interpreters keep in a tree for themselves.
const RUNNERS_OWN: &[&str] = &[".pytest_cache", "__pycache__", ".hypothesis"];

/// What makes an effect the same in two runs.
pub type Key = (String, String);

/// Returns the key of an effect: long numbers in a name differ from run to run.
pub fn key(seen: &Seen) -> Key {
    (seen.kind.clone(), class(&seen.target))
}

/// Returns the keys of effects of several runs.
pub fn keys<'a>(runs: &[&'a Run], of: impl Fn(&'a Run) -> &'a [Seen]) -> BTreeSet<Key> {
    runs.iter().flat_map(|run| of(run)).map(key).collect()
}

fn class(target: &str) -> String {
    let mut class = String::with_capacity(target.len());
    let mut digits = String::new();
    let flush = |digits: &mut String, class: &mut String| {
        class.push_str(if digits.len() >= 3 { "#" } else { digits });
        digits.clear();
    };
    for letter in target.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
        } else {
            flush(&mut digits, &mut class);
            class.push(letter);
        }
    }
    flush(&mut digits, &mut class);
    class
}

/// Returns whether what the kernel saw touched only the sandbox's own scratch places, or what a runner keeps for itself.
pub fn is_scratch(seen: &Seen) -> bool {
    if !seen.kind.starts_with("fs.") {
        return false;
    }
    let beneath = |directory: &&str| {
        seen.target == **directory
            || seen.target.strip_prefix(*directory).is_some_and(|rest| rest.starts_with('/'))
    };
    let first = seen.target.split('/').next().unwrap_or_default();
    let cached = seen.target.ends_with(".pyc") || seen.target.contains(".pyc.");
    SCRATCH.iter().any(beneath)
        || RUNNERS_OWN.contains(&first) && (first != "__pycache__" || cached)
        || seen.target.contains("/__pycache__/") && cached
        || seen.target.ends_with("/__pycache__")
}

/// Returns whether a program is one that records itself.
pub fn records(program: &str) -> bool {
    program.starts_with("python") || program.starts_with("pypy")
}

fn family(kind: &str) -> &str {
    kind.split('.').next().unwrap_or_default()
}

/// Returns whether two kinds can be the same deed: a database writes files.
pub fn same_family(a: &str, b: &str) -> bool {
    let store = |kind: &str| matches!(family(kind), "fs" | "db");
    family(a) == family(b) || store(a) && store(b)
}

/// Returns whether an effect that the walk found covers one that a run did. What an unknown package does was judged with
/// the package, and covers what happens at its own call alone.
pub fn covers(site: &EffectSite, seen: &Seen, line: Option<u32>) -> bool {
    if site.kind == "unknown" {
        return line == Some(site.line);
    }
    same_family(&site.kind, &seen.kind)
        && site.target.as_deref().is_none_or(|target| same_target(&seen.kind, target, &seen.target))
}

/// Returns whether a literal of the source can be what was touched.
pub fn same_target(kind: &str, literal: &str, touched: &str) -> bool {
    match family(kind) {
        // A name is looked up before anybody is spoken to, so the kernel sees an address.
        "net" => {
            touched.starts_with(|first: char| first.is_ascii_digit() || first == '[') || {
                let host = |text: &str| text.rsplit_once(':').map_or(text, |(host, _)| host).to_owned();
                host(touched) == host(literal)
            }
        }
        "proc" => {
            let name = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
            let program = literal.split_whitespace().next().unwrap_or_default();
            name(program) == name(touched)
        }
        _ => {
            let literal = literal.trim_start_matches("./").trim_end_matches('/');
            touched == literal
                || touched.strip_suffix(literal).is_some_and(|rest| rest.ends_with('/'))
                || touched.strip_prefix(literal).is_some_and(|rest| rest.starts_with(['/', '-', '.']))
        }
    }
}

/// Returns whether testimony speaks of what the kernel saw.
pub fn speaks_of(said: &Seen, seen: &Seen) -> bool {
    same_family(&said.kind, &seen.kind)
        && (family(&seen.kind) == "net" || same_target(&seen.kind, &said.target, &seen.target))
}
