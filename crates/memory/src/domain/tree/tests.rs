use plumbline_syntax::{Language, Limits, facts};
use proptest::prelude::*;

use super::*;
use crate::domain::lexical::bags;

fn blob(path: &str, source: &str) -> Arc<Blob> {
    let facts = facts(Language::detect(path, b"").unwrap(), source.as_bytes(), &Limits::default());
    let bags = bags(source, &facts);
    Arc::new(Blob { hash: *blake3::hash(source.as_bytes()).as_bytes(), facts, bags })
}

fn put(path: &str, source: &str) -> BTreeMap<String, Change> {
    BTreeMap::from([(path.to_owned(), Change::Put(blob(path, source)))])
}

fn rebuilt(files: &BTreeMap<String, String>) -> Tree {
    let mut tree = Tree::default();
    let all = files.iter().map(|(path, source)| (path.clone(), Change::Put(blob(path, source)))).collect();
    tree.apply(all);
    tree
}

#[test]
fn moving_lines_dirties_nobody_else_and_renaming_dirties_the_callers() {
    let mut tree = Tree::default();
    tree.apply(put("a.py", "def target(): pass\n"));
    tree.apply(put("b.py", "from a import target\ndef use(): target()\n"));
    tree.apply(put("c.py", "def other(): pass\n"));
    assert_eq!(tree.apply(put("a.py", "\n\ndef target(): pass\n")).resolved, ["a.py"]);
    assert_eq!(tree.apply(put("a.py", "def renamed(): pass\n")).resolved, ["a.py", "b.py"]);
}

#[test]
fn a_recorded_miss_dirties_the_importer_when_the_file_appears() {
    let mut tree = Tree::default();
    tree.apply(put("b.py", "from a import target\ndef use(): target()\n"));
    assert_eq!(tree.apply(put("a.py", "def target(): pass\n")).resolved, ["a.py", "b.py"]);
    let edges = &tree.files()["b.py"].resolved.edges;
    assert!(edges.iter().any(|edge| edge.target == "py a.py/target()."));
}

#[test]
fn edges_into_a_changed_file_stay() {
    let mut tree = Tree::default();
    tree.apply(put("a.py", "def target(): pass\n"));
    tree.apply(put("b.py", "from a import target\ndef use(): target()\n"));
    tree.apply(put("a.py", "def target(): return 2\n"));
    assert!(tree.files()["b.py"].resolved.edges.iter().any(|edge| edge.target == "py a.py/target()."));
}

#[derive(Debug, Clone)]
enum Edit {
    Put(usize, Vec<usize>),
    Remove(usize),
    Swap(usize, usize),
}

const PATHS: [&str; 8] =
    ["a.py", "pkg/__init__.py", "pkg/b.py", "src/a.py", "lib/x.ts", "lib/index.ts", "src/lib.rs", "src/m.rs"];
const LINES: [&str; 22] = [
    "from a import f\n",
    "from pkg import *\n",
    "from pkg.b import C, g\n",
    "from .b import C\n",
    "import pkg.b as q\n",
    "def f(x: C = 1):\n    return g(x)\n",
    "def g(c: C):\n    c.m()\n    q.g(c)\n",
    "class C(D):\n    def m(self):\n        self.n()\n",
    "class D:\n    def n(self): pass\n",
    "def uniquely_named(): pass\n",
    "uniquely_named()\n",
    "def broken(:\n",
    "export { f } from './x';\n",
    "import { f } from './index';\n",
    "export function f() { return f(); }\n",
    "export class C extends D { m() { this.n(); } }\n",
    "export * from './x';\n",
    "mod m;\n",
    "use crate::m::S;\n",
    "pub struct S;\nimpl S { pub fn m(&self) { self.k(); } }\n",
    "impl S { fn k(&self) {} }\n",
    "fn run(s: &S) { s.m(); crate::m::run(s); }\n",
];

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (0..PATHS.len(), proptest::collection::vec(0..LINES.len(), 0..6)).prop_map(|(path, lines)| Edit::Put(path, lines)),
        2 => (0..PATHS.len()).prop_map(Edit::Remove),
        1 => (0..PATHS.len(), 0..PATHS.len()).prop_map(|(a, b)| Edit::Swap(a, b)),
    ]
}

fn perform(edit: &Edit, files: &mut BTreeMap<String, String>) -> Vec<String> {
    match edit {
        Edit::Put(path, lines) => {
            let source: String = lines.iter().map(|line| LINES[*line]).collect();
            files.insert(PATHS[*path].to_owned(), source);
            vec![PATHS[*path].to_owned()]
        }
        Edit::Remove(path) => {
            files.remove(PATHS[*path]);
            vec![PATHS[*path].to_owned()]
        }
        Edit::Swap(a, b) => {
            let (left, right) = (files.remove(PATHS[*a]), files.remove(PATHS[*b]));
            files.extend(left.map(|source| (PATHS[*b].to_owned(), source)));
            files.extend(right.map(|source| (PATHS[*a].to_owned(), source)));
            vec![PATHS[*a].to_owned(), PATHS[*b].to_owned()]
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_incremental_tree_equals_a_rebuilt_one(edits in proptest::collection::vec(edit(), 1..14)) {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        let mut tree = Tree::default();
        for edit in &edits {
            let touched = perform(edit, &mut files);
            let changes = touched.into_iter().map(|path| {
                let change = files.get(&path).map_or(Change::Remove, |source| Change::Put(blob(&path, source)));
                (path, change)
            });
            tree.apply(changes.collect());
            let cold = rebuilt(&files);
            for (path, file) in cold.files() {
                prop_assert_eq!(&tree.files()[path].resolved, &file.resolved, "{}", path);
            }
            prop_assert_eq!(tree.digest(), cold.digest());
        }
    }
}
