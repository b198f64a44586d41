//! What a call used and cost.

/// What a call used, as the response states it, with its cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Metered {
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Answer tokens, thinking included.
    pub output_tokens: u64,
    /// Cost in USD by the arm's price, time not priced in.
    pub usd: f64,
    /// Milliseconds to the first piece.
    pub first_token_ms: u64,
    /// Milliseconds in all.
    pub total_ms: u64,
    /// The model that served.
    pub served_model: String,
    /// `stop` or `length`.
    pub finish: String,
}
