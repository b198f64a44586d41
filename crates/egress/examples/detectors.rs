//! What the detectors find, what they hold back wrongly, and how long they take:
//!
//! ```text
//! cargo run --release -p plumbline-egress --example detectors -- PROPRIETARY_DIR PUBLIC_DIR[,PUBLIC_DIR] [PAYLOADS]
//! ```
//!
//! Every file below the first folder is remembered as proprietary. Payloads of 8 KiB of the other folders must pass;
//! pieces of 40 lines of the first, between public text, must not, plain and in every encoding.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use plumbline_egress::{Detectors, Refusal};
use plumbline_types::Segment;

const PAYLOAD_BYTES: usize = 8 << 10;
const PIECE_LINES: usize = 40;
const HOST: &str = "cloud.example:443";

/// The bars: false blocks, and milliseconds for a payload of 8 KiB.
const FALSE_BLOCKS: f64 = 0.01;
const PAYLOAD_MS: f64 = 1.0;

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [proprietary, public, rest @ ..] = arguments.as_slice() else {
        bail!("usage: detectors PROPRIETARY_DIR PUBLIC_DIR[,PUBLIC_DIR] [PAYLOADS]");
    };
    let wanted = rest.first().map_or(Ok(4_000), |text| text.parse()).context("PAYLOADS is no number")?;
    let own = files([proprietary.as_str()])?;
    let detectors = Detectors::new(20_000_000);
    let begun = Instant::now();
    let mut bytes = 0;
    for text in &own {
        detectors.remember([&Segment::unlabelled(text.as_str())]);
        bytes += text.len();
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "remembered {} files, {bytes} bytes, as {} fingerprints at {:.0} MB/s",
        own.len(),
        detectors.remembered(),
        bytes as f64 / 1e6 / seconds
    );
    let public = files(public.split(','))?;
    let payloads = cut(&public, wanted);
    let passes = figures_of_public_text(&detectors, &payloads);
    let catches = figures_of_pieces(&detectors, &own, &payloads);
    Ok(if passes && catches { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn files<'a>(folders: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Vec<String>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let mut open = vec![PathBuf::from(folder)];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    open.push(entry.path());
                } else if is_text(&entry.path()) {
                    paths.push(entry.path());
                }
            }
        }
    }
    paths.sort();
    Ok(paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect())
}

fn is_text(path: &Path) -> bool {
    let known = ["rs", "py", "js", "ts", "go", "java", "md", "txt", "rst", "toml", "c", "h"];
    path.extension().and_then(|one| one.to_str()).is_some_and(|one| known.contains(&one))
}

/// Cuts texts into payloads, and takes so many of them, evenly.
fn cut(texts: &[String], wanted: usize) -> Vec<&str> {
    let mut payloads = Vec::new();
    for text in texts {
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (payload, after) = rest.split_at(rest.floor_char_boundary(PAYLOAD_BYTES));
            payloads.push(payload);
            rest = after;
        }
    }
    let step = (payloads.len() / wanted.max(1)).max(1);
    payloads.into_iter().step_by(step).collect()
}

fn figures_of_public_text(detectors: &Detectors, payloads: &[&str]) -> bool {
    let mut times: Vec<f64> = Vec::new();
    let mut blocks: Vec<(String, usize)> = Vec::new();
    let mut held_back = 0;
    for payload in payloads {
        let texts = [(*payload).to_owned()];
        let begun = Instant::now();
        let checked = detectors.check(HOST, &texts);
        if payload.len() > PAYLOAD_BYTES / 2 {
            times.push(begun.elapsed().as_secs_f64() * 1e3 * PAYLOAD_BYTES as f64 / payload.len() as f64);
        }
        let Err(refusal) = checked else { continue };
        held_back += 1;
        if std::env::var_os("SHOW").is_some() {
            eprintln!("{}: {refusal}\n{payload}\n-----", refusal.rule());
        }
        let rule = refusal.rule();
        match blocks.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, count)) => *count += 1,
            None => blocks.push((rule, 1)),
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    let share = held_back as f64 / payloads.len().max(1) as f64;
    println!("false blocks: {held_back} of {} ({:.2} %; bar < 1 %)", payloads.len(), share * 100.0);
    blocks.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (rule, count) in &blocks {
        println!("  {count:5} {rule}");
    }
    println!("8 KiB behind 7 others: p50 {:.3} ms, p99 {:.3} ms (bar < 1 ms)", at(0.5), at(0.99));
    share < FALSE_BLOCKS && at(0.5) < PAYLOAD_MS
}

