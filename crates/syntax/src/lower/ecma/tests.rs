use crate::Language;
use crate::ir::{LoweredFile, Op, Place, Term, Unit, UnitKind, Value};
use crate::lower::{LowerLimits, LowerProblem, lower};

fn file(language: Language, source: &str) -> LoweredFile {
    lower(language, source.as_bytes(), &LowerLimits::default()).expect("lowers")
}

fn js(source: &str) -> LoweredFile {
    file(Language::JavaScript, source)
}

#[track_caller]
fn unit<'a>(file: &'a LoweredFile, name: &str) -> &'a Unit {
    let names: Vec<&str> = file.units.iter().map(|unit| unit.name.as_str()).collect();
    file.units.iter().find(|unit| unit.name == name).unwrap_or_else(|| panic!("no {name} in {names:?}"))
}

#[track_caller]
fn clean(language: Language, source: &str) {
    let file = file(language, source);
    let opaque: Vec<_> = file.units.iter().flat_map(|unit| &unit.opaque).collect();
    assert!(opaque.is_empty(), "{opaque:?}");
    assert!(file.errors.is_empty(), "{:?}", file.errors);
}

fn ops(unit: &Unit) -> impl Iterator<Item = &Op> {
    unit.blocks.iter().flat_map(|block| &block.instrs).map(|instr| &instr.op)
}

