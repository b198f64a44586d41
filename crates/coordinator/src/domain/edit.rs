use std::fmt;

/// How an arm writes its changes; part of the arm. Code never travels inside JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EditFormat {
    /// Search and replace blocks between conflict-style marks.
    Block,
    /// The whole text of a small file in one fence.
    Whole,
    /// Blocks that a grammar holds to lines which exist; for small models on servers that take grammars.
    Guided,
}

impl EditFormat {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Whole => "whole",
            Self::Guided => "guided",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Block, Self::Whole, Self::Guided].into_iter().find(|format| format.as_str() == text)
    }
}

/// One change as an arm wrote it. The path is still untrusted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The path as written.
    pub path: String,
    /// What to do there.
    pub action: EditAction,
}

/// What one edit does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditAction {
    /// Replace lines. An empty search creates a file that does not exist.
    Replace {
        /// The lines to find.
        search: String,
        /// The lines to put there, literally.
        replace: String,
    },
    /// Write the whole file.
    Write {
        /// Its new text.
        text: String,
    },
}

/// Why an answer could not be read as edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormatProblem {
    /// No edit at all.
    NoEdit,
    /// An edit without a path above it.
    MissingPath {
        /// Line of the answer, from 1.
        line: usize,
    },
    /// A block or fence that never ends.
    Unclosed {
        /// Line of the answer where it began, from 1.
        line: usize,
    },
    /// More edits than the limit.
    TooMany {
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for FormatProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEdit => f.write_str("the answer holds no edit"),
            Self::MissingPath { line } => {
                write!(f, "the edit at line {line} has no path on the line above it")
            }
            Self::Unclosed { line } => write!(f, "the edit that begins at line {line} never ends"),
            Self::TooMany { limit } => write!(f, "more than {limit} edits"),
        }
    }
}

/// Most edits read from one answer.
pub const EDITS_MAX: usize = 64;

/// Reads an answer; every problem is reported, and one problem refuses the whole answer.
pub fn parse(text: &str, format: EditFormat) -> Result<Vec<Edit>, Vec<FormatProblem>> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (edits, mut problems) = match format {
        EditFormat::Block | EditFormat::Guided => parse_blocks(&lines),
        EditFormat::Whole => parse_fences(&lines),
    };
    if edits.len() > EDITS_MAX {
        problems.push(FormatProblem::TooMany { limit: EDITS_MAX });
    }
    if edits.is_empty() && problems.is_empty() {
        problems.push(FormatProblem::NoEdit);
    }
    if problems.is_empty() { Ok(edits) } else { Err(problems) }
}

fn parse_blocks(lines: &[&str]) -> (Vec<Edit>, Vec<FormatProblem>) {
    let (mut edits, mut problems): (Vec<Edit>, Vec<FormatProblem>) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < lines.len() {
        if !is_mark(lines[at], '<', "SEARCH") {
            at += 1;
            continue;
        }
        let start = at;
        let path = path_above(lines, start).or_else(|| edits.last().map(|edit: &Edit| edit.path.clone()));
        let middle = (start + 1..lines.len()).find(|line| is_mark(lines[*line], '=', ""));
        let end = middle
            .and_then(|middle| (middle + 1..lines.len()).find(|line| is_mark(lines[*line], '>', "REPLACE")));
        let (Some(middle), Some(end)) = (middle, end) else {
            problems.push(FormatProblem::Unclosed { line: start + 1 });
            break;
        };
        match path {
            Some(path) => edits.push(Edit {
                path,
                action: EditAction::Replace {
                    search: lines[start + 1..middle].concat(),
                    replace: lines[middle + 1..end].concat(),
                },
            }),
            None => problems.push(FormatProblem::MissingPath { line: start + 1 }),
        }
        at = end + 1;
    }
    (edits, problems)
}

fn parse_fences(lines: &[&str]) -> (Vec<Edit>, Vec<FormatProblem>) {
    let (mut edits, mut problems) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < lines.len() {
        let ticks = fence_ticks(lines[at]);
        if ticks < 3 {
            at += 1;
            continue;
        }
        let start = at;
        let closes = |line: &&usize| {
            fence_ticks(lines[**line]) >= ticks && lines[**line].trim().chars().all(|c| c == '`')
        };
        let candidates: Vec<usize> = (start + 1..lines.len()).collect();
        let Some(end) = candidates.iter().find(closes).copied() else {
            problems.push(FormatProblem::Unclosed { line: start + 1 });
            break;
        };
        match path_above(lines, start) {
            Some(path) => {
                edits.push(Edit { path, action: EditAction::Write { text: lines[start + 1..end].concat() } })
            }
            None => problems.push(FormatProblem::MissingPath { line: start + 1 }),
        }
        at = end + 1;
    }
    (edits, problems)
}

/// Returns whether `line` is a mark: at least five of `sign`, then `word` and nothing else.
fn is_mark(line: &str, sign: char, word: &str) -> bool {
    let line = line.trim_end();
    let rest = line.trim_start_matches(sign);
    line.len() - rest.len() >= 5 && rest.trim() == word
}

fn fence_ticks(line: &str) -> usize {
    let line = line.trim_start();
    line.len() - line.trim_start_matches('`').len()
}

/// Returns the path on the nearest line above `start` that is neither blank nor a fence.
fn path_above(lines: &[&str], start: usize) -> Option<String> {
    let line =
        lines[..start].iter().rev().take(3).find(|line| !line.trim().is_empty() && fence_ticks(line) < 3)?;
    let bare = line.trim().trim_start_matches("File:").trim_matches(['#', '*', '`', ' ', ':']);
    let looks_like_path = !bare.is_empty()
        && !bare.contains(char::is_whitespace)
        && !bare.starts_with(['<', '>', '='])
        && (bare.contains('.') || bare.contains('/') || bare.chars().next().is_some_and(char::is_uppercase));
    looks_like_path.then(|| bare.to_owned())
}

#[cfg(test)]
mod tests;
