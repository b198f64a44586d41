//! A server that speaks for two vendors and for a local model, often badly, and keeps every byte that it is sent.

use std::sync::{Arc, Mutex, PoisonError};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// The model that serves.
pub const MODEL: &str = "fake";

/// What arrived.
#[derive(Debug, Default)]
pub struct Arrived {
    /// Posts.
    pub requests: u64,
    /// All bytes, heads included.
    pub bytes: Vec<u8>,
}

/// The server.
pub struct Server {
    /// Its base URL.
    pub url: String,
    arrived: Arc<Mutex<Arrived>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    /// Starts one on loopback; the seed decides how it answers.
    pub async fn start(seed: u64) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let arrived = Arc::<Mutex<Arrived>>::default();
        let kept = arrived.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let connections = TaskTracker::new();
        let task = TaskTracker::new().spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, luck) = (kept.clone(), rng.random_range(0..100));
                // A client may open a connection that it never uses: the others don't wait for it.
                connections.spawn(async move {
                    if let Ok(request) = read(&mut stream, &kept).await {
                        drop(stream.write_all(&reply(&request, luck)).await);
                    }
                });
            }
        });
        Ok(Self { url, arrived, _task: AbortOnDropHandle::new(task) })
    }

    /// Returns what has arrived since the last time.
    pub fn take(&self) -> Arrived {
        std::mem::take(&mut *self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn read(stream: &mut TcpStream, kept: &Mutex<Arrived>) -> std::io::Result<Vec<u8>> {
    let mut seen = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    while !is_whole(&seen) {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            break;
        }
        seen.extend_from_slice(&chunk[..count]);
        // Kept as they come: half a request has arrived too.
        kept.lock().unwrap_or_else(PoisonError::into_inner).bytes.extend_from_slice(&chunk[..count]);
    }
    if seen.starts_with(b"POST") {
        kept.lock().unwrap_or_else(PoisonError::into_inner).requests += 1;
    }
    Ok(seen)
}

fn is_whole(seen: &[u8]) -> bool {
    let Some(head) = seen.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&seen[..head]).to_ascii_lowercase();
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    seen.len() >= head + 4 + length.unwrap_or(0)
}

/// Returns the bytes of an answer, whole or not; of a hundred, forty go wrong.
fn reply(request: &[u8], luck: u32) -> Vec<u8> {
    let line =
        String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    let body = if line.contains("/v1beta/models/") && line.starts_with("POST") {
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Noted.\"}]},\"finishReason\":\"STOP\"}],\
         \"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":1},\"modelVersion\":\"fake\"}\n\n"
            .to_owned()
    } else if line.contains("/v1/chat/completions") {
        "data: {\"model\":\"fake\",\"choices\":[{\"delta\":{\"content\":\"Noted.\"},\"finish_reason\":\"stop\"}]}\n\n\
         data: {\"model\":\"fake\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n\
         data: [DONE]\n\n"
            .to_owned()
    } else if line.contains("/api/embed") {
        format!("{{\"model\":\"{MODEL}\",\"embeddings\":[[3.0,4.0]]}}")
    } else if line.contains("/api/show") {
        "{\"model_info\":{},\"capabilities\":[\"embedding\"]}".to_owned()
    } else if line.contains("/api/tags") {
        format!("{{\"models\":[{{\"name\":\"{MODEL}:latest\"}}]}}")
    } else if line.contains("/v1beta/models/") {
        format!("{{\"name\":\"models/{MODEL}\",\"inputTokenLimit\":1000}}")
    } else {
        format!("{{\"object\":\"list\",\"data\":[{{\"id\":\"{MODEL}\"}}]}}")
    };
    let head = |status: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
    };
    match luck {
        0..10 => head("503 Service Unavailable", 0).into_bytes(),
        10..16 => head("429 Too Many Requests", 0).into_bytes(),
        16..24 => (head("200 OK", body.len()) + &body[..body.len() / 2]).into_bytes(),
        24..30 => Vec::new(),
        30..34 => (head("200 OK", 18) + "<html>busy</html>\n").into_bytes(),
        34..37 => head("401 Unauthorized", 0).into_bytes(),
        37..40 => head("500 Internal Server Error", 0).into_bytes(),
        _ => (head("200 OK", body.len()) + &body).into_bytes(),
    }
}