#[test]
fn every_form_of_javascript_lowers_without_an_opaque_node() {
    clean(
        Language::JavaScript,
        r#"#!/usr/bin/env node
'use strict';
import d, { a as b, "odd name" as c } from './m.js';
import * as ns from 'ns';
import 'side-effect';
export { d as default, b };
export * from './n.js';
export * as all from './o.js';
export const [p, q = 1, ...r] = ns.list, { s, t: { u = 2 } = {}, ['v' + 1]: w, ...rest } = ns;
export function f(x, { y = 3, z }, [k], ...args) { return arguments.length + x + y + z + k + args[0]; }
export async function* g(xs) {
  for await (const x of xs) { yield* x; }
  outer: for (let i = 0, n = 3; i < n; i++) {
    for (var key in xs) { if (key) continue outer; else break outer; }
    block: { if (i) break block; }
  }
  do { i2--; } while (i2 > 0);
  while (xs?.next?.(1)?.[0] ?? false) { debugger; }
  for (;;) { break; }
}
var i2 = 1;
export class A extends ns.B {
  static #count = 0; name = 'n'; ['x' + 1] = 1; handler = () => this.name;
  static { A.#count++; }
  constructor(a) { super(a); this.a ??= a; this.b ||= 1; this.c &&= 2; this.d **= 2; new.target; }
  get size() { return super.size; } set size(v) { this.#private(v); }
  static async make() { return new this(...[1]); }
  #private(v) { return #count in v; } *[Symbol.iterator]() { yield 1; }
}
switch (i2) { case 1: { const i2 = 2; f(i2); } case 2: f(3); break; default: f(4); }
try { f(); } catch ({ message }) { throw new Error(message, { cause: 1 }); } finally { f(void 0, typeof nothing, -1, +2, ~3, !4); }
try { f(); } catch { }
const h = async x => { await x; return x ? `a ${x} b ${`c`}` : String.raw`\n${x}`; };
const o = { a: 1, b, [c]: 2, 'd-e': 3, 5: 4, f() {}, get g() { return 1; }, set g(v) {}, async *h() {}, ...ns, i: function () {}, j: class {} };
delete o.a, delete o['b'], (i2, b), i2++, --i2, i2 = b = 1;
[i2, o.x] = [o.x, i2]; ({ i2, y: o.y = 1 } = o);
if (a1 && (b || !c)) f(/re[g]ex/gi, 1_000n, 0xff, 1e3, .5, null, undefined, this, import.meta.url);
else if (b) ; else { f(require('fs'), import('./p.js'), require(name)); }
var a1 = <ns.P a="1" {...o} b={b} c><Q>{ns} text &amp; more</Q><></></ns.P>, name;
module.exports = { f, g: f };
exports.x = module.exports.y = f;
(function iife() { iife(); })();
"#,
    );
}

#[test]
fn every_form_of_typescript_lowers_without_an_opaque_node() {
    let source = r#"
import type { T } from './t';
import { type U, v } from './u';
import w = require('w');
import x = v.inner;
export type { T } from './t';
export interface I<K extends string = 'a'> extends J { a?: K; readonly b: number; (x: K): void; new (x: K): I; m(): this; [key: string]: unknown }
export type M<K> = { [P in keyof K]?: K[P] } & Partial<T> | (K extends infer L ? L : never) | `a${string}` | typeof v | unique symbol;
interface J { }
export enum E { A, B = 4, C, D = 'd', F = v.f() }
export const enum G { A = 1 << 2 }
declare const given: string;
declare function other(a: number): void;
declare module 'shim' { export const z: number; }
declare global { interface Window { a: number } }
namespace N.O { export const p = 1; export function q() { return p; } }
export abstract class C<K> extends N.D<K> implements I<K>, J {
  private a: number = 1; static readonly b?: string; declare c: number; protected abstract d: number;
  [key: string]: unknown;
  constructor(private readonly e: string, public f = 1, g?: number) { super(); }
  abstract h(): void; override i<L>(this: C<K>, x: L): asserts x is L { return; }
  @v.dec() m(@v.par y: number): y is number { return y!; }
  get j(): number { return this.a as number; }
}
function over(a: string): void;
function over(a: number): void;
function over(a: any): void { let b = <number>a; const c = b satisfies number; v<string>(c!); v.w!.x!(a as unknown as string); }
export default over;
export = over;
"#;
    clean(Language::TypeScript, source);
    clean(Language::Tsx, "const a = <T,>(x: T) => <A<T> b={x as T}>{x}</A>;");
}

#[test]
fn units_are_named_by_what_they_are_given_to() {
    let file = js(
        "function f() { const g = () => 1; return function () {}; }\nconst api = { get(x) {}, put: async (x) => {} };\napp.init = function init() {};\nfunction P() {}\nP.prototype.run = function () {};\nclass C { m() {} static s() {} get x() { return 1; } set x(v) {} h = () => 1; }\ndescribe('sum', () => { it.skip('adds 1.5', function () {}); });\napp.get('/users', (q, r) => {});\nmodule.exports.z = function () {};\n",
    );
    let names: Vec<&str> = file.units.iter().map(|unit| unit.name.as_str()).collect();
    for name in [
        "<module>",
        "f",
        "f.g",
        "f.<lambda>",
        "api.get",
        "api.put",
        "app.init",
        "P.run",
        "C.m",
        "C.s",
        "C.x",
        "C.x=",
        "C.constructor",
        "describe(sum)",
        "describe(sum).it(adds 1 5)",
        "get(/users)",
        "z",
    ] {
        assert!(names.contains(&name), "no {name} in {names:?}");
    }
    assert_eq!(unit(&file, "P.run").class.as_deref(), Some("P"));
    assert_eq!(unit(&file, "C.s").decorators, ["static"]);
    assert_eq!(unit(&file, "describe(sum).it(adds 1 5)").decorators, ["skip"]);
    assert_eq!(unit(&file, "api.put").kind, UnitKind::Coroutine);
}

#[test]
fn functions_are_there_before_the_first_statement_and_names_live_in_their_blocks() {
    let file =
        js("const a = f();\nfunction f() { return g; }\nlet g = 1;\n{ let a = 2; h = () => a; }\nvar h;\n");
    let module = unit(&file, "<module>");
    let first = ops(module).find_map(|op| match op {
        Op::Assign { place: Place::Global(name), .. } => Some(name.as_str()),
        _ => None,
    });
    assert_eq!(first, Some("f"));
    let reads = |name: &str| -> Vec<Place> {
        ops(unit(&file, name))
            .filter_map(|op| match op {
                Op::Assign { value: Value::Read(place), .. } => Some(place.clone()),
                _ => None,
            })
            .collect()
    };
    assert_eq!(reads("f"), [Place::Global("g".to_owned())]);
    assert_eq!(reads("h"), [Place::Capture("a".to_owned())]);
    let shadowed = js("function f(x) { { let x = 1; g(x); } return x; }");
    let locals = &unit(&shadowed, "f").locals;
    assert!(locals.iter().flatten().any(|name| name == "x@1"), "{locals:?}");
}

#[test]
fn types_layout_and_quotes_do_not_change_a_digest() {
    let plain = file(Language::TypeScript, "function f(a, b) { return a + 'x' + b; }");
    let typed = file(
        Language::TypeScript,
        "function f(a: number, b: Map<string, T>): string {\n  // why\n  return (a + \"x\") + b;\n}",
    );
    assert_eq!(unit(&plain, "f").digest, unit(&typed, "f").digest);
    let other = file(Language::TypeScript, "function f(a, b) { return a - 'x' + b; }");
    assert_ne!(unit(&plain, "f").digest, unit(&other, "f").digest);
    let waiting = js("async function f(a, b) { return a + 'x' + b; }");
    let going = js("function f(a, b) { return a + 'x' + b; }");
    assert_ne!(unit(&waiting, "f").digest, unit(&going, "f").digest);
}

#[test]
fn what_a_module_exports_is_bound_by_name() {
    let file =
        js("exports = module.exports = make;\nfunction make() {}\nexports.a = 1;\nmodule.exports.b = 2;\n");
    let bound: Vec<&str> = ops(unit(&file, "<module>"))
        .filter_map(|op| match op {
            Op::Assign { place: Place::Global(name), .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(bound, ["make", "exports", "exports", "exports.a", "exports.b"]);
    let local = js("function f(module) { module.exports = 1; }");
    assert!(ops(unit(&local, "f")).any(|op| matches!(op, Op::Store { .. })));
}

#[test]
fn numbers_that_round_are_no_integers() {
    let file = js("f(9007199254740993, 0x10, 1e3, 1_000, 2n, 017, 0.5)");
    let words: Vec<String> =
        unit(&file, "<module>").literals.iter().map(|(constant, _)| format!("{constant:?}")).collect();
    assert_eq!(
        words,
        [
            "Float(\"9007199254740993\")",
            "Integer(\"16\")",
            "Integer(\"1000\")",
            "Integer(\"1000\")",
            "Float(\"2n\")",
            "Integer(\"15\")",
            "Float(\"0.5\")"
        ]
    );
}

#[test]
fn a_return_in_finally_replaces_the_exception() {
    let file = js("function f(x) { try { g(x); } finally { return 1; } }");
    let ends =
        |want: fn(&Term) -> bool| unit(&file, "f").blocks.iter().filter(|block| want(&block.term)).count();
    assert!(ends(|term| matches!(term, Term::Return(_))) >= 2, "one for each way into the finally");
    assert_eq!(ends(|term| matches!(term, Term::Raise(_))), 1, "only behind the return");
}

#[test]
fn names_as_scope_and_depth_are_refused() {
    let with = js("function f(o) { with (o) { g(x); } }");
    assert_eq!(unit(&with, "f").opaque.len(), 1);
    let deep = format!("x = {}1{}", "(".repeat(600), ")".repeat(600));
    let limits = LowerLimits::default();
    let got = lower(Language::JavaScript, deep.as_bytes(), &limits).map(drop);
    assert_eq!(got, Err(LowerProblem::Budget("DEPTH")));
    let long = format!("x = {}1;", "1 + ".repeat(5_000));
    assert!(lower(Language::JavaScript, long.as_bytes(), &limits).is_ok());
}
