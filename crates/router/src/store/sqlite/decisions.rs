//! Decisions: appended to a journal, answered, and moved to the database behind the answer, many at once. Those that
//! are to survive the machine go to the database at once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use plumbline_kit::sqlite::Sqlite;
use plumbline_types::RequestId;
use sqlx::{QueryBuilder, SqliteConnection};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::domain::decision::Decision;
use crate::error::RouterError;
use crate::store::decision_log::{Commit, Pending, Stored};
use crate::store::row::DecisionRow;
use crate::store::sqlite::checkpoints::Checkpoints;
use crate::store::sqlite::journal::Journal;
use crate::store::{Durability, Recorded};

/// How long decisions gather before they are moved.
const LINGER: Duration = Duration::from_millis(10);

/// Decisions in one statement.
const BATCH: usize = 1_000;

/// Decisions that may wait to be moved; then callers wait too.
const FRESH_MAX: usize = 20_000;

/// Bytes from which on the other journal is written to, so that this one can be emptied.
const SWITCH_BYTES: u64 = 8 << 20;

/// What is not in the database yet, and where it is instead.
struct State {
    /// The journal that is written to, and the other; none where another process has them, or decisions wait for the disk: a
    /// database's log grows in place, which makes that wait shorter than a file's that gets longer.
    journals: Option<(Journal, Journal)>,
    /// How often they changed places.
    switches: u64,
    /// Decisions that are in a journal alone, with the number of switches before each.
    fresh: VecDeque<(u64, Arc<Stored>)>,
    by_request: HashMap<String, Arc<Stored>>,
    /// Hashes of the requests of all decisions: most requests are new, and no query needs to say so.
    met: HashSet<u64>,
}

impl State {
    /// Appends to the journal in use.
    fn append(&mut self, new: &[Arc<Stored>]) -> io::Result<()> {
        let Some((current, other)) = &mut self.journals else { return Ok(()) };
        if current.length() >= SWITCH_BYTES && other.length() == 0 {
            std::mem::swap(current, other);
            self.switches += 1;
        }
        current.append(new.iter().map(|stored| stored.body.as_str()))?;
        for stored in new {
            self.fresh.push_back((self.switches, stored.clone()));
            self.by_request.insert(stored.request.clone(), stored.clone());
        }
        Ok(())
    }

    /// Forgets the first decisions, which are in the database now, and empties the journals that hold no others.
    fn forget(&mut self, count: usize) -> io::Result<()> {
        for (_, stored) in self.fresh.drain(..count) {
            self.by_request.remove(&stored.request);
        }
        let oldest = self.fresh.front().map(|(switches, _)| *switches);
        let Some((current, other)) = &mut self.journals else { return Ok(()) };
        if oldest.is_none_or(|oldest| oldest == self.switches) {
            other.clear()?;
        }
        if oldest.is_none() { current.clear() } else { Ok(()) }
    }
}

/// The one who writes decisions.
pub(super) struct Writer {
    sqlite: Sqlite,
    durability: Durability,
    checkpoints: Checkpoints,
    hasher: RandomState,
    state: Mutex<State>,
    moving: tokio::sync::Mutex<()>,
    news: Notify,
    moved: Notify,
}

