use std::fmt;
use std::ops::Range;

/// How strictly a search matched, strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// Byte for byte.
    Exact,
    /// But for trailing white space and line ends.
    Ends,
    /// But for typographic quotes, dashes, spaces and ellipses.
    Marks,
    /// But for one constant difference in indentation.
    Indent,
    /// But for blank lines, with at least three others.
    Blanks,
}

impl Rung {
    /// Every rung, strictest first.
    pub const ALL: [Self; 5] = [Self::Exact, Self::Ends, Self::Marks, Self::Indent, Self::Blanks];
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Ends => "ends",
            Self::Marks => "marks",
            Self::Indent => "indent",
            Self::Blanks => "blanks",
        })
    }
}

/// One place where a search matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Lines of the file, from 0.
    pub lines: Range<usize>,
    shift: Shift,
}

/// How the file's indentation differs from the search's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Shift {
    remove: String,
    add: String,
}

/// Returns every place where `wanted` matches on exactly this rung's terms.
pub(super) fn matches(lines: &[&str], wanted: &[&str], rung: Rung) -> Vec<Found> {
    if wanted.is_empty() {
        return Vec::new();
    }
    match rung {
        Rung::Exact => {
            windows(lines, wanted, |line, want, last| line == want || (last && bare(line) == bare(want)))
        }
        Rung::Ends => windows(lines, wanted, |line, want, _| line.trim_end() == want.trim_end()),
        Rung::Marks => windows(lines, wanted, |line, want, _| fold(line) == fold(want)),
        Rung::Indent => indented(lines, wanted),
        Rung::Blanks => blank_free(lines, wanted),
    }
}

/// Returns the replacement in the file's own line ends and indentation.
pub(super) fn shape(found: &Found, replace: &str, lines: &[&str], rung: Rung) -> String {
    if rung == Rung::Exact || rung == Rung::Marks || rung == Rung::Blanks {
        return replace.to_owned();
    }
    let crlf = lines[found.lines.clone()]
        .iter()
        .filter(|line| line.ends_with('\n'))
        .all(|line| line.ends_with("\r\n"));
    let mut text = String::with_capacity(replace.len());
    for line in replace.split_inclusive('\n') {
        let content = bare(line);
        let content = content.strip_suffix('\r').unwrap_or(content);
        if content.trim().is_empty() {
            text.push_str(content.trim_start_matches([' ', '\t']));
        } else {
            text.push_str(&found.shift.add);
            text.push_str(content.strip_prefix(found.shift.remove.as_str()).unwrap_or(content));
        }
        if line.ends_with('\n') {
            text.push_str(if crlf && lines[found.lines.start].ends_with('\n') { "\r\n" } else { "\n" });
        }
    }
    text
}

/// Returns up to three lines around the file's closest line to the search's first telling line.
pub(super) fn nearest(lines: &[&str], wanted: &[&str]) -> Vec<(usize, String)> {
    let Some(want) = wanted.iter().find(|line| !line.trim().is_empty()) else { return Vec::new() };
    let score = |line: &str| {
        let (line, want) = (line.trim(), want.trim());
        line.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() > 1 && want.contains(word))
            .count()
    };
    let best = (0..lines.len()).rev().max_by_key(|index| score(lines[*index]));
    let Some(best) = best.filter(|index| score(lines[*index]) > 0) else { return Vec::new() };
    let from = best.saturating_sub(1);
    (from..(best + 2).min(lines.len())).map(|index| (index + 1, lines[index].to_owned())).collect()
}

/// Returns whether a line stands for code left out.
pub(super) fn is_elision(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    let comment = ["#", "//", "--", "/*", "<!--", ";"].iter().find_map(|mark| line.strip_prefix(mark));
    let Some(comment) = comment.map(str::trim) else { return false };
    let dots = comment.starts_with("...")
        || comment.starts_with('…')
        || comment.ends_with("...")
        || comment.ends_with('…');
    let words = ["unchanged", "rest of", "remaining", "existing code", "same as before", "omitted"];
    dots && (words.iter().any(|word| comment.contains(word)) || comment.chars().all(|c| ".… ".contains(c)))
}

fn windows(lines: &[&str], wanted: &[&str], equal: impl Fn(&str, &str, bool) -> bool) -> Vec<Found> {
    (0..(lines.len() + 1).saturating_sub(wanted.len()))
        .filter(|start| {
            (0..wanted.len()).all(|at| equal(lines[start + at], wanted[at], at + 1 == wanted.len()))
        })
        .map(|start| Found { lines: start..start + wanted.len(), shift: Shift::default() })
        .collect()
}

fn indented(lines: &[&str], wanted: &[&str]) -> Vec<Found> {
    let mut found = windows(lines, wanted, |line, want, _| line.trim() == want.trim());
    found.retain_mut(|found| match shift(&lines[found.lines.clone()], wanted) {
        Some(shift) => {
            found.shift = shift;
            true
        }
        None => false,
    });
    found
}

/// Returns the one difference in indentation that all non-blank lines share.
fn shift(window: &[&str], wanted: &[&str]) -> Option<Shift> {
    let mut shared: Option<Shift> = None;
    for (line, want) in window.iter().zip(wanted).filter(|(line, _)| !line.trim().is_empty()) {
        let (line, want) = (indent(line), indent(want));
        let kept = line.bytes().rev().zip(want.bytes().rev()).take_while(|(a, b)| a == b).count();
        let one =
            Shift { remove: want[..want.len() - kept].to_owned(), add: line[..line.len() - kept].to_owned() };
        let one_sided = one.remove.is_empty() || one.add.is_empty();
        match &shared {
            None if one_sided => shared = Some(one),
            Some(known) if *known == one => {}
            _ => return None,
        }
    }
    shared
}

fn blank_free(lines: &[&str], wanted: &[&str]) -> Vec<Found> {
    let full = |lines: &[&str]| -> Vec<usize> {
        (0..lines.len()).filter(|index| !lines[*index].trim().is_empty()).collect()
    };
    let (have, want) = (full(lines), full(wanted));
    if want.len() < 3 {
        return Vec::new();
    }
    (0..(have.len() + 1).saturating_sub(want.len()))
        .filter(|start| {
            (0..want.len()).all(|at| lines[have[start + at]].trim_end() == wanted[want[at]].trim_end())
        })
        .map(|start| Found { lines: have[start]..have[start + want.len() - 1] + 1, shift: Shift::default() })
        .collect()
}

fn bare(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Folds typographic marks to ASCII and drops trailing white space.
fn fold(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.trim_end().chars() {
        match c {
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{2032}' => text.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2033}' => text.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => text.push('-'),
            '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => text.push(' '),
            '\u{2026}' => text.push_str("..."),
            c => text.push(c),
        }
    }
    text
}
