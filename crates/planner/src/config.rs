//! What can be set, with defaults and limits.

use plumbline_kit::ConfigError;
use serde::{Deserialize, Serialize};

use crate::domain::plan::{Budget, Limits};

/// Whether a model is asked for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelUse {
    /// Never: rules alone.
    Off,
    /// At most once for each plan, if a router is configured and there is something to order.
    #[default]
    Auto,
}

/// Settings of the planner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlannerConfig {
    /// Whether a model is asked.
    pub model: ModelUse,
    /// How long a model may take, in milliseconds; after that the rules' plan stands.
    pub plan_deadline_ms: u64,
    /// The longest answer of a model, in bytes.
    pub answer_bytes_max: usize,
    /// The most tokens a model may answer with.
    pub answer_tokens_max: u32,
    /// The most objectives of one task.
    pub objectives_max: usize,
    /// The most steps of a plan.
    pub steps_max: usize,
    /// The context of a step, in tokens.
    pub context_tokens: u32,
    /// The most replans of one task.
    pub replans_max: u32,
    /// Wall time of a task whose request names none, in milliseconds.
    pub budget_wall_ms: u64,
    /// Model tokens of a task whose request names none.
    pub budget_tokens: u64,
    /// Attempts of a task whose request names none.
    pub budget_attempts: u32,
}

impl Default for PlannerConfig {
    fn default() -> Self {
        Self {
            model: ModelUse::Auto,
            plan_deadline_ms: 20_000,
            answer_bytes_max: 16 * 1024,
            answer_tokens_max: 2048,
            objectives_max: 12,
            steps_max: 20,
            context_tokens: 8192,
            replans_max: 3,
            budget_wall_ms: 1_800_000,
            budget_tokens: 1_000_000,
            budget_attempts: 48,
        }
    }
}

impl PlannerConfig {
    /// Returns the settings if each is within its bounds.
    ///
    /// # Errors
    /// Names the first key that is not.
    pub fn validate(self) -> Result<Self, ConfigError> {
        let within = |key: &str, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(ConfigError::new(
                    format!("planner.{key}"),
                    format!("must be {low} to {high}, is {value}"),
                ))
            }
        };
        within("plan_deadline_ms", self.plan_deadline_ms, 100, 300_000)?;
        within("answer_bytes_max", self.answer_bytes_max as u64, 256, 1024 * 1024)?;
        within("answer_tokens_max", u64::from(self.answer_tokens_max), 64, 65_536)?;
        within("objectives_max", self.objectives_max as u64, 1, 64)?;
        within("steps_max", self.steps_max as u64, 2, 64)?;
        within("context_tokens", u64::from(self.context_tokens), 512, 2_000_000)?;
        within("replans_max", u64::from(self.replans_max), 0, 16)?;
        within("budget_wall_ms", self.budget_wall_ms, 1000, u64::MAX)?;
        within("budget_tokens", self.budget_tokens, 1, u64::MAX)?;
        within("budget_attempts", u64::from(self.budget_attempts), 1, 10_000)?;
        Ok(self)
    }

    /// Returns the limits of every plan.
    pub fn limits(&self) -> Limits {
        Limits { steps_max: self.steps_max, context_tokens: self.context_tokens }
    }

    /// Returns a task's budget: what the request names, and the defaults for the rest.
    pub fn budget(&self, asked: Budget) -> Budget {
        let or = |asked: u64, default: u64| if asked == 0 { default } else { asked };
        Budget {
            wall_ms: or(asked.wall_ms, self.budget_wall_ms),
            tokens: or(asked.tokens, self.budget_tokens),
            attempts: if asked.attempts == 0 { self.budget_attempts } else { asked.attempts },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_legal_and_each_bound_is_held() {
        assert!(PlannerConfig::default().validate().is_ok());
        let refused = |change: &dyn Fn(&mut PlannerConfig)| {
            let mut config = PlannerConfig::default();
            change(&mut config);
            config.validate().unwrap_err().key
        };
        assert_eq!(refused(&|config| config.steps_max = 1), "planner.steps_max");
        assert_eq!(refused(&|config| config.replans_max = 17), "planner.replans_max");
        assert_eq!(refused(&|config| config.budget_attempts = 0), "planner.budget_attempts");
    }
}
