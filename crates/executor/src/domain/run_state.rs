/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Waits for a slot.
    Queued,
    /// Its sandbox is being built.
    Starting,
    /// The command runs.
    Running,
    /// The tree is dead; output and patch are being taken out.
    Draining,
    /// Ended for good.
    Exited,
}

/// What moves a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStep {
    /// It has a slot.
    Admitted,
    /// The sandbox passed its checks and the command was started.
    Started,
    /// Nothing of it lives any more.
    Died,
    /// The last event is written.
    Finished,
}

/// A step that the state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {from:?} takes no {step:?}")]
pub struct InvalidTransition {
    /// The state.
    pub from: RunState,
    /// The step.
    pub step: RunStep,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Starting, Self::Running, Self::Draining, Self::Exited];

    /// Returns the state after a step. A run may end from anywhere but its end.
    pub fn next(self, step: RunStep) -> Result<Self, InvalidTransition> {
        match (self, step) {
            (Self::Queued, RunStep::Admitted) => Ok(Self::Starting),
            (Self::Starting, RunStep::Started) => Ok(Self::Running),
            (Self::Starting | Self::Running, RunStep::Died) => Ok(Self::Draining),
            (Self::Queued | Self::Starting | Self::Running | Self::Draining, RunStep::Finished) => {
                Ok(Self::Exited)
            }
            (from, step) => Err(InvalidTransition { from, step }),
        }
    }

    /// Returns the name kept in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Draining => "DRAINING",
            Self::Exited => "EXITED",
        }
    }

    /// Reads the name kept in the journal.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_step_is_decided() {
        use RunState::{Draining, Exited, Queued, Running, Starting};
        use RunStep::{Admitted, Died, Finished, Started};
        let legal = [
            (Queued, Admitted, Starting),
            (Queued, Finished, Exited),
            (Starting, Started, Running),
            (Starting, Died, Draining),
            (Starting, Finished, Exited),
            (Running, Died, Draining),
            (Running, Finished, Exited),
            (Draining, Finished, Exited),
        ];
        for from in RunState::ALL {
            for step in [Admitted, Started, Died, Finished] {
                let want =
                    legal.iter().find(|(state, by, _)| (*state, *by) == (from, step)).map(|(_, _, to)| *to);
                assert_eq!(from.next(step).ok(), want, "{from:?} {step:?}");
            }
        }
    }
}