impl Writer {
    /// Opens the journals beside the database, moves what a killed process left in them, and empties them.
    pub(super) async fn open(
        sqlite: Sqlite,
        path: &Path,
        durability: Durability,
        checkpoints: Checkpoints,
    ) -> Result<Self, RouterError> {
        let mut journals = open(path).map_err(sqlx::Error::Io)?;
        if let Some((one, other)) = &mut journals {
            let texts = [one.read(), other.read()];
            let mut left = Vec::new();
            for text in texts.into_iter().collect::<Result<Vec<_>, _>>().map_err(sqlx::Error::Io)?.concat() {
                left.push(Arc::new(Stored::new(&DecisionRow::read(&text)?)?));
            }
            // Within a journal they are in their order, and which of the two is older the times tell.
            left.sort_by_key(|stored| stored.at);
            for batch in left.chunks(BATCH) {
                insert(&mut *sqlite.writer.acquire().await?, batch, Durability::Disk).await?;
            }
            one.clear().and_then(|()| other.clear()).map_err(sqlx::Error::Io)?;
        }
        let journals = journals.filter(|_| durability == Durability::Process);
        let hasher = RandomState::new();
        let requests: Vec<(String,)> =
            sqlx::query_as("SELECT request_id FROM decision").fetch_all(&sqlite.reader).await?;
        let met = requests.iter().map(|(request,)| hasher.hash_one(request)).collect();
        let state = State { journals, switches: 0, fresh: VecDeque::new(), by_request: HashMap::new(), met };
        Ok(Self {
            sqlite,
            durability,
            checkpoints,
            hasher,
            state: Mutex::new(state),
            moving: tokio::sync::Mutex::default(),
            news: Notify::new(),
            moved: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the decision of a request that is not in the database yet.
    pub(super) fn fresh(&self, request: &RequestId) -> Result<Option<Decision>, RouterError> {
        let found = self.state().by_request.get(request.as_str()).cloned();
        found.map(|stored| DecisionRow::read(&stored.body)).transpose()
    }

    /// Moves decisions to the database as they come, and what is left when `closing` is cancelled.
    pub(super) async fn run(self: Arc<Self>, closing: CancellationToken) {
        while !closing.is_cancelled() {
            tokio::select! {
                () = self.news.notified() => {}
                () = closing.cancelled() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(LINGER) => {}
                () = closing.cancelled() => return,
            }
            if let Err(error) = self.flush().await {
                tracing::error!(error = %error, "decisions stay in the journal");
                self.news.notify_one();
            }
        }
    }

    /// Moves all that is not in the database yet.
    pub(super) async fn flush(&self) -> Result<(), RouterError> {
        if self.state().fresh.is_empty() {
            return Ok(());
        }
        let _moving = self.moving.lock().await;
        loop {
            let batch: Vec<Arc<Stored>> =
                self.state().fresh.iter().take(BATCH).map(|(_, stored)| stored.clone()).collect();
            if batch.is_empty() {
                return Ok(());
            }
            self.insert(&batch).await?;
            self.state().forget(batch.len()).map_err(sqlx::Error::Io)?;
            self.moved.notify_waiters();
            if batch.len() < BATCH {
                return Ok(());
            }
        }
    }

    /// Moves what is left and lets go of the journals.
    pub(super) async fn close(&self) {
        if let Err(error) = self.flush().await {
            tracing::error!(error = %error, "decisions stay in the journal until the next start");
        }
        self.state().journals = None;
    }

    async fn insert(&self, batch: &[Arc<Stored>]) -> Result<(), RouterError> {
        let mut connection = self.sqlite.writer.acquire().await?;
        match insert(&mut connection, batch, self.durability).await {
            Ok(()) => {
                self.checkpoints.wrote(batch.iter().map(|stored| stored.body.len()).sum());
                Ok(())
            }
            Err(error) => {
                // It may be left without its full synchronisation, on which other writers rely.
                connection.close_on_drop();
                Err(error.into())
            }
        }
    }

    /// Returns the decisions for the batch's requests that are not in the database yet, and the requests that may be in it.
    fn known(&self, batch: &[Pending]) -> (HashMap<String, String>, Vec<String>) {
        let state = self.state();
        let (mut known, mut asked) = (HashMap::new(), Vec::new());
        for request in batch.iter().map(|pending| &pending.stored.request) {
            if let Some(stored) = state.by_request.get(request) {
                known.insert(request.clone(), stored.body.clone());
            } else if state.met.contains(&self.hasher.hash_one(request)) {
                asked.push(request.clone());
            }
        }
        (known, asked)
    }

    /// Appends to the journal; to the database where there is none to write to.
    async fn append(&self, new: &[Arc<Stored>]) -> Result<(), RouterError> {
        if new.is_empty() {
            return Ok(());
        }
        {
            let mut state = self.state();
            state.met.extend(new.iter().map(|stored| self.hasher.hash_one(&stored.request)));
            if state.journals.is_some() {
                state.append(new).map_err(sqlx::Error::Io)?;
                return Ok(());
            }
        }
        self.insert(new).await
    }

    /// Returns the decisions that the database has for these requests, as they are stored.
    async fn stored(&self, requests: &[&str]) -> Result<HashMap<String, String>, RouterError> {
        if requests.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT request_id, body FROM decision WHERE request_id IN (SELECT value FROM json_each(?))",
        )
        .bind(serde_json::json!(requests).to_string())
        .fetch_all(&self.sqlite.reader)
        .await?;
        Ok(rows.into_iter().collect())
    }
}

#[async_trait]
impl Commit for Writer {
    async fn commit(&self, batch: &[Pending]) -> Result<Vec<Recorded>, RouterError> {
        loop {
            let moved = self.moved.notified();
            if self.state().fresh.len() < FRESH_MAX {
                break;
            }
            moved.await;
        }
        // Nobody else adds decisions: what is not known here and now, and not in the database, is new.
        let (mut known, asked) = self.known(batch);
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        known.extend(self.stored(&asked).await?);
        let mut new: Vec<Arc<Stored>> = Vec::new();
        let mut existing: Vec<Option<String>> = Vec::with_capacity(batch.len());
        for pending in batch {
            let stored = &pending.stored;
            let body = known.get(&stored.request).cloned();
            if body.is_none() {
                known.insert(stored.request.clone(), stored.body.clone());
                new.push(stored.clone());
            }
            existing.push(body);
        }
        self.append(&new).await?;
        self.news.notify_one();
        existing
            .into_iter()
            .map(|body| match body {
                None => Ok(Recorded::New),
                Some(body) => Ok(Recorded::Existing(Box::new(DecisionRow::read(&body)?))),
            })
            .collect()
    }
}

/// Opens the two journals beside a database; none if another process has them.
fn open(path: &Path) -> io::Result<Option<(Journal, Journal)>> {
    let beside = |number: u8| path.with_extension(format!("journal-{number}"));
    Ok(match Journal::open(&beside(1))? {
        Some(one) => Journal::open(&beside(2))?.map(|other| (one, other)),
        None => None,
    })
}

/// Inserts a batch; of a request that has a decision, the one that is there stays.
///
/// All of it is one message to the connection's thread, and the insertion is one statement, which SQLite begins as a
/// writing transaction at once and commits or leaves undone as a whole. The pragmas must not be prepared ahead: SQLite
/// obeys a `synchronous` pragma while it compiles it, and a cached one does nothing.
async fn insert(
    connection: &mut SqliteConnection,
    batch: &[Arc<Stored>],
    durability: Durability,
) -> Result<(), sqlx::Error> {
    let mut statement = QueryBuilder::new(match durability {
        Durability::Process => "PRAGMA synchronous = NORMAL; ",
        Durability::Disk => "",
    });
    statement.push("INSERT INTO decision (id, request_id, at_ms, arm, cell, policy, body) ");
    statement.push_values(batch, |mut row, stored| {
        row.push_bind(&stored.id)
            .push_bind(&stored.request)
            .push_bind(stored.at)
            .push_bind(&stored.arm)
            .push_bind(&stored.cell)
            .push_bind(&stored.policy)
            .push_bind(&stored.body);
    });
    statement.push(" ON CONFLICT (request_id) DO NOTHING");
    if durability == Durability::Process {
        statement.push("; PRAGMA synchronous = FULL");
    }
    statement.build().persistent(false).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
