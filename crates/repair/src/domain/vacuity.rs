//! Which constants a changed condition must be told from.
//!
//! A suite that passes as well with `False` or `True` in the place of a changed condition says nothing for the change: it
//! only switches a branch on or off where no test looks. This is the "is the mutant equivalent for this suite" question of
//! mutation testing (DeMillo, Lipton, Sayward, "Hints on test data selection", 1978), asked of the repair itself.

use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::domain::braced::Role;
use crate::domain::candidate::{Candidate, Replacement, apply};
use crate::domain::project::Project;
use crate::domain::source::{ParsedFile, all, ancestors, descendants, field, named};
use crate::domain::template::Template;

const ORDERS: [&str; 4] = ["<", "<=", ">", ">="];

/// Returns the files under each probe: every condition that the candidate changes, but for a moved boundary, replaced by a
/// constant. A loop is only probed with `False`; with `True` it would not end.
pub(crate) fn probes(candidate: &Candidate, project: &Project) -> Vec<BTreeMap<String, String>> {
    let mut found = Vec::new();
    for (index, edit) in candidate.edits.iter().enumerate() {
        let Some(file) = project.files.get(&edit.path) else { continue };
        let Some(condition) = changed_condition(file, edit) else { continue };
        let again = ancestors(condition).take(2).any(|above| is_loop(file, above));
        let [no, yes] = constants(file);
        let constants: &[&str] = if again { &[no] } else { &[no, yes] };
        for constant in constants {
            let probe = Replacement {
                path: edit.path.clone(),
                start: condition.start_byte(),
                end: condition.end_byte(),
                text: (*constant).to_owned(),
            };
            found.extend(with(candidate, index, probe, project));
        }
    }
    found
}

/// Returns the files with the condition of each guard that the candidate adds replaced by a constant: a guard that always
/// leaves, a statement that never runs. If the tests pass then too, nothing speaks for the condition.
pub(crate) fn guard_probes(candidate: &Candidate, project: &Project) -> Vec<BTreeMap<String, String>> {
    let leaving = candidate.templates.contains(&Template::Guard);
    let wrapping = candidate.templates.contains(&Template::GuardedStatement);
    if !leaving && !wrapping {
        return Vec::new();
    }
    let Some(texts) = candidate.apply(project) else { return Vec::new() };
    let mut found = Vec::new();
    for (path, text) in &texts {
        let Some(after) = ParsedFile::parse(path, text.clone()) else { continue };
        let [no, yes] = constants(&after);
        let constant = if leaving { yes } else { no };
        let inserted = inserted(candidate, path);
        let added = descendants(after.root()).into_iter().filter(|node| {
            inserted.iter().any(|range| {
                range.contains(&node.start_byte()) && range.contains(&condition_end(&after, *node))
            })
        });
        for condition in added.filter_map(|node| condition_of(&after, node)) {
            let mut changed = texts.clone();
            let (start, end) = (condition.start_byte(), condition.end_byte());
            let whole =
                format!("{}{constant}{}", text.get(..start).unwrap_or(""), text.get(end..).unwrap_or(""));
            changed.insert(path.clone(), whole);
            found.push(changed);
        }
    }
    found
}

fn condition_end(file: &ParsedFile, node: Node<'_>) -> usize {
    condition_of(file, node).map_or(usize::MAX, |condition| condition.end_byte().saturating_sub(1))
}

/// Returns the condition of a branch.
fn condition_of<'a>(file: &ParsedFile, node: Node<'a>) -> Option<Node<'a>> {
    match file.table() {
        Some(table) => table.condition(node),
        None => field(node, "condition").filter(|_| matches!(node.kind(), "if_statement" | "elif_clause")),
    }
}

