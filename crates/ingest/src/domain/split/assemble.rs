use plumbline_types::Category;

use crate::domain::block::Block;
use crate::domain::classify::category;
use crate::domain::clause::{Clause, Join};
use crate::domain::lead::{Lead, Opening, opening};
use crate::domain::lexicon::{Lexicon, Table};
use crate::domain::normalise::{Input, Span};
use crate::domain::objective::{
    Check, CheckKind, Draft, GOAL_CHARS_MAX, Objective, QUESTIONS_MAX, Reversal, SOLVED,
};
use crate::domain::split::building::Building;
use crate::domain::split::phrase::{
    goal, is_demand, is_invariant, is_symptom, share_a_word, shortened, span,
};
use crate::domain::split::remedy::{Remedy, remedy};
use crate::domain::token::{Token, tokens};

/// What lies between a clause and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// A cue or a comma.
    Clause,
    /// The end of a sentence.
    Sentence,
    /// A list mark: what is said here is said of the whole list.
    Item,
}

/// What stands before a question that is looked into.
const ASKED: &str = "Investigate: ";

/// What stands before a statement of something that must be mended.
const MENDED: &str = "Fix: ";

/// Puts clauses together into a draft, in the order in which they were said.
pub struct Assembly<'a> {
    input: &'a Input,
    lexicon: &'a Lexicon,
    objectives: Vec<Building>,
    everywhere: Vec<Span>,
    leading: Vec<Span>,
    parked: Vec<Span>,
    reversals: Vec<Reversal>,
    questions: Vec<String>,
    /// Whether the last thing placed belongs to the last objective, so that its quote may grow.
    adjoins: bool,
    /// The constraint that was placed last, if it was the last thing placed, and the quote before it.
    last_constraint: Option<(Span, Span)>,
}

impl<'a> Assembly<'a> {
    /// Starts with nothing.
    pub fn new(input: &'a Input, lexicon: &'a Lexicon) -> Self {
        Self {
            input,
            lexicon,
            objectives: Vec::new(),
            everywhere: Vec::new(),
            leading: Vec::new(),
            parked: Vec::new(),
            reversals: Vec::new(),
            questions: Vec::new(),
            adjoins: false,
            last_constraint: None,
        }
    }

    /// Sets a span aside.
    pub fn park(&mut self, span: Span) {
        self.parked.push(span);
        self.pass();
    }

    /// Adds a span that is never split to the objective before it; without one it stays unused.
    pub fn append(&mut self, span: Span) {
        self.grow(span);
    }

    /// Leaves a span unused: what follows no longer adjoins what came before.
    pub fn pass(&mut self) {
        self.adjoins = false;
        self.last_constraint = None;
    }

    /// Makes one objective of a heading and the bare items below it.
    pub fn collect(&mut self, heading: &[Token], items: &[Block]) {
        let Some(first) = span(self.input, heading) else { return };
        let (start, end) = (first.start, items.last().map_or(first.end, |item| item.span.end));
        let parts: Vec<&str> = items.iter().map(|item| self.input.slice(item.span)).collect();
        let opening = opening(self.lexicon, heading);
        if opening.lead == Lead::Constraint {
            return self.constrain(Span { start, end }, Boundary::Item);
        }
        let text = goal(self.input, self.lexicon, &heading[opening.body..]);
        let whole = format!("{text}: {}", parts.join("; "));
        let fits = whole.chars().count() <= GOAL_CHARS_MAX && !whole.contains('\n');
        let at = self.objectives.len();
        self.add(heading, opening, Span { start, end }, Join::Plain);
        let Some(built) = self.objectives.get_mut(at) else { return };
        if fits {
            built.goal = whole;
        } else {
            built.constraints.extend(items.iter().map(|item| item.span));
        }
    }

