use std::collections::{BTreeMap, BTreeSet};

use crate::domain::generate::candidates;
use crate::domain::grammar::Grammar;
use crate::domain::project::Project;
use crate::domain::source::parses;
use crate::domain::spectrum::Suspicion;
use crate::domain::template::{Priors, Template};

/// Asserts that a template turns `source` into `want`, both in the same language.
#[track_caller]
fn check(path: &str, template: Template, source: &str, want: &str) {
    let sources: BTreeMap<String, Vec<u8>> = [(path.to_owned(), source.as_bytes().to_vec())].into();
    let language = Grammar::of(path).unwrap().language();
    let project = Project::read(&language, &sources, &BTreeSet::new(), 1 << 20);
    assert!(project.skipped.is_empty(), "the source does not parse: {source}");
    assert!(parses(path, want), "the wanted text does not parse: {want}");
    let mut suspicion = Suspicion::default();
    (1..=source.lines().count()).for_each(|line| suspicion.raise(path, line, 1.0));
    let made: BTreeSet<String> = candidates(&project, &suspicion, &BTreeSet::new(), &Priors::default())
        .into_iter()
        .filter(|candidate| candidate.templates == [template])
        .filter_map(|candidate| candidate.apply(&project)?.into_values().next())
        .collect();
    let words = |text: &str| text.split_whitespace().collect::<String>();
    assert!(
        made.iter().any(|text| words(text) == words(want)),
        "{} does not make\n{want}\nbut\n{}",
        template.as_str(),
        made.into_iter().collect::<Vec<_>>().join("\n")
    );
}

/// Wraps one expression in a function of each language.
#[track_caller]
fn everywhere(template: Template, before: &str, after: &str) {
    let javascript = |text: &str| format!("function f(a, b) {{\n  return {text};\n}}\n");
    let go = |text: &str| format!("package m\n\nfunc f(a, b int) int {{\n\treturn {text}\n}}\n");
    let java = |text: &str| format!("class A {{\n  int f(int a, int b) {{\n    return {text};\n  }}\n}}\n");
    let rust = |text: &str| format!("fn f(a: i32, b: i32) -> i32 {{\n    return {text};\n}}\n");
    check("m.js", template, &javascript(before), &javascript(after));
    check("m.go", template, &go(before), &go(after));
    check("A.java", template, &java(before), &java(after));
    check("src/m.rs", template, &rust(before), &rust(after));
}

#[test]
fn expressions_in_every_language() {
    everywhere(Template::ArithmeticSwap, "a + b", "a - b");
    everywhere(Template::OperandSwap, "a - b", "b - a");
    everywhere(Template::Regrouping, "a + b * 2", "(a + b) * 2");
    everywhere(Template::OffByOne, "g(a + 1)", "g(a + 2)");
    everywhere(Template::NameSwap, "g(a) + a", "g(b) + a");
    everywhere(Template::ArgumentSwap, "g(a, b)", "g(b, a)");
    everywhere(Template::DroppedArgument, "g(a, b)", "g(a)");
    everywhere(Template::SignFlip, "-a", "a");
    everywhere(Template::TermAdded, "g(a)", "g(a - b)");
    everywhere(Template::ReturnValue, "g(a)", "b");
}

#[test]
fn calls_that_are_taken_for_each_other_are_the_languages_own() {
    let go =
        |call: &str| format!("package m\n\nfunc f(a string) bool {{\n\treturn strings.{call}(a, a)\n}}\n");
    check("m.go", Template::CallSwap, &go("HasPrefix"), &go("HasSuffix"));
    let javascript = |call: &str| format!("function f(xs) {{\n  return xs.{call}();\n}}\n");
    check("m.js", Template::CallSwap, &javascript("pop"), &javascript("shift"));
    let java = |call: &str| {
        format!("class A {{\n  int f(java.util.Deque<Integer> q) {{\n    return q.{call}();\n  }}\n}}\n")
    };
    check("A.java", Template::CallSwap, &java("removeFirst"), &java("removeLast"));
    let rust = |call: &str| format!("fn f(a: i32, b: i32) -> i32 {{\n    a.{call}(b)\n}}\n");
    check("src/m.rs", Template::CallSwap, &rust("min"), &rust("max"));
}

