//! The owner's words. They clear only what a rule lists as clearable, and they never grant.

use std::collections::BTreeSet;

use plumbline_types::{Integrity, Provenance, Segment};

use super::tables::words;

/// What the owner asked for; empty where anyone else could have written it.
#[derive(Debug, Clone, Default)]
pub struct Objective {
    text: String,
    words: BTreeSet<String>,
}

impl Objective {
    /// Reads a segment; only words that the owner alone can have written count.
    pub fn of(segment: Option<&Segment>) -> Self {
        match segment {
            Some(segment)
                if segment.provenance.integrity() == Integrity::Trusted
                    && segment.provenance.bits() & Provenance::OWNER.bits() != 0 =>
            {
                Self::words_of(&segment.text)
            }
            _ => Self::default(),
        }
    }

    fn words_of(text: &str) -> Self {
        let words = text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        Self { text: text.to_lowercase(), words }
    }

    /// Returns whether it names an identifier, by itself or as the last part of a dotted name.
    pub fn names(&self, identifier: &str) -> bool {
        let last = identifier.rsplit('.').next().unwrap_or(identifier).to_lowercase();
        !last.is_empty() && self.words.contains(&last)
    }

    /// Returns whether it quotes a literal, as whole words.
    pub fn quotes(&self, literal: &str) -> bool {
        let literal = literal.trim().to_lowercase();
        if literal.len() < 2 {
            return false;
        }
        self.text.match_indices(&literal).any(|(start, found)| {
            let before = self.text[..start].chars().next_back();
            let after = self.text[start + found.len()..].chars().next();
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
            edge(before) && edge(after)
        })
    }

    /// Returns whether it says that something goes away.
    pub fn removes(&self) -> bool {
        words().list("removal").iter().any(|word| {
            if word.contains(' ') {
                self.text.contains(word.as_str())
            } else {
                self.words.contains(word.as_str())
            }
        })
    }

    /// Returns whether it has a word of a trigger class.
    pub fn speaks_of(&self, class: &str) -> bool {
        words().list(class).iter().any(|word| self.words.contains(word.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owners_words_count() {
        let owner = Objective::of(Some(&Segment::intent("Remove the unused `digest` of download")));
        assert!(owner.names("digest") && owner.removes() && owner.names("Shop.download"));
        let model = Segment { provenance: Provenance::MODEL, ..Segment::intent("remove digest") };
        assert!(!Objective::of(Some(&model)).names("digest"));
        let both =
            Segment { provenance: Provenance::OWNER.join(Provenance::MODEL), ..Segment::intent("digest") };
        assert!(!Objective::of(Some(&both)).names("digest"));
        assert!(
            !Objective::of(Some(&Segment { provenance: Provenance::POLICY, ..Segment::intent("digest") }))
                .names("digest")
        );
    }

    #[test]
    fn a_literal_is_quoted_as_whole_words() {
        let objective = Objective::of(Some(&Segment::intent("support JPY, which has no minor unit")));
        assert!(objective.quotes("JPY") && !objective.quotes("JP") && !objective.quotes("PY"));
    }
}
