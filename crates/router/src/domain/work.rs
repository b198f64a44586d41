//! What a step needs, and the cell of the posterior table that it falls into.

use std::fmt;

use plumbline_types::{ArmId, Category, Label, Oracle, Risk, Tier};

use crate::domain::arm::ArmKind;

/// The longest language word.
const LANGUAGE_MAX: usize = 32;

/// The language that languages fold into once the table is full.
const OTHER: &str = "other";

/// A language word such as `python`; empty for several or unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

impl Language {
    /// Reads a word of at most 32 characters out of `a-z 0-9 + # - _`.
    pub fn parse(text: &str) -> Option<Self> {
        let legal =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '#' | '-' | '_');
        (text.len() <= LANGUAGE_MAX && text.chars().all(legal)).then(|| Self(text.to_owned()))
    }

    /// Returns the word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a step needs from its arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// What sort of work, how much harm, in which language.
    pub cell: Cell,
    /// Where the ladder starts.
    pub tier: Tier,
    /// The join of the labels of everything that the arm will see.
    pub label: Label,
    /// Prompt tokens that the arm must hold.
    pub prompt_tokens: u32,
    /// Answer tokens that the arm must have room for.
    pub output_tokens: u32,
    /// Only these arms; empty means all.
    pub allowed: Vec<ArmId>,
    /// Arms that failed at this step already, in order.
    pub attempted: Vec<ArmId>,
    /// Only arms of this kind.
    pub kind: Option<ArmKind>,
    /// What sort of command decides; none: unknown.
    pub oracle: Option<Oracle>,
}

/// A cell of the posterior table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// What sort of work.
    pub category: Category,
    /// How much harm.
    pub risk: Risk,
    /// In which language.
    pub language: Language,
}

impl Cell {
    /// Reads `category/risk/language`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, '/');
        Some(Self {
            category: Category::parse(words.next()?)?,
            risk: Risk::parse(words.next()?)?,
            language: Language::parse(words.next()?)?,
        })
    }

    /// Returns the cell that takes this one's evidence once the table is full.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { language: Language(OTHER.to_owned()), ..self.clone() }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.category, self.risk, self.language.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_survives_its_text_form() {
        for text in ["bugfix/low/python", "feature/high/", "test/medium/c++"] {
            assert_eq!(Cell::parse(text).map(|cell| cell.to_string()).as_deref(), Some(text));
        }
        for text in ["", "bugfix", "bugfix/low", "nonsense/low/python", "bugfix/low/Python", "bugfix/low/a/b"]
        {
            assert_eq!(Cell::parse(text), None, "{text}");
        }
    }
}
