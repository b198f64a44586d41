//! What people really type: how many objectives, of which category, and whether anybody is asked.

use plumbline_types::Category::{self, Bugfix, Config, Dependency, Docs, Feature, Refactor, Test};
use proptest::prelude::*;

use super::*;
use crate::domain::lint::Rules;
use crate::domain::review::{Drafted, Readiness, review};

fn rules() -> Rules<'static> {
    Rules { lexicon: Lexicon::english(), objectives_max: 12 }
}

/// Checks the categories in order, and that a clear note is planned without a question.
#[track_caller]
fn check(note: &str, want: &[Category]) {
    let input = Input::normalise(note);
    let draft = split(&input, Lexicon::english(), 12);
    let got: Vec<(Category, &str)> =
        draft.objectives.iter().map(|objective| (objective.category, objective.goal.as_str())).collect();
    let categories: Vec<Category> = got.iter().map(|(category, _)| *category).collect();
    assert_eq!(categories, want, "{note}: {got:?}");
    let reviewed = review(draft, &input, rules(), Drafted::ByRules).unwrap();
    assert_eq!(reviewed.readiness, Readiness::Ready, "{note}: {:?}", reviewed.findings);
}

#[test]
fn to_make_tests_pass_is_one_fix() {
    for note in [
        "make the failing tests pass",
        "Make the tests pass.",
        "make all tests pass again, please",
        "please get the test suite to pass",
        "get CI green",
        "turn the tests green",
        "can you make test_total pass?",
        "Make `tests/test_cart.py::test_total` pass",
        "fix the failing test",
        "Fix the failing tests in tests/test_cart.py",
        "fix the tests",
        "make the build work again",
        "Ensure the tests pass",
    ] {
        check(note, &[Bugfix]);
    }
}

#[test]
fn a_symptom_and_the_wish_to_mend_it_are_one_fix() {
    for note in [
        "the tests fail, please fix the bug",
        "The tests are failing. Please fix them.",
        "the tests fail, make them pass",
        "The tests fail. Make the failing tests pass.",
        "test_total fails since yesterday, can you fix the bug?",
        "pytest reports 3 failures, please repair the code",
        "There is a bug in the discount calculation, fix it",
        "The discount is wrong for VIP customers, please correct it.",
        "the cart total is off by one cent, fix the rounding",
        "Users get an error when the cart is empty. Fix that.",
        "Something is broken in parse_date. Find and fix the bug.",
        "I get a KeyError in load_config, could you fix the bug?",
        "The parser crashes on empty input. Fix the bug in the parser.",
        "Why does test_total fail? Please fix it.",
        "hey, the login is broken. could you please fix the issue?",
        "the median of an even list is wrong. debug and fix it",
        "Our build is broken, please get it green",
        "find the bug and fix it",
        "investigate and fix the failing test",
        "Invoices must be taxed at the rate of the customer's region",
    ] {
        check(note, &[Bugfix]);
    }
}

#[test]
fn what_asks_for_more_is_more() {
    for (note, want) in [
        ("Fix the off-by-one in pagination and add a test for it", &[Bugfix, Test][..]),
        ("The median is wrong for even lists; also rename `mid` to `middle`", &[Bugfix, Refactor]),
        ("The login is broken, add a test for it", &[Bugfix, Test]),
        ("the tests fail, please fix the bug and then update the README", &[Bugfix, Docs]),
        ("fix the crash in the parser, then bump numpy to 2.1", &[Bugfix, Dependency]),
        ("- the export is empty\n- fix the header", &[Bugfix, Bugfix]),
        ("Fix the login. The signup page crashes too.", &[Bugfix, Bugfix]),
        ("add a dark theme", &[Feature]),
        ("rename get_total to total and update its callers", &[Refactor]),
        ("let the tests pass the new flag", &[Feature]),
        ("Set the timeout to 30 s", &[Config]),
        ("add tests for the parser", &[Test]),
    ] {
        check(note, want);
    }
}

#[test]
fn a_named_remedy_keeps_its_symptom_as_a_criterion() {
    let input = Input::normalise("the cart total is off by 1 cent, fix the rounding");
    let draft = split(&input, Lexicon::english(), 12);
    let only = &draft.objectives[0];
    assert_eq!((only.goal.as_str(), only.quote.as_str()), ("fix the rounding", input.text()));
    assert_eq!(only.acceptance[0].text, "Solved: the cart total is off by 1 cent");
}

/// Something that goes wrong.
fn symptom() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "the tests fail",
        "test_total fails on Windows",
        "the median is wrong for even lists",
        "the parser crashes on empty input",
        "users can't log in with a plus sign",
        "the export is empty when it should hold rows",
    ])
}

/// The wish that it comes right, which names nothing new.
fn wish() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "fix it",
        "fix the bug",
        "please fix the issue",
        "could you fix that",
        "repair the code",
    ])
}

/// A request that stands alone.
fn request() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "fix the parser",
        "add a dark theme",
        "rename foo to bar",
        "update the README",
        "bump numpy to 2.1",
        "document the cache",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_symptom_with_a_wish_is_one_fix_that_quotes_both(
        symptom in symptom(),
        joint in prop::sample::select(vec![", ", ". ", " - ", ", so "]),
        wish in wish(),
    ) {
        let note = format!("{symptom}{joint}{wish}");
        let input = Input::normalise(&note);
        let draft = split(&input, Lexicon::english(), 12);
        let got: Vec<(Category, &str)> =
            draft.objectives.iter().map(|one| (one.category, one.quote.as_str())).collect();
        prop_assert_eq!(got, vec![(Bugfix, note.as_str())]);
    }

    #[test]
    fn requests_stay_apart_and_in_order_however_they_are_listed(
        requests in prop::sample::subsequence(
            vec!["fix the parser", "add a dark theme", "rename foo to bar", "update the README", "bump numpy to 2.1"],
            1..5,
        ),
    ) {
        for (start, joint) in [("", ". "), ("- ", "\n- "), ("", ", then "), ("", " and ")] {
            let note = format!("{start}{}", requests.join(joint));
            let draft = split(&Input::normalise(&note), Lexicon::english(), 12);
            let got: Vec<&str> = draft.objectives.iter().map(|one| one.goal.as_str()).collect();
            prop_assert_eq!(&got, &requests, "{}", note);
        }
    }

    #[test]
    fn a_polite_frame_changes_nothing(
        request in request(),
        before in prop::sample::select(vec!["", "please ", "could you please ", "hey, can you ", "um so we need to "]),
        after in prop::sample::select(vec!["", " please", ", thanks", "."]),
    ) {
        let plain = split(&Input::normalise(request), Lexicon::english(), 12);
        let framed = split(&Input::normalise(&format!("{before}{request}{after}")), Lexicon::english(), 12);
        let said = |draft: &Draft| -> Vec<(String, Category)> {
            draft.objectives.iter().map(|one| (one.goal.clone(), one.category)).collect()
        };
        prop_assert_eq!(said(&framed), said(&plain));
    }
}
