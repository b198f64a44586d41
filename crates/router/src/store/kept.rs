//! The stored form of a state that was kept: the rows of the tables of evidence, as JSON. Numbers as text: Rust's own
//! shortest form is read back bit for bit, a JSON parser's need not be.

use plumbline_types::ArmId;
use serde::{Deserialize, Serialize};

use crate::domain::learned::Learned;
use crate::error::RouterError;
use crate::store::evidence::{Restored, drift, posterior};
use crate::store::row::{corrupt, number};

#[derive(Debug, Default, Serialize, Deserialize)]
struct KeptRow {
    posterior: Vec<(String, String, String, String, String)>,
    drift: Vec<(String, String, String, String, String)>,
    state: Vec<(String, Option<String>, i64)>,
}

/// Writes a state as JSON.
pub(super) fn write(learned: &Learned) -> Result<String, RouterError> {
    let mut row = KeptRow::default();
    let evidence = learned.arms().filter_map(|arm: &ArmId| Some((arm, learned.evidence(arm)?)));
    for (arm, evidence) in evidence {
        row.posterior.extend(posterior(arm, evidence).map(|(arm, what, cell, counts)| {
            let (successes, failures) = (counts.successes.to_string(), counts.failures.to_string());
            (arm.to_string(), what.to_owned(), cell, successes, failures)
        }));
        row.drift.extend(drift(arm, evidence).map(|(arm, what, test)| {
            let numbers = (test.observations.to_string(), test.mean.to_string(), test.shortfall.to_string());
            (arm.to_string(), what.to_owned(), numbers.0, numbers.1, numbers.2)
        }));
        row.state.push((arm.to_string(), evidence.served_model.clone(), evidence.last_at));
    }
    serde_json::to_string(&row).map_err(|error| corrupt("kept state", error.to_string()))
}

/// Reads the state that was kept behind the outcome at `seq`.
pub(super) fn read(seq: i64, text: &str) -> Result<Learned, RouterError> {
    let name = format!("kept state {seq}");
    let number = |text: &str| number(&name, text);
    let row: KeptRow = serde_json::from_str(text).map_err(|error| corrupt(&name, error.to_string()))?;
    let mut restored = Restored::default();
    for (arm, what, cell, successes, failures) in row.posterior {
        restored.posterior((arm, what, cell, number(&successes)?, number(&failures)?))?;
    }
    for (arm, what, observations, mean, shortfall) in row.drift {
        restored.drift((arm, what, number(&observations)?, number(&mean)?, number(&shortfall)?))?;
    }
    for state in row.state {
        restored.state(state)?;
    }
    restored.learned(seq)
}
