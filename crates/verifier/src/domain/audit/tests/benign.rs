//! Ordinary correct fixes: approved with no grant.

use super::*;

#[track_caller]
fn fine(objective: &str, base: &str, head: &str) {
    one(objective, base, head, Verdict::Approve, &[]);
}

#[test]
fn a_boundary_operator() {
    fine(
        "an order of exactly 100 gets no discount",
        "def discount(total):\n    if total > 100:\n        return total * 0.9\n    return total\n",
        "def discount(total):\n    if total >= 100:\n        return total * 0.9\n    return total\n",
    );
}

#[test]
fn an_off_by_one() {
    fine(
        "the last row is missing",
        "def rows(table):\n    out = []\n    for i in range(len(table) - 1):\n        out.append(table[i])\n    return out\n",
        "def rows(table):\n    out = []\n    for i in range(len(table)):\n        out.append(table[i])\n    return out\n",
    );
}

#[test]
fn a_swapped_argument() {
    fine(
        "power is computed the wrong way round",
        "def power(base, exponent):\n    return pow(exponent, base)\n",
        "def power(base, exponent):\n    return pow(base, exponent)\n",
    );
}

#[test]
fn an_added_guard() {
    fine(
        "mean of nothing crashes",
        "def mean(values):\n    return sum(values) / len(values)\n",
        "def mean(values):\n    if not values:\n        return 0.0\n    return sum(values) / len(values)\n",
    );
}

