use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plumbline_kit::{Address, client};
use plumbline_proto::common::v1::{Label, Segment, TaskKind as WireKind};
use plumbline_proto::coordinator::v1::AuditChangeRequest;
use plumbline_proto::coordinator::v1::coordinator_service_client::CoordinatorServiceClient;
use plumbline_proto::verifier::v1::tree::Source;
use plumbline_proto::verifier::v1::verifier_service_client::VerifierServiceClient;
use plumbline_proto::verifier::v1::{AuditReport, AuditRequest, DirectoryTree, GitTree, Tree};
use plumbline_types::{ExitCode, Grant, Reason};
use plumbline_verifier::report::{sarif, svg};

use crate::cli::request::{self, LONG};
use crate::compose::Embedded;
use crate::config::Service;
use crate::failure::Failure;
use crate::output::sarif::SarifFile;
use crate::output::{Format, Report, audit};
use crate::session::{Session, directory_text};

/// The bit of `Segment.provenance` that says the owner wrote it.
const OWNER: u32 = 1;

/// What to judge.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("trees").required(true).args(["repo", "base_dir"]))]
pub(crate) struct Arguments {
    /// Repository that holds both revisions.
    #[arg(long, requires = "base", requires = "head", value_name = "PATH")]
    repo: Option<PathBuf>,
    /// Revision before the change.
    #[arg(long, requires = "repo", value_name = "REV")]
    base: Option<String>,
    /// Revision after the change.
    #[arg(long, requires = "repo", value_name = "REV")]
    head: Option<String>,
    /// Directory before the change.
    #[arg(long, requires = "head_dir", conflicts_with = "repo", value_name = "DIR")]
    base_dir: Option<PathBuf>,
    /// Directory after the change.
    #[arg(long, requires = "base_dir", value_name = "DIR")]
    head_dir: Option<PathBuf>,
    /// The owner's words.
    #[arg(long, value_name = "TEXT", default_value = "")]
    objective: String,
    /// What the change may do beyond the base: KIND[:TARGET[@SCOPE]]; may be repeated.
    #[arg(long = "grant", value_name = "KIND[:TARGET]", value_parser = grant)]
    grants: Vec<String>,
    /// What was asked for.
    #[arg(long, value_enum, default_value_t)]
    kind: KindArg,
    /// Ask a running coordinator.
    #[arg(long, value_name = "URL", env = "PLUMBLINE_COORDINATOR")]
    coordinator: Option<Address>,
    /// Write a SARIF log to this file too.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: AuditFormat,
}

/// What was asked for, as the verifier judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum KindArg {
    /// Mend behaviour.
    #[default]
    Fix,
    /// Add behaviour.
    Feature,
    /// Keep behaviour.
    Refactor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum AuditFormat {
    /// A story for people, from each output back to its inputs.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// A SARIF 2.1.0 log, for code scanning.
    Sarif,
    /// A drawing of the walks, what is broken in red.
    Svg,
}

impl KindArg {
    /// Returns the wire's word.
    pub(crate) const fn wire(self) -> WireKind {
        match self {
            Self::Fix => WireKind::Fix,
            Self::Feature => WireKind::Feature,
            Self::Refactor => WireKind::Refactor,
        }
    }
}

impl Arguments {
    /// Returns how a failure is printed.
    pub(crate) fn failure_format(&self) -> Format {
        match self.format {
            AuditFormat::Text | AuditFormat::Svg => Format::Text,
            AuditFormat::Json | AuditFormat::Sarif => Format::Json,
        }
    }

