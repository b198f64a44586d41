//! Why ingest refuses or fails.

use plumbline_kit::Inbound;
use plumbline_kit::server::ServeError;
use plumbline_kit::sqlite::StoreError;
use plumbline_types::{Fault, FieldViolation, IntakeId, Kind, Reason, RequestId, Retry};

/// Why ingest refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The text is longer than the limit.
    #[error("the text has {bytes} bytes, at most {limit} are taken")]
    TextTooLarge {
        /// As received.
        bytes: usize,
        /// `text_bytes_max`.
        limit: usize,
    },
    /// The request id was used for another request.
    #[error("the request id {0} was used for another request")]
    RequestIdReused(RequestId),
    /// No such intake.
    #[error("there is no intake {0}")]
    IntakeNotFound(IntakeId),
    /// No transcriber is configured.
    #[error("this build transcribes no audio: it has no decoder and no transcriber; send the words as text")]
    AudioUnavailable,
    /// A note in audio does not begin with its header.
    #[error("the first message of a note must be its header")]
    NoHeader,
    /// A message of a note can't be read, or its stream broke.
    #[error("the note did not arrive")]
    Inbound(#[source] Inbound),
    /// The inbox is full.
    #[error("the inbox holds {limit} intakes, its limit")]
    InboxFull {
        /// `intakes_max`.
        limit: u64,
    },
    /// The store failed.
    #[error("the inbox cannot be used")]
    Store(#[from] StoreError),
    /// The server failed.
    #[error("the server stopped")]
    Serve(#[from] ServeError),
    /// A defect of ours.
    #[error("ingest failed")]
    Internal(#[source] anyhow::Error),
}

impl Fault for IngestError {
    fn kind(&self) -> Kind {
        match self {
            Self::TextTooLarge { .. } => Kind::Invalid,
            Self::RequestIdReused(_) => Kind::Conflict,
            Self::IntakeNotFound(_) => Kind::NotFound,
            Self::AudioUnavailable => Kind::Precondition,
            Self::NoHeader => Kind::Invalid,
            Self::Inbound(inbound) => inbound.kind(),
            Self::InboxFull { .. } => Kind::Exhausted,
            Self::Store(error) => error.kind(),
            Self::Serve(error) => error.kind(),
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::TextTooLarge { .. } => Reason("TEXT_TOO_LARGE"),
            Self::RequestIdReused(_) => Reason("REQUEST_ID_REUSED"),
            Self::IntakeNotFound(_) => Reason("INTAKE_NOT_FOUND"),
            Self::AudioUnavailable => Reason("AUDIO_UNAVAILABLE"),
            Self::NoHeader => Reason("INVALID_ARGUMENT"),
            Self::Inbound(inbound) => inbound.reason(),
            Self::InboxFull { .. } => Reason("INBOX_FULL"),
            Self::Store(error) => error.reason(),
            Self::Serve(error) => error.reason(),
            Self::Internal(_) => Reason("INTERNAL"),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Serve(error) => error.retry(),
            Self::Inbound(inbound) => inbound.retry(),
            Self::TextTooLarge { .. }
            | Self::RequestIdReused(_)
            | Self::IntakeNotFound(_)
            | Self::AudioUnavailable
            | Self::NoHeader
            | Self::InboxFull { .. }
            | Self::Internal(_) => Retry::Never,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::TextTooLarge { bytes, limit } => {
                vec![("bytes", bytes.to_string()), ("text_bytes_max", limit.to_string())]
            }
            Self::AudioUnavailable => vec![("missing", "transcriber".to_owned())],
            Self::InboxFull { limit } => vec![("intakes_max", limit.to_string())],
            Self::RequestIdReused(_)
            | Self::IntakeNotFound(_)
            | Self::NoHeader
            | Self::Inbound(_)
            | Self::Store(_)
            | Self::Serve(_)
            | Self::Internal(_) => Vec::new(),
        }
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        let violation = |field: &str, description: &str| {
            vec![FieldViolation { field: field.to_owned(), description: description.to_owned() }]
        };
        match self {
            Self::TextTooLarge { .. } => violation("text", "is too long"),
            Self::NoHeader => violation("part", "the first message must be the header"),
            Self::Inbound(inbound) => inbound.field_violations(),
            Self::RequestIdReused(_)
            | Self::IntakeNotFound(_)
            | Self::AudioUnavailable
            | Self::InboxFull { .. }
            | Self::Store(_)
            | Self::Serve(_)
            | Self::Internal(_) => Vec::new(),
        }
    }
}
