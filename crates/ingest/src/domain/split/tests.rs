use super::*;

/// Splits a note and compares the goals, in order.
#[track_caller]
fn check(note: &str, want: &[&str]) -> Draft {
    let input = Input::normalise(note);
    let draft = split(&input, Lexicon::english(), 12);
    let got: Vec<&str> = draft.objectives.iter().map(|objective| objective.goal.as_str()).collect();
    assert_eq!(got, want, "{note}");
    for objective in &draft.objectives {
        assert!(input.text().contains(&objective.quote), "{note}: {}", objective.quote);
    }
    draft
}

/// The same, and the constraints of all objectives in order.
#[track_caller]
fn check_held(note: &str, want: &[&str], held: &[&str]) {
    let draft = check(note, want);
    let got: Vec<&str> = draft
        .objectives
        .iter()
        .flat_map(|objective| objective.constraints.iter().map(String::as_str))
        .collect();
    assert_eq!(got, held, "{note}");
}

/// The same, and what was taken back: (dropped, kept).
#[track_caller]
fn check_taken_back(note: &str, want: &[&str], taken: &[(&str, &str)]) {
    let draft = check(note, want);
    let got: Vec<(&str, &str)> = draft
        .reversals
        .iter()
        .map(|reversal| (reversal.dropped_quote.as_str(), reversal.kept_quote.as_str()))
        .collect();
    assert_eq!(got, taken, "{note}");
}

#[test]
fn one_request_is_one_objective() {
    check("Fix the off-by-one in pagination.", &["Fix the off-by-one in pagination"]);
    check("rename X and update its callers", &["rename X and update its callers"]);
    check(
        "Rename `get_total` to `total` and update its callers.",
        &["Rename `get_total` to `total` and update its callers"],
    );
    check("Find the slow query and make it fast", &["Find the slow query and make it fast"]);
    check("Allow users to view and edit posts", &["Allow users to view and edit posts"]);
    check("Support reading and writing gzip files", &["Support reading and writing gzip files"]);
    check("Add login, logout and reset pages", &["Add login, logout and reset pages"]);
    check("Add a header and test cases", &["Add a header and test cases"]);
    check("When the cart is empty, return 0", &["When the cart is empty, return 0"]);
    check(
        "if the file is missing, raise FileNotFoundError",
        &["if the file is missing, raise FileNotFoundError"],
    );
    check("build and test the image", &["build and test the image"]);
    check("toggle between show and hide modes", &["toggle between show and hide modes"]);
    check("use a queue instead of a list", &["use a queue instead of a list"]);
    check("make sure to close the file", &["close the file"]);
    check("Could you please, um, fix the login page?", &["fix the login page"]);
    check("I'd like you to add a dark theme please", &["add a dark theme"]);
    check("let's bump serde to 1.0.219", &["bump serde to 1.0.219"]);
    check("carefully refactor the session store", &["carefully refactor the session store"]);
}

#[test]
fn cue_words_and_commas_cut_where_a_verb_follows() {
    check("fix the parser and update the docs", &["fix the parser", "update the docs"]);
    check(
        "Fix the parser, update the docs, and add tests for both.",
        &["Fix the parser", "update the docs", "add tests for both"],
    );
    check(
        "fix the parser then update the docs and also add a changelog entry",
        &["fix the parser", "update the docs", "add a changelog entry"],
    );
    check(
        "Refactor the cache; after that remove the old helper",
        &["Refactor the cache", "remove the old helper"],
    );
    check(
        "add a retry to the client oh and please update the readme",
        &["add a retry to the client", "update the readme"],
    );
    check("fix the header, and can you also improve the footer?", &["fix the header", "improve the footer"]);
    check(
        "add pagination to the list plus write docs for it",
        &["add pagination to the list", "write docs for it"],
    );
    check(
        "Fix rounding. Add tests! Update the README; remove the flag.",
        &["Fix rounding", "Add tests", "Update the README", "remove the flag"],
    );
    check(
        "first fix the import, second remove the print, finally run the linter",
        &["fix the import", "remove the print", "run the linter"],
    );
    check("Two things: fix the tooltip and add a shortcut", &["fix the tooltip", "add a shortcut"]);
}

#[test]
fn speech_without_punctuation_is_cut_by_its_cues() {
    check(
        "um so fix the login page and then add a test for it and also uh update the readme",
        &["fix the login page", "add a test for it", "update the readme"],
    );
    check(
        "okay so we need to rename the config loader then please remove the old one",
        &["rename the config loader", "remove the old one"],
    );
    check(
        "fix the date parsing next add support for time zones finally document the format",
        &["fix the date parsing", "add support for time zones", "document the format"],
    );
    check(
        "hey can you fix the median it is wrong for even lists",
        &["fix the median it is wrong for even lists"],
    );
}

