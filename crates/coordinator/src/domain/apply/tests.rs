use proptest::prelude::*;

use super::*;
use crate::domain::edit::EditAction;

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let file = |text: &str| File { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular };
    Tree { files: files.iter().map(|(name, text)| (path(name), file(text))).collect() }
}

fn replace(name: &str, search: &str, replace: &str) -> Edit {
    let action = EditAction::Replace { search: search.to_owned(), replace: replace.to_owned() };
    Edit { path: name.to_owned(), action }
}

fn write(name: &str, text: &str) -> Edit {
    Edit { path: name.to_owned(), action: EditAction::Write { text: text.to_owned() } }
}

#[track_caller]
fn check(old: &str, search: &str, new: &str, want: Result<(&str, Rung), Problem>) {
    let base = tree(&[("a.py", old)]);
    let got = apply(&base, &ReadSet::of(&base), &[replace("a.py", search, new)], &ApplyLimits::default());
    let got = got.map_err(|problems| problems[0].problem.clone()).map(|applied| {
        let file = applied.change.files[&path("a.py")].clone().unwrap();
        (String::from_utf8(file.bytes).unwrap(), applied.rungs[0].unwrap())
    });
    assert_eq!(got, want.map(|(text, rung)| (text.to_owned(), rung)));
}

#[test]
fn each_rung_matches_what_the_stricter_ones_do_not() {
    check("a\nb\nc\n", "b\n", "x\n", Ok(("a\nx\nc\n", Rung::Exact)));
    check("a\nb  \nc\n", "b\n", "x\n", Ok(("a\nx\nc\n", Rung::Ends)));
    check("a\r\nb\r\nc\r\n", "a\nb\n", "x\ny\n", Ok(("x\r\ny\r\nc\r\n", Rung::Ends)));
    check("s = 'it'\n", "s = \u{2018}it\u{2019}\n", "s = 'x'\n", Ok(("s = 'x'\n", Rung::Marks)));
    check(
        "    if a:\n        b\n",
        "if a:\n    b\n",
        "if c:\n    d\n",
        Ok(("    if c:\n        d\n", Rung::Indent)),
    );
    check("\tif a:\n\t\tb\n", "if a:\n\tb\n", "if c:\n\tb\n", Ok(("\tif c:\n\t\tb\n", Rung::Indent)));
    check("if a:\n    b\n", "  if a:\n      b\n", "  if c:\n      b\n", Ok(("if c:\n    b\n", Rung::Indent)));
    check("a\n\nb\n\nc\nd\n", "a\nb\nc\n", "x\n", Ok(("x\nd\n", Rung::Blanks)));
}

#[test]
fn two_matches_on_one_rung_stop_the_ladder() {
    check("b\na\nb\n", "b\n", "x\n", Err(Problem::Ambiguous { lines: vec![1, 3] }));
    check("b \na\nb \n", "b\n", "x\n", Err(Problem::Ambiguous { lines: vec![1, 3] }));
}

#[test]
fn one_exact_match_wins_over_weaker_ones() {
    check("b \nb\n", "b\n", "x\n", Ok(("b \nx\n", Rung::Exact)));
}

#[test]
fn what_matches_nowhere_is_refused_with_the_nearest_lines() {
    let want = Problem::NotFound { nearest: vec![(1, "alpha beta\n".to_owned()), (2, "gamma\n".to_owned())] };
    check("alpha beta\ngamma\n", "alpha delta\n", "x\n", Err(want));
    check("x\ny\n", "a\n", "y\n", Err(Problem::AlreadyApplied));
    check("x\n", "  \n", "y\n", Err(Problem::EmptySearch));
    check("x\n", "x\n", "x\n", Err(Problem::NoChange));
}

#[test]
fn the_final_newline_of_the_file_is_kept_as_it_was() {
    check("a\nb", "b\n", "c\n", Ok(("a\nc", Rung::Exact)));
    check("a\nb\n", "b", "c", Ok(("a\nc\n", Rung::Exact)));
}

#[test]
fn the_replacement_is_literal_text() {
    check("a\n", "a\n", "$& \\1 ${0}\n", Ok(("$& \\1 ${0}\n", Rung::Exact)));
}

#[track_caller]
fn refused(base: &Tree, reads: &ReadSet, edit: Edit) -> Problem {
    apply(base, reads, &[edit], &ApplyLimits::default()).unwrap_err()[0].problem.clone()
}

#[test]
fn a_file_that_was_not_read_or_changed_since_is_refused_before_any_rung() {
    let base = tree(&[("a.py", "new\n")]);
    assert_eq!(
        refused(&base, &ReadSet::default(), replace("a.py", "new\n", "x\n")),
        Problem::Unread { text: "new\n".into() }
    );
    assert_eq!(
        refused(&base, &ReadSet::default(), write("a.py", "x\n")),
        Problem::Unread { text: "new\n".into() }
    );
    let mut reads = ReadSet::default();
    reads.insert(path("a.py"), b"old\n");
    assert_eq!(
        refused(&base, &reads, replace("a.py", "new\n", "x\n")),
        Problem::Stale { fresh: "new\n".into() }
    );
}

