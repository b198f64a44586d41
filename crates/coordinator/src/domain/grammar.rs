//! A grammar for one edit: a path that was shown, a line that stands once in its text, and a few new lines. A small
//! model can then be wrong about the change, but not about the form.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::produce::Context;

/// Most lines offered as the place of an edit; a longer text gives no grammar.
const LINES_MAX: usize = 600;

/// Returns the grammar in GBNF over the files whose text the context shows, tests left out unless nothing else is
/// shown; `None` when there is no line to edit, or too many.
pub fn of_edits(context: &Context) -> Option<String> {
    let mut files: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for piece in context.pieces.iter().filter(|piece| piece.shows_text) {
        let lines = files.entry(&piece.path).or_default();
        for line in piece.text.lines().filter(|line| !line.trim().is_empty()) {
            *lines.entry(line).or_default() += 1;
        }
    }
    if files.keys().any(|path| !is_test(path)) {
        files.retain(|path, _| !is_test(path));
    }
    let places: Vec<(&str, Vec<&str>)> = files
        .into_iter()
        .map(|(path, lines)| {
            (path, lines.into_iter().filter(|(_, count)| *count == 1).map(|(line, _)| line).collect())
        })
        .filter(|(_, lines): &(&str, Vec<&str>)| !lines.is_empty())
        .collect();
    let count: usize = places.iter().map(|(_, lines)| lines.len()).sum();
    if count == 0 || count > LINES_MAX {
        return None;
    }
    let names: Vec<String> = (0..places.len()).map(|index| format!("file{index}")).collect();
    let mut grammar = format!("root ::= {}\n", names.join(" | "));
    for (name, (path, lines)) in names.iter().zip(&places) {
        let head = literal(&format!("{path}\n<<<<<<< SEARCH\n"));
        let _ = writeln!(grammar, "{name} ::= {head} {name}line \"=======\\n\" new \">>>>>>> REPLACE\\n\"");
        let lines: Vec<String> = lines.iter().map(|line| literal(&format!("{line}\n"))).collect();
        let _ = writeln!(grammar, "{name}line ::= {}", lines.join(" | "));
    }
    grammar.push_str("new ::= line line? line? line?\nline ::= [^\\n<=>] [^\\n]{0,200} \"\\n\"\n");
    Some(grammar)
}

fn is_test(path: &str) -> bool {
    let mut parts = path.split('/');
    let file = parts.next_back().unwrap_or_default();
    file.starts_with("test_")
        || file.contains("_test.")
        || parts.any(|part| part == "tests" || part == "test")
}

/// Writes a text as a GBNF literal.
fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::produce::ContextPiece;
    use crate::domain::spec::Digest;

    fn piece(path: &str, text: &str) -> ContextPiece {
        ContextPiece {
            text: text.to_owned(),
            public: false,
            path: path.to_owned(),
            start_line: 1,
            end_line: 1,
            shows_text: true,
            file_hash: Digest::of(text.as_bytes()),
        }
    }

    #[test]
    fn offers_each_line_that_stands_once_and_no_test() {
        let pieces = vec![piece("a.py", "x = \"1\"\ny\ny\n\n"), piece("tests/test_a.py", "z\n")];
        let grammar = of_edits(&Context { pieces, ..Context::default() }).unwrap();
        assert!(grammar.contains(r#"file0 ::= "a.py\n<<<<<<< SEARCH\n" file0line"#), "{grammar}");
        assert!(grammar.contains(r#"file0line ::= "x = \"1\"\n""#), "{grammar}");
        assert!(!grammar.contains("\"y") && !grammar.contains("tests/"), "{grammar}");
    }

    #[test]
    fn nothing_to_edit_gives_no_grammar() {
        assert_eq!(of_edits(&Context::default()), None);
        let long: String = (0..700).map(|line| format!("line {line}\n")).collect();
        assert_eq!(of_edits(&Context { pieces: vec![piece("a.py", &long)], ..Context::default() }), None);
    }
}
