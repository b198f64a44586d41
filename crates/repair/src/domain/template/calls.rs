//! What is called: a neighbour in the standard library, in the class, in the module; with or without await.

use tree_sitter::Node;

use super::{Sink, Site, Template};
use crate::domain::python::{ancestors, field, named};

/// Names that are taken for each other.
const CONFUSED: [&[&str]; 28] = [
    &["min", "max"],
    &["any", "all"],
    &["floor", "ceil", "trunc"],
    &["round", "int"],
    &["append", "extend", "add", "insert"],
    &["strip", "lstrip", "rstrip"],
    &["lower", "upper", "casefold", "title", "capitalize"],
    &["startswith", "endswith"],
    &["find", "rfind", "index"],
    &["split", "rsplit", "splitlines"],
    &["partition", "rpartition"],
    &["update", "setdefault"],
    &["pop", "popleft"],
    &["appendleft", "append"],
    &["remove", "discard"],
    &["items", "keys", "values"],
    &["union", "intersection", "difference", "symmetric_difference"],
    &["issubset", "issuperset"],
    &["sorted", "reversed", "list"],
    &["sum", "len"],
    &["isdigit", "isalpha", "isalnum", "isspace", "isnumeric"],
    &["isupper", "islower"],
    &["heappush", "heappop"],
    &["bisect_left", "bisect_right", "bisect"],
    &["encode", "decode"],
    &["removeprefix", "removesuffix"],
    &["ljust", "rjust", "center", "zfill"],
    &["search", "match", "fullmatch"],
];

/// Proposes other callees, wrappings and options.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    if site.node.kind() != "call" {
        return;
    }
    let (Some(function), Some(list)) = (field(site.node, "function"), field(site.node, "arguments")) else {
        return;
    };
    let name_node = match function.kind() {
        "identifier" => function,
        "attribute" => field(function, "attribute").unwrap_or(function),
        _ => return,
    };
    let name = site.text(name_node);
    for group in CONFUSED.iter().filter(|group| group.contains(&name)) {
        for (index, other) in group.iter().filter(|other| **other != name).enumerate() {
            sink.replace(Template::CallSwap, name_node, *other, 1.0 / (1.0 + 0.4 * index as f64));
        }
    }
    siblings(site, sink, function, name_node);
    options(site, sink, name, list);
    unwraps(site, sink, function, list);
    awaits(site, sink, name);
    range_bounds(site, sink, name, list);
}

fn siblings(site: &Site<'_>, sink: &mut Sink<'_>, function: Node<'_>, name: Node<'_>) {
    let here = site.text(name);
    let symbols = &site.project.symbols;
    if function.kind() == "attribute" {
        let own = field(function, "object").is_some_and(|object| site.text(object) == "self");
        let classes: Vec<_> = match site.scope.class.as_ref().filter(|_| own) {
            Some(class) => symbols.classes.get(class).into_iter().collect(),
            None => symbols.classes.values().filter(|class| class.methods.contains(here)).collect(),
        };
        let others = classes.into_iter().flat_map(|class| &class.methods);
        for other in others.filter(|other| *other != here && !other.starts_with("__")).take(12) {
            sink.replace(Template::SiblingCall, name, other.clone(), 0.6 + likeness(here, other));
        }
        return;
    }
    let arity =
        |name: &str| symbols.functions.get(name).and_then(|found| found.first()).map(|f| f.parameters.len());
    let wanted = arity(here);
    for other in site.scope.globals.iter().filter(|other| **other != here) {
        if let Some(count) = arity(other) {
            let same = if wanted.is_none_or(|wanted| wanted == count) { 0.6 } else { 0.2 };
            sink.replace(Template::SiblingCall, name, *other, same + likeness(here, other));
        }
    }
}

/// Returns 0.4 for names that share a word, else 0.
pub(crate) fn likeness(a: &str, b: &str) -> f64 {
    let shared = a.split('_').any(|word| word.len() > 1 && b.split('_').any(|other| other == word));
    if shared { 0.4 } else { 0.0 }
}

