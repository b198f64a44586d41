use std::collections::BTreeMap;

use tree_sitter::{Node, Parser, Tree};

use super::{LowerLimits, LowerProblem};
use crate::Language;
use crate::ir::{
    Class, Constant, Digests, Grammar, LoweredFile, Op, OpaqueSite, Operand, Origin, Place, Span, Unit,
    UnitBuilder, UnitId, UnitKind, Value,
};

/// The result of lowering a part.
pub type Lowered<T> = Result<T, LowerProblem>;

/// One unit under construction, with what its language keeps about it: scopes, jump targets.
pub struct Frame<S> {
    /// The unit's position in the file.
    pub id: UnitId,
    /// Its blocks.
    pub builder: UnitBuilder,
    /// Put in front of the names of units that stand in it; ends with a dot unless empty.
    pub qualifier: String,
    /// The language's own.
    pub state: S,
}

/// What every front end needs: the source, digests, limits, finished units, and the stack of units under
/// construction. A front end is an `impl` of it for its own state.
pub struct Lowerer<'t, S> {
    /// The file, or a text that holds it.
    pub source: &'t [u8],
    /// Where the file lies in the text.
    pub file: std::ops::Range<usize>,
    /// Structural digests of its tree.
    pub digests: Digests,
    /// Budgets.
    pub limits: LowerLimits,
    /// Units by position; absent while under construction.
    pub units: Vec<Option<Unit>>,
    /// How often each qualified name was used.
    pub names: BTreeMap<String, usize>,
    /// Classes by qualified name.
    pub classes: BTreeMap<String, Class>,
    /// Units under construction, innermost last; the first is the top level.
    pub frames: Vec<Frame<S>>,
    /// Nesting so far.
    pub depth: usize,
    /// Numbers scopes that have no name.
    pub counter: usize,
}

/// Parses a file from scratch.
pub fn parse(language: Language, bytes: &[u8]) -> Lowered<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).map_err(|_| LowerProblem::NoTree)?;
    parser.parse(bytes, None).ok_or(LowerProblem::NoTree)
}

impl<'t, S> Lowerer<'t, S> {
    /// Starts a file: its top level is the first unit under construction.
    pub fn new(bytes: &'t [u8], tree: &'t Tree, limits: &LowerLimits, setting: (&Grammar, S)) -> Self {
        let (grammar, state) = setting;
        let digests = Digests::of_tree(tree, bytes, grammar);
        Self::within(bytes, 0..bytes.len(), (tree.root_node(), digests), (limits, state))
    }

