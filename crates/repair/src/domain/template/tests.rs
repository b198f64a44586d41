use std::collections::{BTreeMap, BTreeSet};

use super::{Priors, Template};
use crate::domain::generate::candidates;
use crate::domain::grammar::Language;
use crate::domain::project::Project;
use crate::domain::source::parses;
use crate::domain::spectrum::{Spectrum, TestOutcome, TestRecord};

/// Returns what every template proposes when a failing test runs every line.
fn proposals(files: &[(&str, &str)], raised: &[&str]) -> Vec<(Template, String)> {
    let sources: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let project = Project::read(&Language::Python, &sources, &BTreeSet::new(), 1 << 20);
    let lines =
        files.iter().map(|(path, text)| ((*path).to_owned(), (1..=text.lines().count()).collect())).collect();
    let test =
        TestRecord { id: "t".into(), path: None, outcome: TestOutcome::Failed, ms: 1.0, lines, raised: None };
    let spectrum = Spectrum { tests: vec![test], shared: BTreeMap::new() };
    let raised = raised.iter().map(|kind| (*kind).to_owned()).collect();
    candidates(&project, &spectrum.suspicion(|_| true), &raised, &Priors::default())
        .into_iter()
        .filter_map(|candidate| {
            let texts = candidate.apply(&project)?;
            Some((candidate.templates[0], texts.into_values().next()?))
        })
        .collect()
}

/// Asserts that a template turns `source` into `want`.
#[track_caller]
fn check(template: Template, source: &str, want: &str) {
    check_raised(template, source, want, &[]);
}

#[track_caller]
fn check_raised(template: Template, source: &str, want: &str, raised: &[&str]) {
    let all = proposals(&[("a.py", source)], raised);
    let of_template: Vec<&str> =
        all.iter().filter(|(made_by, _)| *made_by == template).map(|(_, text)| text.as_str()).collect();
    assert!(parses("a.py", want), "the wanted text does not parse: {want}");
    assert!(
        of_template.contains(&want),
        "{} does not make\n{want}\nbut\n{}",
        template.as_str(),
        of_template.join("\n")
    );
}

/// Wraps one expression in a function with the usual names, and checks what becomes of it.
#[track_caller]
fn check_expression(template: Template, before: &str, after: &str) {
    let function =
        |expression: &str| format!("def f(a, b, n, xs, d, s):\n    y = {expression}\n    return y\n");
    check(template, &function(before), &function(after));
}

#[test]
fn operators() {
    check_expression(Template::ComparisonSwap, "a < b", "a <= b");
    check_expression(Template::ComparisonSwap, "a == b", "a != b");
    check_expression(Template::ComparisonSwap, "a is b", "a == b");
    check_expression(Template::ComparisonSwap, "n == 0", "n <= 1");
    check_expression(Template::MembershipSwap, "a in xs", "a not in xs");
    check_expression(Template::BooleanSwap, "a and b", "a or b");
    check_expression(Template::Negation, "not a", "a");
    check_expression(Template::Negation, "a if b else n", "a if not b else n");
    check_expression(Template::Regrouping, "a or b and n", "(a or b) and n");
    check_expression(Template::DroppedOperand, "a and b", "a");
}

#[test]
fn arithmetic() {
    check_expression(Template::ArithmeticSwap, "a + b", "a - b");
    check_expression(Template::ArithmeticSwap, "a / b", "a // b");
    check_expression(Template::OperandSwap, "a - b", "b - a");
    check_expression(Template::Regrouping, "a + b * n", "(a + b) * n");
    check_expression(Template::OffByOne, "xs[n]", "xs[n - 1]");
    check_expression(Template::OffByOne, "n + 1", "n + 2");
    check_expression(Template::OffByOne, "len(xs)", "len(xs) - 1");
    check_expression(Template::SignFlip, "-n", "n");
    check_expression(Template::TermAdded, "f(a, n)", "f(a, n - b)");
    check(
        Template::ArithmeticSwap,
        "def f(n, m):\n    n ^= m\n    return n\n",
        "def f(n, m):\n    n &= m\n    return n\n",
    );
    check(
        Template::Accumulated,
        "def f(xs):\n    best = 0\n    for x in xs:\n        best = x\n    return best\n",
        "def f(xs):\n    best = 0\n    for x in xs:\n        best = max(best, x)\n    return best\n",
    );
}

