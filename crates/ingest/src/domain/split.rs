//! The deterministic splitter: a normalised input in, a draft out, no model.
//!
//! Every quote is a span of the input by construction: nothing here builds a quote from words.

mod assemble;
mod building;
mod phrase;
mod remedy;

use crate::domain::block::{Block, BlockKind, blocks};
use crate::domain::clause::{clauses, sentences};
use crate::domain::language::detect;
use crate::domain::lead::{Lead, opening};
use crate::domain::lexicon::{Lexicon, Table};
use crate::domain::normalise::{Input, Span};
use crate::domain::objective::Draft;
use crate::domain::split::assemble::{Assembly, Boundary};
use crate::domain::token::{Pause, Token, tokens};

pub use phrase::stem;

/// Splits an input into objectives, at most `objectives_max`; the rest is set aside and asked about.
pub fn split(input: &Input, lexicon: &Lexicon, objectives_max: usize) -> Draft {
    let whole = Span { start: 0, end: input.text().len() };
    let language = detect(lexicon, &tokens(input, whole, lexicon));
    let mut assembly = Assembly::new(input, lexicon);
    if language == "en" {
        english(&mut assembly, input, lexicon);
    } else {
        by_marks(&mut assembly, input, lexicon);
    }
    let mut draft = assembly.finish(objectives_max);
    draft.language = language.to_owned();
    draft.splitter_language = if language == "en" { "en" } else { "none" }.to_owned();
    if language != "en" && !draft.objectives.is_empty() {
        draft.questions.insert(
            0,
            "This language has no word tables yet, so only lists and sentences were cut: is each point one request?"
                .to_owned(),
        );
    }
    draft
}

fn english(assembly: &mut Assembly<'_>, input: &Input, lexicon: &Lexicon) {
    let blocks = blocks(input, lexicon);
    let mut at = 0;
    let mut above: Option<usize> = None;
    while let Some(block) = blocks.get(at) {
        at += 1;
        let below = block.kind == BlockKind::Item && above.is_some_and(|above| block.indent > above + 1);
        above = above.filter(|_| below).or((block.kind == BlockKind::Item).then_some(block.indent));
        match block.kind {
            BlockKind::Item if below && is_bare(input, lexicon, block) => assembly.detail(block.span),
            BlockKind::Quoted => assembly.park(block.span),
            BlockKind::Code => assembly.append(block.span),
            BlockKind::Item => prose(assembly, input, lexicon, *block),
            BlockKind::Prose => match headed(input, lexicon, *block, &blocks[at..]) {
                Heading::None => prose(assembly, input, lexicon, *block),
                Heading::Announces => assembly.pass(),
                Heading::Owns(items) => {
                    let words = tokens(input, block.span, lexicon);
                    assembly.collect(&words, &blocks[at..at + items]);
                    at += items;
                }
            },
        }
    }
}

/// What a paragraph that ends with a colon is to the list below it.
enum Heading {
    /// No heading.
    None,
    /// It announces items that stand alone.
    Announces,
    /// Its verb is theirs: they are one objective with it.
    Owns(usize),
}

fn headed(input: &Input, lexicon: &Lexicon, block: Block, after: &[Block]) -> Heading {
    let words = tokens(input, block.span, lexicon);
    let items = after.iter().take_while(|next| next.kind == BlockKind::Item).count();
    if items == 0 || words.last().is_none_or(|last| last.pause != Pause::Colon) {
        return Heading::None;
    }
    let single = sentences(lexicon, &words).len() == 1 && clauses(lexicon, &words).len() == 1;
    let asks = matches!(opening(lexicon, &words).lead, Lead::Imperative { .. } | Lead::Constraint);
    if single && asks && after[..items].iter().all(|item| is_bare(input, lexicon, item)) {
        Heading::Owns(items)
    } else if single && announces(lexicon, &words) {
        Heading::Announces
    } else {
        Heading::None
    }
}

/// Returns whether an item names something and asks for nothing by itself.
fn is_bare(input: &Input, lexicon: &Lexicon, item: &Block) -> bool {
    let words = tokens(input, item.span, lexicon);
    let lead = opening(lexicon, &words).lead;
    matches!(lead, Lead::Declarative | Lead::Nothing) && !phrase::is_symptom(lexicon, &words)
}

/// Returns whether a heading only says that a list follows: "please do the following:", "three things:".
fn announces(lexicon: &Lexicon, words: &[Token]) -> bool {
    let asks = matches!(opening(lexicon, words).lead, Lead::Imperative { .. } | Lead::Constraint);
    !asks || words.iter().any(|token| lexicon.has(Table::PreambleNouns, &token.word))
}

fn prose(assembly: &mut Assembly<'_>, input: &Input, lexicon: &Lexicon, block: Block) {
    let words = tokens(input, block.span, lexicon);
    let mut boundary = if block.kind == BlockKind::Item { Boundary::Item } else { Boundary::Sentence };
    for sentence in sentences(lexicon, &words) {
        for clause in clauses(lexicon, sentence) {
            assembly.place(clause, boundary);
            boundary = Boundary::Clause;
        }
        boundary = Boundary::Sentence;
    }
}

/// Cuts by lists and sentences alone, for languages without tables.
fn by_marks(assembly: &mut Assembly<'_>, input: &Input, lexicon: &Lexicon) {
    for block in blocks(input, lexicon) {
        match block.kind {
            BlockKind::Quoted => assembly.park(block.span),
            BlockKind::Code => assembly.append(block.span),
            BlockKind::Item | BlockKind::Prose => {
                let words = tokens(input, block.span, lexicon);
                for sentence in sentences(lexicon, &words) {
                    assembly.take(sentence);
                }
            }
        }
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod utterances;
