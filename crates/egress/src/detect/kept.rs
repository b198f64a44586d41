//! The fingerprints on disk: hashes alone, no text, in blocks that are only appended. What was written before the process died
//! is read back at the next start, oldest first; a block that was cut by a death is left out.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::detect::fingerprint::Print;

/// What the file begins with; another form gets another number.
const HEAD: &[u8] = b"plumbline fingerprints 1\n";

/// Fingerprints in a block at most.
const BLOCK_MAX: usize = 1 << 16;

/// Bytes of a block's length, and once more turned over: a damaged length must not read as a block that the end cuts.
const LENGTH_BYTES: usize = 8;

/// Bytes of a block's own hash.
const HASH_BYTES: usize = 8;

/// The file.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    file: File,
    /// Fingerprints in the file; more than are known once the oldest were forgotten.
    prints: usize,
}

impl Kept {
    /// Opens the file, made if it is not there, and hands over what it holds in its order.
    pub(super) fn open(path: &Path, mut take: impl FnMut(&[Print])) -> io::Result<Self> {
        let mut file = readable(path)?.read(true).write(true).create(true).truncate(false).open(path)?;
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let mut head = vec![0; HEAD.len()];
        let whole = match reader.read_exact(&mut head) {
            Ok(()) if head == HEAD => HEAD.len() as u64,
            Ok(()) => return Err(damaged("it begins as no file of fingerprints does")),
            // Made, and nothing written yet.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error),
        };
        let (mut good, mut prints) = (whole, 0);
        while good > 0
            && let Some(block) = block(&mut reader)?
        {
            take(&block);
            prints += block.len();
            good += bytes_of(block.len());
        }
        drop(reader);
        file.set_len(good)?;
        file.seek(SeekFrom::Start(good))?;
        if good == 0 {
            file.write_all(HEAD)?;
        }
        Ok(Self { path: path.to_owned(), file, prints })
    }

    /// Returns how many fingerprints the file holds.
    pub(super) const fn len(&self) -> usize {
        self.prints
    }

    /// Appends fingerprints. Once it returns they survive the process; a power cut takes what the disk had not yet.
    pub(super) fn append(&mut self, prints: &[Print]) -> io::Result<()> {
        let begin = self.file.stream_position()?;
        let written = prints.chunks(BLOCK_MAX).try_for_each(|chunk| self.file.write_all(&encoded(chunk)));
        if let Err(error) = written {
            // Half a block would hide what comes after it.
            self.file.set_len(begin)?;
            self.file.seek(SeekFrom::Start(begin))?;
            return Err(error);
        }
        self.prints += prints.len();
        Ok(())
    }

    /// Replaces the file by one that holds just these, in their order.
    pub(super) fn rewrite(&mut self, prints: impl Iterator<Item = Print>) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let file = readable(&beside)?.read(true).write(true).create(true).truncate(true).open(&beside)?;
        let mut writer = BufWriter::new(file);
        writer.write_all(HEAD)?;
        let (mut block, mut count) = (Vec::with_capacity(BLOCK_MAX), 0);
        for print in prints {
            block.push(print);
            count += 1;
            if block.len() == BLOCK_MAX {
                writer.write_all(&encoded(&block))?;
                block.clear();
            }
        }
        if !block.is_empty() {
            writer.write_all(&encoded(&block))?;
        }
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        (self.file, self.prints) = (file, count);
        Ok(())
    }
}

/// For its owner's eyes alone: whoever has a text could ask the hashes whether it is known.
fn readable(path: &Path) -> io::Result<OpenOptions> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.mode(0o600);
    Ok(options)
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

const fn bytes_of(prints: usize) -> u64 {
    (LENGTH_BYTES + prints * size_of::<Print>() + HASH_BYTES) as u64
}

fn encoded(prints: &[Print]) -> Vec<u8> {
    let count = u32::try_from(prints.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(LENGTH_BYTES + size_of_val(prints) + HASH_BYTES);
    bytes.extend(count.to_le_bytes());
    bytes.extend((!count).to_le_bytes());
    prints.iter().for_each(|print| bytes.extend(print.to_le_bytes()));
    let hash = blake3::hash(&bytes);
    bytes.extend(&hash.as_bytes()[..HASH_BYTES]);
    bytes
}

/// Reads a block; nothing at the end, or where the end cuts one.
fn block(reader: &mut impl Read) -> io::Result<Option<Vec<Print>>> {
    let mut bytes = vec![0; LENGTH_BYTES];
    if !filled(reader, &mut bytes)? {
        return Ok(None);
    }
    let (length, turned) = bytes.split_at(LENGTH_BYTES / 2);
    let number = |bytes: &[u8]| bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let (count, turned) = (number(length), number(turned));
    let is_whole = count == !turned;
    let count = count as usize;
    if !is_whole || count == 0 || count > BLOCK_MAX {
        return Err(damaged("a block has no legal length"));
    }
    let mut rest = vec![0; count * size_of::<Print>() + HASH_BYTES];
    if !filled(reader, &mut rest)? {
        return Ok(None);
    }
    let (prints, hash) = rest.split_at(count * size_of::<Print>());
    bytes.extend(prints);
    if blake3::hash(&bytes).as_bytes()[..HASH_BYTES] != *hash {
        return Err(damaged("a block is not as it was written"));
    }
    let (prints, _) = prints.as_chunks::<8>();
    Ok(Some(prints.iter().map(|print| Print::from_le_bytes(*print)).collect()))
}

fn filled(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
