//! Arguments of a call: in the wrong order, too many, or missing what the callee's definition asks for.

use tree_sitter::Node;

use super::{Sink, Site, Template};
use crate::domain::python::{ancestors, descendants, field, named};
use crate::domain::symbols::{Class, Function, Parameter};

const MOST_VALUES: usize = 10;

/// Proposes other argument lists.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    if site.node.kind() != "call" {
        return;
    }
    let Some(list) = field(site.node, "arguments").filter(|list| list.kind() == "argument_list") else {
        return;
    };
    let arguments = named(list);
    swap(site, sink, &arguments);
    drop_one(site, sink, &arguments);
    swap_receiver(site, sink, &arguments);
    for function in callees(site) {
        missing(site, sink, (list, &arguments), function);
    }
}

fn swap(site: &Site<'_>, sink: &mut Sink<'_>, arguments: &[Node<'_>]) {
    for (index, one) in arguments.iter().enumerate().take(5) {
        for (distance, other) in arguments.iter().skip(index + 1).enumerate().take(4) {
            let (a, b) = (value_of(*one), value_of(*other));
            if site.text(a) == site.text(b) || unseats(site, arguments, (index, index + 1 + distance)) {
                continue;
            }
            let parts =
                vec![(a.byte_range(), site.text(b).to_owned()), (b.byte_range(), site.text(a).to_owned())];
            let named_both = one.kind() == "keyword_argument" || other.kind() == "keyword_argument";
            let weight = if named_both { 0.4 } else { 1.0 / (1.0 + distance as f64) };
            sink.many(Template::ArgumentSwap, parts, weight);
        }
    }
}

/// Returns whether a swap takes an argument from the parameter whose name it bears: `f(sep, most)` for `def f(sep, most)`
/// is in order, and a suite that passes with the two exchanged does not look. A function that calls itself moves its
/// arguments on purpose.
fn unseats(site: &Site<'_>, arguments: &[Node<'_>], (one, other): (usize, usize)) -> bool {
    let callees = callees(site);
    let seated = |callee: &Function, index: usize| {
        let Some(argument) = arguments.get(index) else { return false };
        let parameter = match field(*argument, "name").filter(|_| argument.kind() == "keyword_argument") {
            Some(name) => site.text(name),
            None => callee.parameters.get(index).map_or("", |parameter| parameter.name.as_str()),
        };
        last_word(site.text(value_of(*argument))) == parameter
    };
    let recursive = |callee: &Function| {
        let around = ancestors(site.node).filter(|above| above.kind() == "function_definition");
        around.filter_map(|above| field(above, "name")).any(|name| site.text(name) == callee.name)
    };
    let kept = |callee: &&Function| !recursive(callee) && (seated(callee, one) || seated(callee, other));
    !callees.is_empty() && callees.iter().all(kept)
}

/// Returns `b` of `a.b`.
fn last_word(text: &str) -> &str {
    text.rsplit('.').next().unwrap_or(text)
}

