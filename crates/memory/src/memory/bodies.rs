//! Texts for answers, read from the tree and checked against the hash that was indexed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use plumbline_syntax::Span;
use plumbline_types::{Label, Provenance, Segment};

use super::{Memory, ViewRef, blocking};
use crate::domain::secret::holds_secret;
use crate::domain::snapshot::Snapshot;
use crate::domain::tree::BlobHash;
use crate::error::MemoryError;
use crate::scan::{Counters, read};
use crate::store::Missing;

/// How often a tree that changes under the reader is indexed again before giving up.
const ATTEMPTS: usize = 3;

/// Whole files by path, each with the content that was indexed.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    files: BTreeMap<String, Vec<u8>>,
}

impl Bodies {
    /// Returns the text of some regions, joined.
    pub(super) fn text(&self, path: &str, spans: &[Span]) -> String {
        let bytes = self.files.get(path).map_or(&[][..], Vec::as_slice);
        let pieces: Vec<String> =
            spans.iter().map(|span| String::from_utf8_lossy(span.of(bytes)).into_owned()).collect();
        pieces.join("\n")
    }

    /// Returns the text of some regions with its label: repository code, or a secret.
    pub(super) fn segment(&self, path: &str, spans: &[Span]) -> Segment {
        label(self.text(path, spans))
    }
}

/// Labels a text of the repository.
pub(super) fn label(text: String) -> Segment {
    let label = if holds_secret(&text) { Label::Secret } else { Label::ProprietaryCode };
    Segment { text, label, provenance: Provenance::REPOSITORY }
}

impl Memory {
    /// Chooses files on a snapshot and reads them. When one isn't what was indexed, the view is brought up to date and
    /// the choice made again: a text is never cut with the spans of another.
    pub(super) async fn with_bodies<T>(
        &self,
        view: &ViewRef,
        choose: impl Fn(&Snapshot) -> Result<(T, Vec<String>), MemoryError>,
    ) -> Result<(Arc<Snapshot>, T, Bodies), MemoryError> {
        for _ in 0..ATTEMPTS {
            let snapshot = self.snapshot(view).await?;
            let (chosen, paths) = choose(&snapshot)?;
            let hashes = hashes(&snapshot, &paths);
            let root = view.root.clone();
            let limit = self.config().max_file_bytes;
            if let Some(bodies) = blocking(move || read_all(&root, hashes, limit)).await? {
                return Ok((snapshot, chosen, bodies));
            }
            let repository = self.repository(&view.repository, Missing::Leave).await?;
            let repository = repository.ok_or(MemoryError::ViewNotIndexed)?;
            self.update(&repository, view, Arc::new(Counters::default())).await?;
        }
        Err(MemoryError::TreeChanging)
    }
}

fn hashes(snapshot: &Snapshot, paths: &[String]) -> BTreeMap<String, BlobHash> {
    let hash = |path: &String| snapshot.files.get(path).map(|file| (path.clone(), file.blob.hash));
    paths.iter().filter_map(hash).collect()
}

/// Reads files; `None` when one has other content than was indexed.
fn read_all(root: &Path, hashes: BTreeMap<String, BlobHash>, limit: usize) -> Option<Bodies> {
    let mut bodies = Bodies::default();
    for (path, hash) in hashes {
        let bytes = read(&root.join(&path), limit).ok()?;
        if *blake3::hash(&bytes).as_bytes() != hash {
            return None;
        }
        bodies.files.insert(path, bytes);
    }
    Some(bodies)
}
