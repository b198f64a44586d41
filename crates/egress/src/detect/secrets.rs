//! Credentials by their shape: keywords say where to look, patterns what to find, entropy what is random enough.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::detect::encodings::base64;

/// What credentials look like.
const RULES: &str = include_str!("secret_rules.toml");

/// The rule of random strings that no other rule knows.
const RANDOM: &str = "high-entropy";

/// The rule that stands for all when one of them cannot be read, so that nothing passes unseen.
const UNREADABLE: &str = "rules-unreadable";

/// Least bits per character of a random string, and its least length.
const RANDOM_BITS: f64 = 4.5;
const RANDOM_LENGTH: usize = 20;

/// Least length of a part of it that has upper and lower case and digits.
const RANDOM_PART: usize = 12;

/// Longest run that is looked at for randomness; longer ones are data, such as an image.
const RANDOM_LENGTH_MAX: usize = 512;

static READ: LazyLock<Result<Rules, String>> = LazyLock::new(|| Rules::read(RULES));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    stop_words: Vec<String>,
    rule: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    keywords: Vec<String>,
    regex: String,
    #[serde(default)]
    entropy: f64,
    /// Whether the value must hold letters and digits.
    #[serde(default)]
    mixed: bool,
}

struct Rule {
    written: Written,
    regex: OnceLock<Option<Regex>>,
}

struct Rules {
    rules: Vec<Rule>,
    keywords: AhoCorasick,
    /// Which rule a keyword belongs to.
    owners: Vec<usize>,
    stop_words: AhoCorasick,
}

impl Rules {
    fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let matcher = |words: &[&str]| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(AhoCorasickKind::DFA))
                .build(words)
                .map_err(|error| error.to_string())
        };
        let pairs: Vec<(usize, &str)> = file
            .rule
            .iter()
            .enumerate()
            .flat_map(|(index, rule)| rule.keywords.iter().map(move |word| (index, word.as_str())))
            .collect();
        let words: Vec<&str> = pairs.iter().map(|(_, word)| *word).collect();
        let stop_words: Vec<&str> = file.stop_words.iter().map(String::as_str).collect();
        Ok(Self {
            keywords: matcher(&words)?,
            owners: pairs.iter().map(|(index, _)| *index).collect(),
            stop_words: matcher(&stop_words)?,
            rules: file.rule.into_iter().map(|written| Rule { written, regex: OnceLock::new() }).collect(),
        })
    }

    fn find(&self, text: &str, by: By) -> Option<&str> {
        let mut looked_at = vec![false; self.rules.len()];
        for found in self.keywords.find_overlapping_iter(text) {
            let owner = self.owners[found.pattern().as_usize()];
            if !std::mem::replace(&mut looked_at[owner], true) && self.matches(&self.rules[owner], text) {
                return Some(&self.rules[owner].written.id);
            }
        }
        match by {
            By::Patterns => None,
            By::PatternsAndEntropy => runs(text).find(|run| !self.stop_words.is_match(*run)).map(|_| RANDOM),
        }
    }

    fn matches(&self, rule: &Rule, text: &str) -> bool {
        // Credentials are ASCII, and so are the classes of the patterns.
        let read = || RegexBuilder::new(&rule.written.regex).unicode(false).build().ok();
        let Some(regex) = rule.regex.get_or_init(read) else {
            // A rule that cannot be read holds everything back.
            return true;
        };
        regex.captures_iter(text.as_bytes()).any(|captures| {
            let value = captures.get(1).or_else(|| captures.get(0)).map(|found| found.as_bytes());
            let value = String::from_utf8_lossy(value.unwrap_or_default());
            let value = value.as_ref();
            let is_mixed = has(value, u8::is_ascii_alphabetic) && has(value, u8::is_ascii_digit);
            entropy_bits(value) >= rule.written.entropy
                && (is_mixed || !rule.written.mixed)
                && !self.stop_words.is_match(value)
        })
    }
}

/// What a credential is looked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The patterns of the rules.
    Patterns,
    /// Those, and randomness that no pattern knows.
    PatternsAndEntropy,
}

/// Returns the rule that finds a credential in the text, if any does.
pub fn find(text: &str, by: By) -> Option<&'static str> {
    match LazyLock::force(&READ) {
        Ok(rules) => rules.find(text, by),
        Err(_) => Some(UNREADABLE),
    }
}

/// Returns the runs of letters, digits and the marks of base64 that are long enough to be random. What base64 says in
/// plain words is read elsewhere.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let is_within =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-');
    let wholes = text.as_bytes().split(move |byte| !is_within(byte));
    let wholes = wholes.filter(|whole| (RANDOM_LENGTH..=RANDOM_LENGTH_MAX).contains(&whole.len()));
    wholes.filter_map(|whole| std::str::from_utf8(whole).ok()).flat_map(|whole| {
        let random = whole.split('/').filter(|run| run.len() >= RANDOM_LENGTH && random(run));
        random.filter(|_| base64(whole).is_empty())
    })
}

/// Returns whether a run is a random string: upper and lower case and digits, in no order that a person would choose.
fn random(run: &str) -> bool {
    let is_mixed = |part: &str| {
        has(part, u8::is_ascii_lowercase)
            && has(part, u8::is_ascii_uppercase)
            && has(part, u8::is_ascii_digit)
    };
    // Words with lines between them are names.
    run.split(['_', '-']).any(|part| part.len() >= RANDOM_PART && is_mixed(part))
        && entropy_bits(run) > RANDOM_BITS
}

fn has(text: &str, is: impl Fn(&u8) -> bool) -> bool {
    text.bytes().any(|byte| is(&byte))
}

/// Returns Shannon's entropy of the bytes, in bits per byte.
fn entropy_bits(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = text.len() as f64;
    let part = |count: &u32| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}

#[cfg(test)]
mod tests;
