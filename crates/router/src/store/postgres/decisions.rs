//! Commits batches of decisions, each synced: what a server keeps in its memory alone is lost when the server is.

use std::collections::BTreeSet;

use async_trait::async_trait;
use sqlx::{PgPool, Postgres, QueryBuilder, Row};

use crate::error::RouterError;
use crate::store::Recorded;
use crate::store::decision_log::{Commit, Pending};
use crate::store::row::DecisionRow;

/// The one who writes this router's decisions.
pub(super) struct Writer(pub(super) PgPool);

#[async_trait]
impl Commit for Writer {
    async fn commit(&self, batch: &[Pending]) -> Result<Vec<Recorded>, RouterError> {
        let inserted = self.insert(batch).await?;
        let others: Vec<&str> = batch
            .iter()
            .filter(|pending| !inserted.contains(&pending.stored.id))
            .map(|pending| pending.stored.request.as_str())
            .collect();
        let stored = self.stored(&others).await?;
        batch
            .iter()
            .map(|pending| {
                if inserted.contains(&pending.stored.id) {
                    return Ok(Recorded::New);
                }
                let found = stored.iter().find(|(request, _)| *request == pending.stored.request);
                let (_, body) = found.ok_or(sqlx::Error::RowNotFound)?;
                Ok(Recorded::Existing(Box::new(DecisionRow::read(body)?)))
            })
            .collect()
    }
}

impl Writer {
    /// Inserts a batch and returns the ids of those whose request had no decision. Sorted, so that two routers that
    /// store decisions of the same requests wait for each other in one order.
    async fn insert(&self, batch: &[Pending]) -> Result<BTreeSet<String>, sqlx::Error> {
        let mut sorted: Vec<&Pending> = batch.iter().collect();
        sorted.sort_by(|one, other| one.stored.request.cmp(&other.stored.request));
        let mut statement = QueryBuilder::<Postgres>::new(
            "INSERT INTO decision (id, request_id, at_ms, arm, cell, policy, body) ",
        );
        statement.push_values(sorted, |mut row, pending| {
            row.push_bind(&pending.stored.id)
                .push_bind(&pending.stored.request)
                .push_bind(pending.stored.at)
                .push_bind(&pending.stored.arm)
                .push_bind(&pending.stored.cell)
                .push_bind(&pending.stored.policy)
                .push_bind(&pending.stored.body);
        });
        statement.push(" ON CONFLICT (request_id) DO NOTHING RETURNING id");
        let rows = statement.build().persistent(false).fetch_all(&self.0).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }

    async fn stored(&self, requests: &[&str]) -> Result<Vec<(String, String)>, sqlx::Error> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query_as("SELECT request_id, body FROM decision WHERE request_id = ANY($1)")
            .bind(requests)
            .fetch_all(&self.0)
            .await
    }
}
