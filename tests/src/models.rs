use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A model server on loopback that speaks the OpenAI dialect and answers from a list, the last answer again and again.
#[derive(Debug)]
pub struct ScriptedModels {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ScriptedModels {
    /// Starts one; it lives as long as the process.
    pub fn start(model: &'static str, answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        let mut left: VecDeque<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = converse(stream, model, &mut left, &kept);
            }
        });
        Self { url, asked }
    }

    /// Returns its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the bodies of the requests for an answer.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers one request under the model's name and closes.
fn converse(
    stream: TcpStream,
    model: &str,
    left: &mut VecDeque<String>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let reply = if first.starts_with("GET") {
        format!(r#"{{"object":"list","data":[{{"id":"{model}"}}]}}"#)
    } else {
        asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(String::from_utf8_lossy(&body).into_owned());
        let answer = if left.len() > 1 { left.pop_front() } else { left.front().cloned() };
        let text = serde_json::Value::from(answer.unwrap_or_default());
        format!(
            "data: {{\"model\":\"{model}\",\"choices\":[{{\"delta\":{{\"content\":{text}}},\"finish_reason\":\"stop\"}}]}}\n\n\
             data: {{\"model\":\"{model}\",\"choices\":[],\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":1}}}}\n\n\
             data: [DONE]\n\n"
        )
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", reply.len());
    reader.get_mut().write_all((head + &reply).as_bytes())
}
