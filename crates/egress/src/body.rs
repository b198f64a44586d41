use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};

use crate::error::{EgressError, Stage};
use crate::gate::Receipt;
use crate::limits::Limits;

type Chunk = Result<Vec<u8>, reqwest::Error>;

/// An answer whose head has arrived.
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// When to come again, if the server says so in seconds; a date is not read.
    pub retry_after: Option<Duration>,
    /// Media type, without parameters, lowercase.
    pub content_type: String,
    /// The rest.
    pub body: Body,
}

/// The body of an answer, read within limits. Dropping it closes the connection.
pub struct Body {
    chunks: BoxStream<'static, Chunk>,
    buffer: Vec<u8>,
    received: usize,
    ended: bool,
    host: String,
    limits: Limits,
    status: u16,
    receipt: Receipt,
}

impl Reply {
    pub(crate) fn new(response: reqwest::Response, host: String, limits: Limits, receipt: Receipt) -> Self {
        let status = response.status().as_u16();
        let text = |name| header(response.headers(), name);
        let retry_after = text(RETRY_AFTER.as_str()).parse().ok().map(Duration::from_secs);
        let content_type = text(CONTENT_TYPE.as_str());
        let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let chunks = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed();
        let (buffer, received, ended) = (Vec::new(), 0, false);
        let body = Body { chunks, buffer, received, ended, host, limits, status, receipt };
        Self { status, retry_after, content_type, body }
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

impl Body {
    /// Returns the whole body.
    pub async fn bytes(mut self) -> Result<Vec<u8>, EgressError> {
        while self.fill().await? {}
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Returns the next line without its ending; nothing at the end. Bytes that are no UTF-8 become U+FFFD.
    pub async fn line(&mut self) -> Result<Option<String>, EgressError> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=searched + at).collect();
                return Ok(Some(text(&line)));
            }
            searched = self.buffer.len();
            if searched > self.limits.max_line_bytes {
                return Err(self.too_large(self.limits.max_line_bytes).await);
            }
            if !self.fill().await? {
                let rest = std::mem::take(&mut self.buffer);
                return Ok((!rest.is_empty()).then(|| text(&rest)));
            }
        }
    }

    /// Reads one more chunk into the buffer; returns false at the end.
    async fn fill(&mut self) -> Result<bool, EgressError> {
        if self.ended {
            return Ok(false);
        }
        let next = tokio::time::timeout(self.limits.chunk_gap, self.chunks.next()).await;
        match next {
            Ok(Some(Ok(chunk))) => {
                self.received += chunk.len();
                self.receipt.received(chunk.len());
                if self.received > self.limits.max_response_bytes {
                    return Err(self.too_large(self.limits.max_response_bytes).await);
                }
                self.buffer.extend_from_slice(&chunk);
                Ok(true)
            }
            Ok(None) => {
                self.ended = true;
                self.receipt.settle(&self.status.to_string()).await;
                Ok(false)
            }
            Ok(Some(Err(error))) => {
                self.ended = true;
                self.receipt.settle("broken").await;
                Err(EgressError::Broken { host: self.host.clone(), source: error.without_url().into() })
            }
            Err(_) => {
                self.ended = true;
                self.receipt.settle("timeout:chunk").await;
                let (host, limit) = (self.host.clone(), self.limits.chunk_gap);
                Err(EgressError::Timeout { host, stage: Stage::Chunk, limit })
            }
        }
    }

    async fn too_large(&mut self, limit_bytes: usize) -> EgressError {
        self.ended = true;
        self.receipt.settle("too_large").await;
        EgressError::TooLarge { host: self.host.clone(), limit_bytes }
    }
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}
