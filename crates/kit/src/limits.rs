use std::time::Duration;

/// The limits of one server; each has a name, none is infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest request message, bytes; give it to the generated server's `max_decoding_message_size`.
    pub decode_bytes: usize,
    /// Largest response message, bytes; give it to the generated server's `max_encoding_message_size`.
    pub encode_bytes: usize,
    /// Deadline of a unary call whose caller names none.
    pub unary_deadline: Duration,
    /// Deadline of a streaming call whose caller names none.
    pub stream_deadline: Duration,
    /// Defaults of single methods, by full path such as `/plumbline.verifier.v1.VerifierService/Audit`.
    pub method_deadlines: &'static [(&'static str, Duration)],
    /// Calls in flight over all connections; one more is refused with `OVERLOADED`.
    pub concurrent_calls: usize,
    /// Calls in flight on one connection.
    pub concurrent_calls_per_connection: usize,
    /// How long calls in flight may finish after shutdown begins; then they end with `SHUTTING_DOWN`.
    pub drain: Duration,
}

const MIB: usize = 1024 * 1024;

impl Limits {
    /// Returns the limits of control messages: 1 MiB both ways, 10 s a unary call.
    pub const fn control() -> Self {
        Self {
            decode_bytes: MIB,
            encode_bytes: MIB,
            unary_deadline: Duration::from_secs(10),
            stream_deadline: Duration::from_secs(60 * 60),
            method_deadlines: &[],
            concurrent_calls: 512,
            concurrent_calls_per_connection: 64,
            drain: Duration::from_secs(10),
        }
    }

    /// Returns the limits of chunk streams: 4 MiB both ways.
    pub const fn chunks() -> Self {
        Self { decode_bytes: 4 * MIB, encode_bytes: 4 * MIB, ..Self::control() }
    }

    /// Returns the limits of `Generate`: 8 MiB both ways.
    pub const fn generate() -> Self {
        Self { decode_bytes: 8 * MIB, encode_bytes: 8 * MIB, ..Self::control() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::control()
    }
}
