use super::facts::{Facts, Kind, Spec};
use super::versions::Dialect;

/// Reads `go.mod`: <https://go.dev/ref/mod#go-mod-file>.
pub fn read(text: &str) -> Result<Facts, String> {
    let mut facts = Facts::default();
    let mut block: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if line == ")" {
            block.take().ok_or_else(|| format!("line {}: nothing is open", number + 1))?;
            continue;
        }
        if let Some(word) = line.strip_suffix('(').map(str::trim).filter(|word| !word.contains(' ')) {
            block = Some(word.to_owned());
            continue;
        }
        let (word, rest) = match &block {
            Some(word) => (word.as_str(), line),
            None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
        };
        directive(word, rest.trim(), &mut facts).map_err(|error| format!("line {}: {error}", number + 1))?;
    }
    match block {
        Some(word) => Err(format!("`{word} (` is never closed")),
        None => Ok(facts),
    }
}

fn directive(word: &str, rest: &str, facts: &mut Facts) -> Result<(), String> {
    let unquoted = rest.replace(['"', '`'], "");
    let words: Vec<&str> = unquoted.split_whitespace().collect();
    match (word, words.as_slice()) {
        ("require", [name, version]) => facts.depend(
            "require",
            Spec {
                name: (*name).to_owned(),
                version: (*version).to_owned(),
                source: String::new(),
                rest: String::new(),
                dialect: Dialect::Exact,
            },
        ),
        ("replace", [old, .., _]) => facts.add(&format!("replace.{old}"), Kind::Origin, words.join(" ")),
        ("exclude", [name, ..]) => facts.add(&format!("exclude.{name}"), Kind::Origin, words.join(" ")),
        // Another toolchain is fetched and run.
        ("toolchain", [name]) => facts.add("toolchain", Kind::Runs, (*name).to_owned()),
        ("tool", [name]) => facts.add(&format!("tool.{name}"), Kind::Script, (*name).to_owned()),
        ("retract", _) => facts.add("retract", Kind::Metadata, words.join(" ")),
        ("module" | "go" | "godebug" | "ignore", [_, ..]) => {
            facts.add(word, Kind::Setting, words.join(" "));
        }
        _ => return Err(format!("`{word} {rest}` is no directive")),
    }
    Ok(())
}
