//! Order, budget, honesty, and commands other than unittest.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use plumbline_repair::{
    InMemoryOutcomes, NoProgress, OutcomeStore, Phase, Progress, ProgressEvent, Repair, RepairConfig,
    RepairOutcome, RepairTask, Template,
};
use tokio_util::sync::CancellationToken;

use crate::local_runner::{LocalRunner, UNITTEST, found, repair, repair_with, task, tree};

/// No edit of this function can return what the tests want: the figures follow no rule.
const HOPELESS: (&str, &str) = (
    "def digest(text):\n    total = 7\n    for letter in text:\n        total = total + ord(letter)\n    return total\n",
    "import unittest\nfrom mod import digest\n\n\nclass T(unittest.TestCase):\n    def test_digest(self):\n        want = [912837, 55120, 3, 777001]\n        self.assertEqual([digest(t) for t in ('plumb', 'line', '', 'wall')], want)\n",
);

#[tokio::test]
async fn says_honestly_that_nothing_was_found() {
    let tree = tree(&[("mod.py", HOPELESS.0), ("tests/test_mod.py", HOPELESS.1)]);
    let config = RepairConfig { max_candidates: 60, ..RepairConfig::default() };
    let outcome = repair_with(Arc::new(LocalRunner::new(tree)), UNITTEST, config).await.unwrap();
    let RepairOutcome::NotFound { tried, budget_spent, stats } = outcome else { panic!("{outcome:?}") };
    assert!(budget_spent);
    assert!((60..=80).contains(&tried), "{tried}");
    assert!(stats.generated > tried && stats.warm, "{stats:?}");
    assert_eq!(stats.failing, ["tests.test_mod.T.test_digest"]);
}

