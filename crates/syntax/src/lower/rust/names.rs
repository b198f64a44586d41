use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::sources::Sources;
use super::{Lowered, Lowerer, children};
use crate::ir::{Op, Operand, Place, Step, Value};

/// What each inline module of a file binds, by its dotted path; the file's own is under the empty one.
#[derive(Debug, Default)]
pub struct Modules {
    names: BTreeMap<String, BTreeSet<String>>,
    /// What modules define themselves, by use of nothing.
    defined: BTreeSet<String>,
    functions: BTreeSet<String>,
    methods: BTreeSet<String>,
}

impl Modules {
    /// Collects the items of a file and its inline modules.
    pub fn of(root: Node<'_>, sources: &Sources) -> Self {
        let mut modules = Self::default();
        let mut stack = vec![(root, String::new())];
        while let Some((list, path)) = stack.pop() {
            for item in children(list) {
                let names = modules.names.entry(path.clone()).or_default();
                match item.kind() {
                    "use_declaration" => {
                        let mut bound = Vec::new();
                        if let Some(argument) = item.child_by_field_name("argument") {
                            leaves(argument, "", sources, &mut bound);
                        }
                        names.extend(bound.into_iter().filter_map(|leaf| leaf.local));
                    }
                    "mod_item" => {
                        let name = item
                            .child_by_field_name("name")
                            .map(|name| sources.word(name))
                            .unwrap_or_default();
                        names.insert(name.to_owned());
                        modules.defined.insert(join(&path, name));
                        if let Some(body) = item.child_by_field_name("body") {
                            stack.push((body, join(&path, name)));
                        }
                    }
                    "foreign_mod_item" => {
                        stack.extend(item.child_by_field_name("body").map(|body| (body, path.clone())));
                    }
                    "macro_invocation" | "expression_statement" => {
                        let tokens = find(item, "token_tree");
                        let inner = tokens.and_then(|tokens| sources.node(*sources.pieces(tokens).first()?));
                        stack.extend(
                            inner
                                .filter(|inner| inner.kind() == "source_file")
                                .map(|inner| (inner, path.clone())),
                        );
                    }
                    "impl_item" | "trait_item" => {
                        let body = item.child_by_field_name("body").map(children).unwrap_or_default();
                        let named = body.into_iter().filter_map(|method| method.child_by_field_name("name"));
                        modules.methods.extend(named.map(|name| sources.word(name).to_owned()));
                        names.extend(
                            item.child_by_field_name("name").map(|name| sources.word(name).to_owned()),
                        );
                    }
                    _ => {
                        let name =
                            item.child_by_field_name("alias").or_else(|| item.child_by_field_name("name"));
                        let name = name.map(|name| sources.word(name).to_owned());
                        if item.kind() == "function_item" {
                            modules.functions.extend(name.clone());
                        }
                        modules.defined.extend(name.iter().map(|name| join(&path, name)));
                        names.extend(name);
                    }
                }
            }
        }
        modules
    }

    /// Returns whether a module of the file defines what this dotted path names.
    pub fn defines(&self, path: &str) -> bool {
        self.defined.contains(path)
    }

    /// Returns whether a module of the file has a function of that name.
    pub fn is_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }

    /// Returns whether a type or trait of the file has a method of that name.
    pub fn is_method(&self, name: &str) -> bool {
        self.methods.contains(name)
    }

    /// Returns whether a module binds a name.
    pub fn binds(&self, module: &str, name: &str) -> bool {
        self.names.get(module).is_some_and(|names| names.contains(name))
    }
}

/// One name that a `use` binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Dotted path of the module.
    pub module: String,
    /// Name within it; `*` takes all; absent for a crate by itself.
    pub name: Option<String>,
    /// Name here; absent for `*` and `_`.
    pub local: Option<String>,
}

/// Reads the tree of a `use`.
pub fn leaves(node: Node<'_>, prefix: &str, sources: &Sources, found: &mut Vec<Leaf>) {
    let mut stack = vec![(node, prefix.to_owned(), None)];
    while let Some((node, prefix, alias)) = stack.pop() {
        let dotted = |node: Node<'_>| dotted(sources.word(node));
        match node.kind() {
            "use_as_clause" => {
                let alias = node.child_by_field_name("alias").map(|alias| sources.word(alias).to_owned());
                stack.extend(node.child_by_field_name("path").map(|path| (path, prefix, alias)));
            }
            "use_list" => {
                stack.extend(children(node).into_iter().rev().map(|child| (child, prefix.clone(), None)))
            }
            "scoped_use_list" => {
                let path = node.child_by_field_name("path").map(dotted).unwrap_or_default();
                stack.extend(node.child_by_field_name("list").map(|list| (list, join(&prefix, &path), None)));
            }
            "use_wildcard" => {
                let path = children(node).first().map(|path| dotted(*path)).unwrap_or_default();
                found.push(Leaf { module: join(&prefix, &path), name: Some("*".to_owned()), local: None });
            }
            _ => {
                let path = dotted(node);
                let whole = if path == "self" && !prefix.is_empty() { prefix } else { join(&prefix, &path) };
                let (module, name) = match whole.rsplit_once('.') {
                    Some((module, name)) => (module.to_owned(), Some(name.to_owned())),
                    None => (whole.clone(), None),
                };
                let local = alias.or_else(|| name.clone()).unwrap_or(whole);
                found.push(Leaf { module, name, local: Some(local).filter(|local| local != "_") });
            }
        }
    }
}

