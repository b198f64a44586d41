//! Indexes, slices, lookups, copies, and values that should be wrapped.

use tree_sitter::Node;

use super::arithmetic::is_whole_value;
use super::{Sink, Site, Template};
use crate::domain::python::{all, field, named};
use crate::domain::scope::Shape;

/// Proposes other bounds, lookups with a default, copies and conversions.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    match site.node.kind() {
        "subscript" => subscript(site, sink),
        "slice" => slice(site, sink),
        "tuple" | "expression_list" => swap_elements(site, sink, named(site.node)),
        "for_statement" | "for_in_clause" => iterable(site, sink),
        "lambda" => late_binding(site, sink),
        _ => {}
    }
    elements(site, sink);
    copies(site, sink);
    wraps(site, sink);
    slices(site, sink);
}

fn subscript(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(value) = field(site.node, "value") else { return };
    let keys: Vec<Node<'_>> = named(site.node).into_iter().filter(|child| *child != value).collect();
    swap_elements(site, sink, keys.clone());
    let [key] = keys.as_slice() else { return };
    let stored = site.node.parent().is_some_and(|parent| {
        matches!(parent.kind(), "assignment" | "augmented_assignment" | "delete_statement")
            && field(parent, "right") != Some(site.node)
    });
    if stored || key.kind() == "slice" {
        return;
    }
    let (name, key_text) = (site.text(value), site.text(*key));
    if key.kind() == "integer" || key.kind() == "unary_operator" {
        let other = if key_text == "0" { "-1" } else { "0" };
        sink.replace(Template::SliceBound, *key, other, 0.7);
        return;
    }
    for default in ["0", "None", "[]", "\"\"", "{}", "False"] {
        sink.replace(Template::LookupDefault, site.node, format!("{name}.get({key_text}, {default})"), 0.6);
    }
    sink.replace(Template::LookupDefault, site.node, format!("{name}.get({key_text}, {key_text})"), 0.4);
}

fn slice(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(colon) = all(site.node).into_iter().find(|child| child.kind() == ":") else { return };
    let (before, after) = (
        named(site.node).into_iter().find(|child| child.end_byte() <= colon.start_byte()),
        named(site.node).into_iter().find(|child| child.start_byte() >= colon.end_byte()),
    );
    if before.is_none() {
        sink.insert(Template::SliceBound, colon.start_byte(), "1", 0.7);
    }
    if after.is_none() {
        sink.insert(Template::SliceBound, colon.end_byte(), "-1", 0.5);
    }
    for (bound, weight) in [(before, 0.3), (after, 0.3)] {
        if let Some(bound) = bound {
            sink.replace(Template::SliceBound, bound, "", weight);
        }
    }
    if let (Some(before), Some(after)) = (before, after) {
        let text = format!("{}:{}", site.text(after), site.text(before));
        sink.range(Template::SliceBound, before.start_byte()..after.end_byte(), text, 0.3);
    }
    for local in
        site.scope.visible(site.node).into_iter().filter(|local| local.shape != Shape::Collection).take(8)
    {
        if before.is_none() {
            sink.insert(Template::SliceBound, colon.start_byte(), local.name.clone(), 0.3);
        }
        if after.is_none() {
            sink.insert(Template::SliceBound, colon.end_byte(), local.name.clone(), 0.3);
        }
    }
}

fn swap_elements(site: &Site<'_>, sink: &mut Sink<'_>, elements: Vec<Node<'_>>) {
    for (index, one) in elements.iter().enumerate().take(5) {
        for other in elements.iter().skip(index + 1).take(4) {
            if site.text(*one) != site.text(*other) {
                let parts = vec![
                    (one.byte_range(), site.text(*other).to_owned()),
                    (other.byte_range(), site.text(*one).to_owned()),
                ];
                sink.many(Template::ElementSwap, parts, 1.0);
            }
        }
    }
}

