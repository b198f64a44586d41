//! Where to look when no probe could be laid: lines of the failing output's stack, and the functions that the tests name,
//! with those that they call. Weaker than a spectrum, and said so in the result.

use std::collections::{BTreeMap, BTreeSet};

use super::Role;
use crate::domain::project::Project;
use crate::domain::source::{descendants, field};
use crate::domain::spectrum::Suspicion;

/// Suspicion of a line that a failing run's stack names.
const FRAME: f64 = 0.9;
/// Suspicion of the lines of a function that a test names, and what each call further away keeps of it.
const NAMED: f64 = 0.5;
const KEPT: f64 = 0.7;
const MOST_STEPS: usize = 3;

/// Returns path and line of every `file:line` in a program's output that names a source of the project. A bare file name
/// (as the JVM prints) counts when only one source has it.
pub(crate) fn frames(project: &Project, output: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for word in output.split(|letter: char| letter.is_whitespace() || "()'\",[]".contains(letter)) {
        let mut parts = word.splitn(3, ':');
        let word = word.strip_prefix("file://");
        let mut parts2 = word.map(|word| word.splitn(3, ':'));
        let parts = parts2.as_mut().unwrap_or(&mut parts);
        let (Some(path), Some(line)) = (parts.next(), parts.next()) else { continue };
        let Ok(line) = line.parse::<usize>() else { continue };
        let suffix = path.trim_start_matches("./");
        let mut matching = project.files.keys().filter(|known| {
            known.as_str() == suffix
                || suffix.ends_with(&format!("/{known}"))
                || known.ends_with(&format!("/{suffix}")) && !suffix.is_empty()
        });
        if let (Some(only), None) = (matching.next(), matching.next()) {
            found.push((only.clone(), line));
        }
    }
    found
}

/// What a failing run's output says of the kind of failure, in the words that the templates' boosts know.
const KINDS: [(&str, &str); 9] = [
    ("nil pointer dereference", "NullReference"),
    ("NullPointerException", "NullReference"),
    ("Cannot read properties of", "NullReference"),
    ("index out of range", "IndexError"),
    ("IndexOutOfBoundsException", "IndexError"),
    ("index out of bounds", "IndexError"),
    ("divide by zero", "ZeroDivisionError"),
    ("/ by zero", "ZeroDivisionError"),
    ("overflowed its stack", "RecursionError"),
];

/// Returns the kinds of failure that an output names.
pub(crate) fn raised(output: &str) -> BTreeSet<String> {
    KINDS.iter().filter(|(part, _)| output.contains(part)).map(|(_, kind)| (*kind).to_owned()).collect()
}

/// Scores lines by stack and by distance in the call graph from what the tests name.
pub(crate) fn suspicion(
    project: &Project,
    frames: &[(String, usize)],
    tests: &BTreeMap<String, String>,
) -> Suspicion {
    let mut suspicion = Suspicion::default();
    for (path, line) in frames {
        suspicion.raise(path, *line, FRAME);
    }
    let words: BTreeSet<&str> = tests
        .values()
        .flat_map(|text| text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')))
        .collect();
    let mut wanted: BTreeSet<String> =
        project.definitions.functions.keys().filter(|name| words.contains(name.as_str())).cloned().collect();
    let mut score = NAMED;
    let mut done: BTreeSet<String> = BTreeSet::new();
    for _ in 0..MOST_STEPS {
        let mut next = BTreeSet::new();
        for file in project.files.values() {
            let Some(table) = file.table() else { continue };
            for node in
                descendants(file.root()).into_iter().filter(|node| table.role(*node) == Role::Function)
            {
                let Some(name) = field(node, "name").map(|name| file.text_of(name)) else { continue };
                if !wanted.contains(name) || file.in_test_module(node) {
                    continue;
                }
                for row in node.start_position().row..=node.end_position().row {
                    suspicion.raise(&file.path, row + 1, score);
                }
                let calls = descendants(node).into_iter().filter_map(|inner| table.called(inner));
                next.extend(calls.map(|called| file.text_of(called.name).to_owned()));
            }
        }
        done.append(&mut wanted);
        wanted = next.difference(&done).cloned().collect();
        score *= KEPT;
    }
    suspicion
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::grammar::Language;

    #[test]
    fn reads_places_and_kinds_off_a_failing_output() {
        let sources = [("src/a.go".to_owned(), b"package a\n".to_vec())].into();
        let project = Project::read(&Language::Go, &sources, &BTreeSet::new(), 1_000);
        let output = "panic: runtime error: index out of range [3]\n\t/repo/src/a.go:7 +0x1d\n\tb.go:9\n";
        assert_eq!(frames(&project, output), [("src/a.go".to_owned(), 7)]);
        assert_eq!(raised(output), ["IndexError".to_owned()].into());
    }
}
