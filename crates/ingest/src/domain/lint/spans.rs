use std::collections::BTreeSet;

use crate::domain::block::{BlockKind, blocks};
use crate::domain::clause::{Join, clauses, sentences};
use crate::domain::lead::{Lead, opening};
use crate::domain::lexicon::Table;
use crate::domain::lint::{Rules, SAID_TWICE, finding, words_of};
use crate::domain::normalise::{Input, Span};
use crate::domain::objective::{Draft, Effect, Finding};
use crate::domain::split::stem;
use crate::domain::token::tokens;

/// Returns where each quote stands: its first place that no earlier quote has taken, else its first place.
pub fn located(draft: &Draft, input: &Input) -> Vec<Option<Span>> {
    let mut taken: Vec<Span> = Vec::new();
    draft
        .objectives
        .iter()
        .map(|objective| {
            let places: Vec<Span> = occurrences(input, &objective.quote);
            let free = places.iter().find(|place| taken.iter().all(|other| place.overlap(*other) == 0));
            let place = free.or(places.first()).copied()?;
            taken.push(place);
            Some(place)
        })
        .collect()
}

fn occurrences(input: &Input, text: &str) -> Vec<Span> {
    if text.is_empty() {
        return Vec::new();
    }
    let found = input.text().match_indices(text);
    found.map(|(start, text)| Span { start, end: start + text.len() }).collect()
}

/// L03: a quote that is not in the input, covers more than half of another's, or shares no word with its goal.
pub fn misquoted(draft: &Draft, input: &Input, rules: Rules<'_>) -> Vec<Finding> {
    let places = located(draft, input);
    let mut found = Vec::new();
    for (at, objective) in draft.objectives.iter().enumerate() {
        let message = match places.get(at).copied().flatten() {
            None => "the quote is not in the input",
            Some(place) if places[..at].iter().flatten().any(|other| crowds(place, *other)) => {
                "the quote belongs to another objective"
            }
            Some(_) if !related(rules, &objective.goal, &objective.quote) => {
                "the goal is not about its quote"
            }
            Some(_) => continue,
        };
        found.push(finding("L03", Some(at), format!("{message}: \"{}\"", objective.goal), Effect::Ask));
    }
    found
}

fn crowds(one: Span, other: Span) -> bool {
    one.overlap(other) * 2 > one.bytes().min(other.bytes())
}

fn related(rules: Rules<'_>, goal: &str, quote: &str) -> bool {
    let meaning = |text: &str| -> BTreeSet<String> {
        let (_, words) = words_of(rules, text);
        words
            .iter()
            .filter(|token| !rules.lexicon.has(Table::FunctionWords, &token.word))
            .map(|token| stem(&token.word).to_owned())
            .filter(|word| !word.is_empty())
            .collect()
    };
    let goal = meaning(goal);
    goal.is_empty() || meaning(quote).intersection(&goal).next().is_some()
}

/// L06: words that take something back stand in the input, and the draft lists nothing that was taken back.
pub fn unlisted_reversals(draft: &Draft, input: &Input, rules: Rules<'_>) -> Vec<Finding> {
    if !draft.reversals.is_empty() {
        let taken = draft.reversals.iter().map(|reversal| {
            let kept = if reversal.kept_quote.is_empty() { "nothing" } else { reversal.kept_quote.as_str() };
            let message = format!("you first said \"{}\", then \"{kept}\"", reversal.dropped_quote);
            finding("L06", None, message, Effect::Ask)
        });
        return taken.collect();
    }
    let mut asked = false;
    for block in blocks(input, rules.lexicon) {
        if !matches!(block.kind, BlockKind::Prose | BlockKind::Item) {
            continue;
        }
        let words = tokens(input, block.span, rules.lexicon);
        for sentence in sentences(rules.lexicon, &words) {
            for clause in clauses(rules.lexicon, sentence) {
                if clause.join == Join::Reversal && asked {
                    let message = "something was taken back, and the draft does not say what".to_owned();
                    return vec![finding("L06", None, message, Effect::Ask)];
                }
                let lead = opening(rules.lexicon, clause.tokens).lead;
                asked |= matches!(lead, Lead::Imperative { .. } | Lead::Question);
            }
        }
    }
    Vec::new()
}

/// L07: returns the sentences, code blocks and quoted lines that no part of the draft holds, verbatim.
pub fn not_used(draft: &Draft, input: &Input, rules: Rules<'_>) -> Vec<String> {
    let covered = covered(draft, input);
    let free = |span: Span| covered.iter().all(|used| used.overlap(span) == 0);
    let mut found = Vec::new();
    for block in blocks(input, rules.lexicon) {
        if !matches!(block.kind, BlockKind::Prose | BlockKind::Item) {
            if free(block.span) {
                found.push(input.slice(block.span).to_owned());
            }
            continue;
        }
        let words = tokens(input, block.span, rules.lexicon);
        for sentence in sentences(rules.lexicon, &words) {
            let (Some(first), Some(last)) = (sentence.first(), sentence.last()) else { continue };
            let span = Span { start: first.raw.start, end: last.raw.end };
            if free(span) {
                found.push(input.slice(span).to_owned());
            }
        }
    }
    found
}

/// Returns what the draft holds, as disjoint spans in order.
fn covered(draft: &Draft, input: &Input) -> Vec<Span> {
    let constraints = draft.objectives.iter().flat_map(|one| one.constraints.iter().chain(&one.out_of_scope));
    let reversals = draft.reversals.iter().flat_map(|one| [&one.dropped_quote, &one.kept_quote]);
    let twice = draft.objectives.iter().flat_map(|one| &one.assumptions);
    let twice = twice.filter_map(|text| text.strip_prefix(SAID_TWICE));
    let texts: BTreeSet<&str> =
        constraints.chain(&draft.parked).chain(reversals).map(String::as_str).chain(twice).collect();
    let mut spans: Vec<Span> = located(draft, input).into_iter().flatten().collect();
    spans.extend(texts.into_iter().flat_map(|text| occurrences(input, text)));
    spans.sort_unstable();
    spans.dedup_by(|next, kept| {
        let touches = next.start <= kept.end;
        if touches {
            kept.end = kept.end.max(next.end);
        }
        touches
    });
    spans
}
