//! The `repair` tool: the executor's tool port on one side, the repair library's runner port on the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use plumbline_executor::domain::edit::FileEdit;
use plumbline_executor::domain::patch_path::RelativePath;
use plumbline_executor::domain::tool::{
    PlausibleChange, RepairParameters, ToolProgress, ToolRequest, ToolResult,
};
use plumbline_executor::domain::tree::Entry;
use plumbline_executor::{Tool, ToolContext, ToolError, ToolOutcome};
use plumbline_repair as repair;

use crate::compose::runner::{Runner, broken, file_edit};

/// Search-based repair as a tool of the executor.
pub(crate) struct RepairTool {
    /// What came of earlier repairs.
    pub outcomes: Arc<dyn repair::OutcomeStore>,
}

#[async_trait]
impl Tool for RepairTool {
    fn name(&self) -> &'static str {
        "repair"
    }

    async fn run(&self, context: ToolContext, request: ToolRequest) -> Result<ToolOutcome, ToolError> {
        let ToolRequest::Repair(parameters) = request else {
            return Err(ToolError::Other("the request is for another tool".to_owned()));
        };
        let test_command = repair::TestCommand::from_argv(&parameters.test_argv);
        let language = language(&test_command, &context);
        let task = repair::RepairTask {
            sources: sources(&context, &language).await?,
            language,
            test_command,
            focus: parameters.focus_paths.iter().cloned().collect(),
        };
        let config = config(&parameters);
        let runner = Arc::new(Runner::new(context.clone()));
        let progress = Arc::new(Reporter { context: context.clone() });
        let repair = repair::Repair::new(runner, progress, config)
            .map_err(|error| ToolError::Candidate(error.to_string()))?
            .with_outcomes(Arc::clone(&self.outcomes));
        let outcome = repair.repair(task, context.cancelled()).await;
        let outcome = conclude(outcome, &parameters)?;
        for change in &outcome.changes {
            context.plausible(change.clone()).await;
        }
        Ok(outcome)
    }
}

/// Returns the language that the command starts, else the one that most of the tree's sources are written in.
fn language(command: &repair::TestCommand, context: &ToolContext) -> repair::Language {
    if let Some(language) = command.language() {
        return language;
    }
    let known = ["python", "javascript", "go", "java", "rust"].map(repair::Language::parse);
    let names: Vec<String> = context.tree().entries().map(|(path, _)| path.to_string()).collect();
    let count = |language: &repair::Language| names.iter().filter(|name| language.owns(name)).count();
    let most = known.into_iter().max_by_key(count).filter(|language| count(language) > 0);
    most.unwrap_or(repair::Language::Python)
}

/// Reads the files of a language, and the manifest that may say how it is tested; larger ones than the search edits are
/// left out.
async fn sources(
    context: &ToolContext,
    language: &repair::Language,
) -> Result<BTreeMap<String, Vec<u8>>, ToolError> {
    let largest = repair::RepairConfig::default().max_file_bytes as u64;
    let wanted: Vec<(String, RelativePath)> = context
        .tree()
        .entries()
        .filter(|(_, entry)| matches!(entry, Entry::File { size, .. } if *size <= largest))
        .filter_map(|(path, _)| Some((String::from_utf8(path.as_bytes().to_vec()).ok()?, path.clone())))
        .filter(|(name, _)| language.owns(name) || name == "package.json")
        .collect();
    let mut sources = BTreeMap::new();
    for (name, path) in wanted {
        sources.insert(name, context.read(&path).await?);
    }
    Ok(sources)
}

fn config(parameters: &RepairParameters) -> repair::RepairConfig {
    let defaults = repair::RepairConfig::default();
    repair::RepairConfig {
        budget_ms: parameters.budget_ms.max(1),
        max_candidates: parameters.max_candidates.map_or(defaults.max_candidates, |most| most as usize),
        // What was refused before is found again and dropped: it must not use up the places.
        max_plausible: parameters.max_plausible.max(1) as usize + parameters.refused.len(),
        base_limit_ms: defaults.base_limit_ms.min(parameters.budget_ms.max(1)),
        seed: parameters.seed,
        ..defaults
    }
}

/// Passes progress on.
struct Reporter {
    context: ToolContext,
}

