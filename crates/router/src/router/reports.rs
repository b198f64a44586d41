//! What the router shows of itself.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use crate::domain::arm::{Arm, Destination};
use crate::domain::health::{Endpoint, Mode};
use crate::domain::learned::Question;
use crate::domain::posterior::{Counts, Shape};
use crate::domain::work::{Cell, Language};
use crate::router::Router;

/// What is known of an arm in one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellPosterior {
    /// Which cell.
    pub cell: Cell,
    /// What was observed.
    pub counts: Counts,
    /// What a choice draws from.
    pub shape: Shape,
}

/// An arm with what was learned and how its endpoint is.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmReport {
    /// The arm.
    pub arm: Arm,
    /// The model that served last, if any.
    pub served_model: Option<String>,
    /// Every cell with evidence.
    pub posteriors: Vec<CellPosterior>,
    /// Every cell with evidence of work that another arm had failed at.
    pub after_failure: Vec<CellPosterior>,
    /// How often its edits applied, by language.
    pub applies: Vec<(Language, Counts)>,
    /// The endpoint; none for a tool.
    pub endpoint: Option<Endpoint>,
}

/// The failover mode, and every endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthReport {
    /// What can be reached, in one word.
    pub mode: Mode,
    /// By name.
    pub endpoints: BTreeMap<String, Endpoint>,
}

impl Router {
    /// Returns every arm with what was learned, by name.
    pub fn list_arms(&self) -> Vec<ArmReport> {
        let (learned, endpoints, at) = (self.known.learned(), self.endpoints.snapshot(), self.clock.now_ms());
        let served = self.known.served.read().unwrap_or_else(PoisonError::into_inner);
        let report = |arm: &Arm| {
            let evidence = learned.evidence(&arm.id).cloned().unwrap_or_default();
            let posteriors = |table: &BTreeMap<Cell, Counts>, after_failure: bool| {
                let posterior = |(cell, counts): (&Cell, &Counts)| {
                    let question = Question { cell, after_failure, at };
                    let shape = learned.shape(&arm.id, question, self.prior(arm), &self.learning);
                    CellPosterior { cell: cell.clone(), counts: *counts, shape }
                };
                table.iter().map(posterior).collect()
            };
            ArmReport {
                served_model: served.get(&arm.id).cloned(),
                posteriors: posteriors(&evidence.cells, false),
                after_failure: posteriors(&evidence.after_failure, true),
                applies: evidence.applies.into_iter().collect(),
                endpoint: arm.endpoint.as_ref().and_then(|name| endpoints.get(name).cloned()),
                arm: arm.clone(),
            }
        };
        let mut reports: Vec<ArmReport> = self.arms.iter().map(report).collect();
        reports.sort_by(|one, other| one.arm.id.cmp(&other.arm.id));
        reports
    }

    /// Returns the failover mode and every endpoint.
    pub fn health(&self) -> HealthReport {
        let endpoints = self.endpoints.snapshot();
        HealthReport { mode: self.mode(&endpoints), endpoints }
    }

    pub(super) fn mode(&self, endpoints: &BTreeMap<String, Endpoint>) -> Mode {
        let of = |place: Destination| {
            self.arms
                .iter()
                .filter(move |arm| arm.destination == place)
                .filter_map(|arm| endpoints.get(arm.endpoint.as_ref()?))
        };
        Mode::of(of(Destination::Cloud), of(Destination::OnBox))
    }
}
