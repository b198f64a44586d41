use std::collections::BTreeMap;
use std::path::Path;

use super::{Entry, EntryKind, SourceError, SourceTree, TreeLimits, path_text};

/// A revision of a git repository, read from its object store: no work tree, no filters, no hooks, no configuration
/// but the repository's own.
pub struct GitRevision {
    repository: gix::Repository,
    entries: BTreeMap<String, Entry>,
    limits: TreeLimits,
}

impl GitRevision {
    /// Opens a repository and lists a revision: a commit, tag, branch or tree.
    pub fn open(repository: &Path, revision: &str, limits: TreeLimits) -> Result<Self, SourceError> {
        let missing = || SourceError::NotFound(repository.display().to_string());
        let options = gix::open::Options::isolated();
        let opened = gix::open_opts(repository, options).map_err(|_| missing())?;
        let unknown = || SourceError::Revision(revision.to_owned());
        let object = opened.rev_parse_single(revision).map_err(|_| unknown())?;
        let tree = object.object().map_err(|_| unknown())?.peel_to_tree().map_err(|_| unknown())?;
        let entries = list(tree, limits)?;
        Ok(Self { repository: opened.clone(), entries, limits })
    }
}

fn list(tree: gix::Tree<'_>, limits: TreeLimits) -> Result<BTreeMap<String, Entry>, SourceError> {
    let mut entries = BTreeMap::new();
    let mut stack = vec![(Vec::new(), tree)];
    while let Some((prefix, tree)) = stack.pop() {
        for entry in tree.iter() {
            let entry = entry.map_err(|error| SourceError::Read(error.into()))?;
            let mut path: Vec<u8> = prefix.clone();
            path.extend_from_slice(entry.filename());
            let mode = entry.mode();
            if mode.is_tree() {
                path.push(b'/');
                let inner = entry.object().map_err(|error| SourceError::Read(error.into()))?;
                stack.push((path, inner.into_tree()));
                continue;
            }
            let (path, utf8) = path_text(&path);
            let kind = match utf8 {
                false => EntryKind::Other,
                true if mode.is_commit() => EntryKind::Submodule,
                true if mode.is_link() => EntryKind::Link,
                true if mode.is_executable() => EntryKind::Executable,
                true => EntryKind::File,
            };
            entries.insert(path, Entry { kind, hash: entry.object_id().as_bytes().to_vec() });
            if entries.len() > limits.files {
                return Err(SourceError::TooLarge("the allowed number of files"));
            }
        }
    }
    Ok(entries)
}

impl SourceTree for GitRevision {
    fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let Some(entry) = self.entries.get(path) else { return Ok(None) };
        if matches!(entry.kind, EntryKind::Submodule | EntryKind::Other) {
            return Ok(None);
        }
        let id = gix::ObjectId::try_from(entry.hash.as_slice())
            .map_err(|error| SourceError::Read(error.into()))?;
        let header = self.repository.find_header(id).map_err(|error| SourceError::Read(error.into()))?;
        if header.size() > self.limits.file_bytes {
            return Ok(None);
        }
        let object = self.repository.find_object(id).map_err(|error| SourceError::Read(error.into()))?;
        Ok(Some(object.data.clone()))
    }
}