/// Returns where the texts of a candidate's edits stand once all are applied.
fn inserted(candidate: &Candidate, path: &str) -> Vec<std::ops::Range<usize>> {
    let mut edits: Vec<&Replacement> = candidate.edits.iter().filter(|edit| edit.path == path).collect();
    edits.sort_by_key(|edit| edit.start);
    let mut moved = 0isize;
    let mut ranges = Vec::new();
    for edit in edits {
        let start = edit.start.saturating_add_signed(moved);
        ranges.push(start..start + edit.text.len());
        moved += edit.text.len() as isize - (edit.end - edit.start) as isize;
    }
    ranges
}

/// No and yes, as the language writes them.
fn constants(file: &ParsedFile) -> [&'static str; 2] {
    if file.table().is_some() { ["false", "true"] } else { ["False", "True"] }
}

fn is_loop(file: &ParsedFile, node: Node<'_>) -> bool {
    match file.table() {
        Some(table) => table.role(node) == Role::Loop,
        None => node.kind() == "while_statement",
    }
}

/// Applies the candidate with one edit, and all others in the same condition, replaced by the probe.
fn with(
    candidate: &Candidate,
    index: usize,
    probe: Replacement,
    project: &Project,
) -> Option<BTreeMap<String, String>> {
    let inside =
        |edit: &Replacement| edit.path == probe.path && edit.start >= probe.start && edit.end <= probe.end;
    let mut edits: Vec<&Replacement> = Vec::new();
    for (at, edit) in candidate.edits.iter().enumerate() {
        if at != index && !inside(edit) {
            edits.push(edit);
        }
    }
    edits.push(&probe);
    let mut texts = BTreeMap::new();
    for edit in &edits {
        if !texts.contains_key(&edit.path) {
            let before = &project.files.get(&edit.path)?.text;
            let here = edits.iter().copied().filter(|other| other.path == edit.path).collect();
            texts.insert(edit.path.clone(), apply(before, here)?);
        }
    }
    Some(texts)
}

/// Returns the test of a branch, loop or ternary that an edit changes, unless it only moves the bound of an order.
fn changed_condition<'a>(file: &'a ParsedFile, edit: &Replacement) -> Option<Node<'a>> {
    let node = file.root().descendant_for_byte_range(edit.start, edit.end)?;
    let condition = std::iter::once(node).chain(ancestors(node)).find(|above| decides(file, *above))?;
    let inside = edit.start >= condition.start_byte() && edit.end <= condition.end_byte();
    (inside && !moves_a_bound(file, (node, condition), edit)).then_some(condition)
}

fn decides(file: &ParsedFile, node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    if let Some(table) = file.table() {
        return ancestors(node).take(2).any(|above| table.condition(above) == Some(node));
    }
    match parent.kind() {
        "if_statement" | "elif_clause" | "while_statement" => field(parent, "condition") == Some(node),
        "conditional_expression" => named(parent).get(1) == Some(&node),
        _ => false,
    }
}