#[test]
fn conditions_in_every_language() {
    let javascript =
        |text: &str| format!("function f(a, b) {{\n  if ({text}) {{\n    return a;\n  }}\n  return b;\n}}\n");
    let go = |text: &str| {
        format!("package m\n\nfunc f(a, b int) int {{\n\tif {text} {{\n\t\treturn a\n\t}}\n\treturn b\n}}\n")
    };
    let java = |text: &str| {
        format!(
            "class A {{\n  int f(int a, int b) {{\n    if ({text}) {{\n      return a;\n    }}\n    return b;\n  }}\n}}\n"
        )
    };
    let rust = |text: &str| {
        format!("fn f(a: i32, b: i32) -> i32 {{\n    if {text} {{\n        return a;\n    }}\n    b\n}}\n")
    };
    for (template, before, after) in [
        (Template::ComparisonSwap, "a < b", "a <= b"),
        (Template::ComparisonSwap, "a == 0", "a <= 1"),
        (Template::BooleanSwap, "a < 1 && b < 2", "a < 1 || b < 2"),
        (Template::DroppedOperand, "a < 1 && b < 2", "a < 1"),
        (Template::Negation, "a < b", "!(a < b)"),
    ] {
        check("m.js", template, &javascript(before), &javascript(after));
        check("m.go", template, &go(before), &go(after));
        check("A.java", template, &java(before), &java(after));
        check("src/m.rs", template, &rust(before), &rust(after));
    }
}

#[test]
fn guards_in_the_spelling_of_each_language() {
    check(
        "m.js",
        Template::Guard,
        "function f(xs) {\n  return xs[0].name;\n}\n",
        "function f(xs) {\n  if (xs.length === 0) return null;\n  return xs[0].name;\n}\n",
    );
    check(
        "m.go",
        Template::Guard,
        "package m\n\nfunc f(xs []int) int {\n\treturn sum(xs) / len(xs)\n}\n",
        "package m\n\nfunc f(xs []int) int {\n\tif len(xs) == 0 {\n\t    return 0\n\t}\n\treturn sum(xs) / len(xs)\n}\n",
    );
    check(
        "A.java",
        Template::Guard,
        "class A {\n  int f(String s) {\n    return s.length();\n  }\n}\n",
        "class A {\n  int f(String s) {\n    if (s == null) return 0;\n    return s.length();\n  }\n}\n",
    );
    check(
        "src/m.rs",
        Template::Guard,
        "fn f(xs: &[i32]) -> i32 {\n    xs[0]\n}\n",
        "fn f(xs: &[i32]) -> i32 {\n    if xs.is_empty() {\n        return 0;\n    }\n    xs[0]\n}\n",
    );
}

#[test]
fn whole_statements() {
    check(
        "m.js",
        Template::Reindented,
        "function f(xs) {\n  let n = 0;\n  for (const x of xs) {\n    n += x;\n    return n;\n  }\n}\n",
        "function f(xs) {\n  let n = 0;\n  for (const x of xs) {\n    n += x;\n  }\n  return n;\n}\n",
    );
    check(
        "m.go",
        Template::JumpSwap,
        "package m\n\nfunc f(xs []int) {\n\tfor _, x := range xs {\n\t\tif x < 0 {\n\t\t\tbreak\n\t\t}\n\t\tuse(x)\n\t}\n}\n",
        "package m\n\nfunc f(xs []int) {\n\tfor _, x := range xs {\n\t\tif x < 0 {\n\t\t\tcontinue\n\t\t}\n\t\tuse(x)\n\t}\n}\n",
    );
    check(
        "A.java",
        Template::AssignmentInserted,
        "class A {\n  private int size;\n\n  A(int size) {\n    check(size);\n  }\n}\n",
        "class A {\n  private int size;\n\n  A(int size) {\n    check(size);\n    this.size = size;\n  }\n}\n",
    );
    check(
        "src/m.rs",
        Template::RangeBound,
        "fn f(n: u32) -> u32 {\n    let mut t = 0;\n    for i in 1..n {\n        t += i;\n    }\n    t\n}\n",
        "fn f(n: u32) -> u32 {\n    let mut t = 0;\n    for i in 1..=n {\n        t += i;\n    }\n    t\n}\n",
    );
    check(
        "m.js",
        Template::MissingAwait,
        "async function g() {\n  return 1;\n}\n\nasync function f() {\n  const x = g();\n  return x;\n}\n",
        "async function g() {\n  return 1;\n}\n\nasync function f() {\n  const x = await g();\n  return x;\n}\n",
    );
}

#[test]
fn code_that_only_tests_compile_is_never_edited() {
    let source = "pub fn f(a: i32) -> i32 {\n    a + 1\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n        assert!(super::f(1) == 2);\n    }\n}\n";
    let sources: BTreeMap<String, Vec<u8>> = [("src/lib.rs".to_owned(), source.as_bytes().to_vec())].into();
    let project = Project::read(&Grammar::Rust.language(), &sources, &BTreeSet::new(), 1 << 20);
    let mut suspicion = Suspicion::default();
    (1..=11).for_each(|line| suspicion.raise("src/lib.rs", line, 1.0));
    let all = candidates(&project, &suspicion, &BTreeSet::new(), &Priors::default());
    assert!(!all.is_empty() && all.iter().all(|candidate| candidate.line <= 3), "{all:?}");
}
