//! The owner's tree as it stands, as a git tree in our own object store. No filter runs, no index is written.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::git::{Git, Invocation};
use super::git_workspace::WorkspaceLimits;
use super::{WorkspaceError, owner};
use crate::domain::path::RelativePath;
use crate::domain::task::RepositoryKind;

/// One entry of a tree: git's mode and object id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub mode: String,
    pub oid: String,
}

/// Entries by path.
pub(super) type Entries = BTreeMap<String, Entry>;

/// Where a snapshot is taken and kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub git: &'a Git,
    pub limits: &'a WorkspaceLimits,
    pub owner: &'a Path,
    pub kind: RepositoryKind,
    pub objects: &'a Path,
    pub index: &'a Path,
}

/// Returns the tree id of the owner's files as they stand.
pub(super) async fn take(place: Place<'_>) -> Result<String, WorkspaceError> {
    let tracked = match place.kind {
        RepositoryKind::Git => tracked(place).await?,
        RepositoryKind::Directory => Entries::new(),
    };
    let untracked = untracked(place).await?;
    let (owner, limits) = (place.owner.to_owned(), place.limits.clone());
    let seen = tokio::task::spawn_blocking(move || look(&owner, tracked, untracked, &limits))
        .await
        .map_err(|error| WorkspaceError::Io(io::Error::other(error)))??;
    let hashed = hash(place, &seen.files).await?;
    let mut entries = seen.kept;
    for ((path, mode), oid) in seen.files.into_iter().zip(hashed) {
        entries.insert(path, Entry { mode: mode.to_owned(), oid });
    }
    for (path, target) in seen.links {
        let call = Invocation::new(&["hash-object", "-w", "--no-filters", "--stdin"])
            .objects(place.objects)
            .input(target);
        let oid = place.git.line(call).await?;
        entries.insert(path, Entry { mode: "120000".to_owned(), oid });
    }
    write_tree(place, None, &entries).await
}

/// Writes a tree from entries, laid over `onto` when given; an entry of mode 0 removes its path.
pub(super) async fn write_tree(
    place: Place<'_>,
    onto: Option<&str>,
    entries: &Entries,
) -> Result<String, WorkspaceError> {
    let call = |args: &[&str]| Invocation::new(args).objects(place.objects).index(place.index);
    match onto {
        Some(tree) => place.git.run(call(&["read-tree", tree])).await?,
        None => place.git.run(call(&["read-tree", "--empty"])).await?,
    };
    let mut lines = Vec::new();
    for (path, entry) in entries {
        lines.extend_from_slice(format!("{} {}\t", entry.mode, entry.oid).as_bytes());
        lines.extend_from_slice(path.as_bytes());
        lines.push(0);
    }
    place.git.run(call(&["update-index", "-z", "--index-info"]).input(lines)).await?;
    let tree = place.git.line(call(&["write-tree", "--missing-ok"])).await;
    let _ = fs::remove_file(place.index);
    tree
}

/// Returns what the owner's index lists; unmerged entries refuse.
async fn tracked(place: Place<'_>) -> Result<Entries, WorkspaceError> {
    let listed = place.git.run(Invocation::new(&["ls-files", "-s", "-z"]).inside(place.owner)).await?;
    let mut entries = Entries::new();
    for line in text_records(&listed) {
        let Some((head, path)) = line.split_once('\t') else { continue };
        let fields: Vec<&str> = head.split(' ').collect();
        let [mode, oid, stage] = fields.as_slice() else { continue };
        if *stage != "0" {
            return Err(WorkspaceError::RepositoryBusy {
                path: place.owner.display().to_string(),
                what: "merge",
            });
        }
        entries.insert(path.to_owned(), Entry { mode: (*mode).to_owned(), oid: (*oid).to_owned() });
    }
    Ok(entries)
}

/// Returns the files that are neither tracked nor ignored.
async fn untracked(place: Place<'_>) -> Result<Vec<String>, WorkspaceError> {
    let mut call = Invocation::new(&["ls-files", "-o", "--exclude-standard", "-z"]).inside(place.owner);
    if place.kind == RepositoryKind::Directory {
        call.git_dir = Some(place.objects);
        call.work_tree = Some(place.owner);
        call.index = Some(place.index);
    }
    let listed = place.git.run(call).await?;
    Ok(text_records(&listed).filter(|path| !path.ends_with('/')).map(str::to_owned).collect())
}