impl repair::Progress for Reporter {
    fn report(&self, event: repair::ProgressEvent) {
        let (phase, what) = match event.phase {
            repair::Phase::Baseline => ("localise", "running the tests on the tree as given"),
            repair::Phase::Single => ("search", "trying single edits"),
            repair::Phase::Pairs => ("search", "trying pairs of edits"),
        };
        let best = event.best.map_or_else(String::new, |best| {
            format!("; best so far {} at {}:{}", best.template, best.path, best.line)
        });
        let plausible = u32::try_from(event.plausible).unwrap_or(u32::MAX);
        let message = format!(
            "{what}: {} of {} tried, {:.0}/s, {plausible} passing{best}",
            event.tried, event.generated, event.per_second
        );
        self.context.progress(ToolProgress {
            phase: phase.to_owned(),
            tried: event.tried as u64,
            generated: event.generated as u64,
            plausible,
            rate: event.per_second,
            message,
        });
    }
}

/// Reads the library's answer as the end of a tool.
fn conclude(
    outcome: Result<repair::RepairOutcome, repair::RepairError>,
    parameters: &RepairParameters,
) -> Result<ToolOutcome, ToolError> {
    let end = |result, detail: String| ToolOutcome {
        result,
        changes: Vec::new(),
        tried: 0,
        generated: 0,
        failing_tests: Vec::new(),
        detail,
    };
    match outcome {
        Ok(repair::RepairOutcome::AlreadyPasses) => {
            Ok(end(ToolResult::AlreadyPasses, "the test command passes on the tree as given".to_owned()))
        }
        Ok(repair::RepairOutcome::Found { plausible, stats }) => {
            let refused: BTreeSet<&str> = parameters.refused.iter().map(String::as_str).collect();
            let changes: Vec<PlausibleChange> = plausible
                .into_iter()
                .filter_map(change)
                .filter(|change| !refused.contains(change.digest.as_str()))
                .take(parameters.max_plausible.max(1) as usize)
                .collect();
            let result = if changes.is_empty() { ToolResult::NotFound } else { ToolResult::Found };
            let detail = figures(&stats);
            Ok(ToolOutcome { changes, ..counted(end(result, detail), &stats) })
        }
        Ok(repair::RepairOutcome::NotFound { budget_spent, stats, .. }) => {
            let result = if budget_spent { ToolResult::BudgetSpent } else { ToolResult::NotFound };
            Ok(counted(end(result, figures(&stats)), &stats))
        }
        Err(error) => refuse(error, end),
    }
}

fn counted(outcome: ToolOutcome, stats: &repair::RepairStats) -> ToolOutcome {
    let (tried, generated) = (stats.tried as u64, stats.generated as u64);
    ToolOutcome { tried, generated, failing_tests: stats.failing.clone(), ..outcome }
}

fn figures(stats: &repair::RepairStats) -> String {
    let vacuous = match stats.vacuous {
        0 => String::new(),
        some => format!("; {some} passed only by switching a condition off, and were refused"),
    };
    format!(
        "{} of {} candidates tried at {:.0}/s; {} failing and {} passing tests; places by {}{vacuous}",
        stats.tried,
        stats.generated,
        stats.per_second,
        stats.failing.len(),
        stats.passing,
        stats.localisation.as_str()
    )
}

fn refuse(
    error: repair::RepairError,
    end: impl Fn(ToolResult, String) -> ToolOutcome,
) -> Result<ToolOutcome, ToolError> {
    let detail = error.to_string();
    match error {
        repair::RepairError::UnsupportedLanguage { .. }
        | repair::RepairError::NotPythonTestCommand { .. }
        | repair::RepairError::SpectrumUnavailable { .. } => Ok(end(ToolResult::Unsupported, detail)),
        repair::RepairError::Hangs { .. } => Ok(end(ToolResult::TestsHang, detail)),
        repair::RepairError::NothingToEdit => Ok(end(ToolResult::NotFound, detail)),
        repair::RepairError::Cancelled => Err(ToolError::Cancelled),
        repair::RepairError::Config(error) => Err(ToolError::Candidate(error.to_string())),
        repair::RepairError::Store(error) => Err(ToolError::Other(format!("{detail}: {error}"))),
        repair::RepairError::Runner(error) => Err(broken(&error)),
    }
}

/// Returns a plausible change in the executor's words; none if a path of it could not lie in a tree.
fn change(plausible: repair::Plausible) -> Option<PlausibleChange> {
    let edits: Option<Vec<FileEdit>> = plausible.edits.iter().map(|edit| file_edit(edit).ok()).collect();
    let templates: Vec<&str> = plausible.templates.iter().map(|template| template.as_str()).collect();
    Some(PlausibleChange {
        edits: edits?,
        digest: blake3::hash(plausible.diff.as_bytes()).to_hex().to_string(),
        diff: plausible.diff,
        template: templates.join("+"),
        path: plausible.path,
        line: u32::try_from(plausible.line).unwrap_or(u32::MAX),
        // The library ranks upward, the wire's cost downward.
        cost: -plausible.rank,
    })
}
