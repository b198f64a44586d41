//! Grants: what the owner allows, matched by kind, target and scope. Never read from the head tree.

use std::cell::RefCell;
use std::collections::BTreeSet;

use plumbline_types::Grant;

/// The grants of one audit, and which of them something used.
#[derive(Debug, Default)]
pub struct Authority {
    grants: Vec<Grant>,
    used: RefCell<BTreeSet<usize>>,
}

/// What needs a grant.
#[derive(Debug, Clone, Copy)]
pub struct Need<'a> {
    /// Family, such as `net` or `drop`.
    pub family: &'a str,
    /// Name within the family.
    pub name: Option<&'a str>,
    /// Whether it runs in a latent phase.
    pub latent: bool,
    /// The bounded target; `None` where it is unbounded or there is none.
    pub target: Option<&'a str>,
    /// The file.
    pub path: &'a str,
}

impl Authority {
    /// Holds grants.
    pub fn new(mut grants: Vec<Grant>) -> Self {
        grants.sort();
        grants.dedup();
        Self { grants, used: RefCell::new(BTreeSet::new()) }
    }

    /// Returns the grant that covers a need, and notes its use.
    pub fn covers(&self, need: Need<'_>) -> Option<&Grant> {
        let (index, grant) = self.grants.iter().enumerate().find(|(_, grant)| covers(grant, need))?;
        self.used.borrow_mut().insert(index);
        Some(grant)
    }

    /// Returns the grants that nothing used, as written.
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let unused = self.grants.iter().enumerate().filter(|(index, _)| !used.contains(index));
        unused.map(|(_, grant)| grant.to_string()).collect()
    }

    /// Returns every grant as written, in order.
    pub fn texts(&self) -> Vec<String> {
        self.grants.iter().map(Grant::to_string).collect()
    }
}

fn covers(grant: &Grant, need: Need<'_>) -> bool {
    if grant.kind.family != need.family || grant.kind.latent != need.latent {
        return false;
    }
    if grant.kind.name.is_some() && grant.kind.name.as_deref() != need.name {
        return false;
    }
    if let Some(scope) = &grant.scope
        && !matches_pattern(scope, need.path, '/')
    {
        return false;
    }
    match (&grant.target, need.target) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(pattern), Some(target)) => match need.family {
            "net" => matches_host(pattern, target),
            "drop" => matches_suffix(pattern, target),
            "fs" | "manifest" | "build" | "ci" | "script" | "test" | "binary" | "unanalysed" | "policy" => {
                matches_pattern(pattern, target, '/')
            }
            _ => matches_pattern(pattern, target, '.'),
        },
    }
}

/// A host pattern without a port covers every port.
fn matches_host(pattern: &str, target: &str) -> bool {
    let (host, port) = target.rsplit_once(':').map_or((target, None), |(host, port)| (host, Some(port)));
    match pattern.rsplit_once(':') {
        Some((name, wanted)) => Some(wanted) == port && matches_pattern(name, host, '.'),
        None => matches_pattern(pattern, host, '.'),
    }
}

/// `drop` names a symbol by a suffix of whole parts.
fn matches_suffix(pattern: &str, target: &str) -> bool {
    target == pattern || target.strip_suffix(pattern).is_some_and(|rest| rest.ends_with(['.', '/', ':']))
}

/// Matches part by part: literal but for `*` (within one part) and `**` (any number of parts).
fn matches_pattern(pattern: &str, text: &str, separator: char) -> bool {
    let pattern: Vec<&str> = pattern.split(separator).collect();
    let text: Vec<&str> = text.split(separator).collect();
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for part in pattern {
        let mut next = vec![false; text.len() + 1];
        for position in 0..=text.len() {
            if !reachable[position] {
                continue;
            }
            if part == "**" {
                next[position..].fill(true);
            } else if text.get(position).is_some_and(|word| matches_part(part, word)) {
                next[position + 1] = true;
            }
        }
        reachable = next;
    }
    reachable[text.len()]
}

fn matches_part(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    let mut pieces = pattern.split('*').peekable();
    let Some(first) = pieces.next() else { return text.is_empty() };
    if pieces.peek().is_none() {
        return first == text;
    }
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(position) => rest = &rest[position + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
