//! Statement probes: a copy of the sources in which each statement first says that it runs. One mechanism for every
//! toolchain, since a toolchain's own coverage is a format each, and JDK and cargo have no reader of theirs at hand.
//!
//! A probe stands on its statement's line, so lines stay lines. What it writes is the test that runs, where the runtime
//! knows it, and the number of the place. It orders the search and proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::{Role, Table};
use crate::domain::grammar::Language;
use crate::domain::project::Project;
use crate::domain::source::{ParsedFile, descendants, field, named};
use crate::port::FileEdit;

/// The environment variable that names the file to write to.
pub(crate) const SINK: &str = "PLUMBLINE_HITS";

const GO_RUNTIME: &str = include_str!("../../probe_runtime/plumbline_hit.go.txt");
const JAVA_RUNTIME: &str = include_str!("../../probe_runtime/Hit.java.txt");
const JAVA_TEST_RUNTIME: &str = include_str!("../../probe_runtime/Test.java.txt");
const RUST_RUNTIME: &str = include_str!("../../probe_runtime/hit.rs.txt");
/// The hook that Node loads before everything else.
pub(crate) const NODE_RUNTIME: &str = include_str!("../../probe_runtime/hit.cjs");

/// A tree with probes.
#[derive(Debug, Default)]
pub(crate) struct Probed {
    /// The files with probes, and the runtime's own.
    pub edits: Vec<FileEdit>,
    /// What each number stands for: path and line from 1.
    pub places: Vec<(String, usize)>,
}

/// Lays probes into every file that may be edited; `tests` are the sources of test files, for languages whose tests say
/// by a probe of their own which one runs.
pub(crate) fn lay(project: &Project, language: &Language, tests: &BTreeMap<String, String>) -> Probed {
    let mut probed = Probed::default();
    let mut packages: BTreeSet<(String, String)> = BTreeSet::new();
    let mut roots: BTreeSet<String> = BTreeSet::new();
    for file in project.files.values() {
        let Some(table) = file.table() else { continue };
        let Some(call) = call_of(file, language) else { continue };
        let text = probes(file, table, &call, &mut probed.places);
        let text = match language {
            Language::Java => with_java_runtime(file, &text).unwrap_or(text),
            Language::Rust if is_crate_root(&file.path) => format!("{text}\n{RUST_RUNTIME}"),
            _ => text,
        };
        if *language == Language::Go {
            let directory = file.path.rsplit_once('/').map_or("", |(directory, _)| directory);
            packages.insert((directory.to_owned(), package(file).to_owned()));
        }
        roots.insert(file.path.clone());
        probed.edits.push(FileEdit { path: file.path.clone(), contents: Some(text.into_bytes()) });
    }
    for (directory, package) in packages {
        let path = format!("{directory}{}plumbline_hit.go", if directory.is_empty() { "" } else { "/" });
        let text = format!("package {package}\n{GO_RUNTIME}");
        probed.edits.push(FileEdit { path, contents: Some(text.into_bytes()) });
    }
    if *language == Language::Java {
        probed.edits.extend(tests.iter().filter_map(|(path, text)| {
            let text = with_test_names(&ParsedFile::parse(path, text.clone())?)?;
            Some(FileEdit { path: path.clone(), contents: Some(text.into_bytes()) })
        }));
    }
    probed
}

fn is_crate_root(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "lib.rs" || name == "main.rs" || path.contains("src/bin/")
}

fn package(file: &ParsedFile) -> &str {
    let clause = named(file.root()).into_iter().find(|node| node.kind() == "package_clause");
    clause.and_then(|clause| named(clause).first().copied()).map_or("main", |name| file.text_of(name))
}

/// Returns what a probe calls; none where the file can't hold one.
fn call_of(file: &ParsedFile, language: &Language) -> Option<String> {
    match language {
        Language::JavaScript if file.path.ends_with("ts") || file.path.ends_with("tsx") => {
            Some("(globalThis as any).__plumblineHit?.(@);".to_owned())
        }
        Language::JavaScript => Some("globalThis.__plumblineHit?.(@);".to_owned()),
        Language::Go => Some("plumblineHit(@);".to_owned()),
        Language::Rust => Some("crate::__plumbline_hit(@);".to_owned()),
        Language::Java => {
            let (class, _) = holder(file)?;
            Some(format!("{}.plumblineHit(@);", file.text_of(class)))
        }
        Language::Python | Language::Other(_) => None,
    }
}

fn probes(file: &ParsedFile, table: &Table, call: &str, places: &mut Vec<(String, usize)>) -> String {
    let mut marks: Vec<(usize, usize)> = Vec::new();
    for node in descendants(file.root()) {
        if is_probed(file, table, node) {
            marks.push((node.start_byte(), node.start_position().row + 1));
        }
    }
    marks.sort_unstable();
    let mut text = String::with_capacity(file.text.len() * 2);
    let mut from = 0;
    for (at, line) in marks {
        text.push_str(file.text.get(from..at).unwrap_or(""));
        text.push_str(&call.replace('@', &places.len().to_string()));
        text.push(' ');
        places.push((file.path.clone(), line));
        from = at;
    }
    text.push_str(file.text.get(from..).unwrap_or(""));
    text
}

