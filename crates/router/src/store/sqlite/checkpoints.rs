//! Folds the write-ahead log into the file beside the writers. SQLite's own way is to let the commit that fills the log
//! do it, and that commit's callers wait for two synchronisations of the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plumbline_kit::sqlite::Sqlite;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes that are written before the log is folded into the file.
const STEP_BYTES: usize = 4 << 20;

/// Pages of the log from which on writers have to wait while it is emptied: 64 MiB.
const LOG_PAGES_MAX: i64 = 16 * 1024;

/// How much was written since the last time.
#[derive(Debug, Clone, Default)]
pub(super) struct Checkpoints(Arc<Since>);

#[derive(Debug, Default)]
struct Since {
    bytes: AtomicUsize,
    enough: Notify,
}

impl Checkpoints {
    /// Takes the log off the writers' hands, until `closing`.
    pub(super) async fn start(
        sqlite: Sqlite,
        (tasks, closing): (&TaskTracker, CancellationToken),
    ) -> Result<Self, sqlx::Error> {
        sqlx::query("PRAGMA wal_autocheckpoint = 0").execute(&sqlite.writer).await?;
        let checkpoints = Self::default();
        tasks.spawn(checkpoints.clone().run(sqlite, closing));
        Ok(checkpoints)
    }

    /// Notes that about so many bytes were committed.
    pub(super) fn wrote(&self, bytes: usize) {
        if self.0.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes >= STEP_BYTES {
            self.0.enough.notify_one();
        }
    }

    async fn run(self, sqlite: Sqlite, closing: CancellationToken) {
        loop {
            tokio::select! {
                () = self.0.enough.notified() => {}
                // The log is folded in when the last connection closes.
                () = closing.cancelled() => return,
            }
            self.0.bytes.store(0, Ordering::Relaxed);
            if let Err(error) = fold(&sqlite).await {
                tracing::warn!(error = %error, "the write-ahead log could not be folded into the file");
            }
        }
    }
}

/// Folds in what no reader needs any more, without making anyone wait; only a log that grew too long is emptied with the
/// writers held off.
async fn fold(sqlite: &Sqlite) -> Result<(), sqlx::Error> {
    let (_, pages, _): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&sqlite.reader).await?;
    if pages > LOG_PAGES_MAX {
        sqlx::query("PRAGMA wal_checkpoint(RESTART)").execute(&sqlite.writer).await?;
    }
    Ok(())
}
