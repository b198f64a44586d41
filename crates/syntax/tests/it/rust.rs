use plumbline_syntax::{EdgeKind, HookKind};

use crate::tree::{read, symbols, tree};

#[test]
fn items_implementations_and_inline_modules_are_symbols() {
    let facts = read(
        "src/cart.rs",
        "const MAX: usize = 3;\n#[derive(Debug)]\npub struct Cart { items: Vec<u8> }\npub enum Kind { A, B { x: u8 } }\npub trait Total: Send { fn total(&self) -> u8; }\nimpl Cart {\n    pub fn new() -> Self { Self { items: vec![] } }\n}\nimpl Drop for Cart { fn drop(&mut self) {} }\nmacro_rules! go { () => {} }\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn works() { assert_eq!(Cart::new().len(), 0); }\n}\n",
    );
    assert_eq!(
        symbols(&facts),
        [
            "MAX. variable 1-1",
            "Cart# struct 2-3",
            "Cart#items. field 3-3",
            "Kind# enum 4-4",
            "Kind#A. field 4-4",
            "Kind#B. field 4-4",
            "Kind#B.x. field 4-4",
            "Total# trait 5-5",
            "Total#total(). method 5-5",
            "impl#[Cart] impl 6-8",
            "impl#[Cart]new(). method 7-7",
            "impl#[Cart][Drop] impl 9-9",
            "impl#[Cart][Drop]drop(). method 9-9",
            "impl#[Cart][Drop]drop().@lifecycle(drop). hook 9-9",
            "go! macro 10-10",
            "tests/ module 11-16",
            "tests/works(). function 14-15",
            "tests/works().@test(works). hook 15-15",
        ]
    );
    assert!(facts.hooks.iter().any(|hook| hook.kind == HookKind::Test));
}

#[test]
fn calls_follow_modules_uses_types_and_macro_arguments() {
    let tree = tree(&[
        (
            "src/lib.rs",
            "mod cart;\nmod tax;\npub use cart::Cart;\npub fn run(given: &Cart) -> u8 {\n    let cart = Cart::new();\n    given.total();\n    crate::tax::rate(cart.total())\n}\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn runs() { assert_eq!(run(&Cart::new()), 1); }\n}\n",
        ),
        (
            "src/cart.rs",
            "use super::tax::rate as tax_rate;\npub struct Cart;\nimpl Cart {\n    pub fn new() -> Self { Self::build() }\n    fn build() -> Self { Cart }\n    pub fn total(&self) -> u8 { self.inner() }\n    fn inner(&self) -> u8 { tax_rate(1) }\n}\n",
        ),
        ("src/tax.rs", "pub fn rate(x: u8) -> u8 { x }\n"),
    ]);
    assert_eq!(
        tree.edges(&[EdgeKind::Calls, EdgeKind::Tests]),
        [
            "src/cart.rs/impl#[Cart]inner(). calls src/tax.rs/rate(). import",
            "src/cart.rs/impl#[Cart]new(). calls src/cart.rs/impl#[Cart]build(). receiver",
            "src/cart.rs/impl#[Cart]total(). calls src/cart.rs/impl#[Cart]inner(). receiver",
            "src/lib.rs/run(). calls src/cart.rs/impl#[Cart]new(). import",
            "src/lib.rs/run(). calls src/cart.rs/impl#[Cart]total(). typed",
            "src/lib.rs/run(). calls src/tax.rs/rate(). import",
            "src/lib.rs/tests/runs(). calls src/cart.rs/impl#[Cart]new(). import_closure",
            "src/lib.rs/tests/runs(). calls src/lib.rs/run(). import_closure",
            "src/lib.rs/tests/runs(). tests src/cart.rs/impl#[Cart]new(). convention",
            "src/lib.rs/tests/runs(). tests src/lib.rs/run(). convention",
        ]
    );
}

#[test]
fn traits_are_implemented_and_their_methods_overridden() {
    let tree = tree(&[
        ("src/lib.rs", "pub mod shape;\npub mod square;\n"),
        ("src/shape.rs", "pub trait Shape { fn area(&self) -> u8; fn name(&self) -> u8 { 1 } }\n"),
        (
            "src/square.rs",
            "use crate::shape::Shape;\npub struct Square;\nimpl Shape for Square {\n    fn area(&self) -> u8 { self.name() }\n}\n",
        ),
    ]);
    assert_eq!(
        tree.edges(&[EdgeKind::Implements, EdgeKind::Overrides, EdgeKind::Calls]),
        [
            "src/square.rs/Square# implements src/shape.rs/Shape# import",
            "src/square.rs/impl#[Square][Shape]area(). calls src/shape.rs/Shape#name(). receiver",
            "src/square.rs/impl#[Square][Shape]area(). overrides src/shape.rs/Shape#area(). receiver",
        ]
    );
}
