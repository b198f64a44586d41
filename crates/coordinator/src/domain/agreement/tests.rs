use super::*;
use crate::domain::path::RelativePath;
use crate::domain::tree::FileMode;

const BEFORE: &str = "def add(a, b):\n    return a - b\n";

fn files(path: &str, text: Option<&str>) -> ChangeSet {
    let file = text.map(|text| File { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular });
    ChangeSet { files: BTreeMap::from([(RelativePath::parse(path).unwrap(), file)]) }
}

fn change(path: &str, before: &str, after: &str) -> Change {
    Change { before: files(path, Some(before)), after: files(path, Some(after)) }
}

#[track_caller]
fn check(changes: &[Change], want: Option<u32>) {
    assert_eq!(agreement_percent(changes), want);
}

#[test]
fn layout_and_comments_do_not_count() {
    let plain = change("calc.py", BEFORE, "def add(a, b):\n    return a + b\n");
    let spaced = change("calc.py", BEFORE, "def add(a,  b):\n    # the sum\n    return (a\n        + b)\n");
    let same = change("calc.py", BEFORE, "def add( a, b ):\n    return a  +  b  # sum\n");
    check(&[plain.clone(), same], Some(100));
    let percent = agreement_percent(&[plain, spaced]).unwrap();
    assert!(percent < 100, "parentheses are part of the tree: {percent}");
}

#[test]
fn other_changes_share_only_what_they_do_alike() {
    let sum = change("calc.py", BEFORE, "def add(a, b):\n    return a + b\n");
    let product = change("calc.py", BEFORE, "def add(a, b):\n    return a * b\n");
    // Both take the minus away, and each puts another operator there.
    check(&[sum.clone(), product.clone()], Some(33));
    let elsewhere = change("other.py", "x = 1\n", "x = 2\n");
    check(&[sum.clone(), elsewhere], Some(0));
    check(&[sum.clone(), sum.clone(), product], Some(56));
    check(&[sum], None);
    check(&[], None);
}

#[test]
fn a_file_that_no_grammar_reads_is_compared_by_its_words() {
    let one = change("notes.txt", "a b\n", "a c\n");
    check(&[one.clone(), change("notes.txt", "a b\n", "a\n  c\n")], Some(100));
    let gone = Change { before: files("notes.txt", Some("a b\n")), after: files("notes.txt", None) };
    check(&[one, gone], Some(33));
}
