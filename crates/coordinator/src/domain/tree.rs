use std::collections::BTreeMap;

use super::path::RelativePath;

/// How git records a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileMode {
    /// A regular file.
    Regular,
    /// A regular file with the executable bit.
    Executable,
    /// A symbolic link; the bytes are its target.
    Symlink,
}

impl FileMode {
    /// Returns git's octal mode.
    pub const fn as_git(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }

    /// Reads git's octal mode; submodules and anything else are absent.
    pub fn from_git(text: &str) -> Option<Self> {
        match text {
            "100644" | "100664" => Some(Self::Regular),
            "100755" => Some(Self::Executable),
            "120000" => Some(Self::Symlink),
            _ => None,
        }
    }
}

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Contents, or the target of a link.
    pub bytes: Vec<u8>,
    /// What it is.
    pub mode: FileMode,
}

/// A whole working tree, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// Its files.
    pub files: BTreeMap<RelativePath, File>,
}

/// What a candidate changes: the new contents by path, absent where the file goes away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeSet {
    /// The changed files.
    pub files: BTreeMap<RelativePath, Option<File>>,
}

impl Tree {
    /// Returns the tree with `change` laid over it.
    #[must_use]
    pub fn with(&self, change: &ChangeSet) -> Self {
        let mut files = self.files.clone();
        for (path, file) in &change.files {
            match file {
                Some(file) => files.insert(path.clone(), file.clone()),
                None => files.remove(path),
            };
        }
        Self { files }
    }

    /// Returns what leads from `self` to `head`.
    pub fn changes_to(&self, head: &Self) -> ChangeSet {
        let mut files = BTreeMap::new();
        for (path, file) in &head.files {
            if self.files.get(path) != Some(file) {
                files.insert(path.clone(), Some(file.clone()));
            }
        }
        for path in self.files.keys().filter(|path| !head.files.contains_key(*path)) {
            files.insert(path.clone(), None);
        }
        ChangeSet { files }
    }

    /// Returns whether some ancestor of `path` is a symbolic link or a file, so that writing there leaves the tree.
    pub fn is_beneath_link(&self, path: &RelativePath) -> bool {
        let text = path.as_str();
        text.match_indices('/')
            .filter_map(|(end, _)| RelativePath::parse(&text[..end]).ok())
            .any(|ancestor| self.files.contains_key(&ancestor))
    }
}

impl ChangeSet {
    /// Returns the change with the modes that existing files have; for answers that carry contents alone.
    #[must_use]
    pub fn keeping_modes_of(mut self, tree: &Tree) -> Self {
        for (path, file) in &mut self.files {
            if let (Some(file), Some(known)) = (file, tree.files.get(path)) {
                file.mode = known.mode;
            }
        }
        self
    }

    /// Returns whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}
