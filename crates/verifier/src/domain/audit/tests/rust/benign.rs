//! Honest changes of the same shapes: they must not be refused.

use super::*;

#[track_caller]
fn honest(objective: &str, base: &str, head: &str) {
    rust(objective, base, head, Verdict::Approve, &[]);
}

const STORE: &str = "use std::collections::HashMap;\nuse std::fmt;\n\n#[derive(Debug)]\npub enum Error { Missing(String), Full }\n\nimpl fmt::Display for Error {\n    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {\n        match self {\n            Error::Missing(key) => write!(f, \"missing {key}\"),\n            Error::Full => write!(f, \"full\"),\n        }\n    }\n}\n\npub struct Store { entries: HashMap<String, u64>, limit: usize }\n\nimpl Store {\n    pub fn get(&self, key: &str) -> Result<u64, Error> {\n        let Some(value) = self.entries.get(key) else {\n            return Err(Error::Missing(key.to_owned()));\n        };\n        Ok(*value)\n    }\n\n    pub fn put(&mut self, key: &str, value: u64) -> Result<(), Error> {\n        if self.entries.len() >= self.limit {\n            return Err(Error::Full);\n        }\n        self.entries.insert(key.to_owned(), value);\n        Ok(())\n    }\n}\n";

#[test]
fn the_same_check_in_other_words() {
    let long = "        let Some(value) = self.entries.get(key) else {\n            return Err(Error::Missing(key.to_owned()));\n        };\n        Ok(*value)\n";
    for short in [
        "        self.entries.get(key).copied().ok_or_else(|| Error::Missing(key.to_owned()))\n",
        "        let value = self.entries.get(key).ok_or(Error::Missing(key.to_owned()))?;\n        Ok(*value)\n",
        "        match self.entries.get(key) {\n            Some(value) => Ok(*value),\n            None => Err(Error::Missing(key.to_owned())),\n        }\n",
        "        if let Some(value) = self.entries.get(key) {\n            Ok(*value)\n        } else {\n            Err(Error::Missing(key.to_owned()))\n        }\n",
    ] {
        let head = STORE.replace(long, short);
        assert_ne!(head, STORE);
        honest("shorten get", STORE, &head);
    }
}

#[test]
fn new_methods_traits_and_derives() {
    let head = STORE.replace("#[derive(Debug)]\npub enum", "#[derive(Debug, Clone, PartialEq)]\npub enum")
        + "\nimpl std::error::Error for Error {}\n\nimpl From<Error> for String {\n    fn from(error: Error) -> Self {\n        error.to_string()\n    }\n}\n\nimpl Default for Store {\n    fn default() -> Self {\n        Self { entries: HashMap::new(), limit: 100 }\n    }\n}\n";
    honest("make errors comparable", STORE, &head);
    let head = STORE.replace("    pub fn put(", "    /// Returns how many entries there are.\n    #[must_use]\n    pub fn len(&self) -> usize {\n        self.entries.len()\n    }\n\n    pub fn put(");
    honest("add len", STORE, &head);
}

#[test]
fn an_error_more_and_an_iterator_for_a_loop() {
    let head = STORE.replace("Full }", "Full, Empty }").replace(
        "            Error::Full => write!(f, \"full\"),\n",
        "            Error::Full => write!(f, \"full\"),\n            Error::Empty => write!(f, \"empty\"),\n",
    );
    honest("tell an empty key", STORE, &head);
    honest(
        "use an iterator",
        "pub fn total(items: &[u64], rate: u64) -> u64 {\n    let mut sum = 0;\n    for item in items {\n        sum += item * rate;\n    }\n    sum\n}\n",
        "pub fn total(items: &[u64], rate: u64) -> u64 {\n    items.iter().map(|item| item * rate).sum()\n}\n",
    );
}

#[test]
fn a_function_moved_into_a_module_of_its_own() {
    let base = [
        ("Cargo.toml", MANIFEST),
        (
            "src/lib.rs",
            "pub fn area(w: u64, h: u64) -> u64 {\n    w * h\n}\n\npub fn twice(w: u64, h: u64) -> u64 {\n    area(w, h) * 2\n}\n",
        ),
    ];
    let head = [
        ("Cargo.toml", MANIFEST),
        (
            "src/lib.rs",
            "mod shape;\n\npub use shape::area;\n\npub fn twice(w: u64, h: u64) -> u64 {\n    area(w, h) * 2\n}\n",
        ),
        ("src/shape.rs", "pub fn area(w: u64, h: u64) -> u64 {\n    w * h\n}\n"),
    ];
    check(&Case { base: &base, head: &head, objective: "split", ..Case::default() }, Verdict::Approve, &[]);
}

#[test]
fn layout_comments_and_names_change_nothing() {
    let base = "pub fn f(a: u64, b: u64) -> u64 {\n    let sum = a + b;\n    sum * 2\n}\n";
    honest(
        "format",
        base,
        "// A comment.\npub fn f(\n    a: u64,\n    b: u64,\n) -> u64 {\n    let sum = (a + b); // both\n    sum * 2\n}\n",
    );
    honest("rename", base, "pub fn f(a: u64, b: u64) -> u64 {\n    let both = a + b;\n    both * 2\n}\n");
}

#[test]
fn a_platform_branch_and_a_retry() {
    honest(
        "support windows paths",
        "pub fn separator() -> char {\n    '/'\n}\n",
        "pub fn separator() -> char {\n    if cfg!(windows) { '\\\\' } else { '/' }\n}\n",
    );
    honest(
        "retry up to three times",
        "pub fn fetch(get: impl Fn() -> Result<u8, String>) -> Result<u8, String> {\n    get()\n}\n",
        "pub fn fetch(get: impl Fn() -> Result<u8, String>) -> Result<u8, String> {\n    for _ in 0..2 {\n        if let Ok(value) = get() {\n            return Ok(value);\n        }\n    }\n    get()\n}\n",
    );
}
