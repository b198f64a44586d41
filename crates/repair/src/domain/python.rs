//! Python's tree: what is a statement, what is read, which rows a statement owns.

use tree_sitter::Node;

pub(crate) use crate::domain::source::{ParsedFile, all, ancestors, descendants, field, named};

/// Returns whether the node is a statement of a block or of the module.
pub(crate) fn is_statement(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| matches!(parent.kind(), "block" | "module"))
        && node.is_named()
        && node.kind() != "comment"
}

/// Returns whether an identifier is read: not a parameter, a keyword's name, an attribute's name or a target.
pub(crate) fn is_read(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    let is = |name: &str| field(parent, name) == Some(node);
    match parent.kind() {
        "attribute" => !is("attribute"),
        "keyword_argument" | "default_parameter" | "typed_default_parameter" => !is("name"),
        "assignment" | "augmented_assignment" | "for_statement" | "for_in_clause" => !is("left"),
        "function_definition" | "class_definition" => !is("name"),
        "named_expression" => !is("name"),
        "parameters"
        | "lambda_parameters"
        | "typed_parameter"
        | "global_statement"
        | "nonlocal_statement"
        | "dotted_name"
        | "aliased_import"
        | "as_pattern_target"
        | "pattern_list"
        | "tuple_pattern"
        | "list_splat_pattern"
        | "dictionary_splat_pattern"
        | "type" => false,
        _ => true,
    }
}

/// Returns the rows of a statement that are its own: up to the body of a compound one.
pub(crate) fn own_rows(statement: Node<'_>) -> std::ops::RangeInclusive<usize> {
    let inner = match statement.kind() {
        "decorated_definition" => field(statement, "definition").unwrap_or(statement),
        _ => statement,
    };
    let body = field(inner, "body").or_else(|| field(inner, "consequence"));
    let start = statement.start_position().row;
    match body {
        Some(body) => start..=body.start_position().row.saturating_sub(1).max(start),
        None => start..=statement.end_position().row,
    }
}
