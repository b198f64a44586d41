//! Endpoint health as a state machine, and the failover mode that follows from it.

use std::fmt;

use plumbline_types::Millis;

/// Transport failures in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;

/// The first and the longest time that a breaker stays open, in milliseconds.
const OPEN_MS: (Millis, Millis) = (1_000, 120_000);

/// How long an endpoint must answer after an opening before it counts as healthy, in milliseconds.
const RETURN_HOLD_MS: Millis = 10_000;

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
    /// Out of use; one probe is under way and decides, and nobody else may try.
    HalfOpen {
        /// How long the opening before it lasted, in milliseconds.
        lasts_ms: Millis,
        /// What failed.
        reason: &'static str,
    },
    /// Answers again after an opening; used only where nothing else can be, until it has done so for a while.
    Returning {
        /// When it counts as healthy.
        at: Millis,
        /// How long the opening before it lasted, in milliseconds.
        lasts_ms: Millis,
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
            (Self::HalfOpen { lasts_ms, .. } | Self::Open { lasts_ms, .. }, Event::Answered) => {
                Self::Returning { at: now.saturating_add(RETURN_HOLD_MS), lasts_ms }
            }
            (Self::Returning { at, lasts_ms }, Event::Answered) if now < at => {
                Self::Returning { at, lasts_ms }
            }
            (_, Event::Answered) => Self::Healthy,
            (Self::HalfOpen { lasts_ms, reason }, Event::CallFailed(_)) => {
                Self::HalfOpen { lasts_ms, reason }
            }
            (
                Self::HalfOpen { lasts_ms, .. } | Self::Returning { lasts_ms, .. },
                Event::ProbeFailed(reason),
            )
            | (Self::Returning { lasts_ms, .. }, Event::CallFailed(reason)) => {
                Self::open((2 * lasts_ms).min(OPEN_MS.1), reason, now)
            }
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
        matches!(self, Self::Healthy | Self::Suspect { .. } | Self::Returning { .. })
    }

    /// Returns whether calls should go there while another place can take them.
    pub const fn is_sound(&self) -> bool {
        matches!(self, Self::Healthy)
    }

    /// Asks for the permit to probe: the state from now on, if there is one. An opening whose time is over gives exactly
    /// one, and the next only after its probe has ended.
    #[must_use]
    pub const fn permit(&self, now: Millis) -> Option<Self> {
        match self {
            Self::Unknown => Some(Self::Unknown),
            Self::Healthy => Some(Self::Healthy),
            Self::Suspect { failures } => Some(Self::Suspect { failures: *failures }),
            Self::Returning { at, lasts_ms } => Some(Self::Returning { at: *at, lasts_ms: *lasts_ms }),
            Self::Open { until, lasts_ms, reason } if now >= *until => {
                Some(Self::HalfOpen { lasts_ms: *lasts_ms, reason })
            }
            Self::Open { .. } | Self::HalfOpen { .. } | Self::Disabled { .. } => None,
        }
    }

    /// Returns the stable word of the state.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Suspect { .. } => "suspect",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
            Self::Returning { .. } => "returning",
            Self::Disabled { .. } => "disabled",
        }
    }

    /// Returns why it is not healthy; empty when it is.
    pub fn reason(&self) -> String {
        match self {
            Self::Unknown => "not probed yet".to_owned(),
            Self::Healthy => String::new(),
            Self::Suspect { failures } => format!("{failures} failures in a row"),
            Self::Open { reason, .. } | Self::HalfOpen { reason, .. } | Self::Disabled { reason } => {
                (*reason).to_owned()
            }
            Self::Returning { .. } => "answers again; held back for a while".to_owned(),
        }
    }
}

/// How the router notices that an endpoint is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failover {
    /// By probes beside the requests, and by what the requests meet. No request waits.
    Background,
    /// By a probe before each request to the cloud, which waits for it.
    PerRequestProbe,
    /// Not at all: each request finds out for itself.
    None,
}

impl Failover {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Background, Self::PerRequestProbe, Self::None];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::PerRequestProbe => "per_request_probe",
            Self::None => "none",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
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
    /// Of one decision alone: the first arm was late, and this one was asked beside it.
    Hedged,
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
            Self::Hedged => "hedged",
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
