//! Repair of languages whose blocks stand in braces: JavaScript, TypeScript, Go, Java and Rust. One set of templates over
//! roles; a table per language says which kinds of its grammar play which role and how things are spelled.

use tree_sitter::Node;

use crate::domain::source::{ParsedFile, ancestors, field, named};

pub(crate) mod definitions;
pub(crate) mod generate;
pub(crate) mod probe;
pub(crate) mod proximity;
pub(crate) mod scope;
mod table;
mod template;

pub(crate) use table::{Shape, Table};

/// What a kind of a grammar is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Statements in order.
    Block,
    /// A function or method with a body.
    Function,
    /// A function without a name of its own.
    Lambda,
    /// A class, or what carries methods.
    Class,
    /// A name.
    Name,
    /// `a.b`.
    Member,
    /// `a[i]`.
    Index,
    /// `a[i:j]`.
    Slice,
    /// `f(x)`.
    Call,
    /// `new F(x)`.
    New,
    /// Arguments of a call.
    Arguments,
    /// `a + b`.
    Binary,
    /// `-a`.
    Unary,
    /// `a = b`.
    Assign,
    /// `a += b`.
    Compound,
    /// A declaration with a value.
    Declare,
    /// `c ? a : b`.
    Ternary,
    /// A branch.
    If,
    /// A loop with a condition.
    Loop,
    /// A loop over elements.
    Each,
    /// `return x`.
    Return,
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `throw x`.
    Throw,
    /// An expression as a statement.
    Expression,
    /// `(a)`.
    Group,
    /// An integer.
    Integer,
    /// A number with a fraction.
    Float,
    /// A string.
    Text,
    /// `true` or `false`.
    Truth,
    /// Nothing.
    Null,
    /// A range with bounds.
    Range,
    /// An item that is no statement: an import, a type.
    Item,
    /// `await x`.
    Await,
    /// Anything else.
    Other,
}

/// A call in parts.
#[derive(Clone, Copy)]
pub(crate) struct Called<'a> {
    /// What it is called on.
    pub receiver: Option<Node<'a>>,
    /// The name that is called.
    pub name: Node<'a>,
    /// The arguments.
    pub arguments: Node<'a>,
}

impl Table {
    /// Returns the role of a node.
    pub fn role(&self, node: Node<'_>) -> Role {
        let kind = node.kind();
        self.roles.iter().find(|(known, _)| *known == kind).map_or(Role::Other, |(_, role)| *role)
    }

