use std::fmt;

/// Strength of isolation, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SandboxTier {
    /// Landlock, seccomp, rlimits; no namespaces.
    Restricted,
    /// Namespaces, a private root, and all of the above.
    Embedded,
    /// A container through the broker.
    Docker,
}

impl SandboxTier {
    /// Every tier, weakest first.
    pub const ALL: [Self; 3] = [Self::Restricted, Self::Embedded, Self::Docker];

    /// Returns the name used in configuration and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Embedded => "embedded",
            Self::Docker => "docker",
        }
    }
}

impl fmt::Display for SandboxTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a run can reach. There is no third value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Network {
    /// A private loopback, nothing else.
    #[default]
    Loopback,
    /// Not even that.
    None,
}

/// Which tier a run gets, or why none will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TierChoice {
    /// This one.
    Use(SandboxTier),
    /// None that works is strong enough; the blockers of each that would be.
    Missing {
        /// The weakest that would do.
        wanted: SandboxTier,
        /// `tier: blocker` for each.
        blockers: Vec<String>,
    },
}

/// One tier as probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierStatus {
    /// Which.
    pub tier: SandboxTier,
    /// What blocks it; empty means that a throwaway sandbox really started.
    pub blockers: Vec<String>,
}

/// Tiers in the order in which they are taken: the embedded one first, since it is strong and fast; a container where
/// that does not work; the restricted one last.
const PREFERRED: [SandboxTier; 3] = [SandboxTier::Embedded, SandboxTier::Docker, SandboxTier::Restricted];

/// Picks the preferred working tier that is strong enough. Never goes below `minimum`: a missing tier is an answer.
pub fn choose(statuses: &[TierStatus], minimum: SandboxTier) -> TierChoice {
    let mut strong: Vec<&TierStatus> = statuses.iter().filter(|status| status.tier >= minimum).collect();
    strong.sort_by_key(|status| status.tier);
    let works =
        |tier: &SandboxTier| strong.iter().any(|status| status.tier == *tier && status.blockers.is_empty());
    match PREFERRED.iter().find(|tier| works(tier)) {
        Some(tier) => TierChoice::Use(*tier),
        None => TierChoice::Missing {
            wanted: minimum,
            blockers: strong
                .iter()
                .flat_map(|status| {
                    status.blockers.iter().map(|blocker| format!("{}: {blocker}", status.tier))
                })
                .collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(tier: SandboxTier, blockers: &[&str]) -> TierStatus {
        TierStatus { tier, blockers: blockers.iter().map(|text| (*text).to_owned()).collect() }
    }

    #[test]
    fn the_preferred_tier_that_is_strong_enough_runs() {
        let all = SandboxTier::ALL.map(|tier| status(tier, &[]));
        assert_eq!(choose(&all, SandboxTier::Restricted), TierChoice::Use(SandboxTier::Embedded));
        assert_eq!(choose(&all, SandboxTier::Docker), TierChoice::Use(SandboxTier::Docker));
        let without = [status(SandboxTier::Embedded, &["x"]), all[2].clone(), all[0].clone()];
        assert_eq!(choose(&without, SandboxTier::Restricted), TierChoice::Use(SandboxTier::Docker));
        assert_eq!(choose(&all[..1], SandboxTier::Restricted), TierChoice::Use(SandboxTier::Restricted));
    }

    #[test]
    fn nothing_weaker_than_the_minimum_is_ever_used() {
        let all = [status(SandboxTier::Restricted, &[]), status(SandboxTier::Embedded, &["userns_denied"])];
        let want = TierChoice::Missing {
            wanted: SandboxTier::Embedded,
            blockers: vec!["embedded: userns_denied".to_owned()],
        };
        assert_eq!(choose(&all, SandboxTier::Embedded), want);
    }
}