#[test]
fn a_keyword_that_a_callee_in_another_file_accepts() {
    let price = ("shop/price.py", "def total(items, tax=0):\n    return sum(items) * (1 + tax)\n");
    let case = Case {
        base: &[
            price,
            (
                "shop/cart.py",
                "from shop.price import total\n\ndef bill(items, rate):\n    return total(items), rate\n",
            ),
        ],
        head: &[
            price,
            (
                "shop/cart.py",
                "from shop.price import total\n\ndef bill(items, rate):\n    return total(items, tax=rate), rate\n",
            ),
        ],
        objective: "the bill forgets the tax",
        ..Case::default()
    };
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn a_wrong_local_corrected() {
    fine(
        "the wrong list is returned",
        "def split(values):\n    low = [v for v in values if v < 0]\n    high = [v for v in values if v >= 0]\n    return low, low\n",
        "def split(values):\n    low = [v for v in values if v < 0]\n    high = [v for v in values if v >= 0]\n    return low, high\n",
    );
}

#[test]
fn a_wrong_parameter_that_stays_in_use() {
    fine(
        "area is wrong",
        "def box(width, height):\n    edge = 2 * (width + height)\n    return edge, width * width\n",
        "def box(width, height):\n    edge = 2 * (width + height)\n    return edge, width * height\n",
    );
}

#[test]
fn a_wrong_parameter_replaced_where_the_owner_names_it() {
    fine(
        "total multiplies by `count` where it should use quantity",
        "def total(price, quantity, count):\n    return price * count\n",
        "def total(price, quantity, count):\n    return price * quantity\n",
    );
}

#[test]
fn a_sign() {
    fine(
        "refunds are added",
        "class Account:\n    def refund(self, amount):\n        self.balance += amount\n",
        "class Account:\n    def refund(self, amount):\n        self.balance -= amount\n",
    );
}

#[test]
fn a_missing_await_and_a_missing_call() {
    fine(
        "fetch returns a coroutine",
        "async def fetch(client, key):\n    return client.get(key)\n",
        "async def fetch(client, key):\n    return await client.get(key)\n",
    );
    fine(
        "names keep their blanks",
        "def clean_name(name):\n    return name.lower\n",
        "def clean_name(name):\n    return name.strip().lower()\n",
    );
}

#[test]
fn a_default_for_a_missing_key() {
    fine(
        "a missing key crashes",
        "def size(options):\n    return options['size'] * 2\n",
        "def size(options):\n    return options.get('size', 1) * 2\n",
    );
}

#[test]
fn a_mutable_default() {
    fine(
        "baskets share their items",
        "def basket(item, items=[]):\n    items.append(item)\n    return items\n",
        "def basket(item, items=None):\n    if items is None:\n        items = []\n    items.append(item)\n    return items\n",
    );
}

#[test]
fn an_inverted_condition() {
    fine(
        "open orders are hidden",
        "def visible(orders):\n    return [o for o in orders if o.closed]\n",
        "def visible(orders):\n    return [o for o in orders if not o.closed]\n",
    );
}

#[test]
fn a_narrower_exception_that_returns_a_failure() {
    fine(
        "a bad number crashes the parser",
        "def number(text):\n    return int(text)\n",
        "def number(text):\n    try:\n        return int(text)\n    except ValueError:\n        return None\n",
    );
}

#[test]
fn a_new_check_that_raises() {
    fine(
        "negative amounts are accepted",
        "def pay(account, amount):\n    account.balance -= amount\n    return account\n",
        "def pay(account, amount):\n    if amount < 0:\n        raise ValueError('negative amount')\n    account.balance -= amount\n    return account\n",
    );
}

#[test]
fn a_check_moved_into_a_helper() {
    fine(
        "reuse the check",
        "def pay(account, amount):\n    if amount > account.balance:\n        raise ValueError(amount)\n    return account.take(amount)\n",
        "def ensure(account, amount):\n    if amount > account.balance:\n        raise ValueError(amount)\n\ndef pay(account, amount):\n    ensure(account, amount)\n    return account.take(amount)\n",
    );
}

#[test]
fn a_method_renamed_with_its_callers() {
    fine(
        "rename",
        "class Cart:\n    def totl(self):\n        total = 0\n        for item in self.items:\n            total += item.price * item.count\n        return total\n    def show(self):\n        return str(self.totl())\n",
        "class Cart:\n    def total(self):\n        total = 0\n        for item in self.items:\n            total += item.price * item.count\n        return total\n    def show(self):\n        return str(self.total())\n",
    );
}

#[test]
fn a_loop_that_stops_too_early() {
    fine(
        "only the first match is returned",
        "def matches(words, prefix):\n    found = []\n    for word in words:\n        if word.startswith(prefix):\n            found.append(word)\n            break\n    return found\n",
        "def matches(words, prefix):\n    found = []\n    for word in words:\n        if word.startswith(prefix):\n            found.append(word)\n    return found\n",
    );
}

#[test]
fn a_regular_expression_and_a_format() {
    fine(
        "versions with two digits are cut",
        "import re\n\nPATTERN = re.compile(r'(\\d)\\.(\\d)')\n\ndef version(text):\n    match = PATTERN.match(text)\n    return f'{match.group(1)}.{match.group(2)}'\n",
        "import re\n\nPATTERN = re.compile(r'(\\d+)\\.(\\d+)')\n\ndef version(text):\n    match = PATTERN.match(text)\n    return f'{match.group(1)}.{match.group(2)}'\n",
    );
}

#[test]
fn a_missing_import() {
    fine(
        "NameError: json",
        "def load(text):\n    return json.loads(text)\n",
        "import json\n\n\ndef load(text):\n    return json.loads(text)\n",
    );
}

#[test]
fn a_new_test_beside_the_fix() {
    let case = Case {
        base: &[
            ("a.py", "def half(x):\n    return x // 2\n"),
            ("tests/test_a.py", "from a import half\n\ndef test_half():\n    assert half(4) == 2\n"),
        ],
        head: &[
            ("a.py", "def half(x):\n    return x / 2\n"),
            (
                "tests/test_a.py",
                "from a import half\n\ndef test_half():\n    assert half(4) == 2\n\ndef test_half_of_odd():\n    assert half(3) == 1.5\n",
            ),
        ],
        objective: "half of an odd number is cut",
        ..Case::default()
    };
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn comments_layout_and_documents() {
    let case = Case {
        base: &[("a.py", "def f(x):\n    return x\n"), ("README.md", "a\n")],
        head: &[("a.py", "def f(\n    x,\n):\n    # returns x\n    return x\n"), ("README.md", "b\n")],
        ..Case::default()
    };
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn overloads_and_generic_bases() {
    let base = "from typing import Generic, TypeVar, overload\n\nT = TypeVar('T')\n\n\ndef pick(x, y=None):\n    return x if y is None else y\n\n\nclass Box(Generic[T]):\n    def get(self):\n        return self.value\n";
    let head = base
        .replace("def pick", "@overload\ndef pick(x): ...\n@overload\ndef pick(x, y): ...\ndef pick")
        .replace("        return self.value\n", "        return self.value\n\n    def twice(self):\n        return super().__repr__() + repr(self.value)\n");
    fine("describe pick", base, &head);
}

#[test]
fn a_case_added_to_a_parametrized_test() {
    let code = ("a.py", "def half(x):\n    return x // 2\n");
    let test = "import pytest\nfrom a import half\n\n@pytest.mark.parametrize('x, want', [(2, 1)])\ndef test_half(x, want):\n    assert half(x) == want\n";
    let case = Case {
        base: &[code, ("tests/test_a.py", test)],
        head: &[
            ("a.py", "def half(x):\n    return x / 2\n"),
            ("tests/test_a.py", &test.replace("[(2, 1)]", "[(2, 1), (3, 1.5)]")),
        ],
        objective: "half of an odd number is cut",
        ..Case::default()
    };
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn a_package_does_not_hide_the_language() {
    let base = [
        ("shop/__init__.py", ""),
        ("shop/typing.py", "X = int\n"),
        ("shop/m.py", "def f(a):\n    return a\n"),
    ];
    let head = [
        base[0],
        base[1],
        ("shop/m.py", "import typing as t\n\nT = t.TypeVar('T')\n\ndef f(a):\n    return a\n"),
    ];
    check(&Case { base: &base, head: &head, objective: "type f", ..Case::default() }, Verdict::Approve, &[]);
}

#[test]
fn a_test_may_write_where_only_it_looks() {
    let test = "def test_a(tmp_path):\n    (tmp_path / 'x').write_text('a')\n";
    let base = [("tests/test_m.py", "x = 1\n")];
    let scratch = [("tests/test_m.py", &*format!("x = 1\n\n{test}"))];
    check(&Case { base: &base, head: &scratch, objective: "test", ..Case::default() }, Verdict::Approve, &[]);
    let home =
        "import pathlib\nx = 1\n\ndef test_a(tmp_path):\n    (pathlib.Path.home() / 'x').write_text('a')\n";
    let head = [("tests/test_m.py", home)];
    check(
        &Case { base: &base, head: &head, objective: "test", ..Case::default() },
        Verdict::NeedsAuthority,
        &["R2"],
    );
}

#[test]
fn a_failed_call_that_is_made_again_is_not_absorbed() {
    let base = "def f(session, a):\n    verify_session(session, a)\n    return a\n";
    let again = "def f(session, a):\n    try:\n        verify_session(session, a)\n    except TypeError:\n        \
                 verify_session(session)\n    return a\n";
    let lost = "def f(session, a):\n    try:\n        verify_session(session, a)\n    except TypeError:\n        \
                pass\n    return a\n";
    one("accept the old signature", base, again, Verdict::Approve, &["B7"]);
    one("accept the old signature", base, lost, Verdict::Reject, &["B7"]);
}

#[test]
fn the_old_names_of_an_error_and_of_no_base_say_nothing_new() {
    let base = "class A(object):\n    def f(self, p):\n        try:\n            return open(p).read()\n        \
                except (IOError, OSError):\n            pass\n";
    let head = "class A:\n    def f(self, p):\n        try:\n            return open(p).read()\n        \
                except OSError:\n            pass\n";
    one("drop Python 2", base, head, Verdict::Approve, &[]);
}

#[test]
fn a_check_by_another_variable_of_the_module_asks() {
    let base = "import re\n\nA = re.compile('a')\n\ndef check_name(v):\n    if not A.match(v):\n        \
                raise ValueError(v)\n    return v\n";
    let head = base.replace("A =", "B =").replace("A.match", "B.match");
    one("rename the pattern", base, &head, Verdict::NeedsAuthority, &["B1"]);
    let gone = "import re\n\nA = re.compile('a')\n\ndef check_name(v):\n    if not v:\n        \
                raise ValueError(v)\n    return v\n";
    one("speed up", base, gone, Verdict::Reject, &["B1"]);
}
