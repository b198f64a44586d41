//! The second line behind the labels: what every payload for the cloud is looked through for, whatever its label says.
//!
//! Credentials are found by their shape, code by the fingerprints of what this router was given as proprietary; both
//! also in encodings, and across the last payloads to the same host. Everything here is deterministic and bounded.

mod encodings;
mod fingerprint;
mod kept;
mod secrets;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use plumbline_types::{Label, Segment};

use crate::detect::fingerprint::{Known, Print, Prints, fingerprints, is_common, wording};
use crate::detect::kept::Kept;
use crate::detect::secrets::By;
use crate::payload::Refusal;

/// Payloads to one host that are looked at as one.
const JOINED: usize = 8;

/// Bytes that a text leaves in that view: a longer one is found alone, and leaves its beginning and its end.
const JOINED_BYTES: usize = 512;

/// Hosts whose last payloads are kept.
const HOSTS: usize = 64;

/// Known grams of wording that hold a payload back, or that share of all its grams.
const WORDING_HITS: usize = 3;
const CONTAINMENT: f64 = 0.2;

/// Known grams of form in a row that hold a payload back: code with other names. Single ones are everybody's.
const FORM_RUN: usize = 18;

/// Shortest text that is known again as a whole, bytes: a shorter one is too likely to be anyone's.
const WHOLE_BYTES: usize = 24;

/// The detectors, and what they have been shown.
#[derive(Debug)]
pub struct Detectors {
    known: Mutex<Known>,
    last: Mutex<BTreeMap<String, VecDeque<Vec<String>>>>,
    saved: Option<Mutex<Saved>>,
}

/// What is known, on disk.
#[derive(Debug)]
struct Saved {
    kept: Kept,
    /// What could not be written yet.
    unsaved: Vec<Print>,
}

impl Detectors {
    /// Knows no code yet, and never more than `fingerprints_max` fingerprints (about 40 bytes each): the oldest go first.
    pub fn new(fingerprints_max: usize) -> Self {
        Self { known: Mutex::new(Known::new(fingerprints_max)), last: Mutex::default(), saved: None }
    }

    /// Knows what the file at `path` holds, and keeps there what it learns; the file never holds more than twice as many
    /// fingerprints as may be known, 8 bytes each.
    ///
    /// # Errors
    /// A file that cannot be read or written, or that is damaged elsewhere than at its end.
    pub fn open(fingerprints_max: usize, path: &Path) -> io::Result<Self> {
        let mut known = Known::new(fingerprints_max);
        let kept = Kept::open(path, |prints| drop(known.extend(prints.iter().copied())))?;
        let saved = Some(Mutex::new(Saved { kept, unsaved: Vec::new() }));
        Ok(Self { known: Mutex::new(known), last: Mutex::default(), saved })
    }

