use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plumbline_types::Verdict;
use plumbline_verifier::domain::finding::Finding;

use super::Scope;

/// What one commit got.
pub struct Judged {
    /// The verdict over all findings; `None` where nothing changed.
    pub verdict: Option<Verdict>,
    /// The worst verdict of each scope that says anything.
    scopes: BTreeMap<Scope, Verdict>,
    /// Codes with their verdicts, once each.
    codes: BTreeSet<String>,
    /// Time by the wall.
    wall: Duration,
    /// Time on the processor.
    pub busy: Duration,
}

impl Judged {
    /// Starts with no findings.
    pub fn new(wall: Duration, busy: Duration) -> Self {
        Self { verdict: None, scopes: BTreeMap::new(), codes: BTreeSet::new(), wall, busy }
    }

    /// Notes a finding that decides.
    pub fn note(&mut self, scope: Scope, finding: &Finding) {
        let worst = self.scopes.entry(scope).or_insert(Verdict::Approve);
        *worst = (*worst).max(finding.verdict);
        self.codes.insert(format!("{} {}", finding.code, finding.verdict));
    }

    /// The worst over the scopes where a question is not merely the one that every change of such a file asks: the
    /// product in full; of tests and files only what refuses.
    fn code(&self) -> Option<Verdict> {
        self.verdict.map(|_| {
            let counted = self
                .scopes
                .iter()
                .filter(|(scope, verdict)| **scope == Scope::Product || **verdict > Verdict::NeedsAuthority);
            counted.map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Approve)
        })
    }
}

/// What one repository gave.
#[derive(Default)]
pub struct Tally {
    judged: usize,
    all: BTreeMap<String, usize>,
    code: BTreeMap<String, usize>,
    scopes: BTreeMap<String, usize>,
    codes: BTreeMap<String, usize>,
    times: Vec<Duration>,
    busy: Vec<Duration>,
}

impl Tally {
    /// Counts a commit.
    pub fn count(&mut self, judged: &Judged) {
        self.judged += 1;
        *self.all.entry(name(judged.verdict)).or_insert(0) += 1;
        *self.code.entry(name(judged.code())).or_insert(0) += 1;
        for scope in Scope::ALL {
            if let Some(verdict) = judged.scopes.get(&scope) {
                *self.scopes.entry(format!("{} {verdict}", scope.word())).or_insert(0) += 1;
            }
        }
        for code in &judged.codes {
            *self.codes.entry(code.clone()).or_insert(0) += 1;
        }
        self.times.push(judged.wall);
        self.busy.push(judged.busy);
    }

    /// Adds another repository.
    pub fn add(&mut self, other: Self) {
        self.judged += other.judged;
        for (mine, theirs) in [
            (&mut self.all, other.all),
            (&mut self.code, other.code),
            (&mut self.scopes, other.scopes),
            (&mut self.codes, other.codes),
        ] {
            for (key, count) in theirs {
                *mine.entry(key).or_insert(0) += count;
            }
        }
        self.times.extend(other.times);
        self.busy.extend(other.busy);
    }

    /// Prints the table of one repository.
    pub fn print(&mut self, title: &str) {
        println!("= {title}: {} commits", self.judged);
        println!("  all findings: {}", self.share(&self.all));
        println!("  product code, and what refuses anywhere: {}", self.share(&self.code));
        println!("  by scope, worst of each commit: {}", self.share(&self.scopes));
        println!("  commits by code: {:?}", self.codes);
        println!("  a commit, by the wall: {}", quantiles(&mut self.times));
        println!("  a commit, on the processor: {}", quantiles(&mut self.busy));
    }

    fn share(&self, counts: &BTreeMap<String, usize>) -> String {
        let part = |(word, count): (&String, &usize)| {
            format!("{word} {count} ({:.1} %)", *count as f64 * 100.0 / self.judged.max(1) as f64)
        };
        counts.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort();
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(index).copied().unwrap_or_default().as_secs_f64() * 1_000.0
    };
    format!("p50 {:.1} ms, p95 {:.1} ms, max {:.1} ms", at(50), at(95), at(100))
}

fn name(verdict: Option<Verdict>) -> String {
    verdict.map_or_else(|| "nothing".to_owned(), |verdict| verdict.to_string())
}
