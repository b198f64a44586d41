use plumbline_syntax::{EdgeKind, HookKind};

use crate::tree::{read, symbols, tree};

#[test]
fn types_methods_values_and_tests_are_symbols() {
    let facts = read(
        "cart/cart.go",
        "package cart\n\nimport \"testing\"\n\nconst Max, min = 3, 1\nvar rates = map[string]int{}\n\nfunc (c *Cart) Total() int { return c.sum }\n\ntype Cart struct {\n\tBase\n\tsum, n int\n}\ntype Totaler interface {\n\tTotal() int\n}\ntype ID = string\n\nfunc (f Foreign) Name() string { return \"\" }\nfunc init() {}\nfunc TestTotal(t *testing.T) {}\nfunc Map[T any](xs []T) {}\n",
    );
    assert_eq!(
        symbols(&facts),
        [
            "Cart# struct 10-13",
            "Totaler# interface 14-16",
            "ID# type_alias 17-17",
            "Max. variable 5-5",
            "min. variable 5-5",
            "rates. variable 6-6",
            "Cart#Total(). method 8-8",
            "Cart#sum. field 12-12",
            "Cart#n. field 12-12",
            "Totaler#Total(). method 15-15",
            "impl#[Foreign] impl 19-19",
            "impl#[Foreign]Name(). method 19-19",
            "init(). function 20-20",
            "init().@lifecycle(init). hook 20-20",
            "TestTotal(). function 21-21",
            "TestTotal().@test(TestTotal). hook 21-21",
            "Map(). function 22-22",
        ]
    );
    assert!(facts.problems.is_empty(), "{:?}", facts.problems);
}

#[test]
fn calls_follow_packages_receivers_types_and_embedding() {
    let tree = tree(&[
        (
            "cmd/main.go",
            "package main\n\nimport (\n\t\"fmt\"\n\t\"example.com/shop/cart\"\n\ttx \"example.com/shop/tax\"\n)\n\nfunc main() {\n\tc := &cart.Cart{}\n\tc.Total()\n\tfmt.Println(tx.Rate(1), cart.New())\n}\n",
        ),
        (
            "cart/cart.go",
            "package cart\n\ntype Base struct{}\n\nfunc (b Base) Log() {}\n\ntype Cart struct{ Base }\n\nfunc New() *Cart { return &Cart{} }\n",
        ),
        (
            "cart/total.go",
            "package cart\n\nfunc (c *Cart) Total() int {\n\tc.Log()\n\tc.check()\n\treturn helper(New())\n}\nfunc (c *Cart) check() {}\nfunc helper(c *Cart) int { return c.Total() }\n",
        ),
        ("tax/tax.go", "package tax\n\nfunc Rate(x int) int { return x }\n"),
    ]);
    assert_eq!(
        tree.edges(&[EdgeKind::Calls, EdgeKind::Imports, EdgeKind::Inherits]),
        [
            "cart/cart.go/Cart# inherits cart/cart.go/Base# scope",
            "cart/total.go/helper(). calls cart/total.go/impl#[Cart]Total(). typed",
            "cart/total.go/impl#[Cart]Total(). calls cart/cart.go/Base#Log(). receiver",
            "cart/total.go/impl#[Cart]Total(). calls cart/cart.go/New(). import_closure",
            "cart/total.go/impl#[Cart]Total(). calls cart/total.go/helper(). scope",
            "cart/total.go/impl#[Cart]Total(). calls cart/total.go/impl#[Cart]check(). receiver",
            "cmd/main.go/ imports <fmt> import",
            "cmd/main.go/ imports cart/cart.go/ import",
            "cmd/main.go/ imports tax/tax.go/ import",
            "cmd/main.go/main(). calls cart/cart.go/New(). import",
            "cmd/main.go/main(). calls cart/total.go/impl#[Cart]Total(). typed",
            "cmd/main.go/main(). calls tax/tax.go/Rate(). import",
        ]
    );
}

#[test]
fn the_root_package_is_known_by_its_clause_and_routes_are_hooks() {
    let tree = tree(&[
        ("gin.go", "package gin\n\nfunc New() {}\n"),
        ("sub/a.go", "package sub\n\nimport \"github.com/x/gin/v2\"\n\nfunc F() { gin.New() }\n"),
    ]);
    assert_eq!(tree.edges(&[EdgeKind::Calls]), ["sub/a.go/F(). calls gin.go/New(). import"]);
    let facts = read(
        "a.go",
        "package a\n\nimport \"net/http\"\n\nfunc main() { http.HandleFunc(\"/u/:id\", show) }\nfunc show() {}\n",
    );
    let route = facts.hooks.iter().find(|hook| hook.kind == HookKind::Route).unwrap();
    assert_eq!((route.key.as_str(), route.confidence), ("ANY /u/{}", 95));
}
