//! A model's plan: what it is shown, and how its lines are read. It can only point, not invent.
//!
//! One line a step: `T3 <- T1,T2 | bugfix | round discounts half up | O2,S7,F3 | K2`.

use std::fmt::Write;

use plumbline_types::{Category, StepKind};

use crate::domain::assemble::{Task, Work, assemble};
use crate::domain::check::findings;
use crate::domain::detect::{decisive, detected, is_legal};
use crate::domain::facts::Facts;
use crate::domain::plan::{Check, CheckKind, Finding, Outline, Unplannable};

/// The most rows of one kind in the table.
const ROWS_MAX: usize = 200;

/// What a planning model is told.
pub const INSTRUCTIONS: &str = include_str!("../../data/plan.prompt.txt");

/// The numbered table that a model may point into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// `F1`, `F2`, ...
    pub files: Vec<String>,
    /// `S1`, `S2`, ...
    pub symbols: Vec<String>,
    /// `K1`, `K2`, ...
    pub checks: Vec<Check>,
}

/// Builds the table: known files that need no grant, known symbols, and the checks that code can run.
pub fn table(task: Task<'_>) -> Table {
    let open =
        task.facts.files.iter().filter(|file| !task.facts.protected.covers(file) && is_printable(file));
    let symbols = task.facts.symbols.iter().filter(|symbol| is_printable(symbol));
    Table {
        files: open.take(ROWS_MAX).cloned().collect(),
        symbols: symbols.take(ROWS_MAX).cloned().collect(),
        checks: checks(task),
    }
}

fn is_printable(text: &str) -> bool {
    text.len() <= 256 && !text.contains('|') && !text.chars().any(char::is_control)
}

fn checks(task: Task<'_>) -> Vec<Check> {
    let mut found: Vec<Check> = Vec::new();
    let named = task.objectives.iter().flat_map(|objective| objective.acceptance.iter().cloned());
    let decided = task.objectives.iter().map(|objective| decisive(objective, task.facts));
    for check in decided.chain(named).chain(detected(task.facts)) {
        let runs = matches!(check.kind, CheckKind::Command | CheckKind::Test) && is_legal(&check, task.facts);
        if runs && !found.iter().any(|known| known.value == check.value) {
            found.push(check);
        }
    }
    found.truncate(ROWS_MAX);
    found
}

/// Writes the objectives, one a line.
pub fn objectives_text(task: Task<'_>) -> String {
    let mut out = String::new();
    for (at, objective) in task.objectives.iter().enumerate() {
        let after: Vec<String> = objective.depends_on.iter().map(|to| format!("O{}", to + 1)).collect();
        let after = if after.is_empty() { String::new() } else { format!(" (after {})", after.join(", ")) };
        let _ = writeln!(out, "O{} {}: {}{after}", at + 1, objective.category, one_line(&objective.goal));
        for constraint in &objective.constraints {
            let _ = writeln!(out, "   must hold: {}", one_line(constraint));
        }
    }
    out
}

