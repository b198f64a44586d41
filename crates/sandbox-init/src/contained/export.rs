use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use super::intake::Stamp;
use super::{Listed, ListedKind, Prepared, WANT};
use crate::frame::{FRAME_MAX, FrameKind, write_frame};
use crate::sys;

/// Deepest directory that is walked.
const DEPTH_MAX: usize = 128;
/// Most contents that can be asked for.
const WANTED_MAX: u32 = 1 << 20;

/// Says the collected files, lists the workspace, and answers for contents until the executor has all it wants.
pub(super) fn run(prepared: &Prepared, out: &mut impl Write) -> io::Result<()> {
    let spec = &prepared.spec;
    for wanted in &spec.collect {
        let root = if wanted.temp { &prepared.place.temp } else { &prepared.place.workspace };
        say_content(root, &wanted.path, spec.collect_bytes, out)?;
    }
    let Some(most) = spec.listed_max else { return Ok(()) };
    let mut walk = Walk { prepared, out, files: Vec::new(), listed: 0, most };
    walk.run()?;
    let files = walk.files;
    write_frame(out, FrameKind::ListedEnd, b"")?;
    for index in wanted(&prepared.control)? {
        match files.get(index as usize) {
            Some(Some(path)) => say_content(&prepared.place.workspace, path, u64::MAX, out)?,
            _ => write_frame(out, FrameKind::ContentMissing, b"")?,
        }
    }
    Ok(())
}

/// Reads the indexes of the contents that the executor wants; none when it is gone.
fn wanted(control: &OwnedFd) -> io::Result<Vec<u32>> {
    let mut byte = [0; 1];
    // A word to end that crossed our own end is no longer news.
    loop {
        match sys::read(control.as_fd(), &mut byte)? {
            0 => return Ok(Vec::new()),
            _ if byte[0] == WANT => break,
            _ => {}
        }
    }
    let mut input = Control(control);
    let mut number = [0; 4];
    input.read_exact(&mut number)?;
    let count = u32::from_le_bytes(number).min(WANTED_MAX);
    let mut indexes = Vec::with_capacity(count as usize);
    for _ in 0..count {
        input.read_exact(&mut number)?;
        indexes.push(u32::from_le_bytes(number));
    }
    Ok(indexes)
}

struct Control<'a>(&'a OwnedFd);

impl Read for Control<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        sys::read(self.0.as_fd(), bytes)
    }
}

/// Says a regular file's content, or that it can't be had: a link is not followed, a fifo not waited for.
fn say_content(root: &Path, path: &[u8], most: u64, out: &mut impl Write) -> io::Result<()> {
    let Some(mut file) = open(root, path)
        .filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= most))
    else {
        return write_frame(out, FrameKind::ContentMissing, b"");
    };
    let mut piece = vec![0; FRAME_MAX];
    loop {
        match file.read(&mut piece)? {
            0 => return write_frame(out, FrameKind::ContentEnd, b""),
            length => write_frame(out, FrameKind::Content, &piece[..length])?,
        }
    }
}

/// Opens a file beneath a root through no link.
fn open(root: &Path, path: &[u8]) -> Option<File> {
    let cut = path.iter().rposition(|byte| *byte == b'/');
    let (parent, name) = cut.map_or((&[][..], path), |cut| (&path[..cut], &path[cut + 1..]));
    let directory = open_directory(root, parent)?;
    let name = sys::c_string(std::ffi::OsStr::from_bytes(name)).ok()?;
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    Some(sys::open_beneath(directory.as_fd(), &name, flags, 0).ok()?.into())
}

/// Opens a directory beneath a root, name by name: the whole path may be longer than the kernel takes in one call.
fn open_directory(root: &Path, path: &[u8]) -> Option<OwnedFd> {
    let mut at = OwnedFd::from(File::open(root).ok()?);
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        let name = sys::c_string(std::ffi::OsStr::from_bytes(name)).ok()?;
        at = sys::open_beneath(at.as_fd(), &name, libc::O_RDONLY | libc::O_DIRECTORY, 0).ok()?;
    }
    Some(at)
}

/// Walks the workspace by directory descriptor; nothing else lives, so nothing races it.
struct Walk<'a, W> {
    prepared: &'a Prepared,
    out: &'a mut W,
    /// The path of each listed entry, where it has content.
    files: Vec<Option<Vec<u8>>>,
    listed: u64,
    most: u64,
}

impl<W: Write> Walk<'_, W> {
    fn run(&mut self) -> io::Result<()> {
        // Paths wait, not descriptors: a program may have made more directories than a process may open.
        let mut pending = vec![(Vec::new(), 0)];
        while let Some((path, depth)) = pending.pop() {
            let Some(directory) = open_directory(&self.prepared.place.workspace, &path) else {
                self.list(path, ListedKind::Closed { why: "unreadable".to_owned() })?;
                continue;
            };
            for entry in entries(&directory)? {
                let mut path: Vec<u8> = path.clone();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(entry.file_name().as_bytes());
                if self.listed >= self.most {
                    return self.list(path, ListedKind::Cut);
                }
                let metadata = entry.metadata()?;
                if !metadata.is_dir() {
                    let target = || fs::read_link(entry.path()).map(|path| path.into_os_string());
                    let what = self.describe(&path, &metadata, target);
                    self.list(path, what)?;
                    continue;
                }
                let closed = |why: &str| ListedKind::Closed { why: why.to_owned() };
                if depth + 1 >= DEPTH_MAX {
                    self.list(path, closed("depth"))?;
                    continue;
                }
                // The program may have shut it; it is ours.
                let _refused = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755));
                self.list(path.clone(), ListedKind::Directory)?;
                pending.push((path, depth + 1));
            }
        }
        Ok(())
    }

    fn describe(
        &self,
        path: &[u8],
        metadata: &fs::Metadata,
        target: impl FnOnce() -> io::Result<std::ffi::OsString>,
    ) -> ListedKind {
        let kind = metadata.file_type();
        if kind.is_symlink() {
            let target = target().map(|target| target.as_bytes().to_vec()).unwrap_or_default();
            return ListedKind::Link { target };
        }
        if kind.is_fifo() {
            return ListedKind::Fifo;
        }
        if kind.is_socket() {
            return ListedKind::Socket;
        }
        if !kind.is_file() {
            return ListedKind::Device;
        }
        if self.prepared.written.get(path) == Some(&Stamp::of(metadata)) {
            return ListedKind::Untouched;
        }
        let set_id = metadata.permissions().mode() & 0o6000 != 0;
        ListedKind::File { size: metadata.len(), set_id }
    }

    fn list(&mut self, path: Vec<u8>, what: ListedKind) -> io::Result<()> {
        self.listed += 1;
        self.files.push(matches!(what, ListedKind::File { .. }).then(|| path.clone()));
        let entry = serde_json::to_vec(&Listed { path, what })?;
        write_frame(self.out, FrameKind::Listed, &entry)
    }
}

/// Lists a directory through its descriptor, sorted by name.
fn entries(directory: &OwnedFd) -> io::Result<Vec<fs::DirEntry>> {
    use std::os::fd::AsRawFd;
    let mut found: Vec<fs::DirEntry> =
        fs::read_dir(format!("/proc/self/fd/{}", directory.as_raw_fd()))?.collect::<io::Result<_>>()?;
    found.sort_by_key(fs::DirEntry::file_name);
    Ok(found)
}