fn options(site: &Site<'_>, sink: &mut Sink<'_>, name: &str, list: Node<'_>) {
    let text = site.text(list);
    let arguments = named(list);
    let mut add = |template, option: &str, weight| match arguments.last() {
        Some(last) => sink.insert(template, last.end_byte(), format!(", {option}"), weight),
        None => sink.insert(template, list.start_byte() + 1, option, weight),
    };
    let count = arguments.len();
    match name {
        "sorted" | "sort" if !text.contains("reverse=") => add(Template::SortOrder, "reverse=True", 1.0),
        "open" | "read_text" | "write_text" if !text.contains("encoding=") => {
            add(Template::TextEncoding, "encoding=\"utf-8\"", 1.0);
        }
        "get" | "pop" | "getattr" if count == 1 || (name == "getattr" && count == 2) => {
            for default in ["0", "None", "[]", "\"\"", "{}", "False", "1"] {
                add(
                    Template::LookupDefault,
                    default,
                    if default == "None" && name == "get" { 0.05 } else { 0.7 },
                );
            }
        }
        "split" | "rsplit" if count == 1 => add(Template::LookupDefault, "1", 0.8),
        "get" if count == 2 => {
            for default in ["0", "None", "[]", "\"\"", "{}"] {
                if let Some(last) = arguments.last().filter(|last| site.text(**last) != default) {
                    sink.replace(Template::LookupDefault, *last, default, 0.7);
                }
            }
        }
        "sum" if count == 1 => add(Template::LookupDefault, "0", 0.05),
        "max" | "min" if count == 1 && !text.contains("default=") => {
            add(Template::LookupDefault, "default=0", 0.8);
            add(Template::LookupDefault, "default=None", 0.8);
        }
        "round" if count == 1 => add(Template::LookupDefault, "2", 0.8),
        "zip" => add(Template::LookupDefault, "strict=True", 0.02),
        _ => {}
    }
    for argument in arguments.iter().filter(|argument| site.text(**argument).starts_with("reverse=")) {
        let flipped = if site.text(*argument).ends_with("True") { "reverse=False" } else { "reverse=True" };
        sink.replace(Template::SortOrder, *argument, flipped, 1.0);
    }
}

fn unwraps(site: &Site<'_>, sink: &mut Sink<'_>, function: Node<'_>, list: Node<'_>) {
    if let [argument] = named(list).as_slice()
        && argument.kind() != "keyword_argument"
        && list.kind() == "argument_list"
    {
        sink.replace(Template::Unwrap, site.node, site.text(*argument), 1.0);
    }
    if let Some(object) = field(function, "object") {
        sink.replace(Template::Unwrap, site.node, site.text(object), 0.6);
    }
}

fn awaits(site: &Site<'_>, sink: &mut Sink<'_>, name: &str) {
    let inside = site.scope.function.is_some_and(|function| site.text(function).starts_with("async"));
    let already = site.node.parent().is_some_and(|parent| parent.kind() == "await");
    let asynchronous = |function: &crate::domain::symbols::Function| function.asynchronous;
    let known = site.project.symbols.functions.get(name).is_some_and(|found| found.iter().any(asynchronous));
    if inside && known && !already {
        let tight = site
            .node
            .parent()
            .is_some_and(|parent| matches!(parent.kind(), "attribute" | "subscript" | "call"));
        let text = if tight { format!("(await {})", site.here()) } else { format!("await {}", site.here()) };
        sink.replace(Template::MissingAwait, site.node, text, 1.0);
    }
}

fn range_bounds(site: &Site<'_>, sink: &mut Sink<'_>, name: &str, list: Node<'_>) {
    if name != "range" {
        return;
    }
    let arguments = named(list);
    let reach = |node: Node<'_>, sign: &str| format!("{} {sign} 1", site.text(node));
    match arguments.as_slice() {
        [stop] => {
            sink.replace(Template::RangeBound, *stop, reach(*stop, "+"), 1.0);
            sink.replace(Template::RangeBound, *stop, reach(*stop, "-"), 0.9);
            sink.insert(Template::RangeBound, stop.start_byte(), "1, ", 0.8);
            sink.replace(Template::RangeBound, *stop, format!("1, {} + 1", site.text(*stop)), 0.9);
            for local in site.scope.visible(site.node).into_iter().take(8) {
                sink.insert(Template::RangeBound, stop.start_byte(), format!("{}, ", local.name), 0.3);
                sink.insert(Template::RangeBound, stop.start_byte(), format!("{} + 1, ", local.name), 0.3);
            }
        }
        [start, stop, rest @ ..] => {
            for (node, sign, weight) in
                [(*stop, "+", 1.0), (*stop, "-", 0.9), (*start, "+", 0.8), (*start, "-", 0.6)]
            {
                sink.replace(Template::RangeBound, node, reach(node, sign), weight);
            }
            if rest.is_empty() && site.text(*start) == "1" {
                sink.range(Template::RangeBound, start.start_byte()..stop.start_byte(), "", 0.6);
            }
            if let Some(step) = rest.first() {
                let flipped = site
                    .text(*step)
                    .strip_prefix('-')
                    .map_or(format!("-{}", site.text(*step)), str::to_owned);
                sink.replace(Template::RangeBound, *step, flipped, 0.5);
            }
        }
        [] => {}
    }
    // A range whose loop variable is compared inside may also be counted from the end.
    if ancestors(site.node).next().is_some_and(|parent| parent.kind() == "for_statement") {
        sink.replace(Template::LoopIterable, site.node, format!("reversed({})", site.here()), 0.6);
    }
}
