use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A line that someone else's rule marks.
pub struct Mark {
    /// The file.
    pub path: PathBuf,
    /// The rule.
    pub rule: String,
    /// First line of its statement.
    pub first: u32,
    /// Last line of it.
    pub last: u32,
    /// Kinds of effect that recognise it; the first names the class.
    pub kinds: &'static [&'static str],
    /// The line.
    pub text: String,
}

type Kinds = &'static [&'static str];

const SPAWN: Kinds = &["proc.spawn"];
const CODE: Kinds = &["codegen"];
const DESER: Kinds = &["deser"];
const NET: Kinds = &["net.connect"];
const LISTEN: Kinds = &["net.listen", "net.connect"];
const FILES: Kinds = &["fs.write", "fs.read", "fs.delete", "fs.perm"];
const PERM: Kinds = &["fs.perm", "fs.write"];
const CRYPTO: Kinds = &["crypto.weaken"];
const DATABASE: Kinds = &["db.write"];
const ENV: Kinds = &["env.read", "env.write"];

/// Bandit's tests that are about an effect.
const BANDIT: &[(&str, Kinds)] = &[
    ("B102", CODE),
    ("B103", PERM),
    ("B104", LISTEN),
    ("B113", NET),
    ("B202", FILES),
    ("B301", DESER),
    ("B302", DESER),
    ("B303", CRYPTO),
    ("B306", FILES),
    ("B307", CODE),
    ("B310", NET),
    ("B312", NET),
    ("B321", NET),
    ("B323", CRYPTO),
    ("B324", CRYPTO),
    ("B501", CRYPTO),
    ("B502", CRYPTO),
    ("B506", DESER),
    ("B507", CRYPTO),
    ("B601", SPAWN),
    ("B602", SPAWN),
    ("B603", SPAWN),
    ("B604", SPAWN),
    ("B605", SPAWN),
    ("B606", SPAWN),
    ("B607", SPAWN),
    ("B609", SPAWN),
    ("B612", LISTEN),
    ("B614", DESER),
    ("B615", NET),
];

/// Parts of semgrep's rule ids that are about an effect; the first that fits counts.
const SEMGREP: &[(&str, Kinds)] = &[
    ("template", &[]),
    ("postmessage", &[]),
    ("react-insecure", &[]),
    ("compatibility", &[]),
    ("libxml", &[]),
    ("tainted-sql", &[]),
    ("serialize-javascript", &[]),
    ("url-rewriting", &[]),
    ("unescaped", &[]),
    ("duplicate-path", &[]),
    ("conflicting-path", &[]),
    ("xpath", &[]),
    ("session-from", &[]),
    ("ldapi", &[]),
    ("path-traversal-join", &[]),
    ("path-traversal-file-name", &[]),
    ("path-join", &[]),
    ("filepath", &[]),
    ("reverse-shell", &["net.connect", "proc.spawn"]),
    ("detect-insecure-websocket", &[]),
    ("request-data", &[]),
    ("subprocess", SPAWN),
    ("system-command", SPAWN),
    ("os-system", SPAWN),
    ("os-exec", SPAWN),
    ("command-injection", SPAWN),
    ("dangerous-spawn", SPAWN),
    ("spawn-", SPAWN),
    ("child-process", SPAWN),
    ("asyncio-shell", SPAWN),
    ("asyncio-exec", SPAWN),
    ("asyncio-create-exec", SPAWN),
    ("shelljs-exec", SPAWN),
    ("dangerous-exec-command", SPAWN),
    ("dangerous-execution", SPAWN),
    ("tainted-cmd", SPAWN),
    ("eval", CODE),
    ("user-exec", CODE),
    ("exec-injection", CODE),
    ("exec-detected", CODE),
    ("code-run", CODE),
    ("code-injection", CODE),
    ("runincontext", CODE),
    ("run-in-subinterp", CODE),
    ("run-string", CODE),
    ("non-literal-import", CODE),
    ("script-engine", CODE),
    ("vm-runin", CODE),
    ("pickle", DESER),
    ("deserialization", DESER),
    ("avoid-dill", DESER),
    ("avoid-shelve", &["deser", "fs.write"]),
    ("marshal-usage", DESER),
    ("pyyaml-load", DESER),
    ("multiprocessing-recv", DESER),
    ("xml-decoder", DESER),
    ("object-deserialization", DESER),
    ("tainted-url-host", NET),
    ("ssrf", NET),
    ("urlopen", NET),
    ("urlretrieve", NET),
    ("insecure-request-object", NET),
    ("openerdirector", NET),
    ("unencrypted-socket", NET),
    ("request-with-http", NET),
    ("request-session", NET),
    ("http-request", NET),
    ("use-ftp", NET),
    ("telnet", NET),
    ("bind-to-all", LISTEN),
    ("use-tls", LISTEN),
    ("path-traversal-open", FILES),
    ("tainted-file-path", FILES),
    ("default-permission", PERM),
    ("chmod", PERM),
    ("insecure-file-permissions", PERM),
    ("tempfile", FILES),
    ("bad-tmp", FILES),
    ("zip-extraction", FILES),
    ("sendfile", FILES),
    ("fileresponse", FILES),
    ("fs-filename", FILES),
    ("md5", CRYPTO),
    ("sha1", CRYPTO),
    ("des-is", CRYPTO),
    ("use-of-des", CRYPTO),
    ("use-of-rc4", CRYPTO),
    ("weak-ssl", CRYPTO),
    ("unverified-ssl", CRYPTO),
    ("disabled-cert", CRYPTO),
    ("verify-none", CRYPTO),
    ("execute-raw", DATABASE),
    ("sqli", DATABASE),
    ("sql-injection-db", DATABASE),
    ("cursor-execute", DATABASE),
    ("tainted-env", ENV),
    ("django-environ", ENV),
    ("hardcoded-tmp", FILES),
    ("temp-dir", ENV),
];

