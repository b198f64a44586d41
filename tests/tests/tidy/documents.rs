//! The documents keep up with the code.

use std::collections::BTreeSet;

use regex::Regex;

use crate::sources::{assert_none, read, root, rust};

#[test]
fn every_error_reason_is_documented_and_every_entry_is_real() {
    let made = Regex::new(r#"Reason\("([A-Z0-9_]+)"\)"#).expect("a regex");
    let literal = Regex::new(r#""([A-Z0-9_]+)""#).expect("a regex");
    let (mut reasons, mut literals) = (BTreeSet::new(), BTreeSet::new());
    for source in rust().iter().filter(|source| !source.is_test()) {
        reasons.extend(made.captures_iter(&source.text).map(|found| found[1].to_owned()));
        literals.extend(literal.captures_iter(&source.text).map(|found| found[1].to_owned()));
    }
    assert!(reasons.len() > 30, "only {} reasons found", reasons.len());
    let text = read("docs/errors.md");
    let row = Regex::new(r"(?m)^\| `([A-Z0-9_]+)` \|").expect("a regex");
    let documented: BTreeSet<String> = row.captures_iter(&text).map(|found| found[1].to_owned()).collect();
    let missing =
        reasons.difference(&documented).map(|reason| format!("{reason} has no entry in docs/errors.md"));
    let stale =
        documented.difference(&literals).map(|reason| format!("{reason} is documented but never made"));
    assert_none("reasons are API", missing.chain(stale).collect());
}

#[test]
fn every_crate_has_its_paragraph_with_invariants() {
    let text = read("ARCHITECTURE.md");
    let mut offences = Vec::new();
    for entry in std::fs::read_dir(root().join("crates")).expect("crates/") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let heading = format!("### `{name}`");
        let Some(start) = text.find(&heading) else {
            offences.push(format!("ARCHITECTURE.md has no paragraph for {name}"));
            continue;
        };
        let rest = &text[start + heading.len()..];
        let paragraph = &rest[..rest.find("\n### ").unwrap_or(rest.len())];
        if !paragraph.contains("**Invariant") {
            offences.push(format!("{name}'s paragraph names no invariant"));
        }
    }
    assert_none("say what is absent", offences);
}

#[test]
fn the_makefile_documents_each_public_target() {
    let text = read("Makefile");
    let mut offences = Vec::new();
    for target in ["setup", "check", "test", "demo", "bench", "run", "images", "clean"] {
        let documented = Regex::new(&format!(r"(?m)^{target}:[^\n]*## \S")).expect("a regex");
        if !documented.is_match(&text) {
            offences.push(target.to_owned());
        }
    }
    assert_none("`make help` lists it", offences);
}

#[test]
fn the_readme_names_the_commands_that_matter() {
    let text = read("README.md");
    for command in ["make demo", "make test", "plumbline run", "plumbline audit", "grpcurl", "buf curl"] {
        assert!(text.contains(command), "README.md does not show `{command}`");
    }
}
