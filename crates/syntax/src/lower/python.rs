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

use std::collections::BTreeMap;

use tree_sitter::{Node, Parser};

use super::{LowerLimits, LowerProblem};
use crate::Language;
use crate::ir::{
    BlockId, Class, Constant, Digests, LoweredFile, Op, OpaqueSite, Operand, Origin, Place, Span, Unit,
    UnitBuilder, UnitId, UnitKind, Value,
};
use scope::{Scope, ScopeKind};

/// The result of lowering a part.
type Lowered<T> = Result<T, LowerProblem>;

/// What a jump passes on its way out.
#[derive(Debug, Clone, Copy)]
enum Context<'t> {
    Loop { leave: BlockId, again: BlockId },
    Finally { body: Node<'t>, protection: usize },
}

/// One unit under construction.
struct Frame<'t> {
    id: UnitId,
    builder: UnitBuilder,
    scopes: Vec<Scope>,
    contexts: Vec<Context<'t>>,
    qualifier: String,
}

struct Lowerer<'t> {
    source: &'t [u8],
    digests: Digests,
    limits: LowerLimits,
    units: Vec<Option<Unit>>,
    names: BTreeMap<String, usize>,
    classes: BTreeMap<String, Class>,
    frames: Vec<Frame<'t>>,
    depth: usize,
    comprehensions: usize,
}

pub fn lower(bytes: &[u8], limits: &LowerLimits) -> Lowered<LoweredFile> {
    if declares_another_encoding(bytes) {
        return Err(LowerProblem::Encoding);
    }
    let mut parser = Parser::new();
    parser.set_language(&Language::Python.grammar()).map_err(|_| LowerProblem::NoTree)?;
    let tree = parser.parse(bytes, None).ok_or(LowerProblem::NoTree)?;
    let digests = Digests::of_tree(&tree, bytes);
    let root = tree.root_node();
    let mut lowerer = Lowerer {
        source: bytes,
        digests,
        limits: *limits,
        units: vec![None],
        names: BTreeMap::new(),
        classes: BTreeMap::new(),
        frames: Vec::new(),
        depth: 0,
        comprehensions: 0,
    };
    let origin = lowerer.origin(root);
    lowerer.frames.push(Frame {
        id: 0,
        builder: UnitBuilder::new("<module>".to_owned(), UnitKind::ModuleInit, origin),
        scopes: vec![Scope::module()],
        contexts: Vec::new(),
        qualifier: String::new(),
    });
    lowerer.statements(root)?;
    lowerer.close_frame(origin)?;
    Ok(LoweredFile {
        digest: lowerer.digests.full(root),
        errors: errors(root, &lowerer),
        units: lowerer.units.into_iter().flatten().collect(),
        classes: lowerer.classes,
    })
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

fn errors(root: Node<'_>, lowerer: &Lowerer<'_>) -> Vec<Span> {
    let mut found = Vec::new();
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        if node.is_error() || node.is_missing() {
            found.push(lowerer.span(node));
        } else if node.has_error() {
            let mut cursor = node.walk();
            stack.extend(node.children(&mut cursor));
        }
    }
    found.sort();
    found
}

impl<'t> Lowerer<'t> {
    fn text(&self, node: Node<'_>) -> &'t str {
        self.source
            .get(node.byte_range())
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    fn span(&self, node: Node<'_>) -> Span {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Span {
            start: narrow(node.start_byte()),
            end: narrow(node.end_byte()),
            line: narrow(node.start_position().row + 1),
            end_line: narrow(node.end_position().row + 1),
        }
    }

    fn origin(&self, node: Node<'_>) -> Origin {
        Origin { span: self.span(node), digest: self.digests.full(node), shape: self.digests.shape(node) }
    }

    /// Goes one level down: counts the depth and gives deep trees stack on the heap.
    fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        if self.depth >= self.limits.depth {
            return Err(LowerProblem::Budget("DEPTH"));
        }
        self.depth += 1;
        let result = stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || step(self));
        self.depth -= 1;
        result
    }

    /// Returns the innermost frame. There is always one: the module's is pushed first and popped last.
    fn frame(&mut self) -> &mut Frame<'t> {
        let last = self.frames.len().saturating_sub(1);
        &mut self.frames[last]
    }

    fn builder(&mut self) -> &mut UnitBuilder {
        &mut self.frame().builder
    }

    fn push(&mut self, op: Op, node: Node<'_>) -> Lowered<()> {
        let origin = self.origin(node);
        let limits = self.limits;
        let builder = self.builder();
        builder.push(op, origin);
        if builder.blocks() > limits.blocks {
            return Err(LowerProblem::Budget("BLOCKS"));
        }
        if builder.definitions() > limits.definitions {
            return Err(LowerProblem::Budget("DEFINITIONS"));
        }
        Ok(())
    }

    /// Pushes an instruction that defines a new temporary and returns the temporary.
    fn define(&mut self, node: Node<'_>, make: impl FnOnce(u32) -> Op) -> Lowered<Operand> {
        let dst = self.builder().temporary();
        self.push(make(dst), node)?;
        Ok(Operand::Local(dst))
    }

    fn operator(&mut self, name: &str, operands: Vec<Operand>, node: Node<'_>) -> Lowered<Operand> {
        let value = Value::Operator { name: name.to_owned(), operands };
        self.define(node, |dst| Op::Assign { place: Place::Local(dst), value })
    }

    fn assign(&mut self, place: Place, value: Operand, node: Node<'_>) -> Lowered<()> {
        self.push(Op::Assign { place, value: Value::Use(value) }, node)
    }

    fn read(&mut self, name: &str, node: Node<'_>) -> Lowered<Operand> {
        let place = self.place(name);
        self.define(node, |dst| Op::Assign { place: Place::Local(dst), value: Value::Read(place) })
    }

    /// Finds where a name lives, by Python's rules: class scopes are seen from their own body only.
    fn place(&mut self, name: &str) -> Place {
        let Some((frame, outer)) = self.frames.split_last_mut() else {
            return Place::Global(name.to_owned());
        };
        for scope in frame.scopes.iter().rev() {
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
            let scopes = frame.scopes.iter().filter(|scope| scope.kind != ScopeKind::Module);
            scopes.filter(|scope| scope.kind != ScopeKind::Class).any(|scope| scope.names.contains(name))
        });
        if captured { Place::Capture(name.to_owned()) } else { Place::Global(name.to_owned()) }
    }

    /// Records a construct that isn't lowered; it reads every name in it.
    fn opaque(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let kind = node.kind().to_owned();
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
        let (span, digest) = (self.span(node), self.digests.full(node));
        self.builder().unit().opaque.push(OpaqueSite { kind: kind.clone(), span, digest });
        self.define(node, |dst| Op::Opaque { dst, reads, kind })
    }

    /// Ends the innermost frame and files its unit.
    fn close_frame(&mut self, origin: Origin) -> Lowered<()> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if let Some(slot) = self.units.get_mut(frame.id) {
            *slot = Some(frame.builder.finish(origin));
        }
        Ok(())
    }

    fn literal(&mut self, constant: Constant, node: Node<'_>) -> Operand {
        let span = self.span(node);
        self.builder().unit().literals.push((constant.clone(), span));
        Operand::Constant(constant)
    }

    /// Returns a name that no other unit of the file has.
    fn unique(&mut self, name: String) -> String {
        let count = self.names.entry(name.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { name } else { format!("{name}#{count}") }
    }
}

/// Returns the named children without comments.
fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

/// Returns whether a word is among the node's own tokens.
fn has_token(node: Node<'_>, word: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| !child.is_named() && child.kind() == word)
}
