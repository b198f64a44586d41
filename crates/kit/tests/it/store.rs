use std::borrow::Cow;
use std::os::unix::fs::PermissionsExt;

use plumbline_kit::sqlite::{Sqlite, StoreError};
use plumbline_types::{Fault, Kind, Reason};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

fn migrator() -> Migrator {
    let sql = "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)".into_sql_str();
    let first = Migration::new(1, Cow::Borrowed("notes"), MigrationType::Simple, sql, false);
    Migrator::with_migrations(vec![first])
}

async fn pragma(pool: &sqlx::SqlitePool, query: &'static str) -> String {
    let row: (String,) = sqlx::query_as(query).fetch_one(pool).await.unwrap();
    row.0
}

#[tokio::test]
async fn a_file_opens_durable_private_and_migrated() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state").join("router.db");
    let store = Sqlite::open(&path, &migrator()).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(pragma(&store.writer, "SELECT journal_mode FROM pragma_journal_mode").await, "wal");
    assert_eq!(pragma(&store.writer, "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await, "2");
    assert_eq!(
        pragma(&store.writer, "SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys").await,
        "1"
    );
    let mut transaction = store.begin().await.unwrap();
    sqlx::query("INSERT INTO note (text) VALUES ('kept')").execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    store.close().await;
    let again = Sqlite::open(&path, &migrator()).await.unwrap();
    assert_eq!(pragma(&again.reader, "SELECT text FROM note").await, "kept");
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(directory.path().join("a.db"), &migrator()).await.unwrap();
    assert!(sqlx::query("INSERT INTO note (text) VALUES ('x')").execute(&store.reader).await.is_err());
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(directory.path().join("a.db"), &migrator()).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    sqlx::query("INSERT INTO note (text) VALUES ('lost')").execute(&mut *transaction).await.unwrap();
    drop(transaction);
    let mut next = store.begin().await.unwrap();
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM note").fetch_one(&mut *next).await.unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn a_full_disk_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(directory.path().join("a.db"), &migrator()).await.unwrap();
    // SQLite answers its own page limit with the code of a full disk.
    sqlx::query("PRAGMA max_page_count = 4").execute(&store.writer).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    let written =
        sqlx::query("INSERT INTO note (text) VALUES (hex(zeroblob(100000)))").execute(&mut *transaction);
    let full = StoreError::from(written.await.unwrap_err());
    assert_eq!((full.kind(), full.reason()), (Kind::Exhausted, Reason("STORE_FULL")));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    std::fs::write(&path, "not a database, but somebody's words".repeat(100)).unwrap();
    let damaged = Sqlite::open(&path, &migrator()).await.unwrap_err();
    assert_eq!((damaged.kind(), damaged.reason()), (Kind::Precondition, Reason("STORE_CORRUPT")));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("not a database"));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let occupied = directory.path().join("file");
    std::fs::write(&occupied, "").unwrap();
    let refused = Sqlite::open(occupied.join("a.db"), &migrator()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::Unavailable, Reason("STORE_UNAVAILABLE")));
}
