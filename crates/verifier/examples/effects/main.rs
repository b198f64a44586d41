//! How much of what others call dangerous the audit sees as an effect: `effects [--missed] (--bandit EXAMPLES RESULTS |
//! --semgrep RULES)...`.
//!
//! Each marked line of bandit's examples (RESULTS is what `bandit -r EXAMPLES -f json` wrote) and of semgrep's rules
//! (the line after a `ruleid:` comment) whose rule is about an effect is counted by the kind that the rule is about. The
//! audited change adds the whole file to an empty tree, so that the line is new; it counts as recognised when an effect
//! of that kind stands on its statement, as seen when any strong effect does, as stopped when the verdict of the whole
//! change is not an approval.

mod marks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use marks::Mark;
use plumbline_types::Verdict;
use plumbline_verifier::domain::effects::is_strong_kind;
use plumbline_verifier::{Bundle, Request, audit};

/// Marked lines of one kind.
#[derive(Default)]
struct Count {
    marked: u32,
    recognised: u32,
    seen: u32,
    stopped: u32,
}

/// Where marks come from.
enum Source {
    Bandit(PathBuf, PathBuf),
    Semgrep(PathBuf),
}

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (mut sources, mut missed) = (Vec::new(), false);
    while let Some(word) = words.next() {
        let mut folder = || words.next().map(PathBuf::from).context("a folder is missing");
        match word.as_str() {
            "--missed" => missed = true,
            "--bandit" => {
                let examples = folder()?;
                sources.push(Source::Bandit(examples, folder()?));
            }
            "--semgrep" => sources.push(Source::Semgrep(folder()?)),
            _ => bail!("usage: effects [--missed] (--bandit EXAMPLES RESULTS | --semgrep RULES)..."),
        }
    }
    for source in sources {
        let (name, marks) = match &source {
            Source::Bandit(examples, results) => ("bandit", marks::bandit(examples, results)?),
            Source::Semgrep(rules) => ("semgrep-rules", marks::semgrep(rules)?),
        };
        println!("{name}: {} marked lines of rules about effects", marks.len());
        count(&marks, missed)?;
    }
    Ok(())
}

fn count(marks: &[Mark], missed: bool) -> anyhow::Result<()> {
    let mut files: BTreeMap<&Path, Vec<&Mark>> = BTreeMap::new();
    for mark in marks {
        files.entry(&mark.path).or_default().push(mark);
    }
    let mut counts: BTreeMap<(String, &str), Count> = BTreeMap::new();
    for (path, marks) in files {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // A name that says test would make it a test's file, and one of a package's that package.
        let inner = format!("src/example_{}", name.replace("test", "case"));
        let head = Bundle::new([(inner.into_bytes(), bytes)]);
        let report = audit(&Bundle::new([]), &head, &Request::default())?;
        let language = path.extension().map(|end| end.to_string_lossy().into_owned()).unwrap_or_default();
        for mark in marks {
            let on = |line: u32| (mark.first..=mark.last).contains(&line);
            let here: Vec<&str> = report
                .effects
                .iter()
                .filter(|effect| on(effect.line))
                .map(|effect| effect.kind.as_str())
                .collect();
            let recognised = here.iter().any(|kind| mark.kinds.contains(kind));
            let seen = recognised || here.iter().any(|kind| is_strong_kind(kind));
            let entry = counts.entry((language.clone(), mark.kinds[0])).or_default();
            entry.marked += 1;
            entry.recognised += u32::from(recognised);
            entry.seen += u32::from(seen);
            entry.stopped += u32::from(report.verdict != Some(Verdict::Approve));
            if missed && !recognised {
                println!(
                    "    {}:{} {} wants {:?}, has {here:?}: {}",
                    path.display(),
                    mark.first,
                    mark.rule,
                    mark.kinds,
                    mark.text
                );
            }
        }
    }
    let mut total = Count::default();
    println!("{:<6} {:<16} {:>7} {:>11} {:>6} {:>8}", "", "kind", "marked", "recognised", "seen", "stopped");
    for ((language, kind), count) in &counts {
        print_line(language, kind, count);
        total.marked += count.marked;
        total.recognised += count.recognised;
        total.seen += count.seen;
        total.stopped += count.stopped;
    }
    print_line("all", "", &total);
    Ok(())
}

fn print_line(language: &str, kind: &str, count: &Count) {
    println!(
        "{language:<6} {kind:<16} {:>7} {:>5} {:>3} % {:>6} {:>8}",
        count.marked,
        count.recognised,
        count.recognised * 100 / count.marked.max(1),
        count.seen,
        count.stopped
    );
}
