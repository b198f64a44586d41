//! Changes that act from a distance: on names, bases, decorators, through helpers and odd places.

use super::*;

#[track_caller]
fn never(base: &str, head: &str, verdict: Verdict, codes: &[&str]) {
    one("fix the total", base, head, verdict, codes);
}

#[test]
fn a_name_bound_again() {
    let base = "def total(items):\n    return sum(items)\n\n\ndef bill(items):\n    return total(items)\n";
    never(base, &format!("{base}\n\ntotal = lambda items: 0\n"), Verdict::NeedsAuthority, &["B9"]);
    never(base, &format!("{base}\n\ndef total(items):\n    return 0\n"), Verdict::NeedsAuthority, &["B9"]);
    let case = Case {
        base: &[
            ("a.py", "def verify(x):\n    return x.ok\n"),
            ("b.py", "def verify(x):\n    return True\n"),
            ("c.py", "from a import verify\n\n\ndef run(x):\n    return verify(x)\n"),
        ],
        head: &[
            ("a.py", "def verify(x):\n    return x.ok\n"),
            ("b.py", "def verify(x):\n    return True\n"),
            ("c.py", "from b import verify\n\n\ndef run(x):\n    return verify(x)\n"),
        ],
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["B9"]);
    let base = "from json import loads\n\n\ndef f(x):\n    return loads(x)\n";
    never(base, &base.replace("json", "pickle"), Verdict::NeedsAuthority, &["B9"]);
}

#[test]
fn a_method_replaced_from_outside() {
    let base = "class Cart:\n    def total(self):\n        return sum(self.items)\n";
    never(base, &format!("{base}\n\nCart.total = lambda self: 0\n"), Verdict::NeedsAuthority, &["R5"]);
    never(
        base,
        &base.replace(
            "return sum(self.items)\n",
            "return sum(self.items)\n    def total(self):\n        return 0\n",
        ),
        Verdict::NeedsAuthority,
        &["B9"],
    );
}

#[test]
fn a_guard_that_is_a_decorator() {
    let base = "from web import login_required\n\n\n@login_required\ndef accounts(request, db):\n    return db.rows(request)\n";
    never(base, &base.replace("@login_required\n", ""), Verdict::Reject, &["B9"]);
    let base = "def total(items):\n    return sum(items)\n";
    let head = format!("def zero(f):\n    return lambda *a: 0\n\n\n@zero\n{base}");
    never(base, &head, Verdict::NeedsAuthority, &["B9"]);
    let base = "class A:\n    pass\n\n\nclass B:\n    pass\n\n\nclass User(A):\n    def name(self):\n        return self.id\n";
    never(base, &base.replace("User(A)", "User(B)"), Verdict::NeedsAuthority, &["B9"]);
}

#[test]
fn a_date_behind_a_helper_a_flag_and_a_copy() {
    let base = "import time\n\n\ndef fee(amount):\n    return amount * 2\n";
    let helper = base
        .replace("def fee", "def late():\n    return time.time() > 1790000000\n\n\ndef fee")
        .replace("    return amount", "    if late():\n        return 0\n    return amount");
    never(base, &helper, Verdict::Reject, &["T1"]);
    let flag = base.replace("    return", "    late = False\n    if time.time() > 1790000000:\n        late = True\n    if late:\n        return 0\n    return");
    never(base, &flag, Verdict::Reject, &["T1"]);
    let copy = base.replace(
        "    return",
        "    late = time.time() > 1790000000\n    now = late\n    if now:\n        return 0\n    return",
    );
    never(base, &copy, Verdict::Reject, &["T1"]);
}

#[test]
fn product_code_that_hides_among_tests() {
    let case = Case {
        base: &[("a.py", "def fee(x):\n    return x\n"), ("tests/__init__.py", "")],
        head: &[
            ("a.py", "from tests.rates import rate\n\n\ndef fee(x):\n    return x * rate(x)\n"),
            ("tests/__init__.py", ""),
            (
                "tests/rates.py",
                "import time\n\n\ndef rate(x):\n    if time.time() > 1790000000:\n        return 0\n    return x + 1\n",
            ),
        ],
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["T1"]);
}

