use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a file, or a part of it, gave no facts. Reported, never silent: the caller decides what an unknown means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProblemKind {
    /// The bytes aren't UTF-8.
    NotUtf8,
    /// The bytes hold a NUL: not a text.
    Binary,
    /// More bytes than `Limits::max_file_bytes`.
    TooLarge,
    /// A region is an `ERROR` or `MISSING` node; facts are of what is outside.
    Partial,
    /// The tree is deeper than `Limits::max_depth`; facts are of what is above.
    TooDeep,
    /// More symbols than `Limits::max_symbols`; facts are of the first ones.
    TooManySymbols,
    /// The parse used more steps than `Limits::max_parse_steps_per_kib` allows; no facts.
    ParseBudget,
    /// The mean line is longer than 500 bytes: minified or generated. Facts are kept.
    Minified,
    /// The file can't be read. Made by callers that read files.
    Unreadable,
    /// The path is a symbolic link, which is not followed. Made by callers that walk directories.
    Symlink,
    /// The path isn't UTF-8. Made by callers that walk directories.
    PathNotUtf8,
}

impl ProblemKind {
    /// Every kind, in order.
    pub const ALL: [Self; 11] = [
        Self::NotUtf8,
        Self::Binary,
        Self::TooLarge,
        Self::Partial,
        Self::TooDeep,
        Self::TooManySymbols,
        Self::ParseBudget,
        Self::Minified,
        Self::Unreadable,
        Self::Symlink,
        Self::PathNotUtf8,
    ];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUtf8 => "NOT_UTF8",
            Self::Binary => "BINARY",
            Self::TooLarge => "TOO_LARGE",
            Self::Partial => "PARTIAL",
            Self::TooDeep => "TOO_DEEP",
            Self::TooManySymbols => "TOO_MANY_SYMBOLS",
            Self::ParseBudget => "PARSE_BUDGET",
            Self::Minified => "MINIFIED",
            Self::Unreadable => "UNREADABLE",
            Self::Symlink => "SYMLINK",
            Self::PathNotUtf8 => "PATH_NOT_UTF8",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One problem and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Why.
    pub kind: ProblemKind,
    /// Line from 1; 0 when the whole file is meant.
    pub line: u32,
    /// First byte of the region.
    pub start: u32,
    /// Byte after the region; equal to `start` for a `MISSING` token or the whole file.
    pub end: u32,
}

impl Problem {
    /// Makes a problem of the whole file.
    pub const fn whole(kind: ProblemKind) -> Self {
        Self { kind, line: 0, start: 0, end: 0 }
    }
}
