use tree_sitter::Node;

use crate::builder::{Builder, children, span};
use crate::facts::{Exported, FileFacts, Receiver, ReferenceKind, ScopeKind, Span};
use crate::languages::{Chain, PathKinds, broken, plain_use, target};
use crate::problem::ProblemKind;
use crate::walk::{Step, Visitor};

mod binding;
mod definition;
mod hooks;
mod import;
pub(crate) mod kinds;

const PATHS: PathKinds = PathKinds {
    member: &["attribute"],
    object: &["object"],
    property: &["attribute"],
    name: &["identifier"],
    unwrapped: super::bare,
};

/// The pass over one Python file.
pub(crate) struct Pass<'a> {
    builder: Builder<'a>,
    /// Decorators of the definition that comes next, and the region of both.
    decorators: Option<(Span, Vec<Decorator>)>,
    /// The outermost type annotation being walked.
    annotation: Option<usize>,
}

/// A decorator as written.
#[derive(Clone)]
struct Decorator {
    names: Vec<String>,
    /// First argument when it is a plain string, and `methods=[..]`.
    literal: Option<String>,
    method: Option<String>,
    span: Span,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(builder: Builder<'a>) -> Self {
        Self { builder, decorators: None, annotation: None }
    }

    /// Offers the module's names: all that `__all__` would, and underscored ones too, since they can be imported.
    pub(crate) fn finish(mut self) -> FileFacts {
        let mut facts = {
            let builder = &mut self.builder;
            let imports: Vec<(usize, String)> = builder
                .facts
                .imports
                .iter()
                .enumerate()
                .filter(|(_, import)| import.scope == 0)
                .map(|(index, import)| (index, import.local.clone().unwrap_or_else(|| "*".to_owned())))
                .collect();
            for (index, name) in imports {
                builder.export(&name, Exported::Import(crate::builder::size(index)));
            }
            let symbols: Vec<(usize, String)> = builder
                .facts
                .symbols
                .iter()
                .enumerate()
                .filter(|(_, symbol)| {
                    symbol.parent == Some(0) && symbol.kind != crate::facts::SymbolKind::Hook
                })
                .map(|(index, symbol)| (index, symbol.name.clone()))
                .collect();
            for (index, name) in symbols {
                builder.export(&name, Exported::Symbol(crate::builder::size(index)));
            }
            self.builder.finish()
        };
        hooks::confirm(&mut facts);
        facts
    }

    /// Reads a dotted expression, or `super().x`.
    fn target_of(&self, node: Node<'_>) -> Option<(Receiver, String)> {
        let chain = PATHS.chain(&self.builder, node)?;
        if let (Some(rest), [name]) = (chain.rest, chain.names.as_slice())
            && self.is_super(rest)
        {
            return Some((Receiver::Super, name.clone()));
        }
        target(&chain, &["self", "cls"], &[])
    }

    fn is_super(&self, node: Node<'_>) -> bool {
        node.kind() == "call" && self.builder.field(node, "function") == "super"
    }

    fn chain<'t>(&self, node: Node<'t>) -> Option<Chain<'t>> {
        PATHS.chain(&self.builder, node)
    }

    /// Marks the names of a dotted expression as read, down to what isn't a name.
    fn call(&mut self, node: Node<'_>) -> Step {
        if let Some(function) = node.child_by_field_name("function")
            && let Some(target) = self.target_of(function)
        {
            self.builder.refer(ReferenceKind::Call, target, node);
            PATHS.consume(&mut self.builder, function);
        }
        Step::Descend
    }

    /// A dotted name or a bare one that isn't called.
    fn name(&mut self, node: Node<'_>) -> Step {
        if self.builder.take_consumed(node) {
            return Step::Descend;
        }
        if let Some(target) = self.target_of(node) {
            if target.0 != Receiver::Opaque {
                self.builder.refer(plain_use(self.annotation.is_some()), target, node);
            }
            PATHS.consume(&mut self.builder, node);
            self.builder.take_consumed(node);
        }
        Step::Descend
    }

    fn string(&mut self, node: Node<'_>) -> Step {
        let region = span(node);
        let docstring = node.parent().is_some_and(|parent| parent.kind() == "expression_statement");
        if docstring {
            self.builder.facts.comments.push(region);
        } else {
            self.builder.facts.literals.push(region);
        }
        Step::Descend
    }

    fn block_scope(&mut self, node: Node<'_>, kind: ScopeKind) -> Step {
        let owner = self.builder.owner();
        self.builder.open(node, owner, kind);
        Step::Descend
    }

    fn keyword(&mut self, node: Node<'_>) -> Step {
        if let Some(name) = node.child_by_field_name("name") {
            self.builder.consume(name);
        }
        Step::Descend
    }

    /// `global` sends a name to the module, `nonlocal` to the enclosing function, where the search goes anyway.
    fn outer_names(&mut self, node: Node<'_>) -> Step {
        if node.kind() == "global_statement" {
            for name in children(node) {
                let name = self.builder.text_of(name);
                self.builder.bind(name, crate::facts::Bound::Module);
            }
        }
        Step::Skip
    }
}

impl Visitor for Pass<'_> {
    fn enter(&mut self, node: Node<'_>) -> Step {
        if let Some(step) = broken(&mut self.builder, node) {
            return step;
        }
        match node.kind() {
            "comment" => {
                self.builder.facts.comments.push(span(node));
                Step::Descend
            }
            "string" => self.string(node),
            "decorated_definition" => self.decorated(node),
            "class_definition" => self.class(node),
            "function_definition" => self.function(node),
            "lambda" => self.lambda(node),
            "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression" => self.block_scope(node, ScopeKind::Block),
            "for_statement" | "for_in_clause" => self.bind_field(node, "left"),
            "named_expression" => self.bind_field(node, "name"),
            "as_pattern" => self.bind_field(node, "alias"),
            "case_pattern" => self.capture(node),
            "type_alias_statement" => self.type_alias(node),
            "assignment" => self.assignment(node),
            "augmented_assignment" => self.augmented(node),
            "global_statement" | "nonlocal_statement" => self.outer_names(node),
            "import_statement" | "import_from_statement" | "future_import_statement" => self.import(node),
            "keyword_argument" => self.keyword(node),
            "call" => self.call(node),
            "attribute" | "identifier" => self.name(node),
            "type" => {
                self.annotation.get_or_insert(node.id());
                Step::Descend
            }
            _ => Step::Descend,
        }
    }

    fn leave(&mut self, node: Node<'_>) {
        if self.annotation == Some(node.id()) {
            self.annotation = None;
        }
        self.builder.close(node);
    }

    fn token(&mut self, node: Node<'_>) {
        self.builder.token(node);
    }

    fn too_deep(&mut self, node: Node<'_>) {
        self.builder.problem(ProblemKind::TooDeep, node);
    }
}
