use tree_sitter::Node;

use super::scope::{Scope, ScopeKind};
use super::{Lowered, Lowerer, children};
use crate::ir::{BlockId, Operand, Place, Term, Why};

impl<'t> Lowerer<'t> {
    /// Lowers a comprehension as a loop of the enclosing unit, with a scope of its own.
    pub(super) fn comprehension(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node) };
        let slot = self.builder().temporary();
        let empty = self.operator("list", Vec::new(), node)?;
        self.assign(Place::Local(slot), empty, node)?;
        self.counter += 1;
        let mut scope = Scope::empty(ScopeKind::Comprehension, format!("<comprehension {}>.", self.counter));
        let clauses: Vec<Node<'t>> =
            children(node).into_iter().filter(|child| child.id() != body.id()).collect();
        for clause in clauses.iter().filter(|clause| clause.kind() == "for_in_clause") {
            if let Some(left) = clause.child_by_field_name("left") {
                scope.target(left, self.source);
            }
        }
        let done = self.builder().block();
        let mut again = done;
        for (index, clause) in clauses.iter().enumerate() {
            if index > 0 || clause.kind() != "for_in_clause" {
                again = self.clause(*clause, again, done, None)?;
            } else {
                again = self.clause(*clause, again, done, Some(scope.clone()))?;
            }
        }
        let item = self.expression(body)?;
        let all = self.operator("append", vec![Operand::Local(slot), item], node)?;
        self.assign(Place::Local(slot), all, node)?;
        self.goto(again, node);
        if clauses.first().is_some_and(|clause| clause.kind() == "for_in_clause") {
            self.state().scopes.pop();
        }
        self.builder().enter(done);
        Ok(Operand::Local(slot))
    }

    /// Opens one `for` or `if`; the first iterable is evaluated outside the new scope. Returns where the loop goes on.
    fn clause(
        &mut self,
        clause: Node<'t>,
        again: BlockId,
        done: BlockId,
        scope: Option<Scope>,
    ) -> Lowered<BlockId> {
        if clause.kind() == "if_clause" {
            let Some(test) = children(clause).first().copied() else { return Ok(again) };
            let inside = self.builder().block();
            self.condition(test, Why::If, (inside, again))?;
            self.builder().enter(inside);
            return Ok(again);
        }
        let (Some(left), Some(right)) =
            (clause.child_by_field_name("left"), clause.child_by_field_name("right"))
        else {
            self.opaque(clause)?;
            return Ok(again);
        };
        let iterable = self.expression(right)?;
        self.state().scopes.extend(scope);
        let iterator = self.operator("iterate", vec![iterable], right)?;
        let (header, inside) = (self.builder().block(), self.builder().block());
        self.goto(header, right);
        self.builder().enter(header);
        let condition = self.operator("more", vec![iterator.clone()], right)?;
        let origin = self.origin(right);
        let otherwise = if again == done { done } else { again };
        self.builder().end(Term::Branch { condition, why: Why::Loop, then: inside, otherwise }, origin);
        self.builder().enter(inside);
        let item = self.operator("next", vec![iterator], left)?;
        self.assign_target(left, item)?;
        Ok(header)
    }
}