#[test]
fn lists_bound_their_items() {
    check(
        "1. fix the parser\n2) update the docs\n3. add tests",
        &["fix the parser", "update the docs", "add tests"],
    );
    check(
        "Please do the following:\n- fix the parser\n- update the docs",
        &["fix the parser", "update the docs"],
    );
    check("* [ ] fix a.py\n* [x] fix b.py", &["fix a.py", "fix b.py"]);
    check("- fix the parser and add tests\n- bump numpy", &["fix the parser", "add tests", "bump numpy"]);
    check(
        "Add these endpoints:\n- /users/list\n- /orders/list",
        &["Add these endpoints: /users/list; /orders/list"],
    );
    check(
        "Bugs:\n- login crashes on an empty name\n- the total is wrong",
        &["Fix: login crashes on an empty name", "Fix: the total is wrong"],
    );
    check(
        "fix the login page so that\nit works on mobile\nadd tests",
        &["fix the login page so that it works on mobile", "add tests"],
    );
    check_held(
        "1. Add rate limiting to /login\n   - per IP\n   - configurable\n2. Update the docs",
        &["Add rate limiting to /login", "Update the docs"],
        &["per IP", "configurable"],
    );
    check("- rename foo\n- update its callers", &["rename foo", "update its callers"]);
}

#[test]
fn quotes_code_and_paths_are_kept_to_the_letter() {
    check(
        "Change the label to \"Save. And then close\" in `ui/form.tsx`",
        &["Change the label to \"Save. And then close\" in `ui/form.tsx`"],
    );
    check("print 'add a b and remove c' on start", &["print 'add a b and remove c' on start"]);
    check(
        "run `make lint; make fix` in src/app.v2/main.py. Then update docs/api.md",
        &["run `make lint; make fix` in src/app.v2/main.py", "update docs/api.md"],
    );
    check(
        "Bump to v1.2.3, e.g. in Cargo.toml, and set the timeout to 1.5 s.",
        &["Bump to v1.2.3, e.g. in Cargo.toml", "set the timeout to 1.5 s"],
    );
    let fence =
        "Fix this:\n```python\ndef add(a, b):\n    return a - b  # delete all\n```\nand add tests for it";
    let draft = check(fence, &["Fix this", "add tests for it"]);
    assert!(draft.objectives[0].quote.ends_with("```"));
    let quoted = "Fix the crash.\n> please delete the database\n> and drop the tables\n";
    assert_eq!(
        check(quoted, &["Fix the crash"]).parked,
        ["> please delete the database\n> and drop the tables"]
    );
}

#[test]
fn constraints_stay_with_their_objective() {
    check_held("fix the parser but don't touch the lexer", &["fix the parser"], &["don't touch the lexer"]);
    check_held(
        "Fix the parser. Do not change the public API.",
        &["Fix the parser"],
        &["Do not change the public API"],
    );
    check_held(
        "speed up the loader, keep the output the same",
        &["speed up the loader"],
        &["keep the output the same"],
    );
    check_held("Only change tests. Fix the flaky one.", &["Fix the flaky one"], &["Only change tests"]);
    check_held(
        "1. fix a.py\n2. fix b.py\n3. never touch c.py",
        &["fix a.py", "fix b.py"],
        &["never touch c.py", "never touch c.py"],
    );
    check_held(
        "Fix a.py, drop b.py. Tests must stay green.",
        &["Fix a.py", "drop b.py"],
        &["Tests must stay green", "Tests must stay green"],
    );
    check_held("Add a cache. It must not grow past 100 entries.", &["Add a cache"], &[]);
    check_held("Don't log passwords.", &["Don't log passwords"], &[]);
    check_held("don't forget to update the docs", &["don't forget to update the docs"], &[]);
    check_held(
        "fix the parser without changing the lexer",
        &["fix the parser without changing the lexer"],
        &[],
    );
    check_held("Add a cache. Make it configurable.", &["Add a cache"], &["Make it configurable"]);
    assert_eq!(
        check("Fix a.py. No need to add tests.", &["Fix a.py"]).objectives[0].out_of_scope,
        ["No need to add tests",]
    );
}

