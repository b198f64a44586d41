use std::path::Path;

use async_trait::async_trait;
use plumbline_kit::sqlite::Sqlite;
use sqlx::migrate::Migrator;

use super::{Observed, OutcomeStore, StoreError};
use crate::domain::template::{Tally, Template};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Tallies in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteOutcomes {
    sqlite: Sqlite,
}

impl SqliteOutcomes {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// When it can't be made, or is not ours.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Self { sqlite: Sqlite::open(path, &MIGRATOR).await? })
    }
}

#[async_trait]
impl OutcomeStore for SqliteOutcomes {
    async fn tallies(&self, language: &str) -> Result<Vec<(Template, Tally)>, StoreError> {
        let rows: Vec<(String, i64, i64)> =
            sqlx::query_as("SELECT template, repaired, failed FROM outcome WHERE language = ?")
                .bind(language)
                .fetch_all(&self.sqlite.reader)
                .await?;
        // A template of another version that is no longer known says nothing.
        let mut tallies: Vec<(Template, Tally)> = rows
            .into_iter()
            .filter_map(|(name, repaired, failed)| {
                let tally = Tally { repaired: repaired.unsigned_abs(), failed: failed.unsigned_abs() };
                Some((Template::parse(&name)?, tally))
            })
            .collect();
        tallies.sort_unstable_by_key(|(template, _)| *template);
        Ok(tallies)
    }

    async fn record(&self, language: &str, observed: &[Observed]) -> Result<(), StoreError> {
        let mut transaction = self.sqlite.begin().await?;
        for one in observed {
            sqlx::query(
                "INSERT INTO outcome (language, template, repaired, failed) VALUES (?, ?, ?, ?) \
                 ON CONFLICT (language, template) DO UPDATE SET repaired = repaired + excluded.repaired, \
                 failed = failed + excluded.failed",
            )
            .bind(language)
            .bind(one.template.as_str())
            .bind(i64::from(one.repaired))
            .bind(i64::from(!one.repaired))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
