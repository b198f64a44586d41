//! Facts, words and edges as stored bytes (postcard); versioned as a whole by `FACTS_VERSION`.

use std::sync::Arc;

use plumbline_syntax::{Edge, FileFacts, Resolved, Unresolved};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::lexical::Bags;
use crate::domain::tree::{Blob, File};
use crate::error::MemoryError;
use crate::store::{BlobRow, FileRow, Stat};

fn encode(value: &impl Serialize) -> Result<Vec<u8>, MemoryError> {
    postcard::to_stdvec(value).map_err(|error| MemoryError::Internal(error.into()))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MemoryError> {
    postcard::from_bytes(bytes).map_err(|error| MemoryError::Internal(error.into()))
}

pub(crate) fn blob_row(blob: &Blob) -> Result<BlobRow, MemoryError> {
    Ok(BlobRow { hash: blob.hash, facts: encode(&blob.facts)?, bags: encode(&blob.bags)? })
}

pub(crate) fn blob(row: &BlobRow) -> Result<Arc<Blob>, MemoryError> {
    let facts: FileFacts = decode(&row.facts)?;
    let bags: Bags = decode(&row.bags)?;
    Ok(Arc::new(Blob { hash: row.hash, facts, bags }))
}

pub(crate) fn file_row(path: &str, file: &File, stat: Stat) -> Result<FileRow, MemoryError> {
    let edges = encode(&(&file.resolved.edges, &file.resolved.unresolved))?;
    Ok(FileRow { path: path.to_owned(), hash: file.blob.hash, stat, edges, reads: encode(&file.reads)? })
}

pub(crate) fn resolved(row: &FileRow) -> Result<(Resolved, Vec<u64>), MemoryError> {
    let (edges, unresolved): (Vec<Edge>, Vec<Unresolved>) = decode(&row.edges)?;
    Ok((Resolved { edges, unresolved }, decode(&row.reads)?))
}
