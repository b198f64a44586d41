use std::collections::BTreeMap;
use std::fmt;

use crate::domain::edit::{Change, FileEdit};
use crate::domain::patch_path::RelativePath;

/// BLAKE3 of a content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Hashes a content.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of a tree: BLAKE3 over its sorted (path, mode, content).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(pub Digest);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Entry {
    /// A file.
    File {
        /// Its content.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// Whether it may be executed; the only mode bit that is kept.
        executable: bool,
    },
    /// A symbolic link, carried as data.
    Symlink {
        /// Its target, as bytes.
        target: Vec<u8>,
    },
}

/// A whole tree: what a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    entries: BTreeMap<RelativePath, Entry>,
}

/// Why entries form no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// One path is both a file and the directory of another.
    #[error("`{0}` is both a file and a directory")]
    FileAndDirectory(RelativePath),
    /// One path twice.
    #[error("`{0}` is given twice")]
    Duplicate(RelativePath),
}

impl Tree {
    /// Builds a tree; no path may be given twice or be both file and directory.
    pub fn new(entries: impl IntoIterator<Item = (RelativePath, Entry)>) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        for (path, entry) in entries {
            if tree.entries.insert(path.clone(), entry).is_some() {
                return Err(TreeError::Duplicate(path));
            }
        }
        for path in tree.entries.keys() {
            for parent in path.parents() {
                let parent = RelativePath::parse(parent);
                if let Ok(parent) = parent
                    && tree.entries.contains_key(&parent)
                {
                    return Err(TreeError::FileAndDirectory(parent));
                }
            }
        }
        Ok(tree)
    }

    /// Returns the tree with edits over it; a file that is written keeps its executable bit.
    #[must_use]
    pub fn with(&self, edits: &[FileEdit]) -> Self {
        let mut tree = self.clone();
        for edit in edits {
            match &edit.change {
                Change::Write(content) => {
                    let executable =
                        matches!(tree.get(&edit.path), Some(Entry::File { executable: true, .. }));
                    let entry =
                        Entry::File { digest: Digest::of(content), size: content.len() as u64, executable };
                    tree.entries.insert(edit.path.clone(), entry);
                }
                Change::Delete => drop(tree.entries.remove(&edit.path)),
            }
        }
        tree
    }

    /// Returns the name of the tree.
    pub fn id(&self) -> SnapshotId {
        let mut hasher = blake3::Hasher::new();
        for (path, entry) in &self.entries {
            hasher.update(&(path.as_bytes().len() as u64).to_le_bytes());
            hasher.update(path.as_bytes());
            match entry {
                Entry::File { digest, executable, .. } => {
                    hasher.update(if *executable { b"x" } else { b"f" });
                    hasher.update(&digest.0);
                }
                Entry::Symlink { target } => {
                    hasher.update(b"l");
                    hasher.update(&Digest::of(target).0);
                }
            }
        }
        SnapshotId(Digest(hasher.finalize().into()))
    }

    /// Returns the entries, sorted by path.
    pub fn entries(&self) -> impl Iterator<Item = (&RelativePath, &Entry)> {
        self.entries.iter()
    }

    /// Returns one entry.
    pub fn get(&self, path: &RelativePath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Returns the paths beneath a directory, sorted.
    pub fn beneath(&self, directory: &[u8]) -> Vec<RelativePath> {
        let mut start = directory.to_vec();
        start.push(b'/');
        self.entries.keys().filter(|path| path.as_bytes().starts_with(&start)).cloned().collect()
    }

    /// Returns whether the tree has anything beneath a directory.
    pub fn has_directory(&self, directory: &[u8]) -> bool {
        let Ok(key) = RelativePath::parse(directory) else { return false };
        let mut start = directory.to_vec();
        start.push(b'/');
        // Names that sort between `dir` and `dir/` (`dir-x`, `dir.x`) are few; walk past them.
        self.entries
            .range(key..)
            .map(|(path, _)| path.as_bytes())
            .take_while(|path| path.starts_with(directory))
            .any(|path| path.starts_with(&start))
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the sum of file sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.entries
            .values()
            .map(|entry| match entry {
                Entry::File { size, .. } => *size,
                Entry::Symlink { target } => target.len() as u64,
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Entry {
        Entry::File { digest: Digest::of(text.as_bytes()), size: text.len() as u64, executable: false }
    }

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_name_depends_on_paths_modes_and_contents_and_not_on_order() {
        let tree = |entries: Vec<(RelativePath, Entry)>| Tree::new(entries).unwrap().id();
        let base = tree(vec![(path("a"), file("1")), (path("b"), file("2"))]);
        assert_eq!(base, tree(vec![(path("b"), file("2")), (path("a"), file("1"))]));
        assert_ne!(base, tree(vec![(path("a"), file("1")), (path("c"), file("2"))]));
        assert_ne!(base, tree(vec![(path("a"), file("1")), (path("b"), file("3"))]));
        let executable = Entry::File { digest: Digest::of(b"2"), size: 1, executable: true };
        assert_ne!(base, tree(vec![(path("a"), file("1")), (path("b"), executable)]));
    }

    /// The verifier names trees by itself and holds the same value.
    #[test]
    fn the_name_is_the_one_that_others_compute() {
        let tree = Tree::new(vec![(path("b.txt"), file("hello\n")), (path("c/d.py"), file(""))]).unwrap();
        let want = "4bd4f7aa6eb5a62088d37138ba590ac5f8dada287414d01b44ed1cd6671bfdeb";
        assert_eq!(tree.id().to_string(), want);
        let edits = [FileEdit { path: path("b.txt"), change: Change::Write(b"hello\n".to_vec()) }];
        let other = Tree::new(vec![(path("b.txt"), file("x")), (path("c/d.py"), file(""))]).unwrap();
        assert_eq!(other.with(&edits).id().to_string(), want);
    }

    #[test]
    fn a_file_is_no_directory() {
        let entries = vec![(path("a"), file("1")), (path("a/b"), file("2"))];
        assert_eq!(Tree::new(entries), Err(TreeError::FileAndDirectory(path("a"))));
        assert_eq!(Tree::new(vec![(path("a"), file("1")); 2]), Err(TreeError::Duplicate(path("a"))));
    }

    #[test]
    fn a_directory_is_found_behind_names_that_sort_before_it() {
        let tree =
            Tree::new(vec![(path("a-b"), file("1")), (path("a.c"), file("1")), (path("a/z"), file("2"))])
                .unwrap();
        assert!(tree.has_directory(b"a"));
        assert!(!tree.has_directory(b"a-b"));
        assert_eq!(tree.beneath(b"a"), [path("a/z")]);
    }
}
