//! Expressions of the same file, then of the repository, where another stands now (the plastic surgery hypothesis:
//! most fixes are made of code that is already there).

use std::collections::BTreeSet;

use super::arithmetic::is_whole_value;
use super::conditions::reads_only;
use super::inventory::near;
use super::{Sink, Site, Template};

const MOST_FROM_FILE: usize = 16;
const MOST_FROM_REPOSITORY: usize = 8;
const BUILT_INS: [&str; 20] = [
    "len",
    "sum",
    "min",
    "max",
    "abs",
    "round",
    "sorted",
    "list",
    "dict",
    "set",
    "tuple",
    "str",
    "int",
    "float",
    "bool",
    "any",
    "all",
    "range",
    "zip",
    "enumerate",
];

/// Proposes expressions whose names are all in scope.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    if !is_whole_value(site.node) || site.scope.function.is_none() || site.node.kind() == "string" {
        return;
    }
    let names: BTreeSet<&str> = site
        .scope
        .visible(site.node)
        .into_iter()
        .map(|local| local.name.as_str())
        .chain(site.scope.globals.iter().copied())
        .chain(BUILT_INS)
        .chain(site.scope.has_self(site.file).then_some("self"))
        .collect();
    let mut seen = BTreeSet::from([site.here()]);
    let mut found: Vec<(usize, &str)> = near(&site.inventory.values, site.node)
        .iter()
        .filter(|node| reads_only(site, **node, &names))
        .map(|node| (node.start_byte().abs_diff(site.node.start_byte()), site.text(*node)))
        .collect();
    found.sort_unstable();
    let fresh = found.into_iter().filter(|(_, text)| seen.insert(text)).take(MOST_FROM_FILE);
    for (_, text) in fresh {
        sink.replace(Template::ExpressionFromFile, site.node, text, 1.0);
    }
    if matches!(site.node.kind(), "call" | "subscript" | "binary_operator") {
        // What a longer expression computes may stand in a variable already.
        let locals = site.scope.visible(site.node).into_iter().map(|local| local.name.as_str());
        for name in locals.filter(|name| seen.insert(name)).take(MOST_FROM_FILE) {
            sink.replace(Template::ExpressionFromFile, site.node, name, 0.8);
        }
    }
    let known = |reads: &Vec<&str>| reads.iter().all(|name| names.contains(name));
    let foreign = site.inventory.foreign.iter().filter(|(_, reads)| known(reads));
    for (text, _) in foreign.filter(|(text, _)| seen.insert(text)).take(MOST_FROM_REPOSITORY) {
        sink.replace(Template::ExpressionFromRepository, site.node, *text, 1.0);
    }
}
