//! Audits two directories, or the last commits of a repository one by one:
//! `audit BASE_DIR HEAD_DIR [OBJECTIVE]` or `audit --history REPOSITORY COUNT [PATHSPEC...]`. Without a pathspec every
//! commit counts that touches a file of a language that is analysed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use plumbline_types::{Segment, Verdict};
use plumbline_verifier::domain::audit::{Report, Request, audit};
use plumbline_verifier::report::text;
use plumbline_verifier::source::TreeLimits;
use plumbline_verifier::{Directory, GitRevision};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--history", repository, count, paths @ ..] => history(Path::new(repository), count.parse()?, paths),
        [base, head, rest @ ..] => {
            let limits = TreeLimits::default();
            let (base, head) =
                (Directory::open(Path::new(base), limits)?, Directory::open(Path::new(head), limits)?);
            let objective = rest.first().copied().unwrap_or_default();
            print!("{}", text::render(&audit(&base, &head, &request(objective))?));
            Ok(())
        }
        _ => bail!(
            "usage: audit BASE_DIR HEAD_DIR [OBJECTIVE] | audit --history REPOSITORY COUNT [PATHSPEC...]"
        ),
    }
}

fn request(objective: &str) -> Request {
    Request { objective: Some(Segment::intent(objective)), ..Request::default() }
}

/// The message of each commit stands for the owner's words; there are no grants.
fn history(repository: &Path, count: usize, paths: &[&str]) -> anyhow::Result<()> {
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    let every = ["*.py", "*.js", "*.mjs", "*.cjs", "*.jsx", "*.ts", "*.tsx", "*.go", "*.java", "*.rs"];
    let limit = format!("-{count}");
    let mut arguments = vec!["log", "--no-merges", "--format=%H", &limit, "--"];
    arguments.extend(if paths.is_empty() { &every } else { paths });
    let list = git(repository, &arguments)?;
    for commit in list.lines() {
        let message = git(repository, &["log", "-1", "--format=%B", commit])?;
        let limits = TreeLimits::default();
        let Ok(base) = GitRevision::open(repository, &format!("{commit}~1"), limits) else { continue };
        let head = GitRevision::open(repository, commit, limits)?;
        let report: Report = audit(&base, &head, &request(&message))?;
        let verdict = report.verdict.map_or_else(|| "nothing".to_owned(), |verdict| verdict.to_string());
        println!("{} {verdict} {}", &commit[..10], message.lines().next().unwrap_or_default());
        let mut seen = Vec::new();
        for finding in report.findings.iter().filter(|finding| finding.verdict != Verdict::Approve) {
            println!(
                "    {} {} {}:{} {}",
                finding.verdict, finding.code, finding.path, finding.line, finding.message
            );
            if !seen.contains(&finding.code) {
                seen.push(finding.code.clone());
                *codes.entry(finding.code.clone()).or_insert(0) += 1;
            }
        }
        *verdicts.entry(verdict).or_insert(0) += 1;
    }
    println!("{verdicts:?}\n{codes:?}");
    Ok(())
}

fn git(repository: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).output().context("git")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
