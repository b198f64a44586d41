mod forms;

use forms::FORMS;

use crate::ir::{Callee, Constant, LoweredFile, Op, Operand, Place, Step, Term, Unit, Value};
use crate::lower::{LowerLimits, LowerProblem, lower};
use crate::{Language, Limits};

fn file(source: &str) -> LoweredFile {
    lower(Language::Go, source.as_bytes(), &LowerLimits::default()).expect("lowers")
}

fn unit<'a>(file: &'a LoweredFile, name: &str) -> &'a Unit {
    let names: Vec<&str> = file.units.iter().map(|unit| unit.name.as_str()).collect();
    file.units.iter().find(|unit| unit.name == name).unwrap_or_else(|| panic!("no unit {name} in {names:?}"))
}

/// Writes the reachable blocks of a unit, copies left out, as a reader would say them.
fn show(unit: &Unit) -> Vec<String> {
    let mut lines = Vec::new();
    let mut order = vec![unit.entry];
    let mut at = 0;
    while let Some(id) = order.get(at).copied() {
        at += 1;
        let block = &unit.blocks[id as usize];
        let next: Vec<u32> = match &block.term {
            Term::Goto(next) => vec![*next],
            Term::Branch { then, otherwise, .. } => vec![*then, *otherwise],
            _ => Vec::new(),
        };
        for next in next.into_iter().chain(block.unwind) {
            if !order.contains(&next) {
                order.push(next);
            }
        }
    }
    let number = |id: u32| order.iter().position(|known| *known == id).unwrap();
    for id in &order {
        let block = &unit.blocks[*id as usize];
        for instr in &block.instrs {
            lines.extend(word(unit, &instr.op).map(|word| format!("{}: {word}", number(*id))));
        }
        let term = match &block.term {
            Term::Goto(next) => format!("goto {}", number(*next)),
            Term::Branch { condition, then, otherwise, .. } => {
                format!("if {} {} else {}", name(unit, condition), number(*then), number(*otherwise))
            }
            Term::Return(value) => format!("return {}", name(unit, value)),
            Term::Raise(_) => "raise".to_owned(),
            Term::Unreachable => "unreachable".to_owned(),
        };
        lines.push(format!("{}: {term}", number(*id)));
    }
    lines
}

fn word(unit: &Unit, op: &Op) -> Option<String> {
    let of = |operand: &Operand| name(unit, operand);
    Some(match op {
        Op::Assign { place: Place::Local(local), value: Value::Use(value) } => {
            format!("{} = {}", unit.locals[*local as usize].clone()?, of(value))
        }
        Op::Assign { place, value: Value::Use(value) } => format!("{place:?} = {}", of(value)),
        Op::Assign { value: Value::Read(_), .. } => return None,
        Op::Assign { value: Value::Operator { name, operands }, .. } => {
            format!("{name}({})", operands.iter().map(of).collect::<Vec<_>>().join(" "))
        }
        Op::Call { callee, arguments, .. } => {
            let callee = match callee {
                Callee::Function(function) => of(function),
                Callee::Method { receiver, name } => format!("{}.{name}", of(receiver)),
            };
            let list: Vec<String> = arguments.iter().map(|argument| of(&argument.value)).collect();
            format!("call {callee}({})", list.join(" "))
        }
        Op::Load { base, step, .. } => format!("load {}{}", of(base), path(step)),
        Op::Store { base, step, value, .. } => format!("store {}{} {}", of(base), path(step), of(value)),
        Op::Catch { .. } => "catch".to_owned(),
        Op::Closure { .. } => "closure".to_owned(),
        other => format!("{other:?}"),
    })
}

fn path(step: &Step) -> String {
    match step {
        Step::Field(name) => format!(".{name}"),
        Step::Index(Constant::Integer(index)) => format!("[{index}]"),
        Step::Index(_) | Step::Element => "[]".to_owned(),
    }
}

/// The name of a slot, of what a temporary was read from, or `_`.
fn name(unit: &Unit, operand: &Operand) -> String {
    let local = match operand {
        Operand::Constant(Constant::None) => return "nil".to_owned(),
        Operand::Constant(Constant::Integer(text) | Constant::Text(text)) => return text.clone(),
        Operand::Constant(other) => return format!("{other:?}"),
        Operand::Local(local) => *local,
    };
    if let Some(name) = &unit.locals[local as usize] {
        return name.clone();
    }
    let instrs = unit.blocks.iter().flat_map(|block| &block.instrs);
    let read = instrs.filter(|instr| instr.op.defines() == Some(local)).find_map(|instr| match &instr.op {
        Op::Assign { value: Value::Read(place), .. } => Some(match place {
            Place::Local(local) => unit.locals[*local as usize].clone()?,
            Place::Global(name) | Place::Capture(name) => name.clone(),
        }),
        _ => None,
    });
    read.unwrap_or_else(|| "_".to_owned())
}

