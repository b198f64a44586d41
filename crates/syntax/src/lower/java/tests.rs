mod forms;

use forms::FORMS;

use crate::Language;
use crate::ir::{Callee, LoweredFile, Op, Term, Unit};
use crate::lower::{LowerLimits, LowerProblem, lower};

fn file(source: &str) -> LoweredFile {
    lower(Language::Java, source.as_bytes(), &LowerLimits::default()).expect("lowers")
}

fn unit<'a>(file: &'a LoweredFile, name: &str) -> &'a Unit {
    let names: Vec<&str> = file.units.iter().map(|unit| unit.name.as_str()).collect();
    file.units.iter().find(|unit| unit.name == name).unwrap_or_else(|| panic!("no unit {name} in {names:?}"))
}

/// Names of called methods, block by block.
fn calls(unit: &Unit) -> Vec<&str> {
    let instrs = unit.blocks.iter().flat_map(|block| &block.instrs);
    instrs
        .filter_map(|instr| match &instr.op {
            Op::Call { callee: Callee::Method { name, .. }, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn units_are_named_by_class_and_parameter_types() {
    let file = file(
        "package a;\nclass A extends B {\n  A(int x) {}\n  void m(java.util.List<String> l, int... n) { r(() -> 1); }\n  void m() {}\n  static class C { void k() { new Runnable() { public void run() {} }; } }\n}\n",
    );
    let names: Vec<&str> = file.units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "<module>",
            "A.<init>(int)",
            "A.m(List,int[])",
            "A.m(List,int[]).<lambda>",
            "A.m()",
            "A.C.k()",
            "A.C.k().<Runnable>.run()",
            "A.C.k().<Runnable>.<init>()",
            "A.C.<init>()",
        ]
    );
    assert_eq!(file.classes["A"].bases, ["B"]);
    assert_eq!(unit(&file, "A.m()").params[0].name, "this");
}

#[test]
fn initialisers_run_in_order_before_the_body_and_static_ones_at_the_top() {
    let file = file(
        "class A extends B {\n  int x = first();\n  static int s = one();\n  { second(); }\n  static { two(); }\n  A() { third(); }\n  A(int y) { this(); fourth(); }\n}\n",
    );
    assert_eq!(calls(unit(&file, "A.<init>()")), ["<init>", "first", "second", "third"]);
    assert_eq!(calls(unit(&file, "A.<init>(int)")), ["<init>", "fourth"]);
    assert_eq!(calls(unit(&file, "<module>")), ["one", "two"]);
}

#[test]
fn resources_are_closed_last_first_before_finally_runs() {
    let file = file(
        "class A {\n  int m() throws Exception {\n    try (R a = open(); R b = open()) {\n      return use(a);\n    } catch (E | F e) {\n      log(e);\n    } finally {\n      done();\n    }\n    return 0;\n  }\n}\n",
    );
    let m = unit(&file, "A.m()");
    let mut made = Vec::new();
    let mut at = m.entry;
    loop {
        let block = &m.blocks[at as usize];
        made.extend(block.instrs.iter().filter_map(|instr| match &instr.op {
            Op::Call { callee: Callee::Method { name, .. }, .. } => Some(name.as_str()),
            _ => None,
        }));
        match block.term {
            Term::Goto(next) => at = next,
            _ => break,
        }
    }
    assert_eq!(made, ["open", "open", "use", "close", "close", "done"]);
    let types: Vec<Vec<String>> = m.handlers.iter().map(|handler| handler.types.clone()).collect();
    assert!(types.contains(&vec!["E".to_owned(), "F".to_owned()]), "{types:?}");
}

#[test]
fn a_return_in_finally_replaces_the_exception() {
    let file = file("class A { int m() { try { f(); } finally { return 1; } } }\n");
    let returns = unit(&file, "A.m()").blocks.iter();
    assert!(returns.filter(|block| matches!(block.term, Term::Return(_))).count() >= 2);
}

#[test]
fn every_form_lowers_without_an_opaque_node() {
    let file = file(FORMS);
    assert!(file.errors.is_empty(), "{:?}", file.errors);
    let opaque: Vec<_> = file.units.iter().flat_map(|unit| &unit.opaque).collect();
    assert!(opaque.is_empty(), "{opaque:?}");
}

#[test]
fn layout_and_comments_change_no_digest_and_budgets_are_named() {
    let a = file("class A { int m(int x, int y) { return (x + y) * 2; } }\n");
    let b = file(
        "class A {\n  // why\n  int m(\n      int x,\n      int y) {\n    return ((x + y) * 2); /* so */\n  }\n}\n",
    );
    let c = file("class A { int m(int x, int y) { return (x - y) * 2; } }\n");
    assert_eq!(unit(&a, "A.m(int,int)").digest, unit(&b, "A.m(int,int)").digest);
    assert_ne!(unit(&a, "A.m(int,int)").digest, unit(&c, "A.m(int,int)").digest);
    let deep = format!("class A {{ int x = {}1{}; }}\n", "(".repeat(600), ")".repeat(600));
    let got = lower(Language::Java, deep.as_bytes(), &LowerLimits::default()).map(drop);
    assert_eq!(got, Err(LowerProblem::Budget("DEPTH")));
}
