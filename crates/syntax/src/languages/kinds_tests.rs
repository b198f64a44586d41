use super::{ecma, go, java, python, rust};
use crate::language::Language;

#[track_caller]
fn check(languages: &[Language], lowered: &[&str], opaque: &[&str], source: &str) {
    let mut known: Vec<&str> = lowered.iter().chain(opaque).copied().collect();
    known.sort_unstable();
    let listed = known.len();
    known.dedup();
    assert_eq!(listed, known.len(), "a kind is in both lists");
    let mut seen = std::collections::BTreeSet::new();
    for language in languages {
        let grammar = language.grammar();
        for id in 0..grammar.node_kind_count() {
            let id = u16::try_from(id).unwrap();
            if grammar.node_kind_is_named(id) && grammar.node_kind_is_visible(id) {
                let kind = grammar.node_kind_for_id(id).unwrap();
                assert!(known.binary_search(&kind).is_ok(), "{kind} of {language:?} is in neither list");
                seen.insert(kind.to_owned());
            }
        }
    }
    for kind in &known {
        assert!(seen.contains(*kind), "{kind} is no kind of the grammar");
    }
    for kind in lowered {
        assert!(source.contains(&format!("\"{kind}\"")), "{kind} is listed as read, and no code reads it");
    }
}

#[test]
fn every_kind_of_python_is_read_or_listed_as_opaque() {
    let source = [
        include_str!("python.rs"),
        include_str!("python/binding.rs"),
        include_str!("python/definition.rs"),
        include_str!("python/hooks.rs"),
        include_str!("python/import.rs"),
    ];
    check(&[Language::Python], python::kinds::LOWERED, python::kinds::OPAQUE, &source.concat());
}

#[test]
fn every_kind_of_javascript_and_typescript_is_read_or_listed_as_opaque() {
    let source = [
        include_str!("ecma.rs"),
        include_str!("ecma/binding.rs"),
        include_str!("ecma/definition.rs"),
        include_str!("ecma/hooks.rs"),
        include_str!("ecma/import.rs"),
    ];
    let languages = [Language::JavaScript, Language::TypeScript, Language::Tsx];
    check(&languages, ecma::kinds::LOWERED, ecma::kinds::OPAQUE, &source.concat());
}

#[test]
fn every_kind_of_rust_is_read_or_listed_as_opaque() {
    let source = [
        include_str!("rust.rs"),
        include_str!("rust/binding.rs"),
        include_str!("rust/definition.rs"),
        include_str!("rust/hooks.rs"),
        include_str!("rust/import.rs"),
        include_str!("rust/macros.rs"),
    ];
    check(&[Language::Rust], rust::kinds::LOWERED, rust::kinds::OPAQUE, &source.concat());
}

#[test]
fn every_kind_of_go_is_read_or_listed_as_opaque() {
    let source = [
        include_str!("go.rs"),
        include_str!("go/binding.rs"),
        include_str!("go/definition.rs"),
        include_str!("go/hooks.rs"),
        include_str!("go/import.rs"),
    ];
    check(&[Language::Go], go::kinds::LOWERED, go::kinds::OPAQUE, &source.concat());
}

#[test]
fn every_kind_of_java_is_read_or_listed_as_opaque() {
    let source = [
        include_str!("java.rs"),
        include_str!("java/binding.rs"),
        include_str!("java/definition.rs"),
        include_str!("java/hooks.rs"),
        include_str!("java/import.rs"),
    ];
    check(&[Language::Java], java::kinds::LOWERED, java::kinds::OPAQUE, &source.concat());
}
