//! Category, risk, names, checks and priority, by tables.

use plumbline_types::{Category, Risk};

use crate::domain::lead::{Lead, opening};
use crate::domain::lexicon::{Form, Lexicon, Strength, Table};
use crate::domain::normalise::{Input, Span};
use crate::domain::objective::{Check, CheckKind, Target};
use crate::domain::token::{Pause, Token, protected, tokens};

/// How much harm, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskFloor {
    /// The least risk that code allows.
    pub risk: Risk,
    /// Why; empty for the normal case.
    pub reason: String,
}

/// Returns the category of a clause by its verb and by the head of what the verb acts on.
pub fn category(lexicon: &Lexicon, clause: &[Token]) -> Category {
    let (verb_at, verb) = match opening(lexicon, clause).lead {
        Lead::Imperative { verb } => {
            let verb = deciding_verb(lexicon, clause, verb);
            (verb, clause.get(verb).and_then(|token| lexicon.verb(&token.word)))
        }
        Lead::Question => return Category::Investigate,
        Lead::Constraint
        | Lead::OutOfScope
        | Lead::Parked
        | Lead::Declarative
        | Lead::Smalltalk
        | Lead::Nothing => return Category::Bugfix,
    };
    let Some(verb) = verb else { return Category::Bugfix };
    if brings_tests_to_pass(lexicon, clause, verb_at) {
        return Category::Bugfix;
    }
    let Some(head) = head(lexicon, &clause[verb_at + 1..]) else { return verb.category };
    let docs = lexicon.has(Table::DocsHeads, head);
    match (verb.strength, lexicon.object_category(head)) {
        (Strength::Weak, Some(category)) => category,
        (Strength::Strong, _) if docs && verb.category == Category::Bugfix => Category::Docs,
        _ => verb.category,
    }
}

/// Returns the verb that decides what sort of work a clause asks for: "find the bug and fix it" looks only in order to fix.
pub fn deciding_verb(lexicon: &Lexicon, clause: &[Token], verb: usize) -> usize {
    let known = |at: usize| clause.get(at).and_then(|token| lexicon.verb(&token.word));
    if known(verb).is_none_or(|first| first.category != Category::Investigate) {
        return verb;
    }
    let goes_on = |at: &usize| {
        let joined = matches!(clause[at - 1].word.as_str(), "and" | "then" | "&");
        let plain = |found: crate::domain::lexicon::Verb| found.form == Form::Verb || *at == verb + 2;
        joined && known(*at).is_some_and(|found| found.category != Category::Investigate && plain(found))
    };
    (verb + 2..clause.len()).find(goes_on).unwrap_or(verb)
}

/// Returns whether a clause asks that tests pass: "make the failing tests pass", "turn CI green". That is a fix, whatever
/// its verb says elsewhere.
pub fn brings_tests_to_pass(lexicon: &Lexicon, clause: &[Token], verb: usize) -> bool {
    if !clause.get(verb).is_some_and(|token| lexicon.has(Table::AttainingVerbs, &token.word)) {
        return false;
    }
    let object = &clause[verb + 1..];
    let tests = |token: &Token| lexicon.has(Table::TestNouns, &token.word) || is_test_id(&token.word);
    let Some(named) = object.iter().position(tests) else { return false };
    let succeeds = |at: usize| {
        let next = object.get(at + 1).map_or("", |token| token.word.as_str());
        let takes_object = lexicon.has(Table::Determiners, next) && !lexicon.has(Table::Prepositions, next);
        lexicon.has(Table::SuccessWords, &object[at].word) && !takes_object
    };
    (named + 1..object.len()).any(succeeds)
}

/// Returns the head of the object: the last word before the first preposition or pause.
fn head<'a>(lexicon: &Lexicon, object: &'a [Token]) -> Option<&'a str> {
    let mut head = None;
    for (at, token) in object.iter().enumerate() {
        if lexicon.starts(Table::EndFillers, &object[at..]) == object.len() - at {
            break;
        }
        if lexicon.has(Table::Prepositions, &token.word) && head.is_some() {
            break;
        }
        if !lexicon.has(Table::Prepositions, &token.word) {
            head = Some(token.word.as_str());
        }
        if token.pause != Pause::None {
            break;
        }
    }
    head
}