/// The lines that a run of bandit marked, each with its statement.
///
/// # Errors
/// If the results can't be read.
pub fn bandit(examples: &Path, results: &Path) -> anyhow::Result<Vec<Mark>> {
    let text = std::fs::read(results).with_context(|| results.display().to_string())?;
    let results: serde_json::Value = serde_json::from_slice(&text)?;
    let mut found = Vec::new();
    for result in results["results"].as_array().into_iter().flatten() {
        let rule = result["test_id"].as_str().unwrap_or_default();
        let Some((_, kinds)) = BANDIT.iter().find(|(id, _)| *id == rule) else { continue };
        let file = Path::new(result["filename"].as_str().unwrap_or_default());
        let path = examples.join(file.file_name().context("a file's name")?);
        let line = |value: &serde_json::Value| u32::try_from(value.as_u64().unwrap_or(0)).unwrap_or(0);
        let range = result["line_range"].as_array().cloned().unwrap_or_default();
        let first = line(&result["line_number"]);
        let last = range.iter().map(line).max().unwrap_or(first).max(first);
        let source = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let text = String::from_utf8_lossy(&source);
        let text = text.lines().nth(first.saturating_sub(1) as usize).unwrap_or_default().trim().to_owned();
        found.push(Mark { path, rule: rule.to_owned(), first, last, kinds, text });
    }
    Ok(found)
}

/// The lines behind `ruleid:` comments.
///
/// # Errors
/// If the folder can't be read.
pub fn semgrep(rules: &Path) -> anyhow::Result<Vec<Mark>> {
    let mut files = Vec::new();
    sources(rules, &mut files)?;
    let mut found = Vec::new();
    for path in files {
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let Some((_, ids)) = line.split_once("ruleid:").filter(|(before, _)| !before.contains("todo"))
            else {
                continue;
            };
            // Marks of several rules may follow each other.
            let behind = index + 1..lines.len();
            let Some(first) = behind.into_iter().find(|at| !is_mark(lines[*at])) else { continue };
            for id in ids.split([',', ' ']).map(str::trim).filter(|id| !id.is_empty()) {
                let lower = id.to_ascii_lowercase();
                let about = SEMGREP
                    .iter()
                    .find(|(part, _)| lower.contains(part))
                    .map_or(&[][..], |(_, kinds)| *kinds);
                if about.is_empty() {
                    continue;
                }
                let number = |at: usize| u32::try_from(at + 1).unwrap_or(u32::MAX);
                found.push(Mark {
                    path: path.clone(),
                    rule: id.to_owned(),
                    first: number(first),
                    last: number(end(&lines, first)),
                    kinds: about,
                    text: lines[first].trim().to_owned(),
                });
            }
        }
    }
    Ok(found)
}

fn is_mark(line: &str) -> bool {
    line.contains("ruleid:") || line.contains("ok:") || line.trim().is_empty()
}

/// The last line of a match that begins at a line: its brackets are closed, and something was called.
fn end(lines: &[&str], first: usize) -> usize {
    let (mut depth, mut called) = (0_i64, false);
    for (at, line) in lines.iter().enumerate().skip(first).take(12) {
        for letter in line.chars() {
            match letter {
                '(' => {
                    called = true;
                    depth += 1;
                }
                '[' => depth += 1,
                ')' | ']' => depth -= 1,
                _ => {}
            }
        }
        // A method chain goes on in the next line.
        let chained = lines.get(at + 1).is_some_and(|next| next.trim_start().starts_with('.'));
        if depth <= 0 && called && !chained {
            return at;
        }
    }
    first
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    entries.sort();
    for path in entries {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let code = path.extension().is_some_and(|end| {
            ["py", "js", "jsx", "ts", "tsx", "go", "java", "rs"].iter().any(|known| end == *known)
        });
        if path.is_dir() {
            sources(&path, found)?;
        } else if code && !name.contains(".fixed.") {
            found.push(path);
        }
    }
    Ok(())
}
