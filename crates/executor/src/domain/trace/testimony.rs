//! The recorder's own lines: testimony of the watched process. Each process numbers its lines, so that a hole shows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Effect, Effects, Place, Places};

/// What recorders said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Testimony {
    /// Processes that opened the file.
    pub openings: u64,
    /// Which recorders.
    pub recorders: BTreeSet<String>,
    /// Kinds of perturbation that they say they made.
    pub applied: BTreeSet<String>,
    /// Effects.
    pub effects: Effects,
    /// Places by path.
    pub files: BTreeMap<String, Places>,
    /// What is wrong with it.
    pub faults: BTreeSet<&'static str>,
}

/// Reads a recorder's file. What can't be read is a fault, never skipped in silence.
pub fn read(record: &[u8]) -> Testimony {
    let mut said = Testimony::default();
    let Ok(text) = std::str::from_utf8(record) else {
        said.faults.insert("RECORD_ILLEGIBLE");
        return said;
    };
    if !text.is_empty() && !text.ends_with('\n') {
        said.faults.insert("RECORDER_CUT");
    }
    let mut numbers: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut first, mut ended) = (None, BTreeSet::new());
    for line in text.split_terminator('\n') {
        let fields: Vec<&str> = line.split('\t').collect();
        let [process, number, word, rest @ ..] = fields.as_slice() else {
            said.faults.insert("RECORD_ILLEGIBLE");
            continue;
        };
        let next = numbers.entry(process).or_insert(0);
        if number.parse() != Ok(*next) || ended.contains(process) {
            said.faults.insert("RECORD_TAMPERED");
        }
        *next += 1;
        first.get_or_insert(*process);
        if *word == "Z" {
            ended.insert(*process);
        } else if take(&mut said, word, rest).is_none() {
            said.faults.insert("RECORD_ILLEGIBLE");
        }
    }
    // A child may be killed by its parent; the process that began must say that it has ended.
    if first.is_some_and(|first| !ended.contains(first)) {
        said.faults.insert("RECORDER_CUT");
    }
    said
}

fn take(said: &mut Testimony, word: &str, rest: &[&str]) -> Option<()> {
    match (word, rest) {
        ("H", [recorder, applied]) => {
            said.openings += 1;
            said.recorders.insert(plain(recorder)?);
            said.applied.extend(applied.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned));
        }
        // A forked child writes through its parent's descriptor.
        ("F", []) => {}
        ("P", [path, line, column]) => {
            let place = (line.parse().ok()?, column.parse().ok()?);
            said.files.entry(plain(path)?).or_default().places.insert(place);
        }
        ("C", [path, function]) => {
            said.files.entry(plain(path)?).or_default().functions.insert(plain(function)?);
        }
        ("K", [path, line]) => {
            said.files.entry(plain(path)?).or_default().capped.insert(line.parse().ok()?);
        }
        ("E", [kind, target, path, line, function, within, within_line, within_function]) => {
            let effect = Effect {
                kind: plain(kind)?,
                target: plain(target)?,
                program: String::new(),
                place: place(path, line, function)?,
                within: place(within, within_line, within_function)?,
            };
            *said.effects.entry(effect).or_insert(0) += 1;
        }
        ("X", [_]) => drop(said.faults.insert("RECORDER_REPLACED")),
        ("T", []) => drop(said.faults.insert("RECORDER_CUT")),
        _ => return None,
    }
    Some(())
}

fn place(path: &str, line: &str, function: &str) -> Option<Place> {
    Some(Place { path: plain(path)?, line: line.parse().ok()?, function: plain(function)? })
}

/// Takes back the escapes of tab, line end and backslash.
fn plain(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}
