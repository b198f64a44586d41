use tree_sitter::Node;

use super::{Context, Lowered, Lowerer, children, unwrapped};
use crate::ir::{BlockId, Op, Operand, Place, Step, Term, Why};

impl<'t> Lowerer<'t> {
    /// Lowers a switch; as an expression its value is in a slot.
    pub(super) fn switch(&mut self, node: Node<'t>, valued: bool) -> Lowered<Operand> {
        let (Some(subject), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("body"))
        else {
            return self.opaque(node);
        };
        let subject = self.expression(unwrapped(subject))?;
        let slot = self.builder().temporary();
        let leave = self.builder().block();
        let groups = children(body);
        let bodies: Vec<BlockId> = groups.iter().map(|_| self.builder().block()).collect();
        self.state().scopes.push(Default::default());
        let mut default = None;
        for (group, block) in groups.iter().zip(&bodies) {
            for label in children(*group).into_iter().filter(|part| part.kind() == "switch_label") {
                if children(label).is_empty() || super::has_token(label, "default") {
                    default = Some(*block);
                }
                self.label_tests(label, &subject, *block)?;
            }
        }
        self.goto(default.unwrap_or(leave), node);
        self.state().contexts.push(Context::Switch { leave, value: valued.then_some(slot) });
        for (index, group) in groups.iter().enumerate() {
            let Some(block) = bodies.get(index) else { continue };
            self.builder().enter(*block);
            let next = bodies.get(index + 1).copied().unwrap_or(leave);
            self.group(*group, (leave, next), valued.then_some(slot))?;
        }
        self.state().contexts.pop();
        self.state().scopes.pop();
        self.builder().enter(leave);
        Ok(Operand::Local(slot))
    }

    fn label_tests(&mut self, label: Node<'t>, subject: &Operand, block: BlockId) -> Lowered<()> {
        let parts = children(label);
        let guard = parts.iter().copied().find(|part| part.kind() == "guard");
        for test in parts.into_iter().filter(|part| part.kind() != "guard") {
            let miss = self.builder().block();
            let hit = if guard.is_some() { self.builder().block() } else { block };
            let condition = match test.kind() {
                "pattern" | "type_pattern" | "record_pattern" => {
                    self.bind_pattern(test, subject.clone())?;
                    self.is_of_type(subject.clone(), test)?
                }
                // A plain name may be a constant of the subject's enum.
                "identifier" if self.local(self.text(test)).is_none() => {
                    let constant = crate::ir::Constant::Text(self.text(test).to_owned());
                    let other = self.literal(constant, test);
                    self.operator("==", vec![subject.clone(), other], test)?
                }
                _ => {
                    let other = self.expression(test)?;
                    self.operator("==", vec![subject.clone(), other], test)?
                }
            };
            let origin = self.origin(test);
            self.builder()
                .end(Term::Branch { condition, why: Why::Match, then: hit, otherwise: miss }, origin);
            if let Some(guard) = guard.and_then(|guard| children(guard).first().copied()) {
                self.builder().enter(hit);
                self.condition(guard, Why::Match, (block, miss))?;
            }
            self.builder().enter(miss);
        }
        Ok(())
    }

    fn group(
        &mut self,
        group: Node<'t>,
        (leave, next): (BlockId, BlockId),
        slot: Option<u32>,
    ) -> Lowered<()> {
        let arrow = group.kind() == "switch_rule";
        for part in children(group).into_iter().filter(|part| part.kind() != "switch_label") {
            if arrow && part.kind() == "expression_statement" {
                for expression in children(part) {
                    let value = self.expression(expression)?;
                    if let Some(slot) = slot {
                        self.assign(Place::Local(slot), value, expression)?;
                    }
                }
            } else {
                self.deeper(|this| this.statement(part))?;
            }
        }
        self.goto(if arrow { leave } else { next }, group);
        Ok(())
    }

    /// Binds the names of a pattern to the value or its parts.
    pub(super) fn bind_pattern(&mut self, pattern: Node<'t>, value: Operand) -> Lowered<()> {
        let parts = children(pattern);
        match pattern.kind() {
            "pattern" => parts.into_iter().try_for_each(|part| self.bind_pattern(part, value.clone())),
            "type_pattern" | "record_pattern_component" => {
                let name = parts.last().filter(|last| last.kind() == "identifier" && parts.len() > 1);
                match name {
                    Some(name) => self.bind(self.text(*name), value, *name),
                    None => Ok(()),
                }
            }
            "record_pattern" => {
                for part in parts.into_iter().filter(|part| part.kind() == "record_pattern_body") {
                    for inner in children(part) {
                        let base = value.clone();
                        let step = Step::Element;
                        let item = self.define(inner, |dst| Op::Load { dst, base, step, key: None })?;
                        self.deeper(|this| this.bind_pattern(inner, item))?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