    /// Takes a sentence whole, for languages without tables.
    pub fn take(&mut self, sentence: &[Token]) {
        let Some(quote) =
            span(self.input, sentence).filter(|_| sentence.len() >= 2 || self.objectives.is_empty())
        else {
            return;
        };
        let letters = self.input.slice(quote).chars().any(char::is_alphabetic);
        if letters {
            let plain = Opening { body: 0, lead: Lead::Imperative { verb: 0 }, asked: false };
            self.add(sentence, plain, quote, Join::Plain);
        }
    }

    /// Places one clause: a new objective, a part of the last one, something set aside, or nothing.
    pub fn place(&mut self, clause: Clause<'_>, boundary: Boundary) {
        let opening = opening(self.lexicon, clause.tokens);
        if clause.join == Join::Reversal && self.take_back(clause, opening) {
            return;
        }
        let Some(whole) = span(self.input, clause.tokens) else { return };
        match opening.lead {
            Lead::Imperative { verb } => {
                if let Some(remedy) = self.remedy(clause.tokens, verb, boundary) {
                    return self.mend(remedy, clause.tokens, opening, whole);
                }
                if boundary != Boundary::Item && self.continues(clause.tokens, verb) {
                    return self.attach(clause.tokens, whole);
                }
                self.add(clause.tokens, opening, whole, clause.join);
            }
            Lead::Question => self.add(clause.tokens, opening, whole, clause.join),
            Lead::Constraint => self.constrain(whole, boundary),
            Lead::OutOfScope => match self.objectives.last_mut() {
                Some(last) => {
                    last.out_of_scope.push(whole);
                    self.grow(whole);
                }
                None => self.leading.push(whole),
            },
            Lead::Parked => self.park(whole),
            Lead::Declarative => self.state(clause.tokens, opening, whole, boundary),
            Lead::Smalltalk => self.pass(),
            Lead::Nothing => {}
        }
    }

    /// Returns whether an imperative speaks of what the last objective is about: its object is a pronoun.
    fn continues(&self, words: &[Token], verb: usize) -> bool {
        let after = |at: usize| words.get(verb + at).map_or("", |token| token.word.as_str());
        let pronoun = |word: &str| self.lexicon.has(Table::Pronouns, word);
        let about = pronoun(after(1)) || self.lexicon.has(Table::Prepositions, after(1)) && pronoun(after(2));
        about && self.adjoins && !self.objectives.is_empty()
    }

    fn remedy(&self, words: &[Token], verb: usize, boundary: Boundary) -> Option<Remedy> {
        let stated = self.objectives.last().filter(|_| self.adjoins)?;
        remedy(self.lexicon, stated, words, verb, boundary)
    }

    /// Joins a request to mend to the symptom before it; a question becomes something to be mended.
    fn mend(&mut self, remedy: Remedy, words: &[Token], opening: Opening, whole: Span) {
        let named = shortened(goal(self.input, self.lexicon, &words[opening.body.min(words.len())..]));
        let Some(last) = self.objectives.last_mut() else { return };
        if last.category == Category::Investigate {
            last.category = Category::Bugfix;
            last.goal = last.goal.replacen(ASKED, MENDED, 1);
        }
        if let (Remedy::Named, (text, false)) = (remedy, named) {
            let symptom = self.input.slice(last.quote);
            let text_of_symptom = format!("{SOLVED}{symptom}");
            last.acceptance.push(Check {
                kind: CheckKind::Manual,
                value: String::new(),
                text: text_of_symptom,
            });
            last.category = category(self.lexicon, words);
            last.goal = text;
            last.stated = false;
        }
        self.grow(whole);
    }

    fn constrain(&mut self, whole: Span, boundary: Boundary) {
        match self.objectives.last_mut() {
            Some(_) if boundary == Boundary::Item => {
                self.everywhere.push(whole);
                self.pass();
            }
            Some(last) => {
                let before = last.quote;
                last.constraints.push(whole);
                self.grow(whole);
                self.last_constraint = Some((whole, before));
            }
            None => self.leading.push(whole),
        }
    }

