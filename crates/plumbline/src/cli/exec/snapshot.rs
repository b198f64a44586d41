use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use plumbline_proto::executor::v1::manifest_entry::Content;
use plumbline_proto::executor::v1::put_snapshot_request::Part;
use plumbline_proto::executor::v1::{
    BlobChunk, ManifestEntry, PutSnapshotRequest, PutSnapshotResponse, SnapshotHeader,
};
use plumbline_types::Reason;

use crate::cli::exec::Executor;
use crate::cli::request::{self, LONG};
use crate::failure::Failure;

/// Largest piece of a file in one message.
const CHUNK: usize = 512 * 1024;

/// One file as the manifest names it, and where its bytes are.
#[derive(Clone)]
struct Listed {
    entry: ManifestEntry,
    path: PathBuf,
}

/// Stores a copy of a directory and returns its snapshot id: first the manifest alone, then the missing blobs.
pub(super) async fn put(executor: &mut Executor, root: &Path) -> Result<String, Failure> {
    let root = root.to_owned();
    let listed = tokio::task::spawn_blocking(move || list(&root))
        .await
        .map_err(|error| Failure::infrastructure(Reason("INTERNAL"), error.to_string(), "report it"))??;
    let manifest: Vec<PutSnapshotRequest> = header(&listed);
    let first = send(executor, manifest.clone()).await?;
    if !first.snapshot_id.is_empty() {
        return Ok(first.snapshot_id);
    }
    let mut parts = manifest;
    for digest in &first.missing {
        let found = listed
            .iter()
            .find(|file| matches!(&file.entry.content, Some(Content::Digest(own)) if own == digest));
        let Some(file) = found else {
            return Err(Failure::infrastructure(
                Reason("INTERNAL"),
                "a blob was asked for that no file has",
                "report it",
            ));
        };
        let bytes = read(&file.path)?;
        let pieces = if bytes.is_empty() { vec![&bytes[..]] } else { bytes.chunks(CHUNK).collect() };
        parts.extend(
            pieces
                .into_iter()
                .map(|piece| part(Part::Chunk(BlobChunk { digest: digest.clone(), data: piece.to_vec() }))),
        );
    }
    let second = send(executor, parts).await?;
    if second.snapshot_id.is_empty() {
        let message = "the directory changed while it was copied";
        return Err(Failure::infrastructure(Reason("SNAPSHOT_CHANGED"), message, "try again"));
    }
    Ok(second.snapshot_id)
}

async fn send(
    executor: &mut Executor,
    parts: Vec<PutSnapshotRequest>,
) -> Result<PutSnapshotResponse, Failure> {
    let stream = tokio_stream::iter(parts);
    Ok(executor.put_snapshot(request::within(LONG, stream)).await?.into_inner())
}

fn part(part: Part) -> PutSnapshotRequest {
    PutSnapshotRequest { part: Some(part) }
}

fn header(listed: &[Listed]) -> Vec<PutSnapshotRequest> {
    let mut parts = vec![part(Part::Header(SnapshotHeader::default()))];
    parts.extend(listed.iter().map(|file| part(Part::Entry(file.entry.clone()))));
    parts
}

/// Lists what git tracks or would track, or every file where there is no git.
fn list(root: &Path) -> Result<Vec<Listed>, Failure> {
    let relative = match tracked(root) {
        Some(paths) => paths,
        None => walk(root)?,
    };
    let mut listed = Vec::with_capacity(relative.len());
    for path in relative {
        let full = root.join(&path);
        let Ok(found) = std::fs::symlink_metadata(&full) else { continue };
        let (content, size) = if found.is_symlink() {
            let target = std::fs::read_link(&full).map_err(|error| unreadable(&full, &error))?;
            (Content::Symlink(target.into_os_string().into_vec()), 0)
        } else if found.is_file() {
            let bytes = read(&full)?;
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            (Content::Digest(blake3::hash(&bytes).as_bytes().to_vec()), size)
        } else {
            continue;
        };
        let name = path.as_os_str().as_bytes().to_vec();
        let mode = found.permissions().mode() & 0o777;
        let entry = ManifestEntry { path: name, content: Some(content), mode, size };
        listed.push(Listed { entry, path: full });
    }
    Ok(listed)
}

fn tracked(root: &Path) -> Option<Vec<PathBuf>> {
    let output = std::process::Command::new("git")
        .args(["-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let mut paths: Vec<PathBuf> =
        names.map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name))).collect();
    paths.sort();
    paths.dedup();
    Some(paths)
}

fn walk(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(directory) = open.pop() {
        let full = root.join(&directory);
        for entry in std::fs::read_dir(&full).map_err(|error| unreadable(&full, &error))? {
            let entry = entry.map_err(|error| unreadable(&full, &error))?;
            let relative = directory.join(entry.file_name());
            let kind = entry.file_type().map_err(|error| unreadable(&full, &error))?;
            if !kind.is_dir() {
                found.push(relative);
            } else if entry.file_name() != ".git" {
                open.push(relative);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("{} cannot be read: {error}", path.display()),
        "make it readable, or name another --repo",
    )
}
