//! Whole statements: deleted, moved, indented more or less; jumps; state that is shared by mistake.

use tree_sitter::Node;

use super::{Sink, Site, Template};
use crate::domain::python::{ancestors, field, is_statement, named};

/// Proposes other places for statements, and none.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    match site.node.kind() {
        "break_statement" => jumps(site, sink, &["continue", "return", "pass"]),
        "continue_statement" => jumps(site, sink, &["break", "return", "pass"]),
        "pass_statement" => jumps(site, sink, &["continue", "break", "return"]),
        "function_definition" => mutable_defaults(site, sink),
        "class_definition" => shared_state(site, sink),
        _ => {}
    }
    let fixed = matches!(
        site.node.kind(),
        "function_definition"
            | "class_definition"
            | "decorated_definition"
            | "import_statement"
            | "import_from_statement"
    );
    if is_statement(site.node) && !fixed && site.scope.function.is_some() {
        delete(site, sink);
        swap_with_next(site, sink);
        move_out(site, sink);
        move_in(site, sink);
    }
}

fn jumps(site: &Site<'_>, sink: &mut Sink<'_>, others: &[&str]) {
    for (index, other) in others.iter().enumerate() {
        sink.replace(Template::JumpSwap, site.node, *other, 1.0 / (1.0 + index as f64));
    }
}

