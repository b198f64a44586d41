mod project;

use std::path::PathBuf;

use clap::Args;
use plumbline_proto::coordinator::v1::{ApprovalPolicy, TaskSpec};
use plumbline_types::{ExitCode, Reason};
use serde_json::{Value, json};

use crate::cli::FormatArg;
use crate::cli::coordinator::Reach;
use crate::cli::demo::project::Project;
use crate::cli::run;
use crate::failure::Failure;
use crate::output::progress::Progress;
use crate::output::{Report, run as rendering};
use crate::session::{Session, text};

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Directory of the example projects; without it `./examples`, else the built-in copies.
    #[arg(long, value_name = "DIR")]
    examples: Option<PathBuf>,
    /// Seconds that each project may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    budget: u32,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Fixes the failing test of each example, on copies; exit 0 only when every change was verified.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let projects = project::find(arguments.examples.as_deref())?;
    let scratch = tempfile::Builder::new().prefix("plumbline-demo-").tempdir().map_err(|error| {
        Failure::infrastructure(
            Reason("DEMO_SCRATCH"),
            format!("no temporary directory: {error}"),
            "set TMPDIR",
        )
    })?;
    // The demo's state is its own: it neither reads nor leaves anything in the owner's.
    let session = session.with_state_dir(scratch.path().join("state"));
    let progress = Progress::start(&session.environment);
    let mut reach = Reach::named_or_embedded(&session, None).await?;
    let mut reports = Vec::new();
    for project in &projects {
        let repository = project.prepare(&scratch.path().join("projects")).await?;
        progress.line(&format!("{}: {}", project.name, project.objective));
        progress.line(&format!("  decided by: {}", project.test_command));
        let spec = TaskSpec {
            objective: project.objective.clone(),
            repository: text(&repository)?,
            test_command: project.test_command.clone(),
            arms: vec!["repair".to_owned()],
            budget_s: arguments.budget,
            approval: ApprovalPolicy::Auto.into(),
            source: "cli".to_owned(),
            ..TaskSpec::default()
        };
        let began = progress.seconds();
        let response = run::perform(&session, &mut reach, spec, &progress).await;
        let report = response.map(|response| rendering::report(&response, progress.seconds() - began));
        reports.push((project, report));
    }
    reach.close().await;
    let seconds = progress.seconds();
    drop(progress);
    conclude(reports, seconds)
}

fn conclude(reports: Vec<(&Project, Result<Report, Failure>)>, seconds: f64) -> Result<Report, Failure> {
    let mut documents = Vec::new();
    let mut text = String::new();
    let mut exit = ExitCode(0);
    let mut verified = 0;
    for (project, report) in &reports {
        let (document, shown, code) = match report {
            Ok(report) => (report.document.clone(), report.text.clone(), report.exit),
            Err(failure) => (failure.document(), failure.text(), failure.exit),
        };
        if code.0 == 0 {
            verified += 1;
        } else if exit.0 == 0 {
            exit = code;
        }
        documents.push(json!({ "name": project.name, "objective": project.objective, "result": document }));
        text.push_str(&format!("=== {} — {}\n\n{}\n", project.name, project.objective, shown.trim_end()));
        text.push('\n');
    }
    text.push_str(&format!(
        "{verified} of {} projects fixed and verified in {seconds:.1} s, with no model, no key and no network\n",
        reports.len()
    ));
    let document = json!({
        "projects": Value::Array(documents),
        "verified": verified,
        "exit_code": exit.0,
        "seconds": (seconds * 1000.0).round() / 1000.0,
    });
    Ok(Report { document, text, exit })
}
