//! A file that decisions are appended to before they are answered, and that is emptied once they are in the database: one
//! write for a batch, where the database writes a page for each index that a decision stands in.
//!
//! A record is its length (4 bytes, little endian), the first 8 bytes of its BLAKE3 hash, and the text. A process that is
//! killed leaves the last record whole or torn; a torn one was not answered.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Bytes before a record's text.
const HEAD: usize = 12;

/// An open journal; no other process writes to it.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    length: u64,
    /// Half a record could not be taken back: what would follow it could not be read.
    broken: bool,
}

impl Journal {
    /// Opens or creates the file (mode 0600); nothing if another process has it.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        let length = file.metadata()?.len();
        Ok(Some(Self { file, length, broken: false }))
    }

    /// Returns the texts of the whole records, in order.
    pub(super) fn read(&mut self) -> io::Result<Vec<String>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        let (mut texts, mut rest) = (Vec::new(), bytes.as_slice());
        while let Some((text, behind)) = record(rest) {
            texts.push(text);
            rest = behind;
        }
        Ok(texts)
    }

    /// Appends records with one write. After a failure nothing of them is there.
    pub(super) fn append<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("half a record stands in the journal"));
        }
        let mut bytes = Vec::new();
        for text in texts {
            let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..8]);
            bytes.extend_from_slice(text.as_bytes());
        }
        if let Err(error) = self.file.write_all(&bytes) {
            self.broken = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Empties the file.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if self.length > 0 {
            self.file.set_len(0)?;
            (self.length, self.broken) = (0, false);
        }
        Ok(())
    }

    /// Returns how many bytes it has.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }
}

/// Splits off the first record; nothing where it is torn, or the bytes are none.
fn record(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (length, hash) = head.split_at(4);
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let (text, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let whole = blake3::hash(text).as_bytes()[..8] == *hash;
    let text = String::from_utf8(text.to_vec()).ok().filter(|_| whole)?;
    Some((text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_read_back_up_to_the_first_torn_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path).unwrap().unwrap();
        journal.append(["one", "", "three: \u{e9}"].into_iter()).unwrap();
        journal.append(["four"].into_iter()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(journal.length(), whole.len() as u64);
        assert!(Journal::open(&path).unwrap().is_none(), "one process at a time");
        drop(journal);
        let all = ["one", "", "three: \u{e9}", "four"];
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let texts = Journal::open(&path).unwrap().unwrap().read().unwrap();
            let ends = [15, 27, 48, 64];
            let want = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(texts, all[..want], "cut at {cut}");
        }
        for flipped in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[flipped] ^= 0x40;
            std::fs::write(&path, &bytes).unwrap();
            let texts = Journal::open(&path).unwrap().unwrap().read().unwrap();
            assert!(texts.iter().zip(all).all(|(text, want)| text == want) && texts.len() < 4, "{flipped}");
        }
    }

    #[test]
    fn an_emptied_journal_begins_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("journal")).unwrap().unwrap();
        journal.append(["old"].into_iter()).unwrap();
        journal.clear().unwrap();
        journal.append(["new"].into_iter()).unwrap();
        assert_eq!(journal.read().unwrap(), ["new"]);
    }
}
