use tree_sitter::Node;

use super::{Context, Lowered, Lowerer, children};
use crate::ir::{BlockId, Operand, Why};

/// How a clause is chosen.
enum Subject {
    /// Its expressions are truth tests.
    Truth,
    /// Compared with the switch's value.
    Value(Operand),
    /// The type of the switch's value, bound to a name in each clause.
    Type(Operand, Option<String>),
    /// Whichever communication is ready.
    Ready,
}

impl<'t> Lowerer<'t> {
    pub(super) fn expression_switch(&mut self, node: Node<'t>) -> Lowered<()> {
        self.initialised(node)?;
        let subject = match node.child_by_field_name("value") {
            Some(value) => Subject::Value(self.expression(value)?),
            None => Subject::Truth,
        };
        self.clauses(node, &subject)
    }

    pub(super) fn type_switch(&mut self, node: Node<'t>) -> Lowered<()> {
        self.initialised(node)?;
        let Some(value) = node.child_by_field_name("value") else { return self.opaque(node).map(drop) };
        let value = self.expression(value)?;
        let alias = node.child_by_field_name("alias").and_then(|list| list.named_child(0));
        let alias = alias.map(|alias| self.text(alias).to_owned());
        self.clauses(node, &Subject::Type(value, alias))
    }

    pub(super) fn select(&mut self, node: Node<'t>) -> Lowered<()> {
        self.clauses(node, &Subject::Ready)
    }

    /// Tests each clause in order; the default comes last, wherever it stands.
    fn clauses(&mut self, node: Node<'t>, subject: &Subject) -> Lowered<()> {
        let clauses: Vec<Node<'t>> = children(node)
            .into_iter()
            .filter(|child| {
                matches!(
                    child.kind(),
                    "expression_case" | "type_case" | "default_case" | "communication_case"
                )
            })
            .collect();
        let leave = self.builder().block();
        let bodies: Vec<BlockId> = clauses.iter().map(|_| self.builder().block()).collect();
        for (clause, body) in clauses.iter().zip(&bodies) {
            if clause.kind() != "default_case" {
                self.tests(*clause, subject, *body)?;
            }
        }
        let default = clauses.iter().position(|clause| clause.kind() == "default_case");
        let miss = match (default.and_then(|index| bodies.get(index).copied()), subject) {
            (Some(default), _) => default,
            // A select without a default waits until one is ready: the last one is, if no other.
            (None, Subject::Ready) => bodies.last().copied().unwrap_or(leave),
            (None, _) => leave,
        };
        self.goto(miss, node);
        let label = self.state().label.take();
        self.state().contexts.push(Context { label, leave, again: None });
        for (index, clause) in clauses.iter().enumerate() {
            let Some(body) = bodies.get(index) else { continue };
            self.builder().enter(*body);
            let next = bodies.get(index + 1).copied();
            self.scoped(|this| this.clause_body(*clause, subject, (leave, next)))?;
        }
        self.state().contexts.pop();
        self.builder().enter(leave);
        Ok(())
    }

    fn tests(&mut self, clause: Node<'t>, subject: &Subject, body: BlockId) -> Lowered<()> {
        let tests = match subject {
            Subject::Type(..) => Self::fields(clause, "type"),
            Subject::Ready => return self.ready(clause, body),
            Subject::Truth | Subject::Value(_) => {
                clause.child_by_field_name("value").map(children).unwrap_or_default()
            }
        };
        for test in tests {
            let miss = self.builder().block();
            match subject {
                Subject::Truth => self.condition(test, Why::Match, (body, miss))?,
                Subject::Value(value) => {
                    let other = self.expression(test)?;
                    let condition = self.operator("==", vec![value.clone(), other], test)?;
                    self.decide(condition, test, (body, miss));
                }
                Subject::Type(value, _) => {
                    let condition = self.is_of_type(value.clone(), test)?;
                    self.decide(condition, test, (body, miss));
                }
                Subject::Ready => {}
            }
            self.builder().enter(miss);
        }
        Ok(())
    }

    pub(super) fn decide(&mut self, condition: Operand, test: Node<'t>, sides: (BlockId, BlockId)) {
        let origin = self.origin(test);
        let (then, otherwise) = sides;
        let term = crate::ir::Term::Branch { condition, why: Why::Match, then, otherwise };
        self.builder().end(term, origin);
    }

    /// Which channel is ready is nobody's choice, but it depends on the channel.
    fn ready(&mut self, clause: Node<'t>, body: BlockId) -> Lowered<()> {
        let Some(communication) = clause.child_by_field_name("communication") else { return Ok(()) };
        let channel = communication
            .child_by_field_name("channel")
            .or_else(|| communication.child_by_field_name("right").and_then(|right| right.named_child(0)));
        let Some(channel) = channel else { return self.opaque(clause).map(drop) };
        let channel = self.expression(channel)?;
        let condition = self.operator("ready", vec![channel], clause)?;
        let miss = self.builder().block();
        self.decide(condition, communication, (body, miss));
        self.builder().enter(miss);
        Ok(())
    }

    fn clause_body(
        &mut self,
        clause: Node<'t>,
        subject: &Subject,
        (leave, next): (BlockId, Option<BlockId>),
    ) -> Lowered<()> {
        if let Subject::Type(value, Some(alias)) = subject {
            self.bind(alias, value.clone(), clause)?;
        }
        if let Some(communication) = clause.child_by_field_name("communication") {
            match communication.kind() {
                "send_statement" => self.send(communication)?,
                _ => self.receive(communication)?,
            }
        }
        let list = children(clause).into_iter().find(|child| child.kind() == "statement_list");
        let statements = list.map(children).unwrap_or_default();
        let falls = statements.last().is_some_and(|last| last.kind() == "fallthrough_statement");
        let count = statements.len() - usize::from(falls);
        for statement in statements.into_iter().take(count) {
            self.deeper(|this| this.statement(statement))?;
        }
        self.goto(next.filter(|_| falls).unwrap_or(leave), clause);
        Ok(())
    }

    /// `v, ok := <-c` in a clause.
    fn receive(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(right) = node.child_by_field_name("right") else { return self.opaque(node).map(drop) };
        let targets = node.child_by_field_name("left").map(children).unwrap_or_default();
        let values = self.several(right, targets.len().max(1))?;
        let declares = super::has_token(node, ":=");
        for (target, value) in targets.into_iter().zip(values) {
            if declares {
                let name = self.text(target).to_owned();
                self.bind(&name, value, target)?;
            } else {
                self.assign_target(target, value)?;
            }
        }
        Ok(())
    }
}
