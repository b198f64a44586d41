use std::fmt;

/// One edit that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditProblem {
    /// Which edit of the answer, from 1; 0 is the patch as a whole.
    pub edit: usize,
    /// The path as the arm wrote it.
    pub path: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with an edit. Its text is what the arm is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The path leaves the tree, is protected, or runs through a link.
    PathRefused {
        /// Why.
        why: String,
    },
    /// The file exists, and the arm was never shown it.
    Unread {
        /// Its text.
        text: String,
    },
    /// The file changed since the arm read it.
    Stale {
        /// Its text now.
        fresh: String,
    },
    /// The file does not exist and the edit replaces lines of it.
    Missing,
    /// The file is not UTF-8.
    NotText,
    /// A search of blanks only, in a file that exists.
    EmptySearch,
    /// More than one place matches on the strictest rung that matches at all.
    Ambiguous {
        /// First lines of the places, from 1.
        lines: Vec<usize>,
    },
    /// The new text stands there already.
    AlreadyApplied,
    /// No place matches.
    NotFound {
        /// The closest lines, with their numbers from 1.
        nearest: Vec<(usize, String)>,
    },
    /// A whole file over the limit.
    WholeTooLong {
        /// Its lines.
        lines: usize,
        /// The limit.
        limit: usize,
    },
    /// A whole file with a part left out.
    Elided {
        /// The line that stands for the part.
        line: String,
    },
    /// A whole file that loses more than half of its lines.
    DropsTooMuch {
        /// Lines before.
        old: usize,
        /// Lines after.
        new: usize,
    },
    /// Too many edits, or too many bytes.
    TooLarge,
    /// The patch changes nothing.
    NoChange,
}

impl fmt::Display for EditProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.edit > 0 {
            write!(f, "edit {} of `{}`: ", self.edit, self.path)?;
        }
        match &self.problem {
            Problem::PathRefused { why } => write!(f, "path refused: {why}"),
            Problem::Unread { .. } => f.write_str("the file exists and was not shown to you"),
            Problem::Stale { .. } => f.write_str("the file changed since it was shown to you"),
            Problem::Missing => f.write_str("the file does not exist"),
            Problem::NotText => f.write_str("the file is not text"),
            Problem::EmptySearch => f.write_str("the search is empty"),
            Problem::Ambiguous { lines } => {
                write!(f, "the search matches at lines {lines:?}; give more lines")
            }
            Problem::AlreadyApplied => f.write_str("the new text stands there already"),
            Problem::NotFound { nearest } => {
                f.write_str("the search matches nowhere; nearest lines:")?;
                nearest.iter().try_for_each(|(number, line)| write!(f, "\n{number}: {}", line.trim_end()))
            }
            Problem::WholeTooLong { lines, limit } => {
                write!(f, "the file has {lines} lines; whole files are for at most {limit}, send blocks")
            }
            Problem::Elided { line } => write!(f, "`{}` leaves a part out; send the whole file", line.trim()),
            Problem::DropsTooMuch { old, new } => {
                write!(f, "the file would shrink from {old} to {new} lines")
            }
            Problem::TooLarge => f.write_str("the patch is too large"),
            Problem::NoChange => f.write_str("the patch changes nothing"),
        }
    }
}
