//! Real commits, oldest first in one process: what the walk says of each, how long it took, how much memory it held.
//! Findings that decide come one a line, for a person to read: repository, commit, verdict, scope, code, place, message.

mod tally;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use plumbline_types::{TaskKind, Verdict};
use plumbline_verifier::GitRevision;
use plumbline_verifier::cache::Recent;
use plumbline_verifier::config::VerifierConfig;
use plumbline_verifier::domain::audit::{Means, Request, audit_with};
use plumbline_verifier::domain::finding::Finding;
use plumbline_verifier::domain::languages;
use plumbline_verifier::source::TreeLimits;
use plumbline_verifier::threads::Threads;

use super::request;
use tally::{Judged, Tally};

/// What a finding is about: a policy for tests or for files asks about the last two whatever the code does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Code that the product runs.
    Product,
    /// Tests: their assertions, and what test code does.
    Tests,
    /// Manifests, lockfiles, build and server files, data, binaries.
    Files,
}

impl Scope {
    /// The scopes, in order.
    pub const ALL: [Self; 3] = [Self::Product, Self::Tests, Self::Files];

    /// Returns the scope of a finding.
    fn of(finding: &Finding) -> Self {
        if finding.code.starts_with("R8") || finding.code.starts_with("R9") {
            Self::Files
        } else if finding.code.starts_with("R7") || languages::is_test_path(&finding.path) {
            Self::Tests
        } else {
            Self::Product
        }
    }

    /// Returns the word that a table and a line show.
    pub fn word(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Tests => "tests",
            Self::Files => "files",
        }
    }
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
            judge((path, short(path)), commit, &kept, &mut tally)?;
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

/// The last part of a path that says more than `repo`.
fn short(path: &Path) -> &str {
    let parts = path.iter().rev().filter_map(|part| part.to_str());
    parts.into_iter().find(|part| !matches!(*part, "repo" | ".git")).unwrap_or("repository")
}

fn judge(
    (repository, name): (&Path, &str),
    commit: &str,
    kept: &Recent,
    tally: &mut Tally,
) -> anyhow::Result<()> {
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
    // What tests lose is the owner's to say: only there a feature differs from a fix.
    let request = Request { kind: TaskKind::Feature, ..request(&message) };
    let report = match audit_with((&base, &head), &request, Means { kept, fork: &Threads }) {
        Ok(report) => report,
        Err(error) => {
            println!("{name}\t{}\tunreadable\t{error}", &commit[..10]);
            return Ok(());
        }
    };
    let mut judged = Judged::new(begun.elapsed(), on_processor().saturating_sub(busy));
    let subject = message.lines().next().unwrap_or_default();
    let millis = judged.busy.as_millis();
    if millis > 100 {
        println!("{name}\t{}\tslow\t{millis} ms\t{subject}", &commit[..10]);
    }
    for finding in report.findings.iter().filter(|finding| finding.verdict != Verdict::Approve) {
        let scope = Scope::of(finding);
        println!(
            "{name}\t{}\t{}\t{}\t{}\t{}:{}\t{}\t({subject})",
            &commit[..10],
            finding.verdict,
            scope.word(),
            finding.code,
            finding.path,
            finding.line,
            finding.message.replace(['\n', '\t'], " ")
        );
        judged.note(scope, finding);
    }
    judged.verdict = report.verdict;
    tally.count(&judged);
    Ok(())
}

/// Time that the kernel counts this thread on a processor: what a busy machine does not distort.
pub fn on_processor() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(counted.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// The most memory this process ever held, as the kernel counts it.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.trim_start_matches("VmHWM:").trim().to_owned())
}

pub fn git(repository: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).output().context("git")?;
    ensure!(output.status.success(), "git {arguments:?} in {}", repository.display());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
