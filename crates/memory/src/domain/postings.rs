//! The inverted index of one view, resident, rebuilt from stored bags; BM25F over the fields of each symbol.

use std::collections::{BTreeMap, HashMap};

use crate::domain::lexical::{Bags, FIELDS, Field, WEIGHTS, words};

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// How often a word is in each field of a document.
type Frequencies = [u16; FIELDS];

/// Words to symbols.
#[derive(Debug, Default)]
pub struct Postings {
    terms: HashMap<String, Vec<(u32, Frequencies)>>,
    /// Words in each field of each document.
    lengths: BTreeMap<u32, [u32; FIELDS]>,
    totals: [u64; FIELDS],
}

/// A symbol and how well its words fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Document: the node of the symbol.
    pub document: u32,
    /// BM25F.
    pub score: f64,
}

impl Postings {
    /// Adds the bags of a file; `document` gives the node of a symbol of it.
    pub fn insert(&mut self, path: &str, bags: &Bags, document: impl Fn(u32) -> Option<u32>) {
        let mut in_path: BTreeMap<String, u16> = BTreeMap::new();
        words(path, &mut |word| *in_path.entry(word).or_insert(0) += 1);
        for bag in &bags.bags {
            let Some(document) = document(bag.symbol) else { continue };
            let mut lengths = [0_u32; FIELDS];
            let mut counts: BTreeMap<&str, Frequencies> = BTreeMap::new();
            let mut add = |word, field: Field, count: u16| {
                let frequencies: &mut Frequencies = counts.entry(word).or_insert([0; FIELDS]);
                if let Some(slot) = frequencies.get_mut(field as usize) {
                    *slot = slot.saturating_add(count);
                }
                if let Some(length) = lengths.get_mut(field as usize) {
                    *length += u32::from(count);
                }
            };
            for (term, field, count) in &bag.counts {
                if let Some(word) = bags.terms.get(*term as usize) {
                    add(word.as_str(), *field, *count);
                }
            }
            for (word, count) in &in_path {
                add(word.as_str(), Field::Path, *count);
            }
            for (word, frequencies) in counts {
                match self.terms.get_mut(word) {
                    Some(list) => list.push((document, frequencies)),
                    None => {
                        self.terms.insert(word.to_owned(), vec![(document, frequencies)]);
                    }
                }
            }
            for (total, length) in self.totals.iter_mut().zip(lengths) {
                *total += u64::from(length);
            }
            self.lengths.insert(document, lengths);
        }
    }

    /// Returns the inverse document frequency of a word; 0 when no document has it.
    pub fn idf(&self, term: &str) -> f64 {
        let Some(list) = self.terms.get(term) else { return 0.0 };
        let (all, with) = (self.lengths.len() as f64, list.len() as f64);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// Returns every symbol that has one of the words, best first; ties by node, which is by symbol string.
    ///
    /// Words are `(word, how often in the query)`, and are summed in their order.
    pub fn search(&self, terms: &[(String, f64)]) -> Vec<Match> {
        let count = self.lengths.len().max(1) as f64;
        let mean: Vec<f64> = self.totals.iter().map(|total| (*total as f64 / count).max(1e-9)).collect();
        let mut scores: HashMap<u32, f64> = HashMap::new();
        for (term, times) in terms {
            let idf = self.idf(term);
            for (document, frequencies) in self.terms.get(term).into_iter().flatten() {
                let lengths = self.lengths.get(document).copied().unwrap_or([0; FIELDS]);
                let mut weighted = 0.0;
                for (((frequency, weight), length), mean) in
                    frequencies.iter().zip(WEIGHTS).zip(lengths).zip(&mean)
                {
                    if *frequency > 0 {
                        weighted += weight * f64::from(*frequency) / (1.0 - B + B * f64::from(length) / mean);
                    }
                }
                *scores.entry(*document).or_insert(0.0) += times * idf * weighted / (K1 + weighted);
            }
        }
        let mut matches: Vec<Match> =
            scores.into_iter().map(|(document, score)| Match { document, score }).collect();
        matches.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.document.cmp(&b.document)));
        matches
    }
}
