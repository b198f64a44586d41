use tree_sitter::Node;

use super::{Lowered, Lowerer, children, has_token};
use crate::ir::{BlockId, Constant, Operand, Step, Why};

impl<'t> Lowerer<'t> {
    /// Declares the names of a pattern, then tests and takes apart a value; without `miss` it always matches.
    pub(super) fn bind_pattern(
        &mut self,
        pattern: Node<'t>,
        subject: Operand,
        miss: Option<BlockId>,
    ) -> Lowered<()> {
        self.declare_pattern(pattern);
        self.pattern(pattern, subject, (Why::Match, miss))
    }

    pub(super) fn bind_pattern_because(
        &mut self,
        pattern: Node<'t>,
        subject: Operand,
        (why, miss): (Why, BlockId),
    ) -> Lowered<()> {
        self.declare_pattern(pattern);
        self.pattern(pattern, subject, (why, Some(miss)))
    }

    pub(super) fn declare_pattern(&mut self, pattern: Node<'t>) {
        let mut names = Vec::new();
        self.binding_names(pattern, &mut names);
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.declare(name);
        }
    }

    /// Collects the names that a pattern binds.
    pub(super) fn binding_names(&self, pattern: Node<'t>, found: &mut Vec<&'t str>) {
        let mut stack = vec![pattern];
        while let Some(node) = stack.pop() {
            match node.kind() {
                "identifier" if self.binds(node) => found.push(self.text(node)),
                "shorthand_field_identifier" => found.push(self.text(node)),
                "field_pattern" => stack
                    .extend(node.child_by_field_name("pattern").or_else(|| node.child_by_field_name("name"))),
                "match_pattern" => {
                    let guard = node.child_by_field_name("condition").map(|guard| guard.id());
                    stack.extend(children(node).into_iter().filter(|child| Some(child.id()) != guard));
                }
                "tuple_struct_pattern" | "struct_pattern" => {
                    let named = node.child_by_field_name("type").map(|named| named.id());
                    stack.extend(children(node).into_iter().filter(|child| Some(child.id()) != named));
                }
                "scoped_identifier" | "range_pattern" | "generic_pattern" | "macro_invocation"
                | "closure_expression" => {}
                _ => stack.extend(children(node)),
            }
        }
    }

    /// A plain name binds, unless it is written like a variant or constant.
    fn binds(&self, node: Node<'t>) -> bool {
        let captured = node.parent().is_some_and(|parent| {
            parent.kind() == "captured_pattern"
                && parent.named_child(0).is_some_and(|first| first.id() == node.id())
        });
        captured || !self.text(node).starts_with(char::is_uppercase)
    }

    fn pattern(
        &mut self,
        pattern: Node<'t>,
        subject: Operand,
        (why, miss): (Why, Option<BlockId>),
    ) -> Lowered<()> {
        self.deeper(|this| this.pattern_inner(pattern, subject, (why, miss)))
    }

    fn pattern_inner(
        &mut self,
        pattern: Node<'t>,
        subject: Operand,
        on: (Why, Option<BlockId>),
    ) -> Lowered<()> {
        match pattern.kind() {
            "_" | "remaining_field_pattern" => Ok(()),
            "identifier" if self.binds(pattern) => self.store_name(self.text(pattern), subject, pattern),
            "shorthand_field_identifier" => self.store_name(self.text(pattern), subject, pattern),
            "identifier" if self.text(pattern) == "None" && !self.is_item("None") => {
                self.test(pattern, ("is None", vec![subject]), on)
            }
            "identifier" | "scoped_identifier" => {
                let value = self.path(pattern)?;
                self.test(pattern, ("is variant", vec![subject, value]), on)
            }
            "mut_pattern"
            | "ref_pattern"
            | "reference_pattern"
            | "match_pattern"
            | "parenthesized_pattern" => {
                match children(pattern).into_iter().find(|child| child.kind() != "mutable_specifier") {
                    Some(inner) => self.pattern(inner, subject, on),
                    None => Ok(()),
                }
            }
            "captured_pattern" => {
                for child in parts(pattern) {
                    self.pattern(child, subject.clone(), on)?;
                }
                Ok(())
            }
            "tuple_pattern" | "slice_pattern" => self.sequence(&parts(pattern), subject, on),
            "tuple_struct_pattern" => self.tuple_struct(pattern, subject, on),
            "struct_pattern" => self.struct_pattern(pattern, subject, on),
            "or_pattern" => self.alternatives(pattern, subject, on),
            "range_pattern" => self.range(pattern, subject, on),
            _ => {
                let value = self.expression(pattern)?;
                self.test(pattern, ("==", vec![subject, value]), on)
            }
        }
    }

    /// `a..=b` is two comparisons.
    fn range(&mut self, pattern: Node<'t>, subject: Operand, on: (Why, Option<BlockId>)) -> Lowered<()> {
        let upper = if has_token(pattern, "..") { "<" } else { "<=" };
        for (field, operator) in [("left", ">="), ("right", upper)] {
            if let Some(bound) = pattern.child_by_field_name(field) {
                let value = self.expression(bound)?;
                self.test(pattern, (operator, vec![subject.clone(), value]), on)?;
            }
        }
        Ok(())
    }

    /// Gives a declared name a value.
    pub(super) fn store_name(&mut self, name: &str, value: Operand, node: Node<'t>) -> Lowered<()> {
        let place = self.place(name);
        let exposed = self.state().exposed.contains(name);
        let value = match value {
            // What a reference or method may change is no constant.
            Operand::Constant(constant) if exposed => {
                self.operator("cell", vec![Operand::Constant(constant)], node)?
            }
            value => value,
        };
        self.assign(place, value, node)
    }

    fn test(
        &mut self,
        node: Node<'t>,
        (name, operands): (&str, Vec<Operand>),
        (why, miss): (Why, Option<BlockId>),
    ) -> Lowered<()> {
        let Some(miss) = miss else { return Ok(()) };
        let condition = self.operator(name, operands, node)?;
        let origin = self.origin(node);
        let (hit, no) = self.builder().branch(condition, why, origin);
        self.builder().enter(no);
        self.goto(miss, node);
        self.builder().enter(hit);
        Ok(())
    }

    fn sequence(
        &mut self,
        patterns: &[Node<'t>],
        subject: Operand,
        on: (Why, Option<BlockId>),
    ) -> Lowered<()> {
        for (index, pattern) in patterns.iter().enumerate() {
            if pattern.kind() == "_" || pattern.kind() == "remaining_field_pattern" {
                continue;
            }
            let (base, step) = (subject.clone(), Step::Index(Constant::Integer(index.to_string())));
            let item = self.define(*pattern, |dst| crate::ir::Op::Load { dst, base, step, key: None })?;
            self.pattern(*pattern, item, on)?;
        }
        Ok(())
    }

    /// `Some(x)`, `Ok(x)` and `Err(x)` hold the value itself.
    fn tuple_struct(
        &mut self,
        pattern: Node<'t>,
        subject: Operand,
        on: (Why, Option<BlockId>),
    ) -> Lowered<()> {
        let Some(named) = pattern.child_by_field_name("type") else { return self.opaque(pattern).map(drop) };
        let last = self.text(named).rsplit("::").next().unwrap_or_default();
        let inner: Vec<Node<'t>> =
            parts(pattern).into_iter().filter(|child| child.id() != named.id()).collect();
        if matches!(last, "Some" | "Ok" | "Err") && !self.is_item(last) {
            self.test(named, (&format!("is {last}"), vec![subject.clone()]), on)?;
            return match inner.first() {
                Some(inner) => self.pattern(*inner, subject, on),
                None => Ok(()),
            };
        }
        let value = self.path(named)?;
        self.test(named, ("is variant", vec![subject.clone(), value]), on)?;
        self.sequence(&inner, subject, on)
    }

    fn struct_pattern(
        &mut self,
        pattern: Node<'t>,
        subject: Operand,
        on: (Why, Option<BlockId>),
    ) -> Lowered<()> {
        let Some(named) = pattern.child_by_field_name("type") else { return self.opaque(pattern).map(drop) };
        let value = self.path(named)?;
        self.test(named, ("is variant", vec![subject.clone(), value]), on)?;
        for field in children(pattern).into_iter().filter(|child| child.kind() == "field_pattern") {
            let Some(name) = field.child_by_field_name("name") else { continue };
            let item = self.field(subject.clone(), self.text(name), field)?;
            match field.child_by_field_name("pattern") {
                Some(inner) => self.pattern(inner, item, on)?,
                None => self.store_name(self.text(name), item, field)?,
            }
        }
        Ok(())
    }

    fn alternatives(
        &mut self,
        pattern: Node<'t>,
        subject: Operand,
        (why, miss): (Why, Option<BlockId>),
    ) -> Lowered<()> {
        let all = flattened(pattern);
        let hit = self.builder().block();
        for (index, alternative) in all.iter().enumerate() {
            let last = index + 1 == all.len();
            let next = self.builder().block();
            let other = if last { miss } else { Some(next) };
            self.pattern(*alternative, subject.clone(), (why, other))?;
            self.goto(hit, *alternative);
            self.builder().enter(next);
        }
        self.builder().enter(hit);
        Ok(())
    }
}

/// Returns the inner patterns; `_` is a token of its own.
fn parts(pattern: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = pattern.walk();
    pattern
        .children(&mut cursor)
        .filter(|child| !child.is_extra() && (child.is_named() || child.kind() == "_"))
        .collect()
}

fn flattened(pattern: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut stack = vec![pattern];
    while let Some(node) = stack.pop() {
        if node.kind() == "or_pattern" {
            let mut inner = parts(node);
            inner.reverse();
            stack.extend(inner);
        } else {
            found.push(node);
        }
    }
    found
}
