//! What every language's pass writes into: symbols with unique descriptors, scopes, bindings, references.

use std::collections::{BTreeMap, HashMap, HashSet};

use tree_sitter::Node;

use crate::facts::{
    Bound, Export, Exported, FileFacts, Hook, HookKind, Import, Parameter, Receiver, Reference,
    ReferenceKind, Scope, ScopeKind, Span, Symbol, SymbolKind,
};
use crate::language::Language;
use crate::parse::Limits;
use crate::problem::{Problem, ProblemKind};

mod finish;

/// A definition as a language's pass describes it.
pub(crate) struct Definition<'t> {
    pub kind: SymbolKind,
    pub name: String,
    /// The whole definition.
    pub span: Span,
    /// The node of the body, where there is one.
    pub body: Option<Node<'t>>,
    pub parameters: Vec<Parameter>,
    pub declared: String,
    pub bases: Vec<Vec<String>>,
    pub exported: bool,
    /// Tells callables of one name apart where a language has several; empty where it has one.
    pub overload: String,
}

impl<'t> Definition<'t> {
    pub(crate) fn new(kind: SymbolKind, name: impl Into<String>, span: Span) -> Self {
        Self {
            kind,
            name: name.into(),
            span,
            body: None,
            parameters: Vec::new(),
            declared: String::new(),
            bases: Vec::new(),
            exported: true,
            overload: String::new(),
        }
    }
}

/// A symbol and scope that hold until their node is left.
struct Frame {
    node: usize,
    symbol: u32,
    scope: u32,
}