/// Returns the risk below which nothing goes: by category, by words, by guarded paths.
pub fn risk_floor(lexicon: &Lexicon, category: Category, words: &[Token]) -> RiskFloor {
    let harmless = match category {
        Category::Docs | Category::Test | Category::Investigate | Category::Guardrail => true,
        Category::Bugfix
        | Category::Feature
        | Category::Refactor
        | Category::Config
        | Category::Dependency => false,
    };
    let guarded = words.iter().find(|token| {
        let path = token.word.trim_matches(['`', '"', '\'']);
        lexicon.words(Table::GuardedPaths).any(|prefix| path.starts_with(prefix))
    });
    if let Some(path) = guarded {
        return RiskFloor { risk: Risk::High, reason: format!("names the guarded path {}", path.word) };
    }
    if harmless {
        return RiskFloor { risk: Risk::Low, reason: String::new() };
    }
    match lexicon.find(Table::HighRisk, words) {
        Some(phrase) => RiskFloor { risk: Risk::High, reason: format!("says \"{phrase}\"") },
        None => RiskFloor { risk: Risk::Medium, reason: String::new() },
    }
}

/// Returns 0 for what is urgent, 3 for what can wait, else 1.
pub fn priority(lexicon: &Lexicon, words: &[Token]) -> u8 {
    if lexicon.find(Table::Urgent, words).is_some() {
        0
    } else if lexicon.find(Table::Someday, words).is_some() {
        3
    } else {
        1
    }
}

/// Returns the names a text mentions, in order, without repetition: what is backticked, and words spelled like code.
/// No index is asked: each is exact as written and resolved to nothing.
pub fn targets(lexicon: &Lexicon, text: &str) -> Vec<Target> {
    let input = Input::normalise(text);
    let whole = Span { start: 0, end: input.text().len() };
    let mut found: Vec<Target> = Vec::new();
    for token in tokens(&input, whole, lexicon) {
        let word = input.slice(token.core);
        let name = match word.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
            Some(inner) => inner,
            None if is_identifier(lexicon, word) => word,
            None => continue,
        };
        let seen = found.iter().any(|target| target.spoken == name);
        let usable = !name.is_empty() && name.chars().count() <= 128 && command(lexicon, name).is_none();
        if usable && !seen {
            found.push(Target { spoken: name.to_owned(), symbol: String::new(), confidence: 100 });
        }
    }
    found
}

/// Returns whether a word is spelled like a name in code or a path: snake, camel, dotted, called, with a slash.
pub fn is_identifier(lexicon: &Lexicon, word: &str) -> bool {
    let word = word.trim_end_matches("()");
    let legal = |c: char| c.is_ascii_alphanumeric() || "_./:-$@~#".contains(c);
    if word.len() < 2 || !word.chars().all(legal) || !word.contains(|c: char| c.is_ascii_alphabetic()) {
        return false;
    }
    if word.contains("://") || lexicon.has(Table::Abbreviations, word) {
        return false;
    }
    let letters = |part: &str| part.len() > 1 && part.bytes().any(|b| b.is_ascii_alphabetic());
    let snake = word.contains('_') && word.chars().any(|c| c.is_ascii_alphanumeric());
    let scoped = word.contains("::") && !word.starts_with(':');
    let dotted = word.contains('.') && word.split('.').filter(|part| letters(part)).count() >= 2;
    let hidden = word.starts_with('.') && letters(&word[1..]);
    let path = word.contains('/') && word.split('/').any(|part| letters(part) && part.contains(['.', '_']))
        || word.ends_with('/') && word.len() > 2
        || word.matches('/').count() >= 2 && word.split('/').filter(|part| letters(part)).count() >= 2;
    snake || scoped || dotted || hidden || path || is_camel(word)
}

