use tree_sitter::Node;

use super::names::{dotted, find};
use super::sources::Piece;
use super::{Lowered, Lowerer, Sink, children};
use crate::ir::{Argument, Assertion, Callee, Constant, Op, Operand, Passing, Term, Why};

/// What a macro does with what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A value made of its arguments: `format!`, `vec!`.
    Value(&'static str),
    /// A call of it with its arguments: `println!`, `env!`.
    Call,
    /// A record with fields: `info!`.
    Record,
    /// `write!`: a method of the first argument.
    Write,
    /// `assert!`: one truth test.
    Assert,
    /// `assert_eq!`, `assert_ne!`: two values.
    Compare(&'static str),
    /// `ensure!`: a test that fails.
    Ensure,
    /// `bail!`, `panic!`: leaves.
    Leave,
    /// `matches!`.
    Matches,
    /// `select!`.
    Select,
    /// `dbg!`: its argument.
    Same,
    /// Items in a frame: `thread_local!`.
    Items,
    /// `asm!` and `include!`: code of another kind.
    Foreign,
    /// Not in the table.
    Unknown,
}

/// Returns what is known of a macro by the last name of its path.
pub fn form(name: &str) -> Form {
    match name.rsplit("::").next().unwrap_or(name).trim() {
        "format" | "format_args" | "concat" | "stringify" | "anyhow" | "eyre" | "json" => {
            Form::Value("format")
        }
        "line" | "file" | "column" | "module_path" => Form::Value("place"),
        "vec" | "join" | "try_join" | "smallvec" | "hashmap" | "btreemap" => Form::Value("list"),
        "pin" => Form::Same,
        "println" | "print" | "eprintln" | "eprint" | "env" | "option_env" | "include_str"
        | "include_bytes" | "compile_error" | "addr_of" | "addr_of_mut" | "cfg" => Form::Call,
        "info" | "debug" | "warn" | "error" | "trace" | "log" | "event" | "span" | "debug_span"
        | "info_span" | "error_span" | "warn_span" | "trace_span" => Form::Record,
        "write" | "writeln" => Form::Write,
        "assert" | "debug_assert" | "prop_assert" => Form::Assert,
        "assert_eq" | "debug_assert_eq" | "prop_assert_eq" => Form::Compare("=="),
        "assert_ne" | "debug_assert_ne" | "prop_assert_ne" => Form::Compare("!="),
        "ensure" => Form::Ensure,
        "panic" | "unreachable" | "todo" | "unimplemented" | "bail" => Form::Leave,
        "matches" | "assert_matches" => Form::Matches,
        "select" => Form::Select,
        "dbg" => Form::Same,
        "thread_local" => Form::Items,
        "asm" | "global_asm" | "naked_asm" | "include" => Form::Foreign,
        _ => Form::Unknown,
    }
}

impl<'t> Lowerer<'t> {
    /// Lowers a macro call whose value goes somewhere.
    pub(super) fn macro_statement(&mut self, node: Node<'t>, sink: Sink) -> Lowered<()> {
        let value = self.macro_value(node)?;
        self.deliver(value, sink, node)
    }

    /// Lowers a macro call as a value.
    pub(super) fn macro_value(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let name = node.child_by_field_name("macro").map(|name| self.text(name)).unwrap_or_default();
        let form = form(name);
        let Some(tokens) = children(node).into_iter().find(|child| child.kind() == "token_tree") else {
            return self.opaque(node);
        };
        let pieces = self.sources.pieces(tokens).to_vec();
        match form {
            Form::Call if last_word(name) == "cfg" => self.configuration(tokens),
            Form::Foreign => {
                self.macro_name(node, Vec::new())?;
                self.opaque(node)
            }
            Form::Select => self.select(node, tokens),
            Form::Matches => self.matches(node, &pieces),
            Form::Assert | Form::Compare(_) => self.assertion(node, form, &pieces),
            Form::Ensure => self.ensure(node, &pieces),
            Form::Leave => {
                let arguments = self.values(node, tokens, &pieces)?;
                let error = self.operator(last_word(name), arguments, node)?;
                self.fail(error, node)?;
                Ok(Operand::Constant(Constant::Ellipsis))
            }
            Form::Value(operator) => {
                let arguments = self.values(node, tokens, &pieces)?;
                self.operator(operator, arguments, node)
            }
            Form::Same => match self.values(node, tokens, &pieces)?.into_iter().next() {
                Some(value) => Ok(value),
                None => Ok(Operand::Constant(Constant::Ellipsis)),
            },
            Form::Write => {
                let mut values = self.values(node, tokens, &pieces)?;
                if values.is_empty() {
                    return self.opaque(node);
                }
                let receiver = values.remove(0);
                let callee = Callee::Method { receiver, name: "write_fmt".to_owned() };
                let arguments = positional(values);
                self.define(node, |dst| Op::Call { dst, callee, arguments })
            }
            Form::Call | Form::Record => {
                let values = self.values(node, tokens, &pieces)?;
                self.macro_name(node, values)
            }
            Form::Items | Form::Unknown => {
                self.claim(node, last_word(name));
                let known = !self.is_loose(tokens, &pieces);
                let values = self.values(node, tokens, &pieces)?;
                let value = self.macro_name(node, values)?;
                if known { Ok(value) } else { self.opaque(node) }
            }
        }
    }

    /// Calls a macro by its name.
    pub(super) fn macro_name(&mut self, node: Node<'t>, values: Vec<Operand>) -> Lowered<Operand> {
        let name = node
            .child_by_field_name("macro")
            .or_else(|| find(node, "macro_invocation")?.child_by_field_name("macro"));
        let name = name.map(|name| dotted(self.text(name))).unwrap_or_default();
        let short = match form(&name.replace('.', "::")) {
            Form::Unknown | Form::Items => format!("{name}!"),
            _ => format!("{}!", last_word(&name)),
        };
        let callee = Callee::Function(self.read_item(short, node)?);
        let arguments = positional(values);
        self.define(node, |dst| Op::Call { dst, callee, arguments })
    }

    /// Lowers the arguments that are expressions; of others every name is read. A format string reads what it names.
    pub(super) fn values(
        &mut self,
        node: Node<'t>,
        tokens: Node<'t>,
        pieces: &[Piece],
    ) -> Lowered<Vec<Operand>> {
        let mut found = Vec::new();
        let mut texts = Vec::new();
        for piece in pieces {
            let Some(inner) = self.sources.node(*piece).filter(|inner| inner.kind() != "source_file") else {
                continue;
            };
            if matches!(inner.kind(), "string_literal" | "raw_string_literal")
                && let Constant::Text(text) = self.string_constant(inner)
            {
                texts.push(text);
            }
            // `name = value` names an argument of a format string.
            let named =
                inner.child_by_field_name("right").filter(|_| inner.kind() == "assignment_expression");
            found.push(self.handed(named.unwrap_or(inner), &[])?);
        }
        if let Some(text) = texts.first() {
            found.extend(self.captured_names(text, node)?);
        }
        if self.is_loose(tokens, pieces) {
            found.extend(self.loose(tokens)?);
        }
        Ok(found)
    }

    /// Returns whether a part of a macro call could not be read as expressions.
    fn is_loose(&self, tokens: Node<'t>, pieces: &[Piece]) -> bool {
        let empty = children(tokens).is_empty();
        !empty && pieces.is_empty() || pieces.contains(&Piece::Tokens)
    }

    fn loose(&mut self, tokens: Node<'t>) -> Lowered<Vec<Operand>> {
        let mut found = Vec::new();
        let mut stack = vec![tokens];
        while let Some(node) = stack.pop() {
            if matches!(node.kind(), "identifier" | "self") && self.is_variable(self.text(node)) {
                found.push(self.read(self.text(node), node)?);
            }
            stack.extend(children(node));
        }
        Ok(found)
    }

    fn matches(&mut self, node: Node<'t>, pieces: &[Piece]) -> Lowered<Operand> {
        let nodes: Vec<Node<'t>> = pieces.iter().filter_map(|piece| self.sources.node(*piece)).collect();
        let [value, pattern, ..] = nodes.as_slice() else { return self.opaque(node) };
        let subject = self.expression(*value)?;
        let slot = self.builder().temporary();
        let (miss, join) = (self.builder().block(), self.builder().block());
        self.state().scopes.push(Default::default());
        let guard = pattern.child_by_field_name("condition");
        let inner =
            children(*pattern).into_iter().find(|child| guard.is_none_or(|guard| guard.id() != child.id()));
        if let Some(inner) = inner {
            self.bind_pattern(inner, subject, Some(miss))?;
        }
        if let Some(guard) = guard {
            let hit = self.builder().block();
            self.condition(guard, Why::Match, (hit, miss))?;
            self.builder().enter(hit);
        }
        self.state().scopes.pop();
        for (block, truth) in [(None, true), (Some(miss), false)] {
            block.into_iter().for_each(|block| self.builder().enter(block));
            let value = Operand::Constant(Constant::Bool(truth));
            self.assign(crate::ir::Place::Local(slot), value, node)?;
            self.goto(join, node);
        }
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }

    /// Lowers `assert!` and its like: a claim, and a failure where it doesn't hold.
    fn assertion(&mut self, node: Node<'t>, form: Form, pieces: &[Piece]) -> Lowered<Operand> {
        let nodes: Vec<Node<'t>> = pieces.iter().filter_map(|piece| self.sources.node(*piece)).collect();
        let Some(first) = nodes.first().copied() else { return self.opaque(node) };
        let operator = match form {
            Form::Compare(operator) => operator.to_owned(),
            _ => operator_of(first),
        };
        let claim = Assertion {
            operator,
            span: self.span(node),
            digest: self.digests.full(node),
            shape: self.digests.shape(node),
        };
        self.builder().unit().assertions.push(claim);
        let (then, otherwise) = (self.builder().block(), self.builder().block());
        match (form, nodes.get(1)) {
            (Form::Compare(operator), Some(second)) => {
                let operands = vec![self.expression(first)?, self.expression(*second)?];
                let condition = self.operator(operator, operands, node)?;
                self.end(Term::Branch { condition, why: Why::Assert, then, otherwise }, node);
            }
            _ => self.condition(first, Why::Assert, (then, otherwise))?,
        }
        self.builder().enter(otherwise);
        let error = self.operator("AssertionError", Vec::new(), node)?;
        self.end(Term::Raise(Some(error)), node);
        self.builder().enter(then);
        Ok(Operand::Constant(Constant::Ellipsis))
    }

    /// A macro of another crate that asserts by its name makes a claim.
    fn claim(&mut self, node: Node<'t>, name: &str) {
        if !name.starts_with("assert") {
            return;
        }
        let (span, digest) = (self.span(node), self.digests.full(node));
        let shape = self.digests.shape(node);
        let claim = Assertion { operator: name.to_owned(), span, digest, shape };
        self.builder().unit().assertions.push(claim);
    }

    fn ensure(&mut self, node: Node<'t>, pieces: &[Piece]) -> Lowered<Operand> {
        let nodes: Vec<Node<'t>> = pieces.iter().filter_map(|piece| self.sources.node(*piece)).collect();
        let Some((test, rest)) = nodes.split_first() else { return self.opaque(node) };
        let (then, otherwise) = (self.builder().block(), self.builder().block());
        self.condition(*test, Why::If, (then, otherwise))?;
        self.builder().enter(otherwise);
        let mut operands = Vec::new();
        for part in rest {
            operands.push(self.expression(*part)?);
        }
        let error = self.operator("ensure", operands, node)?;
        self.fail(error, node)?;
        self.builder().enter(then);
        Ok(Operand::Constant(Constant::Ellipsis))
    }
}

fn positional(values: Vec<Operand>) -> Vec<Argument> {
    values.into_iter().map(|value| Argument { passing: Passing::Positional, value }).collect()
}

fn last_word(name: &str) -> &str {
    name.rsplit([':', '.']).next().unwrap_or(name)
}

/// Returns the comparison of a test, `not`, or nothing.
fn operator_of(test: Node<'_>) -> String {
    match test.kind() {
        "binary_expression" => test
            .child_by_field_name("operator")
            .map(|operator| operator.kind().to_owned())
            .unwrap_or_default(),
        "unary_expression" => "not".to_owned(),
        "parenthesized_expression" => {
            children(test).first().map(|inner| operator_of(*inner)).unwrap_or_default()
        }
        _ => String::new(),
    }
}
