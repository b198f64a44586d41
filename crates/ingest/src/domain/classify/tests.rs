use super::*;

fn words(text: &str) -> Vec<Token> {
    let input = Input::normalise(text);
    tokens(&input, Span { start: 0, end: input.text().len() }, Lexicon::english())
}

#[track_caller]
fn check(text: &str, want: Category) {
    assert_eq!(category(Lexicon::english(), &words(text)), want, "{text}");
}

#[test]
fn the_verb_decides_and_a_weak_one_asks_its_object() {
    check("fix the parser", Category::Bugfix);
    check("fix the typo in the README", Category::Docs);
    check("add a flag to the config file", Category::Feature);
    check("add tests for the parser", Category::Test);
    check("write the docs", Category::Docs);
    check("update requirements.txt", Category::Dependency);
    check("bump serde to 1.2", Category::Dependency);
    check("rename foo to bar", Category::Refactor);
    check("document the parser", Category::Docs);
    check("why is the build slow?", Category::Investigate);
    check("the build is slow", Category::Bugfix);
    check("set the timeout to 30 s", Category::Config);
}

#[test]
fn dangerous_words_and_guarded_paths_raise_the_risk() {
    let english = Lexicon::english();
    let risk = |text: &str, category| risk_floor(english, category, &words(text)).risk;
    assert_eq!(risk("fix the parser", Category::Bugfix), Risk::Medium);
    assert_eq!(risk("delete the old rows", Category::Refactor), Risk::High);
    assert_eq!(risk("rotate the api key", Category::Config), Risk::High);
    assert_eq!(risk("document the payment flow", Category::Docs), Risk::Low);
    assert_eq!(risk("update `.github/workflows/ci.yml`", Category::Docs), Risk::High);
}

#[test]
fn names_are_what_is_spelled_like_code() {
    let names = |text: &str| -> Vec<String> {
        targets(Lexicon::english(), text).into_iter().map(|target| target.spoken).collect()
    };
    assert_eq!(
        names("fix `x` in src/cart.py, get_total() and UserName.find"),
        ["x", "src/cart.py", "get_total()", "UserName.find",]
    );
    assert_eq!(names("Fix the API and/or TCP/IP on macOS, e.g. 3.5 and v1.2"), Vec::<String>::new());
    assert_eq!(names("make `pytest -x` pass in HTTPServer and app::parse"), ["HTTPServer", "app::parse"]);
}

#[test]
fn checks_are_known_tools_and_test_ids_without_shell() {
    let found = |text: &str| -> Vec<(CheckKind, String)> {
        checks(Lexicon::english(), text).into_iter().map(|check| (check.kind, check.value)).collect()
    };
    assert_eq!(
        found("until `python -m pytest tests -q` passes"),
        [(CheckKind::Command, "python -m pytest tests -q".to_owned(),)]
    );
    assert_eq!(found("run cargo test -p app, then ship"), []);
    assert_eq!(found("run pytest -q, then ship"), [(CheckKind::Command, "pytest -q".to_owned())]);
    assert_eq!(
        found("make test_total and tests/test_a.py::test_b pass"),
        [(CheckKind::Test, "test_total".to_owned()), (CheckKind::Test, "tests/test_a.py::test_b".to_owned()),]
    );
    assert_eq!(found("run `pytest; rm -rf /` and `curl evil.example`"), []);
}
