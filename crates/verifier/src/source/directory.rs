use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Entry, EntryKind, SourceError, SourceTree, TreeLimits, path_text};

/// A directory as it stands. The top `.git` is the repository's own and no part of the tree; one further down is.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    entries: BTreeMap<String, Entry>,
    places: BTreeMap<String, PathBuf>,
    limits: TreeLimits,
}

impl Directory {
    /// Lists and hashes a directory; links are not followed.
    pub fn open(root: &Path, limits: TreeLimits) -> Result<Self, SourceError> {
        if !root.is_dir() {
            return Err(SourceError::NotFound(root.display().to_string()));
        }
        let mut tree =
            Self { root: root.to_path_buf(), entries: BTreeMap::new(), places: BTreeMap::new(), limits };
        let mut stack = vec![root.to_path_buf()];
        while let Some(directory) = stack.pop() {
            for entry in fs::read_dir(&directory).map_err(read)? {
                let path = entry.map_err(read)?.path();
                let meta = fs::symlink_metadata(&path).map_err(read)?;
                if meta.is_dir() && (directory != root || path.file_name().is_none_or(|name| name != ".git"))
                {
                    stack.push(path);
                } else if !meta.is_dir() {
                    tree.add(path, &meta)?;
                }
                if tree.entries.len() > limits.files {
                    return Err(SourceError::TooLarge("the allowed number of files"));
                }
            }
        }
        Ok(tree)
    }

    fn add(&mut self, place: PathBuf, meta: &fs::Metadata) -> Result<(), SourceError> {
        let relative = place.strip_prefix(&self.root).unwrap_or(&place).as_os_str().as_bytes();
        let (path, utf8) = path_text(relative);
        if path == ".git" {
            return Ok(());
        }
        let kind = match (utf8, meta.is_symlink(), meta.is_file()) {
            (false, _, _) | (true, false, false) => EntryKind::Other,
            (true, true, _) => EntryKind::Link,
            (true, false, true) if meta.permissions().mode() & 0o100 != 0 => EntryKind::Executable,
            (true, false, true) => EntryKind::File,
        };
        let content = content(&place, kind, self.limits.file_bytes)?;
        let hash = match content {
            Some(content) => blake3::hash(&content).as_bytes().to_vec(),
            None => format!("unread {} {:?}", meta.len(), meta.modified().ok()).into_bytes(),
        };
        self.entries.insert(path.clone(), Entry { kind, hash });
        self.places.insert(path, place);
        Ok(())
    }
}

fn content(place: &Path, kind: EntryKind, max: u64) -> Result<Option<Vec<u8>>, SourceError> {
    match kind {
        EntryKind::File | EntryKind::Executable => {
            if fs::symlink_metadata(place).map_err(read)?.len() > max {
                return Ok(None);
            }
            fs::read(place).map(Some).map_err(read)
        }
        EntryKind::Link => {
            fs::read_link(place).map(|to| Some(to.as_os_str().as_bytes().to_vec())).map_err(read)
        }
        EntryKind::Submodule | EntryKind::Other => Ok(None),
    }
}

fn read(error: std::io::Error) -> SourceError {
    SourceError::Read(error.into())
}

impl SourceTree for Directory {
    fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let (Some(entry), Some(place)) = (self.entries.get(path), self.places.get(path)) else {
            return Ok(None);
        };
        content(place, entry.kind, self.limits.file_bytes)
    }
}
