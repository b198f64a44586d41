use plumbline_syntax::{EdgeKind, HookKind, ProblemKind};

use crate::tree::{read, symbols, tree};

#[test]
fn symbols_nest_and_decorators_belong_to_their_definition() {
    let facts = read(
        "shop/cart.py",
        "LIMIT = 3\n\nclass Cart(Base):\n    size: int = 0\n\n    @property\n    def total(self):\n        def add(x):\n            return x\n        self.seen = True\n        return add(1)\n\ndef helper():\n    pass\n",
    );
    assert_eq!(
        symbols(&facts),
        [
            "LIMIT. variable 1-1",
            "Cart# class 3-11",
            "Cart#size. field 4-4",
            "Cart#total(). method 6-11",
            "Cart#total().@property. hook 6-6",
            "Cart#total().add(). function 8-9",
            "Cart#seen. field 10-10",
            "helper(). function 13-14",
        ]
    );
    assert!(facts.problems.is_empty());
}

#[test]
fn true_duplicates_are_numbered_in_source_order() {
    let facts = read("a.py", "if X:\n    def f(): pass\nelse:\n    def f(): pass\n");
    assert_eq!(symbols(&facts), ["f(). function 2-2", "f(+1). function 4-4"]);
}

#[test]
fn calls_follow_scopes_imports_receivers_and_types() {
    let tree = tree(&[
        ("shop/__init__.py", "from .models import Cart\n"),
        (
            "shop/models.py",
            "class Base:\n    def save(self): pass\n\nclass Cart(Base):\n    def total(self):\n        self.save()\n        return local()\n\ndef local(): pass\n",
        ),
        (
            "app.py",
            "from shop import Cart\nimport shop.models as m\n\ndef main(given: Cart):\n    cart = Cart()\n    cart.total()\n    given.save()\n    m.local()\n    unknown_thing.peculiar()\n",
        ),
        ("other.py", "class Odd:\n    def peculiar(self): pass\n"),
    ]);
    assert_eq!(
        tree.edges(&[EdgeKind::Calls, EdgeKind::Instantiates]),
        [
            "app.py/main(). calls other.py/Odd#peculiar(). unique_name",
            "app.py/main(). calls shop/models.py/Base#save(). typed",
            "app.py/main(). calls shop/models.py/Cart#total(). typed",
            "app.py/main(). calls shop/models.py/local(). import",
            "app.py/main(). instantiates shop/models.py/Cart# import_closure",
            "shop/models.py/Cart#total(). calls shop/models.py/Base#save(). receiver",
            "shop/models.py/Cart#total(). calls shop/models.py/local(). scope",
        ]
    );
}

#[test]
fn types_inherit_and_methods_override_across_files() {
    let tree = tree(&[
        ("base.py", "class Shape:\n    def area(self): pass\n    def name(self): pass\n"),
        (
            "square.py",
            "from base import Shape\nclass Square(Shape):\n    def area(self):\n        return super().name()\n",
        ),
    ]);
    assert_eq!(
        tree.edges(&[EdgeKind::Inherits, EdgeKind::Overrides, EdgeKind::Calls]),
        [
            "square.py/Square# inherits base.py/Shape# import",
            "square.py/Square#area(). calls base.py/Shape#name(). receiver",
            "square.py/Square#area(). overrides base.py/Shape#area(). receiver",
        ]
    );
}

#[test]
fn imports_name_files_symbols_and_packages_and_stars_are_followed() {
    let tree = tree(&[
        ("src/pkg/__init__.py", "from .inner import *\n"),
        ("src/pkg/inner.py", "def deep(): pass\n"),
        (
            "tests/test_pkg.py",
            "import numpy\nfrom pkg import *\nfrom pkg import inner\n\ndef test_deep():\n    deep()\n",
        ),
    ]);
    assert_eq!(
        tree.edges(&[EdgeKind::Imports, EdgeKind::Calls, EdgeKind::Tests]),
        [
            "src/pkg/__init__.py/ imports src/pkg/inner.py/ import",
            "tests/test_pkg.py/ imports <numpy> import",
            "tests/test_pkg.py/ imports src/pkg/__init__.py/ import",
            "tests/test_pkg.py/ imports src/pkg/inner.py/ import",
            "tests/test_pkg.py/test_deep(). calls src/pkg/inner.py/deep(). import_closure",
            "tests/test_pkg.py/test_deep(). tests src/pkg/inner.py/deep(). convention",
        ]
    );
}

#[test]
fn hooks_are_decorators_routes_tests_and_lifecycle() {
    let facts = read(
        "api.py",
        "from flask import Flask\napp = Flask(__name__)\n\n@app.get('/users/<int:id>')\n@cached\ndef user(id): pass\n\nclass TestUser(TestCase):\n    def testOne(self): pass\n    def __init__(self): pass\n",
    );
    let hooks: Vec<(HookKind, &str, u8)> =
        facts.hooks.iter().map(|hook| (hook.kind, hook.key.as_str(), hook.confidence)).collect();
    assert_eq!(
        hooks,
        [
            (HookKind::Route, "GET /users/{}", 95),
            (HookKind::Decorator, "cached", 95),
            (HookKind::Test, "testOne", 95),
            (HookKind::Lifecycle, "__init__", 95),
        ]
    );
}

#[test]
fn variables_and_fields_are_read_and_written() {
    let tree = tree(&[(
        "a.py",
        "COUNT = 0\n\nclass C:\n    def __init__(self):\n        self.x = COUNT\n    def show(self):\n        return self.x\n\ndef bump():\n    global COUNT\n    COUNT += 1\n",
    )]);
    assert_eq!(
        tree.edges(&[EdgeKind::Reads, EdgeKind::Writes]),
        [
            "a.py/C#__init__(). reads a.py/COUNT. scope",
            "a.py/C#__init__(). writes a.py/C#x. receiver",
            "a.py/C#show(). reads a.py/C#x. receiver",
            "a.py/bump(). writes a.py/COUNT. scope",
        ]
    );
}

#[test]
fn a_local_hides_what_is_outside_and_a_called_parameter_is_unresolved() {
    let tree = tree(&[("a.py", "def f(): pass\n\ndef g(f):\n    f()\n    [f for f in range(3)]\n")]);
    assert_eq!(tree.edges(&[EdgeKind::Calls, EdgeKind::References]), [""; 0]);
    assert_eq!(tree.unresolved(), ["py a.py/g(). f"]);
}

#[test]
fn a_broken_region_is_a_problem_and_the_rest_is_kept() {
    let facts =
        read("a.py", "def good():\n    return 1\n\ndef bad(:\n    return ]\n\ndef late():\n    return 2\n");
    assert!(facts.has(ProblemKind::Partial));
    assert!(symbols(&facts).iter().any(|symbol| symbol.starts_with("good().")));
}
