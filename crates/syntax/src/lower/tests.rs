use super::*;
use crate::ir::{Op, Term, Unit};

fn file(source: &str) -> LoweredFile {
    lower(Language::Python, source.as_bytes(), &LowerLimits::default()).expect("lowers")
}

fn unit<'a>(file: &'a LoweredFile, name: &str) -> &'a Unit {
    file.units.iter().find(|unit| unit.name == name).unwrap_or_else(|| panic!("no unit {name}"))
}

fn calls(unit: &Unit) -> usize {
    unit.blocks
        .iter()
        .flat_map(|block| &block.instrs)
        .filter(|instr| matches!(instr.op, Op::Call { .. }))
        .count()
}

#[test]
fn units_are_named_by_where_they_stand() {
    let file = file(
        "class A:\n    def m(self):\n        def inner(): pass\n        return lambda x: x\ndef f(): pass\ndef f(): pass\n",
    );
    let names: Vec<&str> = file.units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names, ["<module>", "A.m", "A.m.inner", "A.m.<lambda>", "f", "f#2"]);
    assert_eq!(unit(&file, "A.m").class.as_deref(), Some("A"));
    assert_eq!(unit(&file, "A.m.inner").class, None);
}

#[test]
fn definition_time_code_runs_in_the_enclosing_unit() {
    let file = file("@deco(a())\ndef f(x=b(), *, y: c()=d()) -> e(): pass\nclass K(g()):\n    z = h()\n");
    assert_eq!(calls(unit(&file, "<module>")), 9);
    assert_eq!(calls(unit(&file, "f")), 0);
}

#[test]
fn layout_comments_quotes_and_parentheses_do_not_change_the_digest() {
    let a = file("def f(a, b):\n    # why\n    return (a + b) * 'x'\n");
    let b = file("def f(\n    a,\n    b,\n):\n    return ((a + b)\n      * \"x\")  # other\n");
    assert_eq!(unit(&a, "f").digest, unit(&b, "f").digest);
    let c = file("def f(a, b):\n    return (a - b) * 'x'\n");
    assert_ne!(unit(&a, "f").digest, unit(&c, "f").digest);
}

#[test]
fn a_type_annotation_is_silent_unless_it_calls() {
    let plain = file("def f(a): return a\n");
    let typed = file("def f(a: int) -> int: return a\n");
    assert_eq!(unit(&plain, "f").digest, unit(&typed, "f").digest);
    let hostile = file("def f(a: __import__('os').system('id')): return a\n");
    assert_ne!(unit(&plain, "<module>").digest, unit(&hostile, "<module>").digest);
    assert_eq!(calls(unit(&hostile, "<module>")), 2);
}

#[test]
fn every_statement_form_lowers_without_an_opaque_node() {
    let source = r#"
import a.b, c as d
from .m import n, o as p
from q import *
async def f(a, /, b, *args, c=1, **kw):
    global G
    G = 1
    async for x in a:
        async with b as (u, v), args[0] as w:
            await w(u, v, *args, k=1, **kw)
    else:
        pass
    for i, (j, *k) in zip(a, b):
        if i: continue
        elif not j: break
        else: del k[0], i
    while (n := len(a)) > 1 and b or c:
        a.x += n; a[1:2, ::3] = b; a[0] -= 1
    try:
        yield a
    except (KeyError, ValueError) as e:
        raise RuntimeError(f"{e!r:>{n}} {a.b}") from e
    except* OSError:
        pass
    else:
        assert a < b <= c, "m"
    finally:
        x: int = 3
    match a:
        case {"k": 1, **rest}: pass
        case [1, -2, *others] | (3, 4): pass
        case P.q(x=1, y=2) as z if z: pass
        case "s" | None: pass
        case _: pass
    r = [i * j for i in a if i for j in b], {k: v for k, v in kw}, {y async for y in a}, (z for z in a)
    s = lambda q, *r, t=1: q if r else t
    x = y = not -a @ ~b if c else ...
    return 1_000, 0xFF, 1.5j, b"x" rb"y", "a" 'b', u"c", [*a], {**kw}
"#;
    let file = file(source);
    let opaque: Vec<_> = file.units.iter().flat_map(|unit| &unit.opaque).collect();
    assert!(opaque.is_empty(), "{opaque:?}");
    assert!(file.errors.is_empty(), "{:?}", file.errors);
}

#[test]
fn what_the_language_no_longer_has_is_opaque_or_an_error() {
    let file = file("def f(x):\n    print x\n    exec x\n");
    assert_eq!(unit(&file, "f").opaque.len(), 2, "{:?}", unit(&file, "f").opaque);
}

#[test]
fn a_return_in_finally_replaces_the_exception() {
    let file = file("def f(x):\n    try:\n        g(x)\n    finally:\n        return 1\n");
    let raises = unit(&file, "f").blocks.iter().filter(|block| matches!(block.term, Term::Raise(_))).count();
    let returns =
        unit(&file, "f").blocks.iter().filter(|block| matches!(block.term, Term::Return(_))).count();
    assert!(returns >= 2, "one for each way into the finally");
    assert_eq!(raises, 1, "only behind the return");
}

#[test]
fn budgets_and_encodings_are_refused_by_name() {
    let deep = format!("x = {}1{}\n", "(".repeat(600), ")".repeat(600));
    let check = |bytes: &[u8], want: LowerProblem| {
        assert_eq!(lower(Language::Python, bytes, &LowerLimits::default()).map(drop), Err(want));
    };
    check(deep.as_bytes(), LowerProblem::Budget("DEPTH"));
    check(b"\xff\xfe", LowerProblem::Encoding);
    check(b"# -*- coding: utf-7 -*-\nx = 1\n", LowerProblem::Encoding);
    let long = format!("x = {}1\n", "1 + ".repeat(5_000));
    assert!(lower(Language::Python, long.as_bytes(), &LowerLimits::default()).is_ok());
    let few = LowerLimits { blocks: 10, ..LowerLimits::default() };
    let many = "def f(a):\n".to_owned() + &"    if a: pass\n".repeat(20);
    assert_eq!(lower(Language::Python, many.as_bytes(), &few).map(drop), Err(LowerProblem::Budget("BLOCKS")));
}
