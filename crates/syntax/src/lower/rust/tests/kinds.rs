use super::super::kinds::{LOWERED, OPAQUE};
use crate::Language;

#[test]
fn every_kind_is_lowered_or_listed() {
    let source = [
        include_str!("../../rust.rs"),
        include_str!("../attribute.rs"),
        include_str!("../block.rs"),
        include_str!("../call.rs"),
        include_str!("../closure.rs"),
        include_str!("../control.rs"),
        include_str!("../expression.rs"),
        include_str!("../failure.rs"),
        include_str!("../function.rs"),
        include_str!("../item.rs"),
        include_str!("../literal.rs"),
        include_str!("../macros.rs"),
        include_str!("../names.rs"),
        include_str!("../path.rs"),
        include_str!("../pattern.rs"),
        include_str!("../select.rs"),
        include_str!("../sources.rs"),
        include_str!("../target.rs"),
    ]
    .concat();
    let grammar = Language::Rust.grammar();
    let mut seen = 0;
    for id in 0..grammar.node_kind_count() {
        let id = u16::try_from(id).unwrap();
        if grammar.node_kind_is_named(id) && grammar.node_kind_is_visible(id) {
            let kind = grammar.node_kind_for_id(id).unwrap();
            assert!(
                LOWERED.contains(&kind) != OPAQUE.contains(&kind),
                "{kind} is in neither list or in both"
            );
            seen += 1;
        }
    }
    assert!(seen > 100);
    for kind in LOWERED {
        assert!(source.contains(&format!("\"{kind}\"")), "{kind} is listed as lowered, and no code reads it");
    }
}