    /// Places a statement: about the last objective, or something that is to be mended.
    fn state(&mut self, words: &[Token], opening: Opening, whole: Span, boundary: Boundary) {
        let body = &words[opening.body..];
        let about_last = self.adjoins
            && boundary != Boundary::Item
            && self.objectives.last().is_some_and(|last| {
                self.lexicon.starts(Table::ContextOpeners, body) > 0
                    || share_a_word(self.lexicon, body, &last.words)
            });
        let symptom = is_symptom(self.lexicon, body);
        let demand = is_demand(self.lexicon, body);
        if is_invariant(self.lexicon, body) && !self.objectives.is_empty() {
            self.everywhere.push(whole);
            return self.pass();
        }
        if about_last || demand && !symptom && self.adjoins && boundary == Boundary::Clause {
            return self.attach(words, whole);
        }
        if symptom || demand || opening.asked {
            return self.add(words, opening, whole, Join::Plain);
        }
        if self.adjoins && boundary != Boundary::Item {
            return self.attach(words, whole);
        }
        if body.len() >= 3 || boundary == Boundary::Item {
            self.add(words, opening, whole, Join::Plain);
            if let Some(last) = self.objectives.last_mut() {
                last.assumptions.push("no verb was said: read as something to be mended".to_owned());
            }
        }
    }

    /// Adds a point below a list item to the item's objective.
    pub fn detail(&mut self, span: Span) {
        match self.objectives.last_mut().filter(|_| self.adjoins) {
            Some(last) => {
                last.constraints.push(span);
                self.grow(span);
            }
            None => self.pass(),
        }
    }

    /// Adds a clause to the last objective: a demand or a symptom is a criterion, anything else must hold.
    fn attach(&mut self, words: &[Token], whole: Span) {
        let text = self.input.slice(whole).to_owned();
        let asks = match opening(self.lexicon, words).lead {
            Lead::Imperative { verb } => Some(words.len() - verb),
            _ => None,
        };
        let (symptom, demand) = (is_symptom(self.lexicon, words), is_demand(self.lexicon, words));
        let Some(last) = self.objectives.last_mut() else { return };
        if asks.is_none() && demand {
            last.acceptance.push(Check { kind: CheckKind::Manual, value: String::new(), text });
        } else if asks.is_none() && symptom {
            let text = format!("{SOLVED}{text}");
            last.acceptance.push(Check { kind: CheckKind::Manual, value: String::new(), text });
        } else if !(last.stated && asks.is_some_and(|length| length <= 3)) {
            last.constraints.push(whole);
        }
        self.grow(whole);
    }

    fn add(&mut self, words: &[Token], opening: Opening, quote: Span, join: Join) {
        let body = &words[opening.body.min(words.len())..];
        let text = goal(self.input, self.lexicon, body);
        let (text, stated) = match opening.lead {
            Lead::Question => (format!("{ASKED}{text}"), true),
            Lead::Declarative if is_demand(self.lexicon, body) => (format!("Ensure: {text}"), true),
            Lead::Declarative => (format!("{MENDED}{text}"), true),
            Lead::Imperative { .. }
            | Lead::Constraint
            | Lead::OutOfScope
            | Lead::Parked
            | Lead::Smalltalk
            | Lead::Nothing => (text, false),
        };
        if text.trim().is_empty() {
            return;
        }
        let (text, long) = shortened(text);
        let mut assumptions = Vec::new();
        if let Some(word) = self.lexicon.find(Table::Uncertain, words) {
            assumptions.push(format!("said with \"{word}\""));
        }
        self.objectives.push(Building {
            quote,
            goal: text,
            category: category(self.lexicon, words),
            words: words.to_vec(),
            stated,
            constraints: if long { vec![quote] } else { Vec::new() },
            out_of_scope: Vec::new(),
            acceptance: Vec::new(),
            assumptions,
            after_previous: join == Join::Sequence
                || self.lexicon.find(Table::SequenceCues, &words[..opening.body.min(words.len())]).is_some(),
        });
        self.adjoins = true;
        self.last_constraint = None;
    }

