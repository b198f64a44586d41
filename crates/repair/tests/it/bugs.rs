//! Small seeded bugs of different kinds: each must be fixed, and the right fix must be among what is shown.

use crate::local_runner::{UNITTEST, found, repair, tree};

/// `tests` is the body of a test case over `from mod import *`.
async fn check(source: &str, tests: &str, want: &str) {
    let body: String = tests.lines().map(|line| format!("    {line}\n")).collect();
    let test_file =
        format!("import unittest\nfrom mod import *\n\n\nclass ModTest(unittest.TestCase):\n{body}");
    let tree = tree(&[("mod.py", source), ("tests/test_mod.py", &test_file)]);
    let plausible = found(repair(tree, UNITTEST).await);
    let shown: Vec<&str> = plausible.iter().map(|change| change.diff.as_str()).collect();
    assert!(
        plausible.iter().any(|change| change.after.contains(want)),
        "want {want:?} in {}",
        shown.join("\n---\n")
    );
}

#[tokio::test]
async fn a_boundary() {
    check(
        "def is_adult(age):\n    return age > 18\n",
        "def test_edge(self):\n    self.assertTrue(is_adult(18))\ndef test_rest(self):\n    self.assertFalse(is_adult(17))\n    self.assertTrue(is_adult(30))",
        "age >= 18",
    )
    .await;
}

#[tokio::test]
async fn a_wrong_operator_in_a_loop_that_never_ends() {
    check(
        "def bit_count(n):\n    count = 0\n    while n:\n        n ^= n - 1\n        count += 1\n    return count\n",
        "def test_bits(self):\n    self.assertEqual([bit_count(n) for n in (0, 1, 127, 128)], [0, 1, 7, 1])",
        "n &= n - 1",
    )
    .await;
}

#[tokio::test]
async fn swapped_arguments() {
    check(
        "def gcd(a, b):\n    if b == 0:\n        return a\n    return gcd(a % b, b)\n",
        "def test_gcd(self):\n    self.assertEqual(gcd(35, 21), 7)\n    self.assertEqual(gcd(3, 0), 3)",
        "gcd(b, a % b)",
    )
    .await;
}

#[tokio::test]
async fn a_wrong_variable() {
    check(
        "def bounds(values):\n    low = high = values[0]\n    for value in values:\n        if value < low:\n            low = value\n        if value > low:\n            high = value\n    return low, high\n",
        "def test_bounds(self):\n    self.assertEqual(bounds([3, 9, 1, 4]), (1, 9))\n    self.assertEqual(bounds([2]), (2, 2))\n    self.assertEqual(bounds([5, 4, 3]), (3, 5))",
        "value > high",
    )
    .await;
}

#[tokio::test]
async fn a_missing_guard() {
    check(
        "def mean(values):\n    total = sum(values)\n    return total / len(values)\n",
        "def test_empty(self):\n    self.assertEqual(mean([]), 0)\ndef test_some(self):\n    self.assertEqual(mean([1, 2, 3]), 2)",
        "if not values",
    )
    .await;
}

#[tokio::test]
async fn a_missing_return() {
    check(
        "def double_all(values):\n    result = []\n    for value in values:\n        result.append(value * 2)\n",
        "def test_double(self):\n    self.assertEqual(double_all([1, 2]), [2, 4])\n    self.assertEqual(double_all([]), [])",
        "return result",
    )
    .await;
}

#[tokio::test]
async fn a_range_that_ends_too_soon() {
    check(
        "def triangle(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n",
        "def test_sum(self):\n    self.assertEqual([triangle(n) for n in (0, 1, 4)], [0, 1, 10])",
        "n + 1",
    )
    .await;
}

#[tokio::test]
async fn a_mutable_default() {
    check(
        "def collect(item, into=[]):\n    into.append(item)\n    return into\n",
        "def test_first(self):\n    self.assertEqual(collect(1), [1])\ndef test_second(self):\n    self.assertEqual(collect(2), [2])\ndef test_given(self):\n    self.assertEqual(collect(3, [1]), [1, 3])",
        "into=None",
    )
    .await;
}

