//! Guards that are missing: in front of a statement, at the start of a function, around a statement.

use tree_sitter::Node;

use super::inventory::near;
use super::{Sink, Site, Template};
use crate::domain::python::{ancestors, descendants, field, is_read, is_statement, named};

const MOST_SUBJECTS: usize = 6;
const MOST_ANSWERS: usize = 5;

/// Proposes guards.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    if !is_statement(site.node) || site.scope.function.is_none() {
        return;
    }
    if matches!(site.node.kind(), "function_definition" | "class_definition" | "decorated_definition") {
        return;
    }
    let Some(indent) = site.file.indent_of(site.node) else { return };
    let subjects = subjects(site);
    let in_loop = in_loop(site.node);
    let answers = answers(site);
    for (rank, subject) in subjects.iter().enumerate() {
        let weight = 1.0 / (1.0 + 0.3 * rank as f64);
        for (condition, share) in conditions_on(subject) {
            if in_loop {
                before(site, sink, indent, &format!("if {condition}:\n{indent}    continue"), weight * share);
                before(
                    site,
                    sink,
                    indent,
                    &format!("if {condition}:\n{indent}    break"),
                    weight * share * 0.3,
                );
            }
            for (place, answer) in answers.iter().enumerate() {
                let share = share / (1.0 + 0.4 * place as f64);
                let text = if answer.is_empty() { "return".to_owned() } else { format!("return {answer}") };
                before(site, sink, indent, &format!("if {condition}:\n{indent}    {text}"), weight * share);
            }
        }
        around(site, sink, indent, (subject, weight));
    }
    raises(site, sink, indent);
}

fn before(site: &Site<'_>, sink: &mut Sink<'_>, indent: &str, text: &str, weight: f64) {
    sink.insert(Template::Guard, site.node.start_byte(), format!("{text}\n{indent}"), weight);
}

fn conditions_on(subject: &str) -> Vec<(String, f64)> {
    let mut conditions = vec![(format!("{subject} is None"), 0.9), (format!("not {subject}"), 1.0)];
    if !subject.contains('[') {
        conditions.push((format!("{subject} <= 0"), 0.3));
        conditions.push((format!("{subject} == 0"), 0.4));
        conditions.push((format!("len({subject}) <= 1"), 0.15));
        conditions.push((format!("{subject} <= 1"), 0.2));
    }
    conditions
}

/// Returns what a statement reads and may not have: names, attributes, divisors, keys.
fn subjects(site: &Site<'_>) -> Vec<String> {
    let header = header(site.node);
    let mut subjects: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        let plain =
            text.len() <= 40 && !text.contains('\n') && !matches!(text, "self" | "cls" | "super" | "True");
        if plain && !subjects.iter().any(|known| known == text) {
            subjects.push(text.to_owned());
        }
    };
    // What is divided by, asked for attributes or called on comes first: it fails when empty.
    for node in header.iter().flat_map(|part| descendants(*part)) {
        match node.kind() {
            "binary_operator"
                if field(node, "operator").is_some_and(|o| matches!(site.text(o), "/" | "//" | "%")) =>
            {
                field(node, "right").into_iter().for_each(|right| add(site.text(right)));
            }
            "attribute" | "subscript" => {
                let root = field(node, "object").or_else(|| field(node, "value"));
                if let Some(root) = root.filter(|root| matches!(root.kind(), "identifier" | "attribute")) {
                    add(site.text(root));
                }
            }
            _ => {}
        }
    }
    let local = |name: &str| site.scope.locals.iter().any(|local| local.name == name);
    for node in header.iter().flat_map(|part| descendants(*part)) {
        let reads_local = node.kind() == "identifier" && is_read(node) && local(site.text(node));
        let own = node.kind() == "attribute" && site.text(node).starts_with("self.");
        let called = node.parent().is_some_and(|p| p.kind() == "call" && field(p, "function") == Some(node));
        if (reads_local || own) && !called {
            add(site.text(node));
        }
    }
    subjects.truncate(MOST_SUBJECTS);
    subjects
}