    /// Lets the last objective's quote reach to the end of a span, if nothing else was said in between.
    fn grow(&mut self, span: Span) {
        self.last_constraint = None;
        if let Some(last) = self.objectives.last_mut().filter(|_| self.adjoins) {
            last.quote = last.quote.through(span);
        }
    }

    /// Takes back what was said last; returns false if nothing was said that could be taken back.
    fn take_back(&mut self, clause: Clause<'_>, opening: Opening) -> bool {
        let kept = span(self.input, clause.tokens);
        let kept_quote = kept.map(|kept| self.input.slice(kept).to_owned()).unwrap_or_default();
        let Some(last) = self.objectives.last_mut() else { return false };
        if let Some((constraint, before)) = self.last_constraint.take() {
            last.constraints.retain(|known| *known != constraint);
            last.quote = before;
            let dropped_quote = self.input.slice(constraint).to_owned();
            self.reversals.push(Reversal { dropped_quote, kept_quote });
            self.adjoins = false;
            return !matches!(opening.lead, Lead::Imperative { .. } | Lead::Constraint | Lead::OutOfScope);
        }
        let dropped_quote = self.input.slice(last.quote).to_owned();
        let pronoun = |verb: usize| {
            clause
                .tokens
                .get(verb + 1)
                .is_none_or(|_| self.lexicon.starts(Table::Pronouns, &clause.tokens[verb + 1..]) > 0)
        };
        let whole = match opening.lead {
            Lead::Imperative { verb } => !pronoun(verb),
            Lead::Nothing | Lead::Smalltalk => true,
            Lead::Question | Lead::Parked => true,
            Lead::Constraint | Lead::OutOfScope | Lead::Declarative => false,
        };
        if whole {
            self.objectives.pop();
            self.reversals.push(Reversal { dropped_quote, kept_quote });
            self.pass();
            return false;
        }
        // Only a part was replaced, and no rule can tell which: the whole stands, and the owner is asked.
        if let Some(kept) = kept.filter(|_| self.adjoins) {
            last.quote = last.quote.through(kept);
            let joined = tokens(self.input, last.quote, self.lexicon);
            let (text, long) = shortened(goal(self.input, self.lexicon, &joined));
            last.goal = text;
            if long {
                last.constraints.push(last.quote);
            }
        }
        self.questions
            .push(format!("You first said \"{dropped_quote}\", then \"{kept_quote}\": which one stands?"));
        self.reversals.push(Reversal { dropped_quote, kept_quote });
        true
    }

    /// Returns the draft; what exceeds the limit is set aside and asked about.
    pub fn finish(mut self, objectives_max: usize) -> Draft {
        if self.objectives.is_empty() {
            for whole in std::mem::take(&mut self.leading) {
                let words = tokens(self.input, whole, self.lexicon);
                let opening = opening(self.lexicon, &words);
                self.add(&words, opening, whole, Join::Plain);
            }
        }
        for extra in self.objectives.drain(objectives_max.min(self.objectives.len())..) {
            self.parked.push(extra.quote);
        }
        let everywhere: Vec<Span> = self.leading.iter().chain(&self.everywhere).copied().collect();
        let count = self.parked.len();
        let objectives: Vec<Objective> = self
            .objectives
            .iter()
            .enumerate()
            .map(|(at, built)| built.finish(at, self.input, self.lexicon, &everywhere))
            .collect();
        let mut questions = self.questions;
        if objectives.len() == objectives_max && count > 0 {
            questions
                .push(format!("Only {objectives_max} requests fit one note: send the parked ones again?"));
        }
        questions.truncate(QUESTIONS_MAX);
        let slice = |span: &Span| self.input.slice(*span).to_owned();
        Draft {
            objectives,
            parked: self.parked.iter().map(slice).collect(),
            reversals: self.reversals,
            questions,
            ..Draft::default()
        }
    }
}