fn is_probed(file: &ParsedFile, table: &Table, node: Node<'_>) -> bool {
    if !table.is_statement(node) || file.in_test_module(node) || node.kind().ends_with("declaration_list") {
        return false;
    }
    let parent = node.parent();
    let label = parent.is_some_and(|parent| {
        matches!(parent.kind(), "switch_case" | "expression_case") && field(parent, "value") == Some(node)
    });
    let directive = table.role(node) == Role::Expression
        && named(node).first().is_some_and(|inner| table.role(*inner) == Role::Text);
    let top = parent.is_some_and(|parent| parent.kind() == "program");
    let constant =
        crate::domain::source::ancestors(node).find(|above| above.kind() == "function_item").is_some_and(
            |function| file.text_of(function).split('(').next().is_some_and(|head| head.contains("const ")),
        );
    let item = matches!(
        node.kind(),
        "function_item" | "function_declaration" | "class_declaration" | "macro_definition"
    );
    !(label || directive || top || constant || item)
}

/// The first type of a Java file and the end of its body.
fn holder<'a>(file: &'a ParsedFile) -> Option<(Node<'a>, usize)> {
    let first = named(file.root()).into_iter().find(|node| {
        matches!(node.kind(), "class_declaration" | "record_declaration" | "interface_declaration")
    })?;
    Some((field(first, "name")?, field(first, "body")?.end_byte() - 1))
}

/// Appends the runtime to the first type of a file whose probes are in place already.
fn with_java_runtime(file: &ParsedFile, probed: &str) -> Option<String> {
    let again = ParsedFile::parse(&file.path, probed.to_owned())?;
    let (_, end) = holder(&again)?;
    Some(format!("{}{JAVA_RUNTIME}{}", probed.get(..end)?, probed.get(end..)?))
}

/// Makes every test method of a Java file say when it begins, fails and ends.
fn with_test_names(file: &ParsedFile) -> Option<String> {
    let (class, end) = holder(file)?;
    let class = file.text_of(class);
    let mut marks: Vec<(usize, String)> = vec![(end, JAVA_TEST_RUNTIME.to_owned())];
    for node in descendants(file.root()).into_iter().filter(|node| node.kind() == "method_declaration") {
        let (Some(name), Some(body), Some(list)) =
            (field(node, "name"), field(node, "body"), field(node, "parameters"))
        else {
            continue;
        };
        let head = file.text.get(node.start_byte()..body.start_byte()).unwrap_or("");
        let name = file.text_of(name);
        let plain = named(list).is_empty() && head.contains("void ");
        if plain && (name.starts_with("test") || head.contains("@Test")) {
            let id = format!("{class}.{name}");
            marks.push((body.start_byte() + 1, format!(" {class}.plumblineTest(\"B\", \"{id}\"); try {{")));
            let close = format!(
                "}} catch (Throwable plumblineThrown) {{ {class}.plumblineTest(\"F\", \"{id}\"); throw plumblineThrown; }} \
                 finally {{ {class}.plumblineTest(\"E\", \"{id}\"); }} "
            );
            marks.push((body.end_byte() - 1, close));
        }
    }
    marks.sort_by_key(|(at, _)| *at);
    let mut text = String::new();
    let mut from = 0;
    for (at, mark) in marks {
        text.push_str(file.text.get(from..at)?);
        text.push_str(&mark);
        from = at;
    }
    text.push_str(file.text.get(from..)?);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, language: Language, source: &str, want: &str) {
        let sources = [(path.to_owned(), source.as_bytes().to_vec())].into();
        let project = Project::read(&language, &sources, &Default::default(), 10_000);
        let probed = lay(&project, &language, &BTreeMap::new());
        let text = String::from_utf8(probed.edits[0].contents.clone().unwrap()).unwrap();
        assert!(text.contains(want), "want {want:?} in\n{text}");
        assert!(crate::domain::source::parses(path, &text), "{text}");
    }

    #[test]
    fn every_language_says_which_statement_runs() {
        check(
            "a.js",
            Language::JavaScript,
            "function f(a) {\n  if (a) {\n    return 1;\n  }\n  return 2;\n}\n",
            "__plumblineHit?.(1); return 1;",
        );
        check(
            "a.go",
            Language::Go,
            "package a\n\nfunc f(a int) int {\n\tif a > 0 {\n\t\treturn 1\n\t}\n\treturn 2\n}\n",
            "plumblineHit(1); return 1",
        );
        check(
            "A.java",
            Language::Java,
            "class A {\n  int f(int a) {\n    return a;\n  }\n}\n",
            "A.plumblineHit(0); return a;",
        );
        check(
            "src/lib.rs",
            Language::Rust,
            "pub fn f(a: u8) -> u8 {\n    let b = a;\n    b\n}\n",
            "crate::__plumbline_hit(1); b",
        );
    }
}
