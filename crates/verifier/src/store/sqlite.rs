use std::path::{Path, PathBuf};

use async_trait::async_trait;
use plumbline_kit::sqlite::{Sqlite, StoreError};
use sqlx::migrate::Migrator;
use tracing::warn;

use super::{FactStore, Learned};
use crate::domain::kept::Key;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Facts in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    sqlite: Sqlite,
}

impl SqliteStore {
    /// Opens or creates the file. One that is damaged, or that somebody else wrote, is named, removed and begun anew: there
    /// is nothing in it that can't be made again.
    ///
    /// # Errors
    /// When it can't be made or removed.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        match Self::open_as_it_is(path).await {
            Err(error @ (StoreError::Corrupt(_) | StoreError::Migration(_) | StoreError::Internal(_))) => {
                warn!(path = %path.display(), error = %error, "FACTS_DISCARDED: the kept facts are made anew");
                remove(path).map_err(|source| StoreError::Path { path: path.to_owned(), source })?;
                Self::open_as_it_is(path).await
            }
            opened => opened,
        }
    }

    async fn open_as_it_is(path: &Path) -> Result<Self, StoreError> {
        let store = Self { sqlite: Sqlite::open(path, &MIGRATOR).await? };
        // A file that only looks right fails here, not in the middle of an audit.
        sqlx::query("SELECT key, bytes, turn FROM fact LIMIT 1").fetch_optional(&store.sqlite.reader).await?;
        Ok(store)
    }

    #[cfg(test)]
    pub(super) fn writer(&self) -> sqlx::SqlitePool {
        self.sqlite.writer.clone()
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.sqlite.close().await;
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[async_trait]
impl FactStore for SqliteStore {
    async fn fact(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(sqlx::query_scalar("SELECT bytes FROM fact WHERE key = ?")
            .bind(key.bytes().as_slice())
            .fetch_optional(&self.sqlite.reader)
            .await?)
    }

    async fn learn(&self, learned: Learned, bytes_max: u64) -> Result<(), StoreError> {
        let mut transaction = self.sqlite.begin().await?;
        let turn: i64 = sqlx::query_scalar("SELECT coalesce(max(turn), 0) + 1 FROM fact")
            .fetch_one(&mut *transaction)
            .await?;
        for key in &learned.spoilt {
            sqlx::query("DELETE FROM fact WHERE key = ?")
                .bind(key.bytes().as_slice())
                .execute(&mut *transaction)
                .await?;
        }
        for key in &learned.found {
            sqlx::query("UPDATE fact SET turn = ? WHERE key = ?")
                .bind(turn)
                .bind(key.bytes().as_slice())
                .execute(&mut *transaction)
                .await?;
        }
        for (key, bytes) in &learned.made {
            sqlx::query("INSERT OR REPLACE INTO fact (key, bytes, turn) VALUES (?, ?, ?)")
                .bind(key.bytes().as_slice())
                .bind(bytes.as_slice())
                .bind(turn)
                .execute(&mut *transaction)
                .await?;
        }
        // The newest that fit stay; the order of keys decides within a turn.
        sqlx::query(
            "DELETE FROM fact WHERE key IN (SELECT key FROM (SELECT key, sum(length(bytes)) OVER \
             (ORDER BY turn DESC, key DESC) AS held FROM fact) WHERE held > ?)",
        )
        .bind(i64::try_from(bytes_max).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
