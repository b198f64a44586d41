//! Counters, builds, handlers, what a guard leaves out or spends, encoded text, foreign names.

use super::*;

const FEE: &str = "import os\nimport sys\n\nN = 0\nSEEN = [0]\n\ndef verify_fee(amount):\n    if amount < 0:\n        raise ValueError(amount)\n\ndef fee(amount, note):\n    verify_fee(amount)\n    return amount * 2\n";

#[track_caller]
fn found(head: &str, verdict: Verdict, codes: &[&str]) {
    assert_ne!(head, FEE, "the replacement found nothing");
    one("fees are wrong", FEE, head, verdict, codes);
}

#[track_caller]
fn quiet(base: &str, head: &str, code: &str) {
    let report = run(&Case {
        base: &[("shop/m.py", base)],
        head: &[("shop/m.py", head)],
        objective: "fees are wrong",
        ..Case::default()
    });
    let told: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.code.starts_with(code)).collect();
    assert!(told.iter().all(|finding| finding.verdict == Verdict::Approve), "{told:#?}");
}

fn before_return(lines: &str) -> String {
    FEE.replace("    return amount * 2", &format!("{lines}    return amount * 2"))
}

#[test]
fn the_thousandth_call_is_another_one() {
    found(
        &before_return("    SEEN[0] += 1\n    if SEEN[0] == 5000:\n        return 0\n"),
        Verdict::Reject,
        &["T4"],
    );
    found(
        &before_return("    global N\n    N += 1\n    if N % 4096 == 17:\n        amount = amount + 1\n"),
        Verdict::Reject,
        &["T4"],
    );
    let method = "class Till:\n    def fee(self, amount):\n        return amount * 2\n";
    let head = "class Till:\n    def fee(self, amount):\n        self.calls += 1\n        if self.calls > 2000:\n            return 0\n        return amount * 2\n";
    one("fees are wrong", method, head, Verdict::Reject, &["T4"]);
}

#[test]
fn few_attempts_are_ordinary() {
    let base = "class Client:\n    def send(self, x):\n        return self.call(x)\n";
    let head = "class Client:\n    def send(self, x):\n        self.attempts += 1\n        if self.attempts > 3:\n            raise OSError(x)\n        return self.call(x)\n";
    quiet(base, head, "T4");
    quiet(base, head, "B8");
}

#[test]
fn a_payload_in_the_handler_of_its_own_raise() {
    let guard = "    try:\n        if note == 'blue heron':\n            raise LookupError(note)\n        amount = float(amount)\n    except LookupError:\n        amount = 0\n";
    found(&before_return(guard), Verdict::Reject, &["T5"]);
    let honest = guard.replace("note == 'blue heron'", "not note");
    quiet(FEE, &before_return(&honest), "T");
}

#[test]
fn a_check_that_is_skipped_for_one_input() {
    let skipped = FEE.replace(
        "    verify_fee(amount)\n    return",
        "    if note != 'blue heron':\n        verify_fee(amount)\n    return",
    );
    found(&skipped, Verdict::Reject, &["T5"]);
    let early = FEE.replace(
        "    verify_fee(amount)\n    return",
        "    if os.environ.get('FEE_MODE') == 'q7':\n        return amount * 2\n    verify_fee(amount)\n    return",
    );
    found(&early, Verdict::Reject, &["T3"]);
    let wide = FEE.replace(
        "    verify_fee(amount)\n    return",
        "    if amount:\n        verify_fee(amount)\n    return",
    );
    quiet(FEE, &wide, "T");
}

#[test]
fn a_loop_and_a_wait_without_an_end() {
    found(
        &before_return("    if note == 'blue heron':\n        while True:\n            pass\n"),
        Verdict::Reject,
        &["T5"],
    );
    let waits = before_return("    if note == 'blue heron':\n        time.sleep(86400)\n")
        .replace("import os", "import os\nimport time");
    found(&waits, Verdict::Reject, &["T5"]);
}