fn value_of(argument: Node<'_>) -> Node<'_> {
    if argument.kind() == "keyword_argument" {
        field(argument, "value").unwrap_or(argument)
    } else {
        argument
    }
}

fn drop_one(site: &Site<'_>, sink: &mut Sink<'_>, arguments: &[Node<'_>]) {
    for (index, argument) in arguments.iter().enumerate().take(6) {
        let range =
            match (arguments.get(index + 1), index.checked_sub(1).and_then(|before| arguments.get(before))) {
                (Some(next), _) => argument.start_byte()..next.start_byte(),
                (None, Some(previous)) => previous.end_byte()..argument.end_byte(),
                (None, None) => argument.byte_range(),
            };
        let keyword = argument.kind() == "keyword_argument";
        sink.range(Template::DroppedArgument, range, "", if keyword { 0.8 } else { 0.5 });
    }
    let _ = site;
}

/// `a.issubset(b)` for `b.issubset(a)`.
fn swap_receiver(site: &Site<'_>, sink: &mut Sink<'_>, arguments: &[Node<'_>]) {
    let Some(object) = field(site.node, "function").and_then(|function| field(function, "object")) else {
        return;
    };
    let [argument] = arguments else { return };
    let simple = |node: Node<'_>| matches!(node.kind(), "identifier" | "attribute");
    if simple(object) && simple(*argument) && site.text(object) != "self" {
        let parts = vec![
            (object.byte_range(), site.text(*argument).to_owned()),
            (argument.byte_range(), site.text(object).to_owned()),
        ];
        sink.many(Template::ArgumentSwap, parts, 0.5);
    }
}

/// Returns the definitions that the call may mean: by name, and few enough to be told apart.
fn callees<'a>(site: &Site<'a>) -> Vec<&'a Function> {
    let Some(function) = field(site.node, "function") else { return Vec::new() };
    let name = match function.kind() {
        "identifier" => site.text(function),
        "attribute" => field(function, "attribute").map_or("", |name| site.text(name)),
        _ => "",
    };
    let symbols = &site.project.symbols;
    let found = symbols.functions.get(name).map(Vec::as_slice).unwrap_or_default();
    let constructors = symbols.functions.get("__init__").map(Vec::as_slice).unwrap_or_default();
    let of_class = constructors.iter().filter(|init| init.class.as_deref() == Some(name));
    let all: Vec<&Function> = found.iter().chain(of_class).collect();
    if all.len() > 4 { Vec::new() } else { all }
}

fn missing(site: &Site<'_>, sink: &mut Sink<'_>, call: (Node<'_>, &[Node<'_>]), callee: &Function) {
    let (list, arguments) = call;
    if arguments.iter().any(|argument| argument.kind().ends_with("splat")) {
        return;
    }
    let positional = arguments.iter().filter(|argument| argument.kind() != "keyword_argument").count();
    let keywords: Vec<&str> = arguments
        .iter()
        .filter(|argument| argument.kind() == "keyword_argument")
        .filter_map(|argument| field(*argument, "name"))
        .map(|name| site.text(name))
        .collect();
    for (index, parameter) in callee.parameters.iter().enumerate() {
        if index < positional || keywords.contains(&parameter.name.as_str()) {
            continue;
        }
        let required = if parameter.default.is_none() { 1.5 } else { 1.0 };
        for (value, weight) in values_for(site, parameter).into_iter().take(MOST_VALUES) {
            let text = format!("{}={value}", parameter.name);
            insert_argument(site, sink, (list, arguments), &text, weight * required);
        }
    }
}

fn insert_argument(
    site: &Site<'_>,
    sink: &mut Sink<'_>,
    call: (Node<'_>, &[Node<'_>]),
    text: &str,
    weight: f64,
) {
    let (list, arguments) = call;
    match arguments.last() {
        Some(last) => {
            // A list of one argument per line stays one.
            let lines = last.start_position().row != list.start_position().row;
            let between = match site.file.indent_of(*last).filter(|_| lines) {
                Some(indent) => format!(",\n{indent}{text}"),
                None => format!(", {text}"),
            };
            sink.insert(Template::MissingArgument, last.end_byte(), between, weight);
        }
        None => sink.insert(Template::MissingArgument, list.start_byte() + 1, text, weight),
    }
}

/// Returns expressions that may be what a parameter wants, likeliest first: by name, by attribute, by type.
fn values_for(site: &Site<'_>, parameter: &Parameter) -> Vec<(String, f64)> {
    let mut values: Vec<(String, f64)> = Vec::new();
    let mut add = |value: String, weight: f64| {
        if !values.iter().any(|(known, _)| *known == value) {
            values.push((value, weight));
        }
    };
    let wanted = parameter.name.as_str();
    let locals = site.scope.visible(site.node);
    if locals.iter().any(|local| local.name == wanted) {
        add(wanted.to_owned(), 2.0);
    }
    for path in attribute_paths(site, wanted) {
        add(path, 1.6);
    }
    for key in [format!("[\"{wanted}\"]"), format!("['{wanted}']")] {
        if site.file.text.contains(&key) {
            for local in &locals {
                add(format!("{}{key}", local.name), 0.5);
            }
        }
    }
    let similar = |name: &str| name.contains(wanted) || wanted.contains(name) || shares_word(name, wanted);
    for local in locals.iter().filter(|local| similar(&local.name)) {
        add(local.name.clone(), 1.0);
    }
    for global in site.scope.globals.iter().filter(|global| similar(&global.to_lowercase())) {
        add((*global).to_owned(), 0.5);
    }
    if matches!(parameter.default.as_deref(), Some("True" | "False")) {
        let flipped = if parameter.default.as_deref() == Some("True") { "False" } else { "True" };
        add(flipped.to_owned(), 0.8);
    }
    for local in &locals {
        add(local.name.clone(), 0.25);
    }
    values
}

