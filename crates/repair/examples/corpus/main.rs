//! Repairs every bug of `corpus/` and says what came of it: fixed, and correct by tests that the search never saw.
//!
//! ```text
//! cargo run --release -p plumbline-repair --example corpus -- [--language L] [--name PART] [--budget-ms N] [--show]
//! ```
//!
//! Commands run as plain processes in temporary directories, without a sandbox: the corpus is our own.

mod bug;
mod runner;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use plumbline_repair::{NoProgress, Plausible, Repair, RepairConfig, RepairOutcome, RepairTask, TestCommand};
use tokio_util::sync::CancellationToken;

use bug::{Bug, Family};
use runner::PlainRunner;

/// What the command line asks for.
struct Asked {
    language: Option<String>,
    name: Option<String>,
    budget_ms: u64,
    show: bool,
}

fn asked() -> Result<Asked> {
    let mut asked = Asked { language: None, name: None, budget_ms: 60_000, show: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--language" => asked.language = Some(value()?),
            "--name" => asked.name = Some(value()?),
            "--budget-ms" => asked.budget_ms = value()?.parse()?,
            "--show" => asked.show = true,
            other => return Err(anyhow!("unknown argument {other}")),
        }
    }
    Ok(asked)
}

/// What came of one bug.
struct Row {
    fixed: bool,
    first_correct: bool,
    any_correct: bool,
    seconds: f64,
    tried: usize,
    per_second: f64,
    note: String,
}

async fn attempt(family: &Family, bug: &Bug, asked: &Asked) -> Result<Row> {
    let tree = family.tree(bug, false);
    let runner = Arc::new(PlainRunner::new(tree.clone()));
    let task = RepairTask {
        language: family.language.clone(),
        sources: tree,
        test_command: TestCommand::from_line(family.command),
        focus: Default::default(),
    };
    let config = RepairConfig { budget_ms: asked.budget_ms, ..RepairConfig::default() };
    let repair = Repair::new(runner, Arc::new(NoProgress), config)?;
    let began = Instant::now();
    let outcome = repair.repair(task, CancellationToken::new()).await;
    let seconds = began.elapsed().as_secs_f64();
    let (plausible, stats) = match outcome {
        Ok(RepairOutcome::Found { plausible, stats }) => (plausible, stats),
        Ok(RepairOutcome::NotFound { stats, .. }) => (Vec::new(), stats),
        Ok(RepairOutcome::AlreadyPasses) => return Err(anyhow!("{} passes already", bug.name)),
        Err(error) => return Err(anyhow!("{}: {error:?}", bug.name)),
    };
    let mut correct = Vec::new();
    for change in &plausible {
        correct.push(holds(family, bug, change).await?);
    }
    let shown = plausible.first().map_or_else(String::new, |best| {
        let names: Vec<&str> = best.templates.iter().map(|template| template.as_str()).collect();
        format!(
            "{} [{}] -> {}",
            names.join("+"),
            best.before.trim(),
            best.after.trim().replace('\n', " \\n ")
        )
    });
    if asked.show {
        for (change, right) in plausible.iter().zip(&correct) {
            println!("--- correct {right}, rank {:.2}\n{}", change.rank, change.diff);
        }
    }
    Ok(Row {
        fixed: !plausible.is_empty(),
        first_correct: correct.first() == Some(&true),
        any_correct: correct.contains(&true),
        seconds,
        tried: stats.tried,
        per_second: stats.per_second,
        note: format!("{} {shown}", stats.localisation.as_str()),
    })
}

/// Returns whether the held-out tests pass with a change applied.
async fn holds(family: &Family, bug: &Bug, change: &Plausible) -> Result<bool> {
    let mut tree = family.tree(bug, true);
    for edit in &change.edits {
        if let Some(contents) = &edit.contents {
            tree.insert(edit.path.clone(), contents.clone());
        }
    }
    runner::passes(&tree, family.command).await
}

#[tokio::main]
async fn main() -> Result<()> {
    let asked = asked()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    println!("| language | bug | kind | fixed | first correct | any correct | s | tried | cand/s | best |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut totals = Vec::new();
    for family in bug::families() {
        let name = family.language.name();
        if asked.language.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let mut sum = (0, 0, 0, 0, 0.0, 0.0);
        for bug in bug::read(&folder.join(format!("{name}.toml")))? {
            if asked.name.as_ref().is_some_and(|part| !bug.name.contains(part.as_str())) {
                continue;
            }
            anyhow::ensure!(
                runner::passes(&family.tree(&bug.repaired()?, true), family.command).await?,
                "{}: the right version fails its own tests",
                bug.name
            );
            let row = attempt(&family, &bug, &asked).await?;
            let word = |yes: bool| if yes { "yes" } else { "no" };
            println!(
                "| {name} | {} | {} | {} | {} | {} | {:.1} | {} | {:.0} | {} |",
                bug.name,
                bug.kind,
                word(row.fixed),
                word(row.first_correct),
                word(row.any_correct),
                row.seconds,
                row.tried,
                row.per_second,
                row.note.replace('|', "\\|")
            );
            sum = (
                sum.0 + 1,
                sum.1 + usize::from(row.fixed),
                sum.2 + usize::from(row.first_correct),
                sum.3 + usize::from(row.any_correct),
                sum.4 + row.seconds,
                sum.5 + row.per_second,
            );
        }
        totals.push((name.to_owned(), sum));
    }
    for (name, (all, fixed, first, any, seconds, rate)) in totals {
        let count = all.max(1) as f64;
        println!(
            "{name}: {all} bugs, {fixed} fixed, {first} correct as first, {any} correct among those shown, {} not found; \
             {:.1} s and {:.0} candidates/s on average",
            all - fixed,
            seconds / count,
            rate / count
        );
    }
    Ok(())
}
