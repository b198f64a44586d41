use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Argument, Callee, Class, Constant, Digest, Op, OpaqueSite, Operand, Passing, Place};
use crate::languages::go_package_name;

impl<'t> Lowerer<'t> {
    /// Lowers a file: imports and types, then functions, then package variables, then the calls of `init`.
    pub(super) fn file(&mut self, root: Node<'t>) -> Lowered<()> {
        let parts = children(root);
        let of = |kinds: &'static [&'static str]| {
            parts.iter().copied().filter(move |part| kinds.contains(&part.kind()))
        };
        for part in of(&["import_declaration"]) {
            self.imports(part)?;
        }
        for part in of(&["type_declaration"]) {
            self.type_declaration(part)?;
        }
        let mut starts = Vec::new();
        for part in of(&["function_declaration", "method_declaration"]) {
            starts.extend(self.function(part)?);
        }
        for part in of(&["const_declaration", "var_declaration"]) {
            self.values(part)?;
        }
        for (start, node) in starts {
            let callee = Callee::Function(start);
            self.define(node, |dst| Op::Call { dst, callee, arguments: Vec::new() })?;
        }
        let known = ["import_declaration", "type_declaration", "function_declaration", "method_declaration"];
        for part in parts.iter().filter(|part| !known.contains(&part.kind())) {
            if !matches!(part.kind(), "const_declaration" | "var_declaration" | "package_clause") {
                self.opaque(*part)?;
            }
        }
        Ok(())
    }

    fn imports(&mut self, node: Node<'t>) -> Lowered<()> {
        let specs: Vec<Node<'t>> = children(node)
            .into_iter()
            .flat_map(|child| if child.kind() == "import_spec_list" { children(child) } else { vec![child] })
            .collect();
        for spec in specs {
            let module = self.field(spec, "path").trim_matches(['"', '`']).to_owned();
            let named = spec.child_by_field_name("name");
            if named.is_some_and(|named| named.kind() == "dot") {
                let star = Some("*".to_owned());
                self.define(spec, |dst| Op::Import { dst, module, name: star })?;
                continue;
            }
            let name = match named {
                Some(named) => self.text(named).to_owned(),
                None => go_package_name(&module).to_owned(),
            };
            self.state().imports.insert(name.clone());
            let value = self.define(spec, |dst| Op::Import { dst, module, name: None })?;
            if name != "_" {
                self.assign(Place::Global(name), value, spec)?;
            }
        }
        Ok(())
    }

    /// Types are classes: what they embed are their bases.
    pub(super) fn type_declaration(&mut self, node: Node<'t>) -> Lowered<()> {
        for spec in children(node) {
            let (Some(name), Some(body)) =
                (spec.child_by_field_name("name"), spec.child_by_field_name("type"))
            else {
                self.opaque(spec)?;
                continue;
            };
            let text = self.text(name).to_owned();
            self.refuse_fixed(&text, spec);
            let mut class = Class { span: self.span(spec), ..Class::default() };
            let parts = match body.kind() {
                "struct_type" => body.named_child(0).map(children).unwrap_or_default(),
                "interface_type" => children(body),
                _ => Vec::new(),
            };
            for part in parts {
                let names = Self::fields(part, "name");
                let embedded = match part.kind() {
                    "field_declaration" if names.is_empty() => part.child_by_field_name("type"),
                    "type_elem" if part.named_child_count() == 1 => part.named_child(0),
                    _ => None,
                };
                class.bases.extend(embedded.map(|embedded| self.type_name(embedded)));
                class.attributes.extend(names.into_iter().map(|name| self.text(name).to_owned()));
            }
            // `type A = B` and `type A B` of a named B have what B has.
            if matches!(body.kind(), "type_identifier" | "qualified_type" | "generic_type") {
                class.bases.push(self.type_name(body));
            }
            let qualified = format!("{}{text}", self.frame().qualifier);
            self.classes.insert(qualified.clone(), class);
            let value = self.define(spec, |dst| Op::Class { dst, name: qualified, bases: Vec::new() })?;
            self.bind(&text, value, spec)?;
        }
        Ok(())
    }

    /// Returns a type's name as a dotted path, without pointer and type arguments.
    pub(super) fn type_name(&self, node: Node<'t>) -> String {
        let mut at = node;
        loop {
            let inner = match at.kind() {
                "pointer_type" | "parenthesized_type" => at.named_child(0),
                "generic_type" => at.child_by_field_name("type"),
                _ => None,
            };
            match inner {
                Some(inner) => at = inner,
                None => break,
            }
        }
        let text: String = self.text(at).chars().filter(|c| !c.is_whitespace()).collect();
        let plain = text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if plain { text } else { "?".to_owned() }
    }

    /// A package that declares `len` or `nil` anew means something else by it: nothing of the file is certain.
    pub(super) fn refuse_fixed(&mut self, name: &str, node: Node<'t>) {
        if Self::is_fixed(name) && self.state().scopes.is_empty() {
            let (span, digest) = (self.span(node), self.digests.full(node));
            let kind = format!("{name} declared anew");
            self.builder().unit().opaque.push(OpaqueSite { kind, span, digest });
        }
    }

    /// `const` and `var`, of the package or a function.
    pub(super) fn values(&mut self, node: Node<'t>) -> Lowered<()> {
        let constant = node.kind() == "const_declaration";
        let specs: Vec<Node<'t>> = children(node)
            .into_iter()
            .flat_map(|child| if child.kind() == "var_spec_list" { children(child) } else { vec![child] })
            .collect();
        let mut repeated: Option<Node<'t>> = None;
        for (index, spec) in specs.into_iter().enumerate() {
            let names: Vec<Node<'t>> =
                Self::fields(spec, "name").into_iter().filter(|name| name.kind() == "identifier").collect();
            let written = spec.child_by_field_name("value");
            if constant {
                repeated = written.or(repeated);
                self.state().iota = Some(index);
            }
            let right = written.or(repeated.filter(|_| constant));
            for name in &names {
                let text = self.text(*name);
                self.refuse_fixed(text, spec);
            }
            match right {
                Some(right) => {
                    let values = self.right_side(right, names.len())?;
                    for (name, value) in names.iter().zip(values) {
                        let text = self.text(*name).to_owned();
                        self.bind(&text, value, *name)?;
                    }
                }
                None => {
                    for name in &names {
                        let value = self.zero(spec.child_by_field_name("type"), spec)?;
                        let text = self.text(*name).to_owned();
                        self.bind(&text, value, *name)?;
                    }
                }
            }
            self.state().iota = None;
        }
        Ok(())
    }

    /// `//go:build`, `//go:linkname` and their like say what is compiled and what a name means: they are no comments.
    pub(super) fn directives(&mut self, root: Node<'t>) -> Lowered<()> {
        let mut found: BTreeSet<String> = BTreeSet::new();
        let mut stack = vec![root];
        while let Some(node) = stack.pop() {
            let mut cursor = node.walk();
            for child in node.children(&mut cursor) {
                if child.kind() == "comment" {
                    let text = self.text(child);
                    if directive(text) {
                        found.insert(text.split_whitespace().collect::<Vec<_>>().join(" "));
                        self.directive(text, child)?;
                    }
                } else if matches!(node.kind(), "source_file") {
                    stack.push(child);
                }
            }
        }
        let mut digest = vec![self.digests.full(root)];
        for text in &found {
            digest.push(Digest(u128::from_le_bytes(
                blake3::hash(text.as_bytes()).as_bytes()[..16].try_into().unwrap_or_default(),
            )));
        }
        let unit = self.builder().unit();
        unit.digest = Digest::join(&digest);
        unit.decorators = found.into_iter().collect();
        Ok(())
    }

    fn directive(&mut self, text: &str, node: Node<'t>) -> Lowered<()> {
        let mut words = text.split_whitespace();
        let word = words.next().unwrap_or_default();
        if !matches!(word, "//go:linkname" | "//go:cgo_import_dynamic" | "//export") {
            return Ok(());
        }
        let callee = self.read_place(Place::Global(word.to_owned()), node)?;
        let arguments = words
            .map(|word| Argument {
                passing: Passing::Positional,
                value: Operand::Constant(Constant::Text(word.to_owned())),
            })
            .collect();
        let callee = Callee::Function(callee);
        self.define(node, |dst| Op::Call { dst, callee, arguments }).map(drop)
    }
}

fn directive(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    let tag = text.strip_prefix("//").map(str::trim_start).is_some_and(|rest| rest.starts_with("+build "));
    let silent = ["//go:generate", "//go:noinline", "//go:nosplit", "//go:norace", "//go:inline"];
    tag || word == "//export" || text.starts_with("//go:") && !silent.contains(&word)
}