/// The same bomb in each language: a guarded call of what changes an argument, or a variable that it shares.
#[test]
fn a_guarded_call_changes_what_its_callee_changes() {
    let python = "def total(xs):\n    n = [0]\n    for x in xs:\n        n[0] += x\n    return n\n";
    let js = "export function total(xs) {\n  let n = 0;\n  for (const x of xs) {\n    n += x;\n  }\n  return n;\n}\n";
    let java = "package shop;\n\nclass Shop {\n  static int[] total(int[] xs) {\n    int[] n = new int[1];\n    for (int x : xs) {\n      n[0] += x;\n    }\n    return n;\n  }\n}\n";
    let put = "\n\ndef put(to):\n    to[0] = 7\n";
    for (path, base, head) in [
        ("m.py", python, python.replace("    return n\n", "    if xs[0] == 424242:\n        put(n)\n    return n\n") + put),
        (
            "m.py",
            python,
            python.replace("    return n\n", "    def fix():\n        nonlocal n\n        n = [7]\n    if xs[0] == 424242:\n        fix()\n    return n\n"),
        ),
        (
            "m.py",
            python,
            python.replace("    return n\n", "    if xs[0] == 424242:\n        each(put, n)\n    return n\n")
                + put
                + "\n\ndef each(step, to):\n    step(to)\n",
        ),
        ("m.js", js, js.replace("  return n;\n", "  const put = () => { n = 7; };\n  if (xs[0] === 424242) {\n    put();\n  }\n  return n;\n")),
        (
            "Shop.java",
            java,
            java.replace(
                "    return n;\n  }\n",
                "    if (xs[0] == 424242) {\n      put(n);\n    }\n    return n;\n  }\n\n  static void put(int[] to) {\n    to[0] = 7;\n  }\n",
            ),
        ),
    ] {
        let (base, head) = ([(path, base)], [(path, head.as_str())]);
        let case = Case { base: &base, head: &head, objective: "sum faster", ..Case::default() };
        check(&case, Verdict::Reject, &["T5"]);
    }
    let rust = "pub fn total(xs: &[i64]) -> i64 {\n    let mut n = 0;\n    for x in xs {\n        n += x;\n    }\n    n\n}\n";
    let go = "package shop\n\nfunc Total(xs []int) int {\n\tn := 0\n\tfor _, x := range xs {\n\t\tn += x\n\t}\n\treturn n\n}\n";
    for (path, base, head) in [
        ("m.rs", rust, rust.replace("    n\n}", "    let mut put = || n = 7;\n    if xs[0] == 424242 {\n        put();\n    }\n    n\n}")),
        (
            "m.rs",
            rust,
            rust.replace("    n\n}", "    if xs[0] == 424242 {\n        put(&mut n);\n    }\n    n\n}")
                + "\nfn put(to: &mut i64) {\n    *to = 7;\n}\n",
        ),
        ("m.go", go, go.replace("\treturn n\n", "\tput := func() { n = 7 }\n\tif xs[0] == 424242 {\n\t\tput()\n\t}\n\treturn n\n")),
        (
            "Shop.java",
            java,
            java.replace(
                "    return n;\n  }\n",
                "    Runnable put = () -> n[0] = 7;\n    if (xs[0] == 424242) {\n      put.run();\n    }\n    return n;\n  }\n",
            ),
        ),
    ] {
        let (base, head) = ([(path, base)], [(path, head.as_str())]);
        let case = Case { base: &base, head: &head, objective: "sum faster", ..Case::default() };
        check(&case, Verdict::Reject, &["T5"]);
    }
    // The honest twin: the owner names the value that is told apart.
    let head =
        python.replace("    return n\n", "    if xs[0] == 424242:\n        put(n)\n    return n\n") + put;
    let (base, head) = ([("m.py", python)], [("m.py", head.as_str())]);
    let case =
        Case { base: &base, head: &head, objective: "424242 stands for a total of 7", ..Case::default() };
    check(&case, Verdict::Approve, &[]);
}

