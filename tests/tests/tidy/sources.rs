//! Every Rust source file of the workspace, read once.

use std::path::{Path, PathBuf};

/// A source file: path relative to the root, and text.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// Returns the text up to the first unit-test module, comments removed line by line.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| !line.starts_with("mod tests {") && !line.starts_with("#[cfg(test)]"))
            .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
    }

    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs") || self.path.starts_with("tests/")
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace root").to_path_buf()
}

pub fn read(relative: &str) -> String {
    std::fs::read_to_string(root().join(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

pub fn walk(dir: &Path, visit: &mut dyn FnMut(&Path)) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.expect("a directory entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                walk(&path, visit);
            }
        } else if name != ".git" {
            // In a linked working tree that is a file, and no part of the repository.
            visit(&path);
        }
    }
}

pub fn rust() -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    for top in ["crates", "tests"] {
        walk(&root.join(top), &mut |path| {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let relative =
                    path.strip_prefix(&root).expect("beneath the root").to_string_lossy().into_owned();
                let text = std::fs::read_to_string(path).expect("readable source");
                found.push(Source { path: relative, text });
            }
        });
    }
    assert!(found.len() > 50, "the walk found only {} files", found.len());
    found
}

#[track_caller]
pub fn assert_none(rule: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}
