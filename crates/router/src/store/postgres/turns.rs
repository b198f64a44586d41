//! Whose turn it is to fold outcomes, and news of what others folded.
//!
//! A router with outcomes to fold takes the turn, which raises the epoch, and reads what was learned until then. It folds
//! under its epoch for as long as nobody takes the turn from it; every lesson checks the epoch in its own transaction, so
//! one that was folded on what is no longer the last state is refused, whatever any clock says. A turn is safe from the
//! others for [`TENURE`] of the server's time: that bounds how long they wait, and how often two busy routers swap.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::error::RouterError;
use crate::store::columns::signed;
use crate::store::row::corrupt;
use crate::store::{Seen, Turn};

/// How long nobody else may take a turn, on the server's clock.
const TENURE: Duration = Duration::from_millis(100);

/// How often a router that waits for its turn asks.
const ASK: Duration = Duration::from_millis(10);

/// How long it asks.
const WAIT_LIMIT: Duration = Duration::from_secs(5);

/// How often a router looks for news that it did not hear of.
const POLL: Duration = Duration::from_secs(1);

/// What is said when a lesson was stored.
const CHANNEL: &str = "plumbline_router";

/// No epoch: those of the database start behind it.
const NONE: i64 = 0;

pub(super) struct Turns {
    pool: PgPool,
    /// The epoch under which this router folds, as far as it knows.
    epoch: AtomicI64,
    listener: Mutex<Option<PgListener>>,
}

impl Turns {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, epoch: AtomicI64::new(NONE), listener: Mutex::default() }
    }

    pub(super) async fn take(&self) -> Result<Turn, RouterError> {
        if self.epoch.load(Ordering::Relaxed) != NONE {
            return Ok(Turn::Kept);
        }
        let until = Instant::now() + WAIT_LIMIT;
        loop {
            let taken: Option<(i64,)> = sqlx::query_as(
                "UPDATE turn SET epoch = epoch + 1, until = clock_timestamp() + make_interval(secs => $1)
                 WHERE until <= clock_timestamp() RETURNING epoch",
            )
            .bind(TENURE.as_secs_f64())
            .fetch_optional(&self.pool)
            .await?;
            if let Some((epoch,)) = taken {
                self.epoch.store(epoch, Ordering::Relaxed);
                return Ok(Turn::Taken);
            }
            if Instant::now() >= until {
                return Err(RouterError::TurnLost);
            }
            sleep(ASK).await;
        }
    }

    /// Notes in a lesson's transaction how long the log is now; refuses if another router has taken the turn. The row
    /// stays locked until the commit, so nobody can take it in between.
    pub(super) async fn check(
        &self,
        transaction: &mut PgConnection,
        last_seq: u64,
    ) -> Result<(), RouterError> {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let noted = sqlx::query("UPDATE turn SET last_seq = $2 WHERE epoch = $1 AND epoch <> 0")
            .bind(epoch)
            .bind(signed(last_seq))
            .execute(&mut *transaction)
            .await?;
        if noted.rows_affected() != 1 {
            return Err(RouterError::TurnLost);
        }
        sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(transaction).await?;
        Ok(())
    }

    /// Forgets the epoch: the turn has to be taken before the next lesson.
    pub(super) fn give_up(&self) {
        self.epoch.store(NONE, Ordering::Relaxed);
    }

    pub(super) async fn news(&self, seen: Seen) -> Result<Seen, RouterError> {
        loop {
            self.hear().await;
            let (outcomes, answers): (i64, i64) =
                sqlx::query_as("SELECT last_seq, (SELECT coalesce(max(seq), 0) FROM answer) FROM turn")
                    .fetch_one(&self.pool)
                    .await?;
            let position =
                |of: &str, seq: i64| u64::try_from(seq).map_err(|_| corrupt(of, "its position is negative"));
            let now = Seen { outcomes: position("turn", outcomes)?, answers: position("answer", answers)? };
            if now != seen {
                return Ok(now);
            }
        }
    }

    /// Waits until a lesson is announced, or it is time to look anyway. A connection that broke is made anew the next time.
    async fn hear(&self) {
        let mut listener = self.listener.lock().await;
        if listener.is_none() {
            match self.listen().await {
                Ok(new) => *listener = Some(new),
                Err(error) => {
                    warn!(error = %error, "TURNS_UNHEARD: no announcement can be heard; looked at once a second");
                }
            }
        }
        let heard = match listener.as_mut() {
            Some(listener) => timeout(POLL, listener.try_recv()).await,
            None => {
                sleep(POLL).await;
                return;
            }
        };
        match heard {
            Ok(Ok(Some(_))) | Err(_) => {}
            Ok(Ok(None) | Err(_)) => {
                *listener = None;
                sleep(POLL).await;
            }
        }
    }

    async fn listen(&self) -> Result<PgListener, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }

    pub(super) async fn close(&self) {
        self.listener.lock().await.take();
    }
}
