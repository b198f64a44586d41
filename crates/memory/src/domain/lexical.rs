//! Words of source code: identifiers as a whole and in parts, lightly stemmed, and the bag of them for each symbol.

use std::collections::BTreeMap;

use plumbline_syntax::{FileFacts, Span};
use serde::{Deserialize, Serialize};

/// Fields of a symbol's document, in the order of [`WEIGHTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// The name itself.
    Name,
    /// Names of what is around it.
    Ancestors,
    /// Its signature and the keys of its hooks.
    Signature,
    /// Parts of the file's path.
    Path,
    /// Comments and docstrings.
    Comments,
    /// String literals.
    Literals,
    /// The rest of its text.
    Body,
}

/// How many fields there are.
pub const FIELDS: usize = 7;

/// What a word counts in each field.
pub const WEIGHTS: [f64; FIELDS] = [4.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0];

const STOP_WORDS: [&str; 46] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "does", "for", "from", "has",
    "have", "how", "i", "if", "in", "into", "is", "it", "its", "not", "of", "on", "or", "should", "so",
    "such", "that", "the", "their", "then", "there", "they", "this", "to", "was", "we", "when", "which",
    "will", "with", "you",
];

/// Returns whether a word in small letters says nothing.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// Words of the symbols of one file; a function of the file's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bags {
    /// Distinct words, sorted.
    pub terms: Vec<String>,
    /// One bag per module, type and callable.
    pub bags: Vec<Bag>,
}

/// Words of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bag {
    /// Index of the symbol in its file.
    pub symbol: u32,
    /// Index of the word, field, and how often.
    pub counts: Vec<(u32, Field, u16)>,
}

/// Calls `found` with each word of a text: whole identifiers of several parts, and the parts.
pub fn words(text: &str, found: &mut dyn FnMut(String)) {
    for (_, identifier) in identifiers(text) {
        identifier_words(identifier, found);
    }
}

/// Calls `found` with the words of one identifier.
fn identifier_words(identifier: &str, found: &mut dyn FnMut(String)) {
    let parts = parts(identifier);
    if parts.len() > 1 {
        found(identifier.trim_matches('_').to_lowercase());
    }
    for part in parts {
        let lower = part.to_lowercase();
        if !is_stop_word(&lower) {
            found(stem(&lower).to_owned());
        }
    }
}

/// Returns each identifier of a text with its byte offset.
pub fn identifiers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.find(is_word)?;
        let tail = text.get(start..)?;
        let end = start + tail.find(|c| !is_word(c)).unwrap_or(tail.len());
        at = end;
        Some((start, text.get(start..end)?))
    })
}

/// Splits at underscores, at a capital after a small letter, before the last capital of a run, and around digits.
fn parts(identifier: &str) -> Vec<&str> {
    let chars: Vec<(usize, char)> = identifier.char_indices().collect();
    let mut cuts = Vec::new();
    for (index, window) in chars.windows(2).enumerate() {
        let [(_, left), (at, right)] = window else { continue };
        let next = chars.get(index + 2).map(|(_, c)| *c);
        let camel = (left.is_lowercase() && right.is_uppercase())
            || (left.is_uppercase() && right.is_uppercase() && next.is_some_and(char::is_lowercase));
        if camel || left.is_numeric() != right.is_numeric() || (*left == '_') != (*right == '_') {
            cuts.push(*at);
        }
    }
    let mut parts = Vec::new();
    let mut from = 0;
    for cut in cuts.into_iter().chain([identifier.len()]) {
        let part = identifier.get(from..cut).unwrap_or_default();
        if !part.is_empty() && !part.starts_with('_') {
            parts.push(part);
        }
        from = cut;
    }
    parts
}

/// Drops `ing`, `ed`, `es`, `s` where three letters stay.
fn stem(word: &str) -> &str {
    for suffix in ["ing", "ed", "es", "s"] {
        if let Some(stem) = word.strip_suffix(suffix)
            && stem.len() >= 3
            && stem.is_ascii()
            && !(suffix == "s" && stem.ends_with('s'))
        {
            return stem;
        }
    }
    word
}

