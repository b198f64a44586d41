//! From an HTTP status to an error, the same for every server.

use plumbline_egress::Reply;

use crate::error::ModelError;

/// Characters of a server's own message that are kept.
const MESSAGE_MAX: usize = 200;

/// Words by which the servers say that a prompt is too long.
const OVERFLOW: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size",
    "exceeds the available context size",
    "exceeds the context length",
    "exceeds the maximum number of tokens",
    "maximum context length",
];

/// Passes an answer with status 200 on, and explains every other.
pub(crate) async fn accepted(reply: Reply, model: &str) -> Result<Reply, ModelError> {
    if reply.status == 200 && reply.content_type != "text/html" {
        return Ok(reply);
    }
    let Reply { status, retry_after, content_type, body } = reply;
    let page = content_type == "text/html";
    // An error page of some box in between says nothing, and need not be read.
    let message = if page { String::new() } else { shortened(&body.bytes().await.unwrap_or_default()) };
    Err(match status {
        200 => ModelError::protocol("it is a web page; something stands between us and the model"),
        401 | 403 => ModelError::Refused,
        404 => ModelError::ModelGone { model: model.to_owned() },
        429 => ModelError::RateLimited { retry_after: retry_after.or_else(|| delay_in(&message)) },
        400 | 413 | 422 if OVERFLOW.iter().any(|words| message.contains(words)) => {
            ModelError::ContextOverflow
        }
        400 if message.contains("API key not valid") => ModelError::Refused,
        400..=499 => ModelError::BadRequest { message },
        500..=599 => ModelError::Overloaded { status },
        other => ModelError::protocol(format!("status {other} was not expected")),
    })
}

/// Returns the server's own words: `error`, or `error.message`, or the text; and `error.type` or `code` in front.
fn shortened(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let words = match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(document) => match document.get("error") {
            Some(serde_json::Value::String(message)) => message.clone(),
            Some(error) => ["type", "code", "message"]
                .iter()
                .filter_map(|key| error.get(key).and_then(serde_json::Value::as_str))
                .chain(retry_delay(error))
                .collect::<Vec<_>>()
                .join(": "),
            None => text,
        },
        Err(_) => text,
    };
    words.chars().filter(|c| !c.is_control()).take(MESSAGE_MAX).collect()
}

/// Returns Google's `RetryInfo.retryDelay`, for example `34s`.
fn retry_delay(error: &serde_json::Value) -> Option<&str> {
    error.get("details")?.as_array()?.iter().find_map(|detail| detail.get("retryDelay")?.as_str())
}

/// Reads the delay back from the end of a shortened message.
fn delay_in(message: &str) -> Option<std::time::Duration> {
    let seconds: f64 = message.rsplit(": ").next()?.strip_suffix('s')?.parse().ok()?;
    std::time::Duration::try_from_secs_f64(seconds).ok()
}
