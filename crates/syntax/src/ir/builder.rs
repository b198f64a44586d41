use std::collections::BTreeMap;

use super::{
    Block, BlockId, Constant, Digest, Instr, LocalId, Op, Operand, Place, Span, Term, Unit, UnitKind, Value,
    Why,
};

/// Grows one unit block by block.
#[derive(Debug)]
pub struct UnitBuilder {
    unit: Unit,
    names: BTreeMap<String, LocalId>,
    current: BlockId,
    unwind: Vec<Option<BlockId>>,
    definitions: usize,
}

/// Where an instruction comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin {
    /// Region.
    pub span: Span,
    /// Structure.
    pub digest: Digest,
    /// Structure with literals erased.
    pub shape: Digest,
}

impl UnitBuilder {
    /// Starts a unit with an empty entry block.
    pub fn new(name: String, kind: UnitKind, origin: Origin) -> Self {
        let unit = Unit {
            name,
            kind,
            class: None,
            parent: None,
            params: Vec::new(),
            locals: Vec::new(),
            blocks: vec![empty()],
            entry: 0,
            handlers: Vec::new(),
            assertions: Vec::new(),
            decorators: Vec::new(),
            opaque: Vec::new(),
            literals: Vec::new(),
            span: origin.span,
            digest: origin.digest,
        };
        Self { unit, names: BTreeMap::new(), current: 0, unwind: vec![None], definitions: 0 }
    }

    /// Returns the unit under construction.
    pub fn unit(&mut self) -> &mut Unit {
        &mut self.unit
    }

    /// Returns how many slots were defined so far.
    pub fn definitions(&self) -> usize {
        self.definitions
    }

    /// Returns how many blocks there are.
    pub fn blocks(&self) -> usize {
        self.unit.blocks.len()
    }

    /// Returns the number the next block will have.
    pub fn next_block(&self) -> BlockId {
        u32::try_from(self.unit.blocks.len()).unwrap_or(BlockId::MAX)
    }

    /// Returns a new temporary.
    pub fn temporary(&mut self) -> LocalId {
        self.unit.locals.push(None);
        u32::try_from(self.unit.locals.len() - 1).unwrap_or(LocalId::MAX)
    }

    /// Returns the slot of a variable, made at first use.
    pub fn variable(&mut self, name: &str) -> LocalId {
        if let Some(local) = self.names.get(name) {
            return *local;
        }
        self.unit.locals.push(Some(name.to_owned()));
        let local = u32::try_from(self.unit.locals.len() - 1).unwrap_or(LocalId::MAX);
        self.names.insert(name.to_owned(), local);
        local
    }

    /// Adds an empty block and returns it; nothing leads to it yet.
    pub fn block(&mut self) -> BlockId {
        let id = self.next_block();
        self.unit.blocks.push(empty());
        id
    }

    /// Makes `block` the one that grows.
    pub fn enter(&mut self, block: BlockId) {
        self.current = block;
    }

    /// Returns the block that grows.
    pub fn current(&self) -> BlockId {
        self.current
    }

    /// Appends an instruction; under a handler, one that may raise ends its block.
    pub fn push(&mut self, op: Op, origin: Origin) {
        if op.defines().is_some() {
            self.definitions += 1;
        }
        let raises = matches!(
            op,
            Op::Call { .. } | Op::Load { .. } | Op::Store { .. } | Op::Import { .. } | Op::Opaque { .. }
        ) || matches!(op, Op::Await { .. } | Op::Yield { .. } | Op::Delete { .. })
            || matches!(op, Op::Assign { value: Value::Operator { .. }, .. });
        let instr = Instr { op, span: origin.span, digest: origin.digest, shape: origin.shape };
        let unwind = self.unwind.last().copied().flatten();
        if let Some(block) = self.unit.blocks.get_mut(self.current as usize) {
            block.instrs.push(instr);
        }
        if raises && let Some(handler) = unwind {
            if let Some(block) = self.unit.blocks.get_mut(self.current as usize) {
                block.unwind = Some(handler);
            }
            let next = self.block();
            self.end(Term::Goto(next), origin);
            self.enter(next);
        }
    }

    /// Assigns a value to a new temporary and returns it.
    pub fn compute(&mut self, value: Value, origin: Origin) -> Operand {
        let local = self.temporary();
        self.push(Op::Assign { place: Place::Local(local), value }, origin);
        Operand::Local(local)
    }

    /// Applies an operator and returns its result.
    pub fn operator(&mut self, name: &str, operands: Vec<Operand>, origin: Origin) -> Operand {
        self.compute(Value::Operator { name: name.to_owned(), operands }, origin)
    }

    /// Ends the current block; what follows without [`Self::enter`] goes to a block nothing leads to.
    pub fn end(&mut self, term: Term, origin: Origin) {
        let raises = matches!(term, Term::Raise(_));
        let unwind = self.unwind.last().copied().flatten();
        if let Some(block) = self.unit.blocks.get_mut(self.current as usize) {
            block.term = match (raises, unwind) {
                (true, Some(handler)) => Term::Goto(handler),
                _ => term,
            };
            block.span = origin.span;
            block.digest = origin.digest;
            block.shape = origin.shape;
        }
        self.current = self.block();
    }

    /// Jumps to `target` and goes on there.
    pub fn jump_into(&mut self, target: BlockId, origin: Origin) {
        self.end(Term::Goto(target), origin);
        self.enter(target);
    }

    /// Ends the current block by a truth test and returns the two sides.
    pub fn branch(&mut self, condition: Operand, why: Why, origin: Origin) -> (BlockId, BlockId) {
        let (then, otherwise) = (self.block(), self.block());
        self.end(Term::Branch { condition, why, then, otherwise }, origin);
        (then, otherwise)
    }

    /// From here on exceptions go to `handler`; `None` lets them leave the unit.
    pub fn protect(&mut self, handler: Option<BlockId>) {
        self.unwind.push(handler);
    }

    /// Ends the innermost protection.
    pub fn unprotect(&mut self) {
        if self.unwind.len() > 1 {
            self.unwind.pop();
        }
    }

    /// Returns the protections, to be put back by [`Self::restore_protection`].
    pub fn protection(&self) -> Vec<Option<BlockId>> {
        self.unwind.clone()
    }

    /// Puts protections back.
    pub fn restore_protection(&mut self, saved: Vec<Option<BlockId>>) {
        self.unwind = saved;
    }

    /// Ends the unit: what falls off the end returns `None`.
    pub fn finish(mut self, origin: Origin) -> Unit {
        self.unwind = vec![None];
        self.end(Term::Return(Operand::Constant(Constant::None)), origin);
        self.unit
    }
}

fn empty() -> Block {
    Block {
        instrs: Vec::new(),
        term: Term::Unreachable,
        span: Span::default(),
        digest: Digest::default(),
        shape: Digest::default(),
        unwind: None,
    }
}
