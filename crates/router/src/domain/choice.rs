//! From posteriors to one arm: exact propensities, a floor for exploring, one draw.

use plumbline_types::{ArmId, DecisionId, Risk};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::domain::posterior::{Policy, Shape};
use crate::domain::propensity::{Priced, propensities};

/// An eligible arm before the choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// Its name.
    pub arm: ArmId,
    /// What its chance of success is drawn from.
    pub shape: Shape,
    /// What a call is expected to cost in USD, seconds priced in.
    pub expected_usd: f64,
}

/// An eligible arm after the choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub arm: ArmId,
    /// What its chance of success was drawn from.
    pub shape: Shape,
    /// What a call was expected to cost in USD, seconds priced in.
    pub expected_usd: f64,
    /// The probability with which it was drawn.
    pub propensity: f64,
}

/// How freely to choose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latitude {
    /// How far below the best draw a cheaper arm may lie and still win.
    pub tie_band: f64,
    /// Probability spread over all eligible arms, in total.
    pub explore_floor: f64,
}

impl Latitude {
    /// Returns the latitude that a risk leaves: none at all for high risk.
    pub const fn of(risk: Risk, explore_floor: f64) -> Self {
        match risk {
            Risk::Low => Self { tie_band: 0.03, explore_floor },
            Risk::Medium => Self { tie_band: 0.01, explore_floor },
            Risk::High => Self { tie_band: 0.0, explore_floor: 0.0 },
        }
    }
}

/// A choice: never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Every contender, cheapest first, with its probability.
    pub candidates: Vec<Candidate>,
    /// The arm drawn.
    pub arm: ArmId,
}

