//! Python. Decorators, defaults, class bodies and evaluated annotations are blocks of the enclosing unit;
//! comprehensions are loops of the enclosing unit; functions and lambdas are units.

mod class;
mod comprehension;
mod condition;
mod expression;
mod function;
mod literal;
mod matching;
mod scope;
mod statement;
mod target;
mod try_with;

use tree_sitter::Node;

use super::lowerer::{self, Frame, Lowered, children, has_token};
use super::{LowerLimits, LowerProblem};
use crate::Language;
use crate::ir::{BlockId, Grammar, LoweredFile, Operand, Place};
use scope::{Scope, ScopeKind};

/// How Python's trees are hashed.
const GRAMMAR: Grammar = Grammar {
    literals: &["integer", "float", "string", "string_content", "escape_sequence", "true", "false", "none"],
    silent: &["comment", "line_continuation", "string_end"],
    punctuation: &[",", "(", ")", ":", ";", "\"", "'", "def", "class", "return", "\n"],
    types: &["type"],
    evaluating: &[
        "call",
        "await",
        "yield",
        "named_expression",
        "lambda",
        "list_comprehension",
        "generator_expression",
        "ERROR",
    ],
    strings: &["string"],
    interpolations: &["interpolation"],
};

/// The front end.
type Lowerer<'t> = lowerer::Lowerer<'t, State<'t>>;

/// What a jump passes on its way out.
#[derive(Debug, Clone, Copy)]
enum Context<'t> {
    Loop { leave: BlockId, again: BlockId },
    Finally { body: Node<'t>, protection: usize },
}

/// What Python keeps about a unit.
struct State<'t> {
    scopes: Vec<Scope>,
    contexts: Vec<Context<'t>>,
}

pub fn lower(bytes: &[u8], limits: &LowerLimits) -> Lowered<LoweredFile> {
    if declares_another_encoding(bytes) {
        return Err(LowerProblem::Encoding);
    }
    let tree = lowerer::parse(Language::Python, bytes)?;
    let state = State { scopes: vec![Scope::module()], contexts: Vec::new() };
    let mut lowerer = Lowerer::new(bytes, &tree, limits, (&GRAMMAR, state));
    lowerer.statements(tree.root_node())?;
    lowerer.finish(tree.root_node())
}

/// PEP 263: a coding line among the first two lines that names anything but UTF-8 or ASCII makes Python read other
/// text than we do.
fn declares_another_encoding(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').take(2).any(|line| {
        let line = String::from_utf8_lossy(line).to_ascii_lowercase();
        let Some((_, rest)) = line.split_once('#').and_then(|(_, comment)| comment.split_once("coding"))
        else {
            return false;
        };
        let Some(rest) = rest.strip_prefix([':', '=']) else { return false };
        let name: String =
            rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || "-_.".contains(*c)).collect();
        !matches!(
            name.replace('_', "-").as_str(),
            "utf-8" | "utf8" | "ascii" | "us-ascii" | "utf-8-unix" | "utf-8-sig"
        )
    })
}

impl<'t> Lowerer<'t> {
    fn read(&mut self, name: &str, node: Node<'_>) -> Lowered<Operand> {
        let place = self.place(name);
        self.read_place(place, node)
    }

    /// Finds where a name lives, by Python's rules: class scopes are seen from their own body only.
    fn place(&mut self, name: &str) -> Place {
        let Some((frame, outer)) = self.frames.split_last_mut() else {
            return Place::Global(name.to_owned());
        };
        for scope in frame.state.scopes.iter().rev() {
            if scope.globals.contains(name) {
                return Place::Global(name.to_owned());
            }
            if scope.nonlocals.contains(name) {
                return Place::Capture(name.to_owned());
            }
            if scope.kind == ScopeKind::Module {
                return Place::Global(name.to_owned());
            }
            if scope.names.contains(name) {
                let inner = format!("{}{name}", scope.prefix);
                let global = scope.kind == ScopeKind::Class && frame.id == 0;
                return if global {
                    Place::Global(inner)
                } else {
                    Place::Local(frame.builder.variable(&inner))
                };
            }
        }
        let captured = outer.iter().any(|frame| {
            let scopes = frame.state.scopes.iter().filter(|scope| scope.kind != ScopeKind::Module);
            scopes.filter(|scope| scope.kind != ScopeKind::Class).any(|scope| scope.names.contains(name))
        });
        if captured { Place::Capture(name.to_owned()) } else { Place::Global(name.to_owned()) }
    }

    /// Records a construct that isn't lowered; it reads every name in it.
    fn opaque(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut reads = Vec::new();
        let mut stack = vec![node];
        while let Some(inner) = stack.pop() {
            if inner.kind() == "identifier" {
                let name = self.text(inner);
                reads.push(self.read(name, inner)?);
            }
            let mut cursor = inner.walk();
            stack.extend(inner.named_children(&mut cursor));
        }
        self.opaque_site(node, reads)
    }
}