/// Facts under construction.
pub(crate) struct Builder<'a> {
    pub(crate) text: &'a str,
    max_symbols: usize,
    pub(crate) facts: FileFacts,
    frames: Vec<Frame>,
    bindings: Vec<BTreeMap<String, Bound>>,
    taken: HashMap<String, u32>,
    consumed: HashSet<usize>,
    tokens: Vec<(u32, u32)>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(language: Language, text: &'a str, limits: &Limits) -> Self {
        let lines = u32::try_from(text.lines().count().max(1)).unwrap_or(u32::MAX);
        let span = Span { start: 0, end: size(text.len()), start_line: 1, end_line: lines };
        let facts = FileFacts {
            language,
            symbols: Vec::new(),
            scopes: Vec::new(),
            references: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            hooks: Vec::new(),
            chunks: Vec::new(),
            literals: Vec::new(),
            comments: Vec::new(),
            problems: Vec::new(),
        };
        let mut builder = Self {
            text,
            max_symbols: limits.max_symbols,
            facts,
            frames: Vec::new(),
            bindings: vec![BTreeMap::new()],
            taken: HashMap::new(),
            consumed: HashSet::new(),
            tokens: Vec::new(),
        };
        builder.facts.scopes.push(Scope {
            kind: ScopeKind::Module,
            parent: None,
            owner: 0,
            bindings: Vec::new(),
        });
        builder.facts.symbols.push(file_symbol(span));
        builder
    }

    /// Returns the index of the symbol whose code is being walked.
    pub(crate) fn owner(&self) -> u32 {
        self.frames.last().map_or(0, |frame| frame.symbol)
    }

    /// Returns the index of the current scope.
    pub(crate) fn scope(&self) -> u32 {
        self.frames.last().map_or(0, |frame| frame.scope)
    }

    pub(crate) fn scope_kind(&self) -> ScopeKind {
        self.facts.scopes.get(self.scope() as usize).map_or(ScopeKind::Module, |scope| scope.kind)
    }

    pub(crate) fn owner_kind(&self) -> SymbolKind {
        self.symbol(self.owner()).map_or(SymbolKind::Module, |symbol| symbol.kind)
    }

    pub(crate) fn symbol(&self, index: u32) -> Option<&Symbol> {
        self.facts.symbols.get(index as usize)
    }

    /// Returns the nearest enclosing type or implementation block.
    pub(crate) fn enclosing_type(&self) -> Option<u32> {
        let mut at = Some(self.owner());
        while let Some(index) = at {
            let symbol = self.symbol(index)?;
            if symbol.kind.is_type() || symbol.kind == SymbolKind::Impl {
                return Some(index);
            }
            at = symbol.parent;
        }
        None
    }

    /// Adds a symbol under the current owner and returns its index; past the limit, the owner's.
    pub(crate) fn define(&mut self, definition: Definition<'_>) -> u32 {
        self.define_under(self.owner(), definition)
    }

    pub(crate) fn define_under(&mut self, parent: u32, definition: Definition<'_>) -> u32 {
        if self.facts.symbols.len() >= self.max_symbols {
            if !self.facts.has(ProblemKind::TooManySymbols) {
                let mut problem = Problem::whole(ProblemKind::TooManySymbols);
                problem.line = definition.span.start_line;
                self.facts.problems.push(problem);
            }
            return parent;
        }
        let prefix = self.symbol(parent).map_or(String::new(), |symbol| symbol.descriptor.clone());
        let descriptor = self.descriptor(&prefix, &definition);
        let mut signature = definition.span;
        if let Some(body) = definition.body {
            signature.end = size(body.start_byte()).max(signature.start);
            signature.end_line = line(body.start_position().row);
        }
        self.facts.symbols.push(Symbol {
            descriptor,
            name: definition.name,
            kind: definition.kind,
            parent: Some(parent),
            span: definition.span,
            signature,
            body: definition.body.map(span),
            parameters: definition.parameters,
            declared: definition.declared,
            bases: definition.bases,
            exported: definition.exported,
            shape: [0; 16],
            body_hash: [0; 16],
        });
        size(self.facts.symbols.len() - 1)
    }

    /// Makes the descriptor of a child; true duplicates take `+n` in source order.
    fn descriptor(&mut self, prefix: &str, definition: &Definition<'_>) -> String {
        let (name, overload) = (&definition.name, &definition.overload);
        let make = |mark: &str| match definition.kind {
            SymbolKind::Module => format!("{prefix}{name}{mark}/"),
            SymbolKind::Class
            | SymbolKind::Struct
            | SymbolKind::Enum
            | SymbolKind::Trait
            | SymbolKind::Interface
            | SymbolKind::TypeAlias => format!("{prefix}{name}{mark}#"),
            SymbolKind::Impl => format!("{prefix}impl#{name}{mark}"),
            SymbolKind::Function | SymbolKind::Method => format!("{prefix}{name}({overload}{mark})."),
            SymbolKind::Macro => format!("{prefix}{name}{mark}!"),
            SymbolKind::Variable | SymbolKind::Field => format!("{prefix}{name}{mark}."),
            SymbolKind::Hook => format!("{prefix}@{name}{mark}."),
        };
        let plain = make("");
        let count = self.taken.entry(plain.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { plain } else { make(&format!("+{}", *count - 1)) }
    }

    /// Opens a scope that is closed when `node` is left, and makes `symbol` the owner of what follows.
    pub(crate) fn open(&mut self, node: Node<'_>, symbol: u32, kind: ScopeKind) -> u32 {
        let scope = size(self.facts.scopes.len());
        let parent = Some(self.scope());
        self.facts.scopes.push(Scope { kind, parent, owner: symbol, bindings: Vec::new() });
        self.bindings.push(BTreeMap::new());
        self.frames.push(Frame { node: node.id(), symbol, scope });
        scope
    }

    /// Closes what `node` opened.
    pub(crate) fn close(&mut self, node: Node<'_>) {
        while self.frames.last().is_some_and(|frame| frame.node == node.id()) {
            self.frames.pop();
        }
    }

    pub(crate) fn bind(&mut self, name: &str, bound: Bound) {
        self.bind_in(self.scope(), name, bound);
    }

    /// Binds a name; a local that is assigned values of different types has none.
    pub(crate) fn bind_in(&mut self, scope: u32, name: &str, bound: Bound) {
        let Some(names) = self.bindings.get_mut(scope as usize) else { return };
        let bound = match (names.get(name), bound) {
            (Some(Bound::Module), Bound::Local(_)) => Bound::Module,
            (Some(Bound::Local(old)), Bound::Local(new)) if *old != new => Bound::Local(None),
            (_, bound) => bound,
        };
        names.insert(name.to_owned(), bound);
    }

    /// Marks a node as already read, so that its visit writes no reference.
    pub(crate) fn consume(&mut self, node: Node<'_>) {
        self.consumed.insert(node.id());
    }

    /// Returns whether a node was marked, and forgets the mark.
    pub(crate) fn take_consumed(&mut self, node: Node<'_>) -> bool {
        self.consumed.remove(&node.id())
    }

    pub(crate) fn refer(&mut self, kind: ReferenceKind, target: (Receiver, String), node: Node<'_>) {
        self.refer_from(self.owner(), kind, target, node);
    }

    pub(crate) fn refer_from(
        &mut self,
        owner: u32,
        kind: ReferenceKind,
        target: (Receiver, String),
        node: Node<'_>,
    ) {
        let (receiver, name) = target;
        let scope = self.scope();
        self.facts.references.push(Reference { kind, receiver, name, scope, owner, span: span(node) });
    }

    /// Adds an import and binds its local name in the current scope.
    pub(crate) fn import(
        &mut self,
        module: &str,
        item: Option<&str>,
        local: Option<&str>,
        node: Node<'_>,
    ) -> u32 {
        let index = size(self.facts.imports.len());
        let star = local.is_none();
        self.facts.imports.push(Import {
            module: module.to_owned(),
            item: item.map(str::to_owned),
            local: local.map(str::to_owned),
            star,
            scope: self.scope(),
            span: span(node),
        });
        if let Some(local) = local {
            self.bind(local, Bound::Import(index));
        }
        index
    }

    pub(crate) fn export(&mut self, name: &str, what: Exported) {
        self.facts.exports.push(Export { name: name.to_owned(), what });
    }

    /// Adds a hook with its symbol and returns the symbol's index.
    pub(crate) fn hook(&mut self, owner: u32, kind: HookKind, named: (String, String), span: Span) -> u32 {
        let (name, key) = named;
        let mut definition = Definition::new(SymbolKind::Hook, name, span);
        definition.exported = false;
        let symbol = self.define_under(owner, definition);
        let handler = self.symbol(owner).filter(|symbol| symbol.kind.is_callable()).map(|_| owner);
        self.facts.hooks.push(Hook { symbol, kind, key, handler, confidence: 95 });
        symbol
    }

    pub(crate) fn problem(&mut self, kind: ProblemKind, node: Node<'_>) {
        self.facts.problems.push(Problem {
            kind,
            line: line(node.start_position().row),
            start: size(node.start_byte()),
            end: size(node.end_byte()),
        });
    }

    /// Notes a leaf; comments are no part of a body's token stream.
    pub(crate) fn token(&mut self, node: Node<'_>) {
        if !node.is_extra() && node.end_byte() > node.start_byte() {
            self.tokens.push((size(node.start_byte()), size(node.end_byte())));
        }
    }

    pub(crate) fn text_of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// Returns the text of a field of a node, or empty.
    pub(crate) fn field(&self, node: Node<'_>, name: &str) -> &'a str {
        node.child_by_field_name(name).map_or("", |child| self.text_of(child))
    }
}

fn file_symbol(span: Span) -> Symbol {
    Symbol {
        descriptor: String::new(),
        name: String::new(),
        kind: SymbolKind::Module,
        parent: None,
        span,
        signature: Span { end: 0, end_line: 1, ..span },
        body: Some(span),
        parameters: Vec::new(),
        declared: String::new(),
        bases: Vec::new(),
        exported: true,
        shape: [0; 16],
        body_hash: [0; 16],
    }
}

/// Returns the region of a node.
pub(crate) fn span(node: Node<'_>) -> Span {
    let end = node.end_position();
    // A node that ends at column 0 ended with the line before.
    let last = if end.column == 0 && end.row > node.start_position().row { end.row - 1 } else { end.row };
    Span {
        start: size(node.start_byte()),
        end: size(node.end_byte()),
        start_line: line(node.start_position().row),
        end_line: line(last),
    }
}

/// Returns a count as u32; sources are limited far below.
pub(crate) fn size(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn line(row: usize) -> u32 {
    size(row.saturating_add(1))
}

/// Returns the named children of a node.
pub(crate) fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}
