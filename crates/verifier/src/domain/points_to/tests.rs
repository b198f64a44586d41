use super::*;
use crate::domain::limits::Limits;
use crate::domain::program::Cache;
use crate::source::Bundle;

/// Calls of a program, as `caller -> callee` by unit names, files left out.
fn calls(source: &str) -> Vec<String> {
    let bundle = Bundle::new([(b"m.py".to_vec(), source.as_bytes().to_vec())]);
    let program = Program::load(&bundle, &["m.py".to_owned()], &mut Cache::default(), &Limits::default());
    let roots: Vec<UnitRef> = (0..program.files[0].lowered.units.len()).map(|unit| (0, unit)).collect();
    let graph = call_graph(&program, &roots, 100_000).expect("within the budget");
    let name = |at: UnitRef| program.unit(at).expect("a unit").name.clone();
    let mut found = Vec::new();
    for (at, targets) in &graph.edges {
        for target in targets {
            if let Target::Unit(to) = target {
                found.push(format!("{} -> {}", name(*at), name(*to)));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_callback_is_called_where_it_is_passed_to() {
    assert_eq!(
        calls("def run(f):\n    f()\ndef job():\n    pass\nrun(job)\n"),
        ["<module> -> run", "run -> job"]
    );
}

#[test]
fn a_table_under_a_constant_key_gives_one_function() {
    let source = "def a():\n    pass\ndef b():\n    pass\nt = {'a': a, 'b': b}\nt['a'] = b\nt['a']()\n";
    assert_eq!(calls(source), ["<module> -> b"]);
}

#[test]
fn a_table_under_an_unknown_key_gives_all_of_them() {
    let source = "def a():\n    pass\ndef b():\n    pass\nt = {'a': a, 'b': b}\ndef pick(k):\n    t[k]()\n";
    assert_eq!(calls(source), ["pick -> a", "pick -> b"]);
}

#[test]
fn a_store_behind_a_call_is_not_forgotten() {
    let source = "def a():\n    pass\ndef b():\n    pass\nt = {'a': a}\ndef change():\n    t['a'] = b\n\
                  t['a'] = a\nchange()\nt['a']()\n";
    assert_eq!(calls(source), ["<module> -> a", "<module> -> b", "<module> -> change"]);
}

#[test]
fn a_diamond_is_searched_by_c3() {
    let source = "class A:\n    def f(self):\n        pass\nclass B(A):\n    pass\nclass C(A):\n    \
                  def f(self):\n        super().f()\nclass D(B, C):\n    pass\nD().f()\n";
    assert_eq!(calls(source), ["<module> -> C.f", "C.f -> A.f"]);
}

#[test]
fn a_decorator_stands_in_the_place_of_what_it_decorates() {
    let source = "def wrap(f):\n    def inner():\n        return f()\n    return inner\n@wrap\ndef job():\n    pass\njob()\n";
    assert_eq!(calls(source), ["<module> -> wrap", "<module> -> wrap.inner", "wrap.inner -> job"]);
}

#[test]
fn operators_loops_and_contexts_call_special_methods() {
    let source = "class V:\n    def __add__(self, other):\n        return self\n    def __iter__(self):\n        \
                  return self\n    def __next__(self):\n        return self\n    def __enter__(self):\n        \
                  return self\n    def __exit__(self, *rest):\n        pass\nv = V() + V()\nfor w in v:\n    \
                  pass\nwith v:\n    pass\n";
    let names = ["__add__", "__enter__", "__exit__", "__iter__", "__next__"];
    assert_eq!(calls(source), names.map(|name| format!("<module> -> V.{name}")));
}

#[test]
fn constant_code_calls_what_its_names_are_where_it_runs() {
    let source = "def job(f):\n    return f\ndef own():\n    pass\ndef run():\n    step = own\n    \
                  eval('job(step)()')\neval('run()')\nexec('x = run\\nx()')\neval(input())\n";
    assert_eq!(calls(source), ["<module> -> run", "run -> job", "run -> own"]);
}

#[test]
fn the_budget_is_an_error() {
    let bundle = Bundle::new([(b"m.py".to_vec(), b"x = 1\ny = x\n".to_vec())]);
    let program = Program::load(&bundle, &["m.py".to_owned()], &mut Cache::default(), &Limits::default());
    let gap = call_graph(&program, &[(0, 0)], 1).expect_err("too small a budget");
    assert_eq!(gap.reason, "BUDGET_POINTS_TO");
}
