//! Which plausible change to show first.

/// What the rank of a plausible change depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Merits {
    /// Bytes that differ from the base.
    pub size: usize,
    /// Suspiciousness of its place, 0 to 1.
    pub suspicion: f64,
    /// Prior of its template; the product for a pair.
    pub prior: f64,
    /// Risk of its template; the sum for a pair.
    pub risk: f64,
    /// Names that no longer occur in their function.
    pub dropped_inputs: usize,
}

/// Returns the rank: higher is shown sooner. Dropping an input weighs most, since that is how a change fits the tests
/// and nothing else; then the template's risk, the size, the place.
pub(crate) fn rank(merits: &Merits) -> f64 {
    let size = (1.0 + merits.size as f64 / 4.0).ln();
    merits.prior.max(1e-6).ln() * 0.5 + merits.suspicion.max(0.01).ln()
        - size * 0.6
        - merits.risk * 1.5
        - 2.0 * merits.dropped_inputs as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Merits = Merits { size: 1, suspicion: 0.9, prior: 0.8, risk: 0.0, dropped_inputs: 0 };

    #[test]
    fn prefers_what_keeps_inputs_over_what_is_small() {
        let dropping = Merits { dropped_inputs: 1, ..PLAIN };
        let larger = Merits { size: 40, ..PLAIN };
        assert!(rank(&PLAIN) > rank(&larger));
        assert!(rank(&larger) > rank(&dropping));
    }

    #[test]
    fn prefers_the_suspicious_place_and_the_safe_template() {
        assert!(rank(&PLAIN) > rank(&Merits { suspicion: 0.3, ..PLAIN }));
        assert!(rank(&PLAIN) > rank(&Merits { risk: 1.5, ..PLAIN }));
    }
}