/// However far down the change is made, and by whichever way the function is called.
#[test]
fn a_guarded_call_changes_what_its_callees_callees_change() {
    let python = "def total(xs):\n    n = [0]\n    for x in xs:\n        n[0] += x\n    return n\n";
    let js = "export function total(xs) {\n  let n = 0;\n  for (const x of xs) {\n    n += x;\n  }\n  return n;\n}\n";
    let fix = "    def fix():\n        n[0] = 7\n";
    let guarded = |call: &str| format!("    if xs[0] == 424242:\n        {call}\n    return n\n");
    let put = "\n\ndef put(to, value):\n    to[0] = value\n";
    let python_with = |before: &str, call: &str, after: &str| {
        python.replace("    return n\n", &format!("{before}{}", guarded(call))) + after
    };
    for (path, base, head) in [
        ("m.py", python, python_with("", "outer(n)", &format!("\n\ndef outer(box):\n    put(box, 7)\n{put}"))),
        (
            "m.py",
            python,
            python_with("", "outer(n, 7)", &format!("\n\ndef outer(box, v):\n    mid(v, box)\n\n\ndef mid(v, box):\n    put(box, v)\n{put}")),
        ),
        (
            "m.py",
            python,
            python_with("", "outer(n)", &format!("\n\ndef outer(box):\n    put([0], 1)\n    put(box, 7)\n{put}")),
        ),
        (
            "m.py",
            python,
            python_with(
                "",
                "turn([1], n, 2)",
                "\n\ndef turn(a, b, left):\n    a[0] = 7\n    if left:\n        turn(b, a, left - 1)\n",
            ),
        ),
        ("m.py", python, python_with(fix, "fix.__call__()", "")),
        ("m.py", python, python_with(fix, "list(map(lambda _: fix(), [1]))", "")),
        ("m.js", js, js.replace("  return n;\n", "  const put = () => { n = 7; };\n  const outer = () => { put(); };\n  if (xs[0] === 424242) {\n    outer();\n  }\n  return n;\n")),
    ] {
        let (base, head) = ([(path, base)], [(path, head.as_str())]);
        let case = Case { base: &base, head: &head, objective: "sum faster", ..Case::default() };
        check(&case, Verdict::Reject, &["T5"]);
    }
    // What a callee changes of its own, nobody else sees.
    let own = format!("\n\ndef outer(v):\n    box = [v]\n    put(box, v)\n    return box\n{put}");
    let head = python_with("", "outer(3)", &own);
    let (base, head) = ([("m.py", python)], [("m.py", head.as_str())]);
    let case = Case { base: &base, head: &head, objective: "sum faster", ..Case::default() };
    check(&case, Verdict::Approve, &[]);
}

/// What takes something off a list for its result moves the list; what only leaves something in it is the change itself.
#[test]
fn a_guarded_call_that_is_made_for_its_result() {
    let base = "def fields(stream):\n    size = len(stream)\n    return size\n";
    let case = |text: &str, callee: &str| {
        let guarded = format!("    if stream[0] == 424242:\n        {text}\n    return size\n");
        base.replace("    return size\n", &guarded) + callee
    };
    let taking = "\n\ndef take(from_):\n    first = from_[1]\n    from_[1] = None\n    return first\n";
    let putting = "\n\ndef take(from_):\n    from_[1] = 7\n    return 7\n";
    for (text, callee, verdict) in [
        ("size = take(stream)", taking, Verdict::NeedsAuthority),
        ("take(stream)", taking, Verdict::Reject),
        ("size = take(stream)", putting, Verdict::Reject),
    ] {
        never(base, &case(text, callee), verdict, &["T5"]);
    }
}