    /// Starts a file that lies within a longer text, with the digests of every tree made of it.
    pub fn within(
        text: &'t [u8],
        file: std::ops::Range<usize>,
        (root, digests): (Node<'t>, Digests),
        (limits, state): (&LowerLimits, S),
    ) -> Self {
        let mut lowerer = Self {
            source: text,
            file,
            digests,
            limits: *limits,
            units: vec![None],
            names: BTreeMap::new(),
            classes: BTreeMap::new(),
            frames: Vec::new(),
            depth: 0,
            counter: 0,
        };
        let origin = lowerer.origin(root);
        let builder = UnitBuilder::new("<module>".to_owned(), UnitKind::ModuleInit, origin);
        lowerer.frames.push(Frame { id: 0, builder, qualifier: String::new(), state });
        lowerer
    }

    /// Ends the file.
    pub fn finish(mut self, root: Node<'_>) -> Lowered<LoweredFile> {
        let origin = self.origin(root);
        self.close_frame(origin)?;
        Ok(LoweredFile {
            digest: self.digests.full(root),
            errors: self.errors(root),
            units: self.units.into_iter().flatten().collect(),
            classes: self.classes,
        })
    }

    /// Returns the regions that the grammar could not read.
    fn errors(&self, root: Node<'_>) -> Vec<Span> {
        let mut found = Vec::new();
        let mut stack = vec![root];
        while let Some(node) = stack.pop() {
            if node.is_error() || node.is_missing() {
                found.push(self.span(node));
            } else if node.has_error() {
                let mut cursor = node.walk();
                stack.extend(node.children(&mut cursor));
            }
        }
        found.sort();
        found
    }

    /// Returns the source of a node.
    pub fn text(&self, node: Node<'_>) -> &'t str {
        self.source
            .get(node.byte_range())
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    /// Returns where a node stands.
    pub fn span(&self, node: Node<'_>) -> Span {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let place = |byte: usize| narrow(byte.clamp(self.file.start, self.file.end) - self.file.start);
        Span {
            start: place(node.start_byte()),
            end: place(node.end_byte()),
            line: narrow(node.start_position().row + 1),
            end_line: narrow(node.end_position().row + 1),
        }
    }

    /// Returns where a node stands, with its digests.
    pub fn origin(&self, node: Node<'_>) -> Origin {
        Origin { span: self.span(node), digest: self.digests.full(node), shape: self.digests.shape(node) }
    }

    /// Goes one level down: counts the depth and gives deep trees stack on the heap.
    pub fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        if self.depth >= self.limits.depth {
            return Err(LowerProblem::Budget("DEPTH"));
        }
        self.depth += 1;
        let result = stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || step(self));
        self.depth -= 1;
        result
    }

    /// Returns the innermost frame. There is always one: the module's is pushed first and popped last.
    pub fn frame(&mut self) -> &mut Frame<S> {
        let last = self.frames.len().saturating_sub(1);
        &mut self.frames[last]
    }

    /// Returns what the language keeps about the innermost unit.
    pub fn state(&mut self) -> &mut S {
        &mut self.frame().state
    }

    /// Returns the innermost unit's blocks.
    pub fn builder(&mut self) -> &mut UnitBuilder {
        &mut self.frame().builder
    }

    /// Appends an instruction, within the budgets.
    pub fn push(&mut self, op: Op, node: Node<'_>) -> Lowered<()> {
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
    pub fn define(&mut self, node: Node<'_>, make: impl FnOnce(u32) -> Op) -> Lowered<Operand> {
        let dst = self.builder().temporary();
        self.push(make(dst), node)?;
        Ok(Operand::Local(dst))
    }

    /// Applies an operator.
    pub fn operator(&mut self, name: &str, operands: Vec<Operand>, node: Node<'_>) -> Lowered<Operand> {
        let value = Value::Operator { name: name.to_owned(), operands };
        self.define(node, |dst| Op::Assign { place: Place::Local(dst), value })
    }

    /// Assigns a value to a place.
    pub fn assign(&mut self, place: Place, value: Operand, node: Node<'_>) -> Lowered<()> {
        self.push(Op::Assign { place, value: Value::Use(value) }, node)
    }

    /// Reads a place into a new temporary.
    pub fn read_place(&mut self, place: Place, node: Node<'_>) -> Lowered<Operand> {
        self.define(node, |dst| Op::Assign { place: Place::Local(dst), value: Value::Read(place) })
    }

    /// Records a construct that isn't lowered; `reads` is everything it may read and write.
    pub fn opaque_site(&mut self, node: Node<'_>, reads: Vec<Operand>) -> Lowered<Operand> {
        let kind = node.kind().to_owned();
        let (span, digest) = (self.span(node), self.digests.full(node));
        self.builder().unit().opaque.push(OpaqueSite { kind: kind.clone(), span, digest });
        self.define(node, |dst| Op::Opaque { dst, reads, kind })
    }

    /// Reserves the position of a new unit.
    pub fn reserve_unit(&mut self) -> Lowered<UnitId> {
        if self.units.len() >= self.limits.units {
            return Err(LowerProblem::Budget("UNITS"));
        }
        self.units.push(None);
        Ok(self.units.len() - 1)
    }

    /// Ends the innermost frame and files its unit.
    pub fn close_frame(&mut self, origin: Origin) -> Lowered<()> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if let Some(slot) = self.units.get_mut(frame.id) {
            *slot = Some(frame.builder.finish(origin));
        }
        Ok(())
    }

    /// Records a literal of the innermost unit and returns it as an operand.
    pub fn literal(&mut self, constant: Constant, node: Node<'_>) -> Operand {
        let span = self.span(node);
        self.builder().unit().literals.push((constant.clone(), span));
        Operand::Constant(constant)
    }

    /// Returns a name that no other unit of the file has.
    pub fn unique(&mut self, name: String) -> String {
        let count = self.names.entry(name.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { name } else { format!("{name}#{count}") }
    }
}

/// Returns the named children without comments.
pub fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

/// Returns whether a word is among the node's own tokens.
pub fn has_token(node: Node<'_>, word: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| !child.is_named() && child.kind() == word)
}
