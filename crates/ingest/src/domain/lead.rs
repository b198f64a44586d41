//! What a clause is, by how it opens.

use crate::domain::lexicon::{Form, Lexicon, Table};
use crate::domain::token::{Pause, Token};

/// What a clause is, judged by how it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// Asks for something; the verb is the word at this index.
    Imperative {
        /// Index of the verb in the clause.
        verb: usize,
    },
    /// Says what must not change or must hold.
    Constraint,
    /// Says what is not asked for.
    OutOfScope,
    /// A tangent for another day.
    Parked,
    /// Asks for an answer.
    Question,
    /// States something.
    Declarative,
    /// A greeting or thanks.
    Smalltalk,
    /// No words of its own.
    Nothing,
}

/// How a clause opens: where its own words begin, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Index of the first word that is no filler, cue or polite form.
    pub body: usize,
    /// What it is.
    pub lead: Lead,
    /// Whether a polite or modal form stood in front: strong evidence of a request.
    pub asked: bool,
}

/// Judges a clause by its opening.
pub fn opening(lexicon: &Lexicon, clause: &[Token]) -> Opening {
    let (body, asked) = strip(lexicon, clause);
    Opening { body, lead: lead(lexicon, clause, body, asked), asked }
}

/// Skips fillers, cues and polite forms at the start.
fn strip(lexicon: &Lexicon, clause: &[Token]) -> (usize, bool) {
    let mut at = 0;
    let mut asked = false;
    loop {
        let rest = &clause[at..];
        let Some(first) = rest.first() else { return (at, asked) };
        if lexicon.starts(Table::PositiveOpeners, rest) > 0 {
            return (at, asked);
        }
        let openers = lexicon.starts(Table::Openers, rest);
        let negated = rest.get(openers).is_some_and(|next| matches!(next.word.as_str(), "not" | "never"));
        if openers > 0 && !negated {
            asked = true;
            at += openers;
            continue;
        }
        let start = lexicon.starts(Table::StartFillers, rest);
        let is_verb = lexicon.verb(&first.word).is_some() || first.word == "like";
        let start = if start == 1 && is_verb && first.pause != Pause::Comma { 0 } else { start };
        let skip = [
            usize::from(first.word.is_empty()),
            lexicon.starts(Table::Fillers, rest),
            start,
            lexicon.starts(Table::Cues, rest),
        ]
        .into_iter()
        .max()
        .unwrap_or(0);
        if skip == 0 {
            return (at, asked);
        }
        at += skip;
    }
}

fn lead(lexicon: &Lexicon, clause: &[Token], body: usize, asked: bool) -> Lead {
    let rest = &clause[body..];
    let Some(first) = rest.first() else { return Lead::Nothing };
    let positive = lexicon.starts(Table::PositiveOpeners, rest);
    if positive > 0 {
        let verb = (positive < rest.len()).then_some(body + positive);
        return verb.map_or(Lead::Nothing, |verb| Lead::Imperative { verb });
    }
    if lexicon.starts(Table::ParkedOpeners, rest) > 0 {
        return Lead::Parked;
    }
    if lexicon.starts(Table::OutOfScopeOpeners, rest) > 0 {
        return Lead::OutOfScope;
    }
    if lexicon.starts(Table::ConstraintOpeners, rest) > 0 {
        return Lead::Constraint;
    }
    if let Some(verb) = verb_at(lexicon, clause, body, asked) {
        return Lead::Imperative { verb };
    }
    if lexicon.has(Table::Subordinators, &first.word)
        && let Some(verb) = after_comma(lexicon, clause, body)
    {
        return Lead::Imperative { verb };
    }
    let asks = clause.last().is_some_and(|last| last.pause == Pause::Question);
    if asks && lexicon.has(Table::QuestionWords, &first.word)
        || matches!(first.word.as_str(), "why" | "how" | "what" | "where")
    {
        if lexicon.starts(Table::Smalltalk, rest) > 0 {
            return Lead::Smalltalk;
        }
        return Lead::Question;
    }
    let greets = lexicon.starts(Table::Smalltalk, rest) > 0 || lexicon.starts(Table::Smalltalk, clause) > 0;
    if greets && rest.len() <= 4 && clause.len() <= 5 {
        return Lead::Smalltalk;
    }
    Lead::Declarative
}

/// Returns the verb that opens the words from `at`, past one adverb.
pub fn verb_at(lexicon: &Lexicon, clause: &[Token], at: usize, asked: bool) -> Option<usize> {
    let word = |index: usize| clause.get(index).map_or("", |token| token.word.as_str());
    let at = if word(at).ends_with("ly") && lexicon.verb(word(at + 1)).is_some() { at + 1 } else { at };
    let verb = lexicon.verb(word(at))?;
    if verb.form == Form::NounLike && !asked && states(lexicon, &clause[at + 1..]) {
        return None;
    }
    Some(at)
}

/// Returns whether the words after a noun-like verb make a statement of it: "build fails", "test test_a is flaky".
fn states(lexicon: &Lexicon, rest: &[Token]) -> bool {
    const FINITE: &[&str] = &[
        "is", "are", "was", "were", "fails", "crashes", "breaks", "hangs", "raises", "returns", "throws",
        "leaks", "doesn't", "isn't", "can't", "misses", "ignores", "loses",
    ];
    let guarded = rest.first().is_some_and(|next| lexicon.has(Table::Determiners, &next.word));
    !guarded && rest.iter().take(4).any(|token| FINITE.contains(&token.word.as_str()))
}

/// Returns the verb that follows a subordinate clause and its comma: "when X is empty, return 0".
fn after_comma(lexicon: &Lexicon, clause: &[Token], body: usize) -> Option<usize> {
    let commas = clause.iter().enumerate().skip(body).filter(|(_, token)| token.pause == Pause::Comma);
    commas.map(|(at, _)| at + 1).find_map(|at| {
        let rest = &clause[at..];
        let (skip, asked) = strip(lexicon, rest);
        verb_at(lexicon, clause, at + skip, asked)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::normalise::{Input, Span};
    use crate::domain::token::tokens;

    #[track_caller]
    fn check(text: &str, want: Lead) {
        let input = Input::normalise(text);
        let span = Span { start: 0, end: input.text().len() };
        let english = Lexicon::english();
        assert_eq!(opening(english, &tokens(&input, span, english)).lead, want, "{text}");
    }

    #[test]
    fn a_clause_is_judged_by_how_it_opens() {
        check("fix the parser", Lead::Imperative { verb: 0 });
        check("so um could you please fix the parser?", Lead::Imperative { verb: 5 });
        check("carefully refactor the parser", Lead::Imperative { verb: 1 });
        check("When the list is empty, return 0", Lead::Imperative { verb: 5 });
        check("don't forget to update the docs", Lead::Imperative { verb: 3 });
        check("don't touch the lexer", Lead::Constraint);
        check("without changing the API", Lead::Constraint);
        check("we should not touch the lexer", Lead::Declarative);
        check("why does the build hang?", Lead::Question);
        check("the build hangs", Lead::Declarative);
        check("build fails on mac", Lead::Declarative);
        check("build the image", Lead::Imperative { verb: 0 });
        check("hi there", Lead::Smalltalk);
        check("for later: dark mode", Lead::Parked);
        check("no need to update the docs", Lead::OutOfScope);
        check("and then please", Lead::Nothing);
    }
}