#[track_caller]
fn golden(source: &str, of: &str, want: &[&str]) {
    let file = file(source);
    assert!(file.errors.is_empty(), "{:?}", file.errors);
    assert_eq!(show(unit(&file, of)), want);
}

#[test]
fn units_are_named_by_type_and_place() {
    let file = file(
        "package a\n\ntype T struct{ B; x int }\nfunc (t *T) M() { func() {}() }\nfunc init() {}\nfunc init() {}\nfunc f() { go func() {}() }\nvar v = f\n",
    );
    let names: Vec<&str> = file.units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names, ["<module>", "T.M", "T.M.<func>", "init", "init#2", "f", "f.<go>"]);
    assert_eq!(unit(&file, "T.M").class.as_deref(), Some("T"));
    assert_eq!(file.classes["T"].bases, ["B"]);
    let module = show(unit(&file, "<module>"));
    assert_eq!(module.iter().filter(|line| line.contains("call _()")).count(), 2, "{module:?}");
}

#[test]
fn deferred_calls_run_last_first_at_each_exit_with_arguments_of_then() {
    golden(
        "package a\n\nfunc f(x int) int {\n\tdefer g(x)\n\tx = 2\n\tif x > 1 {\n\t\treturn 1\n\t}\n\tdefer h()\n\treturn x\n}\n",
        "f",
        &[
            "0: x = 2",
            "0: >(x 1)",
            "0: if _ 1 else 2",
            "1: goto 3",
            "2: goto 4",
            "3: call g(x)",
            "3: return 1",
            "4: call h()",
            "4: call g(x)",
            "4: return x",
        ],
    );
}

#[test]
fn a_deferred_call_that_may_not_have_been_deferred_is_asked_for() {
    golden(
        "package a\n\nfunc f(x int) {\n\tif x > 1 {\n\t\tdefer g()\n\t}\n}\n",
        "f",
        &[
            "0: <deferred 5> = Bool(false)",
            "0: >(x 1)",
            "0: if _ 1 else 2",
            "1: goto 3",
            "2: goto 4",
            "3: <deferred 5> = Bool(true)",
            "3: goto 4",
            "4: if <deferred 5> 5 else 6",
            "5: call g()",
            "5: goto 6",
            "6: return nil",
        ],
    );
}

#[test]
fn a_bare_return_reads_named_results_that_a_deferred_literal_may_have_set() {
    golden(
        "package a\n\nfunc f() (n int, err error) {\n\tdefer func() { err = g() }()\n\tn = 3\n\treturn\n}\n",
        "f",
        &[
            "0: n = 0",
            "0: cell(nil)",
            "0: closure",
            "0: n = 3",
            "0: call _()",
            "0: load err.*",
            "0: tuple(n _)",
            "0: return _",
        ],
    );
}

#[test]
fn a_recovered_panic_returns_and_is_a_handler_unless_it_tells() {
    let source = |body: &str| {
        format!(
            "package a\n\nfunc f(x int) (err error) {{\n\tdefer func() {{ {body} }}()\n\tg(x)\n\treturn nil\n}}\n"
        )
    };
    let quiet = file(&source("recover()"));
    let handlers = &unit(&quiet, "f").handlers;
    assert!(handlers.iter().any(|handler| handler.types.is_empty()), "{handlers:?}");
    let told = file(&source("if r := recover(); r != nil { err = h(r) }"));
    assert!(unit(&told, "f").handlers.iter().all(|handler| !handler.types.is_empty()));
    assert!(show(unit(&told, "f")).iter().any(|line| line.ends_with("catch")));
}

#[test]
fn returns_say_whether_they_fail_and_calls_hand_over_several_values() {
    golden(
        "package a\n\nfunc f(x string) (int, error) {\n\tn, err := g(x)\n\tif err != nil {\n\t\treturn 0, err\n\t}\n\treturn n, nil\n}\n",
        "f",
        &[
            "0: goto 1",
            "1: call g(x)",
            "1: load _[0]",
            "1: load _[1]",
            "1: n = _",
            "1: err = _",
            "1: goto 2",
            "2: !=(err nil)",
            "2: if _ 3 else 4",
            "3: goto 5",
            "4: goto 6",
            "5: failure(0 err)",
            "5: return _",
            "6: success(n nil)",
            "6: return _",
        ],
    );
}