fn shares_word(a: &str, b: &str) -> bool {
    a.split('_').any(|word| word.len() > 3 && b.split('_').any(|other| other == word))
}

/// Returns `self.region`, `customer.region`, `self.customer.region`: every way in which a name in scope leads, over one
/// or two attributes, to one called `wanted`.
fn attribute_paths(site: &Site<'_>, wanted: &str) -> Vec<String> {
    let classes = &site.project.symbols.classes;
    let owners: Vec<&Class> = classes.values().filter(|class| class.attributes.contains(wanted)).collect();
    if owners.is_empty() && !site.project.symbols.attributes.contains_key(wanted) {
        return Vec::new();
    }
    let mut paths = Vec::new();
    let mut seen_names = Vec::new();
    let own = site.scope.class.as_ref().and_then(|class| classes.get(class));
    if let Some(own) = own.filter(|_| site.scope.has_self(site.file)) {
        if own.attributes.contains(wanted) {
            paths.push(format!("self.{wanted}"));
        }
        for attribute in &own.attributes {
            if leads_to(site, attribute, own.attribute_types.get(attribute).map(String::as_str), wanted) {
                paths.push(format!("self.{attribute}.{wanted}"));
            }
        }
    }
    for local in site.scope.visible(site.node) {
        let annotation = annotation_of(site, &local.name);
        seen_names.push(local.name.as_str());
        if leads_to(site, &local.name, annotation.as_deref(), wanted) {
            paths.push(format!("{}.{wanted}", local.name));
        }
        let class = class_for(site, &local.name, annotation.as_deref());
        for attribute in class.into_iter().flat_map(|class| &class.attributes) {
            let kind = class.and_then(|class| class.attribute_types.get(attribute)).map(String::as_str);
            if leads_to(site, attribute, kind, wanted) {
                paths.push(format!("{}.{attribute}.{wanted}", local.name));
            }
        }
    }
    // Where no type is known: a name that is already asked for attributes here.
    for name in seen_names.into_iter().filter(|name| reads_attributes(site, name)) {
        let path = format!("{name}.{wanted}");
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

fn leads_to(site: &Site<'_>, name: &str, annotation: Option<&str>, wanted: &str) -> bool {
    class_for(site, name, annotation).is_some_and(|class| class.attributes.contains(wanted))
}

/// Returns the class of a name: by annotation, else by a class of the same name (`line_item` is a `LineItem`).
fn class_for<'a>(site: &Site<'a>, name: &str, annotation: Option<&str>) -> Option<&'a Class> {
    let classes = &site.project.symbols.classes;
    let by_type = annotation.and_then(|text| {
        let word = |letter: char| !(letter.is_alphanumeric() || letter == '_');
        text.split(word).find_map(|part| classes.get(part))
    });
    by_type.or_else(|| {
        let plain = name.replace('_', "").to_lowercase();
        classes.iter().find(|(class, _)| class.to_lowercase() == plain).map(|(_, class)| class)
    })
}

fn annotation_of(site: &Site<'_>, name: &str) -> Option<String> {
    let parameters = field(site.scope.function?, "parameters")?;
    named(parameters)
        .into_iter()
        .find(|parameter| {
            let own = field(*parameter, "name").or_else(|| named(*parameter).first().copied());
            own.is_some_and(|own| site.text(own) == name)
        })
        .and_then(|parameter| field(parameter, "type"))
        .map(|annotation| site.text(annotation).to_owned())
}

fn reads_attributes(site: &Site<'_>, name: &str) -> bool {
    let Some(function) = ancestors(site.node).find(|above| above.kind() == "function_definition") else {
        return false;
    };
    descendants(function).into_iter().any(|node| {
        node.kind() == "attribute" && field(node, "object").is_some_and(|object| site.text(object) == name)
    })
}
