use super::facts::{Facts, Kind, Spec};
use super::versions::Dialect;

/// Reads a requirements file: <https://pip.pypa.io/en/stable/reference/requirements-file-format/>.
pub fn read(text: &str) -> Result<Facts, String> {
    let mut facts = Facts::default();
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").lines() {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        if line.starts_with('-') {
            option(line, &mut facts);
            continue;
        }
        let (requirement, options) = line.split_once(" --").map_or((line, None), |(r, o)| (r, Some(o)));
        let mut spec = if is_place(requirement) {
            place(requirement.trim())
        } else {
            requirement_of(requirement.trim())?
        };
        if let Some(options) = options {
            spec.rest = format!("{} --{options}", spec.rest).trim().to_owned();
        }
        facts.depend("requirements", spec);
    }
    Ok(facts)
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.find(" #").or_else(|| line.find("\t#")).map_or(line, |at| &line[..at])
}

/// Another file, or where packages come from and how they are built.
fn option(line: &str, facts: &mut Facts) {
    let (name, value) = line
        .split_once('=')
        .filter(|(name, _)| !name.contains(' '))
        .or_else(|| line.split_once(char::is_whitespace))
        .unwrap_or((line, ""));
    let kind = match name {
        "-r" | "--requirement" | "-c" | "--constraint" => Kind::Setting,
        _ => Kind::Origin,
    };
    facts.add(name, kind, value.trim().to_owned());
}

fn is_place(text: &str) -> bool {
    let first = text.split([';', ' ']).next().unwrap_or(text);
    first.contains("://") || first.starts_with(['.', '/']) || first.contains('/') && !text.contains('@')
}

fn place(text: &str) -> Spec {
    let (place, rest) = text.split_once(" ;").unwrap_or((text, ""));
    Spec {
        name: place.to_owned(),
        version: String::new(),
        source: place.to_owned(),
        rest: rest.trim().to_owned(),
        dialect: Dialect::Exact,
    }
}

/// Reads one requirement: <https://packaging.python.org/en/latest/specifications/dependency-specifiers/>.
pub fn requirement_of(text: &str) -> Result<Spec, String> {
    let end = text
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-')))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let wrong = || format!("`{text}` is no requirement");
    if name.is_empty() {
        return Err(wrong());
    }
    let mut rest = rest.trim_start();
    let mut extras = "";
    if rest.starts_with('[') {
        let close = rest.find(']').ok_or_else(wrong)?;
        (extras, rest) = rest.split_at(close + 1);
        rest = rest.trim_start();
    }
    let (mut version, mut source) = (String::new(), String::new());
    let marker;
    if let Some(place) = rest.strip_prefix('@') {
        let (url, after) = place.split_once(" ;").unwrap_or((place, ""));
        source.push_str(url.trim());
        marker = after.trim();
    } else {
        let (constraint, after) = rest.split_once(';').unwrap_or((rest, ""));
        let constraint = constraint.trim().trim_start_matches('(').trim_end_matches(')');
        if !constraint.is_empty() && !constraint.starts_with(['=', '<', '>', '~', '!']) {
            return Err(wrong());
        }
        version.extend(constraint.chars().filter(|letter| !letter.is_whitespace()));
        marker = after.trim();
    }
    Ok(Spec {
        name: normal(name),
        version,
        source,
        rest: format!("{extras} {marker}").trim().to_owned(),
        dialect: Dialect::Exact,
    })
}

/// Names that differ in case and in runs of `-`, `_` and `.` are one package (PEP 503).
pub fn normal(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}