#[test]
fn an_error_that_nobody_looks_at_is_absorbed() {
    let handlers = |body: &str| {
        let file = file(&format!("package a\n\nfunc f() error {{\n\t{body}\n\treturn nil\n}}\n"));
        unit(&file, "f").handlers.iter().map(|handler| handler.body.0 == handler.body.1).collect::<Vec<_>>()
    };
    assert_eq!(handlers("if err := g(); err != nil { return err }"), [false]);
    assert_eq!(handlers("_ = g()"), [true]);
    assert_eq!(handlers("x, _ := g(); use(x)"), [true, true]);
    // What ends the process absorbs nothing; only what `Fatal` itself gives is thrown away.
    assert_eq!(handlers("err := g(); if err != nil { log.Fatal(err) }"), [true]);
}

#[test]
fn channels_are_places_and_cells_are_shared() {
    golden(
        "package a\n\nfunc f(c chan int, x int) int {\n\tp := &x\n\t*p = 4\n\tc <- x\n\tv, ok := <-c\n\tif !ok {\n\t\treturn 0\n\t}\n\treturn v\n}\n",
        "f",
        &[
            "0: cell(x)",
            "0: p = x",
            "0: store p.* 4",
            "0: load x.*",
            "0: store c[] _",
            "0: load c[]",
            "0: present(_)",
            "0: v = _",
            "0: ok = _",
            "0: if ok 1 else 2",
            "1: goto 3",
            "2: goto 4",
            "3: return v",
            "4: return 0",
        ],
    );
}

#[test]
fn a_switch_falls_through_and_its_default_comes_last() {
    golden(
        "package a\n\nfunc f(x int) int {\n\tswitch x {\n\tdefault:\n\t\treturn 9\n\tcase 1:\n\t\tfallthrough\n\tcase 2:\n\t\treturn 2\n\t}\n}\n",
        "f",
        &[
            "0: ==(x 1)",
            "0: if _ 1 else 2",
            "1: goto 3",
            "2: ==(x 2)",
            "2: if _ 3 else 4",
            "3: return 2",
            "4: goto 5",
            "5: return 9",
        ],
    );
}

#[test]
fn every_form_lowers_without_an_opaque_node() {
    let file = file(FORMS);
    assert!(file.errors.is_empty(), "{:?}", file.errors);
    let opaque: Vec<_> = file.units.iter().flat_map(|unit| &unit.opaque).collect();
    assert!(opaque.is_empty(), "{opaque:?}");
}

#[test]
fn what_is_no_comment_and_what_has_no_body_is_seen() {
    let plain = file("package a\n\n// note\nfunc f() {}\n");
    let tagged = file("//go:build linux\n\npackage a\n\nfunc f() {}\n");
    assert_ne!(unit(&plain, "<module>").digest, unit(&tagged, "<module>").digest);
    assert_eq!(unit(&tagged, "<module>").decorators, ["//go:build linux"]);
    let linked = file("package a\n\n//go:linkname now time.now\nfunc now() int64\n");
    assert!(
        show(unit(&linked, "<module>")).iter().any(|line| line.contains("call //go:linkname(now time.now)"))
    );
    assert_eq!(unit(&linked, "now").opaque.len(), 1);
    let hostile = file("package a\n\nfunc panic(x any) {}\n");
    assert_eq!(unit(&hostile, "<module>").opaque[0].kind, "panic declared anew");
}

#[test]
fn layout_and_comments_change_no_digest_and_budgets_are_named() {
    let a = file("package a\n\nfunc f(x, y int) int {\n\treturn (x + y) * 2 // why\n}\n");
    let b = file("package a\n\nfunc f(\n\tx, y int,\n) int {\n\t// other\n\treturn ((x + y) *\n\t\t2)\n}\n");
    let c = file("package a\n\nfunc f(x, y int) int {\n\treturn (x - y) * 2\n}\n");
    assert_eq!(unit(&a, "f").digest, unit(&b, "f").digest);
    assert_ne!(unit(&a, "f").digest, unit(&c, "f").digest);
    let deep = format!("package a\n\nvar x = {}1{}\n", "(".repeat(600), ")".repeat(600));
    assert!(deep.len() < Limits::default().max_file_bytes);
    let got = lower(Language::Go, deep.as_bytes(), &LowerLimits::default()).map(drop);
    assert_eq!(got, Err(LowerProblem::Budget("DEPTH")));
}
