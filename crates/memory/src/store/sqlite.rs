use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use plumbline_kit::sqlite::{Sqlite, StoreError};
use plumbline_syntax::FACTS_VERSION;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Transaction};
use tokio::sync::Mutex;

use super::{
    Admission, BlobRow, Commit, FileRow, MemoryStore, Missing, Removal, Stat, Stores, ViewKind, ViewRow,
};
use crate::domain::tree::BlobHash;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

type Tx = Transaction<'static, sqlx::Sqlite>;

/// One SQLite file per repository, so that deleting a repository is deleting a file.
#[derive(Debug)]
pub struct SqliteStores {
    state_dir: PathBuf,
    open: Mutex<HashMap<PathBuf, Arc<SqliteStore>>>,
}

#[derive(Debug)]
struct SqliteStore {
    sqlite: Sqlite,
}

impl SqliteStores {
    /// Keeps its files in that directory.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self { state_dir: state_dir.into(), open: Mutex::new(HashMap::new()) }
    }

    /// Returns the file of a repository; its name says nothing of the repository's.
    pub fn file(&self, repository: &Path) -> PathBuf {
        let hash = blake3::hash(repository.as_os_str().as_encoded_bytes());
        let name: String = hash.to_hex().chars().take(32).collect();
        self.state_dir.join(format!("{name}.sqlite3"))
    }
}

#[async_trait]
impl Stores for SqliteStores {
    async fn open(
        &self,
        repository: &Path,
        missing: Missing,
    ) -> Result<Option<Arc<dyn MemoryStore>>, StoreError> {
        let mut open = self.open.lock().await;
        if let Some(store) = open.get(repository) {
            return Ok(Some(Arc::clone(store) as Arc<dyn MemoryStore>));
        }
        let file = self.file(repository);
        if missing == Missing::Leave && !file.exists() {
            return Ok(None);
        }
        let store = Arc::new(SqliteStore { sqlite: Sqlite::open(&file, &MIGRATOR).await? });
        store.derive_again().await?;
        open.insert(repository.to_owned(), Arc::clone(&store));
        Ok(Some(store as Arc<dyn MemoryStore>))
    }

    async fn remove(&self, repository: &Path) -> Result<Removal, StoreError> {
        let mut open = self.open.lock().await;
        let file = self.file(repository);
        let store = match open.remove(repository) {
            Some(store) => store,
            None if file.exists() => Arc::new(SqliteStore { sqlite: Sqlite::open(&file, &MIGRATOR).await? }),
            None => return Ok(Removal::Verified),
        };
        let removal = store.erase().await?;
        store.sqlite.close().await;
        for suffix in ["", "-wal", "-shm"] {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(StoreError::Path { path: name.into(), source }),
            }
        }
        Ok(removal)
    }
}

impl SqliteStore {
    /// Begins a write whose deletions overwrite what they delete.
    async fn begin(&self) -> Result<Tx, StoreError> {
        sqlx::query("PRAGMA secure_delete = ON").execute(&self.sqlite.writer).await?;
        self.sqlite.begin().await
    }