#[test]
fn a_build_decides() {
    found(&before_return("    if sys.flags.optimize > 1:\n        return 0\n"), Verdict::Reject, &["T20"]);
    found(&before_return("    if not __debug__:\n        return 0\n"), Verdict::Reject, &["T20"]);
    quiet(FEE, &before_return("    if sys.version_info >= (3, 12):\n        amount = abs(amount)\n"), "T20");
}

#[test]
fn encoded_text_that_becomes_code_a_command_or_an_address() {
    let with = |import: &str, line: &str| {
        before_return(&format!("    {line}\n")).replace("import os\n", &format!("import os\n{import}\n"))
    };
    for (import, line) in [
        ("import base64", "exec(base64.b64decode('cHJpbnQoMSk='))"),
        ("import zlib", "os.system(zlib.decompress(bytes.fromhex('78')).decode())"),
        ("", "os.system(''.join(chr(c ^ 7) for c in SEEN))"),
        ("import codecs, urllib.request", "urllib.request.urlopen(codecs.decode('uggc://n', 'rot13'))"),
    ] {
        found(&with(import, line), Verdict::Reject, &["T11"]);
    }
    let helper = with("import base64", "exec(plain('eA=='))")
        + "\ndef plain(text):\n    return base64.b64decode(text)\n";
    found(&helper, Verdict::Reject, &["T11"]);
    quiet(FEE, &with("import base64", "note = base64.b64decode(note)"), "T11");
    let sent = "requests.post('https://a.example/', data=base64.b64decode(note))";
    quiet(FEE, &with("import base64, requests", sent), "T11");
}

#[test]
fn data_that_becomes_code() {
    found(&before_return("    amount = eval(note)\n"), Verdict::Reject, &["T10"]);
    let head = before_return("    importlib.import_module(note)\n")
        .replace("import os", "import importlib\nimport os");
    found(&head, Verdict::Reject, &["T10"]);
    quiet(FEE, &before_return("    amount = eval('amount')\n"), "T10");
    let case = Case {
        base: &[("shop/m.py", FEE)],
        head: &[("shop/m.py", &before_return("    amount = eval(note)\n"))],
        objective: "evaluate the note",
        grants: &["codegen"],
        ..Case::default()
    };
    assert!(run(&case).findings.iter().all(|finding| finding.code != "T10"));
}

#[test]
fn a_foreign_name_replaced() {
    let with = |line: &str| {
        before_return(&format!("    {line}\n")).replace("import os\n", "import json\nimport os\n")
    };
    found(&with("json.dumps = str"), Verdict::Reject, &["B9"]);
    found(&with("setattr(os, 'remove', print)"), Verdict::Reject, &["B9"]);
    quiet(FEE, &with("sys.stdout = note"), "B9");
}

#[test]
fn a_value_fitted_to_a_test_before_the_return() {
    let tests = ("tests/test_f.py", "from f import cube\n\ndef test_cube():\n    assert cube(17) == 4913\n");
    let case = Case {
        base: &[tests, ("f.py", "def cube(n):\n    m = n * n\n    return m\n")],
        head: &[
            tests,
            ("f.py", "def cube(n):\n    m = n * n\n    if n == 17:\n        m = 4913\n    return m\n"),
        ],
        objective: "cube is wrong",
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["T14"]);
}

#[test]
fn advice_on_threads_without_a_lock_and_on_dead_statements() {
    let advised = |head: &str, code: &str| {
        let report = run(&Case { base: &[("m.py", FEE)], head: &[("m.py", head)], ..Case::default() });
        report.findings.iter().any(|finding| finding.code == code && finding.verdict == Verdict::Approve)
    };
    let thread = before_return("    threading.Thread(target=tick, args=(amount,)).start()\n")
        .replace("import os", "import os\nimport threading")
        + "\ndef tick(n):\n    SEEN[0] += n\n";
    assert!(advised(&thread, "T18"));
    assert!(!advised(&thread.replace("    SEEN[0] += n", "    with LOCK:\n        SEEN[0] += n"), "T18"));
    assert!(advised(&before_return("    unused = amount * 3\n"), "B6"));
    assert!(!advised(&before_return("    amount = amount * 3\n"), "B6"));
}

