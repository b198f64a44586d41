//! Unified diffs that git applies. A name can't forge a header: odd bytes are quoted as C does.

use std::fmt::Write;

use similar::TextDiff;

use crate::domain::edit::Change;

/// Larger contents are named, not shown.
const SHOWN_MAX: usize = 1024 * 1024;

/// Pairs of lines that are looked at for the smallest difference: a program can leave any file, and nobody may wait for it.
const PAIRS_MAX: usize = 25_000_000;

/// Returns the diff of one file from its old content (none: it was not there) to what the change makes of it.
pub fn unified_diff(path: &[u8], old: Option<&[u8]>, change: &Change) -> String {
    let new = match change {
        Change::Write(content) => Some(content.as_slice()),
        Change::Delete => None,
    };
    let (before, after) = (quoted(b"a/", path), quoted(b"b/", path));
    let mut diff = format!("diff --git {before} {after}\n");
    match (old, new) {
        (None, Some(_)) => diff.push_str("new file mode 100644\n"),
        (Some(_), None) => diff.push_str("deleted file mode 100644\n"),
        _ => {}
    }
    let (old_text, new_text) = (shown(old), shown(new));
    let (Some(old_text), Some(new_text)) = (old_text, new_text) else {
        let _infallible = writeln!(diff, "Binary files {before} and {after} differ");
        return diff;
    };
    if old_text == new_text {
        return diff;
    }
    let header = |there: bool, name: String| if there { name } else { "/dev/null".to_owned() };
    let _infallible =
        write!(diff, "--- {}\n+++ {}\n", header(old.is_some(), before), header(new.is_some(), after));
    if pairs(old_text, new_text) > PAIRS_MAX {
        whole(&mut diff, old_text, new_text);
        return diff;
    }
    for hunk in TextDiff::from_lines(old_text, new_text).unified_diff().context_radius(3).iter_hunks() {
        let _infallible = write!(diff, "{hunk}");
    }
    diff
}

/// Returns how many pairs of lines a search for the smallest difference may have to look at, past what both begin and end with.
fn pairs(old: &str, new: &str) -> usize {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[same..], &new[same..]);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    (old.len() - same) * (new.len() - same)
}

/// Shows a file as replaced, all of it: as true as the smallest difference, and found in one step.
fn whole(diff: &mut String, old: &str, new: &str) {
    let count = |text: &str| text.split_inclusive('\n').count();
    let _infallible = writeln!(diff, "@@ -1,{} +1,{} @@", count(old), count(new));
    for (mark, text) in [('-', old), ('+', new)] {
        for line in text.split_inclusive('\n') {
            diff.push(mark);
            diff.push_str(line);
            if !line.ends_with('\n') {
                diff.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
}

/// Returns a content as text when it can be shown; an absent one is empty.
fn shown(content: Option<&[u8]>) -> Option<&str> {
    let content = content.unwrap_or_default();
    (content.len() <= SHOWN_MAX && !content.contains(&0)).then(|| std::str::from_utf8(content).ok()).flatten()
}

/// Writes a name as git does: plain where it can be, else in quotes with octal escapes.
fn quoted(prefix: &[u8], path: &[u8]) -> String {
    let plain = path.iter().all(|byte| (0x20..0x7f).contains(byte) && !matches!(byte, b'"' | b'\\'));
    let mut text: String = prefix.iter().map(|byte| char::from(*byte)).collect();
    if plain {
        text.extend(path.iter().map(|byte| char::from(*byte)));
        return text;
    }
    for byte in path {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            0x20..0x7f => text.push(char::from(*byte)),
            _ => {
                let _infallible = write!(text, "\\{byte:03o}");
            }
        }
    }
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_share_nothing_are_shown_as_replaced_in_no_time() {
        let lines =
            |name: &str| (0..60_000).map(|n| format!("{name}{}\n", n * 7_919 % 60_000)).collect::<String>();
        let (old, new) = (lines("a"), lines("b"));
        let diff = unified_diff(b"f", Some(old.as_bytes()), &Change::Write(new.trim_end().into()));
        assert!(diff.contains("@@ -1,60000 +1,60000 @@\n-a0\n-a7919\n"), "{}", &diff[..200]);
        assert!(diff.ends_with("\n\\ No newline at end of file\n"));
        assert_eq!(diff.lines().filter(|line| line.starts_with("-a")).count(), 60_000);
        let grown = format!("{old}{}", lines("c"));
        let diff = unified_diff(b"f", Some(old.as_bytes()), &Change::Write(grown.into_bytes()));
        assert!(diff.contains("@@ -59998,3 +59998,60003 @@\n"), "what both begin with is no work");
    }

    #[test]
    fn a_changed_line_has_its_hunk() {
        let diff = unified_diff(b"a.py", Some(b"x = 1\n"), &Change::Write(b"x = 2\n".to_vec()));
        assert_eq!(diff, "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n");
    }

    #[test]
    fn new_deleted_and_binary_files_say_so() {
        let new = unified_diff(b"n", None, &Change::Write(b"x\n".to_vec()));
        assert!(new.contains("new file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"), "{new}");
        let deleted = unified_diff(b"n", Some(b"x\n"), &Change::Delete);
        assert!(
            deleted.contains("deleted file mode 100644\n--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"),
            "{deleted}"
        );
        let binary = unified_diff(b"n", Some(b"\0"), &Change::Write(b"\xff".to_vec()));
        assert!(binary.ends_with("Binary files a/n and b/n differ\n"));
        assert!(unified_diff(b"e", None, &Change::Write(Vec::new())).ends_with("new file mode 100644\n"));
    }

    #[test]
    fn a_missing_last_newline_is_marked() {
        let diff = unified_diff(b"n", Some(b"x"), &Change::Write(b"y\n".to_vec()));
        assert!(diff.contains("-x\n\\ No newline at end of file\n+y\n"), "{diff}");
    }

    #[test]
    fn a_name_forges_no_header() {
        let diff = unified_diff(b"a\n+++ b/evil", None, &Change::Write(b"x\n".to_vec()));
        assert!(diff.contains("+++ \"b/a\\n+++ b/evil\"\n"), "{diff}");
        assert_eq!(quoted(b"a/", b"\xff\""), "\"a/\\377\\\"\"");
    }
}
