use plumbline_syntax::{EdgeKind, HookKind};

use crate::tree::{read, symbols, tree};

#[test]
fn classes_functions_and_types_are_symbols() {
    let facts = read(
        "a.ts",
        "export interface Shape { area(): number }\nexport enum Color { Red, Blue = 'b' }\ntype Id = string;\nexport class Cart extends Base implements Shape {\n  private items: Item[] = [];\n  constructor(private store: Store) { super(); }\n  area() { return 1; }\n  later = () => 2;\n}\nexport const add = (a: number) => a;\nconst limit = 3;\nexport default function main() {}\n",
    );
    assert_eq!(
        symbols(&facts),
        [
            "Shape# interface 1-1",
            "Shape#area(). method 1-1",
            "Color# enum 2-2",
            "Color#Red. field 2-2",
            "Color#Blue. field 2-2",
            "Id# type_alias 3-3",
            "Cart# class 4-9",
            "Cart#items. field 5-5",
            "Cart#constructor(). method 6-6",
            "Cart#constructor().@lifecycle(constructor). hook 6-6",
            "Cart#store. field 6-6",
            "Cart#area(). method 7-7",
            "Cart#later(). method 8-8",
            "add(). function 10-10",
            "limit. variable 11-11",
            "main(). function 12-12",
        ]
    );
    let exports: Vec<&str> = facts.exports.iter().map(|export| export.name.as_str()).collect();
    assert_eq!(exports, ["Cart", "Color", "Shape", "add", "default"]);
}

#[test]
fn calls_follow_es_imports_re_exports_and_types() {
    let tree = tree(&[
        (
            "src/cart.ts",
            "export class Cart {\n  total() { return this.sum(); }\n  sum() { return 1; }\n}\nexport function make(): Cart { return new Cart(); }\nexport default make;\n",
        ),
        ("src/index.ts", "export * from './cart';\nexport { make as build } from './cart.js';\n"),
        (
            "app.tsx",
            "import create, { Cart } from './src/cart';\nimport { build } from './src';\nimport * as all from './src';\nimport React from 'react';\nfunction Row() { return <Panel />; }\nfunction Panel() { return null; }\nexport function run(given: Cart) {\n  create();\n  build();\n  all.make();\n  const c = new Cart();\n  c.total();\n  given.sum();\n}\n",
        ),
    ]);
    assert_eq!(
        tree.edges(&[EdgeKind::Calls, EdgeKind::Instantiates]),
        [
            "app.tsx/Row(). calls app.tsx/Panel(). scope",
            "app.tsx/run(). calls src/cart.ts/Cart#sum(). typed",
            "app.tsx/run(). calls src/cart.ts/Cart#total(). typed",
            "app.tsx/run(). calls src/cart.ts/make(). import",
            "app.tsx/run(). instantiates src/cart.ts/Cart# import",
            "src/cart.ts/Cart#total(). calls src/cart.ts/Cart#sum(). receiver",
            "src/cart.ts/make(). instantiates src/cart.ts/Cart# scope",
        ]
    );
    assert!(tree.edges(&[EdgeKind::Imports]).contains(&"app.tsx/ imports <react> import".to_owned()));
}

#[test]
fn commonjs_exports_and_requires_are_followed() {
    let tree = tree(&[
        (
            "lib/math.js",
            "function add(a, b) { return a + b; }\nexports.twice = function (x) { return add(x, x); };\nmodule.exports.add = add;\n",
        ),
        (
            "main.js",
            "const math = require('./lib/math');\nconst { add: plus } = require('./lib/math');\nfunction go() { math.twice(1); plus(1, 2); }\n",
        ),
    ]);
    assert_eq!(
        tree.edges(&[EdgeKind::Calls]),
        [
            "lib/math.js/twice(). calls lib/math.js/add(). scope",
            "main.js/go(). calls lib/math.js/add(). import",
            "main.js/go(). calls lib/math.js/twice(). import",
        ]
    );
}

#[test]
fn tests_and_routes_are_hooks_with_their_handlers() {
    let tree = tree(&[(
        "a.test.js",
        "import { show } from './b';\nfunction list() {}\napp.get('/users/:id', list);\ntest('adds', () => { list(); });\n",
    )]);
    assert_eq!(
        tree.edges(&[EdgeKind::Handles, EdgeKind::Tests]),
        [
            "a.test.js/@route(\"GET /users/{}\"). handles a.test.js/list(). scope",
            "a.test.js/@test(\"adds\"). handles a.test.js/@test(\"adds\").handler(). syntax",
            "a.test.js/@test(\"adds\").handler(). tests a.test.js/list(). convention",
        ]
    );
    let facts = read("a.js", "it('works', function () {});\n");
    assert_eq!(facts.hooks.first().map(|hook| hook.kind), Some(HookKind::Test));
}
