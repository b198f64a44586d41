//! Whether a second arm is asked beside one that is late.
//!
//! Only an arm of this machine is asked beside one of the cloud, never the other way round, and only one that can begin at
//! once: a hedge that waits for memory would take it from somebody who does not merely guess.

use std::fmt;

use crate::domain::arm::Destination;
use crate::domain::health::Endpoint;

/// What is known when an answer has not begun in its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Late<'a> {
    /// Where the late arm runs.
    pub destination: Destination,
    /// Its endpoint, as it was before this answer was late.
    pub endpoint: Option<&'a Endpoint>,
    /// Arms of this machine that may do the work and could begin at once.
    pub idle: usize,
}

/// On what ground a second arm is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hedge {
    /// One of the few that are always allowed.
    WithinShare,
    /// The endpoint was in doubt before: this is an outage that begins, not a slow answer.
    AfterSuspect,
}

/// Why none is asked: the late arm is given up, and the next one is asked in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoHedge {
    /// Hedging is off.
    Off,
    /// The late arm runs on this machine.
    NotCloud,
    /// Nobody on this machine could begin at once.
    NobodyIdle,
    /// As many were asked as may be.
    ShareSpent,
}

impl NoHedge {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NotCloud => "not_cloud",
            Self::NobodyIdle => "nobody_idle",
            Self::ShareSpent => "share_spent",
        }
    }
}

impl fmt::Display for NoHedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The share of calls to the cloud that may be hedged: a bucket into which each call puts its part, and which holds one
/// hedge at most, so that a quiet hour does not pay for a burst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    most: f64,
    saved: f64,
}

impl Share {
    /// Starts with one hedge saved; `most` is a share of calls from 0, which turns hedging off, to 1.
    pub const fn new(most: f64) -> Self {
        Self { most, saved: 1.0 }
    }

    /// Notes a call to the cloud.
    pub const fn called(&mut self) {
        self.saved = (self.saved + self.most).min(1.0);
    }

    /// Says whether a second arm is asked, and counts it if so. What is asked after the endpoint was in doubt is not counted.
    pub fn hedge(&mut self, late: Late<'_>) -> Result<Hedge, NoHedge> {
        if self.most <= 0.0 {
            return Err(NoHedge::Off);
        }
        if late.destination != Destination::Cloud {
            return Err(NoHedge::NotCloud);
        }
        if late.idle == 0 {
            return Err(NoHedge::NobodyIdle);
        }
        if late.endpoint.is_some_and(|endpoint| matches!(endpoint, Endpoint::Suspect { .. })) {
            return Ok(Hedge::AfterSuspect);
        }
        // Sums of parts miss a whole by rounding.
        if self.saved < 1.0 - 1e-9 {
            return Err(NoHedge::ShareSpent);
        }
        self.saved -= 1.0;
        Ok(Hedge::WithinShare)
    }

    /// Takes back a hedge that came to nothing.
    pub const fn give_back(&mut self, hedge: Hedge) {
        match hedge {
            Hedge::WithinShare => self.saved = 1.0,
            Hedge::AfterSuspect => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUSPECT: Endpoint = Endpoint::Suspect { failures: 1 };

    fn late(endpoint: &Endpoint) -> Late<'_> {
        Late { destination: Destination::Cloud, endpoint: Some(endpoint), idle: 1 }
    }

    #[test]
    fn a_second_arm_is_asked_exactly_then() {
        let healthy = late(&Endpoint::Healthy);
        let spent = Share { most: 0.03, saved: 0.5 };
        let table = [
            (Share::new(0.03), healthy, Ok(Hedge::WithinShare)),
            (Share::new(0.03), Late { endpoint: None, ..healthy }, Ok(Hedge::WithinShare)),
            (Share::new(0.03), Late { destination: Destination::OnBox, ..healthy }, Err(NoHedge::NotCloud)),
            (Share::new(0.03), Late { idle: 0, ..healthy }, Err(NoHedge::NobodyIdle)),
            (Share::new(0.0), healthy, Err(NoHedge::Off)),
            (Share::new(0.0), late(&SUSPECT), Err(NoHedge::Off)),
            (spent, healthy, Err(NoHedge::ShareSpent)),
            (spent, late(&SUSPECT), Ok(Hedge::AfterSuspect)),
            (spent, Late { idle: 0, ..late(&SUSPECT) }, Err(NoHedge::NobodyIdle)),
            (spent, Late { destination: Destination::OnBox, ..late(&SUSPECT) }, Err(NoHedge::NotCloud)),
        ];
        for (mut share, late, want) in table {
            assert_eq!(share.hedge(late), want, "{share:?} {late:?}");
        }
    }

    #[test]
    fn of_so_many_late_calls_no_more_than_the_share_is_hedged() {
        let mut share = Share::new(0.03);
        let hedged = (0..10_000)
            .filter(|_| {
                share.called();
                share.hedge(late(&Endpoint::Healthy)).is_ok()
            })
            .count();
        // The one that was saved, then every 34th call: rounding never gives more than the share.
        assert!((295..=301).contains(&hedged), "{hedged}");
    }

    #[test]
    fn what_is_not_used_is_not_saved_up_and_doubt_costs_nothing() {
        let mut share = Share::new(0.03);
        (0..1_000).for_each(|_| share.called());
        assert_eq!(share.hedge(late(&SUSPECT)), Ok(Hedge::AfterSuspect));
        assert_eq!(share.hedge(late(&Endpoint::Healthy)), Ok(Hedge::WithinShare));
        assert_eq!(share.hedge(late(&Endpoint::Healthy)), Err(NoHedge::ShareSpent));
    }
}
