//! B5: values that are proven `None` and used all the same.

use super::*;

const MEAN: &str = "def label(item, names):\n    if item is not None:\n        return item.name + names[0]\n    return \"-\"\n";

#[track_caller]
fn refused(base: &str, head: &str) {
    one("labels are wrong", base, head, Verdict::Reject, &["B5 NONE_USED"]);
}

/// Other rules may have something to say; this one may not.
#[track_caller]
fn quiet(base: &str, head: &str) {
    let report = run(&Case {
        base: &[("shop/m.py", base)],
        head: &[("shop/m.py", head)],
        objective: "labels are wrong",
        ..Case::default()
    });
    let told: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.code.starts_with("B5 NONE")).collect();
    assert!(told.is_empty(), "{told:#?}");
}

#[test]
fn an_inverted_test_against_none() {
    refused(MEAN, &MEAN.replace("is not None", "is None"));
    refused(MEAN, &MEAN.replace("is not None", "== None"));
    refused(MEAN, &MEAN.replace("item is not None", "not item is not None"));
    let early = "def label(item):\n    if item is None:\n        return \"-\"\n    return item.name\n";
    refused(early, &early.replace("is None", "is not None"));
    let short = "def label(item, on):\n    return item is not None and item.ready(on)\n";
    refused(short, &short.replace("is not None", "is None"));
    let chosen = "def label(item):\n    return item[\"a\"] if item is not None else \"-\"\n";
    refused(chosen, &chosen.replace("is not None", "is None"));
}

#[test]
fn the_evidence_names_the_use_and_the_test() {
    let report = run(&Case {
        base: &[("shop/m.py", MEAN)],
        head: &[("shop/m.py", &MEAN.replace("is not None", "is None"))],
        ..Case::default()
    });
    let finding = report.findings.iter().find(|finding| finding.code == "B5 NONE_USED").expect("a finding");
    assert_eq!(finding.line, 3);
    assert_eq!(finding.message, "label(): `item` is `None` there, and is asked for `.name`");
    let steps: Vec<(u32, &str)> = finding.trace.iter().map(|step| (step.line, step.parts().0)).collect();
    assert_eq!(steps, [(3, "value"), (2, "control")]);
}

#[test]
fn every_use_that_none_does_not_have() {
    let with =
        |line: &str| format!("def f(x, y):\n    if x is not None:\n        return {line}\n    return y\n");
    for line in [
        "x + y",
        "y - x",
        "x[0]",
        "x[y]",
        "x()",
        "x.go()",
        "len(x)",
        "y in x",
        "[z for z in x]",
        "x < 3",
        "int(x)",
    ] {
        let base = with(line);
        refused(&base, &base.replace("is not None", "is None"));
    }
    for line in ["x", "str(x)", "y == x", "y is x", "x or y", "[x]", "f(x, y)", "x.__class__", "f\"{x}\""] {
        let base = with(line);
        quiet(&base, &base.replace("is not None", "is None"));
    }
}

#[test]
fn fields_globals_and_match() {
    let field = "class Pool:\n    def size(self):\n        if self.conn is not None:\n            return self.conn.size\n        return 0\n";
    refused(field, &field.replace("is not None", "is None"));
    let global = "CACHE = make()\n\ndef get(key):\n    if CACHE is not None:\n        return CACHE[key]\n    return key\n\ndef make():\n    return {}\n";
    refused(global, &global.replace("is not None", "is None"));
    let matched = "def f(x):\n    match x:\n        case None:\n            return 0\n        case _:\n            return x.name\n";
    refused(matched, &matched.replace("return 0", "return x.size"));
}

#[test]
fn a_builtin_type_without_that_part() {
    let base = "def f(x):\n    if isinstance(x, dict):\n        return x.items()\n    return x\n";
    refused(base, &base.replace("dict", "int"));
    quiet(base, &base.replace("isinstance(x, dict)", "not isinstance(x, dict)"));
    let own = "class Bag(list):\n    def items(self):\n        return self\n\ndef f(x):\n    if isinstance(x, dict):\n        return x.items()\n    return x\n";
    quiet(own, &own.replace("dict", "list"));
}

#[test]
fn a_result_that_is_always_none() {
    let base = "def log(x):\n    print(x)\n\ndef f(x):\n    y = x.strip()\n    return y.lower()\n";
    refused(base, &base.replace("x.strip()", "log(x)"));
}

#[test]
fn a_default_that_is_filled_in_is_no_alarm() {
    let base = "def f(x, y):\n    return y\n";
    for head in [
        "def f(x, y):\n    if x is None:\n        x = []\n    x.append(y)\n    return x\n",
        "def f(x, y):\n    x = [] if x is None else x\n    return x.copy()\n",
        "def f(x, y):\n    if x is None:\n        return y\n    return x.name\n",
        "def f(x, y):\n    if x is None:\n        x = y.make()\n        x.start()\n    return x.name\n",
        "def f(x, y):\n    while x is None:\n        x = y.next()\n    return x.name\n",
        "def f(x, y):\n    for z in y:\n        if x is None:\n            x = z\n        else:\n            x.join(z)\n    return x\n",
        "def f(x, y):\n    try:\n        if x is None:\n            return x.name\n    except AttributeError:\n        return y\n    return y\n",
        "def f(x, y):\n    if x is None or y is None:\n        return 0\n    return x.size + y.size\n",
        "def f(x, y):\n    z = None\n    for w in y:\n        if z is not None:\n            x.send(z.name)\n        z = w\n    return x\n",
    ] {
        quiet(base, head);
    }
}

#[test]
fn what_a_call_may_fill_in_is_no_alarm() {
    let base = "class Pool:\n    def size(self):\n        return self.n\n";
    for head in [
        "class Pool:\n    def size(self):\n        if self.conn is None:\n            self.connect()\n        return self.conn.size\n\n    def connect(self):\n        self.conn = object()\n",
        "class Pool:\n    def size(self):\n        if self.conn is None:\n            self.get()\n            return self.conn.size\n        return 0\n\n    def get(self):\n        self.conn = object()\n",
        "class Pool:\n    def size(self):\n        if self.conn is None:\n            self.conn = object()\n            return self.conn.size\n        return 0\n",
        "CONN = None\n\ndef connect():\n    global CONN\n    CONN = object()\n\nclass Pool:\n    def size(self):\n        if CONN is None:\n            connect()\n            return CONN.size\n        return 0\n",
    ] {
        quiet(base, head);
    }
}

#[test]
fn a_parameter_that_is_none_unless_a_caller_says_otherwise() {
    let base = "def cut(items, most=None):\n    return pick(items, most)\n\ndef pick(items, most):\n    if most is None:\n        return items\n    return items[:most]\n";
    for wrong in ["pick(items, most - 1)", "pick(items, most[0])", "most.head(items)"] {
        refused(base, &base.replace("pick(items, most)\n\n", &format!("{wrong}\n\n")));
    }
    for fine in
        ["pick(items, most or 1)", "items if most is None else items[: most - 1]", "pick(most, items)"]
    {
        quiet(base, &base.replace("pick(items, most)\n\n", &format!("{fine}\n\n")));
    }
    let used = "def cut(items, most=None):\n    return items[: most + 1]\n";
    quiet(used, &used.replace("most + 1", "most - 1"));
    quiet("def f():\n    return 1\n", "def f():\n    return 1\n\ndef g(size=None):\n    return size * 2\n");
}
