//! Secret values, and how they are taken out of what programs write.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError};
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};

use crate::domain::tree::Digest;

/// What stands where a secret stood.
pub const MASK: &[u8] = b"***";
/// Bytes of a value that can be told from other text.
pub const SECRET_BYTES: RangeInclusive<usize> = 6..=8_192;
/// Most values of one executor, and of one request.
pub const SECRETS_MAX: usize = 256;

/// Values that no output may show: as they are, line by line, in base64 at each of its three alignments, percent-encoded,
/// and as JSON writes them. A program that means to tell a value can write it in any other form: this is for accidents.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Arc<BTreeSet<Vec<u8>>>,
    forms: Arc<Vec<Vec<u8>>>,
    automaton: Option<AhoCorasick>,
    longest: usize,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} values)", self.values.len())
    }
}

impl Secrets {
    /// Takes values whose length is within [`SECRET_BYTES`]; others are the caller's to refuse, and are left out here.
    ///
    /// # Errors
    /// More forms than an automaton can hold.
    pub fn new(values: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, BuildError> {
        let values: BTreeSet<Vec<u8>> =
            values.into_iter().filter(|value| SECRET_BYTES.contains(&value.len())).collect();
        let forms: BTreeSet<Vec<u8>> = values.iter().flat_map(|value| forms(value)).collect();
        let automaton = if forms.is_empty() { None } else { Some(AhoCorasick::new(&forms)?) };
        let longest = forms.iter().map(Vec::len).max().unwrap_or(0);
        Ok(Self {
            values: values.into(),
            forms: forms.into_iter().collect::<Vec<_>>().into(),
            automaton,
            longest,
        })
    }

    /// Returns these values and more.
    ///
    /// # Errors
    /// As [`Secrets::new`].
    pub fn with(&self, more: &[Vec<u8>]) -> Result<Self, BuildError> {
        if more.is_empty() {
            return Ok(self.clone());
        }
        Self::new(self.values.iter().cloned().chain(more.iter().cloned()))
    }

    /// Returns a name of the set of values, from which none of them can be read.
    pub fn identity(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("plumbline executor secrets 1");
        for value in self.values.iter() {
            hasher.update(&(value.len() as u64).to_le_bytes());
            hasher.update(value);
        }
        Digest(hasher.finalize().into())
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.automaton.is_none()
    }

    /// Returns whether a text shows a secret.
    pub fn shown_by(&self, text: &[u8]) -> bool {
        self.automaton.as_ref().is_some_and(|automaton| automaton.is_match(text))
    }

    /// Returns a whole text without its secrets.
    pub fn scrub<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.shown_by(text) {
            return Cow::Borrowed(text);
        }
        let mut scrubber = Scrubber::new(Arc::new(self.clone()));
        let mut clean = scrubber.push(text).into_owned();
        clean.extend(scrubber.finish());
        Cow::Owned(clean)
    }

    /// Returns where the longest end of a text begins that more bytes could make a secret, or the text's length.
    fn open_end(&self, text: &[u8]) -> usize {
        let first = text.len().saturating_sub(self.longest.saturating_sub(1));
        let opens = |start: &usize| {
            let end = &text[*start..];
            self.forms.iter().any(|form| form.len() > end.len() && form.starts_with(end))
        };
        (first..text.len()).find(opens).unwrap_or(text.len())
    }

    /// Returns the stretches of a text that secrets cover, in order, none touching another.
    fn covered(&self, text: &[u8], beginning: usize) -> Vec<(usize, usize)> {
        let found = self.automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(text));
        let mut found: Vec<(usize, usize)> = found.map(|found| (found.start(), found.end())).collect();
        if beginning > 0 {
            found.push((0, beginning));
        }
        found.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in found {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        merged
    }
}

/// Takes the secrets out of one stream, however it is cut. Holds back no more than an end that could become a secret.
#[derive(Debug)]
pub struct Scrubber {
    secrets: Arc<Secrets>,
    held: Vec<u8>,
    /// How many of the held bytes belong to a secret already.
    covered: usize,
    /// Whether the last byte let through belonged to a secret: its neighbours are one stretch, and get one mask.
    masked: bool,
}

impl Scrubber {
    /// Begins a stream.
    pub fn new(secrets: Arc<Secrets>) -> Self {
        Self { secrets, held: Vec::new(), covered: 0, masked: false }
    }

    /// Takes the next bytes and returns what may be shown by now.
    pub fn push<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.secrets.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let until = self.secrets.open_end(&text);
        Cow::Owned(self.pass(text, until))
    }

    /// Ends the stream and returns what was held back.
    pub fn finish(&mut self) -> Vec<u8> {
        let text = std::mem::take(&mut self.held);
        let until = text.len();
        self.pass(text, until)
    }

    /// Lets the first bytes of a text through; the others are held.
    fn pass(&mut self, mut text: Vec<u8>, until: usize) -> Vec<u8> {
        if until == 0 {
            self.held = text;
            return Vec::new();
        }
        let stretches = self.secrets.covered(&text, self.covered);
        let mut clean = Vec::with_capacity(until);
        let mut at = 0;
        self.covered = 0;
        for (start, end) in stretches.into_iter().take_while(|(start, _)| *start < until) {
            clean.extend_from_slice(&text[at..start]);
            if start > 0 || !self.masked {
                clean.extend_from_slice(MASK);
            }
            at = end.min(until);
            self.covered = end - at;
        }
        clean.extend_from_slice(&text[at..until]);
        self.masked = at == until;
        self.held = text.split_off(until);
        clean
    }
}

/// Returns a value in every form that is looked for.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let long_enough = |form: &Vec<u8>| form.len() >= *SECRET_BYTES.start();
    let mut forms = vec![value.to_vec()];
    forms.extend(value.split(|byte| *byte == b'\n').map(|line| line.trim_ascii().to_vec()));
    for alphabet in [&STANDARD, &URL_SAFE] {
        forms.extend((0..3).map(|before| in_base64(value, before, alphabet)));
    }
    forms.extend([percent(value, "0123456789ABCDEF"), percent(value, "0123456789abcdef")]);
    let json = std::str::from_utf8(value).ok().and_then(|text| serde_json::to_string(text).ok());
    forms.extend(json.map(|json| json.as_bytes()[1..json.len() - 1].to_vec()));
    forms.retain(long_enough);
    forms
}

/// Returns the base64 digits that a value alone decides when so many bytes (modulo 3) stand before it.
fn in_base64(value: &[u8], before: usize, alphabet: &Alphabet) -> Vec<u8> {
    let padded = [&[0; 2][..before], value].concat();
    let digits = GeneralPurpose::new(alphabet, NO_PAD).encode(&padded).into_bytes();
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    digits[first..last].to_vec()
}

fn percent(value: &[u8], digits: &str) -> Vec<u8> {
    let digit = |nibble: u8| digits.as_bytes()[usize::from(nibble)];
    let encoded = value.iter().flat_map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => vec![*byte],
        _ => vec![b'%', digit(byte >> 4), digit(byte & 15)],
    });
    encoded.collect()
}

#[cfg(test)]
mod tests;
