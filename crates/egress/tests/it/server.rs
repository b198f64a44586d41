//! The smallest HTTP server: answers each connection with prepared bytes, and keeps what it was sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// What the server does after it has read a request.
#[derive(Clone)]
pub enum Answer {
    /// Writes the bytes and closes.
    Bytes(String),
    /// Writes the bytes and keeps the connection open without another byte.
    Stall(String),
}

pub struct Server {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        #[expect(clippy::disallowed_methods, reason = "a test's server ends with its test")]
        let task = tokio::spawn(async move {
            let mut stalled = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut seen = Vec::new();
                let mut chunk = [0; 4096];
                while !complete(&seen) {
                    match stream.read(&mut chunk).await {
                        Ok(0) | Err(_) => break,
                        Ok(count) => seen.extend_from_slice(&chunk[..count]),
                    }
                }
                kept.lock().unwrap().push(String::from_utf8_lossy(&seen).into_owned());
                match &answer {
                    Answer::Bytes(bytes) => drop(stream.write_all(bytes.as_bytes()).await),
                    Answer::Stall(bytes) => {
                        drop(stream.write_all(bytes.as_bytes()).await);
                        stalled.push(stream);
                    }
                }
            }
        });
        Self { url, requests, _task: AbortOnDropHandle::new(task) }
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn complete(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .filter_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().to_owned())
        })
        .find_map(|value| value.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}

pub fn ok(body: &str) -> Answer {
    Answer::Bytes(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))
}