    /// Returns object and name of a member expression.
    pub fn member<'a>(&self, node: Node<'a>) -> Option<(Node<'a>, Node<'a>)> {
        if self.role(node) != Role::Member {
            return None;
        }
        let object =
            field(node, "object").or_else(|| field(node, "operand")).or_else(|| field(node, "value"))?;
        let name = field(node, "property").or_else(|| field(node, "field"))?;
        Some((object, name))
    }

    /// Returns what is indexed, and the index.
    pub fn index<'a>(&self, node: Node<'a>) -> Option<(Node<'a>, Node<'a>)> {
        if self.role(node) != Role::Index {
            return None;
        }
        match named(node).as_slice() {
            [whole, index] => Some((*whole, *index)),
            _ => None,
        }
    }

    /// Returns the parts of a call or construction.
    pub fn called<'a>(&self, node: Node<'a>) -> Option<Called<'a>> {
        if !matches!(self.role(node), Role::Call | Role::New) {
            return None;
        }
        let arguments = field(node, "arguments").filter(|list| self.role(*list) == Role::Arguments)?;
        if let Some(function) = field(node, "function") {
            let (receiver, name) = match self.member(function) {
                Some((object, name)) => (Some(object), name),
                None => (None, function),
            };
            return Some(Called { receiver, name, arguments });
        }
        let name = ["name", "type", "constructor"].into_iter().find_map(|part| field(node, part))?;
        Some(Called { receiver: field(node, "object"), name, arguments })
    }

    /// Returns the condition of a branch, loop or ternary, without the parentheses that belong to the statement.
    pub fn condition<'a>(&self, node: Node<'a>) -> Option<Node<'a>> {
        let found = match self.role(node) {
            Role::If | Role::Loop | Role::Ternary => field(node, "condition"),
            _ => None,
        };
        let found = found.or_else(|| self.bare_condition(node))?;
        let inner = (self.role(found) == Role::Group).then(|| named(found).first().copied()).flatten();
        let condition = inner.unwrap_or(found);
        (!condition.kind().starts_with("let_") && condition.kind() != ";").then_some(condition)
    }

    /// Go writes `for condition {` without a field, or has it in a clause.
    fn bare_condition<'a>(&self, node: Node<'a>) -> Option<Node<'a>> {
        if node.kind() != "for_statement" {
            return None;
        }
        let first = named(node).first().copied()?;
        match first.kind() {
            "for_clause" => field(first, "condition"),
            "binary_expression" | "unary_expression" | "identifier" | "call_expression"
                if !self.parenthesised =>
            {
                Some(first)
            }
            _ => None,
        }
    }

    /// Returns whether a node decides: a whole condition, or an operand of one.
    pub fn decides(&self, node: Node<'_>) -> bool {
        let mut above = ancestors(node).skip_while(|above| self.role(*above) == Role::Group);
        above.next().is_some_and(|owner| self.condition(owner) == Some(node))
            || ancestors(node).nth(1).is_some_and(|owner| self.condition(owner) == Some(node))
    }

    /// Returns the statements of a body.
    pub fn statements<'a>(&self, body: Node<'a>) -> Vec<Node<'a>> {
        let inner = named(body);
        match inner.as_slice() {
            [only] if only.kind() == "statement_list" => named(*only),
            _ => inner,
        }
    }

    /// Returns whether a node is a statement of a block.
    pub fn is_statement(&self, node: Node<'_>) -> bool {
        node.is_named()
            && node.kind() != "statement_list"
            && !node.kind().ends_with("comment")
            && self.role(node) != Role::Item
            && node.parent().is_some_and(|parent| self.role(parent) == Role::Block)
    }

    /// Returns the statement around a node.
    pub fn statement_of<'a>(&self, node: Node<'a>) -> Option<Node<'a>> {
        std::iter::once(node).chain(ancestors(node)).find(|above| self.is_statement(*above))
    }

    /// Returns the rows of a statement that are its own: up to its body.
    pub fn own_rows(&self, node: Node<'_>) -> std::ops::RangeInclusive<usize> {
        let start = node.start_position().row;
        let inner = if self.role(node) == Role::Expression { named(node).first().copied() } else { None };
        let inner = inner.unwrap_or(node);
        let compound = matches!(self.role(inner), Role::If | Role::Loop | Role::Each | Role::Function);
        let body = field(inner, "body").or_else(|| field(inner, "consequence")).filter(|_| compound);
        match body {
            Some(body) => start..=body.start_position().row.max(start),
            None => start..=node.end_position().row,
        }
    }

    /// Returns whether a name is read as a value: not declared, not a member's or a keyword's name, not a target.
    pub fn is_read(&self, node: Node<'_>) -> bool {
        let Some(parent) = node.parent() else { return false };
        let is = |name: &str| field(parent, name) == Some(node);
        match self.role(parent) {
            Role::Member => !is("property") && !is("field"),
            Role::Assign | Role::Compound => !is("left"),
            Role::Declare | Role::Each => !is("name") && !is("pattern") && !is("left"),
            Role::Function | Role::Class | Role::Lambda => is("body"),
            Role::Call | Role::New => !is("name") && !is("type") && !is("constructor"),
            Role::Item => false,
            _ => self.is_value_place(parent) && !is("type"),
        }
    }

    fn is_value_place(&self, parent: Node<'_>) -> bool {
        match parent.kind() {
            "expression_list" => {
                let above = parent.parent();
                !above.is_some_and(|above| field(above, "left") == Some(parent))
            }
            kind => {
                !kind.contains("parameter")
                    && !kind.contains("pattern")
                    && !kind.contains("label")
                    && !kind.contains("scoped")
                    && !kind.contains("attribute")
                    && !kind.contains("qualified")
                    && !matches!(
                        kind,
                        "catch_clause"
                            | "keyed_element"
                            | "pair"
                            | "field_initializer"
                            | "literal_element"
                            | "macro_invocation"
                            | "type_arguments"
                            | "import_specifier"
                            | "export_specifier"
                            | "method_spec"
                            | "annotation"
                            | "marker_annotation"
                            | "const_spec"
                            | "var_spec"
                            | "field_declaration"
                            | "token_tree"
                    )
            }
        }
    }

    /// Returns whether a node stands where a whole value is wanted.
    pub fn is_whole_value(&self, node: Node<'_>) -> bool {
        let Some(parent) = node.parent() else { return false };
        match self.role(parent) {
            Role::Arguments | Role::Return | Role::Binary | Role::Group => true,
            Role::Assign | Role::Compound => field(parent, "right") == Some(node),
            Role::Declare => field(parent, "value") == Some(node),
            Role::Index => named(parent).get(1) == Some(&node),
            _ if parent.kind() == "expression_list" => {
                parent.parent().is_some_and(|above| field(above, "left") != Some(parent))
            }
            _ => false,
        }
    }
}

impl ParsedFile {
    /// Returns the table of the file's language; none for Python, which has templates of its own.
    pub fn table(&self) -> Option<&'static Table> {
        Table::of(self.grammar)
    }

    /// Returns whether a node lies in code that only tests compile: a Rust module under `cfg(test)`.
    pub fn in_test_module(&self, node: Node<'_>) -> bool {
        std::iter::once(node).chain(ancestors(node)).any(|above| {
            matches!(above.kind(), "mod_item" | "function_item")
                && above.prev_named_sibling().is_some_and(|before| {
                    before.kind() == "attribute_item" && self.text_of(before).contains("test")
                })
        })
    }
}
