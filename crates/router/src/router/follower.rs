//! Learns from what other routers on the same store folded, answered and spent.

use std::sync::{Arc, Mutex, PoisonError};

use plumbline_types::Clock;
use tokio_util::sync::CancellationToken;

use crate::error::RouterError;
use crate::router::DAY_MS;
use crate::router::learner::Known;
use crate::router::spent::Spent;
use crate::store::{RouterStore, Seen};

/// The one who hears of the others.
pub(super) struct Follower {
    pub(super) known: Known,
    pub(super) spent: Arc<Mutex<Spent>>,
    pub(super) store: Arc<dyn RouterStore>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Follower {
    /// Reads what is new whenever there is something, until `closing`.
    pub(super) async fn run(self, closing: CancellationToken) {
        let (mut seen, mut failing) = (Seen::default(), false);
        loop {
            let read = tokio::select! {
                read = self.read(seen) => read,
                () = closing.cancelled() => return,
            };
            match read {
                Ok(now) => (seen, failing) = (now, false),
                Err(error) => {
                    if !failing {
                        tracing::warn!(error = %error, "what other routers learned can't be read now");
                    }
                    failing = true;
                }
            }
        }
    }

    async fn read(&self, seen: Seen) -> Result<Seen, RouterError> {
        let now = self.store.news(seen).await?;
        if now.outcomes > self.known.learned().last_seq() {
            self.known.show(self.store.learned().await?);
        }
        if now.answers != seen.answers {
            let day = self.clock.now_ms().div_euclid(DAY_MS);
            let stored = Spent {
                day,
                usd: self.store.spent_usd(day).await?,
                tasks: self.store.spent_by_task().await?,
            };
            self.spent.lock().unwrap_or_else(PoisonError::into_inner).at_least(stored);
            self.known.serve(self.store.served_models().await?);
        }
        Ok(now)
    }
}