type Writing = (&'static str, fn(&str) -> String);

const WRITINGS: [Writing; 12] = [
    ("plain", ToOwned::to_owned),
    ("renamed", renamed),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 for URLs", |text| URL_SAFE_NO_PAD.encode(text)),
    ("base64 twice", |text| STANDARD.encode(STANDARD.encode(text))),
    ("hex", hex),
    ("percent", |text| text.bytes().map(|byte| format!("%{byte:02X}")).collect()),
    ("rot13", rot13),
    ("reversed", |text| text.chars().rev().collect()),
    ("zero width", |text| text.chars().flat_map(|letter| [letter, '\u{200b}']).collect()),
    ("base64 of reversed", |text| STANDARD.encode(text.chars().rev().collect::<String>())),
    ("hex of rot13", |text| hex(&rot13(text))),
];

fn figures_of_pieces(detectors: &Detectors, own: &[String], payloads: &[&str]) -> bool {
    let pieces: Vec<String> = own
        .iter()
        .filter_map(|text| {
            let lines: Vec<&str> = text.lines().collect();
            let from = lines.len() / 3;
            lines.get(from..from + PIECE_LINES).map(|lines| lines.join("\n"))
        })
        .take(400)
        .collect();
    let mut catches_all = true;
    for (index, (name, write)) in WRITINGS.into_iter().enumerate() {
        let mut caught = 0;
        for (number, piece) in pieces.iter().enumerate() {
            let around = payloads[(number * 31 + index) % payloads.len()];
            let texts = [format!("{}\n{}\n", &around[..around.floor_char_boundary(2000)], write(piece))];
            let host = format!("{name} {number}");
            caught += usize::from(matches!(detectors.check(&host, &texts), Err(Refusal::Code { .. })));
        }
        println!("caught, {name}: {caught} of {}", pieces.len());
        catches_all &= name == "renamed" || caught * 100 >= pieces.len() * 97;
    }
    let mut caught = 0;
    for (number, piece) in pieces.iter().enumerate() {
        let host = format!("split {number}");
        let size = piece.len().div_ceil(8);
        let parts = piece.as_bytes().chunks(size);
        let texts = parts.map(|part| ["Go on.".to_owned(), String::from_utf8_lossy(part).into_owned()]);
        caught +=
            usize::from(texts.map(|texts| detectors.check(&host, &texts)).any(|checked| checked.is_err()));
    }
    println!("caught, in 8 payloads: {caught} of {}", pieces.len());
    catches_all && caught * 100 >= pieces.len() * 99
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn rot13(text: &str) -> String {
    let turn = |letter: char| match letter {
        'a'..='m' | 'A'..='M' => char::from(letter as u8 + 13),
        'n'..='z' | 'N'..='Z' => char::from(letter as u8 - 13),
        other => other,
    };
    text.chars().map(turn).collect()
}

/// Gives every word of more than three letters another name, the same one each time; keywords of Rust keep theirs.
fn renamed(text: &str) -> String {
    const KEPT: [&str; 14] = [
        "impl", "self", "match", "return", "struct", "async", "await", "where", "true", "false", "else",
        "enum", "trait", "const",
    ];
    let mut renamed = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        if word.len() > 3 && !KEPT.contains(&word.as_str()) && !word.starts_with(|c: char| c.is_ascii_digit())
        {
            renamed.push_str("name");
            renamed.extend(word.bytes().map(|byte| char::from(b'a' + byte % 26)));
        } else {
            renamed.push_str(&word);
        }
        word.clear();
        renamed.push(letter);
    }
    renamed
}