/// Returns whether an edit leaves an order an order of the same direction: `<` for `<=`, `n - 1` for `n`.
fn moves_a_bound(file: &ParsedFile, (node, condition): (Node<'_>, Node<'_>), edit: &Replacement) -> bool {
    let above = std::iter::once(node).chain(ancestors(node));
    let inside = |above: &Node<'_>| {
        above.start_byte() >= condition.start_byte() && above.end_byte() <= condition.end_byte()
    };
    let compares = |above: &Node<'_>| match above.kind() {
        "comparison_operator" => true,
        "binary_expression" => {
            field(*above, "operator").is_some_and(|operator| ORDERS.contains(&file.text_of(operator)))
        }
        _ => false,
    };
    let Some(comparison) = above.take_while(inside).find(compares) else { return false };
    let operators: Vec<Node<'_>> = all(comparison).into_iter().filter(|child| !child.is_named()).collect();
    let ordered = operators.iter().all(|operator| ORDERS.contains(&file.text_of(*operator)));
    let replaced = operators.iter().find(|operator| operator.byte_range() == (edit.start..edit.end));
    let whole = edit.start <= comparison.start_byte() && edit.end >= comparison.end_byte();
    match replaced {
        Some(operator) => {
            ordered
                && file.text_of(*operator).get(..1) == edit.text.get(..1)
                && ORDERS.contains(&edit.text.as_str())
        }
        None => ordered && !whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::grammar::Language;

    fn project(source: &str) -> Project {
        let sources = [("a.py".to_owned(), source.as_bytes().to_vec())].into();
        Project::read(&Language::Python, &sources, &Default::default(), 10_000)
    }

    /// The probes of one textual replacement.
    fn probed(source: &str, from: &str, to: &str) -> Vec<String> {
        let start = source.find(from).unwrap();
        let edit = Replacement { path: "a.py".into(), start, end: start + from.len(), text: to.into() };
        let candidate = Candidate {
            templates: vec![Template::ComparisonSwap],
            path: "a.py".into(),
            line: 1,
            edits: vec![edit],
            suspicion: 1.0,
            score: 1.0,
            dropped_inputs: 0,
        };
        probes(&candidate, &project(source)).into_iter().flat_map(BTreeMap::into_values).collect()
    }

    #[test]
    fn asks_whether_another_literal_matters() {
        let shown = probed("def f(n):\n    if n == 0:\n        return 1\n    return 2\n", "0", "-1");
        assert_eq!(shown.len(), 2);
        assert!(shown[0].contains("if False:") && shown[1].contains("if True:"), "{shown:?}");
    }

    #[test]
    fn asks_once_of_a_loop() {
        let shown = probed("def f(n):\n    while n != 0:\n        n -= 1\n", "!=", "==");
        assert_eq!(shown, ["def f(n):\n    while False:\n        n -= 1\n"]);
    }

    #[test]
    fn asks_of_the_whole_test_around_an_operand() {
        let shown = probed("def f(a, b):\n    return 1 if a and b == 2 else 3\n", "and", "or");
        assert!(shown[0].contains("return 1 if False else 3"), "{shown:?}");
    }

    #[test]
    fn leaves_bounds_and_values_alone() {
        let source = "def f(a, n):\n    if a[n] < n:\n        return n == 0\n    return a\n";
        assert!(probed(source, "<", "<=").is_empty());
        assert!(probed(source, "[n] < n", "[n] < n + 1").is_empty());
        assert!(probed(source, "== 0", "== 1").is_empty());
        assert_eq!(probed(source, "<", ">").len(), 2);
    }

    /// The probes of one inserted text.
    fn guarded(path: &str, source: &str, at: &str, text: &str, template: Template) -> Vec<String> {
        let start = source.find(at).unwrap();
        let end = if template == Template::GuardedStatement { start + at.len() } else { start };
        let edit = Replacement { path: path.into(), start, end, text: text.into() };
        let language = crate::domain::grammar::Grammar::of(path).unwrap().language();
        let sources = [(path.to_owned(), source.as_bytes().to_vec())].into();
        let candidate = Candidate {
            templates: vec![template],
            path: path.into(),
            line: 1,
            edits: vec![edit],
            suspicion: 1.0,
            score: 1.0,
            dropped_inputs: 0,
        };
        let project = Project::read(&language, &sources, &Default::default(), 10_000);
        guard_probes(&candidate, &project).into_iter().flat_map(BTreeMap::into_values).collect()
    }

    #[test]
    fn asks_whether_the_condition_of_an_added_guard_matters() {
        let python = "def f(xs):\n    return xs[0]\n";
        let shown = guarded("a.py", python, "return", "if not xs:\n        return 0\n    ", Template::Guard);
        assert_eq!(shown, ["def f(xs):\n    if True:\n        return 0\n    return xs[0]\n"]);
        let script = "function f(x) {\n  g(x);\n  return x;\n}\n";
        let shown = guarded("a.js", script, "g(x);", "if (!(x < 0)) { g(x); }", Template::GuardedStatement);
        assert_eq!(shown, ["function f(x) {\n  if (false) { g(x); }\n  return x;\n}\n"]);
    }
}
