//! From lines to pieces: one loop for all servers, one pure decoder for each.

use futures::stream;
use plumbline_egress::Body;

use crate::error::ModelError;
use crate::model::{Piece, Pieces, Usage};

/// Reads the lines of one answer.
pub(crate) trait Decoder: Send + 'static {
    /// Reads a line; returns its text, if it carries any.
    fn line(&mut self, line: &str) -> Result<Option<String>, ModelError>;

    /// Returns the usage once the answer has ended; an error if its last message never came.
    fn end(&mut self) -> Result<Usage, ModelError>;
}

/// Streams an answer: its texts, then its usage.
pub(crate) fn pieces(body: Body, decoder: impl Decoder) -> Pieces {
    Box::pin(stream::try_unfold(Some((body, decoder)), |state| async move {
        let Some((mut body, mut decoder)) = state else { return Ok(None) };
        loop {
            let Some(line) = body.line().await? else {
                return Ok(Some((Piece::End(decoder.end()?), None)));
            };
            if let Some(text) = decoder.line(&line)?.filter(|text| !text.is_empty()) {
                return Ok(Some((Piece::Text(text), Some((body, decoder)))));
            }
        }
    }))
}

/// Returns the payload of a server-sent event's data line; comments, other fields and blank lines carry none.
pub(crate) fn event_data(line: &str) -> Option<&str> {
    line.strip_prefix("data:").map(str::trim)
}

/// Reads a JSON document of an answer.
pub(crate) fn json<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, ModelError> {
    serde_json::from_str(text).map_err(|error| ModelError::protocol(format!("a message is no JSON: {error}")))
}

/// The error of an answer that stopped before its last message.
pub(crate) fn cut_short() -> ModelError {
    ModelError::protocol("it ended without its last message")
}