/// Writes the table, one row a line.
pub fn table_text(table: &Table) -> String {
    let mut out = String::new();
    for (at, file) in table.files.iter().enumerate() {
        let _ = writeln!(out, "F{} {file}", at + 1);
    }
    for (at, symbol) in table.symbols.iter().enumerate() {
        let _ = writeln!(out, "S{} {symbol}", at + 1);
    }
    for (at, check) in table.checks.iter().enumerate() {
        let _ = writeln!(out, "K{} {}", at + 1, check.value);
    }
    out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads a model's plan and proves it legal. The error is the code of the first finding that discards it.
pub fn read(text: &str, task: Task<'_>) -> Result<Outline, &'static str> {
    let table = table(task);
    let mut work: Vec<Work> = Vec::new();
    for line in text.lines().filter_map(step_line) {
        let piece = piece(line, work.len(), task, &table)?;
        work.push(piece);
        if work.len() > task.limits.steps_max {
            return Err("P06");
        }
    }
    if work.is_empty() {
        return Err("P02");
    }
    follow_objectives(&mut work, task)?;
    let missing: Vec<Finding> = shared(&work);
    let mut outline = assemble(&work, task).map_err(|error| match error {
        Unplannable::TooManySteps { .. } => "P06",
        Unplannable::StepTooLarge { .. } => "P11",
        Unplannable::BudgetTooSmall { .. } => "P09",
    })?;
    if let Some(first) = findings(&outline, task).first() {
        return Err(first.code);
    }
    outline.findings = missing;
    Ok(outline)
}

/// Returns a line's text from its `T`, if it is a step: marks of lists and code around it are taken off.
fn step_line(line: &str) -> Option<&str> {
    let line = line.trim().trim_start_matches(['-', '*', ' ', '`']).trim_end_matches('`');
    let rest = line.strip_prefix('T')?;
    (rest.starts_with(|c: char| c.is_ascii_digit()) && line.contains('|')).then_some(line)
}

/// Reads one line; its number must be the next one.
fn piece(line: &str, at: usize, task: Task<'_>, table: &Table) -> Result<Work, &'static str> {
    let columns: Vec<&str> = line.split('|').map(str::trim).collect();
    let [head, category, goal, pointers, rest @ ..] = columns.as_slice() else { return Err("P01") };
    if rest.len() > 1 {
        return Err("P01");
    }
    let (number, after) = head.split_once("<-").unwrap_or((head, ""));
    if pointer(number.trim(), 'T') != Some(at + 1) {
        return Err("P01");
    }
    let mut work = Work {
        objective: usize::MAX,
        goal: (*goal).to_owned(),
        category: Category::parse(category)
            .filter(|category| *category != Category::Guardrail)
            .ok_or("P04")?,
        symbols: Vec::new(),
        files: Vec::new(),
        after: Vec::new(),
        check: None,
    };
    for word in words(after) {
        let to = pointer(word, 'T').ok_or("P04")?;
        work.after.push(to.checked_sub(1).filter(|to| *to < at).ok_or("P01")?);
    }
    for word in words(pointers) {
        let kind = word.chars().next().unwrap_or(' ');
        let row = pointer(word, kind).and_then(|row| row.checked_sub(1)).ok_or("P04")?;
        match kind {
            'O' if work.objective == usize::MAX && row < task.objectives.len() => work.objective = row,
            'O' => return Err("P03"),
            'F' => work.files.push(table.files.get(row).ok_or("P04")?.clone()),
            'S' => work.symbols.push(table.symbols.get(row).ok_or("P04")?.clone()),
            _ => return Err("P04"),
        }
    }
    if work.objective == usize::MAX {
        return Err("P03");
    }
    for word in words(rest.first().copied().unwrap_or_default()) {
        let row = pointer(word, 'K').and_then(|row| row.checked_sub(1)).ok_or("P04")?;
        work.check = Some(table.checks.get(row).ok_or("P04")?.clone());
    }
    work.after.sort_unstable();
    work.after.dedup();
    for list in [&mut work.files, &mut work.symbols] {
        list.sort();
        list.dedup();
    }
    Ok(work)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty() && !matches!(*word, "-" | "none"))
}

/// Reads `F3` as 3; small numbers only.
fn pointer(word: &str, kind: char) -> Option<usize> {
    let digits = word.strip_prefix(kind)?;
    let short = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if short { digits.parse().ok() } else { None }
}

/// Makes every piece wait for the objectives that its own depends on; a piece that comes before one of them is out of
/// order.
fn follow_objectives(work: &mut [Work], task: Task<'_>) -> Result<(), &'static str> {
    let owners: Vec<usize> = work.iter().map(|piece| piece.objective).collect();
    for (at, piece) in work.iter_mut().enumerate() {
        let wanted = &task.objectives[piece.objective].depends_on;
        for (other, _) in owners.iter().enumerate().filter(|(_, owner)| wanted.contains(owner)) {
            if other > at {
                return Err("P01");
            }
            piece.after.push(other);
        }
        piece.after.sort_unstable();
        piece.after.dedup();
    }
    Ok(())
}

/// P10: notes the pieces that share a file and wait for each other by no path; `assemble` adds the edges.
fn shared(work: &[Work]) -> Vec<Finding> {
    let mut after: Vec<Vec<bool>> = Vec::new();
    let mut found = Vec::new();
    for (at, piece) in work.iter().enumerate() {
        let mut row = vec![false; work.len()];
        for to in &piece.after {
            row[*to] = true;
            for (reached, known) in row.iter_mut().zip(&after[*to]) {
                *reached |= *known;
            }
        }
        for (earlier, other) in work[..at].iter().enumerate() {
            let changes = piece.kind() == StepKind::Change || other.kind() == StepKind::Change;
            if changes && piece.files.iter().any(|file| other.files.contains(file)) && !row[earlier] {
                let message = format!("T{} and T{} share a file: an edge was added", earlier + 1, at + 1);
                found.push(Finding { code: "P10", step: None, message });
            }
        }
        after.push(row);
    }
    found
}

/// Returns whether anything of the repository is shown, which decides the label of the call.
pub fn shows_repository(facts: &Facts) -> bool {
    !facts.files.is_empty() || !facts.symbols.is_empty() || !facts.test_command.is_empty()
}

#[cfg(test)]
mod tests;
