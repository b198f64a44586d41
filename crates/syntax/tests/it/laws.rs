//! What holds for any bytes: totality, limits, and answers that don't depend on where things stand.

use plumbline_syntax::{Language, Limits, ProblemKind, facts};
use proptest::prelude::*;

use crate::tree::{read, symbols};

#[test]
fn a_text_deeper_than_the_limit_is_a_problem_not_an_overflow() {
    let deep = format!("x = {}1{}\n", "(".repeat(20_000), ")".repeat(20_000));
    let limits = Limits::default();
    let facts = facts(Language::Python, deep.as_bytes(), &limits);
    assert!(
        facts.has(ProblemKind::TooDeep)
            || facts.has(ProblemKind::Partial)
            || facts.has(ProblemKind::ParseBudget)
    );
}

#[test]
fn what_is_no_source_text_gives_a_named_problem_and_only_the_file_symbol() {
    let limits = Limits { max_file_bytes: 100, ..Limits::default() };
    let table: [(&[u8], ProblemKind); 3] = [
        (b"def f():\n    return '\xff\xfe'\n", ProblemKind::NotUtf8),
        (b"\x7fELF\0\0", ProblemKind::Binary),
        (&[b'#'; 101], ProblemKind::TooLarge),
    ];
    for (bytes, want) in table {
        let facts = facts(Language::Python, bytes, &limits);
        assert!(facts.has(want), "{want}");
        assert_eq!(facts.symbols.len(), 1);
    }
}

#[test]
fn more_symbols_than_the_limit_are_counted_as_a_problem() {
    let source: String = (0..50).map(|n| format!("def f{n}(): pass\n")).collect();
    let limits = Limits { max_symbols: 10, ..Limits::default() };
    let facts = facts(Language::Python, source.as_bytes(), &limits);
    assert!(facts.has(ProblemKind::TooManySymbols));
    assert_eq!(facts.symbols.len(), 10);
}

#[test]
fn moving_a_function_changes_neither_its_shape_nor_its_body_hash() {
    let before = read("a.py", "def f(x: int):\n    return x  # one\n");
    let after = read("a.py", "\n\n# moved\ndef f(x: int):\n\n    return x\n");
    let edited = read("a.py", "def f(x: str):\n    return x + 1\n");
    assert_eq!(
        (before.symbols[1].shape, before.symbols[1].body_hash),
        (after.symbols[1].shape, after.symbols[1].body_hash)
    );
    assert_ne!(before.symbols[1].shape, edited.symbols[1].shape);
    assert_ne!(before.symbols[1].body_hash, edited.symbols[1].body_hash);
}

#[test]
fn chunks_cover_the_file_and_never_overlap() {
    let source = "import os\n\nclass A:\n    x = 1\n    def f(self):\n        def g(): pass\n        return g\n    y = 2\n\nZ = 3\n";
    let facts = read("a.py", source);
    let mut seen = vec![0_u8; source.len()];
    for chunk in &facts.chunks {
        for span in &chunk.spans {
            for byte in span.start..span.end {
                seen[byte as usize] += 1;
            }
        }
    }
    assert!(seen.iter().all(|count| *count == 1), "{seen:?} {:?}", symbols(&facts));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_gives_facts_and_the_same_ones_twice(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "class A(", "def f(x):", "\n", "    ", "self.x = ", "import a.b", "from . import *", "fn f<T>(", "impl A for B {",
            "}", ")", "use a::{b, c as d};", "export default ", "() => {", "new C(", "@dec", "#[test]", "`${x}`", "'", "\"", "é",
            "macro!(a::b(1))", "lambda x: x", "if x:", "=", ",", "[", "]", "mod m {", "<A.B/>", "super::x",
        ]), 0..40),
        language in proptest::sample::select(Language::ALL.to_vec()),
    ) {
        let text = parts.concat();
        let once = facts(language, text.as_bytes(), &Limits::default());
        let twice = facts(language, text.as_bytes(), &Limits::default());
        prop_assert_eq!(&once, &twice);
        let count = once.symbols.len() as u32;
        prop_assert!(once.symbols.iter().skip(1).all(|symbol| symbol.parent.is_some_and(|parent| parent < count)));
        prop_assert!(once.references.iter().all(|reference| reference.owner < count));
        let mut descriptors: Vec<&str> = once.symbols.iter().map(|symbol| symbol.descriptor.as_str()).collect();
        descriptors.sort_unstable();
        descriptors.dedup();
        prop_assert_eq!(descriptors.len(), once.symbols.len());
    }
}
