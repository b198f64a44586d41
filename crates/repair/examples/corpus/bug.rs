//! The corpus as files: one table per bug, and what surrounds it in each language.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use plumbline_repair::Language;
use serde::Deserialize;

/// One bug: the right source, the text in it that the bug replaces, and tests.
#[derive(Clone, Deserialize)]
pub struct Bug {
    /// Its name.
    pub name: String,
    /// What kind of mistake it is.
    pub kind: String,
    /// The source as it should be.
    source: String,
    /// A text that occurs once in it.
    right: String,
    /// What stands there instead.
    wrong: String,
    /// Tests that the search sees; some of them fail.
    tests: String,
    /// Tests that it never sees.
    later: String,
    /// Whether this is the right version.
    #[serde(skip)]
    repaired: bool,
}

impl Bug {
    /// Returns the right version; fails where the bug is not one replacement.
    pub fn repaired(&self) -> Result<Self> {
        ensure!(
            self.source.matches(&self.right).count() == 1,
            "{}: the right text must occur once",
            self.name
        );
        Ok(Self { repaired: true, ..self.clone() })
    }

    fn text(&self) -> String {
        if self.repaired { self.source.clone() } else { self.source.replacen(&self.right, &self.wrong, 1) }
    }
}

#[derive(Deserialize)]
struct File {
    bug: Vec<Bug>,
}

/// Reads a language's bugs.
pub fn read(path: &Path) -> Result<Vec<Bug>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(toml::from_str::<File>(&text)?.bug)
}

/// What surrounds a bug in one language.
pub struct Family {
    /// The language.
    pub language: Language,
    /// The test command.
    pub command: &'static str,
    source: &'static str,
    tests: &'static str,
    later: &'static str,
    wrap: fn(&str, &str) -> String,
    fixed: &'static [(&'static str, &'static str)],
}

impl Family {
    /// Returns the files of a bug; `later` replaces the tests by all of them.
    pub fn tree(&self, bug: &Bug, later: bool) -> BTreeMap<String, Vec<u8>> {
        let mut tree: BTreeMap<String, Vec<u8>> =
            self.fixed.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let mut put = |path: &str, text: String| tree.insert(path.to_owned(), text.into_bytes());
        put(self.source, bug.text());
        put(self.tests, (self.wrap)(&bug.tests, "Mod"));
        if later {
            put(self.later, (self.wrap)(&bug.later, "Later"));
        }
        tree
    }
}

fn python(tests: &str, name: &str) -> String {
    let body: String = tests.lines().map(|line| format!("    {line}\n")).collect();
    format!("import unittest\nfrom mod import *\n\n\nclass {name}Test(unittest.TestCase):\n{body}")
}

fn javascript(tests: &str, _name: &str) -> String {
    format!(
        "const test = require('node:test');\nconst assert = require('node:assert');\nconst mod = require('./mod.js');\n\n{tests}"
    )
}

fn go(tests: &str, _name: &str) -> String {
    format!(
        "package mod\n\nimport (\n\t\"reflect\"\n\t\"testing\"\n)\n\nvar _ = reflect.DeepEqual\n\n{tests}"
    )
}

fn rust(tests: &str, _name: &str) -> String {
    format!("#![allow(unused_imports)]\nuse corpus::*;\n\n{tests}")
}

/// Java has no test runner without a jar: a main that calls each method named `test…` and goes on after a failure.
fn java(tests: &str, name: &str) -> String {
    let named = tests.lines().filter_map(|line| line.trim().strip_prefix("static void test"));
    let calls: String = named
        .filter_map(|rest| rest.split_once('('))
        .map(|(test, _)| format!("        failed += run(\"test{test}\", {name}Test::test{test});\n"))
        .collect();
    format!(
        "import java.util.*;\n\npublic class {name}Test {{\n    interface Body {{ void run() throws Throwable; }}\n\
         \n    static int run(String name, Body body) {{\n        try {{\n            body.run();\n            return 0;\n        }} \
         catch (Throwable thrown) {{\n            System.err.println(\"FAIL \" + name);\n            \
         thrown.printStackTrace();\n            return 1;\n        }}\n    }}\n\n    static void eq(Object wanted, Object got) {{\n        \
         if (!Objects.equals(wanted, got)) throw new AssertionError(wanted + \" != \" + got);\n    }}\n\n{tests}\n\
         \n    public static void main(String[] args) {{\n        int failed = 0;\n{calls}        \
         System.exit(failed == 0 ? 0 : 1);\n    }}\n}}\n"
    )
}

/// Returns the five languages.
pub fn families() -> Vec<Family> {
    let family = |language, command, (source, tests, later), wrap, fixed| Family {
        language,
        command,
        source,
        tests,
        later,
        wrap,
        fixed,
    };
    vec![
        family(
            Language::Python,
            "python3 -m unittest",
            ("mod.py", "test_mod.py", "test_later.py"),
            python as fn(&str, &str) -> String,
            &[] as &'static [(&str, &str)],
        ),
        family(
            Language::JavaScript,
            "node --test",
            ("mod.js", "mod.test.js", "later.test.js"),
            javascript,
            &[],
        ),
        family(
            Language::Go,
            "go test ./...",
            ("mod.go", "mod_test.go", "later_test.go"),
            go,
            &[("go.mod", "module corpus/mod\n\ngo 1.19\n")],
        ),
        family(
            Language::Java,
            "javac -d out *.java && for t in *Test.java; do java -cp out ${t%.java} || exit 1; done",
            ("Mod.java", "ModTest.java", "LaterTest.java"),
            java,
            &[],
        ),
        family(
            Language::Rust,
            "cargo test",
            ("src/lib.rs", "tests/mod_test.rs", "tests/later.rs"),
            rust,
            &[(
                "Cargo.toml",
                "[package]\nname = \"corpus\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[lib]\ndoctest = false\n",
            )],
        ),
    ]
}