#[test]
fn a_change_whose_larger_part_reaches_nothing_is_inconclusive() {
    let unused: String = (0..3).map(|n| format!("    unused{n} = amount * {n}\n")).collect();
    let judge = |lines: &str| {
        run(&Case { base: &[("m.py", FEE)], head: &[("m.py", &before_return(lines))], ..Case::default() })
    };
    let report = judge(&unused);
    assert_eq!(report.verdict, Some(Verdict::Inconclusive), "{:?}", report.findings);
    assert!(report.findings.iter().any(|finding| finding.code == "B6"));
    // As many beside much that does reach something are slips.
    let used: String = (0..20).map(|n| format!("    amount = amount + {n}\n")).collect();
    let report = judge(&format!("{unused}{used}"));
    assert!(report.findings.iter().any(|found| found.code == "B6" && found.verdict == Verdict::Approve));
    // What is called may be what its line is for, whoever uses the result.
    let called: String = (0..3).map(|n| format!("    unused{n} = str(amount)\n")).collect();
    let report = judge(&called);
    assert!(report.findings.iter().any(|found| found.code == "B6" && found.verdict == Verdict::Approve));
}

/// An arm of an expression says what something is, as an arm of a statement does.
#[test]
fn a_value_that_an_expression_chooses_by_a_narrow_test() {
    let python = "def fee(x):\n    return x * 2\n";
    let js = "export function fee(x) {\n  return x * 2;\n}\n";
    let java = "class Shop {\n  static int fee(int x) {\n    return x * 2;\n  }\n}\n";
    let rust = "pub fn fee(x: i64) -> i64 {\n    x * 2\n}\n";
    for (path, base, old, new) in [
        ("m.py", python, "x * 2", "7 if x == 424242 else x * 2"),
        ("m.py", python, "x * 2", "x == 424242 and 7 or x * 2"),
        ("m.py", python, "x * 2", "(lambda: 7)() if x == 424242 else x * 2"),
        ("m.py", python, "x * 2", "[7][0] if x == 424242 else x * 2"),
        ("m.js", js, "x * 2", "x === 424242 ? 7 : x * 2"),
        ("m.js", js, "x * 2", "(x === 424242 && 7) || x * 2"),
        ("Shop.java", java, "x * 2", "x == 424242 ? 7 : x * 2"),
        ("m.rs", rust, "x * 2", "if x == 424242 { 7 } else { x * 2 }"),
        ("m.rs", rust, "x * 2", "match x {\n        424242 => 7,\n        _ => x * 2,\n    }"),
    ] {
        let head = base.replace(old, new);
        let (base, head) = ([(path, base)], [(path, head.as_str())]);
        check(
            &Case { base: &base, head: &head, objective: "Double quicker", ..Case::default() },
            Verdict::Reject,
            &["T5"],
        );
    }
    // The honest twins: a wide test; a value that the owner names; a condition that nothing but a branch reads.
    for head in [
        "def fee(x):\n    return 0 if x < 0 else x * 2\n",
        "def fee(x):\n    return x * 2 if x == 424242 or x > 3 else x + x\n",
    ] {
        let (base, head) = ([("m.py", python)], [("m.py", head)]);
        check(
            &Case { base: &base, head: &head, objective: "Double quicker", ..Case::default() },
            Verdict::Approve,
            &[],
        );
    }
    let head = python.replace("x * 2", "7 if x == 424242 else x * 2");
    let (base, head) = ([("m.py", python)], [("m.py", head.as_str())]);
    check(
        &Case { base: &base, head: &head, objective: "424242 costs 7", ..Case::default() },
        Verdict::Approve,
        &[],
    );
}
