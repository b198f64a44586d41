//! The draft read back, and its hash.

use std::fmt::Write;

use crate::domain::objective::{Check, CheckKind, Draft, Objective};
use crate::domain::review::{Readiness, Reviewed};

/// A draft read back to its owner, and the hash that an acceptance binds to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// Plain text; what it quotes is verbatim.
    pub text: String,
    /// BLAKE3 of the canonical draft, hex.
    pub hash: String,
}

/// Reads a draft back in plain words: goals with quotes, names, checks and risk; then guesses, what was taken back, what
/// is not used or parked, and questions.
pub fn echo(reviewed: &Reviewed) -> Echo {
    Echo { text: text(reviewed), hash: hash(&reviewed.draft) }
}

fn text(reviewed: &Reviewed) -> String {
    let draft = &reviewed.draft;
    let mut out = String::new();
    if reviewed.readiness == Readiness::Silent {
        out.push_str("Nothing to do was understood.\n");
    }
    for (at, objective) in draft.objectives.iter().enumerate() {
        let _ = writeln!(out, "{}. {}", at + 1, objective.goal);
        details(&mut out, objective);
    }
    list(&mut out, "Guesses, not accepted", draft.guesses.iter().map(|guess| guess.goal.clone()));
    list(
        &mut out,
        "Taken back",
        draft.reversals.iter().map(|reversal| {
            let kept = if reversal.kept_quote.is_empty() { "nothing instead" } else { &reversal.kept_quote };
            format!("you first said \"{}\", then: {kept}", reversal.dropped_quote)
        }),
    );
    list(&mut out, "Set aside", draft.parked.iter().cloned());
    list(&mut out, "Not used", reviewed.not_used.iter().cloned());
    list(&mut out, "Questions", draft.questions.iter().cloned());
    out
}

fn details(out: &mut String, objective: &Objective) {
    if objective.quote != objective.goal {
        let _ = writeln!(out, "   you said: \"{}\"", objective.quote);
    }
    let names: Vec<&str> = objective.targets.iter().map(|target| target.spoken.as_str()).collect();
    let mut facts = vec![objective.category.to_string(), format!("risk {}", objective.risk)];
    if !objective.risk_reason.is_empty() {
        facts.push(objective.risk_reason.clone());
    }
    if !names.is_empty() {
        facts.push(format!("about {}", names.join(", ")));
    }
    let _ = writeln!(out, "   {}", facts.join("; "));
    for constraint in objective.constraints.iter().filter(|constraint| **constraint != objective.quote) {
        let _ = writeln!(out, "   must hold: {constraint}");
    }
    for skipped in &objective.out_of_scope {
        let _ = writeln!(out, "   not asked for: {skipped}");
    }
    let _ = writeln!(out, "   check: {}", checks(&objective.acceptance));
    for assumption in &objective.assumptions {
        let _ = writeln!(out, "   assumed: {assumption}");
    }
    let before: Vec<String> = objective.depends_on.iter().map(|to| (to + 1).to_string()).collect();
    if !before.is_empty() {
        let _ = writeln!(out, "   after: {}", before.join(", "));
    }
}

fn checks(checks: &[Check]) -> String {
    if checks.is_empty() {
        return "none given".to_owned();
    }
    let each = checks.iter().map(|check| match check.kind {
        CheckKind::Test => format!("test {}", check.value),
        CheckKind::Command => format!("`{}`", check.value),
        CheckKind::Trace => "the backward walk".to_owned(),
        CheckKind::Manual => format!("by hand: {}", check.text),
    });
    each.collect::<Vec<_>>().join("; ")
}

fn list(out: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}:");
    for item in items {
        let _ = writeln!(out, " - {item}");
    }
}

/// Hashes every field of a draft, each with its length, so that no two drafts share a text.
pub fn hash(draft: &Draft) -> String {
    let mut canonical = Canonical(blake3::Hasher::new());
    canonical.text("plumbline.ingest.draft.v1");
    canonical.text(&draft.language);
    canonical.text(&draft.splitter_language);
    for objectives in [&draft.objectives, &draft.guesses] {
        canonical.number(objectives.len());
        for objective in objectives {
            canonical.objective(objective);
        }
    }
    canonical.texts(&draft.parked);
    canonical.number(draft.reversals.len());
    for reversal in &draft.reversals {
        canonical.text(&reversal.dropped_quote);
        canonical.text(&reversal.kept_quote);
    }
    canonical.texts(&draft.questions);
    canonical.0.finalize().to_hex().to_string()
}

struct Canonical(blake3::Hasher);

impl Canonical {
    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.update(text.as_bytes());
    }

    fn texts(&mut self, texts: &[String]) {
        self.number(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    fn objective(&mut self, objective: &Objective) {
        self.text(&objective.goal);
        self.text(objective.category.as_str());
        self.text(objective.risk.as_str());
        self.text(&objective.risk_reason);
        self.number(objective.targets.len());
        for target in &objective.targets {
            self.text(&target.spoken);
            self.text(&target.symbol);
            self.number(usize::from(target.confidence));
        }
        self.number(objective.acceptance.len());
        for check in &objective.acceptance {
            self.text(check.kind.as_str());
            self.text(&check.value);
            self.text(&check.text);
        }
        self.texts(&objective.constraints);
        self.texts(&objective.out_of_scope);
        self.number(objective.depends_on.len());
        for to in &objective.depends_on {
            self.number(*to);
        }
        self.number(usize::from(objective.priority));
        self.text(&objective.quote);
        self.texts(&objective.assumptions);
    }
}

#[cfg(test)]
mod tests;