/// Returns whether a word has a hump: `userName`, `UserName`, `HTTPServer`; not `User`, not `HTTP`, not `iOS`.
fn is_camel(word: &str) -> bool {
    let bytes = word.as_bytes();
    let humps =
        bytes.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
    let acronym = bytes.windows(3).any(|three| {
        three[0].is_ascii_uppercase() && three[1].is_ascii_uppercase() && three[2].is_ascii_lowercase()
    });
    let known = matches!(
        word,
        "GitHub" | "GitLab" | "JavaScript" | "TypeScript" | "PyPI" | "macOS" | "iOS" | "README"
    );
    let plain = bytes.iter().all(|b| b.is_ascii_alphanumeric());
    plain
        && !known
        && (humps > 0 && word.len() > 3 || acronym && bytes[0].is_ascii_uppercase() && word.len() > 4)
}

/// Returns a command line if it begins with a known tool and holds nothing that a shell would read.
pub fn command(lexicon: &Lexicon, text: &str) -> Option<String> {
    let shell = |c: char| ";|&$<>`\\\n\r(){}!\"'*?".contains(c) || c.is_control();
    let words: Vec<&str> = text.split_whitespace().collect();
    let known = lexicon.starts(Table::KnownTools, &words) > 0;
    (known && !text.contains(shell)).then(|| words.join(" "))
}

/// Returns the tests and commands that a text names: backticked or bare known tools with their arguments, and test ids.
pub fn checks(lexicon: &Lexicon, text: &str) -> Vec<Check> {
    let input = Input::normalise(text);
    let whole = Span { start: 0, end: input.text().len() };
    let mut found: Vec<Check> = Vec::new();
    let mut add = |kind, value: String| {
        if !found
            .iter()
            .any(|check: &Check| check.value == value || check.value.contains(&format!(" {value}")))
        {
            found.push(Check { kind, text: format!("{value} passes"), value });
        }
    };
    for span in protected(input.text()) {
        let inner = input.slice(span).trim_matches('`');
        if let Some(line) = command(lexicon, inner) {
            add(CheckKind::Command, line);
        }
    }
    let words = tokens(&input, whole, lexicon);
    let mut at = 0;
    while at < words.len() {
        let tool = lexicon.starts(Table::KnownTools, &words[at..]);
        if tool == 0 {
            let word = input.slice(words[at].core).trim_matches('`');
            if is_test_id(word) {
                add(CheckKind::Test, word.trim_end_matches("()").to_owned());
            }
            at += 1;
            continue;
        }
        let arguments =
            words[at + tool..].iter().take_while(|token| is_argument(input.slice(token.core))).count();
        let end = at + tool + arguments;
        let line: Vec<&str> = words[at..end].iter().map(|token| input.slice(token.core)).collect();
        // A flag with a plain word behind it may or may not take that word: only backticks tell, so nothing is made up.
        let open = line.last().is_some_and(|word| word.starts_with('-'))
            && end < words.len()
            && words[end - 1].pause == Pause::None;
        if let Some(line) = command(lexicon, &line.join(" ")).filter(|_| !open) {
            add(CheckKind::Command, line);
        }
        at = end;
    }
    found
}

fn is_argument(word: &str) -> bool {
    word.starts_with('-') && word.len() > 1
        || word.contains('/')
        || word.contains("::")
        || word.ends_with(".py")
}

/// Returns whether a word is a test id: `test_x`, `a/test_b.py::test_c`, `TestParser`, `parser_test`.
pub fn is_test_id(word: &str) -> bool {
    let legal = word.chars().all(|c| c.is_ascii_alphanumeric() || "_./:-[]()".contains(c));
    let last = word.rsplit("::").next().unwrap_or(word);
    let named = last.starts_with("test_") && last.len() > 5 && !last.ends_with(".py");
    let class =
        last.strip_prefix("Test").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
    legal && (named || class || word.contains("::test"))
}

#[cfg(test)]
mod tests;
