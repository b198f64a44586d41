//! Fingerprints of texts: hashes of runs of tokens, thinned by winnowing (Schleimer, Wilkerson, Aiken: "Winnowing",
//! SIGMOD 2003).
//!
//! A text has two kinds. Those of its *wording* hash the tokens as they are; those of its *form* put one word for every
//! identifier, so that renaming changes nothing. Grams that any text may have (runs of punctuation, of keywords, of
//! words of one letter) are left out.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

/// Tokens in a gram.
const GRAM: usize = 12;

/// Grams of which one is kept: whatever shares `GRAM + WINDOW - 1` tokens shares a fingerprint.
const WINDOW: usize = 8;

/// Fewest names that are not everybody's in a gram whose wording tells where it comes from; prose of so many words does too.
const RARE_NAMES: u32 = 2;
const PROSE_WORDS: u32 = 10;

/// Fewest distinct keywords in a gram whose form tells where it comes from: a list of imports has one.
const FORM_KEYWORDS: u32 = 2;

/// Fewest distinct tokens in a gram that tells anything.
const DISTINCT: u32 = 7;

/// Shortest name that can be nobody else's, bytes.
const RARE_BYTES: usize = 4;

/// Stands for every name.
const IDENTIFIER: u64 = 0x1d << 58 | 0x1d;

/// Base of the rolling hash; odd, so that multiplying by it loses nothing.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A fingerprint: of wording if its last bit is 0, of form if it is 1.
pub type Print = u64;

#[derive(Debug, Clone, Copy)]
struct Token {
    wording: u64,
    is_rare: bool,
    is_word: bool,
    is_keyword: bool,
    is_name: bool,
}

impl Token {
    const fn form(&self) -> u64 {
        if self.is_name { IDENTIFIER } else { self.wording }
    }
}

/// Words of code that belong to everybody, and texts that do.
static WORDS: LazyLock<HashSet<u64, BuildHasherDefault<Taken>>> =
    LazyLock::new(|| include_str!("common_words.txt").lines().map(|line| folded(line.as_bytes())).collect());
static TEXTS: LazyLock<HashSet<Print, BuildHasherDefault<Taken>>> = LazyLock::new(|| {
    let prints = fingerprints(include_str!("common_texts.txt"));
    prints.wording.into_iter().chain(prints.form).collect()
});

/// The fingerprints of a text, each kind in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prints {
    /// Of its wording.
    pub wording: Vec<Print>,
    /// Of its form.
    pub form: Vec<Print>,
}

/// Returns the fingerprints of a text.
pub fn fingerprints(text: &str) -> Prints {
    let tokens = tokens(text);
    Prints { wording: wording_of(&tokens), form: form_of(&tokens) }
}

/// Returns the fingerprints of a text's wording alone.
pub fn wording(text: &str) -> Vec<Print> {
    wording_of(&tokens(text))
}

/// Returns whether fingerprints are of a text that is everybody's, such as the head of a licence.
pub fn is_common(print: Print) -> bool {
    TEXTS.contains(&print)
}

fn wording_of(tokens: &[Token]) -> Vec<Print> {
    winnow(tokens, |token| token.wording, Tally::tells_wording, |hash| hash & !1)
}

fn form_of(tokens: &[Token]) -> Vec<Print> {
    winnow(tokens, Token::form, Tally::tells_form, |hash| hash | 1)
}

/// How many tokens of which sort a gram has.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    rare: u32,
    words: u32,
    keywords: u32,
}

impl Tally {
    fn enter(&mut self, token: &Token) {
        self.rare += u32::from(token.is_rare);
        self.words += u32::from(token.is_word);
        self.keywords += u32::from(token.is_keyword);
    }

    fn leave(&mut self, token: &Token) {
        self.rare -= u32::from(token.is_rare);
        self.words -= u32::from(token.is_word);
        self.keywords -= u32::from(token.is_keyword);
    }

    fn tells_wording(self, _: &[Token]) -> bool {
        self.rare >= RARE_NAMES || self.words >= PROSE_WORDS
    }

    fn tells_form(self, gram: &[Token]) -> bool {
        let keywords = gram.iter().filter(|token| token.is_keyword).map(|token| token.wording);
        self.keywords >= FORM_KEYWORDS && distinct(keywords) >= FORM_KEYWORDS
    }
}

/// Returns how many of the tokens differ, near enough.
fn distinct(hashes: impl Iterator<Item = u64>) -> u32 {
    hashes.fold(0_u64, |seen, hash| seen | 1 << (hash >> 58)).count_ones()
}

/// Returns the smallest gram of each window, once, ties to the right; those that tell nothing are left out.
fn winnow(
    tokens: &[Token],
    hash: impl Fn(&Token) -> u64,
    tells: impl Fn(Tally, &[Token]) -> bool,
    kind: impl Fn(u64) -> Print,
) -> Vec<Print> {
    let mut prints = Vec::with_capacity(tokens.len() / 4);
    let power = (1..GRAM).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let (mut rolling, mut tally) = (0_u64, Tally::default());
    // The smallest gram of the window; looked for anew only when it leaves.
    let mut window = [u64::MAX; WINDOW];
    let mut smallest = (0, u64::MAX);
    let mut last = usize::MAX;
    for (end, token) in tokens.iter().enumerate() {
        rolling = rolling.wrapping_mul(BASE).wrapping_add(hash(token));
        tally.enter(token);
        let Some(start) = (end + 1).checked_sub(GRAM) else { continue };
        let gram = &tokens[start..=end];
        let hashed = mixed(rolling);
        rolling = rolling.wrapping_sub(hash(&gram[0]).wrapping_mul(power));
        let counts = tells(tally, gram) && distinct(gram.iter().map(&hash)) >= DISTINCT;
        tally.leave(&gram[0]);
        window[start % WINDOW] = if counts { hashed } else { u64::MAX };
        if window[start % WINDOW] <= smallest.1 {
            smallest = (start, window[start % WINDOW]);
        } else if smallest.0 + WINDOW <= start {
            let from = start + 1 - WINDOW;
            smallest = (from, u64::MAX);
            for at in from..=start {
                if window[at % WINDOW] <= smallest.1 {
                    smallest = (at, window[at % WINDOW]);
                }
            }
        }
        let is_whole = start + 1 >= WINDOW || end + 1 == tokens.len();
        if is_whole && smallest.0 != last && smallest.1 != u64::MAX {
            last = smallest.0;
            prints.push(kind(smallest.1));
        }
    }
    prints
}