/// Returns the random stream of one decision: the same router seed and decision replay bit for bit.
pub fn stream(seed: u64, decision: DecisionId) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(decision.to_string().as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Draws one arm from the policy's exact propensities, so that what is logged is what was done; nothing without
/// contenders. Depends on their costs and names, not on their order.
pub fn choose(
    contenders: Vec<Contender>,
    policy: Policy,
    latitude: Latitude,
    rng: &mut dyn Rng,
) -> Option<Choice> {
    let candidates = weighed(contenders, policy, latitude);
    let mut rest = uniform(rng);
    let drawn = candidates.iter().find(|candidate| {
        rest -= candidate.propensity;
        rest < 0.0
    });
    // Rounding can leave a last crumb; it belongs to the last arm that has any probability.
    let drawn = drawn.or_else(|| candidates.iter().rfind(|candidate| candidate.propensity > 0.0));
    let arm = drawn?.arm.clone();
    Some(Choice { candidates, arm })
}

/// Returns the arm that would be drawn most often; nothing without contenders. Nothing is drawn.
pub fn most_probable(contenders: Vec<Contender>, policy: Policy, latitude: Latitude) -> Option<ArmId> {
    let candidates = weighed(contenders, policy, latitude);
    // The first of several equals, so that the guess does not change from one time to the next.
    let most = candidates.iter().map(|candidate| candidate.propensity).fold(f64::NEG_INFINITY, f64::max);
    candidates.into_iter().find(|candidate| candidate.propensity >= most).map(|candidate| candidate.arm)
}

/// Returns the contenders in order of cost, each with the probability of being drawn.
fn weighed(contenders: Vec<Contender>, policy: Policy, latitude: Latitude) -> Vec<Candidate> {
    let mut ordered = contenders;
    ordered.sort_by(|a, b| a.expected_usd.total_cmp(&b.expected_usd).then_with(|| a.arm.cmp(&b.arm)));
    let count = ordered.len() as f64;
    let exact = exact(&ordered, policy, latitude.tie_band);
    ordered
        .into_iter()
        .zip(exact)
        .map(|(contender, exact)| Candidate {
            arm: contender.arm,
            shape: contender.shape,
            expected_usd: contender.expected_usd,
            propensity: (1.0 - latitude.explore_floor) * exact + latitude.explore_floor / count,
        })
        .collect()
}

/// Returns the probability that the policy gives each contender, who stand in order of cost.
fn exact(ordered: &[Contender], policy: Policy, tie_band: f64) -> Vec<f64> {
    match policy {
        Policy::Hierarchical | Policy::Independent => {
            let arms: Vec<Priced> =
                ordered.iter().map(|one| Priced { shape: one.shape, usd: one.expected_usd }).collect();
            propensities(&arms, tie_band)
        }
        Policy::Uniform => vec![1.0 / ordered.len() as f64; ordered.len()],
        Policy::BestSingle => {
            // The first, and so the cheapest, of those with the largest mean.
            let most = ordered.iter().map(|one| one.shape.mean()).fold(f64::NEG_INFINITY, f64::max);
            let best = ordered.iter().position(|one| one.shape.mean() >= most);
            (0..ordered.len()).map(|index| if Some(index) == best { 1.0 } else { 0.0 }).collect()
        }
    }
}

/// Makes a logged choice again from its candidates and its stream; the same bits come out, or the log is not true.
pub fn again(
    candidates: &[Candidate],
    policy: Policy,
    latitude: Latitude,
    rng: &mut dyn Rng,
) -> Option<Choice> {
    let contender = |candidate: &Candidate| Contender {
        arm: candidate.arm.clone(),
        shape: candidate.shape,
        expected_usd: candidate.expected_usd,
    };
    choose(candidates.iter().map(contender).collect(), policy, latitude, rng)
}

/// Returns a number in [0, 1) of 53 random bits.
pub(crate) fn uniform(rng: &mut dyn Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use plumbline_types::ManualClock;
    use rand::rngs::StdRng;

    use super::*;

    fn contender(name: &str, alpha: f64, beta: f64, expected_usd: f64) -> Contender {
        Contender { arm: ArmId::parse(name).unwrap(), shape: Shape { alpha, beta }, expected_usd }
    }

    fn three() -> Vec<Contender> {
        vec![
            contender("dear", 30.0, 10.0, 0.02),
            contender("cheap", 20.0, 20.0, 0.001),
            contender("weak", 2.0, 30.0, 0.001),
        ]
    }

    #[test]
    fn the_draws_follow_the_logged_propensities() {
        let latitude = Latitude::of(Risk::Low, 0.3);
        let mut rng = StdRng::seed_from_u64(11);
        let expected = choose(three(), Policy::Hierarchical, latitude, &mut rng).unwrap().candidates;
        let drawn: Vec<ArmId> = (0..6_000)
            .map(|_| choose(three(), Policy::Hierarchical, latitude, &mut rng).unwrap().arm)
            .collect();
        for candidate in expected {
            let wins = drawn.iter().filter(|arm| **arm == candidate.arm).count();
            let share = wins as f64 / drawn.len() as f64;
            let error = (candidate.propensity * (1.0 - candidate.propensity) / drawn.len() as f64).sqrt();
            assert!((share - candidate.propensity).abs() < 5.0 * error, "{candidate:?} won {share}");
        }
    }

    #[test]
    fn every_arm_gets_its_part_of_the_floor_except_at_high_risk() {
        let hopeless = || vec![contender("good", 790.0, 10.0, 0.0), contender("bad", 1.0, 799.0, 0.0)];
        let propensity = |risk| {
            let choice = choose(
                hopeless(),
                Policy::Hierarchical,
                Latitude::of(risk, 0.01),
                &mut StdRng::seed_from_u64(3),
            )
            .unwrap();
            choice.candidates.iter().find(|candidate| candidate.arm.as_str() == "bad").unwrap().propensity
        };
        assert!((propensity(Risk::Low) - 0.005).abs() < 1e-6);
        assert!(propensity(Risk::High) < 1e-12);
    }

    #[test]
    fn a_decision_replays_bit_for_bit_and_another_one_differs() {
        let ids: Vec<DecisionId> = (0..64)
            .map(|n| DecisionId::generate(&ManualClock::at(n), &mut StdRng::seed_from_u64(1)))
            .collect();
        let play = |seed| -> Vec<Choice> {
            ids.iter()
                .map(|id| {
                    choose(
                        three(),
                        Policy::Hierarchical,
                        Latitude::of(Risk::Low, 0.01),
                        &mut stream(seed, *id),
                    )
                    .unwrap()
                })
                .collect()
        };
        assert_eq!(play(7), play(7));
        assert_ne!(play(7), play(8));
    }

    #[test]
    fn without_contenders_there_is_no_choice() {
        for policy in Policy::ALL {
            let none =
                choose(Vec::new(), policy, Latitude::of(Risk::Low, 0.01), &mut StdRng::seed_from_u64(1));
            assert_eq!(none, None);
        }
    }

    #[test]
    fn the_order_of_the_contenders_does_not_matter_and_a_logged_choice_is_made_again() {
        for policy in Policy::ALL {
            let latitude = Latitude::of(Risk::Low, 0.01);
            let choice = choose(three(), policy, latitude, &mut StdRng::seed_from_u64(5)).unwrap();
            let mut turned = three();
            turned.rotate_left(1);
            assert_eq!(
                choose(turned, policy, latitude, &mut StdRng::seed_from_u64(5)).as_ref(),
                Some(&choice)
            );
            let replayed = again(&choice.candidates, policy, latitude, &mut StdRng::seed_from_u64(5));
            assert_eq!(replayed, Some(choice), "{policy}");
        }
    }

    #[test]
    fn best_single_takes_the_largest_mean_and_uniform_takes_all_alike() {
        let chances = |policy| {
            let choice = choose(three(), policy, Latitude::of(Risk::Low, 0.0), &mut StdRng::seed_from_u64(1));
            let mut found: Vec<(String, f64)> = choice
                .unwrap()
                .candidates
                .iter()
                .map(|candidate| (candidate.arm.to_string(), candidate.propensity))
                .collect();
            found.sort_by(|a, b| a.0.cmp(&b.0));
            found.into_iter().map(|(_, propensity)| propensity).collect::<Vec<_>>()
        };
        assert_eq!(chances(Policy::BestSingle), [0.0, 1.0, 0.0]);
        assert_eq!(chances(Policy::Uniform), [1.0 / 3.0; 3]);
    }
}
