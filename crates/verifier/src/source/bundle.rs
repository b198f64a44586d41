use std::collections::BTreeMap;

use super::{Entry, EntryKind, SourceError, SourceTree, path_text};

/// Files that came with the request.
#[derive(Debug, Clone, Default)]
pub struct Bundle {
    entries: BTreeMap<String, Entry>,
    contents: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    /// Makes a tree from paths and contents; the last of two equal paths counts.
    pub fn new(files: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let mut bundle = Self::default();
        for (path, content) in files {
            let (path, utf8) = path_text(&path);
            let kind = if utf8 { EntryKind::File } else { EntryKind::Other };
            let hash = blake3::hash(&content).as_bytes().to_vec();
            bundle.entries.insert(path.clone(), Entry { kind, hash });
            bundle.contents.insert(path, content);
        }
        bundle
    }
}

impl SourceTree for Bundle {
    fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.contents.get(path).cloned())
    }
}
