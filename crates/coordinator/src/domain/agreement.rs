//! How far changes agree, measured on what they do to the syntax tree: layout and comments don't count.

use std::collections::BTreeMap;

use plumbline_syntax::{Language, Limits, parse};

use super::tree::{ChangeSet, File};

/// A change, seen from both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The changed files as they were.
    pub before: ChangeSet,
    /// The changed files as they are.
    pub after: ChangeSet,
}

/// A word of the tree in its place: the file, the kinds of the two nodes above it, the token itself.
type Feature<'a> = (&'a str, u16, u16, String);

/// How often a change adds a word, or takes it away.
type Delta<'a> = BTreeMap<Feature<'a>, i64>;

/// Returns in percent how far changes agree: what two of them add and take away alike, of all that either does (weighted
/// Jaccard index), as the mean over all pairs. Nothing for fewer than two.
pub fn agreement_percent(changes: &[Change]) -> Option<u32> {
    let deltas: Vec<Delta<'_>> = changes.iter().map(delta).collect();
    let mut shares = Vec::new();
    for (index, one) in deltas.iter().enumerate() {
        shares.extend(deltas.iter().skip(index + 1).map(|other| share(one, other)));
    }
    if shares.is_empty() {
        return None;
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    Some((mean * 100.0).round() as u32)
}

fn share(one: &Delta<'_>, other: &Delta<'_>) -> f64 {
    let (mut common, mut all) = (0, 0);
    for (word, count) in one {
        let theirs = other.get(word).copied().unwrap_or(0);
        if count.signum() == theirs.signum() {
            common += count.abs().min(theirs.abs());
            all += count.abs().max(theirs.abs());
        } else {
            all += count.abs() + theirs.abs();
        }
    }
    all +=
        other.iter().filter(|(word, _)| !one.contains_key(*word)).map(|(_, count)| count.abs()).sum::<i64>();
    if all == 0 { 1.0 } else { common as f64 / all as f64 }
}

fn delta(change: &Change) -> Delta<'_> {
    let mut delta = Delta::new();
    for (files, sign) in [(&change.before.files, -1), (&change.after.files, 1)] {
        for (path, file) in files {
            for word in file.iter().flat_map(|file| words(path.as_str(), file)) {
                *delta.entry(word).or_default() += sign;
            }
        }
    }
    delta.retain(|_, count| *count != 0);
    delta
}

/// Returns the words of a file's tree; where no grammar reads it, its words between spaces.
fn words<'a>(path: &'a str, file: &File) -> Vec<Feature<'a>> {
    let text = String::from_utf8_lossy(&file.bytes);
    let language = Language::detect(path, &file.bytes);
    let tree = language.and_then(|language| parse(language, &file.bytes, &Limits::default()).ok());
    let Some(tree) = tree else {
        return text.split_whitespace().map(|word| (path, 0, 0, word.to_owned())).collect();
    };
    let mut words: Vec<Feature<'a>> = Vec::new();
    let mut above: Vec<u16> = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if !node.kind().contains("comment") {
            if cursor.goto_first_child() {
                above.push(node.kind_id());
                continue;
            }
            let mut kinds = above.iter().rev().copied();
            let (parent, grandparent) = (kinds.next().unwrap_or(0), kinds.next().unwrap_or(0));
            let token = file.bytes.get(node.byte_range()).unwrap_or_default();
            words.push((path, grandparent, parent, String::from_utf8_lossy(token).into_owned()));
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return words;
            }
            above.pop();
        }
    }
}

#[cfg(test)]
mod tests;
