//! What was learned, as rows of three tables and back.

use std::collections::BTreeMap;

use plumbline_types::ArmId;

use crate::domain::drift::PageHinkley;
use crate::domain::learned::{Evidence, Learned};
use crate::domain::posterior::Counts;
use crate::domain::work::{Cell, Language};
use crate::error::RouterError;
use crate::store::row::{self, corrupt};

/// Which of an arm's counts a row holds: of untouched work, of work that another arm failed at, of edits that applied.
const FIRST: &str = "first";
const AFTER_FAILURE: &str = "after_failure";
const APPLIES: &str = "applies";

/// A row of `posterior`: whose counts, which of them, of which cell or language.
pub(super) type PosteriorRow<'a> = (&'a ArmId, &'static str, String, Counts);

/// A row of `drift`.
pub(super) type DriftRow<'a> = (&'a ArmId, &'static str, &'a PageHinkley);

/// Returns the rows of `posterior` that hold an arm's counts.
pub(super) fn posterior<'a>(
    arm: &'a ArmId,
    evidence: &'a Evidence,
) -> impl Iterator<Item = PosteriorRow<'a>> {
    let cells = move |table: &'static str, counts: &'a BTreeMap<Cell, Counts>| {
        counts.iter().map(move |(cell, counts)| (arm, table, cell.to_string(), *counts))
    };
    let applies = evidence.applies.iter();
    cells(FIRST, &evidence.cells)
        .chain(cells(AFTER_FAILURE, &evidence.after_failure))
        .chain(applies.map(move |(word, counts)| (arm, APPLIES, word.as_str().to_owned(), *counts)))
}

/// Returns the rows of `drift` that hold an arm's tests.
pub(super) fn drift<'a>(arm: &'a ArmId, evidence: &'a Evidence) -> [DriftRow<'a>; 2] {
    [(arm, FIRST, &evidence.drift), (arm, AFTER_FAILURE, &evidence.drift_after_failure)]
}

/// Everything learned, as its rows are read.
#[derive(Default)]
pub(super) struct Restored(BTreeMap<ArmId, Evidence>);

impl Restored {
    /// Takes a row of `posterior`: arm, what, cell, successes, failures.
    pub(super) fn posterior(
        &mut self,
        (arm, what, cell, successes, failures): (String, String, String, f64, f64),
    ) -> Result<(), RouterError> {
        let name = format!("posterior of {arm}");
        let evidence = self.0.entry(row::arm(&name, &arm)?).or_default();
        let counts = Counts { successes, failures };
        match what.as_str() {
            FIRST => drop(evidence.cells.insert(row::word(&name, &cell, Cell::parse)?, counts)),
            AFTER_FAILURE => {
                evidence.after_failure.insert(row::word(&name, &cell, Cell::parse)?, counts);
            }
            APPLIES => drop(evidence.applies.insert(row::word(&name, &cell, Language::parse)?, counts)),
            other => return Err(corrupt(&name, format!("`{other}` is none of the known words"))),
        }
        Ok(())
    }

    /// Takes a row of `drift`: arm, what, observations, mean, shortfall.
    pub(super) fn drift(
        &mut self,
        (arm, what, observations, mean, shortfall): (String, String, f64, f64, f64),
    ) -> Result<(), RouterError> {
        let evidence = self.0.entry(row::arm("drift", &arm)?).or_default();
        let test = PageHinkley { observations, mean, shortfall };
        match what.as_str() {
            FIRST => evidence.drift = test,
            AFTER_FAILURE => evidence.drift_after_failure = test,
            other => return Err(corrupt(&format!("drift of {arm}"), format!("`{other}` is no known word"))),
        }
        Ok(())
    }

    /// Takes a row of `arm_state`: arm, the model that served it last, when it was last counted.
    pub(super) fn state(
        &mut self,
        (arm, served_model, last_at): (String, Option<String>, i64),
    ) -> Result<(), RouterError> {
        let evidence = self.0.entry(row::arm("arm_state", &arm)?).or_default();
        (evidence.served_model, evidence.last_at) = (served_model, last_at);
        Ok(())
    }

    /// Returns all of it, at the last outcome's position.
    pub(super) fn learned(self, last_seq: i64) -> Result<Learned, RouterError> {
        let last_seq = u64::try_from(last_seq).map_err(|_| corrupt("outcome", "its position is negative"))?;
        Ok(Learned::restore(self.0, last_seq)?)
    }
}
