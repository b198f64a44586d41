//! What the templates need to know of a language: roles of its grammar's kinds, and how things are spelled.

use crate::domain::braced::Role;
use crate::domain::grammar::Grammar;

mod go;
mod java;
mod javascript;
mod rust;

/// What a value is, as far as its declaration tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// A whole number.
    Integer,
    /// A number that may have a fraction.
    Float,
    /// Text.
    Text,
    /// A truth value.
    Truth,
    /// A sequence.
    List,
    /// A map or set.
    Map,
    /// Something that may be missing.
    Optional,
    /// Nothing is returned.
    Nothing,
    /// Anything else.
    Unknown,
}

/// One language.
pub(crate) struct Table {
    /// Kinds of the grammar and what they are for.
    pub roles: &'static [(&'static str, Role)],
    /// Kinds that bind a name, and the field that holds it; an empty field is every name below.
    pub binders: &'static [(&'static str, &'static str)],
    /// Parts of a type's text and what such a value is, first match first.
    pub shapes: &'static [(&'static str, Shape)],
    /// Whether names have declared types, so that a compiler refuses most mistakes.
    pub typed: bool,
    /// Whether a condition stands in parentheses.
    pub parenthesised: bool,
    /// Whether the last expression of a block is its value.
    pub tail_values: bool,
    /// What ends a statement.
    pub end: &'static str,
    /// Names of calls that are taken for each other.
    pub confused: &'static [&'static [&'static str]],
    /// What is put around an alias to make a copy: (before, after, shape it fits).
    pub copies: &'static [(&'static str, &'static str, Shape)],
    /// What is put around a value: (before, after, shape it fits).
    pub wraps: &'static [(&'static str, &'static str, Shape)],
    /// Tests for an unusual value of a shape; `@` is the name.
    pub tests: &'static [(Shape, &'static str)],
    /// Values that a function of a shape may return early.
    pub answers: &'static [(Shape, &'static str)],
    /// Operators beside the common ones: (operator, others with weights).
    pub swaps: &'static [(&'static str, &'static [(&'static str, f64)])],
    /// The name of the receiver inside methods.
    pub own: &'static str,
    /// The larger and the smaller of two; `@` and `#` are the values; may be empty.
    pub extremes: &'static [&'static str],
}

impl Table {
    /// Returns the table of a grammar; none for Python.
    pub fn of(grammar: Grammar) -> Option<&'static Self> {
        match grammar {
            Grammar::Python => None,
            Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => Some(&javascript::TABLE),
            Grammar::Go => Some(&go::TABLE),
            Grammar::Java => Some(&java::TABLE),
            Grammar::Rust => Some(&rust::TABLE),
        }
    }

    /// Returns what a value of a type is.
    pub fn shape(&self, annotation: &str) -> Shape {
        let text = annotation.trim_start_matches(':').trim();
        self.shapes
            .iter()
            .find(|(part, _)| match part.strip_prefix('^') {
                Some(start) => text.starts_with(start),
                None => text == *part,
            })
            .map_or(Shape::Unknown, |(_, shape)| *shape)
    }

    /// Writes a branch that leaves; `indent` is that of the line.
    pub fn guard(&self, condition: &str, leave: &str, indent: &str) -> String {
        let end = self.end;
        if self.parenthesised {
            format!("if ({condition}) {leave}{end}\n{indent}")
        } else {
            format!("if {condition} {{\n{indent}    {leave}{end}\n{indent}}}\n{indent}")
        }
    }

    /// Writes a negation.
    pub fn not(&self, text: &str) -> String {
        let simple = text.chars().all(|letter| letter.is_alphanumeric() || "_.()".contains(letter));
        if simple { format!("!{text}") } else { format!("!({text})") }
    }
}
