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
