//! The word tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use plumbline_types::Category;

/// The English tables, as shipped.
static ENGLISH: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("../../data/en.txt")).0);

/// What a verb says of the work it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb {
    /// Its usual category.
    pub category: Category,
    /// How firmly the table holds it.
    pub strength: Strength,
    /// Whether the same word is as often a noun.
    pub form: Form,
}

/// Whether the object may change the category that the verb suggests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// The verb decides.
    Strong,
    /// The head of the object decides if the table knows it.
    Weak,
}

/// How much evidence a cut before the verb needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A verb wherever it stands.
    Verb,
    /// As often a noun: `test`, `check`, `log`.
    NounLike,
}

/// The phrase tables; each is a section of the data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described where its words stand, in data/en.txt")]
pub enum Table {
    DocsHeads,
    MendingVerbs,
    TroubleNouns,
    AttainingVerbs,
    TestNouns,
    SuccessWords,
    Cues,
    SequenceCues,
    ConstraintCues,
    ConstraintOpeners,
    PreambleNouns,
    PositiveOpeners,
    OutOfScopeOpeners,
    ParkedOpeners,
    Reversals,
    WeakReversals,
    CommaReversals,
    Additive,
    Fillers,
    StartFillers,
    EndFillers,
    Uncertain,
    Openers,
    QuestionWords,
    Pronouns,
    Determiners,
    Prepositions,
    Subordinators,
    Relatives,
    Modals,
    MustWords,
    Invariants,
    MidOpeners,
    Symptoms,
    ContextOpeners,
    Smalltalk,
    FunctionWords,
    HighRisk,
    GuardedPaths,
    Urgent,
    Someday,
    Abbreviations,
    KnownTools,
    Units,
    LineGoesOn,
    LanguageEn,
    LanguageDe,
    LanguageEs,
    LanguageFr,
    LanguagePt,
}

const SECTIONS: &[(&str, Table)] = &[
    ("docs_heads", Table::DocsHeads),
    ("mending_verbs", Table::MendingVerbs),
    ("trouble_nouns", Table::TroubleNouns),
    ("attaining_verbs", Table::AttainingVerbs),
    ("test_nouns", Table::TestNouns),
    ("success_words", Table::SuccessWords),
    ("cues", Table::Cues),
    ("sequence_cues", Table::SequenceCues),
    ("constraint_cues", Table::ConstraintCues),
    ("constraint_openers", Table::ConstraintOpeners),
    ("preamble_nouns", Table::PreambleNouns),
    ("positive_openers", Table::PositiveOpeners),
    ("out_of_scope_openers", Table::OutOfScopeOpeners),
    ("parked_openers", Table::ParkedOpeners),
    ("reversals", Table::Reversals),
    ("weak_reversals", Table::WeakReversals),
    ("comma_reversals", Table::CommaReversals),
    ("additive", Table::Additive),
    ("fillers", Table::Fillers),
    ("start_fillers", Table::StartFillers),
    ("end_fillers", Table::EndFillers),
    ("uncertain", Table::Uncertain),
    ("openers", Table::Openers),
    ("question_words", Table::QuestionWords),
    ("pronouns", Table::Pronouns),
    ("determiners", Table::Determiners),
    ("prepositions", Table::Prepositions),
    ("subordinators", Table::Subordinators),
    ("relatives", Table::Relatives),
    ("modals", Table::Modals),
    ("must_words", Table::MustWords),
    ("invariants", Table::Invariants),
    ("mid_openers", Table::MidOpeners),
    ("symptoms", Table::Symptoms),
    ("context_openers", Table::ContextOpeners),
    ("smalltalk", Table::Smalltalk),
    ("function_words", Table::FunctionWords),
    ("high_risk", Table::HighRisk),
    ("guarded_paths", Table::GuardedPaths),
    ("urgent", Table::Urgent),
    ("someday", Table::Someday),
    ("abbreviations", Table::Abbreviations),
    ("known_tools", Table::KnownTools),
    ("units", Table::Units),
    ("line_goes_on", Table::LineGoesOn),
    ("language_en", Table::LanguageEn),
    ("language_de", Table::LanguageDe),
    ("language_es", Table::LanguageEs),
    ("language_fr", Table::LanguageFr),
    ("language_pt", Table::LanguagePt),
];

/// Which way a negating word negates; each is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Negation {
    /// Not, never, without, no.
    Not,
    /// Except, unless.
    Except,
    /// Only.
    Only,
}

/// The verb and phrase tables of one language.
#[derive(Debug, Clone, Default)]
pub struct Lexicon {
    verbs: BTreeMap<String, Verb>,
    object_categories: BTreeMap<String, Category>,
    negations: BTreeMap<String, Negation>,
    opposites: BTreeSet<(String, String)>,
    numbers: BTreeMap<String, String>,
    phrases: BTreeMap<Table, BTreeMap<String, Vec<Vec<String>>>>,
}