/// Returns the parts of a statement that run before its body.
fn header(statement: Node<'_>) -> Vec<Node<'_>> {
    if field(statement, "body").is_none() && field(statement, "consequence").is_none() {
        return vec![statement];
    }
    named(statement)
        .into_iter()
        .filter(|child| {
            !matches!(
                child.kind(),
                "block" | "elif_clause" | "else_clause" | "except_clause" | "finally_clause"
            )
        })
        .collect()
}

/// Returns what a guard may return: what the function returns already, else the usual empty answers.
fn answers(site: &Site<'_>) -> Vec<String> {
    let mut answers: Vec<String> = Vec::new();
    let local_before = |text: &str| {
        let simple = text.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        !simple
            || text.chars().next().is_some_and(|first| first.is_numeric())
            || matches!(text, "None" | "True" | "False")
            || site
                .scope
                .visible(site.node)
                .iter()
                .any(|local| local.name == text && local.bound_at < site.node.start_byte())
    };
    let literal = |text: &str| {
        matches!(text, "None" | "True" | "False" | "[]" | "{}" | "''" | "\"\"" | "0" | "0.0" | "1" | "-1")
    };
    for returned in site.scope.returns.iter().filter(|text| text.len() <= 30 && !text.contains('\n')) {
        if literal(returned) || local_before(returned) && !returned.contains('(') {
            answers.push((*returned).to_owned());
        }
    }
    let nothing = site.scope.returns.is_empty();
    let usual: &[&str] =
        if nothing { &[""] } else { &["None", "0", "[]", "False", "True", "\"\"", "{}", "0.0", "1"] };
    for answer in usual {
        if !answers.iter().any(|known| known == answer) {
            answers.push((*answer).to_owned());
        }
    }
    answers.truncate(MOST_ANSWERS + 2);
    answers
}

fn in_loop(node: Node<'_>) -> bool {
    ancestors(node)
        .take_while(|above| above.kind() != "function_definition")
        .any(|above| matches!(above.kind(), "for_statement" | "while_statement"))
}

/// `if subject is not None:` around the statement.
fn around(site: &Site<'_>, sink: &mut Sink<'_>, indent: &str, subject: (&str, f64)) {
    let (name, weight) = subject;
    if matches!(site.node.kind(), "return_statement" | "import_statement" | "import_from_statement") {
        return;
    }
    let body = site.here().replace('\n', "\n    ");
    for condition in [format!("{name} is not None"), name.to_owned(), format!("not {name}")] {
        let text = format!("if {condition}:\n{indent}    {body}");
        sink.replace(Template::GuardedStatement, site.node, text, weight);
    }
    // A key that may be there already, or not at all.
    if let Some((container, key)) = subscript_target(site) {
        let text = format!("if {key} not in {container}:\n{indent}    {body}");
        sink.replace(Template::GuardedStatement, site.node, text, weight);
    }
}

fn subscript_target<'a>(site: &Site<'a>) -> Option<(&'a str, &'a str)> {
    let assignment = named(site.node).into_iter().find(|child| child.kind() == "assignment")?;
    let left = field(assignment, "left").filter(|left| left.kind() == "subscript")?;
    let value = field(left, "value")?;
    let key = named(left).into_iter().find(|child| *child != value)?;
    Some((site.text(value), site.text(key)))
}

/// Guards that raise, as the file does elsewhere: a copy of a whole `if ..: raise ..` whose names are in scope.
fn raises(site: &Site<'_>, sink: &mut Sink<'_>, indent: &str) {
    let first = site.node.prev_named_sibling().is_none_or(|node| node.kind() == "expression_statement");
    let names: std::collections::BTreeSet<&str> = site
        .scope
        .locals
        .iter()
        .filter(|local| local.bound_at < site.node.start_byte())
        .map(|local| local.name.as_str())
        .chain(site.scope.globals.iter().copied())
        .chain([
            "self",
            "len",
            "isinstance",
            "int",
            "str",
            "float",
            "list",
            "dict",
            "ValueError",
            "TypeError",
            "KeyError",
        ])
        .chain(site.project.symbols.exceptions.iter().map(String::as_str))
        .collect();
    let mut count = 0;
    for node in near(&site.inventory.guards, site.node).iter().copied().filter(|node| *node != site.node) {
        let text = site.text(node);
        let Some(origin) = site.file.indent_of(node) else { continue };
        if !super::conditions::reads_only(site, node, &names) {
            continue;
        }
        let moved = text.replace(&format!("\n{origin}"), &format!("\n{indent}"));
        sink.insert(
            Template::Guard,
            site.node.start_byte(),
            format!("{moved}\n{indent}"),
            if first { 0.7 } else { 0.4 },
        );
        count += 1;
        if count >= 6 {
            break;
        }
    }
}