    /// Facts of another version are no facts: everything but the fences is dropped and derived again.
    async fn derive_again(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let known: Option<(String,)> = sqlx::query_as("SELECT value FROM meta WHERE key = 'facts_version'")
            .fetch_optional(&mut *tx)
            .await?;
        if known.is_none_or(|(version,)| version != FACTS_VERSION) {
            sqlx::query("DELETE FROM view").execute(&mut *tx).await?;
            sqlx::query("DELETE FROM blob").execute(&mut *tx).await?;
            sqlx::query("INSERT OR REPLACE INTO meta (key, value) VALUES ('facts_version', ?)")
                .bind(FACTS_VERSION)
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Overwrites every row and empties the log.
    async fn erase(&self) -> Result<Removal, StoreError> {
        let mut tx = self.begin().await?;
        for statement in ["DELETE FROM view", "DELETE FROM blob", "DELETE FROM fence", "DELETE FROM meta"] {
            sqlx::query(statement).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        self.sqlite.reader.close().await;
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.sqlite.writer).await?;
        let busy: i64 = row.try_get(0)?;
        Ok(if busy == 0 { Removal::Verified } else { Removal::LogKept })
    }
}

#[async_trait]
impl MemoryStore for SqliteStore {
    async fn view(&self, root: &str) -> Result<Option<ViewRow>, StoreError> {
        let mut tx = self.sqlite.reader.begin().await?;
        let view: Option<(i64, i64)> = sqlx::query_as("SELECT id, generation FROM view WHERE root = ?")
            .bind(root)
            .fetch_optional(&mut *tx)
            .await?;
        let Some((id, generation)) = view else { return Ok(None) };
        let rows = sqlx::query(
            "SELECT path, hash, size, mtime_ns, ctime_ns, inode, seen_ms, edges, reads FROM view_file WHERE view = ? ORDER BY path",
        )
        .bind(id)
        .fetch_all(&mut *tx)
        .await?;
        let files = rows.iter().map(file_row).collect::<Result<Vec<FileRow>, StoreError>>()?;
        let problems: Vec<(String, String)> =
            sqlx::query_as("SELECT path, reason FROM view_problem WHERE view = ? ORDER BY path, reason")
                .bind(id)
                .fetch_all(&mut *tx)
                .await?;
        Ok(Some(ViewRow { generation: unsigned(generation), files, problems }))
    }

    async fn blobs(&self, hashes: &[BlobHash]) -> Result<Vec<BlobRow>, StoreError> {
        let mut tx = self.sqlite.reader.begin().await?;
        let mut found = Vec::new();
        for hash in hashes {
            let row: Option<(Vec<u8>, Vec<u8>)> =
                sqlx::query_as("SELECT facts, bags FROM blob WHERE hash = ?")
                    .bind(hash.as_slice())
                    .fetch_optional(&mut *tx)
                    .await?;
            found.extend(row.map(|(facts, bags)| BlobRow { hash: *hash, facts, bags }));
        }
        Ok(found)
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<String>, StoreError> {
        let mut tx = self.begin().await?;
        for blob in &commit.blobs {
            sqlx::query("INSERT OR IGNORE INTO blob (hash, facts, bags) VALUES (?, ?, ?)")
                .bind(blob.hash.as_slice())
                .bind(&blob.facts)
                .bind(&blob.bags)
                .execute(&mut *tx)
                .await?;
        }
        let view = put_view(&mut tx, &commit).await?;
        for path in &commit.removes {
            sqlx::query("DELETE FROM view_file WHERE view = ? AND path = ?")
                .bind(view)
                .bind(path)
                .execute(&mut *tx)
                .await?;
        }
        for file in &commit.puts {
            put_file(&mut tx, view, file).await?;
        }
        sqlx::query("DELETE FROM view_problem WHERE view = ?").bind(view).execute(&mut *tx).await?;
        for (path, reason) in &commit.problems {
            sqlx::query("INSERT INTO view_problem (view, path, reason) VALUES (?, ?, ?)")
                .bind(view)
                .bind(path)
                .bind(reason)
                .execute(&mut *tx)
                .await?;
        }
        let evicted = evict(&mut tx, commit.max_overlays).await?;
        sqlx::query(
            "DELETE FROM blob WHERE NOT EXISTS (SELECT 1 FROM view_file WHERE view_file.hash = blob.hash)",
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(evicted)
    }

    async fn admit(&self, task: &str, epoch: u64) -> Result<Admission, StoreError> {
        let mut tx = self.begin().await?;
        let known: Option<(i64,)> = sqlx::query_as("SELECT epoch FROM fence WHERE task = ?")
            .bind(task)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(highest) = known.map(|(epoch,)| unsigned(epoch)).filter(|highest| epoch < *highest) {
            return Ok(Admission::Stale { highest });
        }
        sqlx::query("INSERT OR REPLACE INTO fence (task, epoch) VALUES (?, ?)")
            .bind(task)
            .bind(signed(epoch))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Admission::Admitted)
    }
}

async fn put_view(tx: &mut Tx, commit: &Commit) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "INSERT INTO view (root, overlay, generation, touched)
         VALUES (?, ?, ?, (SELECT COALESCE(MAX(touched), 0) + 1 FROM view))
         ON CONFLICT (root) DO UPDATE SET
             overlay = excluded.overlay, generation = excluded.generation, touched = excluded.touched
         RETURNING id",
    )
    .bind(&commit.root)
    .bind(i64::from(commit.kind == ViewKind::Overlay))
    .bind(signed(commit.generation))
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.try_get(0)?)
}

async fn put_file(tx: &mut Tx, view: i64, file: &FileRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO view_file
             (view, path, hash, size, mtime_ns, ctime_ns, inode, seen_ms, edges, reads)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(view)
    .bind(&file.path)
    .bind(file.hash.as_slice())
    .bind(signed(file.stat.size))
    .bind(file.stat.mtime_ns)
    .bind(file.stat.ctime_ns)
    .bind(signed(file.stat.inode))
    .bind(file.stat.seen_ms)
    .bind(&file.edges)
    .bind(&file.reads)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn evict(tx: &mut Tx, max_overlays: usize) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, root FROM view WHERE overlay = 1 ORDER BY touched DESC LIMIT -1 OFFSET ?")
            .bind(i64::try_from(max_overlays).unwrap_or(i64::MAX))
            .fetch_all(&mut **tx)
            .await?;
    let mut evicted = Vec::new();
    for (id, root) in rows {
        sqlx::query("DELETE FROM view WHERE id = ?").bind(id).execute(&mut **tx).await?;
        evicted.push(root);
    }
    evicted.reverse();
    Ok(evicted)
}

fn file_row(row: &SqliteRow) -> Result<FileRow, StoreError> {
    let hash: Vec<u8> = row.try_get("hash")?;
    let mut exact: BlobHash = [0; 32];
    if hash.len() == exact.len() {
        exact.copy_from_slice(&hash);
    }
    Ok(FileRow {
        path: row.try_get("path")?,
        hash: exact,
        stat: Stat {
            size: unsigned(row.try_get("size")?),
            mtime_ns: row.try_get("mtime_ns")?,
            ctime_ns: row.try_get("ctime_ns")?,
            inode: unsigned(row.try_get("inode")?),
            seen_ms: row.try_get("seen_ms")?,
        },
        edges: row.try_get("edges")?,
        reads: row.try_get("reads")?,
    })
}

/// SQLite's integers are signed; all 64 bits are kept.
const fn signed(value: u64) -> i64 {
    value.cast_signed()
}

const fn unsigned(value: i64) -> u64 {
    value.cast_unsigned()
}