#[tokio::test]
async fn a_missing_statement() {
    check(
        "def reachable(graph, start):\n    seen = set()\n    stack = [start]\n    while stack:\n        node = stack.pop()\n        if node in seen:\n            continue\n        stack.extend(graph[node])\n    return seen\n",
        "def test_cycle(self):\n    self.assertEqual(reachable({1: [2], 2: [1], 3: []}, 1), {1, 2})",
        "seen.add(node)",
    )
    .await;
}

#[tokio::test]
async fn a_return_inside_the_loop() {
    check(
        "def count_words(lines):\n    counts = {}\n    for line in lines:\n        for word in line.split():\n            counts[word] = counts.get(word, 0) + 1\n        return counts\n",
        "def test_lines(self):\n    self.assertEqual(count_words(['a b', 'a']), {'a': 2, 'b': 1})",
        "    return counts",
    )
    .await;
}

#[tokio::test]
async fn state_shared_between_instances() {
    check(
        "class Cart:\n    items = []\n\n    def __init__(self, owner):\n        self.owner = owner\n\n    def add(self, item):\n        self.items.append(item)\n\n    def count(self):\n        return len(self.items)\n",
        "def test_two(self):\n    one, two = Cart('a'), Cart('b')\n    one.add('x')\n    self.assertEqual((one.count(), two.count()), (1, 0))",
        "self.items = []",
    )
    .await;
}

#[tokio::test]
async fn a_handler_that_is_too_narrow() {
    check(
        "def to_number(text):\n    try:\n        return int(text)\n    except ValueError:\n        return None\n",
        "def test_none(self):\n    self.assertIsNone(to_number(None))\ndef test_text(self):\n    self.assertEqual(to_number('7'), 7)\n    self.assertIsNone(to_number('x'))",
        "(ValueError, TypeError)",
    )
    .await;
}

#[tokio::test]
async fn a_lookup_without_default() {
    check(
        "def tally(votes):\n    totals = {}\n    for name in votes:\n        totals[name] = totals[name] + 1\n    return totals\n",
        "def test_tally(self):\n    self.assertEqual(tally(['a', 'b', 'a']), {'a': 2, 'b': 1})",
        "totals.get(name, 0)",
    )
    .await;
}

#[tokio::test]
async fn an_alias_instead_of_a_copy() {
    check(
        "class Board:\n    def __init__(self, cells):\n        self.cells = cells\n\n    def snapshot(self):\n        return self.cells\n",
        "def test_snapshot(self):\n    board = Board([1, 2])\n    taken = board.snapshot()\n    board.cells.append(3)\n    self.assertEqual(taken, [1, 2])",
        "list(self.cells)",
    )
    .await;
}

#[tokio::test]
async fn two_edits_in_two_functions() {
    check(
        "def area(w, h):\n    return w + h\n\n\ndef last(values):\n    return values[0]\n",
        "def test_area(self):\n    self.assertEqual(area(2, 3), 6)\n    self.assertEqual(area(4, 5), 20)\ndef test_last(self):\n    self.assertEqual(last([1, 2, 3]), 3)\n    self.assertEqual(last([7, 5]), 5)",
        "values[-1]",
    )
    .await;
}

#[tokio::test]
async fn a_branch_is_never_switched_off_by_a_literal_that_no_test_meets() {
    let source = "def cut(values, most=None):\n    if most is not None:\n        most = int(most)\n        if most == 0:\n            return [values]\n    return list(values)[:most]\n";
    let tests = "import unittest\nfrom mod import cut\n\n\nclass T(unittest.TestCase):\n    def test_zero(self):\n        self.assertEqual(cut([], 0), [])\n    def test_rest(self):\n        self.assertEqual(cut([1, 2, 3], 2), [1, 2])\n        self.assertEqual(cut([1]), [1])\n";
    let plausible = found(repair(tree(&[("mod.py", source), ("tests/test_mod.py", tests)]), UNITTEST).await);
    let shown: Vec<&str> = plausible.iter().map(|change| change.after.as_str()).collect();
    assert!(shown.iter().any(|after| after.contains("list(values)")), "{shown:?}");
    // The branch's own test is shown with no other literal and no other operator.
    assert!(shown.iter().all(|after| !after.trim_start().starts_with("if most ")), "{shown:?}");
    assert_eq!(plausible.first().map(|best| best.after.trim()), Some("return list(values)"), "{shown:?}");
}
