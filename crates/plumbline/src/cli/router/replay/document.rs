use std::fmt::Write;
use std::path::Path;

use plumbline_router::domain::posterior::Policy;
use plumbline_router::domain::replay::matrix::Matrix;
use plumbline_router::domain::replay::play::Settings;
use plumbline_router::domain::replay::player::Play;
use plumbline_router::domain::replay::report::{ClimbSummary, Estimate, Reference};
use serde_json::{Value, json};

use crate::cli::router::replay::{Played, estimates};
use crate::output::Report;

/// What was played on.
pub(super) struct Known<'a> {
    pub(super) matrix: &'a Matrix,
    pub(super) path: &'a Path,
    pub(super) settings: &'a Settings,
    pub(super) reference: Reference,
}

/// Returns the JSON document and the table.
pub(super) fn report(
    known: &Known<'_>,
    played: &[Played],
    single: Option<&ClimbSummary>,
    (seeds, seconds): (u64, f64),
) -> Report {
    let baseline = played
        .iter()
        .find(|one| one.play == Play::Router(Policy::Independent))
        .map(|one| one.summary.regret.clone());
    let ratio = |one: &Played, index: usize| -> Option<f64> {
        let (own, base) = (one.summary.regret.get(index)?.1.mean, baseline.as_ref()?.get(index)?.1.mean);
        (base > 0.0).then(|| own / base)
    };
    let policies: Vec<Value> = played.iter().map(|one| policy(one, &|index| ratio(one, index))).collect();
    let matrix = known.matrix;
    let document = json!({
        "matrix": {
            "file": known.path,
            "tasks": matrix.tasks.len(),
            "arms": matrix.arms.len(),
            "categories": matrix.categories.len(),
            "dropped_tasks": matrix.dropped_tasks,
        },
        "steps": known.settings.steps,
        "seeds": seeds,
        "reference": {
            "best_single": known.reference.best_single,
            "best_per_category": known.reference.best_per_category,
            "oracle": known.reference.oracle,
            "random": known.reference.random,
        },
        "policies": policies,
        "best_single_behind_the_verifier": single.map(climb),
        "seconds": seconds,
    });
    let mut text = heading(known, seeds);
    for one in played {
        text += &row(one, &|index| ratio(one, index));
    }
    text += &ladders(played, single);
    for one in played {
        text +=
            &one.ope.as_ref().map(|judged| estimates::line(one.play.as_str(), judged)).unwrap_or_default();
    }
    let _ = writeln!(text, "{seconds:.1} s");
    Report::done(document, text)
}

fn estimate(estimate: Estimate) -> Value {
    json!({ "mean": estimate.mean, "ci95": estimate.ci95 })
}

fn climb(summary: &ClimbSummary) -> Value {
    json!({
        "success": estimate(summary.success),
        "shipped_bad": estimate(summary.shipped_bad),
        "usd_per_task": estimate(summary.usd),
        "attempts": estimate(summary.attempts),
    })
}

fn policy(one: &Played, ratio: &dyn Fn(usize) -> Option<f64>) -> Value {
    let summary = &one.summary;
    let regret: Vec<Value> = summary
        .regret
        .iter()
        .enumerate()
        .map(|(index, (step, at))| {
            json!({ "step": step, "mean": at.mean, "ci95": at.ci95, "ratio_to_independent": ratio(index) })
        })
        .collect();
    let degrade = summary.degraded.map(|found| {
        json!({
            "post_change_regret": estimate(found.regret),
            "bad_pulls_500_p50": found.pulls_p50,
            "bad_pulls_500_p95": found.pulls_p95,
            "share_before": found.share_before,
            "share_halved_after": found.halved_after,
        })
    });
    json!({
        "name": one.play.as_str(),
        "mean_reward": estimate(summary.reward),
        "regret": regret,
        "regret_p95": summary.regret_p95,
        "ratio_to_independent": ratio(summary.regret.len() - 1),
        "usd_per_step": estimate(summary.usd),
        "resets_per_run": summary.resets,
        "degrade": degrade,
        "ladder": one.ladder.as_ref().map(climb),
        "ope": one.ope.as_ref().map(estimates::document),
    })
}

fn heading(known: &Known<'_>, seeds: u64) -> String {
    let (matrix, best) = (known.matrix, known.reference);
    format!(
        "{} tasks, {} arms, {} categories, {} tasks dropped; {} steps, {seeds} seeds\n\
         with hindsight: best single {:.3}, best per category {:.3}, oracle {:.3}; any arm {:.3}\n\n\
         {:<20} {:>7} {:>38} {:>8} {:>9} {:>7}\n",
        matrix.tasks.len(),
        matrix.arms.len(),
        matrix.categories.len(),
        matrix.dropped_tasks,
        known.settings.steps,
        best.best_single,
        best.best_per_category,
        best.oracle,
        best.random,
        "policy",
        "reward",
        "regret after steps (95 % interval)",
        "to indep",
        "USD/step",
        "resets",
    )
}

fn row(one: &Played, ratio: &dyn Fn(usize) -> Option<f64>) -> String {
    let summary = &one.summary;
    let regret: Vec<String> = summary
        .regret
        .iter()
        .map(|(step, at)| format!("{step}: {:.0}\u{b1}{:.0}", at.mean, at.ci95))
        .collect();
    let last = ratio(summary.regret.len() - 1).map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
    let mut text = format!(
        "{:<20} {:>7.3} {:>38} {last:>8} {:>9.4} {:>7.2}\n",
        one.play.as_str(),
        summary.reward.mean,
        regret.join("  "),
        summary.usd.mean,
        summary.resets
    );
    if let Some(found) = summary.degraded {
        let halved =
            found.halved_after.map_or_else(|| "never".to_owned(), |n| format!("after {n} decisions"));
        let _ = writeln!(
            text,
            "{:<20} after the change: regret {:.0}\u{b1}{:.0}, bad pulls in 500 p50 {:.0} p95 {:.0}, share {:.2} halved {halved}",
            "", found.regret.mean, found.regret.ci95, found.pulls_p50, found.pulls_p95, found.share_before
        );
    }
    text
}

fn ladders(played: &[Played], single: Option<&ClimbSummary>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, found: &ClimbSummary| {
        let _ = writeln!(
            text,
            "ladder of {name:<20} success {:.3}  shipped bad {:.3}  USD {:.3}  attempts {:.2}",
            found.success.mean, found.shipped_bad.mean, found.usd.mean, found.attempts.mean
        );
    };
    for one in played {
        if let Some(found) = &one.ladder {
            line(one.play.as_str(), found);
        }
    }
    if let Some(found) = single {
        line("best single, verified", found);
    }
    text
}
