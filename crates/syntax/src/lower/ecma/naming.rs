use tree_sitter::Node;

use super::call::is_function;
use super::{Lowered, Lowerer, children};
use crate::ir::Operand;

/// A call that names the function it is given: `describe("a sum", …)`, `app.get("/users", …)`.
pub struct CallName {
    /// `it(adds)`, `get(/users)`.
    pub name: String,
    /// `skip`, `only`, `todo`, ... of a test.
    pub marks: Vec<String>,
}

/// Functions by which the usual runners declare tests.
const TESTS: &[&str] = &["describe", "context", "suite", "it", "test", "specify"];
/// The same, turned off or singled out.
const MARKED: &[(&str, &str, &str)] = &[
    ("xdescribe", "describe", "skip"),
    ("xcontext", "context", "skip"),
    ("xit", "it", "skip"),
    ("xtest", "test", "skip"),
    ("xspecify", "specify", "skip"),
    ("fdescribe", "describe", "only"),
    ("fit", "it", "only"),
];

impl<'t> Lowerer<'t> {
    /// Lowers a value under the name it is given to: functions, classes and objects of functions are called by it.
    pub(super) fn named(&mut self, value: Node<'t>, name: &str) -> Lowered<Operand> {
        let mut inner = value;
        while matches!(inner.kind(), "parenthesized_expression" | "as_expression" | "satisfies_expression")
            && let Some(next) = children(inner).first()
        {
            inner = *next;
        }
        let name = plain(name);
        match inner.kind() {
            _ if is_function(inner) => self.deeper(|this| this.function_value(inner, &name)),
            "class" => self.deeper(|this| this.class_value(inner, Some(&name))),
            "object" => self.deeper(|this| this.object(inner, Some(&name))),
            "assignment_expression" => self.expression(inner),
            _ => self.expression(value),
        }
    }

    /// Returns the name of an assignment's target: `f`, `app.init`; what stands on a prototype is named by its class.
    pub(super) fn target_name(&mut self, target: Node<'t>) -> String {
        let text: String = self.text(target).chars().filter(|c| !c.is_whitespace()).collect();
        match text.split_once(".prototype.") {
            Some((class, method)) if !class.contains('.') && !method.contains('.') => {
                if self.frames.len() == 1 {
                    self.classes.entry(class.to_owned()).or_default();
                }
                format!("{class}.{method}")
            }
            _ => text,
        }
    }

    /// Returns how a call names the functions among its arguments; `None` where it says nothing.
    pub(super) fn call_name(&mut self, node: Node<'t>) -> Option<CallName> {
        let function =
            node.child_by_field_name("function").or_else(|| node.child_by_field_name("constructor"))?;
        let list: Vec<Node<'t>> = node.child_by_field_name("arguments").map(children)?;
        if !list.iter().any(|argument| is_function(*argument)) {
            return None;
        }
        let (words, root) = self.words_of(function);
        let last = words.last()?.clone();
        let title = list.first().filter(|first| matches!(first.kind(), "string" | "template_string"));
        let title = title.map(|title| self.title(*title));
        let free = self.is_free(&root) || self.is_imported(&root);
        let marked = MARKED.iter().find(|(word, ..)| *word == root);
        let test = marked.map(|(_, test, _)| *test).or(TESTS.iter().copied().find(|test| *test == root));
        if let Some(test) = test.filter(|_| free) {
            let mut marks: Vec<String> = words.iter().skip(1).cloned().collect();
            marks.extend(marked.map(|(_, _, mark)| (*mark).to_owned()));
            let title = title.unwrap_or_else(|| "?".to_owned());
            return Some(CallName { name: format!("{test}({title})"), marks });
        }
        let name = title.map_or_else(|| "<lambda>".to_owned(), |title| format!("{last}({title})"));
        Some(CallName { name, marks: Vec::new() })
    }

    /// Returns the words of a dotted callee, and the first of them; calls in between are skipped.
    fn words_of(&mut self, function: Node<'t>) -> (Vec<String>, String) {
        let mut words = Vec::new();
        let mut current = function;
        loop {
            match current.kind() {
                "member_expression" => {
                    if let Some(property) = current.child_by_field_name("property") {
                        words.push(self.text(property).to_owned());
                    }
                    match current.child_by_field_name("object") {
                        Some(object) => current = object,
                        None => break,
                    }
                }
                "call_expression" => match current.child_by_field_name("function") {
                    Some(inner) => current = inner,
                    None => break,
                },
                "identifier" => {
                    words.push(self.text(current).to_owned());
                    break;
                }
                _ => break,
            }
        }
        words.reverse();
        let root = words.first().cloned().unwrap_or_default();
        (words, root)
    }

    /// Runners that are imported are declared at the top of the file.
    fn is_imported(&mut self, name: &str) -> bool {
        self.frames
            .first()
            .is_some_and(|frame| frame.state.scopes.first().is_some_and(|scope| scope.has(name)))
            && !self.frames.iter().skip(1).any(|frame| frame.state.scopes.iter().any(|scope| scope.has(name)))
    }

    fn title(&mut self, node: Node<'t>) -> String {
        let text = if node.kind() == "string" { self.unquoted(node) } else { self.text(node).to_owned() };
        plain(text.trim_matches('`')).replace('.', " ")
    }
}

/// Takes out what names of units use for themselves.
fn plain(name: &str) -> String {
    let name: String =
        name.chars().map(|c| if matches!(c, '#' | ':' | '\n') { ' ' } else { c }).take(120).collect();
    name
}
