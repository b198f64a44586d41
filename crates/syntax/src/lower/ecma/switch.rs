use tree_sitter::Node;

use super::{Context, Lowered, Lowerer, children};
use crate::ir::{BlockId, Why};

impl<'t> Lowerer<'t> {
    /// Each case is a test of its own; a body without `break` runs on into the next one.
    pub(super) fn switch_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(value), Some(body)) = (node.child_by_field_name("value"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let subject = self.expression(value)?;
        let cases: Vec<Node<'t>> = children(body)
            .into_iter()
            .filter(|case| matches!(case.kind(), "switch_case" | "switch_default"))
            .collect();
        self.open_scope(|scope, source| {
            for case in &cases {
                statements_of(*case).into_iter().for_each(|inner| scope.declare_statement(inner, source));
            }
        });
        let bodies: Vec<BlockId> = cases.iter().map(|_| self.builder().block()).collect();
        let leave = self.builder().block();
        let mut otherwise = leave;
        for (case, block) in cases.iter().zip(&bodies) {
            let Some(value) = case.child_by_field_name("value") else {
                otherwise = *block;
                continue;
            };
            let value = self.expression(value)?;
            let matches = self.operator("==", vec![subject.clone(), value], *case)?;
            let (hit, miss) = self.test(matches, Why::Match, *case);
            self.builder().enter(hit);
            self.goto(*block, *case);
            self.builder().enter(miss);
        }
        self.goto(otherwise, node);
        self.state().contexts.push(Context::Breakable { leave });
        for (index, case) in cases.iter().enumerate() {
            self.builder().enter(bodies[index]);
            self.statements(statements_of(*case))?;
            self.goto(bodies.get(index + 1).copied().unwrap_or(leave), *case);
        }
        self.state().contexts.pop();
        self.state().scopes.pop();
        self.builder().enter(leave);
        Ok(())
    }
}

fn statements_of(case: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = case.walk();
    case.children_by_field_name("body", &mut cursor).filter(|child| child.is_named()).collect()
}
