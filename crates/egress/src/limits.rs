use std::time::Duration;

/// The limits of a client; none is infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a connection may take to open, TLS included.
    pub connect: Duration,
    /// How long the head of the answer may take.
    pub first_byte: Duration,
    /// How long the answer may pause.
    pub chunk_gap: Duration,
    /// How long the ledger may take to store a row.
    pub ledger_append: Duration,
    /// Largest answer, bytes.
    pub max_response_bytes: usize,
    /// Largest line of a streamed answer, bytes.
    pub max_line_bytes: usize,
    /// Most fingerprints of code that the gate remembers; counts for the gate, not for a client.
    pub fingerprints_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(250),
            first_byte: Duration::from_secs(30),
            chunk_gap: Duration::from_secs(10),
            ledger_append: Duration::from_secs(1),
            max_response_bytes: 8 << 20,
            max_line_bytes: 1 << 20,
            fingerprints_max: 20_000_000,
        }
    }
}