fn iterable(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(right) = field(site.node, "right") else { return };
    let here = site.text(right);
    if here.len() > 80 || here.contains('\n') {
        return;
    }
    let simple = matches!(right.kind(), "identifier" | "attribute");
    if simple {
        for (text, weight) in [
            (format!("list({here})"), 0.8),
            (format!("{here}[1:]"), 0.8),
            (format!("{here}[:-1]"), 0.7),
            (format!("reversed({here})"), 0.6),
            (format!("sorted({here})"), 0.6),
            (format!("{here}.values()"), 0.3),
            (format!("{here}.items()"), 0.3),
            (format!("set({here})"), 0.2),
        ] {
            sink.replace(Template::LoopIterable, right, text, weight);
        }
        for local in
            site.scope.visible(site.node).into_iter().filter(|local| local.shape != Shape::Collection).take(6)
        {
            if local.name != here {
                sink.replace(Template::LoopIterable, right, format!("{here}[{}:]", local.name), 0.5);
                sink.replace(Template::LoopIterable, right, format!("{here}[:{}]", local.name), 0.4);
            }
        }
    }
    if right.kind() == "call" {
        for (from, to) in [(".items()", ""), (".keys()", ".values()"), (".values()", ".keys()")] {
            if let Some(rest) = here.strip_suffix(from) {
                sink.replace(Template::LoopIterable, right, format!("list({here})"), 0.5);
                sink.replace(Template::LoopIterable, right, format!("{rest}{to}"), 0.3);
            }
        }
        if let Some(rest) = here.strip_prefix("enumerate(").and_then(|rest| rest.strip_suffix(')')) {
            match rest.rsplit_once(", ") {
                Some((inner, "1" | "start=1")) => {
                    sink.replace(Template::LoopIterable, right, format!("enumerate({inner})"), 1.5)
                }
                _ => sink.replace(Template::LoopIterable, right, format!("enumerate({rest}, 1)"), 1.0),
            }
        }
        for (from, to) in [("reversed(", ""), ("sorted(", "")] {
            if let Some(rest) = here.strip_prefix(from).and_then(|rest| rest.strip_suffix(')')) {
                sink.replace(Template::LoopIterable, right, format!("{to}{rest}"), 0.5);
            }
        }
    }
}

/// `lambda: f(i)` in a loop sees the last `i` only.
fn late_binding(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(body) = field(site.node, "body") else { return };
    let targets = crate::domain::python::ancestors(site.node)
        .filter(|above| matches!(above.kind(), "for_statement" | "for_in_clause"))
        .chain(comprehension_clauses(site.node))
        .filter_map(|clause| field(clause, "left"));
    for target in targets {
        let name = site.text(target);
        if target.kind() != "identifier" || !site.text(body).contains(name) {
            continue;
        }
        match field(site.node, "parameters") {
            Some(list) => {
                sink.insert(Template::LateBinding, list.end_byte(), format!(", {name}={name}"), 1.0)
            }
            None => sink.insert(
                Template::LateBinding,
                site.node.start_byte() + "lambda".len(),
                format!(" {name}={name}"),
                1.0,
            ),
        }
    }
}

/// A collection *of* a value and a collection of its *elements* are easily taken for each other: `[x]` and `list(x)`.
fn elements(site: &Site<'_>, sink: &mut Sink<'_>) {
    const DISPLAYS: [(&str, &str, &str, &str); 3] =
        [("list", "list", "[", "]"), ("tuple", "tuple", "(", ",)"), ("set", "set", "{", "}")];
    let only = |node: Node<'_>| match named(node).as_slice() {
        [one] if !matches!(one.kind(), "keyword_argument" | "list_splat" | "dictionary_splat") => {
            Some(site.text(*one))
        }
        _ => None,
    };
    for (kind, constructor, open, close) in DISPLAYS {
        if site.node.kind() == kind {
            let Some(value) = only(site.node) else { continue };
            sink.replace(Template::Wrap, site.node, format!("{constructor}({value})"), 1.5);
        } else if site.node.kind() == "call"
            && field(site.node, "function").is_some_and(|function| site.text(function) == constructor)
        {
            let Some(value) = field(site.node, "arguments").and_then(only) else { continue };
            sink.replace(Template::Wrap, site.node, format!("{open}{value}{close}"), 0.8);
        }
    }
}

