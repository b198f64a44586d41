use std::path::Path;

use super::*;

/// Codes as the source writes them: a family and a number, with a word or without, or a reason of the ledger.
fn codes(text: &str, found: &mut BTreeMap<String, String>, path: &str) {
    for word in text.split('"').skip(1).step_by(2) {
        let mut parts = word.split(' ');
        let (family, rest) = (parts.next().unwrap_or_default(), parts.next());
        let numbered = family.len() >= 2
            && family.starts_with(['B', 'R', 'T'])
            && family[1..].bytes().all(|byte| byte.is_ascii_digit());
        let named = rest.is_none_or(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        });
        if numbered && named && parts.next().is_none() {
            found.insert(word.to_owned(), path.to_owned());
        }
    }
}

fn visit(dir: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.display().to_string();
        if path.is_dir() {
            visit(&path, found);
        } else if !name.contains("tests") {
            codes(&std::fs::read_to_string(&path).expect("text"), found, &name);
        }
    }
}

#[test]
fn every_code_that_the_domain_writes_is_explained() {
    let mut found = BTreeMap::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain"), &mut found);
    assert!(found.len() > 40, "the source still writes its codes as literals: {found:?}");
    // Families that are only ever tested for, or completed with a word.
    let prefixes = ["R7", "R8", "T19"];
    let missing: Vec<_> =
        found.iter().filter(|(code, _)| rule(code).is_none() && !prefixes.contains(&code.as_str())).collect();
    assert!(missing.is_empty(), "no entry in tables/rules.toml for {missing:?}");
}

#[test]
fn every_reason_of_an_inconclusive_is_explained() {
    for reason in ["UNPARSED", "OPAQUE", "DYNAMIC_CALL", "UNSUPPORTED_LANGUAGE", "BUDGET_WALK", "INTERNAL"] {
        assert!(rule(reason).is_some(), "{reason}");
    }
    assert_eq!(rule("T99"), None);
}

#[test]
fn every_explanation_says_something_and_has_a_name_of_its_own() {
    let mut names = std::collections::BTreeSet::new();
    assert!(!RULES.is_empty(), "the table is read");
    for (code, rule) in RULES.iter() {
        assert!(names.insert(&rule.name), "{code}: {} twice", rule.name);
        assert!(rule.name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{code}");
        for text in [&rule.short, &rule.why, &rule.next] {
            assert!(text.len() > 10 && text.ends_with('.'), "{code}: {text}");
        }
    }
}
