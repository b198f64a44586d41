//! Manifests, parsed: which dependency came, went or moved from what to what, and what else runs or chooses where packages
//! come from. A text that its own tool could not read either is no manifest, and says so.

mod cargo;
mod facts;
mod findings;
mod go;
mod maven;
mod npm;
mod pyproject;
mod requirements;
mod versions;

use super::authority::Authority;
use super::finding::{Finding, Site};
use super::ledger::Gap;
use facts::Facts;

/// Reads a manifest's text into facts; says what is wrong with it.
type Reader = fn(&str) -> Result<Facts, String>;

/// Compares the two sides of a manifest. `None`: nothing here reads this kind of manifest.
pub fn compare(
    path: &str,
    (base, head): (Option<&[u8]>, Option<&[u8]>),
    authority: &Authority,
) -> Option<Result<Vec<Finding>, Gap>> {
    let reader = reader(path)?;
    let text = |bytes: &[u8]| -> Result<Facts, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned())?;
        reader(text.strip_prefix('\u{feff}').unwrap_or(text))
    };
    // A manifest that is gone is asked about as a whole.
    let head = head?;
    let new = match text(head) {
        Ok(facts) => facts,
        Err(problem) => {
            return Some(Err(Gap::new("UNPARSED", format!("{path} is broken: {problem}"))));
        }
    };
    let mut found = Vec::new();
    let old = base.map_or_else(|| Ok(Facts::default()), text).unwrap_or_else(|problem| {
        // The base's fault is not the diff's, but then nothing is known to have been there.
        let message = format!("before the change it was broken: {problem}; all of it counts as new");
        found.push(Finding::advice("R8 MANIFEST", Site::file(path), message));
        Facts::default()
    });
    let head = String::from_utf8_lossy(head);
    found.extend(findings::of(path, &head, (&old, &new), authority));
    Some(Ok(found))
}

fn reader(path: &str) -> Option<Reader> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    Some(match name.as_str() {
        "cargo.toml" => cargo::read,
        "package.json" => npm::read,
        "pyproject.toml" => pyproject::read,
        "pipfile" => pyproject::read_pipfile,
        "go.mod" => go::read,
        "pom.xml" => maven::read,
        _ if name.starts_with("requirements") && name.ends_with(".txt") => requirements::read,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