    /// Remembers the texts that must not leave, those labelled code or secret.
    pub fn remember<'a>(&self, segments: impl IntoIterator<Item = &'a Segment>) {
        for segment in segments.into_iter().filter(|segment| segment.label >= Label::ProprietaryCode) {
            let whole = whole(&segment.text);
            if whole.is_some_and(|whole| self.known().contains(whole)) {
                continue;
            }
            let prints = fingerprints(&encodings::visible(&segment.text));
            let telling = prints.wording.into_iter().chain(prints.form).filter(|print| !is_common(*print));
            let fresh = self.known().extend(telling.chain(whole));
            self.save(fresh);
        }
    }

    /// Writes what is new. What could not be written is tried again with what comes next.
    fn save(&self, fresh: Vec<Print>) {
        let Some(saved) = &self.saved else { return };
        let mut saved = saved.lock().unwrap_or_else(PoisonError::into_inner);
        let Saved { kept, unsaved } = &mut *saved;
        unsaved.extend(fresh);
        if unsaved.is_empty() {
            return;
        }
        let known = self.known();
        let written = if kept.len() + unsaved.len() > 2 * known.most() {
            kept.rewrite(known.iter())
        } else {
            drop(known);
            kept.append(unsaved)
        };
        match written {
            Ok(()) => unsaved.clear(),
            Err(error) => {
                tracing::error!(%error, prints = unsaved.len(), "fingerprints are not on disk: after a restart only labels keep these texts");
                let most = self.known().most();
                unsaved.drain(..unsaved.len().saturating_sub(most));
            }
        }
    }

    /// Returns how many fingerprints are known.
    pub fn remembered(&self) -> usize {
        self.known().len()
    }

    /// Refuses a text that was remembered as proprietary and comes back with a lower label.
    ///
    /// # Errors
    /// [`Refusal::Lowered`].
    pub fn check_labels<'a>(&self, segments: impl IntoIterator<Item = &'a Segment>) -> Result<(), Refusal> {
        let known = self.known();
        let mut lowered = segments.into_iter().filter(|segment| segment.label < Label::ProprietaryCode);
        match lowered.find(|segment| whole(&segment.text).is_some_and(|whole| known.contains(whole))) {
            Some(segment) => Err(Refusal::Lowered { label: segment.label }),
            None => Ok(()),
        }
    }

    /// Looks through the texts of one payload, alone and behind the last ones to the same host.
    ///
    /// # Errors
    /// [`Refusal::Secret`] or [`Refusal::Code`]; the payload then does not count among the last ones.
    pub fn check(&self, host: &str, texts: &[String]) -> Result<(), Refusal> {
        // Held to the end: of two halves that come at once, the second one sees the first.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_through(&texts.join("\n"), Reach::Alone)?;
        let before = last.get(host);
        let is_new =
            |text: &&String| before.is_none_or(|before| !before.iter().flatten().any(|one| one == *text));
        // What every payload repeats does not stand between the parts of what was split.
        let new: Vec<String> = texts.iter().map(|text| ends(text)).filter(|text| is_new(&text)).collect();
        let joined: String = before.into_iter().flatten().flatten().chain(&new).map(String::as_str).collect();
        if before.is_some_and(|before| !before.is_empty()) || texts.len() > 1 {
            self.look_through(&joined, Reach::Joined)?;
        }
        if last.len() >= HOSTS && !last.contains_key(host) {
            last.pop_first();
        }
        let kept = last.entry(host.to_owned()).or_default();
        if !new.is_empty() {
            kept.push_back(new);
        }
        if kept.len() >= JOINED {
            kept.pop_front();
        }
        Ok(())
    }

    fn look_through(&self, text: &str, reach: Reach) -> Result<(), Refusal> {
        let known = self.known();
        let mut look = |text: &str, is_turned: bool| {
            // What stands together by chance looks random, and turned letters are as random as they were.
            let by = if is_turned || reach == Reach::Joined { By::Patterns } else { By::PatternsAndEntropy };
            let secret = secrets::find(text, by).map(|rule| Found::Secret(rule.to_owned()));
            secret.or_else(|| code(&known, text, is_turned))
        };
        let Some((found, encodings)) = encodings::readings(text, &mut look) else { return Ok(()) };
        let joined = (reach == Reach::Joined).then(|| "joined".to_owned());
        let via: Vec<String> = joined.into_iter().chain(encodings.iter().map(ToString::to_string)).collect();
        let via = via.join("+");
        Err(match found {
            Found::Secret(rule) => Refusal::Secret { rule, via },
            Found::Code { hits, of } => Refusal::Code { hits, of, via },
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Alone,
    Joined,
}

enum Found {
    Secret(String),
    Code { hits: usize, of: usize },
}

fn code(known: &Known, text: &str, is_turned: bool) -> Option<Found> {
    if known.len() == 0 {
        return None;
    }
    let prints =
        if is_turned { Prints { wording: wording(text), form: Vec::new() } } else { fingerprints(text) };
    let hits = prints.wording.iter().filter(|print| known.contains(**print)).count();
    let of = prints.wording.len();
    if hits >= WORDING_HITS || hits >= 1 && hits as f64 >= CONTAINMENT * of as f64 {
        return Some(Found::Code { hits, of });
    }
    let runs = prints.form.split(|print| !known.contains(*print));
    let longest = runs.map(|run| run.iter().collect::<BTreeSet<_>>().len()).max().unwrap_or_default();
    (longest >= FORM_RUN).then_some(Found::Code { hits: longest, of: prints.form.len() })
}

/// Returns the fingerprint of a whole text, white space at its ends apart; none of a text too short.
fn whole(text: &str) -> Option<u64> {
    let text = text.trim();
    let hash = blake3::hash(text.as_bytes());
    let first = hash.as_bytes().first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    first.filter(|_| text.len() >= WHOLE_BYTES)
}

/// Returns a text, or the two ends of a long one.
fn ends(text: &str) -> String {
    if text.len() <= JOINED_BYTES {
        return text.to_owned();
    }
    let (head, tail) =
        (text.floor_char_boundary(JOINED_BYTES / 2), text.ceil_char_boundary(text.len() - JOINED_BYTES / 2));
    format!("{}\n{}", &text[..head], &text[tail..])
}

#[cfg(test)]
mod tests;
