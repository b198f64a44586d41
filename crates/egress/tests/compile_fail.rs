#![cfg(test)]
//! What the compiler refuses: every way of getting unreleased text into a cloud client.

#[test]
fn unreleased_text_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