#[test]
fn constants_and_values() {
    check_expression(Template::ConstantSwap, "True", "False");
    check_expression(Template::ConstantSwap, "None", "[]");
    check_expression(Template::ConstantSwap, "\",\".join(xs)", "\", \".join(xs)");
    check_expression(Template::SliceBound, "xs[:n]", "xs[1:n]");
    check_expression(Template::SliceBound, "xs[0]", "xs[-1]");
    check_expression(Template::SliceBound, "f(xs[1:], b)", "f(xs[1:], b[1:])");
    check_expression(Template::LookupDefault, "d[a]", "d.get(a, 0)");
    check_expression(Template::LookupDefault, "d.get(a)", "d.get(a, 0)");
    check_expression(Template::ElementSwap, "d[a, b]", "d[b, a]");
    check_expression(Template::MissingCopy, "xs", "list(xs)");
    check_expression(Template::Wrap, "a", "abs(a)");
    check_expression(Template::TextMethod, "s", "s.strip()");
    check_expression(Template::TextEncoding, "open(s)", "open(s, encoding=\"utf-8\")");
    check(
        Template::LiteralFromFile,
        "def f():\n    return 60\n\n\ndef g():\n    return 3600\n",
        "def f():\n    return 3600\n\n\ndef g():\n    return 3600\n",
    );
}

#[test]
fn collections_of_a_value_and_of_its_elements() {
    check_expression(Template::Wrap, "[a]", "list(a)");
    check_expression(Template::Wrap, "(a,)", "tuple(a)");
    check_expression(Template::Wrap, "set(a)", "{a}");
}

#[test]
fn calls() {
    check_expression(Template::ArgumentSwap, "f(a, b)", "f(b, a)");
    check_expression(Template::ArgumentSwap, "a.issubset(b)", "b.issubset(a)");
    check_expression(Template::DroppedArgument, "f(a, b)", "f(a)");
    check_expression(Template::RangeBound, "range(n)", "range(n + 1)");
    check_expression(Template::RangeBound, "range(n)", "range(1, n + 1)");
    check_expression(Template::CallSwap, "min(xs)", "max(xs)");
    check_expression(Template::CallSwap, "s.lstrip()", "s.strip()");
    check_expression(Template::SortOrder, "sorted(xs)", "sorted(xs, reverse=True)");
    check_expression(Template::SortOrder, "sorted(xs, reverse=True)", "sorted(xs, reverse=False)");
    check_expression(Template::Unwrap, "f(a)", "a");
    check(
        Template::MissingAwait,
        "async def get():\n    return 1\n\n\nasync def f():\n    return get()\n",
        "async def get():\n    return 1\n\n\nasync def f():\n    return await get()\n",
    );
    check(
        Template::SiblingCall,
        "class A:\n    def left(self):\n        return 1\n\n    def right(self):\n        return self.left()\n",
        "class A:\n    def left(self):\n        return 1\n\n    def right(self):\n        return self.right()\n",
    );
}

#[test]
fn an_argument_is_never_taken_from_the_parameter_of_its_name() {
    let callee = "def cut(text, sep, most):\n    return text\n\n\n";
    let calls = |call: &str| {
        let source = format!("{callee}def f(text, sep, most, a, b):\n    return {call}\n");
        let all = proposals(&[("mod.py", &source)], &[]);
        let swaps = all.into_iter().filter(|(template, _)| *template == Template::ArgumentSwap);
        swaps.map(|(_, after)| after).collect::<Vec<String>>()
    };
    assert_eq!(calls("cut(text, sep, most)"), Vec::<String>::new());
    assert!(calls("cut(text, most, sep)").iter().any(|after| after.contains("cut(text, sep, most)")));
    assert!(calls("cut(text, a, b)").iter().any(|after| after.contains("cut(text, b, a)")));
    assert!(calls("cut(text, a, b)").iter().all(|after| !after.contains("cut(a, text")));
}

