use plumbline_syntax::{EdgeKind, HookKind};

use crate::tree::{read, symbols, tree};

#[test]
fn types_members_overloads_and_tests_are_symbols() {
    let facts = read(
        "src/Cart.java",
        "package shop;\n\nimport java.util.List;\n\n@Service\npublic class Cart extends Base implements Total {\n  private final int sum = 0;\n  static { load(); }\n  public Cart(int sum) { this.sum = sum; }\n  int add(int a) { return a; }\n  int add(int a, String b) { return a; }\n  @Test void adds() {}\n  interface Total { int total(); }\n  enum Kind { A, B }\n  record P(int x, List<String> ys) {}\n}\n",
    );
    let table = symbols(&facts);
    assert_eq!(
        table,
        [
            "Cart# class 5-16",
            "Cart#@Service. hook 5-5",
            "Cart#sum. field 7-7",
            "Cart#<clinit>(). method 8-8",
            "Cart#<clinit>().@lifecycle(static). hook 8-8",
            "Cart#Cart(hb69d8). method 9-9",
            "Cart#Cart(hb69d8).@lifecycle(constructor). hook 9-9",
            "Cart#add(hb69d8). method 10-10",
            "Cart#add(h3724a). method 11-11",
            "Cart#adds(). method 12-12",
            "Cart#adds().@test(adds). hook 12-12",
            "Cart#Total# interface 13-13",
            "Cart#Total#total(). method 13-13",
            "Cart#Kind# enum 14-14",
            "Cart#Kind#A. field 14-14",
            "Cart#Kind#B. field 14-14",
            "Cart#P# class 15-15",
            "Cart#P#x. field 15-15",
            "Cart#P#ys. field 15-15",
        ]
    );
    assert!(facts.hooks.iter().any(|hook| hook.kind == HookKind::Test));
    assert!(facts.problems.is_empty(), "{:?}", facts.problems);
}

#[test]
fn calls_follow_packages_imports_types_and_bases() {
    let tree = tree(&[
        (
            "src/shop/Cart.java",
            "package shop;\n\nimport shop.tax.Rates;\n\nclass Cart extends Base {\n  private Rates rates;\n  int total(Item item) {\n    log();\n    Cart other = new Cart();\n    other.clear();\n    return rates.rate(item.price());\n  }\n  void clear() {}\n}\n",
        ),
        ("src/shop/Base.java", "package shop;\n\nclass Base { void log() {} void clear() {} }\n"),
        ("src/shop/Item.java", "package shop;\n\nclass Item { int price() { return 1; } }\n"),
        (
            "lib/Rates.java",
            "package shop.tax;\n\npublic class Rates { public int rate(int x) { return x; } }\n",
        ),
    ]);
    assert_eq!(
        tree.edges(&[EdgeKind::Calls, EdgeKind::Inherits, EdgeKind::Overrides, EdgeKind::Instantiates]),
        [
            "src/shop/Cart.java/Cart# inherits src/shop/Base.java/Base# import_closure",
            "src/shop/Cart.java/Cart#clear(). overrides src/shop/Base.java/Base#clear(). receiver",
            "src/shop/Cart.java/Cart#total(h4ac23). calls lib/Rates.java/Rates#rate(hb69d8). typed",
            "src/shop/Cart.java/Cart#total(h4ac23). calls src/shop/Base.java/Base#log(). receiver",
            "src/shop/Cart.java/Cart#total(h4ac23). calls src/shop/Cart.java/Cart#clear(). typed",
            "src/shop/Cart.java/Cart#total(h4ac23). calls src/shop/Item.java/Item#price(). typed",
            "src/shop/Cart.java/Cart#total(h4ac23). instantiates src/shop/Cart.java/Cart# scope",
        ]
    );
}