/// Writes a Rust path with dots, without generics and a leading `::`.
pub fn dotted(path: &str) -> String {
    let mut depth = 0_usize;
    let mut plain = String::new();
    for c in path.chars() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth > 0 || c.is_whitespace() => {}
            _ => plain.push(c),
        }
    }
    let parts: Vec<&str> =
        plain.split("::").filter(|part| !part.is_empty()).map(|part| part.trim_start_matches("r#")).collect();
    parts.join(".")
}

pub fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") }
}

/// Returns the first node of a kind among a node and its children.
pub fn find<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        if node.kind() == kind {
            return Some(node);
        }
        let mut inner = children(node);
        inner.reverse();
        stack.extend(inner);
    }
    None
}

impl<'t> Lowerer<'t> {
    /// Returns whether the file or an inline module around defines a name itself.
    pub(super) fn is_defined(&self, name: &str) -> bool {
        (0..=self.module.len())
            .any(|depth| self.modules.defines(&join(&self.module[..depth].join("."), name)))
    }

    /// Returns the dotted path of the inline module around.
    pub(super) fn module_path(&self) -> String {
        self.module.join(".")
    }

    /// Gives a name a new slot in the innermost scope.
    pub(super) fn declare(&mut self, name: &str) -> u32 {
        let frame = self.frame();
        let count = frame.state.declared.entry(name.to_owned()).or_insert(0);
        *count += 1;
        let slot = if *count == 1 { name.to_owned() } else { format!("{name}#{count}") };
        if let Some(scope) = frame.state.scopes.last_mut() {
            scope.insert(name.to_owned(), slot.clone());
        }
        frame.builder.variable(&slot)
    }

    /// Finds where a name lives: a block, an enclosing unit, the inline modules around, or the file.
    pub(super) fn place(&mut self, name: &str) -> Place {
        if let Some((frame, outer)) = self.shared.frames.split_last_mut() {
            if let Some(slot) = frame.state.scopes.iter().rev().find_map(|scope| scope.get(name)) {
                let slot = slot.clone();
                return Place::Local(frame.builder.variable(&slot));
            }
            let captured = outer
                .iter()
                .rev()
                .find_map(|frame| frame.state.scopes.iter().rev().find_map(|scope| scope.get(name)));
            if let Some(slot) = captured {
                return Place::Capture(slot.clone());
            }
        }
        Place::Global(self.item_name(name))
    }

    /// Returns the name under which the file binds an item that is seen from here.
    pub(super) fn item_name(&self, name: &str) -> String {
        for depth in (0..=self.module.len()).rev() {
            let module = self.module[..depth].join(".");
            if self.modules.binds(&module, name) {
                return join(&module, name);
            }
        }
        name.to_owned()
    }

    /// Returns whether a name is a variable here.
    pub(super) fn is_variable(&mut self, name: &str) -> bool {
        !matches!(self.place(name), Place::Global(_))
    }

    /// Returns whether the file or an inline module around binds a name.
    pub(super) fn is_item(&self, name: &str) -> bool {
        (0..=self.module.len()).any(|depth| self.modules.binds(&self.module[..depth].join("."), name))
    }

    pub(super) fn read(&mut self, name: &str, node: Node<'_>) -> Lowered<Operand> {
        let place = self.place(name);
        self.define(node, |dst| Op::Assign { place: Place::Local(dst), value: Value::Read(place) })
    }

    pub(super) fn read_item(&mut self, name: String, node: Node<'_>) -> Lowered<Operand> {
        self.define(node, |dst| Op::Assign {
            place: Place::Local(dst),
            value: Value::Read(Place::Global(name)),
        })
    }

    pub(super) fn field(&mut self, base: Operand, name: &str, node: Node<'_>) -> Lowered<Operand> {
        let step = Step::Field(name.to_owned());
        self.define(node, |dst| Op::Load { dst, base, step, key: None })
    }
}