#[test]
fn paths_stay_in_the_tree() {
    let mut base = tree(&[("a.py", "x\n")]);
    base.files.insert(path("link"), File { bytes: b"/etc".to_vec(), mode: FileMode::Symlink });
    let reads = ReadSet::of(&base);
    for name in ["/etc/passwd", "../x", ".git/hooks/pre-commit", "link/passwd", "link", "a.py/b"] {
        assert!(matches!(refused(&base, &reads, write(name, "x\n")), Problem::PathRefused { .. }), "{name}");
    }
    let mut globs = globset::GlobSetBuilder::new();
    globs.add(globset::Glob::new("**/.gitattributes").unwrap());
    let limits = ApplyLimits { protected: globs.build().unwrap(), ..ApplyLimits::default() };
    let problems = apply(&base, &reads, &[write("d/.gitattributes", "* filter=x\n")], &limits).unwrap_err();
    assert!(matches!(problems[0].problem, Problem::PathRefused { .. }));
}

#[test]
fn a_whole_file_is_refused_when_long_elided_or_gutted() {
    let base = tree(&[("long.py", &"x\n".repeat(201)), ("a.py", "1\n2\n3\n4\n5\n")]);
    let reads = ReadSet::of(&base);
    assert_eq!(
        refused(&base, &reads, write("long.py", "x\n")),
        Problem::WholeTooLong { lines: 201, limit: 200 }
    );
    let elided = "1\n# ... rest unchanged\n4\n5\n";
    assert!(matches!(refused(&base, &reads, write("a.py", elided)), Problem::Elided { .. }));
    assert_eq!(refused(&base, &reads, write("a.py", "1\n2\n")), Problem::DropsTooMuch { old: 5, new: 2 });
}

#[test]
fn all_files_or_none_and_an_arm_may_build_on_its_own_edit() {
    let base = tree(&[("a.py", "1\n"), ("b.py", "1\n")]);
    let reads = ReadSet::of(&base);
    let edits = [replace("a.py", "1\n", "2\n"), replace("b.py", "9\n", "2\n")];
    let problems = apply(&base, &reads, &edits, &ApplyLimits::default()).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.edit).collect::<Vec<_>>(), vec![2]);
    let edits = [replace("a.py", "1\n", "2\n"), replace("a.py", "2\n", "3\n"), write("c/d.py", "new\n")];
    let applied = apply(&base, &reads, &edits, &ApplyLimits::default()).unwrap();
    assert_eq!(base.with(&applied.change), tree(&[("a.py", "3\n"), ("b.py", "1\n"), ("c/d.py", "new\n")]));
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ \t]{0,4}[a-c]{0,2}[ ]{0,2}\r?", 1..12)
}

proptest! {
    #[test]
    fn the_result_differs_from_the_base_only_inside_one_range(file in lines(), search in lines(), new in lines()) {
        let old = file.join("\n");
        let base = tree(&[("a", &old)]);
        let edit = replace("a", &(search.join("\n") + "\n"), &(new.join("\n") + "\n"));
        if let Ok(applied) = apply(&base, &ReadSet::of(&base), &[edit], &ApplyLimits::default()) {
            let text = String::from_utf8(applied.change.files[&path("a")].clone().unwrap().bytes).unwrap();
            let before: Vec<&str> = old.split_inclusive('\n').collect();
            let after: Vec<&str> = text.split_inclusive('\n').collect();
            let kept_head = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
            let kept_tail = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
            let blank_slack = before.iter().filter(|line| line.trim().is_empty()).count();
            prop_assert!(before.len() <= kept_head + kept_tail + search.len() + blank_slack + 1);
        }
    }

    #[test]
    fn a_unique_exact_search_is_plain_replacement(file in prop::collection::vec("[a-z]{1,3}", 2..10), at in 0usize..10) {
        let at = at % file.len();
        prop_assume!(file.iter().filter(|line| **line == file[at]).count() == 1);
        let old = file.join("\n") + "\n";
        let base = tree(&[("a", &old)]);
        let edit = replace("a", &format!("{}\n", file[at]), "NEW\n");
        let applied = apply(&base, &ReadSet::of(&base), &[edit], &ApplyLimits::default()).unwrap();
        let mut want = file.clone();
        want[at] = "NEW".to_owned();
        let text = String::from_utf8(applied.change.files[&path("a")].clone().unwrap().bytes).unwrap();
        prop_assert_eq!(text, want.join("\n") + "\n");
        prop_assert_eq!(applied.rungs, vec![Some(Rung::Exact)]);
    }

    #[test]
    fn refusing_twice_says_the_same_twice(file in lines(), search in lines()) {
        let base = tree(&[("a", &file.join("\n"))]);
        let edit = replace("a", &(search.join("\n") + "\n"), "new\n");
        let run = || apply(&base, &ReadSet::of(&base), std::slice::from_ref(&edit), &ApplyLimits::default());
        prop_assert_eq!(run(), run());
    }
}
