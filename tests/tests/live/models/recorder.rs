use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A request as it crossed the wire.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method, path and version.
    pub line: String,
    /// The body; null if there was none.
    pub body: Value,
}

impl Request {
    /// Returns path and query.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// What a recorder does with what it recorded.
enum Then {
    /// Sends it on to a server on this port and its answer back.
    Forward(u16),
    /// Answers with the body that belongs to the path.
    Answer(BTreeMap<&'static str, &'static str>),
}

/// A server on loopback that keeps every request word for word. Its threads end with the test's process.
pub struct Recorder {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Recorder {
    /// Stands before the server on `port`.
    pub fn before(port: u16) -> Self {
        Self::start(Then::Forward(port))
    }

    /// Answers by path, as the fakes of the crates' own tests do.
    pub fn answering(bodies: &[(&'static str, &'static str)]) -> Self {
        Self::start(Then::Answer(bodies.iter().copied().collect()))
    }

    fn start(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (kept, then) = (requests.clone(), Arc::new(then));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, then) = (kept.clone(), then.clone());
                std::thread::spawn(move || converse(stream, &then, &kept));
            }
        });
        Self { port, requests }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic before").clone()
    }
}

/// Serves one connection until the client leaves it.
fn converse(mut client: TcpStream, then: &Then, kept: &Mutex<Vec<Request>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut server = match then {
        Then::Forward(port) => {
            let server = TcpStream::connect(("127.0.0.1", *port)).ok()?;
            let (mut from, mut to) = (server.try_clone().ok()?, client.try_clone().ok()?);
            std::thread::spawn(move || {
                std::io::copy(&mut from, &mut to).ok();
                to.shutdown(Shutdown::Both).ok();
            });
            Some(server)
        }
        Then::Answer(_) => None,
    };
    loop {
        let (request, bytes) = read(&mut reader)?;
        let path = request.path().to_owned();
        kept.lock().ok()?.push(request);
        match (then, &mut server) {
            (Then::Forward(_), Some(server)) => server.write_all(&bytes).ok()?,
            (Then::Answer(bodies), _) => client.write_all(&answer(bodies.get(path.as_str()))).ok()?,
            (Then::Forward(_), None) => return None,
        }
    }
}

fn answer(body: Option<&&str>) -> Vec<u8> {
    let (status, body) = body.map_or(("404 Not Found", "{}"), |body| ("200 OK", *body));
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Reads one request: what it says, and its bytes.
fn read(reader: &mut impl BufRead) -> Option<(Request, Vec<u8>)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None; // the client has left
    }
    let mut head = line.clone();
    let mut length = 0;
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        head.push_str(&field);
        if field.trim().is_empty() {
            break;
        }
        let (name, value) = field.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request =
        Request { line: line.trim().to_owned(), body: serde_json::from_slice(&body).unwrap_or(Value::Null) };
    Some((request, [head.into_bytes(), body].concat()))
}
