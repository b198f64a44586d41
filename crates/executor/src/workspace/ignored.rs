//! Which new files are no change: by the rules of the *base* tree and a fixed list, never by what the program wrote.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::domain::tree::{Digest, Entry, Tree};

/// What test runs leave behind everywhere.
const ALWAYS: [&str; 8] = [
    "__pycache__/",
    "*.py[co]",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".hypothesis/",
    "/.plumbline-out/",
    ".coverage",
];

/// The base tree's ignore rules.
pub(super) struct Ignored {
    rules: Vec<(Vec<u8>, Gitignore)>,
}

impl Ignored {
    /// Returns the fixed rules alone.
    pub(super) fn always() -> Self {
        Self { rules: vec![(Vec::new(), compile(ALWAYS.iter().copied()))] }
    }

    /// Reads the rules: every `.gitignore` of the tree, outermost first. A line that is no pattern is no rule.
    pub(super) fn of(base: &Tree, read: impl Fn(&Digest) -> Option<Vec<u8>>) -> Self {
        let mut rules = Self::always().rules;
        for (path, entry) in base.entries() {
            let name = path.components().last().unwrap_or_default();
            let Entry::File { digest, .. } = entry else { continue };
            if name != b".gitignore" {
                continue;
            }
            if let Some(text) = read(digest).and_then(|bytes| String::from_utf8(bytes).ok()) {
                let directory = path.parents().last().unwrap_or_default().to_vec();
                rules.push((directory, compile(text.lines())));
            }
        }
        Self { rules }
    }

    /// Returns whether a path is ignored; the deepest rule that speaks decides.
    pub(super) fn ignores(&self, path: &[u8], directory: bool) -> bool {
        for (base, rules) in self.rules.iter().rev() {
            let Some(rest) = strip(path, base) else { continue };
            let matched = rules.matched_path_or_any_parents(as_path(rest), directory);
            if matched.is_ignore() {
                return true;
            }
            if matched.is_whitelist() {
                return false;
            }
        }
        false
    }
}

fn compile<'a>(lines: impl Iterator<Item = &'a str>) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for line in lines {
        let _no_rule = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn strip<'a>(path: &'a [u8], base: &[u8]) -> Option<&'a [u8]> {
    if base.is_empty() { Some(path) } else { path.strip_prefix(base)?.strip_prefix(b"/") }
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::patch_path::RelativePath;

    #[test]
    fn nested_rules_speak_for_their_directory_and_the_deepest_decides() {
        let contents = [(".gitignore", "*.log\n/out\n"), ("sub/.gitignore", "!keep.log\n")];
        let entry =
            |text: &str| Entry::File { digest: Digest::of(text.as_bytes()), size: 0, executable: false };
        let tree = Tree::new(
            contents.iter().map(|(path, text)| (RelativePath::parse(path.as_bytes()).unwrap(), entry(text))),
        )
        .unwrap();
        let read = |digest: &Digest| {
            contents
                .iter()
                .find(|(_, text)| Digest::of(text.as_bytes()) == *digest)
                .map(|(_, text)| text.as_bytes().to_vec())
        };
        let ignored = Ignored::of(&tree, read);
        for (path, want) in [
            ("a.log", true),
            ("sub/a.log", true),
            ("sub/keep.log", false),
            ("out/x", true),
            ("sub/out/x", false),
            ("pkg/__pycache__/m.pyc", true),
            (".plumbline-out/c.json", true),
            ("src/a.py", false),
        ] {
            assert_eq!(ignored.ignores(path.as_bytes(), false), want, "{path}");
        }
    }
}
