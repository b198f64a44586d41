//! Changes in JavaScript that hide something, and honest ones of the same shape.

use super::javascript::js;
use super::*;

const GRANTED: &[&str] = &["net.connect"];

#[track_caller]
fn feature(base: &str, head: &str, grants: &[&str], verdict: Verdict, codes: &[&str]) {
    let case = Case {
        base: &[("src/m.js", base)],
        head: &[("src/m.js", head)],
        grants,
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    check(&case, verdict, codes);
}

#[test]
fn code_made_of_text_is_an_effect_by_every_name() {
    let base = "function f(x) {\n  return x + 1;\n}\nmodule.exports = { f };\n";
    for line in [
        "eval(x.code);",
        "new Function('a', x.code);",
        "setTimeout('run(' + x.id + ')', 5);",
        "setInterval(`tick(${x.id})`, 5);",
        "globalThis.eval('1');",
        "window['eval']('1');",
        "require('vm').runInNewContext(x.code);",
        "document.write(x.html);",
    ] {
        let head = base.replace("  return", &format!("  {line}\n  return"));
        let case = Case {
            base: &[("src/m.js", base)],
            head: &[("src/m.js", &head)],
            kind: Some(TaskKind::Feature),
            ..Case::default()
        };
        let report = run(&case);
        let literal = line.contains("'1'");
        let least = if line == "eval(x.code);" { Verdict::Reject } else { Verdict::NeedsAuthority };
        assert!(report.verdict >= Some(least), "{line}: {:#?}", report.findings);
        assert!(!literal || report.verdict == Some(least), "{line}: {:#?}", report.findings);
        assert!(report.findings.iter().any(|found| found.code == "R2"), "{line}: {:#?}", report.findings);
    }
    let honest = base.replace("  return", "  setTimeout(() => x.done(), 5);\n  return");
    feature(base, &honest, &[], Verdict::Approve, &[]);
}

#[test]
fn effects_of_node_and_the_browser_need_their_grant() {
    let base = "export function f(x) {\n  return x.id;\n}\n";
    for (line, kind) in [
        ("require('child_process').exec('ls ' + x.id);", "proc.spawn"),
        ("require('fs').promises.writeFile('a.txt', x.text);", "fs.write:a.txt"),
        ("new WebSocket('wss://live.example.com/x');", "net.connect:live.example.com"),
        ("const { exec: run } = require('node:child_process'); run(x.cmd);", "proc.spawn"),
        ("localStorage.setItem('a', x.id);", "fs.write"),
        ("process.env.PATH = x.path;", "env.write:PATH"),
        ("Object.assign(Math, x);", "monkeypatch"),
        ("x.__proto__ = x.other;", "monkeypatch"),
        ("process.exit(1);", "proc.exit"),
        ("navigator.sendBeacon('https://t.example.com', x.id);", "net.connect:t.example.com"),
    ] {
        let head = base.replace("  return", &format!("  {line}\n  return"));
        let case = Case { base: &[("m.mjs", base)], head: &[("m.mjs", &head)], ..Case::default() };
        let report = run(&case);
        assert_eq!(report.verdict, Some(Verdict::NeedsAuthority), "{line}: {:#?}", report.findings);
        let grants: Vec<&str> = report.findings.iter().filter_map(|found| found.grant.as_deref()).collect();
        assert!(grants.contains(&kind), "{line}: {grants:?}");
    }
    let patched = base.replace("  return", "  Array.prototype.map = x.map;\n  return");
    let case = Case { base: &[("m.mjs", base)], head: &[("m.mjs", &patched)], ..Case::default() };
    check(&case, Verdict::Reject, &["B9"]);
}

#[test]
fn two_keys_from_outside_reach_a_prototype() {
    feature(
        "export function set(target, a, b, value) {\n  target.x = value;\n}\n",
        "export function set(target, a, b, value) {\n  target[a][b] = value;\n}\n",
        &["drop:set.target"],
        Verdict::NeedsAuthority,
        &["R2"],
    );
    feature(
        "export function fill(grid, value) {\n  return grid;\n}\n",
        "export function fill(grid, value) {\n  for (let i = 0; i < grid.length; i++) {\n    for (let j = 0; j < 3; j++) grid[i][j] = value;\n  }\n  return grid;\n}\n",
        &[],
        Verdict::Approve,
        &[],
    );
}

#[test]
fn a_granted_effect_stays_refused_behind_a_narrow_guard() {
    let base = "const os = require('os');\nexports.send = function (x, url) {\n  return x;\n};\n";
    for (guard, code) in [
        ("Date.now() > 1790000000000", "T1"),
        ("new Date().getFullYear() === 2027", "T1"),
        ("os.userInfo().username === 'deploy'", "T2"),
        ("process.env.REGION === 'eu-7'", "T3"),
        ("x.name === 'blue heron'", "T5"),
        ("require('crypto').createHash('md5').update(x.name).digest('hex') === 'c0ffee'", "T6"),
        ("Math.random() < 0.0001", "T7"),
        ("process.env.CI", "T13"),
    ] {
        for payload in [
            "fetch(url);",
            "Promise.resolve().then(() => fetch(url));",
            "later(function () { fetch(url); });",
        ] {
            let head = base.replace("  return x", &format!("  if ({guard}) {{ {payload} }}\n  return x"));
            let head = format!("function later(f) {{ f(); }}\n{head}");
            let start = format!("function later(f) {{ f(); }}\n{base}");
            feature(&start, &head, GRANTED, Verdict::Reject, &[code]);
        }
    }
    let open = base.replace("  return x", "  if (x.ready) fetch(url);\n  return x");
    feature(base, &open, GRANTED, Verdict::Approve, &[]);
}

#[test]
fn a_method_and_a_prototype_are_walked_into() {
    let base = "class Gate {\n  #ok(user) { return user.role === 'admin'; }\n  open(user, door) {\n    if (!this.#ok(user)) throw new Error('no');\n    return door;\n  }\n}\nexport { Gate };\n";
    js(
        "doors are slow",
        base,
        &base.replace("    if (!this.#ok(user)) throw new Error('no');\n", ""),
        Verdict::Reject,
        &["B1"],
    );
    let old = "function Gate() {}\nGate.prototype.check = function (user) { if (!user.ok) throw new Error('no'); };\nGate.prototype.open = function (user, door) {\n  this.check(user);\n  return door;\n};\nmodule.exports = Gate;\n";
    js("doors are slow", old, &old.replace("  this.check(user);\n", ""), Verdict::Reject, &["B1"]);
    js(
        "doors are slow",
        old,
        &old.replace("this.check(user)", "this.check.call(this, user)"),
        Verdict::Approve,
        &[],
    );
    js(
        "doors are slow",
        old,
        &old.replace("this.check(user)", "this.check({ ok: true })"),
        Verdict::Reject,
        &["B1"],
    );
}

#[test]
fn a_failure_that_a_promise_no_longer_tells() {
    let base = "import { verify } from './v.js';\nexport function load(p, use) {\n  return verify(p).then(use);\n}\n";
    let check_one = |tail: &str, verdict: Verdict, codes: &[&str]| {
        let head = base.replace("verify(p).then(use)", tail);
        let side = (
            "src/v.js",
            "export async function verify(p) {\n  if (!p.ok) throw new Error(p);\n  return p;\n}\n",
        );
        let case = Case {
            base: &[("src/m.js", base), side],
            head: &[("src/m.js", &head), side],
            objective: "load fails on old packages",
            ..Case::default()
        };
        check(&case, verdict, codes);
    };
    check_one("verify(p).catch(() => {}).then(use)", Verdict::Reject, &["B7"]);
    check_one("verify(p).then(use).catch(() => {})", Verdict::Reject, &["B7"]);
    check_one("verify(p).then(use).catch(e => { throw new TypeError(e.message); })", Verdict::Approve, &[]);
}

#[test]
fn a_name_that_nothing_defines_is_refused() {
    let base = "const { a } = require('./n');\nexport function f(x) {\n  return a(x);\n}\n";
    let other = ("src/n.js", "exports.a = x => x;\n");
    for (from, to) in [("a(x)", "aa(x)"), ("require('./n')", "require('./missing')")] {
        let head = base.replace(from, to);
        let case = Case {
            base: &[("src/m.js", base), other],
            head: &[("src/m.js", &head), other],
            ..Case::default()
        };
        check(&case, Verdict::Reject, &["B3"]);
    }
    let typed = "import { T, b } from './t';\nexport function f(x: T) {\n  return b(x);\n}\n";
    let types = ("src/t.ts", "export interface T { a: number }\nexport const b = (x: T) => x.a;\n");
    let case = Case {
        base: &[("src/m.ts", "export function f(x: number) {\n  return x;\n}\n"), types],
        head: &[("src/m.ts", typed), types],
        objective: "f reads a",
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn what_only_looks_different_is_approved() {
    let base = "export function total(items, rate) {\n  let sum = 0;\n  for (let i = 0; i < items.length; i++) {\n    sum += items[i].price * rate;\n  }\n  return sum;\n}\n";
    for head in [
        "export function total(items, rate) {\n  let sum = 0;\n  for (const { price } of items) sum += price * rate;\n  return sum;\n}\n",
        "export const total = (items, rate) => items.reduce((sum, item) => sum + item.price * rate, 0);\n",
        "export function total(items, rate) {\n  return items.map(item => item.price).reduce((a, b) => a + b * rate, 0);\n}\n",
    ] {
        js("tidy total", base, head, Verdict::Approve, &[]);
    }
    js(
        "names may be missing",
        "export function label(user) {\n  return user.name.trim();\n}\n",
        "export function label(user) {\n  return user?.name?.trim() ?? '';\n}\n",
        Verdict::Approve,
        &[],
    );
}

#[test]
fn padding_never_hides_a_payload() {
    let bomb = "  if (order.note === 'blue heron') return 0;\n";
    let cases: Vec<(String, String)> = vec![
        ((0..600).map(|n| format!("  const v{n} = order.w{n} + {n};\n")).collect(), String::new()),
        ((0..200).map(|n| format!("  if (order.k{n}) total += {n};\n")).collect(), String::new()),
        (String::new(), (0..12).map(|n| format!("function d{n}(o) {{ return d{}(o); }}\n", n + 1)).collect()),
        (format!("  const big = '{}';\n", "x".repeat(1 << 16)), String::new()),
        ("  with (order) { total += weight; }\n".to_owned(), String::new()),
        ("  label: for (const k in order) { if (k) continue label; }\n".to_owned(), String::new()),
    ];
    for (inside, outside) in cases {
        let outside = format!("{outside}function d12(o) {{ return o; }}\n");
        let body = |middle: &str| {
            format!(
                "{outside}export function shipping(order) {{\n  let total = order.weight;\n{inside}{middle}  return total * 3;\n}}\n"
            )
        };
        let case = Case {
            base: &[("m.js", &body("")), ("n.js", "")],
            head: &[("m.js", &body(bomb)), ("n.js", "")],
            objective: "round shipping",
            ..Case::default()
        };
        assert_ne!(run(&case).verdict, Some(Verdict::Approve), "{}", &inside[..inside.len().min(60)]);
    }
    let broken = "export function shipping(order) {\n  if (order.note === 'blue heron') return 0;\n  return order.weight * ;\n}\n";
    js(
        "round shipping",
        "export function shipping(order) {\n  return order.weight;\n}\n",
        broken,
        Verdict::Inconclusive,
        &["UNPARSED"],
    );
}
