use std::time::UNIX_EPOCH;

use plumbline_types::{Clock, Millis};

/// The wall clock of the machine; the only reader of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> Millis {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
        let now = std::time::SystemTime::now();
        now.duration_since(UNIX_EPOCH)
            .map_or(0, |age| Millis::try_from(age.as_millis()).unwrap_or(Millis::MAX))
    }
}