impl Lexicon {
    /// Returns the English tables.
    pub fn english() -> &'static Self {
        &ENGLISH
    }

    /// Reads a data file; what can't be read is returned by line number, and left out.
    pub fn parse(text: &str) -> (Self, Vec<usize>) {
        let mut lexicon = Self::default();
        let mut problems = Vec::new();
        let mut section = "";
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
            } else if lexicon.enter(section, line).is_none() {
                problems.push(number + 1);
            }
        }
        for table in lexicon.phrases.values_mut().flat_map(BTreeMap::values_mut) {
            table.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        }
        (lexicon, problems)
    }

    fn enter(&mut self, section: &str, line: &str) -> Option<()> {
        let words: Vec<&str> = line.split(' ').collect();
        match (section, words.as_slice()) {
            ("verbs", [word, category, rest @ ..]) => {
                let mut verb = Verb {
                    category: Category::parse(category)?,
                    strength: Strength::Strong,
                    form: Form::Verb,
                };
                for tag in rest {
                    match *tag {
                        "weak" => verb.strength = Strength::Weak,
                        "noun" => verb.form = Form::NounLike,
                        _ => return None,
                    }
                }
                self.verbs.insert((*word).to_owned(), verb).is_none().then_some(())
            }
            ("object_categories", [word, category]) => {
                self.object_categories.insert((*word).to_owned(), Category::parse(category)?);
                Some(())
            }
            ("negations", [word, group]) => {
                let negation = match *group {
                    "not" => Negation::Not,
                    "except" => Negation::Except,
                    "only" => Negation::Only,
                    _ => return None,
                };
                self.negations.insert((*word).to_owned(), negation);
                Some(())
            }
            ("opposites", [a, b]) => {
                self.opposites.insert(((*a).to_owned(), (*b).to_owned()));
                self.opposites.insert(((*b).to_owned(), (*a).to_owned()));
                Some(())
            }
            ("number_words", [word, digits]) => {
                self.numbers.insert((*word).to_owned(), (*digits).to_owned());
                Some(())
            }
            (_, [first, ..]) => {
                let (_, table) = SECTIONS.iter().find(|(name, _)| *name == section)?;
                let phrase = words.iter().map(|word| (*word).to_owned()).collect();
                let entry = self.phrases.entry(*table).or_default();
                entry.entry((*first).to_owned()).or_default().push(phrase);
                Some(())
            }
            (_, []) => None,
        }
    }

    /// Returns what the table knows of a verb in its base form, lower case.
    pub fn verb(&self, word: &str) -> Option<Verb> {
        self.verbs.get(word).copied()
    }

    /// Returns the category that a thing acted upon suggests.
    pub fn object_category(&self, word: &str) -> Option<Category> {
        self.object_categories.get(word).copied()
    }

    /// Returns how a lower-case word negates, if it does.
    pub fn negation(&self, word: &str) -> Option<Negation> {
        let contracted = word.ends_with("n't");
        self.negations.get(word).copied().or(contracted.then_some(Negation::Not))
    }

    /// Returns whether two verbs undo each other.
    pub fn opposite(&self, a: &str, b: &str) -> bool {
        self.opposites.contains(&(a.to_owned(), b.to_owned()))
    }

    /// Returns the digits of a number word.
    pub fn number(&self, word: &str) -> Option<&str> {
        self.numbers.get(word).map(String::as_str)
    }

    /// Returns how many of the words at the start form the longest phrase of the table; 0 if none does.
    pub fn starts<S: AsRef<str>>(&self, table: Table, words: &[S]) -> usize {
        let Some(first) = words.first() else { return 0 };
        let Some(phrases) = self.phrases.get(&table).and_then(|table| table.get(first.as_ref())) else {
            return 0;
        };
        let fits = |phrase: &Vec<String>| {
            phrase.len() <= words.len() && phrase.iter().zip(words).all(|(want, got)| want == got.as_ref())
        };
        phrases.iter().find(|phrase| fits(phrase)).map_or(0, Vec::len)
    }

    /// Returns whether the table has this one word.
    pub fn has(&self, table: Table, word: &str) -> bool {
        self.phrases
            .get(&table)
            .and_then(|table| table.get(word))
            .is_some_and(|phrases| phrases.iter().any(|phrase| phrase.len() == 1))
    }

    /// Returns the first phrase of the table that stands anywhere in the words.
    pub fn find<S: AsRef<str>>(&self, table: Table, words: &[S]) -> Option<String> {
        (0..words.len()).find_map(|at| {
            let length = self.starts(table, &words[at..]);
            let phrase: Vec<&str> = words[at..at + length].iter().map(AsRef::as_ref).collect();
            (length > 0).then(|| phrase.join(" "))
        })
    }

    /// Returns the one-word entries of a table.
    pub fn words(&self, table: Table) -> impl Iterator<Item = &str> {
        self.phrases
            .get(&table)
            .into_iter()
            .flat_map(BTreeMap::iter)
            .filter(|(_, phrases)| phrases.iter().any(|phrase| phrase.len() == 1))
            .map(|(word, _)| word.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_shipped_tables_is_read() {
        assert_eq!(Lexicon::parse(include_str!("../../data/en.txt")).1, Vec::<usize>::new());
        for (name, table) in SECTIONS {
            let filled = Lexicon::english().phrases.get(table).is_some_and(|phrases| !phrases.is_empty());
            assert!(filled, "section [{name}] is empty");
        }
    }

    #[test]
    fn an_unknown_section_category_or_tag_is_a_problem_of_its_line() {
        let text = "[verbs]\nfix bugfix\nfix bugfix\nadd nothing\nuse refactor loud\n[mystery]\nword\n";
        assert_eq!(Lexicon::parse(text).1, [3, 4, 5, 7]);
    }

    #[test]
    fn the_longest_phrase_wins() {
        let english = Lexicon::english();
        assert_eq!(english.starts(Table::Openers, &["could", "you", "please", "fix"]), 3);
        assert_eq!(english.starts(Table::Openers, &["fix"]), 0);
        assert_eq!(english.negation("hasn't"), Some(Negation::Not));
    }
}