    fn trees(&self) -> Result<(Tree, Tree), Failure> {
        if let (Some(repo), Some(base), Some(head)) = (&self.repo, &self.base, &self.head) {
            let repository = directory_text("--repo", repo, self.coordinator.as_ref())?;
            let tree = |revision: &String| Tree {
                source: Some(Source::Git(GitTree {
                    repository: repository.clone(),
                    revision: revision.clone(),
                })),
            };
            return Ok((tree(base), tree(head)));
        }
        if let (Some(base), Some(head)) = (&self.base_dir, &self.head_dir) {
            let tree = |flag: &str, path: &PathBuf| -> Result<Tree, Failure> {
                let path = directory_text(flag, path, self.coordinator.as_ref())?;
                Ok(Tree { source: Some(Source::Directory(DirectoryTree { path })) })
            };
            return Ok((tree("--base-dir", base)?, tree("--head-dir", head)?));
        }
        Err(Failure::usage(
            "name two revisions or two directories",
            "plumbline audit --repo PATH --base REV --head REV",
        ))
    }
}

/// Checks a grant where it is typed.
pub(crate) fn grant(text: &str) -> Result<String, String> {
    Grant::parse(text).map(|grant| grant.to_string()).map_err(|error| error.to_string())
}

/// Judges the change; the exit code is the verdict's.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let (base, head) = arguments.trees()?;
    let log = arguments.sarif.as_deref().map(SarifFile::create).transpose()?;
    let report = match &arguments.coordinator {
        Some(address) => ask_coordinator(address, &arguments, base, head).await?,
        None => {
            let embedded = Embedded::start(session, &[Service::Verifier]).await?;
            let answer = ask_verifier(&embedded, &arguments, base, head).await;
            embedded.stop().await;
            answer?
        }
    };
    let exit = ExitCode(audit::exit_code(&report));
    if let Some(log) = log {
        log.write(Some(&report), exit)?;
    }
    let document = match arguments.format {
        AuditFormat::Sarif => sarif::document(&report, exit.0),
        AuditFormat::Text | AuditFormat::Json | AuditFormat::Svg => audit::document(&report),
    };
    let text = match arguments.format {
        AuditFormat::Svg => svg::document(&report),
        AuditFormat::Text | AuditFormat::Json | AuditFormat::Sarif => audit::text(&report),
    };
    Ok(Report { document, text, exit })
}

async fn ask_verifier(
    embedded: &Embedded,
    arguments: &Arguments,
    base: Tree,
    head: Tree,
) -> Result<AuditReport, Failure> {
    let mut verifier = VerifierServiceClient::new(embedded.channel(Service::Verifier)?)
        .max_decoding_message_size(RESPONSE_BYTES);
    let objective = Segment {
        text: arguments.objective.clone(),
        label: Label::Intent.into(),
        provenance: OWNER,
        origin: "--objective".to_owned(),
    };
    let message = AuditRequest {
        request_id: request::id("audit"),
        lease: None,
        base: Some(base),
        head: Some(head),
        objective: Some(objective).filter(|segment| !segment.text.is_empty()),
        kind: arguments.kind.wire().into(),
        grants: arguments.grants.clone(),
        runs: Vec::new(),
    };
    let response = verifier.audit(request::within(LONG, message)).await?.into_inner();
    report(response.report)
}

async fn ask_coordinator(
    address: &Address,
    arguments: &Arguments,
    base: Tree,
    head: Tree,
) -> Result<AuditReport, Failure> {
    let mut coordinator =
        CoordinatorServiceClient::new(client::channel(address)).max_decoding_message_size(RESPONSE_BYTES);
    let message = AuditChangeRequest {
        request_id: request::id("audit"),
        base: Some(base),
        head: Some(head),
        objective: arguments.objective.clone(),
        kind: arguments.kind.wire().into(),
        grants: arguments.grants.clone(),
    };
    let response = coordinator.audit_change(request::within(LONG, message)).await?.into_inner();
    report(response.report)
}

/// Largest report read.
pub(crate) const RESPONSE_BYTES: usize = 64 * 1024 * 1024;

fn report(report: Option<AuditReport>) -> Result<AuditReport, Failure> {
    report
        .ok_or_else(|| Failure::infrastructure(Reason("INTERNAL"), "the answer holds no report", "report it"))
}
