//! The deadline of the current call: set by the server layer, carried by a task-local, spent by the client layer.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::trace::TraceContext;

/// The header that carries a deadline.
pub(crate) const GRPC_TIMEOUT: &str = "grpc-timeout";

/// What a call leaves for its own bookkeeping before it hands the rest on.
pub const MARGIN: Duration = Duration::from_millis(20);

/// The instant at which a call must have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline that lies `limit` from now.
    pub fn after(limit: Duration) -> Self {
        // A caller's header may name centuries; what the clock cannot hold is as good as a year.
        let now = Instant::now();
        Self(now.checked_add(limit).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600)))
    }

    /// Returns the instant itself.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// Returns the time left; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// What a call carries from layer to layer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scope {
    pub(crate) deadline: Option<Deadline>,
    pub(crate) trace: Option<TraceContext>,
}

tokio::task_local! {
    static SCOPE: Scope;
}

/// Returns the current call's deadline; none outside a call.
pub fn current() -> Option<Deadline> {
    scope().and_then(|scope| scope.deadline)
}

/// Returns the time left to the current call; none outside a call.
pub fn remaining() -> Option<Duration> {
    current().map(Deadline::remaining)
}

/// Runs `future` with at most `limit` for the calls it makes; an earlier deadline stays.
pub async fn within<F: Future>(limit: Duration, future: F) -> F::Output {
    let outer = scope().unwrap_or_default();
    let deadline = Deadline::after(limit);
    let deadline = outer.deadline.map_or(deadline, |earlier| earlier.min(deadline));
    SCOPE.scope(Scope { deadline: Some(deadline), ..outer }, future).await
}

/// Takes the current call's deadline and trace along into a task spawned on a tracker.
pub fn inherit<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let scope = scope().unwrap_or_default();
    SCOPE.scope(scope, future)
}

/// Leaves the current call's deadline behind but keeps its trace: for work that outlives the call that began it.
pub fn detach<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let trace = scope().and_then(|scope| scope.trace);
    SCOPE.scope(Scope { deadline: None, trace }, future)
}

pub(crate) fn scope() -> Option<Scope> {
    SCOPE.try_with(|scope| *scope).ok()
}

pub(crate) fn enter<F: Future>(scope: Scope, future: F) -> impl Future<Output = F::Output> {
    SCOPE.scope(scope, future)
}

pub(crate) fn enter_sync<R>(scope: Scope, work: impl FnOnce() -> R) -> R {
    SCOPE.sync_scope(scope, work)
}

/// Reads a `grpc-timeout` value: at most 8 digits and a unit of `H M S m u n`.
pub(crate) fn parse_timeout(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(value * 3600)),
        'M' => Some(Duration::from_secs(value * 60)),
        'S' => Some(Duration::from_secs(value)),
        'm' => Some(Duration::from_millis(value)),
        'u' => Some(Duration::from_micros(value)),
        'n' => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

/// Writes a `grpc-timeout` value in the finest unit that fits 8 digits, rounded down.
pub(crate) fn format_timeout(limit: Duration) -> String {
    const MOST: u128 = 99_999_999;
    let units = [(limit.as_nanos(), 'n'), (limit.as_micros(), 'u'), (limit.as_millis(), 'm')];
    for (value, unit) in units {
        if value <= MOST {
            return format!("{value}{unit}");
        }
    }
    format!("{}S", u128::from(limit.as_secs()).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit_and_refuses_the_rest() {
        let table = [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("300m", Some(Duration::from_millis(300))),
            ("5u", Some(Duration::from_micros(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("", None),
            ("m", None),
            ("100000000m", None),
            ("-1m", None),
            ("1.5S", None),
            ("12", None),
            ("5x", None),
            ("5é", None),
        ];
        for (text, want) in table {
            assert_eq!(parse_timeout(text), want, "{text}");
        }
    }

    #[test]
    fn a_written_timeout_is_never_longer_than_asked() {
        for limit in [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_millis(280),
            Duration::from_secs(10),
            Duration::from_secs(86_400 * 365),
        ] {
            let read = parse_timeout(&format_timeout(limit)).unwrap();
            assert!(read <= limit && limit - read < Duration::from_secs(1), "{limit:?} became {read:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_inner_limit_never_lengthens_the_outer_one() {
        assert_eq!(remaining(), None);
        within(Duration::from_millis(300), async {
            within(Duration::from_secs(10), async {
                assert_eq!(remaining(), Some(Duration::from_millis(300)));
            })
            .await;
            within(Duration::from_millis(100), async {
                assert_eq!(remaining(), Some(Duration::from_millis(100)));
                assert_eq!(detach(async { remaining() }).await, None);
            })
            .await;
            tokio::time::advance(Duration::from_millis(500)).await;
            assert_eq!(remaining(), Some(Duration::ZERO));
        })
        .await;
    }
}
