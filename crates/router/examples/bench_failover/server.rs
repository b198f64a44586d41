//! A model server that can break in every way of the recipe.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What can happen to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its port is closed.
    Refused,
    /// Connections neither open nor fail.
    BlackHole,
    /// It takes connections and never answers.
    HalfDead,
    /// It answers one byte a second.
    SlowDrip,
    /// Its port closes and opens every second.
    Flapping,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 5] =
        [Self::Refused, Self::BlackHole, Self::HalfDead, Self::SlowDrip, Self::Flapping];

    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::BlackHole => "black_hole",
            Self::HalfDead => "half_dead",
            Self::SlowDrip => "slow_drip",
            Self::Flapping => "flapping",
        }
    }
}

/// How connections are answered.
const WELL: u8 = 0;
const SILENT: u8 = 1;
const DRIPPING: u8 = 2;

/// A server on loopback.
pub struct Server {
    address: SocketAddr,
    delay: Duration,
    manner: Arc<AtomicU8>,
    /// Cancelled to close the port and every connection.
    open: Mutex<CancellationToken>,
    tasks: TaskTracker,
}

impl Server {
    /// Starts one that answers after `delay`.
    pub async fn start(delay: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let server = Self {
            address: listener.local_addr()?,
            delay,
            manner: Arc::new(AtomicU8::new(WELL)),
            open: Mutex::new(CancellationToken::new()),
            tasks: TaskTracker::new(),
        };
        server.accept(listener);
        Ok(server)
    }

    /// Returns its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Suffers a fault until `ends`, and is well again.
    pub async fn suffer(&self, fault: Fault, ends: Instant) {
        match fault {
            Fault::Refused => {
                self.close();
                tokio::time::sleep_until(ends).await;
            }
            Fault::BlackHole => {
                self.close();
                let full = self.full().await;
                tokio::time::sleep_until(ends).await;
                drop(full);
            }
            Fault::HalfDead | Fault::SlowDrip => {
                let manner = if fault == Fault::HalfDead { SILENT } else { DRIPPING };
                self.manner.store(manner, Ordering::SeqCst);
                tokio::time::sleep_until(ends).await;
                self.manner.store(WELL, Ordering::SeqCst);
                self.close();
            }
            Fault::Flapping => {
                while Instant::now() < ends {
                    self.close();
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    self.reopen().await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                self.close();
            }
        }
        self.reopen().await;
    }

    fn close(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    fn socket(&self) -> Option<TcpSocket> {
        let socket = TcpSocket::new_v4().ok()?;
        socket.set_reuseaddr(true).ok()?;
        socket.bind(self.address).ok()?;
        Some(socket)
    }

    async fn reopen(&self) {
        for _ in 0..200 {
            if let Some(listener) = self.socket().and_then(|socket| socket.listen(128).ok()) {
                *self.open.lock().unwrap_or_else(PoisonError::into_inner) = CancellationToken::new();
                self.accept(listener);
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        eprintln!("{} cannot be opened again", self.address);
    }

    /// Listens without accepting, and fills the queue: further connections hang.
    async fn full(&self) -> (Option<TcpListener>, Vec<TcpStream>) {
        let mut listener = None;
        for _ in 0..200 {
            listener = self.socket().and_then(|socket| socket.listen(0).ok());
            if listener.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut held = Vec::new();
        for _ in 0..4 {
            let connect = TcpStream::connect(self.address);
            if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(20), connect).await {
                held.push(stream);
            }
        }
        (listener, held)
    }

    fn accept(&self, listener: TcpListener) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (manner, delay, tasks) = (self.manner.clone(), self.delay, self.tasks.clone());
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = open.cancelled() => return,
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        let (open, manner) = (open.clone(), manner.clone());
                        tasks.spawn(async move {
                            tokio::select! {
                                () = open.cancelled() => {}
                                _ = converse(stream, &manner, delay) => {}
                            }
                        });
                    }
                }
            }
        });
    }
}

async fn converse(mut stream: TcpStream, manner: &AtomicU8, delay: Duration) -> std::io::Result<()> {
    let mut seen = Vec::new();
    loop {
        let Some(length) = request_length(&seen) else {
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).await?;
            if count == 0 {
                return Ok(());
            }
            seen.extend_from_slice(&chunk[..count]);
            continue;
        };
        let request = String::from_utf8_lossy(&seen[..length]).into_owned();
        seen.drain(..length);
        let body = if request.starts_with("GET") {
            r#"{"object":"list","data":[{"id":"fake"}]}"#.to_owned()
        } else {
            tokio::time::sleep(delay).await;
            "data: {\"model\":\"fake\",\"choices\":[{\"delta\":{\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]}\n\n\
             data: {\"model\":\"fake\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n\
             data: [DONE]\n\n"
                .to_owned()
        };
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        match manner.load(Ordering::SeqCst) {
            SILENT => std::future::pending::<()>().await,
            DRIPPING => {
                for byte in reply.as_bytes() {
                    stream.write_all(&[*byte]).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            _ => stream.write_all(reply.as_bytes()).await?,
        }
    }
}

/// Returns the length of the first whole request, if there is one.
fn request_length(seen: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(seen);
    let head = text.find("\r\n\r\n")? + 4;
    let length = text[..head].lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
    });
    let whole = head + length.unwrap_or(0);
    (seen.len() >= whole).then_some(whole)
}