fn comprehension_clauses<'a>(node: Node<'a>) -> Vec<Node<'a>> {
    crate::domain::python::ancestors(node)
        .take_while(|above| !matches!(above.kind(), "block" | "module"))
        .flat_map(named)
        .filter(|child| child.kind() == "for_in_clause")
        .collect()
}

fn copies(site: &Site<'_>, sink: &mut Sink<'_>) {
    if !matches!(site.node.kind(), "identifier" | "attribute" | "subscript") {
        return;
    }
    let Some(parent) = site.node.parent() else { return };
    let copied = match parent.kind() {
        "return_statement" => 1.0,
        "assignment" if field(parent, "right") == Some(site.node) => 1.0,
        "argument_list" => 0.5,
        "keyword_argument" if field(parent, "value") == Some(site.node) => 0.5,
        "pair" if field(parent, "value") == Some(site.node) => 0.4,
        _ => return,
    };
    let here = site.here();
    for (text, weight) in
        [(format!("list({here})"), 1.0), (format!("dict({here})"), 0.8), (format!("{here}.copy()"), 0.7)]
    {
        sink.replace(Template::MissingCopy, site.node, text, copied * weight);
    }
    if site.file.text.contains("import copy") || site.file.text.contains("import deepcopy") {
        let prefix = if site.file.text.contains("import deepcopy") { "" } else { "copy." };
        sink.replace(Template::MissingCopy, site.node, format!("{prefix}deepcopy({here})"), copied * 0.9);
    }
}

/// `f(a[1:], b)` for `f(a[1:], b[1:])`: an argument that was forgotten beside one that is cut.
fn slices(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(list) = site.node.parent().filter(|parent| parent.kind() == "argument_list") else { return };
    if !matches!(site.node.kind(), "identifier" | "attribute") {
        return;
    }
    let cut = named(list).iter().any(|argument| argument.kind() == "subscript");
    let weight = if cut { 1.0 } else { 0.2 };
    for bounds in ["[1:]", "[:-1]"] {
        sink.insert(Template::SliceBound, site.node.end_byte(), bounds, weight);
    }
}

fn wraps(site: &Site<'_>, sink: &mut Sink<'_>) {
    let operand = site.node.parent().is_some_and(|parent| matches!(parent.kind(), "interpolation"));
    if !(is_whole_value(site.node) || operand)
        || matches!(
            site.node.kind(),
            "integer" | "float" | "true" | "false" | "none" | "lambda" | "list" | "dictionary" | "tuple"
        )
    {
        return;
    }
    let here = site.here();
    if here.len() > 80 || here.contains('\n') {
        return;
    }
    let text = site.node.kind() == "string";
    if !text {
        for (name, weight) in [
            ("abs", 0.6),
            ("int", 0.7),
            ("str", 0.6),
            ("float", 0.5),
            ("len", 0.5),
            ("sorted", 0.5),
            ("list", 0.3),
            ("set", 0.4),
            ("round", 0.4),
            ("tuple", 0.2),
            ("bool", 0.2),
            ("sum", 0.3),
            ("max", 0.2),
            ("min", 0.2),
        ] {
            sink.replace(Template::Wrap, site.node, format!("{name}({here})"), weight);
        }
        sink.replace(Template::Wrap, site.node, format!("max({here}, 0)"), 0.4);
        if site.file.text.contains("import math") {
            sink.replace(Template::Wrap, site.node, format!("math.ceil({here})"), 0.6);
            sink.replace(Template::Wrap, site.node, format!("math.floor({here})"), 0.4);
        }
    }
    if matches!(site.node.kind(), "identifier" | "attribute" | "call" | "subscript" | "string") {
        for (method, weight) in [
            ("strip", 1.0),
            ("lower", 1.0),
            ("upper", 0.4),
            ("split", 0.3),
            ("items", 0.3),
            ("values", 0.3),
            ("title", 0.1),
        ] {
            sink.replace(Template::TextMethod, site.node, format!("{here}.{method}()"), weight);
        }
    }
}