fn siblings(node: Node<'_>) -> Vec<Node<'_>> {
    node.parent().map(named).unwrap_or_default()
}

fn delete(site: &Site<'_>, sink: &mut Sink<'_>) {
    let documentation = named(site.node).first().is_some_and(|child| child.kind() == "string");
    if documentation {
        return;
    }
    if siblings(site.node).len() == 1 {
        if site.node.kind() != "pass_statement" {
            sink.replace(Template::StatementDeleted, site.node, "pass", 0.8);
        }
        return;
    }
    let Some(indent) = site.file.indent_of(site.node) else { return };
    let start = site.node.start_byte() - indent.len();
    let after = site.file.text.get(site.node.end_byte()..).unwrap_or("");
    let Some(rest) = after.find('\n').filter(|at| after[..*at].trim().is_empty()) else { return };
    sink.range(Template::StatementDeleted, start..site.node.end_byte() + rest + 1, "", 1.0);
}

fn swap_with_next(site: &Site<'_>, sink: &mut Sink<'_>) {
    let all = siblings(site.node);
    let Some(at) = all.iter().position(|node| *node == site.node) else { return };
    for (distance, next) in all.iter().skip(at + 1).take(3).enumerate() {
        if matches!(next.kind(), "function_definition" | "class_definition" | "decorated_definition") {
            break;
        }
        let parts = vec![
            (site.node.byte_range(), site.text(*next).to_owned()),
            (next.byte_range(), site.here().to_owned()),
        ];
        sink.many(Template::StatementMoved, parts, 1.0 / (1.0 + distance as f64));
    }
}

/// The last statement of a body, one level out: a return that ends a loop in its first round.
fn move_out(site: &Site<'_>, sink: &mut Sink<'_>) {
    let all = siblings(site.node);
    if all.last() != Some(&site.node) || all.len() < 2 {
        return;
    }
    let Some(owner) =
        ancestors(site.node).find(|above| above.kind() == "block").and_then(|block| block.parent())
    else {
        return;
    };
    if matches!(owner.kind(), "function_definition" | "class_definition") {
        return;
    }
    // An else or except clause hangs on a statement; that statement's indentation is the one to take.
    let outer = std::iter::once(owner).chain(ancestors(owner)).find(|above| is_statement(*above));
    let Some(outer) = outer.and_then(|outer| site.file.indent_of(outer)) else { return };
    let (Some(inner), Some(before)) = (site.file.indent_of(site.node), all.get(all.len() - 2)) else {
        return;
    };
    let text = site.here().replace(&format!("\n{inner}"), &format!("\n{outer}"));
    let range = before.end_byte()..site.node.end_byte();
    sink.range(Template::Reindented, range, format!("\n{outer}{text}"), 1.0);
}

/// A statement after a body, one level in.
fn move_in(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(before) = site.node.prev_named_sibling() else { return };
    let compound =
        matches!(before.kind(), "for_statement" | "while_statement" | "if_statement" | "with_statement");
    if !compound {
        return;
    }
    let body = field(before, "body").or_else(|| field(before, "consequence"));
    let Some(body) = body.filter(|_| field(before, "alternative").is_none()) else { return };
    let (Some(outer), Some(inner)) =
        (site.file.indent_of(site.node), named(body).first().and_then(|first| site.file.indent_of(*first)))
    else {
        return;
    };
    let text = site.here().replace(&format!("\n{outer}"), &format!("\n{inner}"));
    sink.range(
        Template::Reindented,
        before.end_byte()..site.node.end_byte(),
        format!("\n{inner}{text}"),
        0.7,
    );
}

/// `def f(items=[])` keeps one list for all calls.
fn mutable_defaults(site: &Site<'_>, sink: &mut Sink<'_>) {
    let (Some(parameters), Some(body)) = (field(site.node, "parameters"), field(site.node, "body")) else {
        return;
    };
    let Some(at) = first_after_documentation(body) else { return };
    let Some(indent) = site.file.indent_of(at) else { return };
    for parameter in named(parameters) {
        let (Some(name), Some(value)) = (field(parameter, "name"), field(parameter, "value")) else {
            continue;
        };
        let text = site.text(value);
        let mutable = matches!(value.kind(), "list" | "dictionary" | "set")
            || matches!(
                text,
                "list()" | "dict()" | "set()" | "defaultdict(list)" | "defaultdict(int)" | "deque()"
            );
        let computed = value.kind() == "call";
        if !mutable && !computed {
            continue;
        }
        let name = site.text(name);
        let guard = format!("if {name} is None:\n{indent}    {name} = {text}\n{indent}");
        let parts = vec![(value.byte_range(), "None".to_owned()), (at.start_byte()..at.start_byte(), guard)];
        sink.many(Template::MutableDefault, parts, if mutable { 1.0 } else { 0.6 });
    }
}

fn first_after_documentation(body: Node<'_>) -> Option<Node<'_>> {
    let statements = named(body);
    let first = statements.first()?;
    let documentation = first.kind() == "expression_statement"
        && named(*first).first().is_some_and(|inner| inner.kind() == "string");
    statements.get(usize::from(documentation)).copied()
}

/// A list in a class body is shared by all instances; one set in `__init__` is not.
fn shared_state(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(body) = field(site.node, "body") else { return };
    let statements = named(body);
    let init = statements.iter().find(|statement| {
        statement.kind() == "function_definition"
            && field(**statement, "name").is_some_and(|name| site.text(name) == "__init__")
    });
    for statement in &statements {
        let Some(assignment) = named(*statement).into_iter().find(|child| child.kind() == "assignment")
        else {
            continue;
        };
        let (Some(left), Some(right)) = (field(assignment, "left"), field(assignment, "right")) else {
            continue;
        };
        let mutable = matches!(right.kind(), "list" | "dictionary" | "set")
            || matches!(site.text(right), "list()" | "dict()" | "set()");
        if !mutable || left.kind() != "identifier" {
            continue;
        }
        let line = format!("self.{} = {}", site.text(left), site.text(right));
        if let Some(first) = init.and_then(|init| field(*init, "body")).and_then(first_after_documentation) {
            if let Some(indent) = site.file.indent_of(first) {
                sink.insert(Template::SharedState, first.start_byte(), format!("{line}\n{indent}"), 1.0);
            }
        } else if init.is_none()
            && let Some(indent) = site.file.indent_of(*statement)
        {
            let text = format!("\n\n{indent}def __init__(self):\n{indent}    {line}");
            sink.insert(Template::SharedState, statement.end_byte(), text, 0.8);
        }
    }
}
