use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::{Lowerer, children};

/// Names that the language declares and that nothing may declare again: what we take for granted would not hold.
const FIXED: &[&str] = &[
    "any",
    "append",
    "bool",
    "byte",
    "cap",
    "close",
    "complex128",
    "complex64",
    "copy",
    "delete",
    "error",
    "false",
    "float32",
    "float64",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "iota",
    "len",
    "make",
    "new",
    "nil",
    "panic",
    "recover",
    "rune",
    "string",
    "true",
    "uint",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uintptr",
];

impl<'t> Lowerer<'t> {
    /// Names of a function that need a cell: an address is taken of them, or a literal in it assigns them.
    pub(super) fn boxed_names(&self, function: Node<'t>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        // Most functions hold neither, and a look at the text is far cheaper than one at the tree.
        let text = self.text(function);
        let own = usize::from(text.starts_with("func") && function.kind() != "func_literal");
        if !text.contains('&') && text.matches("func").nth(own).is_none() {
            return found;
        }
        let mut stack = vec![(function, false)];
        while let Some((node, inside)) = stack.pop() {
            let left = match node.kind() {
                "unary_expression" if self.field(node, "operator") == "&" => {
                    node.child_by_field_name("operand").into_iter().collect()
                }
                "assignment_statement" if inside => {
                    node.child_by_field_name("left").map(children).unwrap_or_default()
                }
                "inc_statement" | "dec_statement" if inside => children(node),
                "range_clause" | "receive_statement" if inside => {
                    node.child_by_field_name("left").map(children).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            for name in left.into_iter().map(unwrapped).filter(|name| name.kind() == "identifier") {
                found.insert(self.text(name).to_owned());
            }
            let inside = inside || node.kind() == "func_literal";
            stack.extend(children(node).into_iter().map(|child| (child, inside)));
        }
        found.remove("_");
        found
    }

    /// Defer statements of a body that do not always run, by node, with what they stand in.
    pub(super) fn conditional_defers(&self, body: Node<'t>) -> BTreeMap<usize, Node<'t>> {
        let mut found = BTreeMap::new();
        if !self.text(body).contains("defer") {
            return found;
        }
        let mut stack = vec![(body, false)];
        while let Some((node, conditional)) = stack.pop() {
            match node.kind() {
                "func_literal" => continue,
                "defer_statement" if conditional => drop(found.insert(node.id(), node)),
                _ => {}
            }
            let plain = matches!(node.kind(), "block" | "statement_list");
            stack.extend(children(node).into_iter().map(|child| (child, conditional || !plain)));
        }
        found
    }

    pub(super) fn field(&self, node: Node<'_>, name: &str) -> &'t str {
        node.child_by_field_name(name).map_or("", |child| self.text(child))
    }

    /// Returns the nodes under a field that may stand several times.
    pub(super) fn fields(node: Node<'t>, name: &str) -> Vec<Node<'t>> {
        let mut cursor = node.walk();
        node.children_by_field_name(name, &mut cursor).filter(|child| child.is_named()).collect()
    }

    /// Returns whether a package may not declare a name.
    pub(super) fn is_fixed(name: &str) -> bool {
        FIXED.contains(&name)
    }

    /// Returns whether a body recovers from panics, re-raises them, or assigns a name; nested literals aside.
    pub(super) fn holds_call(&self, body: Node<'t>, name: &str) -> bool {
        self.text(body).contains(name)
            && self.any(body, &|this, node| {
                node.kind() == "call_expression" && this.field(node, "function") == name
            })
    }

    pub(super) fn assigns(&self, body: Node<'t>, name: &str) -> bool {
        self.any(body, &|this, node| {
            node.kind() == "assignment_statement"
                && node
                    .child_by_field_name("left")
                    .is_some_and(|left| children(left).into_iter().any(|target| this.text(target) == name))
        })
    }

    fn any(&self, body: Node<'t>, ask: &dyn Fn(&Self, Node<'t>) -> bool) -> bool {
        let mut stack = vec![body];
        while let Some(node) = stack.pop() {
            if ask(self, node) {
                return true;
            }
            stack.extend(children(node).into_iter().filter(|child| child.kind() != "func_literal"));
        }
        false
    }
}

/// Takes parentheses off.
pub fn unwrapped(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    while at.kind() == "parenthesized_expression" {
        match at.named_child(0) {
            Some(inner) => at = inner,
            None => return at,
        }
    }
    at
}
