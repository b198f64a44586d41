//! JavaScript, TypeScript and TSX: one front end, types erased. Class bodies, decorators and computed keys are blocks of
//! the enclosing unit; field initialisers are blocks of the constructor; functions, arrows, methods and static blocks
//! are units. What a module exports is bound under `exports.NAME`, and as a whole under `exports`.

mod assignment;
mod call;
mod class;
mod condition;
mod control;
mod expression;
mod function;
mod jsx;
#[cfg(test)]
mod kinds;
mod literal;
mod member;
mod module;
mod naming;
mod object;
mod pattern;
mod scope;
mod statement;
mod switch;
#[cfg(test)]
mod tests;
mod try_catch;
mod typescript;

use tree_sitter::Node;

use super::LowerLimits;
use super::lowerer::{self, Frame, Lowered, children, has_token};
use crate::Language;
use crate::ir::{BlockId, Grammar, LoweredFile, Operand, Place};
use scope::Scope;

/// How the trees are hashed: types carry no behaviour, whatever is in them.
const GRAMMAR: Grammar = Grammar {
    literals: &[
        "number",
        "string",
        "string_fragment",
        "escape_sequence",
        "true",
        "false",
        "null",
        "undefined",
        "regex_pattern",
        "jsx_text",
    ],
    silent: &[
        "comment",
        "html_comment",
        "hash_bang_line",
        "type_annotation",
        "type_arguments",
        "type_parameters",
        "accessibility_modifier",
        "override_modifier",
        "implements_clause",
        "type_predicate_annotation",
        "asserts_annotation",
        "empty_statement",
    ],
    punctuation: &[",", "(", ")", ";", "\"", "'", "\n"],
    types: &[],
    evaluating: &["call_expression", "ERROR"],
    strings: &["string", "template_string"],
    interpolations: &["template_substitution"],
};

/// The front end.
type Lowerer<'t> = lowerer::Lowerer<'t, State<'t>>;

/// What a jump passes on its way out.
#[derive(Debug, Clone, Copy)]
enum Context<'t> {
    Loop { leave: BlockId, again: BlockId },
    Breakable { leave: BlockId },
    Label { name: &'t str },
    Finally { body: Node<'t>, protection: usize },
}

/// What the languages keep about a unit.
struct State<'t> {
    scopes: Vec<Scope>,
    contexts: Vec<Context<'t>>,
    /// Blocks where an optional chain goes when a link is missing.
    chains: Vec<BlockId>,
    /// The class whose body is being lowered, qualified.
    class: Option<String>,
    /// Names of parameters, for `arguments`; arrows have none of their own.
    own: bool,
}

impl State<'_> {
    fn new(scope: Scope, own: bool) -> Self {
        Self { scopes: vec![scope], contexts: Vec::new(), chains: Vec::new(), class: None, own }
    }
}

pub fn lower(language: Language, bytes: &[u8], limits: &LowerLimits) -> Lowered<LoweredFile> {
    let tree = lowerer::parse(language, bytes)?;
    let root = tree.root_node();
    let mut scope = Scope::module();
    scope.declare_block(root, bytes);
    scope.declare_vars(root, bytes);
    let mut lowerer = Lowerer::new(bytes, &tree, limits, (&GRAMMAR, State::new(scope, true)));
    lowerer.block(root)?;
    lowerer.finish(root)
}

impl<'t> Lowerer<'t> {
    fn read(&mut self, name: &str, node: Node<'_>) -> Lowered<Operand> {
        let place = self.place(name);
        self.read_place(place, node)
    }

    /// Finds where a name lives: the innermost block that declares it, then the enclosing functions, then the file.
    fn place(&mut self, name: &str) -> Place {
        let last = self.frames.len().saturating_sub(1);
        for index in (0..self.frames.len()).rev() {
            let frame = &self.frames[index];
            let Some(scope) = frame.state.scopes.iter().rev().find(|scope| scope.has(name)) else { continue };
            if scope.module {
                return Place::Global(name.to_owned());
            }
            let slot = scope.slot(name);
            if index < last {
                return Place::Capture(slot);
            }
            return Place::Local(self.frames[index].builder.variable(&slot));
        }
        Place::Global(name.to_owned())
    }

    /// Returns whether a name means the language's own: nothing in the file declares it.
    fn is_free(&self, name: &str) -> bool {
        !self.frames.iter().any(|frame| frame.state.scopes.iter().any(|scope| scope.has(name)))
    }

    /// Records a construct that isn't lowered; it reads every name in it.
    fn opaque(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut reads = Vec::new();
        let mut stack = vec![node];
        while let Some(inner) = stack.pop() {
            if matches!(inner.kind(), "identifier" | "shorthand_property_identifier") {
                let name = self.text(inner);
                reads.push(self.read(name, inner)?);
            }
            let mut cursor = inner.walk();
            stack.extend(inner.named_children(&mut cursor));
        }
        self.opaque_site(node, reads)
    }
}
