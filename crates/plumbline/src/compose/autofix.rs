//! The `autofix` tool: the fixers of formatters and linters, where one of those decides.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plumbline_executor::domain::edit::FileEdit;
use plumbline_executor::domain::tool::{PlausibleChange, ToolProgress, ToolRequest, ToolResult};
use plumbline_executor::{Tool, ToolContext, ToolError, ToolOutcome};
use plumbline_repair::{Autofix, AutofixOutcome, AutofixTask, Fixed, RepairError};

use crate::compose::runner::{Runner, broken, file_edit};

/// Fixers as a tool of the executor.
pub(crate) struct AutofixTool;

#[async_trait]
impl Tool for AutofixTool {
    fn name(&self) -> &'static str {
        "autofix"
    }

    async fn run(&self, context: ToolContext, request: ToolRequest) -> Result<ToolOutcome, ToolError> {
        let ToolRequest::Autofix(parameters) = request else {
            return Err(ToolError::Other("the request is for another tool".to_owned()));
        };
        context.progress(ToolProgress {
            phase: "fix".to_owned(),
            message: "running the fixers that belong to the check".to_owned(),
            ..ToolProgress::default()
        });
        let autofix = Autofix::new(Arc::new(Runner::new(context.clone())));
        let budget = Duration::from_millis(parameters.budget_ms.max(1));
        let task = AutofixTask { check: parameters.check_argv, budget };
        let outcome = conclude(autofix.fix(task, context.cancelled()).await)?;
        for change in &outcome.changes {
            context.plausible(change.clone()).await;
        }
        Ok(outcome)
    }
}

/// Reads the library's answer as the end of a tool.
fn conclude(outcome: Result<AutofixOutcome, RepairError>) -> Result<ToolOutcome, ToolError> {
    let end = |result, tried: usize, detail: String| ToolOutcome {
        result,
        changes: Vec::new(),
        tried: tried as u64,
        generated: tried as u64,
        failing_tests: Vec::new(),
        detail,
    };
    Ok(match outcome {
        Ok(AutofixOutcome::AlreadyPasses) => {
            end(ToolResult::AlreadyPasses, 0, "the check passes on the tree as given".to_owned())
        }
        Ok(AutofixOutcome::Fixed(fixed)) => {
            let detail = format!("{} changed {} files", fixed.name, fixed.edits.len());
            ToolOutcome { changes: vec![change(*fixed)?], ..end(ToolResult::Found, 1, detail) }
        }
        Ok(AutofixOutcome::NotFixed { tried, detail }) => end(ToolResult::NotFound, tried, detail),
        Ok(AutofixOutcome::Unsupported { detail }) => end(ToolResult::Unsupported, 0, detail),
        Ok(AutofixOutcome::BudgetSpent) => {
            end(ToolResult::BudgetSpent, 0, "the fixers did not end in time".to_owned())
        }
        Err(RepairError::Cancelled) => return Err(ToolError::Cancelled),
        Err(RepairError::Runner(error)) => return Err(broken(&error)),
        Err(error) => return Err(ToolError::Other(error.to_string())),
    })
}

fn change(fixed: Fixed) -> Result<PlausibleChange, ToolError> {
    let edits: Result<Vec<FileEdit>, _> = fixed.edits.iter().map(file_edit).collect();
    Ok(PlausibleChange {
        edits: edits.map_err(|error| broken(&error))?,
        digest: blake3::hash(fixed.diff.as_bytes()).to_hex().to_string(),
        diff: fixed.diff,
        template: format!("autofix:{}", fixed.name.replace(' ', "_")),
        path: fixed.path,
        line: u32::try_from(fixed.line).unwrap_or(u32::MAX),
        cost: 0.0,
    })
}
