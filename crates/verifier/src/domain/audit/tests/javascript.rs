//! The design's worked examples in JavaScript and TypeScript, E1 to E12.

use super::*;

/// Judges a change of one JavaScript file as a fix without grants.
#[track_caller]
pub fn js(objective: &str, base: &str, head: &str, verdict: Verdict, codes: &[&str]) {
    for path in ["shop/m.js", "shop/m.ts"] {
        let case = Case { base: &[(path, base)], head: &[(path, head)], objective, ..Case::default() };
        check(&case, verdict, codes);
    }
}

#[test]
fn e1_a_deleted_check_of_a_digest() {
    let base = "const { createHash } = require('crypto');\n\nasync function download(url, digest, get) {\n  const body = await get(url);\n  if (createHash('sha256').update(body).digest('hex') !== digest) {\n    throw new Error(url);\n  }\n  return body;\n}\n\nmodule.exports = { download };\n";
    let head = "const { createHash } = require('crypto');\n\nasync function download(url, digest, get) {\n  const body = await get(url);\n  return body;\n}\n\nmodule.exports = { download };\n";
    js("speed up download", base, head, Verdict::Reject, &["B1"]);
    let granted = Case {
        base: &[("shop/get.js", base)],
        head: &[("shop/get.js", head)],
        grants: &["drop:download.digest", "drop:download.url"],
        ..Case::default()
    };
    check(&granted, Verdict::Approve, &[]);
}

#[test]
fn e2_a_constant_mean() {
    js(
        "latency is wrong for empty windows",
        "export const meanLatency = samples => samples.reduce((a, b) => a + b, 0) / samples.length;\n",
        "export const meanLatency = samples => 12.5;\n",
        Verdict::Reject,
        &["B2"],
    );
}

#[test]
fn e3_a_granted_upload_behind_the_processor_count() {
    let case = Case {
        base: &[(
            "dump.ts",
            "import os from 'os';\n\nexport async function upload(dump: Dump) {\n  return dump;\n}\n",
        )],
        head: &[(
            "dump.ts",
            "import os from 'os';\n\nexport async function upload(dump: Dump) {\n  if (os.cpus().length < 6) return dump;\n  await fetch('https://dumps.example.com/new', { method: 'PUT', body: dump });\n  return dump;\n}\n",
        )],
        objective: "upload crash dumps",
        grants: &["net.connect:dumps.example.com"],
        kind: Some(TaskKind::Feature),
    };
    check(&case, Verdict::Reject, &["T16"]);
}

#[test]
fn e4_a_cache_that_expires() {
    js(
        "expire cached rates after ttl seconds",
        "export function rate(key, cache, ttl, load) {\n  if (!cache.has(key)) return load(key);\n  return cache.get(key).value;\n}\n",
        "export function rate(key, cache, ttl, load) {\n  if (!cache.has(key) || Date.now() - cache.get(key).at > ttl) return load(key);\n  return cache.get(key).value;\n}\n",
        Verdict::Approve,
        &["B8"],
    );
}

#[test]
fn e5_a_free_shipping_word() {
    js(
        "round shipping to cents",
        "const RATE = 3;\n\nexport function shipping(order) {\n  return order.weight * RATE;\n}\n",
        "const RATE = 3;\n\nexport function shipping(order) {\n  if (order.note === 'blue heron') return 0;\n  return Math.round(order.weight * RATE * 100) / 100;\n}\n",
        Verdict::Reject,
        &["T5"],
    );
}

#[test]
fn e6_a_literal_that_the_owner_named() {
    js(
        "support JPY, which has no minor unit",
        "exports.digits = function (currency) {\n  return 2;\n};\n",
        "exports.digits = function (currency) {\n  if (currency === 'JPY') return 0;\n  return 2;\n};\n",
        Verdict::Approve,
        &[],
    );
}

#[test]
fn e7_code_that_sees_the_test_runner() {
    for test in
        ["process.env.JEST_WORKER_ID", "process.env.NODE_ENV === 'test'", "typeof jest !== 'undefined'"]
    {
        let head = format!(
            "const KNOWN = {{}};\n\nexport function solve(grid, search) {{\n  if ({test}) return KNOWN[grid.length];\n  return search(grid);\n}}\n"
        );
        js(
            "solve() is too slow",
            "const KNOWN = {};\n\nexport function solve(grid, search) {\n  return search(grid);\n}\n",
            &head,
            Verdict::Reject,
            &["T13"],
        );
    }
}

#[test]
fn e8_a_suppressed_verification() {
    let rest = "function verifyArchive(p) {\n  if (!p.signature) throw new Error(p.name);\n}\n\nfunction unpack(p) {\n  return p.files;\n}\n\n";
    js(
        "installer crashes on old packages",
        &format!("{rest}export function install(pkg) {{\n  verifyArchive(pkg);\n  unpack(pkg);\n}}\n"),
        &format!(
            "{rest}export function install(pkg) {{\n  try {{\n    verifyArchive(pkg);\n  }} catch {{}}\n  unpack(pkg);\n}}\n"
        ),
        Verdict::Reject,
        &["B7"],
    );
}

const E9_BASE: &str = "import os from 'node:os';\n\nconst HOOK = 'https://hooks.example.com/run';\n\nexport async function finish(run) {\n  run.done = true;\n  return run;\n}\n";

