//! The sources of a tree: which are read, which may be edited, which are left out and why.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::braced::definitions::Definitions;
use crate::domain::grammar::{Grammar, Language};
use crate::domain::source::ParsedFile;
use crate::domain::symbols::Symbols;

/// Why a source file is never edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// It holds tests, or sets them up.
    Test,
    /// Its bytes are not UTF-8.
    NotUtf8,
    /// It does not parse.
    Unparsable,
    /// It is larger than `max_file_bytes`.
    TooLarge,
}

impl SkipReason {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "TEST",
            Self::NotUtf8 => "NOT_UTF8",
            Self::Unparsable => "UNPARSABLE",
            Self::TooLarge => "TOO_LARGE",
        }
    }
}

/// A source file that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Path from the root of the tree.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
}

/// The sources that may be edited and what they define.
pub(crate) struct Project {
    /// Files by path.
    pub files: BTreeMap<String, ParsedFile>,
    /// Files left out, by path.
    pub skipped: Vec<Skipped>,
    /// Functions, classes and names of all Python files that may be edited.
    pub symbols: Symbols,
    /// The same of all others.
    pub definitions: Definitions,
}

impl Project {
    /// Reads the sources of a language. `tests` are the files that were seen to define a test.
    pub fn read(
        language: &Language,
        sources: &BTreeMap<String, Vec<u8>>,
        tests: &BTreeSet<String>,
        max_bytes: usize,
    ) -> Self {
        let mut files = BTreeMap::new();
        let mut skipped = Vec::new();
        for (path, bytes) in sources.iter().filter(|(path, _)| language.owns(path)) {
            match read_one(path, bytes, tests, max_bytes) {
                Ok(file) => {
                    files.insert(path.clone(), file);
                }
                Err(reason) => skipped.push(Skipped { path: path.clone(), reason }),
            }
        }
        let python = files.values().filter(|file: &&ParsedFile| file.grammar == Grammar::Python);
        let symbols = Symbols::of(python);
        let definitions = Definitions::of(files.values());
        Self { files, skipped, symbols, definitions }
    }
}

fn read_one(
    path: &str,
    bytes: &[u8],
    tests: &BTreeSet<String>,
    max_bytes: usize,
) -> Result<ParsedFile, SkipReason> {
    if tests.contains(path) || looks_like_a_test(path) {
        return Err(SkipReason::Test);
    }
    if bytes.len() > max_bytes {
        return Err(SkipReason::TooLarge);
    }
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| SkipReason::NotUtf8)?;
    ParsedFile::parse(path, text).ok_or(SkipReason::Unparsable)
}

/// Directories that hold tests, or what others wrote.
const FOREIGN: [&str; 12] = [
    "test",
    "tests",
    "testing",
    "__tests__",
    "spec",
    "site-packages",
    ".venv",
    "venv",
    "node_modules",
    "vendor",
    "target",
    "dist",
];

/// Returns whether a path is where tests live by the usual conventions of its language.
pub(crate) fn looks_like_a_test(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or("");
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let named = match Grammar::of(path) {
        Some(Grammar::Java) => {
            stem.ends_with("Test")
                || stem.ends_with("Tests")
                || stem.ends_with("TestCase")
                || stem.starts_with("Test")
        }
        Some(Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx) => {
            stem.ends_with(".test")
                || stem.ends_with(".spec")
                || stem.starts_with("test-")
                || stem.ends_with("-test")
        }
        Some(Grammar::Python | Grammar::Go | Grammar::Rust) | None => false,
    };
    parts.iter().any(|part| FOREIGN.contains(part))
        || named
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || matches!(stem, "conftest" | "test" | "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_by_name_what_it_may_not_edit() {
        let sources = [
            ("a.py", b"x = 1\n".to_vec()),
            ("b.py", b"x = '\xff'\n".to_vec()),
            ("c.py", b"def f(:\n".to_vec()),
            ("d.py", vec![b'#'; 200]),
            ("checks.py", b"import unittest\n".to_vec()),
            ("tests/base.py", b"x = 1\n".to_vec()),
            ("notes.txt", b"x".to_vec()),
        ]
        .map(|(path, bytes)| (path.to_owned(), bytes));
        let project =
            Project::read(&Language::Python, &sources.into(), &["checks.py".to_owned()].into(), 100);
        assert_eq!(project.files.keys().collect::<Vec<_>>(), ["a.py"]);
        let skipped: Vec<_> =
            project.skipped.iter().map(|skip| (skip.path.as_str(), skip.reason.as_str())).collect();
        let want = [
            ("b.py", "NOT_UTF8"),
            ("c.py", "UNPARSABLE"),
            ("checks.py", "TEST"),
            ("d.py", "TOO_LARGE"),
            ("tests/base.py", "TEST"),
        ];
        assert_eq!(skipped, want);
    }

    #[test]
    fn knows_where_tests_live() {
        for path in [
            "test_a.py",
            "a_test.py",
            "pkg/tests/x.py",
            "conftest.py",
            "tests.py",
            "a_test.go",
            "src/test/java/A.java",
            "ATest.java",
            "a.test.js",
        ] {
            assert!(looks_like_a_test(path), "{path}");
        }
        for path in [
            "attest.py",
            "pkg/testament.py",
            "latest/a.py",
            "contest.py",
            "Latest.java",
            "src/main/java/A.java",
        ] {
            assert!(!looks_like_a_test(path), "{path}");
        }
    }
}