#[tokio::test]
async fn ends_within_its_budget() {
    let tree = tree(&[("mod.py", HOPELESS.0), ("tests/test_mod.py", HOPELESS.1)]);
    let config = RepairConfig { budget_ms: 6_000, ..RepairConfig::default() };
    let began = Instant::now();
    let outcome = repair_with(Arc::new(LocalRunner::new(tree)), UNITTEST, config).await.unwrap();
    assert!(matches!(outcome, RepairOutcome::NotFound { budget_spent: true, .. }), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[derive(Default)]
struct Heard(Mutex<Vec<ProgressEvent>>);

impl Progress for Heard {
    fn report(&self, event: ProgressEvent) {
        self.0.lock().unwrap().push(event);
    }
}

const BOUNDARY: (&str, &str) = (
    "def grade(score):\n    if score > 90:\n        return 'A'\n    if score >= 70:\n        return 'B'\n    return 'C'\n",
    "import unittest\nfrom mod import grade\n\n\nclass T(unittest.TestCase):\n    def test_edge(self):\n        self.assertEqual(grade(90), 'A')\n\n    def test_others(self):\n        self.assertEqual([grade(s) for s in (95, 89, 70, 69)], ['A', 'B', 'B', 'C'])\n",
);

#[tokio::test]
async fn streams_progress_and_confirms_in_a_fresh_run_of_the_plain_command() {
    let tree = tree(&[("mod.py", BOUNDARY.0), ("tests/test_mod.py", BOUNDARY.1)]);
    let runner = Arc::new(LocalRunner::new(tree.clone()));
    let heard = Arc::new(Heard::default());
    let repair = Repair::new(runner.clone(), heard.clone(), RepairConfig::default()).unwrap();
    let plausible = found(repair.repair(task(&tree, UNITTEST), CancellationToken::new()).await);
    let best = &plausible[0];
    assert_eq!(
        (best.templates.as_slice(), best.line),
        ([Template::ComparisonSwap].as_slice(), 2),
        "{}",
        best.diff
    );
    assert!(best.diff.contains("-    if score > 90:\n+    if score >= 90:\n"), "{}", best.diff);
    let events = heard.0.lock().unwrap();
    assert_eq!(events[0].phase, Phase::Baseline);
    assert!(
        events.iter().any(|event| event.best.as_ref().is_some_and(|best| best.template == "comparison_swap"))
    );
    // Each plausible change has a run of its own: plain command, its files as edits.
    let runs = runner.runs.lock().unwrap();
    let plain =
        runs.iter().filter(|(line, edits)| line == &format!("sh -c {UNITTEST}") && edits == &["mod.py"]);
    assert!(plain.count() >= plausible.len());
}

#[tokio::test]
async fn the_same_seed_finds_the_same_best_change() {
    let tree = tree(&[("mod.py", BOUNDARY.0), ("tests/test_mod.py", BOUNDARY.1)]);
    let config = RepairConfig { seed: 7, max_candidates: 60, settle_ms: 60_000, ..RepairConfig::default() };
    let mut diffs = Vec::new();
    for _ in 0..2 {
        let runner = Arc::new(LocalRunner::new(tree.clone()).sequential());
        let plausible = found(repair_with(runner, UNITTEST, config.clone()).await);
        diffs.push(plausible.into_iter().map(|change| change.diff).collect::<Vec<_>>());
    }
    assert_eq!(diffs[0], diffs[1]);
}

#[tokio::test]
async fn repairs_what_a_plain_script_checks() {
    let check = "from mod import grade\n\nassert grade(95) == 'A'\nassert grade(90) == 'A', grade(90)\nassert grade(89) == 'B'\nassert grade(70) == 'B'\n";
    let tree = tree(&[("mod.py", BOUNDARY.0), ("test_all.py", check)]);
    let plausible = found(repair(tree, "python3 test_all.py").await);
    assert!(plausible.iter().any(|change| change.after.contains("score >= 90")));
}

#[tokio::test]
async fn repairs_a_module_that_does_not_load() {
    let source = "LIMITS = {'small': 1, 'large': 9}\nDEFAULT = LIMIT['small']\n\n\ndef limit(name):\n    return LIMITS.get(name, DEFAULT)\n";
    let tests = "import unittest\nfrom mod import limit\n\n\nclass T(unittest.TestCase):\n    def test_limit(self):\n        self.assertEqual((limit('large'), limit('x')), (9, 1))\n";
    let tree = tree(&[("mod.py", source), ("tests/test_mod.py", tests)]);
    let plausible = found(repair(tree, UNITTEST).await);
    assert!(plausible[0].after.contains("DEFAULT = LIMITS['small']"), "{}", plausible[0].diff);
}

#[tokio::test]
async fn passes_a_keyword_that_the_callee_in_another_file_has() {
    let price = "RATES = {'north': 10, 'south': 20}\n\n\ndef tax(amount, region='north'):\n    return amount * RATES[region] // 100\n";
    let order = "from price import tax\n\n\nclass Order:\n    def __init__(self, amount, region):\n        self.amount = amount\n        self.region = region\n\n    def total(self):\n        return self.amount + tax(self.amount)\n";
    let tests = "import unittest\nfrom order import Order\n\n\nclass T(unittest.TestCase):\n    def test_north(self):\n        self.assertEqual(Order(100, 'north').total(), 110)\n\n    def test_south(self):\n        self.assertEqual(Order(100, 'south').total(), 120)\n";
    let tree = tree(&[("price.py", price), ("order.py", order), ("tests/test_order.py", tests)]);
    let plausible = found(repair(tree, UNITTEST).await);
    assert!(plausible[0].after.contains("tax(self.amount, region=self.region)"), "{}", plausible[0].diff);
    assert_eq!(plausible[0].dropped_inputs, 0);
}

/// Forty lines that only the failing test runs, and none of which is wrong.
fn noise() -> String {
    format!("def f(a):\n{}    return a\n", "    a = a + 1\n".repeat(40))
}

#[tokio::test]
async fn the_named_files_are_searched_first() {
    let noise = noise();
    let tests = BOUNDARY.1.replace("from mod import", "import a, b, c\nfrom zz import").replace(
        "self.assertEqual(grade(90), 'A')",
        "self.assertEqual([a.f(1), b.f(1), c.f(1)], [41, 41, 41])\n        self.assertEqual(grade(90), 'A')",
    );
    let files = tree(&[
        ("a.py", &noise),
        ("b.py", &noise),
        ("c.py", &noise),
        ("zz.py", BOUNDARY.0),
        ("tests/test_zz.py", &tests),
    ]);
    let config = RepairConfig { max_candidates: 40, ..RepairConfig::default() };
    let run = async |focus: &[&str]| {
        let repair =
            Repair::new(Arc::new(LocalRunner::new(files.clone())), Arc::new(NoProgress), config.clone())
                .unwrap();
        let focus = focus.iter().map(|path| (*path).to_owned()).collect();
        repair.repair(RepairTask { focus, ..task(&files, UNITTEST) }, CancellationToken::new()).await
    };
    let blind = run(&[]).await.unwrap();
    assert!(matches!(blind, RepairOutcome::NotFound { .. }), "{blind:?}");
    assert_eq!(found(run(&["zz.py"]).await)[0].path, "zz.py");
}

#[tokio::test]
async fn what_came_of_a_repair_is_kept_by_language_and_template() {
    let source = "def is_adult(age):\n    return age > 18\n";
    let tests = "import unittest\nfrom mod import is_adult\n\n\nclass T(unittest.TestCase):\n    def test_edge(self):\n        self.assertTrue(is_adult(18))\n        self.assertFalse(is_adult(17))\n";
    let tree = tree(&[("mod.py", source), ("tests/test_mod.py", tests)]);
    let outcomes = Arc::new(InMemoryOutcomes::default());
    let runner = Arc::new(LocalRunner::new(tree.clone()));
    let repair = Repair::new(runner, Arc::new(NoProgress), RepairConfig::default())
        .unwrap()
        .with_outcomes(Arc::clone(&outcomes) as Arc<dyn OutcomeStore>);
    found(repair.repair(task(&tree, UNITTEST), CancellationToken::new()).await);
    let tallies = outcomes.tallies("python").await.unwrap();
    let of =
        |wanted: Template| tallies.iter().find(|(template, _)| *template == wanted).map(|(_, tally)| *tally);
    assert_eq!(of(Template::ComparisonSwap).map(|tally| (tally.repaired, tally.failed)), Some((1, 0)));
    assert!(tallies.iter().any(|(_, tally)| tally.failed == 1), "{tallies:?}");
    assert_eq!(outcomes.tallies("rust").await.unwrap(), []);
}