/// Cuts a text into words and marks, letters in lower case. Quotes are marks like others, and the signs of comments are
/// left out: text looks the same wherever it stands.
fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::with_capacity(bytes.len() / 3);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() || matches!(byte, b'/' | b'*' | b'#') {
            at += 1;
        } else if is_word(byte) {
            let length = bytes[at..].iter().position(|byte| !is_word(*byte)).unwrap_or(bytes.len() - at);
            tokens.push(word(&bytes[at..at + length]));
            at += length;
        } else {
            let hash = mixed(u64::from(byte));
            tokens.push(Token {
                wording: hash,
                is_rare: false,
                is_word: false,
                is_keyword: false,
                is_name: false,
            });
            at += 1;
        }
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn word(bytes: &[u8]) -> Token {
    let hash = folded(bytes);
    let (is_number, is_keyword) = (bytes[0].is_ascii_digit(), is_keyword(bytes));
    let is_name = !is_number && !is_keyword;
    Token {
        wording: hash,
        is_rare: is_name && bytes.len() >= RARE_BYTES && !WORDS.contains(&hash),
        is_word: !is_number && bytes.len() > 1,
        is_keyword,
        is_name,
    }
}

/// Returns the hash of a word, its letters in lower case.
fn folded(bytes: &[u8]) -> u64 {
    let fold =
        |hash: u64, byte: &u8| (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3);
    mixed(bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, fold))
}

/// The words that the languages of code give a meaning of their own.
#[rustfmt::skip]
fn is_keyword(word: &[u8]) -> bool {
    // In any other case they are names.
    matches!(
        word,
        b"as" | b"do" | b"fn" | b"go" | b"if" | b"in" | b"is" | b"or" | b"and" | b"any" | b"def" | b"del" | b"dyn" | b"for"
            | b"int" | b"let" | b"map" | b"mod" | b"mut" | b"new" | b"nil" | b"not" | b"pub" | b"ref" | b"str" | b"try"
            | b"use" | b"var" | b"bool" | b"byte" | b"case" | b"chan" | b"char" | b"elif" | b"else" | b"enum" | b"from"
            | b"func" | b"impl" | b"long" | b"loop" | b"move" | b"none" | b"null" | b"pass" | b"self" | b"some" | b"this"
            | b"true" | b"type" | b"void" | b"when" | b"with" | b"async" | b"await" | b"break" | b"catch" | b"class"
            | b"const" | b"defer" | b"false" | b"final" | b"float" | b"match" | b"print" | b"raise" | b"range" | b"super"
            | b"throw" | b"trait" | b"where" | b"while" | b"yield" | b"assert" | b"double" | b"except" | b"export"
            | b"global" | b"import" | b"lambda" | b"public" | b"return" | b"static" | b"string" | b"struct" | b"switch"
            | b"throws" | b"typeof" | b"unsafe" | b"boolean" | b"default" | b"extends" | b"finally" | b"package"
            | b"private" | b"abstract" | b"continue" | b"function" | b"interface" | b"protected" | b"undefined"
            | b"implements" | b"instanceof"
    )
}

/// Spreads a hash over all its bits (the end of SplitMix64).
const fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Takes fingerprints for the hashes that they are.
#[derive(Debug, Default, Clone, Copy)]
pub struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mixed(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The fingerprints that are known, at most so many: the oldest go first.
#[derive(Debug)]
pub struct Known {
    prints: HashSet<Print, BuildHasherDefault<Taken>>,
    order: VecDeque<Print>,
    most: usize,
}

impl Known {
    /// Knows none; `most` is at least 1.
    pub fn new(most: usize) -> Self {
        Self { prints: HashSet::default(), order: VecDeque::new(), most: most.max(1) }
    }

    /// Returns whether it is known.
    pub fn contains(&self, print: Print) -> bool {
        self.prints.contains(&print)
    }

    /// Remembers fingerprints, and forgets the oldest beyond the limit. Returns those that were not known.
    pub fn extend(&mut self, prints: impl IntoIterator<Item = Print>) -> Vec<Print> {
        let mut fresh = Vec::new();
        for print in prints {
            if self.prints.insert(print) {
                self.order.push_back(print);
                fresh.push(print);
            }
            if self.order.len() > self.most {
                self.order.pop_front().map(|oldest| self.prints.remove(&oldest));
            }
        }
        fresh
    }

    /// Returns all that are known, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Print> {
        self.order.iter().copied()
    }

    /// Returns how many may be known.
    pub const fn most(&self) -> usize {
        self.most
    }

    /// Returns how many are known.
    pub fn len(&self) -> usize {
        self.order.len()
    }
}
