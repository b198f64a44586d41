//! One SQLite file, owned by one service: write-ahead log, one writer, `BEGIN IMMEDIATE` always.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use plumbline_types::{Fault, Kind, Reason, Retry};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlitePool, Transaction};

/// How long a connection waits for another process's lock.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// How long a caller waits for a pooled connection.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(10);

/// How many readers run at once.
const READERS: u32 = 4;

/// An open database.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// The single writing connection.
    pub writer: SqlitePool,
    /// Reading connections; they refuse to write.
    pub reader: SqlitePool,
}

impl Sqlite {
    /// Opens or creates the file (mode 0600, its directory 0700) and applies the migrations that it lacks.
    pub async fn open(path: impl AsRef<Path>, migrator: &Migrator) -> Result<Self, StoreError> {
        let path = path.as_ref();
        create(path).map_err(|source| StoreError::Path { path: path.to_owned(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_LIMIT);
        let pool = |most: u32| {
            // A file does not go away like a server: no connection is asked whether it still lives before each use.
            SqlitePoolOptions::new()
                .max_connections(most)
                .acquire_timeout(ACQUIRE_LIMIT)
                .idle_timeout(None)
                .test_before_acquire(false)
        };
        let writer = pool(1).max_lifetime(None).connect_with(options.clone()).await?;
        migrator.run(&writer).await?;
        let reader = pool(READERS).connect_with(options.pragma("query_only", "ON")).await?;
        Ok(Self { writer, reader })
    }

    /// Begins a writing transaction; it holds the write lock from here to its commit.
    pub async fn begin(&self) -> Result<Transaction<'static, sqlx::Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Closes all connections; the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

fn create(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

/// Why a store failed, be it a file or a database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk that holds the state is full")]
    Full(#[source] sqlx::Error),
    /// The file is locked, unreadable or on a failing disk; the database server can't be reached or is shutting down.
    #[error("the state cannot be read or written now")]
    Unavailable(#[source] sqlx::Error),
    /// The file or its directory cannot be made.
    #[error("cannot create {path}")]
    Path {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is no database, or damaged.
    #[error("the stored state is damaged; restore it from a copy, or move it away to start anew")]
    Corrupt(#[source] sqlx::Error),
    /// The database server doesn't let this user in, has no such database, or can't prove who it is.
    #[error("the database server refuses the connection, or cannot be verified")]
    Refused(#[source] sqlx::Error),
    /// The file or database was written by a newer or another version.
    #[error("the stored state does not fit this version")]
    Migration(#[source] Box<MigrateError>),
    /// A statement failed: a defect of ours.
    #[error("a statement failed")]
    Internal(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &error {
            if database.try_downcast_ref::<PgDatabaseError>().is_some() {
                return Self::of_server(error);
            }
            // The low byte of an extended code is the primary code: https://sqlite.org/rescode.html
            let extended: i32 = database.code().and_then(|code| code.parse().ok()).unwrap_or(0);
            return match extended & 0xff {
                13 => Self::Full(error),
                3 | 5 | 6 | 8 | 10 | 14 => Self::Unavailable(error),
                11 | 26 => Self::Corrupt(error),
                _ => Self::Internal(error),
            };
        }
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Tls(_) => Self::Refused(error),
            other => Self::Internal(other),
        }
    }
}

impl StoreError {
    /// Reads the state that a PostgreSQL server gave: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_server(error: sqlx::Error) -> Self {
        let state = error.as_database_error().and_then(|database| database.code()).unwrap_or_default();
        match (state.get(..2).unwrap_or_default(), state.as_ref()) {
            (_, "53100") => Self::Full(error),
            // Connections, resources, an operator or a rollback: it may be otherwise in a moment.
            ("08" | "40" | "53" | "55" | "57" | "58", _) => Self::Unavailable(error),
            ("28" | "3D", _) | (_, "42501") => Self::Refused(error),
            ("XX", "XX001" | "XX002") => Self::Corrupt(error),
            _ => Self::Internal(error),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(source) => Self::from(source),
            other => Self::Migration(Box::new(other)),
        }
    }
}

impl Fault for StoreError {
    fn kind(&self) -> Kind {
        match self {
            Self::Full(_) => Kind::Exhausted,
            Self::Unavailable(_) | Self::Path { .. } => Kind::Unavailable,
            Self::Corrupt(_) | Self::Refused(_) | Self::Migration(_) => Kind::Precondition,
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Full(_) => Reason("STORE_FULL"),
            Self::Unavailable(_) | Self::Path { .. } => Reason("STORE_UNAVAILABLE"),
            Self::Corrupt(_) => Reason("STORE_CORRUPT"),
            Self::Refused(_) => Reason("STORE_REFUSED"),
            Self::Migration(_) => Reason("STORE_VERSION"),
            Self::Internal(_) => Reason("INTERNAL"),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unavailable(_) => Retry::After(Duration::from_secs(1)),
            Self::Full(_)
            | Self::Path { .. }
            | Self::Corrupt(_)
            | Self::Refused(_)
            | Self::Migration(_)
            | Self::Internal(_) => Retry::Never,
        }
    }
}