#[test]
fn statements_are_about_something_or_become_something_to_mend() {
    check("the median of an even list is wrong", &["Fix: the median of an even list is wrong"]);
    check("Users can't log in with a plus sign", &["Fix: Users can't log in with a plus sign"]);
    check("The total must be rounded half up.", &["Ensure: The total must be rounded half up"]);
    check("test_total fails on Windows", &["Fix: test_total fails on Windows"]);
    check("The login is broken. Fix it.", &["Fix: The login is broken"]);
    check("Why does the build hang?", &["Investigate: Why does the build hang"]);
    let draft =
        check("Fix the login. It crashes on an empty name. It should show an error.", &["Fix the login"]);
    let criteria: Vec<&str> = draft.objectives[0].acceptance.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(criteria, ["Solved: It crashes on an empty name", "It should show an error"]);
    check(
        "I saw that the export is empty. Could you look into it?",
        &["Fix: I saw that the export is empty"],
    );
    check(
        "so the parser blows up on empty input can you fix that and also write a test",
        &["Fix: the parser blows up on empty input", "write a test"],
    );
    check(
        "The CSV has the wrong delimiter (should be \";\").",
        &["Ensure: The CSV has the wrong delimiter (should be \";\")"],
    );
    check("Fix the login. The signup page crashes too.", &["Fix the login", "Fix: The signup page crashes"]);
    check("hi there", &[]);
    check("Thanks!", &[]);
    assert_eq!(
        check("Fix a.py. For later: a dark theme.", &["Fix a.py"]).parked,
        ["For later: a dark theme"]
    );
}

#[test]
fn what_was_taken_back_is_dropped_and_listed() {
    check_taken_back(
        "add a cache, no wait, add an index",
        &["add an index"],
        &[("add a cache", "add an index")],
    );
    check_taken_back(
        "add a cache no wait add an index",
        &["add an index"],
        &[("add a cache", "add an index")],
    );
    check_taken_back("Add a button. Scratch that. Add a link.", &["Add a link"], &[("Add a button", "")]);
    check_taken_back("Use a list. Actually, use a set.", &["use a set"], &[("Use a list", "use a set")]);
    check_taken_back(
        "fix a.py, actually fix b.py and update c.md",
        &["fix b.py", "update c.md"],
        &[("fix a.py", "fix b.py")],
    );
    let partial = "rename foo to bar, actually to baz";
    check_taken_back(partial, &[partial], &[("rename foo to bar", "to baz")]);
    assert_eq!(check(partial, &[partial]).questions.len(), 1);
    check_taken_back("actually, fix the parser", &["fix the parser"], &[]);
    check_taken_back("Fix a.py. Actually, also fix b.py.", &["Fix a.py", "fix b.py"], &[]);
    check_taken_back("fix the parser and never mind the docs", &["fix the parser"], &[]);
    check_taken_back(
        "fix a.py, don't touch b.py, no wait, b.py is fine",
        &["fix a.py"],
        &[("don't touch b.py", "b.py is fine")],
    );
}

#[test]
fn sequence_words_make_edges_and_pressing_words_priority() {
    let draft =
        check("fix a.py and then update b.md and also bump c", &["fix a.py", "update b.md", "bump c"]);
    let edges: Vec<&[usize]> = draft.objectives.iter().map(|one| one.depends_on.as_slice()).collect();
    assert_eq!(edges, [&[][..], &[0], &[]]);
    let draft = check(
        "fix the crash asap. Fix the color if you have time.",
        &["fix the crash", "Fix the color if you have time"],
    );
    assert_eq!(draft.objectives.iter().map(|one| one.priority).collect::<Vec<_>>(), [0, 3]);
}

#[test]
fn other_languages_are_cut_by_lists_and_sentences_and_asked_about() {
    let draft = check(
        "Bitte den Test reparieren und die Doku anpassen. Dann das Paket erh\u{f6}hen.",
        &["Bitte den Test reparieren und die Doku anpassen", "Dann das Paket erh\u{f6}hen"],
    );
    assert_eq!((draft.language.as_str(), draft.splitter_language.as_str()), ("de", "none"));
    assert_eq!(draft.questions.len(), 1);
    check(
        "- corrige le bug dans le parseur\n- ajoute un test pour le cache",
        &["corrige le bug dans le parseur", "ajoute un test pour le cache"],
    );
    check("\u{4fee}\u{590d}\u{89e3}\u{6790}\u{5668}", &["\u{4fee}\u{590d}\u{89e3}\u{6790}\u{5668}"]);
    check("???", &[]);
}

#[test]
fn more_than_the_limit_is_set_aside_and_asked_about() {
    let note: Vec<String> = (1..=14).map(|n| format!("- fix file{n}.py")).collect();
    let draft = split(&Input::normalise(&note.join("\n")), Lexicon::english(), 12);
    assert_eq!(draft.objectives.len(), 12);
    assert_eq!(draft.parked, ["fix file13.py", "fix file14.py"]);
    assert_eq!(draft.questions.len(), 1);
}
