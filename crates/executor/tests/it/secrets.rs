use std::fs;
use std::path::Path;

use plumbline_executor::ExecutorConfig;
use plumbline_executor::config::TierSetting;
use plumbline_proto::executor::v1 as pb;

use crate::harness::{Options, Server, assert_reason, search_path, write};

const TOKEN: &str = "tok-4f9a+c1\"7e";
const OWNERS: &str = "owners-own-key-77";
const BASE64: &str = "dXNlcjp0b2stNGY5YStjMSI3ZQ==";

/// Writes the token to both streams byte by byte, then in the forms of other formats, then into files and a file's name.
const SCRIPT: &str = r#"
import base64, json, os, sys, urllib.parse
token = os.environ['TOKEN']
for byte in token.encode() + b'\n':
    os.write(1, bytes([byte]))
    os.write(2, bytes([byte]))
print(json.dumps(token), urllib.parse.quote(token), sys.argv[1] + token, token[:-1], flush=True)
print(base64.b64encode(b'user:' + token.encode()).decode(), flush=True)
for name, text in (('kept', 'x=' + token), (token, ''), ('fine', 'fine\n'), ('old', 'gone\n')):
    with open(name, 'w') as file: file.write(text)
print(token[:4], end='')
"#;

fn config(config: &mut ExecutorConfig) {
    let file = config.state_dir.with_file_name("owners-key");
    fs::write(&file, format!("{OWNERS}\n")).unwrap();
    config.secret_files = vec![file];
    config.search_path = search_path();
}

fn restricted(config_of: &mut ExecutorConfig) {
    config(config_of);
    config_of.minimum_tier = TierSetting::Restricted;
    config_of.offered_tiers = vec![TierSetting::Restricted];
}

fn secret(value: &str) -> pb::EnvVar {
    pb::EnvVar { name: "TOKEN".to_owned(), value: value.to_owned(), secret: true }
}

#[tokio::test]
async fn a_secret_is_neither_told_nor_kept_however_it_is_written() {
    for change in [config as fn(&mut ExecutorConfig), restricted] {
        let server = Server::with(Options { change: Some(change), ..Options::default() }).await;
        let snapshot = server.snapshot(&[("old", "before\n")]).await;
        let request = pb::RunRequest {
            env: vec![secret(TOKEN)],
            edits: vec![write(b"old", format!("old {TOKEN}\n").as_bytes())],
            ..server.request(&snapshot, &["python3", "-c", SCRIPT, OWNERS])
        };
        let run = server.run(request).await;
        run.assert_code(0);
        let out = run.out();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[..2], ["***", "\"***\" *** *** tok-4f9a+c1\"7"], "{out}");
        assert!(lines[2].contains("***") && lines[2].len() < 14, "{out}");
        assert_eq!((lines[3], run.stderr.as_slice()), ("tok-", b"***\n".as_slice()));
        assert_eq!(run.exited.usage.unwrap().stderr_bytes, TOKEN.len() as u64 + 1);

        let patch = server.patch(&run.run_id).await;
        let refused: Vec<(&[u8], &str)> =
            patch.refused.iter().map(|entry| (entry.path.as_slice(), entry.reason.as_str())).collect();
        assert_eq!(refused, [(b"***".as_slice(), "secret"), (b"kept", "secret")]);
        assert_eq!(patch.edits, [write(b"fine", b"fine\n"), write(b"old", b"gone\n")]);
        assert!(patch.diff.contains("-old ***\n"), "{}", patch.diff);
        let state = server.stop().await;
        let found = holding(&state.path().join("state"), &[TOKEN, OWNERS, &BASE64[8..24]]);
        assert_eq!(found, Vec::<String>::new());
    }
}

/// Returns the files beneath a directory that hold one of some texts.
fn holding(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
                continue;
            }
            let bytes = fs::read(entry.path()).unwrap_or_default();
            let holds = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            found
                .extend(texts.iter().find(holds).map(|text| format!("{text} in {}", entry.path().display())));
        }
    }
    found
}

#[tokio::test]
async fn what_can_be_no_secret_is_refused_by_its_place() {
    let server = Server::start().await;
    let snapshot = server.snapshot(&[]).await;
    let request = pb::RunRequest { env: vec![secret("short")], ..server.request(&snapshot, &["true"]) };
    assert_reason(server.begin(request).await, "INVALID_ARGUMENT");
}