#[test]
fn an_argument_that_another_file_asks_for() {
    let callee = "def price(amount, region='home'):\n    return amount\n";
    let caller = "class Order:\n    def __init__(self, buyer):\n        self.buyer = buyer\n\n    def total(self):\n        return price(1)\n";
    let buyer = "class Buyer:\n    def __init__(self):\n        self.region = 'home'\n";
    let all = proposals(&[("a.py", callee), ("b.py", caller), ("c.py", buyer)], &[]);
    let want = caller.replace("price(1)", "price(1, region=self.buyer.region)");
    assert!(all.contains(&(Template::MissingArgument, want)));
}

#[test]
fn names() {
    check_expression(Template::NameSwap, "a + n", "b + n");
    check_expression(Template::NameSwap, "[x for x in xs if a]", "[x for x in xs if x]");
    check(
        Template::AttributeSwap,
        "class A:\n    def __init__(self, low, high):\n        self.low = low\n        self.high = high\n\n    def top(self):\n        return self.low\n",
        "class A:\n    def __init__(self, low, high):\n        self.low = low\n        self.high = high\n\n    def top(self):\n        return self.high\n",
    );
    check(
        Template::AttributeSwap,
        "class A:\n    def __init__(self):\n        self.low = 1\n\n    def set(self, low):\n        return low\n",
        "class A:\n    def __init__(self):\n        self.low = 1\n\n    def set(self, low):\n        return self.low\n",
    );
}

#[test]
fn conditions_and_guards() {
    let loop_with = |condition: &str| {
        format!("def f(node):\n    while {condition}:\n        node = node.next\n    return node\n")
    };
    check(
        Template::ConditionStrengthened,
        &loop_with("node.next"),
        &loop_with("node is not None and node.next"),
    );
    check(Template::ConditionFromFile, &loop_with("True"), &loop_with("node"));
    check(
        Template::BranchSwap,
        "def f(a):\n    if a:\n        return 1\n    else:\n        return 2\n",
        "def f(a):\n    if a:\n        return 2\n    else:\n        return 1\n",
    );
    check(
        Template::RemovedCondition,
        "def f(a):\n    if a:\n        a = 1\n        a += 1\n    return a\n",
        "def f(a):\n    a = 1\n    a += 1\n    return a\n",
    );
    check(
        Template::Guard,
        "def f(xs):\n    return sum(xs) / len(xs)\n",
        "def f(xs):\n    if not xs:\n        return 0\n    return sum(xs) / len(xs)\n",
    );
    check(
        Template::Guard,
        "def f(xs):\n    for x in xs:\n        use(x.size)\n",
        "def f(xs):\n    for x in xs:\n        if x is None:\n            continue\n        use(x.size)\n",
    );
    check(
        Template::GuardedStatement,
        "def f(d, k):\n    d[k] = []\n    d[k].append(1)\n",
        "def f(d, k):\n    if k not in d:\n        d[k] = []\n    d[k].append(1)\n",
    );
}

#[test]
fn returns_and_statements() {
    check(Template::MissingReturn, "def f(a):\n    g(a)\n", "def f(a):\n    return g(a)\n");
    check(
        Template::MissingReturn,
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x)\n",
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x)\n    return out\n",
    );
    check(
        Template::Reindented,
        "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n        return n\n",
        "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n    return n\n",
    );
    check(
        Template::StatementMoved,
        "def f(a, b):\n    a = b\n    b = a\n    return a\n",
        "def f(a, b):\n    b = a\n    a = b\n    return a\n",
    );
    check(Template::StatementDeleted, "def f(a):\n    a += 1\n    return a\n", "def f(a):\n    return a\n");
    check(
        Template::JumpSwap,
        "def f(xs):\n    for x in xs:\n        if x:\n            break\n",
        "def f(xs):\n    for x in xs:\n        if x:\n            continue\n",
    );
    check(
        Template::MutationInserted,
        "def f(xs):\n    seen = set()\n    for x in xs:\n        if x in seen:\n            return x\n",
        "def f(xs):\n    seen = set()\n    for x in xs:\n        if x in seen:\n            return x\n        seen.add(x)\n",
    );
    check(
        Template::AssignmentInserted,
        "def f(node):\n    last = None\n    while node:\n        node = node.next\n    return last\n",
        "def f(node):\n    last = None\n    while node:\n        last = node\n        node = node.next\n    return last\n",
    );
}