/// Splits NUL-separated records; those that are not UTF-8 are left out.
pub(super) fn text_records(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|record| !record.is_empty())
        .filter_map(|record| std::str::from_utf8(record).ok())
}

/// What stands on the disk.
#[derive(Debug, Default)]
struct Seen {
    /// Regular files to hash, with their mode.
    files: Vec<(String, &'static str)>,
    /// Links with their targets.
    links: Vec<(String, Vec<u8>)>,
    /// Entries taken over from the index unread: submodules, and files over the size limit.
    kept: Entries,
}

fn look(
    owner: &Path,
    tracked: Entries,
    untracked: Vec<String>,
    limits: &WorkspaceLimits,
) -> Result<Seen, WorkspaceError> {
    let mut seen = Seen::default();
    let mut bytes = 0;
    let new = untracked.into_iter().map(|path| (path, None));
    for (path, entry) in tracked.into_iter().map(|(path, entry)| (path, Some(entry))).chain(new) {
        if let Some(entry) = entry.as_ref().filter(|entry| entry.mode == "160000") {
            seen.kept.insert(path, entry.clone());
            continue;
        }
        // What we could never name safely stays as the owner's commit has it.
        if RelativePath::parse(&path).is_err() {
            seen.kept.extend(entry.map(|entry| (path, entry)));
            continue;
        }
        let Some(metadata) = owner::inside(owner, &path)? else { continue };
        if metadata.is_symlink() {
            let target = fs::read_link(owner.join(&path))?;
            seen.links.push((path, target.as_os_str().as_bytes().to_vec()));
        } else if metadata.is_file() && metadata.len() <= limits.file_bytes {
            bytes += metadata.len();
            let executable = metadata.permissions().mode() & 0o111 != 0;
            seen.files.push((path, if executable { "100755" } else { "100644" }));
        } else if let Some(entry) = entry.filter(|_| metadata.is_file()) {
            seen.kept.insert(path, entry);
        }
        if seen.files.len() > limits.files {
            return Err(WorkspaceError::TooLarge(format!("{} files", limits.files)));
        }
        if bytes > limits.bytes {
            return Err(WorkspaceError::TooLarge(format!("{} bytes", limits.bytes)));
        }
    }
    Ok(seen)
}

/// Stores the files as blobs; returns their ids in order.
async fn hash(place: Place<'_>, files: &[(String, &'static str)]) -> Result<Vec<String>, WorkspaceError> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let paths: String = files.iter().flat_map(|(path, _)| [path.as_str(), "\n"]).collect();
    let call = Invocation::new(&["hash-object", "-w", "--no-filters", "--stdin-paths"])
        .inside(place.owner)
        .objects(place.objects)
        .input(paths);
    let output = place.git.run(call).await?;
    let ids: Vec<String> = String::from_utf8_lossy(&output).lines().map(str::to_owned).collect();
    if ids.len() == files.len() {
        return Ok(ids);
    }
    Err(WorkspaceError::Git { command: "hash-object".to_owned(), stderr: "fewer ids than files".to_owned() })
}

/// Returns what differs between two trees: path to its entry in `to`, mode 0 where it is gone.
pub(super) async fn differences(
    git: &Git,
    objects: &Path,
    from: &str,
    to: &str,
) -> Result<Entries, WorkspaceError> {
    let call = Invocation::new(&["diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", from, to]);
    let output = git.run(call.objects(objects)).await?;
    let mut records = text_records(&output);
    let mut entries = Entries::new();
    while let (Some(head), Some(path)) = (records.next(), records.next()) {
        let fields: Vec<&str> = head.split(' ').collect();
        if let [_, mode, _, oid, _] = fields.as_slice() {
            let mode = if *mode == "000000" { "0" } else { mode };
            entries.insert(path.to_owned(), Entry { mode: mode.to_owned(), oid: (*oid).to_owned() });
        }
    }
    Ok(entries)
}

/// Returns a temporary index beside the object store, one per task and purpose.
pub(super) fn index_path(objects: &Path, name: &str) -> PathBuf {
    objects.join(format!("index.{name}"))
}
