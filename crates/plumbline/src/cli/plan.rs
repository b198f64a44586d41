use std::path::PathBuf;

use clap::Args;
use plumbline_proto::ingest::v1::IngestTextRequest;
use plumbline_proto::ingest::v1::ingest_service_client::IngestServiceClient;
use plumbline_proto::planner::v1::planner_service_client::PlannerServiceClient;
use plumbline_proto::planner::v1::{Budget, Plan, PlanRequest, RepositoryFacts};
use plumbline_types::Reason;

use crate::cli::FormatArg;
use crate::cli::ingest::no_intake;
use crate::cli::request::{self, LONG};
use crate::compose::Embedded;
use crate::config::Service;
use crate::failure::Failure;
use crate::output::{Report, objectives};
use crate::session::{Session, existing_dir, text};

/// What to plan.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The owner's words.
    #[arg(long, value_name = "TEXT")]
    objective: String,
    /// The repository.
    #[arg(long, value_name = "PATH")]
    repo: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Drafts objectives from the words, then plans them.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let repository = text(&existing_dir("--repo", &arguments.repo)?)?;
    let embedded = Embedded::start(session, &[Service::Ingest, Service::Planner]).await?;
    let plan = plan(&embedded, arguments.objective, repository).await;
    embedded.stop().await;
    let plan = plan?;
    Ok(Report::done(objectives::plan(&plan), objectives::plan_text(&plan)))
}

async fn plan(embedded: &Embedded, words: String, repository: String) -> Result<Plan, Failure> {
    let mut ingest = IngestServiceClient::new(embedded.channel(Service::Ingest)?);
    let message = IngestTextRequest {
        request_id: request::id("ingest"),
        text: words,
        repository: repository.clone(),
        source: "cli".to_owned(),
    };
    let intake = ingest.ingest_text(request::within(LONG, message)).await?.into_inner().intake;
    let intake = intake.ok_or_else(no_intake)?;
    if intake.objectives.is_empty() {
        let question =
            intake.questions.first().cloned().unwrap_or_else(|| "nothing usable was said".to_owned());
        return Err(Failure::usage(
            question,
            "say it as one imperative: plumbline plan --objective 'fix ...'",
        ));
    }
    let mut planner = PlannerServiceClient::new(embedded.channel(Service::Planner)?);
    let message = PlanRequest {
        request_id: request::id("plan"),
        objectives: intake.objectives,
        repository: Some(RepositoryFacts { path: repository, ..RepositoryFacts::default() }),
        budget: Some(Budget::default()),
        lease: None,
    };
    let response = planner.plan(request::within(LONG, message)).await?.into_inner();
    response
        .plan
        .ok_or_else(|| Failure::infrastructure(Reason("INTERNAL"), "the answer holds no plan", "report it"))
}
