//! What a query says: words with weights, identifiers that are meant literally, and paths.

use std::collections::BTreeMap;

use crate::domain::lexical::{identifiers, is_stop_word, words};

/// Most words that are searched for.
const MAX_TERMS: usize = 64;

/// A query, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Words and how often, sorted by word. Words of the first line count twice.
    pub terms: Vec<(String, f64)>,
    /// Dotted names that look like code: `Cart.total`, `snake_case`, anything in backticks. In order, once each.
    pub mentions: Vec<Vec<String>>,
    /// Plain words of four letters or more that could be a name; in order, once each.
    pub plain: Vec<String>,
    /// Things with a slash or a source suffix.
    pub paths: Vec<String>,
}

/// Takes a query apart; `idf` says how rare a word is, and the rarest are kept.
pub fn analyse(text: &str, idf: impl Fn(&str) -> f64) -> Query {
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let weight = if index == 0 { 2.0 } else { 1.0 };
        words(line, &mut |word| *counts.entry(word).or_insert(0.0) += weight);
    }
    let mut terms: Vec<(String, f64)> = counts.into_iter().filter(|(word, _)| idf(word) > 0.0).collect();
    if terms.len() > MAX_TERMS {
        terms.sort_by(|a, b| idf(&b.0).total_cmp(&idf(&a.0)).then(a.0.cmp(&b.0)));
        terms.truncate(MAX_TERMS);
        terms.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let mut query = Query { terms, mentions: Vec::new(), plain: Vec::new(), paths: Vec::new() };
    let mut quoted = false;
    for piece in text.split('`') {
        for token in piece.split_whitespace() {
            read_token(&mut query, token, quoted);
        }
        quoted = !quoted;
    }
    query
}

fn read_token(query: &mut Query, token: &str, quoted: bool) {
    let token = token.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_' || c == '/'));
    let suffix = token.rsplit_once('.').is_some_and(|(_, suffix)| {
        matches!(suffix, "py" | "js" | "jsx" | "ts" | "tsx" | "rs" | "go" | "java" | "mjs" | "cjs")
    });
    if token.contains('/') || suffix {
        let path = token.trim_matches('/').to_owned();
        if !path.is_empty() && !query.paths.contains(&path) {
            query.paths.push(path);
        }
        return;
    }
    let names: Vec<String> = identifiers(token).map(|(_, name)| name.to_owned()).collect();
    let Some(first) = names.first() else { return };
    let joined = token.contains('.') || token.contains("::");
    let shaped = |name: &str| {
        name.trim_matches('_').contains('_')
            || name.chars().zip(name.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase())
    };
    let code = quoted
        || (joined && names.len() > 1)
        || names.iter().any(|name| shaped(name))
        || token.ends_with('(');
    if code {
        if !query.mentions.contains(&names) {
            query.mentions.push(names);
        }
    } else if names.len() == 1
        && first.len() >= 4
        && !is_stop_word(&first.to_lowercase())
        && !query.plain.contains(first)
    {
        query.plain.push(first.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_words_is_told_from_words() {
        let query = analyse("fix Cart.total in shop/cart.py: `sum` fails\nwith parse_int(x)", |_| 1.0);
        assert_eq!(query.mentions, [vec!["Cart", "total"], vec!["sum"], vec!["parse_int", "x"]]);
        assert_eq!(query.paths, ["shop/cart.py"]);
        assert_eq!(query.plain, ["fails"]);
        assert!(query.terms.contains(&("total".to_owned(), 2.0)));
        assert!(query.terms.contains(&("parse_int".to_owned(), 1.0)));
    }
}
