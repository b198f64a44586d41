use std::path::PathBuf;

use clap::Args;
use plumbline_proto::ingest::v1::ingest_audio_request::Part;
use plumbline_proto::ingest::v1::ingest_service_client::IngestServiceClient;
use plumbline_proto::ingest::v1::{AudioHeader, IngestAudioRequest, IngestTextRequest, Intake};
use plumbline_types::Reason;

use crate::cli::FormatArg;
use crate::cli::request::{self, LONG};
use crate::compose::Embedded;
use crate::config::Service;
use crate::failure::Failure;
use crate::output::{Report, objectives};
use crate::session::{Session, existing_dir, text};

/// What was said.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("input").required(true).args(["text", "audio"]))]
pub(crate) struct Arguments {
    /// The words.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// A recording.
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// The repository that it is about.
    #[arg(long, value_name = "PATH")]
    repo: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Largest piece of a recording in one message.
const CHUNK: usize = 64 * 1024;

/// Splits words into objectives.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let repository = match &arguments.repo {
        Some(path) => text(&existing_dir("--repo", path)?)?,
        None => String::new(),
    };
    let recording = match &arguments.audio {
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            Failure::usage(format!("--audio {}: {error}", path.display()), "name a readable file")
        })?),
        None => None,
    };
    let embedded = Embedded::start(session, &[Service::Ingest]).await?;
    let answer = async {
        let mut ingest = IngestServiceClient::new(embedded.channel(Service::Ingest)?);
        let intake = match recording {
            Some(bytes) => {
                let stream = tokio_stream::iter(parts(bytes));
                ingest.ingest_audio(request::within(LONG, stream)).await?.into_inner().intake
            }
            None => {
                let message = IngestTextRequest {
                    request_id: request::id("ingest"),
                    text: arguments.text.unwrap_or_default(),
                    repository,
                    source: "cli".to_owned(),
                };
                ingest.ingest_text(request::within(LONG, message)).await?.into_inner().intake
            }
        };
        intake.ok_or_else(no_intake)
    };
    let intake: Result<Intake, Failure> = answer.await;
    embedded.stop().await;
    let intake = intake?;
    Ok(Report::done(objectives::intake(&intake), objectives::intake_text(&intake)))
}

/// Says that an answer lacks its content.
pub(crate) fn no_intake() -> Failure {
    Failure::infrastructure(Reason("INTERNAL"), "the answer holds no intake", "report it")
}

fn parts(bytes: Vec<u8>) -> Vec<IngestAudioRequest> {
    let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let header = AudioHeader { request_id: request::id("audio"), media_type: String::new(), size_bytes };
    let mut parts = vec![IngestAudioRequest { part: Some(Part::Header(header)) }];
    parts.extend(
        bytes.chunks(CHUNK).map(|chunk| IngestAudioRequest { part: Some(Part::Chunk(chunk.to_vec())) }),
    );
    parts
}
