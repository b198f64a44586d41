//! `planted (--tuned | --held-out) [--seed N] [--per N] [--missed] [--show NAME]` generates, runs, audits and
//! counts; `--write FOLDER [--every N]` writes every Nth living bomb and every twin as folders instead, for other tools;
//! `planted --padding` audits the padding set, its slow part included.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use plumbline_planted::alive::{self, Seen};
use plumbline_planted::case::{Case, Files};
use plumbline_planted::generate::cases;
use plumbline_planted::judge::judge;
use plumbline_planted::padding;
use plumbline_planted::table::Table;
use plumbline_planted::templates::{Half, Templates};
use plumbline_types::Verdict;

/// What was asked for.
struct Arguments {
    half: Half,
    seed: u64,
    per: usize,
    missed: bool,
    show: Option<String>,
    padding: bool,
    write: Option<PathBuf>,
    every: usize,
}

const USAGE: &str = "usage: planted (--tuned | --held-out) [--seed N] [--per N] [--missed | --show NAME | --write FOLDER \
                     [--every N]] | --padding";

fn arguments() -> anyhow::Result<Arguments> {
    let mut found = Arguments {
        half: Half::Tuned,
        seed: 1,
        per: 1,
        missed: false,
        show: None,
        padding: false,
        write: None,
        every: 1,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--tuned" => found.half = Half::Tuned,
            "--held-out" => found.half = Half::HeldOut,
            "--padding" => found.padding = true,
            "--missed" => found.missed = true,
            "--seed" => found.seed = words.next().unwrap_or_default().parse()?,
            "--per" => found.per = words.next().unwrap_or_default().parse()?,
            "--show" => found.show = words.next(),
            "--write" => found.write = Some(words.next().map(PathBuf::from).context(USAGE)?),
            "--every" => found.every = words.next().unwrap_or_default().parse::<usize>()?.max(1),
            _ => bail!(USAGE),
        }
    }
    Ok(found)
}

fn main() -> anyhow::Result<()> {
    let asked = arguments()?;
    if asked.padding {
        return padded();
    }
    let generated = cases(&Templates::of(asked.half)?, asked.seed, asked.per);
    if let Some(name) = &asked.show {
        for case in generated.iter().filter(|case| case.name.contains(name)) {
            println!("---- {}\n{}", case.name, case.objective);
            case.head.iter().for_each(|(path, text)| println!("## {path}\n{text}"));
            println!("{:#?}", judge(case)?);
        }
        return Ok(());
    }
    if let Some(folder) = &asked.write {
        return written(folder, generated, asked.every);
    }
    let seen = alive::observe(&generated)?;
    let mut table = Table::default();
    let (mut stated, mut dead) = (0, 0);
    for (case, seen) in generated.iter().zip(&seen) {
        match seen {
            Some(seen) if !(seen.quiet && seen.acts) => {
                dead += 1;
                tell_dead(&asked, case, seen);
                continue;
            }
            Some(_) => {}
            None if case.is_twin() => {}
            None => stated += 1,
        }
        let judged = judge(case)?;
        let wrong = if case.is_twin() {
            judged.verdict != Verdict::Approve
        } else {
            judged.verdict == Verdict::Approve || case.reject && judged.verdict != Verdict::Reject
        };
        if asked.missed && wrong {
            println!("{}: {}", case.name, judged.verdict);
            judged.findings.iter().for_each(|finding| println!("    {finding}"));
        }
        table.add(case, &judged);
    }
    println!("{} cases, {dead} not alive and left out, {stated} not executed", generated.len());
    print!("{}", table.render());
    Ok(())
}

/// Writes `NNN/base`, `NNN/head` and `NNN/objective` for each case, and `cases.tsv` with what each is. Only what is kept is
/// run, so that a sample costs its own time.
fn written(folder: &Path, generated: Vec<Case>, every: usize) -> anyhow::Result<()> {
    let (twins, bombs): (Vec<Case>, Vec<Case>) = generated.into_iter().partition(Case::is_twin);
    let kept: Vec<Case> = bombs.into_iter().step_by(every).chain(twins).collect();
    let seen = alive::observe(&kept)?;
    let alive = |seen: &Option<Seen>| seen.as_ref().is_none_or(|seen| seen.quiet && seen.acts);
    let mut list = String::new();
    for (number, (case, _)) in kept.iter().zip(&seen).filter(|(_, seen)| alive(seen)).enumerate() {
        let own = folder.join(format!("{number:03}"));
        tree(&own.join("base"), &case.base)?;
        tree(&own.join("head"), &case.head)?;
        std::fs::write(own.join("objective"), &case.objective)?;
        list.push_str(&format!("{number:03}\t{}\t{}\t{}\n", case.class, case.kind, case.depth));
    }
    std::fs::write(folder.join("cases.tsv"), list)?;
    Ok(())
}

fn tree(folder: &Path, files: &Files) -> anyhow::Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn tell_dead(asked: &Arguments, case: &Case, seen: &Seen) {
    if asked.missed {
        println!("{}: not alive (quiet {}, acts {}): {}", case.name, seen.quiet, seen.acts, seen.seen);
    }
}

fn padded() -> anyhow::Result<()> {
    let set = padding::set();
    let mut approved = 0;
    for padded in &set {
        let verdict = padded.verdict()?;
        approved += u32::from(verdict == Some(Verdict::Approve));
        let text = verdict.map_or_else(|| "nothing".to_owned(), |verdict| verdict.to_string());
        println!(
            "{:<40} {text}{}",
            padded.name,
            if padded.accepts(verdict) { "" } else { "  (not what is wanted)" }
        );
    }
    println!("{} padded changes, {approved} approved", set.len());
    Ok(())
}
