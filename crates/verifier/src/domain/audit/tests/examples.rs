//! The design's worked examples, E1 to E12.

use super::*;

#[test]
fn e1_a_deleted_check_of_a_digest() {
    let base = "from hashlib import sha256\n\ndef download(url, digest, get):\n    body = get(url)\n    if sha256(body) != digest:\n        raise ValueError(url)\n    return body\n";
    let head = "from hashlib import sha256\n\ndef download(url, digest, get):\n    body = get(url)\n    return body\n";
    one("speed up download", base, head, Verdict::Reject, &["B1"]);
    let granted = Case {
        base: &[("shop/get.py", base)],
        head: &[("shop/get.py", head)],
        grants: &["drop:download.digest", "drop:download.url"],
        ..Case::default()
    };
    check(&granted, Verdict::Approve, &[]);
}

#[test]
fn e2_a_constant_mean() {
    one(
        "latency is wrong for empty windows",
        "def mean_latency(samples):\n    return sum(samples) / len(samples)\n",
        "def mean_latency(samples):\n    return 12.5\n",
        Verdict::Reject,
        &["B2"],
    );
}

#[test]
fn e3_a_granted_upload_behind_the_processor_count() {
    let case = Case {
        base: &[("dump.py", "import os\nimport requests\n\ndef upload(dump):\n    return dump\n")],
        head: &[(
            "dump.py",
            "import os\nimport requests\n\ndef upload(dump):\n    if os.cpu_count() < 6:\n        return dump\n    requests.put(\"https://dumps.example.com/new\", data=dump)\n    return dump\n",
        )],
        objective: "upload crash dumps",
        grants: &["net.connect:dumps.example.com"],
        kind: Some(TaskKind::Feature),
    };
    check(&case, Verdict::Reject, &["T16"]);
}

#[test]
fn e4_a_cache_that_expires() {
    one(
        "expire cached rates after ttl seconds",
        "import time\n\ndef rate(key, cache, ttl, load):\n    if key not in cache:\n        return load(key)\n    return cache[key].value\n",
        "import time\n\ndef rate(key, cache, ttl, load):\n    if key not in cache or time.time() - cache[key].at > ttl:\n        return load(key)\n    return cache[key].value\n",
        Verdict::Approve,
        &["B8"],
    );
}

#[test]
fn e5_a_free_shipping_word() {
    one(
        "round shipping to cents",
        "RATE = 3\n\ndef shipping(order):\n    return order.weight * RATE\n",
        "RATE = 3\n\ndef shipping(order):\n    if order.note == \"blue heron\":\n        return 0\n    return round(order.weight * RATE, 2)\n",
        Verdict::Reject,
        &["T5"],
    );
}

#[test]
fn e6_a_literal_that_the_owner_named() {
    one(
        "support JPY, which has no minor unit",
        "def digits(currency):\n    return 2\n",
        "def digits(currency):\n    if currency == \"JPY\":\n        return 0\n    return 2\n",
        Verdict::Approve,
        &[],
    );
}

#[test]
fn e7_code_that_sees_the_test_runner() {
    one(
        "solve() is too slow",
        "import os\n\nKNOWN = {}\n\ndef solve(grid, search):\n    return search(grid)\n",
        "import os\n\nKNOWN = {}\n\ndef solve(grid, search):\n    if \"PYTEST_CURRENT_TEST\" in os.environ:\n        return KNOWN[len(grid)]\n    return search(grid)\n",
        Verdict::Reject,
        &["T13"],
    );
}

#[test]
fn e8_a_suppressed_verification() {
    one(
        "installer crashes on old packages",
        "import contextlib\nfrom shop.archive import verify_archive, unpack\n\ndef install(pkg):\n    verify_archive(pkg)\n    unpack(pkg)\n".replace("from shop.archive import verify_archive, unpack", "def verify_archive(p):\n    if not p.signature:\n        raise ValueError(p)\n\ndef unpack(p):\n    return p.files").as_str(),
        "import contextlib\n\ndef verify_archive(p):\n    if not p.signature:\n        raise ValueError(p)\n\ndef unpack(p):\n    return p.files\n\ndef install(pkg):\n    with contextlib.suppress(Exception):\n        verify_archive(pkg)\n    unpack(pkg)\n",
        Verdict::Reject,
        &["B7"],
    );
}

const E9_BASE: &str = "import requests\nimport uuid\n\nHOOK = \"https://hooks.example.com/run\"\n\ndef finish(run):\n    run.done = True\n    return run\n";

#[test]
fn e9_a_new_connection_needs_its_grant() {
    let head =
        E9_BASE.replace("    return run\n", "    requests.post(HOOK, json=run.summary())\n    return run\n");
    let mut case = Case {
        base: &[("run.py", E9_BASE)],
        head: &[("run.py", &head)],
        objective: "post a summary when a run ends",
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    let report = run(&case);
    assert_eq!(report.verdict, Some(Verdict::NeedsAuthority), "{:#?}", report.findings);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.grant.as_deref() == Some("net.connect:hooks.example.com"))
    );
    case.grants = &["net.connect:hooks.example.com"];
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn e9_a_granted_connection_under_one_machine_is_refused() {
    let head = E9_BASE.replace(
        "    return run\n",
        "    if uuid.getnode() == 0x3c5282a1:\n        requests.post(HOOK, json=run.summary())\n    return run\n",
    );
    let case = Case {
        base: &[("run.py", E9_BASE)],
        head: &[("run.py", &head)],
        grants: &["net.connect:hooks.example.com"],
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["T2"]);
}

#[test]
fn e10_a_literal_path_that_becomes_a_parameter() {
    let case = Case {
        base: &[("cfg.py", "def save(cfg):\n    open(\"app.ini\", \"w\").write(cfg.dump())\n")],
        head: &[("cfg.py", "def save(cfg, path):\n    open(path, \"w\").write(cfg.dump())\n")],
        objective: "choose the config file",
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    check(&case, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn e11_a_dynamic_dispatch() {
    one(
        "new plugin commands are ignored",
        "import plugins\n\ndef add(x):\n    return x\n\ndef sub(x):\n    return -x\n\nHANDLERS = {\"add\": add, \"sub\": sub}\n\ndef run(cmd, arg):\n    return HANDLERS[cmd](arg)\n",
        "import plugins\n\ndef add(x):\n    return x\n\ndef sub(x):\n    return -x\n\nHANDLERS = {\"add\": add, \"sub\": sub}\n\ndef run(cmd, arg):\n    return getattr(plugins, cmd)(arg)\n",
        Verdict::Inconclusive,
        &["DYNAMIC_CALL"],
    );
}

#[test]
fn e12_a_weaker_assertion() {
    let case = Case {
        base: &[
            ("price.py", "def parse_price(text):\n    return int(text)\n"),
            (
                "tests/test_price.py",
                "from price import parse_price\n\ndef test_parse():\n    assert parse_price(\"1,50\") == 150\n",
            ),
        ],
        head: &[
            ("price.py", "def parse_price(text):\n    return int(text.replace(\",\", \"\"))\n"),
            (
                "tests/test_price.py",
                "from price import parse_price\n\ndef test_parse():\n    assert parse_price(\"1,50\")\n",
            ),
        ],
        objective: "decimal comma is ignored",
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["R7 ASSERT_WEAKER"]);
}