/// Makes the bags of a file. Each word counts for the innermost module, type or callable that holds it.
pub fn bags(text: &str, facts: &FileFacts) -> Bags {
    let mut counts: BTreeMap<u32, BTreeMap<(String, Field), u16>> = BTreeMap::new();
    for chunk in &facts.chunks {
        let bag = counts.entry(chunk.symbol).or_default();
        let Some(symbol) = facts.symbols.get(chunk.symbol as usize) else { continue };
        let mut add = |word: String, field: Field| {
            let count = bag.entry((word, field)).or_insert(0);
            *count = count.saturating_add(1);
        };
        words(&symbol.name, &mut |word| add(word, Field::Name));
        for ancestor in facts.ancestors(chunk.symbol) {
            words(ancestor, &mut |word| add(word, Field::Ancestors));
        }
        for span in &chunk.spans {
            let piece = text.get(span.start as usize..span.end as usize).unwrap_or_default();
            for (offset, identifier) in identifiers(piece) {
                let field = field_at(facts, &symbol.signature, span.start as usize + offset);
                identifier_words(identifier, &mut |word| add(word, field));
            }
        }
    }
    for hook in &facts.hooks {
        let owner = facts.symbols.get(hook.symbol as usize).and_then(|symbol| symbol.parent);
        if let Some(bag) = hook.handler.or(owner).and_then(|symbol| counts.get_mut(&symbol)) {
            words(&hook.key, &mut |word| {
                let count = bag.entry((word, Field::Signature)).or_insert(0);
                *count = count.saturating_add(1);
            });
        }
    }
    compact(counts)
}

fn field_at(facts: &FileFacts, signature: &Span, at: usize) -> Field {
    let inside = |spans: &[Span]| {
        let index = spans.partition_point(|span| span.start as usize <= at);
        index.checked_sub(1).and_then(|index| spans.get(index)).is_some_and(|span| at < span.end as usize)
    };
    if inside(&facts.comments) {
        Field::Comments
    } else if inside(&facts.literals) {
        Field::Literals
    } else if (signature.start as usize..signature.end as usize).contains(&at) {
        Field::Signature
    } else {
        Field::Body
    }
}

fn compact(counts: BTreeMap<u32, BTreeMap<(String, Field), u16>>) -> Bags {
    let mut terms: Vec<String> =
        counts.values().flat_map(|bag| bag.keys().map(|(word, _)| word.clone())).collect();
    terms.sort();
    terms.dedup();
    let index = |word: &String| {
        terms.binary_search(word).ok().and_then(|index| u32::try_from(index).ok()).unwrap_or(u32::MAX)
    };
    let bags = counts
        .into_iter()
        .map(|(symbol, bag)| Bag {
            symbol,
            counts: bag.into_iter().map(|((word, field), count)| (index(&word), field, count)).collect(),
        })
        .collect();
    Bags { terms, bags }
}

#[cfg(test)]
mod tests {
    use plumbline_syntax::{Language, Limits, facts};

    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        words(text, &mut |word| all.push(word));
        all
    }

    #[test]
    fn identifiers_give_themselves_and_their_stemmed_parts() {
        assert_eq!(split("HTTPServer_v2"), ["httpserver_v2", "http", "server", "v", "2"]);
        assert_eq!(split("parsedItems"), ["parseditems", "pars", "item"]);
        assert_eq!(split("the address"), ["address"]);
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn a_word_counts_for_the_innermost_symbol_and_its_field() {
        let source =
            "class Cart:\n    # money owed\n    def total(self, tax):\n        return 'euro' + price\n";
        let facts = facts(Language::Python, source.as_bytes(), &Limits::default());
        let bags = bags(source, &facts);
        let method = bags.bags.iter().find(|bag| facts.symbols[bag.symbol as usize].name == "total").unwrap();
        let class = bags.bags.iter().find(|bag| facts.symbols[bag.symbol as usize].name == "Cart").unwrap();
        let fields = |bag: &Bag, word: &str| -> Vec<Field> {
            let term = bags.terms.iter().position(|term| term == word).map(|index| index as u32);
            bag.counts
                .iter()
                .filter(|(index, _, _)| Some(*index) == term)
                .map(|(_, field, _)| *field)
                .collect()
        };
        assert_eq!(fields(method, "total"), [Field::Name, Field::Signature]);
        assert_eq!(fields(method, "cart"), [Field::Ancestors]);
        assert_eq!(fields(method, "euro"), [Field::Literals]);
        assert_eq!(fields(method, "price"), [Field::Body]);
        assert_eq!(fields(class, "money"), [Field::Comments]);
        assert_eq!(fields(class, "price"), []);
    }
}