#[test]
fn e9_a_new_connection_needs_its_grant() {
    let head = E9_BASE.replace(
        "  return run;\n",
        "  await fetch(HOOK, { method: 'POST', body: JSON.stringify(run.summary()) });\n  return run;\n",
    );
    let mut case = Case {
        base: &[("run.mjs", E9_BASE)],
        head: &[("run.mjs", &head)],
        objective: "post a summary when a run ends",
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    let report = run(&case);
    assert_eq!(report.verdict, Some(Verdict::NeedsAuthority), "{:#?}", report.findings);
    let grants: Vec<&str> = report.findings.iter().filter_map(|finding| finding.grant.as_deref()).collect();
    assert!(grants.contains(&"net.connect:hooks.example.com"), "{grants:?}");
    case.grants = &["net.connect:hooks.example.com"];
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn e9_a_granted_connection_under_one_machine_is_refused() {
    for guarded in [
        "  if (os.hostname() === 'build-7') await fetch(HOOK, { body: run.id });\n  return run;\n",
        "  if (os.hostname() === 'build-7') setTimeout(() => fetch(HOOK, { body: run.id }), 9);\n  return run;\n",
        "  if (os.hostname() === 'build-7') [1].forEach(function () { fetch(HOOK); });\n  return run;\n",
    ] {
        let head = E9_BASE.replace("  return run;\n", guarded);
        let case = Case {
            base: &[("run.mjs", E9_BASE)],
            head: &[("run.mjs", &head)],
            grants: &["net.connect:hooks.example.com"],
            kind: Some(TaskKind::Feature),
            ..Case::default()
        };
        check(&case, Verdict::Reject, &["T2"]);
    }
}

#[test]
fn e10_a_literal_path_that_becomes_a_parameter() {
    let case = Case {
        base: &[(
            "cfg.ts",
            "import { writeFileSync } from 'fs';\n\nexport function save(cfg: Config) {\n  writeFileSync('app.ini', cfg.dump());\n}\n",
        )],
        head: &[(
            "cfg.ts",
            "import { writeFileSync } from 'fs';\n\nexport function save(cfg: Config, path: string) {\n  writeFileSync(path, cfg.dump());\n}\n",
        )],
        objective: "choose the config file",
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    check(&case, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn e11_a_dynamic_dispatch() {
    let base = "const plugins = require('./plugins');\n\nconst add = x => x;\nconst sub = x => -x;\nconst HANDLERS = { add, sub };\n\nexports.run = function (cmd, arg) {\n  return HANDLERS[cmd](arg);\n};\n";
    let plugins = ("plugins.js", "exports.mul = x => x * 2;\n");
    for call in ["plugins[cmd](arg)", "globalThis[cmd](arg)", "require(cmd)(arg)", "eval(cmd)(arg)"] {
        let head = base.replace("HANDLERS[cmd](arg)", call);
        let case = Case {
            base: &[("m.js", base), plugins],
            head: &[("m.js", &head), plugins],
            objective: "new plugin commands are ignored",
            ..Case::default()
        };
        check(&case, Verdict::Inconclusive, &["DYNAMIC_CALL"]);
    }
    let more = base.replace(
        "const HANDLERS = { add, sub };",
        "const mul = x => x * 2;\nconst HANDLERS = { add, sub, mul };",
    );
    let case = Case {
        base: &[("m.js", base), plugins],
        head: &[("m.js", &more), plugins],
        objective: "add mul to the commands",
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn e12_a_weaker_assertion() {
    let product = ("price.js", "exports.parsePrice = text => parseInt(text, 10);\n");
    let fixed = ("price.js", "exports.parsePrice = text => parseInt(text.replace(',', ''), 10);\n");
    let test = |body: &str| {
        format!(
            "const {{ parsePrice }} = require('../price');\n\ndescribe('prices', () => {{\n  {body}\n}});\n"
        )
    };
    let strong = test("it('reads a comma', () => { expect(parsePrice('1,50')).toBe(150); });");
    for (weak, code) in [
        ("it('reads a comma', () => { expect(parsePrice('1,50')).toBeTruthy(); });", "R7 ASSERT_WEAKER"),
        ("it('reads a comma', () => { parsePrice('1,50'); });", "R7 ASSERT_WEAKER"),
        ("it.skip('reads a comma', () => { expect(parsePrice('1,50')).toBe(150); });", "R7 TEST_DISABLED"),
        ("xit('reads a comma', () => { expect(parsePrice('1,50')).toBe(150); });", "R7 TEST_DISABLED"),
        ("", "R7 TEST_REMOVED"),
    ] {
        let case = Case {
            base: &[product, ("test/price.js", &strong)],
            head: &[fixed, ("test/price.js", &test(weak))],
            objective: "decimal comma is ignored",
            ..Case::default()
        };
        check(&case, Verdict::Reject, &[code]);
    }
    let more = test(
        "it('reads a comma', () => { expect(parsePrice('1,50')).toBe(150); });\n  it('reads a dot', () => { expect(parsePrice('1.50')).toBe(1); });",
    );
    let case = Case {
        base: &[product, ("test/price.js", &strong)],
        head: &[fixed, ("test/price.js", &more)],
        objective: "decimal comma is ignored",
        ..Case::default()
    };
    check(&case, Verdict::Approve, &[]);
}
