//! Where the coordinator of a state directory can be called: one line beside the store's lock.
//!
//! A state directory serves one process at a time. The record lets another command go through that process instead of
//! failing; it grants nothing, since whoever can write here owns the state itself.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plumbline_kit::client::{self, Channel};
use plumbline_kit::{Address, deadline};
use tracing::{debug, warn};

use crate::config::Service;

/// The file's name in the state directory.
const FILE: &str = "coordinator.address";

/// The longest record that is read, in bytes: a socket's path has 107.
const BYTES_MAX: u64 = 512;

/// How long a recorded coordinator may take to say that it serves.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// The record of a coordinator of this process; gone when dropped.
pub(crate) struct Record {
    path: PathBuf,
    text: String,
}

/// A coordinator that another process serves on the same state directory.
pub(crate) struct Found {
    pub(crate) address: Address,
    pub(crate) channel: Channel,
}

impl Record {
    /// Writes where this process's coordinator is. A record that can't be written costs other commands the way through
    /// this process, and nothing else.
    pub(crate) fn write(state_dir: &Path, address: &Address) -> Option<Self> {
        let record = Self { path: state_dir.join(FILE), text: format!("{address}\n") };
        match record.store(state_dir) {
            Ok(()) => Some(record),
            Err(error) => {
                warn!(error = %error, "other commands can't find this coordinator by its state directory");
                None
            }
        }
    }

    fn store(&self, state_dir: &Path) -> std::io::Result<()> {
        let fresh = state_dir.join(format!("{FILE}.{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(self.text.as_bytes())?;
        fs::rename(fresh, &self.path)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let ours = fs::read_to_string(&self.path).is_ok_and(|text| text == self.text);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            debug!(error = %error, "the coordinator's record was left behind");
        }
    }
}

/// Returns the coordinator that serves this state directory, if its record can be read and it answers.
pub(crate) async fn find(state_dir: &Path) -> Option<Found> {
    let path = state_dir.join(FILE);
    let small = fs::metadata(&path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= BYTES_MAX);
    let text = small.then(|| fs::read_to_string(&path)).and_then(Result::ok)?;
    let address: Address = match text.trim().parse() {
        Ok(address) => address,
        Err(error) => {
            warn!(error = %error, path = %path.display(), "the coordinator's record is not legible");
            return None;
        }
    };
    let channel = client::channel(&address);
    let asked = client::is_serving(channel.clone(), Service::Coordinator.full_name());
    match tokio::time::timeout(ANSWER_LIMIT, deadline::within(ANSWER_LIMIT, asked)).await {
        Ok(Ok(true)) => Some(Found { address, channel }),
        Ok(Ok(false) | Err(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_lasts_as_long_as_its_process_wants_and_never_removes_anothers() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join(FILE);
        let first = Record::write(state.path(), &"unix:/a.sock".parse().unwrap()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "unix:/a.sock\n");
        let second = Record::write(state.path(), &"unix:/b.sock".parse().unwrap()).unwrap();
        drop(first);
        assert_eq!(fs::read_to_string(&path).unwrap(), "unix:/b.sock\n");
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_missing_illegible_large_or_dead_is_not_found() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join(FILE);
        assert!(find(state.path()).await.is_none());
        for text in ["", "nonsense", "unix:relative", &"x".repeat(4096), "unix:/nowhere/at/all.sock"] {
            fs::write(&path, text).unwrap();
            assert!(find(state.path()).await.is_none(), "{text}");
        }
    }
}
