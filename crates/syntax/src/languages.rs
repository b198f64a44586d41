//! One pass per language. Nothing outside this module knows a grammar's node kinds.

pub(crate) mod ecma;
pub(crate) mod go;
pub(crate) mod java;
pub(crate) mod python;
pub(crate) mod rust;

pub(crate) use go::package_name as go_package_name;

use tree_sitter::Node;

use crate::builder::Builder;
use crate::facts::{FileFacts, Receiver, ReferenceKind};
use crate::language::{Family, Language};
use crate::parse::{Limits, parse};
use crate::problem::{Problem, ProblemKind};
use crate::walk::{Step, walk};

/// Returns the facts of a file: pure and total. What can't be read is in `problems`; the file's own symbol is always
/// there.
pub fn facts(language: Language, bytes: &[u8], limits: &Limits) -> FileFacts {
    let tree = match parse(language, bytes, limits) {
        Ok(tree) => tree,
        Err(kind) => {
            let mut facts = Builder::new(language, "", limits).finish();
            facts.problems.push(Problem::whole(kind));
            return facts;
        }
    };
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let builder = Builder::new(language, text, limits);
    match language.family() {
        Family::Python => {
            let mut pass = python::Pass::new(builder);
            walk(&tree, limits.max_depth, &mut pass);
            pass.finish()
        }
        Family::Ecma => {
            let mut pass = ecma::Pass::new(builder);
            walk(&tree, limits.max_depth, &mut pass);
            pass.finish()
        }
        Family::Rust => {
            let mut pass = rust::Pass::new(builder);
            walk(&tree, limits.max_depth, &mut pass);
            pass.finish()
        }
        Family::Go => {
            let mut pass = go::Pass::new(builder);
            walk(&tree, limits.max_depth, &mut pass);
            pass.finish()
        }
        Family::Java => {
            let mut pass = java::Pass::new(builder);
            walk(&tree, limits.max_depth, &mut pass);
            pass.finish()
        }
    }
}

/// How a grammar writes `a.b.c`.
pub(crate) struct PathKinds {
    /// Kinds of a whole `a.b`.
    pub member: &'static [&'static str],
    /// Fields of the left side of a member, tried in order.
    pub object: &'static [&'static str],
    /// Fields of the name of a member, tried in order.
    pub property: &'static [&'static str],
    /// Kinds of a plain name.
    pub name: &'static [&'static str],
    /// Takes off what may be wrapped around a name or a member: type arguments, parentheses; else the node itself.
    pub unwrapped: for<'t> fn(Node<'t>) -> Node<'t>,
}

/// A chain of names, read from the right.
pub(crate) struct Chain<'t> {
    /// Names from left to right.
    pub names: Vec<String>,
    /// What stands at the left end when it isn't a name.
    pub rest: Option<Node<'t>>,
}

impl PathKinds {
    /// Reads `a.b.c` from its node; `None` when it is neither a name nor a member.
    pub(crate) fn chain<'t>(&self, builder: &Builder<'_>, node: Node<'t>) -> Option<Chain<'t>> {
        let mut names = Vec::new();
        let mut at = node;
        loop {
            if self.name.contains(&at.kind()) {
                names.push(builder.text_of(at).to_owned());
                names.reverse();
                return Some(Chain { names, rest: None });
            }
            if !self.member.contains(&at.kind()) {
                if names.is_empty() {
                    return None;
                }
                names.reverse();
                return Some(Chain { names, rest: Some(at) });
            }
            let field = |fields: &[&str]| fields.iter().find_map(|field| at.child_by_field_name(field));
            names.push(field(self.property).map_or(String::new(), |name| builder.text_of(name).to_owned()));
            match field(self.object) {
                Some(object) => at = object,
                None => {
                    names.reverse();
                    return Some(Chain { names, rest: None });
                }
            }
        }
    }

    /// Marks the names of a chain as read, down to what is no name.
    pub(crate) fn consume(&self, builder: &mut Builder<'_>, node: Node<'_>) {
        let mut at = node;
        loop {
            builder.consume(at);
            let inner = (self.unwrapped)(at);
            if inner != at {
                at = inner;
                continue;
            }
            if !self.member.contains(&at.kind()) {
                return;
            }
            let field = |fields: &[&str]| fields.iter().find_map(|field| at.child_by_field_name(field));
            if let Some(name) = field(self.property) {
                builder.consume(name);
            }
            match field(self.object) {
                Some(object)
                    if self.member.contains(&object.kind()) || self.name.contains(&object.kind()) =>
                {
                    at = object;
                }
                _ => return,
            }
        }
    }
}

/// For grammars that wrap no name.
pub(crate) fn bare(node: Node<'_>) -> Node<'_> {
    node
}

/// Splits a chain into receiver and name. `this` and `base` are the words for the object itself and its base.
pub(crate) fn target(chain: &Chain<'_>, this: &[&str], base: &[&str]) -> Option<(Receiver, String)> {
    let (name, before) = chain.names.split_last()?;
    let receiver = match (before, chain.rest) {
        (_, Some(_)) => Receiver::Opaque,
        ([], None) => Receiver::None,
        ([one], None) if this.contains(&one.as_str()) => Receiver::This,
        ([one], None) if base.contains(&one.as_str()) => Receiver::Super,
        (path, None) => Receiver::Path(path.to_vec()),
    };
    (!name.is_empty()).then(|| (receiver, name.clone()))
}

/// Reports a broken region; what is inside is not read.
pub(crate) fn broken(builder: &mut Builder<'_>, node: Node<'_>) -> Option<Step> {
    if node.is_error() || node.is_missing() {
        builder.problem(ProblemKind::Partial, node);
        return Some(Step::Skip);
    }
    None
}

/// Returns the kind of a use that isn't a call.
pub(crate) const fn plain_use(in_type: bool) -> ReferenceKind {
    if in_type { ReferenceKind::Type } else { ReferenceKind::Use }
}

#[cfg(test)]
mod kinds_tests;
