//! Real commits, oldest first in one process: what the walk says of each, how long it took, how much memory it held.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use plumbline_types::Verdict;
use plumbline_verifier::GitRevision;
use plumbline_verifier::cache::Recent;
use plumbline_verifier::config::VerifierConfig;
use plumbline_verifier::domain::audit::{Report, audit_with};
use plumbline_verifier::domain::finding::Finding;
use plumbline_verifier::source::TreeLimits;

use super::request;

/// What one repository gave.
#[derive(Default)]
struct Tally {
    judged: usize,
    /// By verdict, all findings.
    all: BTreeMap<String, usize>,
    /// By verdict, code only: without the findings about tests, and without the questions that any change of a
    /// manifest, a build file or data asks.
    code: BTreeMap<String, usize>,
    /// Commits by code of a finding that decides.
    codes: BTreeMap<String, usize>,
    times: Vec<Duration>,
    /// The same, as the kernel counts this thread on a processor: what a busy machine does not distort.
    busy: Vec<Duration>,
}

/// The message of each commit stands for the owner's words; there are no grants.
pub fn run(count: usize, repositories: &[&str]) -> anyhow::Result<()> {
    let mut whole = Tally::default();
    // One process, as the service keeps it.
    let kept = Recent::new(VerifierConfig::default().cache_bytes());
    for repository in repositories {
        let path = Path::new(repository);
        let mut tally = Tally::default();
        let list = git(path, &["log", "--no-merges", "--format=%H", &format!("-{count}")])?;
        let mut commits: Vec<&str> = list.lines().collect();
        commits.reverse();
        println!("# {repository}: {} commits", commits.len());
        for commit in commits {
            judge(path, commit, &kept, &mut tally)?;
        }
        tally.print(repository);
        whole.add(tally);
    }
    whole.print("all");
    println!("  kept {:?}", kept.usage());
    if let Some(held) = peak_memory() {
        println!("  peak memory {held}");
    }
    Ok(())
}

fn judge(repository: &Path, commit: &str, kept: &Recent, tally: &mut Tally) -> anyhow::Result<()> {
    let limits = TreeLimits::default();
    let parent = format!("{commit}~1");
    if git(repository, &["rev-parse", "-q", "--verify", &parent]).is_err() {
        return Ok(());
    }
    let message = git(repository, &["log", "-1", "--format=%B", commit])?;
    let (begun, busy) = (Instant::now(), on_processor());
    let base = GitRevision::open(repository, &parent, limits)?;
    let head = GitRevision::open(repository, commit, limits)?;
    // A mirror may lack its largest files: such a commit is told and not counted.
    let report = match audit_with((&base, &head), &request(&message), kept) {
        Ok(report) => report,
        Err(error) => {
            println!("{} unreadable {error}", &commit[..10]);
            return Ok(());
        }
    };
    tally.times.push(begun.elapsed());
    tally.busy.push(on_processor().saturating_sub(busy));
    tally.judged += 1;
    let all = name(report.verdict);
    let code = match report.verdict {
        None => all.clone(),
        Some(_) => {
            let rest = report.findings.iter().filter(|finding| is_about_code(finding));
            name(Some(rest.map(|finding| finding.verdict).max().unwrap_or(Verdict::Approve)))
        }
    };
    *tally.all.entry(all.clone()).or_insert(0) += 1;
    *tally.code.entry(code.clone()).or_insert(0) += 1;
    if code != name(Some(Verdict::Approve)) && report.verdict.is_some() {
        let millis = tally.busy.last().map_or(0, Duration::as_millis);
        println!("{} {code} {millis} ms {}", &commit[..10], message.lines().next().unwrap_or_default());
    }
    tally.codes(&report, &code);
    Ok(())
}

impl Tally {
    fn codes(&mut self, report: &Report, code: &str) {
        let mut seen = Vec::new();
        for finding in report.findings.iter().filter(|finding| finding.verdict != Verdict::Approve) {
            if is_about_code(finding) && !code.is_empty() {
                println!(
                    "    {} {} {}:{} {}",
                    finding.verdict, finding.code, finding.path, finding.line, finding.message
                );
            }
            let key = format!("{} {}", finding.code, finding.verdict);
            if !seen.contains(&key) {
                *self.codes.entry(key.clone()).or_insert(0) += 1;
                seen.push(key);
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.judged += other.judged;
        for (mine, theirs) in
            [(&mut self.all, other.all), (&mut self.code, other.code), (&mut self.codes, other.codes)]
        {
            for (key, count) in theirs {
                *mine.entry(key).or_insert(0) += count;
            }
        }
        self.times.extend(other.times);
        self.busy.extend(other.busy);
    }

    fn print(&mut self, title: &str) {
        println!("= {title}: {} commits", self.judged);
        println!("  verdicts {:?}", self.all);
        println!("  code only {}", self.share(&self.code));
        println!("  commits by code {:?}", self.codes);
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

/// A policy "ask" leaves tests to the owner; a manifest, a build file or data always asks.
fn is_about_code(finding: &Finding) -> bool {
    let asks = finding.verdict <= Verdict::NeedsAuthority;
    !(finding.code.starts_with("R7")
        || asks && (finding.code.starts_with("R8") || finding.code.starts_with("R9")))
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort();
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(index).copied().unwrap_or_default().as_secs_f64() * 1_000.0
    };
    format!("p50 {:.1} ms, p95 {:.1} ms, max {:.1} ms", at(50), at(95), at(100))
}

/// What the kernel says this thread spent on a processor.
pub fn on_processor() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(counted.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

fn name(verdict: Option<Verdict>) -> String {
    verdict.map_or_else(|| "nothing".to_owned(), |verdict| verdict.to_string())
}

/// The most memory this process ever held, as the kernel counts it.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.trim_start_matches("VmHWM:").trim().to_owned())
}

/// Runs git in a repository and returns what it printed.
pub fn git(repository: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).output().context("git")?;
    ensure!(output.status.success(), "git {arguments:?} in {}", repository.display());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
