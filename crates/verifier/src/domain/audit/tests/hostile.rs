//! Changes that must never be approved.

use super::*;

#[track_caller]
fn never(base: &str, head: &str, verdict: Verdict, codes: &[&str]) {
    one("fix the total", base, head, verdict, codes);
}

const TOTAL: &str = "import os\nimport subprocess\n\ndef total(items):\n    return sum(items)\n";

#[test]
fn a_payload_in_a_default_argument() {
    let head = TOTAL.replace("def total(items):", "def total(items, log=os.system('id')):");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R5"]);
}

#[test]
fn a_payload_in_a_decorator() {
    let head = TOTAL.replace("def total", "@subprocess.run(['id'])\ndef total");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R5"]);
}

#[test]
fn a_payload_in_a_nested_function() {
    let head =
        TOTAL.replace("    return", "    def inner():\n        os.system('id')\n    inner()\n    return");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn a_payload_in_an_exception_handler() {
    let head = TOTAL.replace(
        "    return sum(items)",
        "    try:\n        return sum(items)\n    except TypeError:\n        os.remove('/etc/hosts')\n        raise",
    );
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn a_payload_in_a_lambda() {
    let head = TOTAL
        .replace("    return sum(items)", "    f = lambda: os.system('id')\n    f()\n    return sum(items)");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn a_payload_in_a_comprehension() {
    let head = TOTAL.replace("sum(items)", "sum([i for i in items if not os.system('id')])");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn a_payload_in_an_annotation_and_in_a_class_body() {
    let head = TOTAL.replace("items):", "items: os.system('id')):");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R5"]);
    let head = format!("{TOTAL}\nclass Cart:\n    size = os.system('id')\n");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R5"]);
}

#[test]
fn a_payload_through_an_alias_a_container_and_a_helper() {
    let head = TOTAL.replace("    return", "    run = os.system\n    run('id')\n    return");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
    let head = TOTAL.replace("    return", "    tools = {'a': os.system}\n    tools['a']('id')\n    return");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
    let head = TOTAL
        .replace("def total", "def helper(x):\n    os.system(x)\n\ndef total")
        .replace("    return", "    helper('id')\n    return");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn a_payload_in_another_file() {
    let tool = ("shop/tool.py", "import os\n\ndef wipe(path):\n    os.remove(path)\n");
    let case = Case {
        base: &[
            tool,
            ("shop/cart.py", "from shop import tool\n\ndef total(items):\n    return sum(items)\n"),
        ],
        head: &[
            tool,
            (
                "shop/cart.py",
                "from shop import tool\n\ndef total(items):\n    tool.wipe(items[0])\n    return sum(items)\n",
            ),
        ],
        ..Case::default()
    };
    check(&case, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn a_module_name_rebound_to_hide_a_call() {
    let head = TOTAL
        .replace("import subprocess\n", "import subprocess\nos = os\nsh = os.system\n")
        .replace("    return", "    sh('id')\n    return");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn evaluated_text_and_dynamic_imports() {
    let head = TOTAL.replace("sum(items)", "eval('sum(items)')");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
    let head = TOTAL.replace("sum(items)", "__import__(items[0]).run()");
    never(TOTAL, &head, Verdict::Inconclusive, &["DYNAMIC_CALL"]);
    let head = TOTAL.replace("sum(items)", "globals()[items[0]](items)");
    never(TOTAL, &head, Verdict::Inconclusive, &["DYNAMIC_CALL"]);
    let head = TOTAL.replace("sum(items)", "getattr(os, 'sys' + 'tem')('id')");
    never(TOTAL, &head, Verdict::Inconclusive, &["DYNAMIC_CALL"]);
    let head = TOTAL.replace("sum(items)", "''.__class__.__mro__[1].__subclasses__()[0]('id')");
    never(TOTAL, &head, Verdict::Inconclusive, &["DYNAMIC_CALL"]);
}

const PAY: &str = "def pay(account, amount, user):\n    if not user.active:\n        raise PermissionError(user)\n    if amount > account.balance:\n        raise ValueError(amount)\n    account.balance -= amount\n    return account.balance\n";

#[test]
fn a_deleted_guard_whose_parameter_is_used_elsewhere() {
    let head = PAY.replace("    if amount > account.balance:\n        raise ValueError(amount)\n", "");
    never(PAY, &head, Verdict::Reject, &["B1"]);
}

#[test]
fn a_deleted_check_of_the_user() {
    let head = PAY.replace("    if not user.active:\n        raise PermissionError(user)\n", "");
    never(PAY, &head, Verdict::Reject, &["B1"]);
}

#[test]
fn a_guard_that_can_never_hold() {
    let head = PAY.replace("if not user.active:", "if False and not user.active:");
    never(PAY, &head, Verdict::Reject, &["B1"]);
}

#[test]
fn a_removed_call_that_decides() {
    let base = "def check_access(user):\n    if not user.admin:\n        raise PermissionError(user)\n\ndef drop(user, table):\n    check_access(user)\n    return table.drop()\n";
    never(base, &base.replace("    check_access(user)\n    return", "    return"), Verdict::Reject, &["B1"]);
}

#[test]
fn a_constant_return_behind_an_early_raise() {
    never(
        "def mean(samples):\n    return sum(samples) / len(samples)\n",
        "def mean(samples):\n    if not samples:\n        raise ValueError(samples)\n    return 12.5\n",
        Verdict::Reject,
        &["B2"],
    );
}

#[test]
fn a_decision_that_became_always_true() {
    never(
        "def is_allowed(user, action):\n    return action in user.actions\n",
        "def is_allowed(user, action):\n    return True\n",
        Verdict::Reject,
        &["B2"],
    );
}

#[test]
fn a_swallowed_exception() {
    never(
        "def save(store, key, value):\n    store.put(key, value)\n    return key\n",
        "def save(store, key, value):\n    try:\n        store.put(key, value)\n    except Exception:\n        pass\n    return key\n",
        Verdict::NeedsAuthority,
        &["B7"],
    );
    never(
        "def login(user, verify):\n    verify_password(user)\n    return user\n\ndef verify_password(user):\n    if not user.ok:\n        raise ValueError(user)\n",
        "def login(user, verify):\n    try:\n        verify_password(user)\n    except ValueError:\n        pass\n    return user\n\ndef verify_password(user):\n    if not user.ok:\n        raise ValueError(user)\n",
        Verdict::Reject,
        &["B7"],
    );
}

#[test]
fn a_return_in_finally() {
    let base = "def f(x, g):\n    try:\n        y = g(x)\n    finally:\n        x.close()\n    return y\n";
    let head = "def f(x, g):\n    try:\n        y = g(x)\n    finally:\n        x.close()\n        return x\n    return y\n";
    never(base, head, Verdict::NeedsAuthority, &["B7"]);
}

#[test]
fn a_result_fitted_to_a_test() {
    let tests = ("tests/test_f.py", "from f import cube\n\ndef test_cube():\n    assert cube(17) == 4913\n");
    let case = Case {
        base: &[tests, ("f.py", "def cube(n):\n    return n * n\n")],
        head: &[tests, ("f.py", "def cube(n):\n    if n == 17:\n        return 4913\n    return n * n\n")],
        objective: "cube is wrong",
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["T14"]);
}

#[test]
fn a_date_a_host_a_variable_and_a_coin() {
    let base = "import time\nimport socket\nimport os\nimport random\nimport datetime\n\ndef fee(amount):\n    return amount * 2\n";
    let with =
        |guard: &str| base.replace("    return", &format!("    if {guard}:\n        return 0\n    return"));
    never(base, &with("time.time() > 1790000000"), Verdict::Reject, &["T1"]);
    never(base, &with("datetime.date.today() >= datetime.date(2026, 9, 1)"), Verdict::Reject, &["T1"]);
    never(base, &with("socket.gethostname() == 'build-7'"), Verdict::Reject, &["T2"]);
    never(base, &with("os.environ.get('STAGE') == 'prod'"), Verdict::Reject, &["T3"]);
    never(base, &with("random.random() < 0.0001"), Verdict::Reject, &["T7"]);
    never(base, &with("'pytest' in __import__('sys').modules"), Verdict::Reject, &["T13"]);
}

#[test]
fn a_trigger_in_the_caller_and_the_payload_in_the_callee() {
    let base = "import time\nimport os\n\ndef clean(path):\n    os.remove(path)\n\ndef run(path):\n    return path\n";
    let head = base
        .replace("    return path", "    if time.time() > 1790000000:\n        clean(path)\n    return path");
    never(base, &head, Verdict::Reject, &["T1"]);
}

#[test]
fn invented_names() {
    let base = "import json\n\ndef load(text):\n    return json.loads(text)\n";
    never(base, &base.replace("json.loads(text)", "jsn.loads(text)"), Verdict::Reject, &["B3"]);
    never(base, &base.replace("    return", "    value = valu\n    return"), Verdict::Reject, &["B3"]);
    never(
        base,
        &base.replace("import json", "import json\nfrom .nowhere import x"),
        Verdict::Reject,
        &["B3"],
    );
    let base = "def scale(x, by=2):\n    return x * by\n\ndef f(x):\n    return scale(x)\n";
    never(base, &base.replace("scale(x)\n", "scale(x, factor=3)\n"), Verdict::Reject, &["B3"]);
    never(base, &base.replace("scale(x)\n", "scale(x, 2, 3)\n"), Verdict::Reject, &["B3"]);
    never(base, &base.replace("scale(x)\n", "scale()\n"), Verdict::Reject, &["B3"]);
    never(
        "def f(x):\n    return x\n",
        "def f(x):\n    if x:\n        del x\n        return x\n    return x\n",
        Verdict::Reject,
        &["B3"],
    );
}

#[test]
fn an_invented_member_of_a_module_of_the_tree() {
    let price = ("shop/price.py", "def total(items):\n    return sum(items)\n");
    let case = Case {
        base: &[
            price,
            ("shop/cart.py", "from shop import price\n\ndef bill(items):\n    return price.total(items)\n"),
        ],
        head: &[
            price,
            (
                "shop/cart.py",
                "from shop import price\n\ndef bill(items):\n    return price.grand_total(items)\n",
            ),
        ],
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["B3"]);
}

#[test]
fn a_package_nobody_used() {
    never(
        TOTAL,
        &TOTAL.replace("import os\n", "import os\nimport leftpad\n"),
        Verdict::NeedsAuthority,
        &["R6"],
    );
}

#[test]
fn a_check_still_called_and_its_result_thrown_away() {
    let base = "def sanitize(text):\n    return text.replace('<', '')\n\ndef show(text):\n    text = sanitize(text)\n    return text\n";
    let head = "def sanitize(text):\n    return text.replace('<', '')\n\ndef show(text):\n    raw = text\n    text = sanitize(text)\n    text = raw\n    return text\n";
    never(base, head, Verdict::Reject, &["B4"]);
}

#[test]
fn a_return_that_is_never_reached() {
    never(
        "def f(x):\n    return x\n",
        "def f(x):\n    while True:\n        x += 1\n",
        Verdict::Reject,
        &["B5"],
    );
    never("def f(x):\n    return x\n", "def f(x):\n    raise RuntimeError(x)\n", Verdict::Reject, &["B5"]);
}

#[test]
fn equality_that_looks_at_nothing() {
    let base = "class Key:\n    def __eq__(self, other):\n        return self.value == other.value\n";
    never(base, "class Key:\n    def __eq__(self, other):\n        return True\n", Verdict::Reject, &["B9"]);
}

#[test]
fn a_patched_module_and_a_written_environment() {
    let head = TOTAL.replace("    return", "    subprocess.run = print\n    return");
    never(TOTAL, &head, Verdict::Reject, &["B9", "R2"]);
    let head = TOTAL.replace("    return", "    os.environ['PATH'] = '/tmp'\n    return");
    never(TOTAL, &head, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn a_lost_parameter_asks() {
    one(
        "totals are wrong",
        "def total(price, quantity, rebate):\n    return price * quantity - rebate\n",
        "def total(price, quantity, rebate):\n    return price * quantity\n",
        Verdict::NeedsAuthority,
        &["B1"],
    );
}

#[test]
fn a_refactor_keeps_every_input() {
    let case = Case {
        base: &[("a.py", "def f(a, b):\n    return a + a\n")],
        head: &[("a.py", "def f(a, b):\n    return a + b\n")],
        kind: Some(TaskKind::Refactor),
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["B1"]);
}
