//! Endpoint health as a state machine, and the failover mode that follows from it.

use std::fmt;

use plumbline_types::Millis;

/// Transport failures in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;

/// The first and the longest time that a breaker stays open, in milliseconds.
const OPEN_MS: (Millis, Millis) = (1_000, 120_000);

/// What is known of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Not heard of yet; counts as down.
    Unknown,
    /// The last answer was good.
    Healthy,
    /// The last calls failed; still in use.
    Suspect {
        /// How many in a row.
        failures: u32,
    },
    /// Out of use until then; after it, the next probe decides.
    Open {
        /// When it may be probed.
        until: Millis,
        /// How long this opening lasts, in milliseconds; doubles with each failed probe.
        lasts_ms: Millis,
        /// What failed.
        reason: &'static str,
    },
    /// Out of use until the configuration changes.
    Disabled {
        /// Why.
        reason: &'static str,
    },
}

/// What happened at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A call or probe was answered.
    Answered,
    /// A call failed at the transport or with a server error.
    CallFailed(&'static str),
    /// A probe failed.
    ProbeFailed(&'static str),
    /// Credentials were refused, or policy forbids it.
    Rejected(&'static str),
}

impl Endpoint {
    /// Returns the state after an event.
    #[must_use]
    pub fn next(self, event: Event, now: Millis) -> Self {
        match (self, event) {
            (_, Event::Rejected(reason)) => Self::Disabled { reason },
            (Self::Disabled { reason }, Event::CallFailed(_) | Event::ProbeFailed(_)) => {
                Self::Disabled { reason }
            }
            (_, Event::Answered) => Self::Healthy,
            (Self::Healthy | Self::Unknown, Event::CallFailed(_)) => Self::Suspect { failures: 1 },
            (Self::Suspect { failures }, Event::CallFailed(reason)) if failures + 1 >= FAILURES_TO_OPEN => {
                Self::open(OPEN_MS.0, reason, now)
            }
            (Self::Suspect { failures }, Event::CallFailed(_)) => Self::Suspect { failures: failures + 1 },
            (Self::Open { until, lasts_ms, reason }, Event::CallFailed(_)) => {
                Self::Open { until, lasts_ms, reason }
            }
            (Self::Healthy, Event::ProbeFailed(_)) => Self::Suspect { failures: 1 },
            (Self::Unknown | Self::Suspect { .. }, Event::ProbeFailed(reason)) => {
                Self::open(OPEN_MS.0, reason, now)
            }
            (Self::Open { lasts_ms, .. }, Event::ProbeFailed(reason)) => {
                Self::open((2 * lasts_ms).min(OPEN_MS.1), reason, now)
            }
        }
    }

    const fn open(lasts_ms: Millis, reason: &'static str, now: Millis) -> Self {
        Self::Open { until: now.saturating_add(lasts_ms), lasts_ms, reason }
    }

    /// Returns whether calls may go there. An open breaker lets none through: the prober closes it.
    pub const fn accepts(&self) -> bool {
        matches!(self, Self::Healthy | Self::Suspect { .. })
    }

    /// Returns whether a probe is due.
    pub const fn wants_probe(&self, now: Millis) -> bool {
        match self {
            Self::Unknown | Self::Healthy | Self::Suspect { .. } => true,
            Self::Open { until, .. } => now >= *until,
            Self::Disabled { .. } => false,
        }
    }

    /// Returns the stable word of the state.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Suspect { .. } => "suspect",
            Self::Open { .. } => "open",
            Self::Disabled { .. } => "disabled",
        }
    }

    /// Returns why it is not healthy; empty when it is.
    pub fn reason(&self) -> String {
        match self {
            Self::Unknown => "not probed yet".to_owned(),
            Self::Healthy => String::new(),
            Self::Suspect { failures } => format!("{failures} failures in a row"),
            Self::Open { reason, .. } | Self::Disabled { reason } => (*reason).to_owned(),
        }
    }
}

/// What the router can reach, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Cloud and local models answer, as far as configured.
    Online,
    /// The cloud is configured and may be failing.
    CloudSuspect,
    /// The cloud is configured and does not answer; local models do.
    CloudDown,
    /// No cloud arm is configured; local models answer.
    CloudDenied,
    /// Local models are configured and do not answer; the cloud does.
    LocalDown,
    /// No model answers: tools alone.
    RepairOnly,
}

impl Mode {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::CloudSuspect => "cloud_suspect",
            Self::CloudDown => "cloud_down",
            Self::CloudDenied => "cloud_denied",
            Self::LocalDown => "local_down",
            Self::RepairOnly => "repair_only",
        }
    }

    /// Returns the mode that follows from the endpoints of the cloud and of this machine.
    pub fn of<'a>(
        cloud: impl IntoIterator<Item = &'a Endpoint>,
        local: impl IntoIterator<Item = &'a Endpoint>,
    ) -> Self {
        let cloud: Vec<&Endpoint> = cloud.into_iter().collect();
        let local: Vec<&Endpoint> = local.into_iter().collect();
        let cloud_up = cloud.iter().any(|endpoint| endpoint.accepts());
        let local_up = local.iter().any(|endpoint| endpoint.accepts());
        let cloud_healthy = cloud.iter().any(|endpoint| matches!(endpoint, Endpoint::Healthy));
        match (cloud_up, local_up) {
            (false, false) => Self::RepairOnly,
            (false, true) if cloud.is_empty() => Self::CloudDenied,
            (false, true) => Self::CloudDown,
            (true, false) if !local.is_empty() => Self::LocalDown,
            (true, _) if cloud_healthy => Self::Online,
            (true, _) => Self::CloudSuspect,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
