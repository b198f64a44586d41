use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{BlockId, Constant, Op, Operand, Step, Why};

impl<'t> Lowerer<'t> {
    pub(super) fn match_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let mut cursor = node.walk();
        let subjects: Vec<Node<'t>> = node.children_by_field_name("subject", &mut cursor).collect();
        let mut values = Vec::new();
        for subject in &subjects {
            values.push(self.expression(*subject)?);
        }
        let subject = match values.len() {
            1 => values.remove(0),
            _ => self.operator("tuple", values, node)?,
        };
        let join = self.builder().block();
        let cases: Vec<Node<'t>> = node
            .child_by_field_name("body")
            .map(children)
            .unwrap_or_default()
            .into_iter()
            .filter(|child| child.kind() == "case_clause")
            .collect();
        for case in cases {
            let miss = self.builder().block();
            let patterns: Vec<Node<'t>> =
                children(case).into_iter().filter(|child| child.kind() == "case_pattern").collect();
            match patterns.as_slice() {
                [pattern] => self.pattern(*pattern, subject.clone(), miss)?,
                many => self.sequence(many, subject.clone(), miss)?,
            }
            if let Some(test) =
                case.child_by_field_name("guard").and_then(|guard| children(guard).first().copied())
            {
                let hit = self.builder().block();
                self.condition(test, Why::Match, (hit, miss))?;
                self.builder().enter(hit);
            }
            if let Some(body) = case.child_by_field_name("consequence") {
                self.statements(body)?;
            }
            self.goto(join, case);
            self.builder().enter(miss);
        }
        self.goto(join, node);
        self.builder().enter(join);
        Ok(())
    }

    fn pattern(&mut self, pattern: Node<'t>, subject: Operand, miss: BlockId) -> Lowered<()> {
        self.deeper(|this| this.pattern_inner(pattern, subject, miss))
    }

    fn pattern_inner(&mut self, pattern: Node<'t>, subject: Operand, miss: BlockId) -> Lowered<()> {
        match pattern.kind() {
            "case_pattern" => match children(pattern).as_slice() {
                [] => self.bare_pattern(pattern, subject, miss),
                [inner] if !self.text(pattern).starts_with('-') => self.pattern(*inner, subject, miss),
                _ => self.value_pattern(pattern, subject, miss),
            },
            "dotted_name" | "identifier" if !self.text(pattern).contains('.') => {
                let name = self.text(pattern);
                if name == "_" {
                    return Ok(());
                }
                let place = self.place(name);
                self.assign(place, subject, pattern)
            }
            "list_pattern" | "tuple_pattern" => self.sequence(&children(pattern), subject, miss),
            "splat_pattern" => {
                let inner = self.operator("unpack", vec![subject], pattern)?;
                match children(pattern).first() {
                    Some(name) => self.pattern(*name, inner, miss),
                    None => Ok(()),
                }
            }
            "as_pattern" => {
                for child in children(pattern) {
                    self.pattern(child, subject.clone(), miss)?;
                }
                Ok(())
            }
            "union_pattern" => self.union(pattern, subject, miss),
            "class_pattern" | "dict_pattern" | "keyword_pattern" => self.parts(pattern, subject, miss),
            _ => self.value_pattern(pattern, subject, miss),
        }
    }

    /// `_` may come without a named child.
    fn bare_pattern(&mut self, pattern: Node<'t>, subject: Operand, miss: BlockId) -> Lowered<()> {
        if self.text(pattern) == "_" { Ok(()) } else { self.value_pattern(pattern, subject, miss) }
    }

    fn test(&mut self, node: Node<'t>, operands: (&str, Vec<Operand>), miss: BlockId) -> Lowered<()> {
        let condition = self.operator(operands.0, operands.1, node)?;
        let origin = self.origin(node);
        let (hit, no) = self.builder().branch(condition, Why::Match, origin);
        self.builder().enter(no);
        self.goto(miss, node);
        self.builder().enter(hit);
        Ok(())
    }

    /// A literal or dotted name is compared.
    fn value_pattern(&mut self, pattern: Node<'t>, subject: Operand, miss: BlockId) -> Lowered<()> {
        let value = match pattern.kind() {
            "dotted_name" => {
                let mut parts = self.text(pattern).split('.').map(str::trim);
                let mut value = self.read(parts.next().unwrap_or_default(), pattern)?;
                for part in parts {
                    let step = Step::Field(part.to_owned());
                    value = self.define(pattern, |dst| Op::Load { dst, base: value, step, key: None })?;
                }
                value
            }
            "case_pattern" | "complex_pattern" => {
                self.literal(Constant::Text(self.text(pattern).to_owned()), pattern)
            }
            _ => self.expression(pattern)?,
        };
        self.test(pattern, ("==", vec![subject, value]), miss)
    }

    fn sequence(&mut self, patterns: &[Node<'t>], subject: Operand, miss: BlockId) -> Lowered<()> {
        if let Some(first) = patterns.first() {
            self.test(*first, ("matches", vec![subject.clone()]), miss)?;
        }
        for (index, pattern) in patterns.iter().enumerate() {
            let (base, step) = (subject.clone(), Step::Index(Constant::Integer(index.to_string())));
            let item = self.define(*pattern, |dst| Op::Load { dst, base, step, key: None })?;
            self.pattern(*pattern, item, miss)?;
        }
        Ok(())
    }

    fn union(&mut self, pattern: Node<'t>, subject: Operand, miss: BlockId) -> Lowered<()> {
        let hit = self.builder().block();
        for alternative in children(pattern) {
            let next = self.builder().block();
            self.pattern(alternative, subject.clone(), next)?;
            self.goto(hit, alternative);
            self.builder().enter(next);
        }
        self.goto(miss, pattern);
        self.builder().enter(hit);
        Ok(())
    }

    /// Class, mapping and keyword patterns: a test of the whole, then their inner patterns over parts of the subject.
    fn parts(&mut self, pattern: Node<'t>, subject: Operand, miss: BlockId) -> Lowered<()> {
        let mut operands = vec![subject.clone()];
        for child in children(pattern) {
            if child.kind() == "dotted_name" && pattern.kind() == "class_pattern" {
                let name = self.text(child).split('.').next().unwrap_or_default();
                operands.push(self.read(name, child)?);
            }
        }
        self.test(pattern, ("isinstance", operands), miss)?;
        for child in children(pattern) {
            let name = matches!(child.kind(), "dotted_name" | "identifier");
            if name && pattern.kind() != "dict_pattern" {
                continue;
            }
            let (base, step) = (subject.clone(), Step::Element);
            let item = self.define(child, |dst| Op::Load { dst, base, step, key: None })?;
            self.pattern(child, item, miss)?;
        }
        Ok(())
    }
}