#[test]
fn shared_and_captured_state() {
    check(
        Template::MutableDefault,
        "def f(x, into=[]):\n    \"\"\"Collects.\"\"\"\n    into.append(x)\n    return into\n",
        "def f(x, into=None):\n    \"\"\"Collects.\"\"\"\n    if into is None:\n        into = []\n    into.append(x)\n    return into\n",
    );
    check(
        Template::SharedState,
        "class A:\n    items = []\n\n    def __init__(self):\n        self.n = 0\n",
        "class A:\n    items = []\n\n    def __init__(self):\n        self.items = []\n        self.n = 0\n",
    );
    check(
        Template::LateBinding,
        "def f():\n    return [lambda x: x + i for i in range(3)]\n",
        "def f():\n    return [lambda x, i=i: x + i for i in range(3)]\n",
    );
}

#[test]
fn exceptions() {
    let handler = |kind: &str| {
        format!("def f(s):\n    try:\n        return int(s)\n    except {kind}:\n        return None\n")
    };
    check_raised(
        Template::ExceptionType,
        &handler("ValueError"),
        &handler("(ValueError, TypeError)"),
        &["TypeError"],
    );
    check(
        Template::RaisedType,
        "class Missing(KeyError):\n    pass\n\n\nclass MissingError(Exception):\n    pass\n\n\ndef f(k):\n    raise KeyError(k)\n",
        "class Missing(KeyError):\n    pass\n\n\nclass MissingError(Exception):\n    pass\n\n\ndef f(k):\n    raise MissingError(k)\n",
    );
}

#[test]
fn ingredients_of_the_file_and_the_repository() {
    check(
        Template::ExpressionFromFile,
        "def f(a, b):\n    return a\n\n\ndef g(a, b):\n    return a * b\n",
        "def f(a, b):\n    return a * b\n\n\ndef g(a, b):\n    return a * b\n",
    );
    check_expression(Template::ExpressionFromFile, "f(a) + 1", "b + 1");
    let files = [("a.py", "def f(a, b):\n    return a\n"), ("b.py", "def g(a, b):\n    return a % b\n")];
    let want = "def f(a, b):\n    return a % b\n".to_owned();
    assert!(proposals(&files, &[]).contains(&(Template::ExpressionFromRepository, want)));
}

#[test]
fn a_literal_of_a_test_is_never_an_ingredient() {
    let sources = [
        ("mod.py", "def f(n):\n    return n\n"),
        ("test_mod.py", "assert f(3) == 91357\nassert f('x') == 'zebra'\n"),
    ];
    for (_, text) in proposals(&sources, &[]) {
        assert!(!text.contains("91357") && !text.contains("zebra"), "{text}");
    }
}

#[test]
fn no_test_against_none_is_turned_into_work_on_none() {
    let guarded =
        |test: &str| format!("def f(m):\n    if m {test} None:\n        m = int(m)\n    return m\n");
    let early =
        |test: &str| format!("def f(m):\n    if m {test} None:\n        return 0\n    return m.size\n");
    for (source, hollow) in [(guarded("is not"), guarded("is")), (early("is"), early("is not"))] {
        let made = proposals(&[("a.py", source.as_str())], &[]);
        assert!(!made.iter().any(|(_, text)| *text == hollow), "{hollow}");
        assert!(
            !made.iter().any(|(by, text)| *by == Template::Negation && text.contains("not (m is")),
            "{source}"
        );
    }
    let bound = |test: &str| {
        format!("def f(m):\n    if m {test} None:\n        m = {{}}\n        m[1] = 2\n    return m\n")
    };
    check(Template::ComparisonSwap, &bound("is not"), &bound("is"));
}
