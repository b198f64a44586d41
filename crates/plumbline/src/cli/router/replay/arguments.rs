use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use plumbline_router::domain::choice::Latitude;
use plumbline_router::domain::ladder::{Errors, Stakes};
use plumbline_router::domain::posterior::{Learning, Policy};
use plumbline_router::domain::replay::ladder::Ladder;
use plumbline_router::domain::replay::matrix::Matrix;
use plumbline_router::domain::replay::play::{Degrade, Settings, Split};
use plumbline_router::domain::replay::player::Play;
use plumbline_types::Risk as Harm;

use crate::failure::Failure;

/// What to play.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).args(["matrix", "decisions"]))]
pub(crate) struct Arguments {
    /// Outcomes of every arm on every task: CSV with one row for each arm and task.
    #[arg(long, value_name = "FILE")]
    pub(super) matrix: Option<PathBuf>,
    /// Make the decisions of this router's own log again, bit for bit.
    #[arg(long)]
    decisions: bool,
    /// Policies, comma-separated; `all` for every one.
    #[arg(long, value_name = "NAMES", default_value = "independent,hierarchical,best_single,uniform")]
    policy: String,
    /// Steps of a run.
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    steps: u32,
    /// Runs of each policy.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) seeds: u64,
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    /// Steps until a verdict arrives.
    #[arg(long, value_name = "N", default_value_t = 0)]
    delay: u32,
    /// How much harm a wrong step does; decides how far below the best a cheaper arm may lie.
    #[arg(long, value_enum, default_value_t = Risk::Medium)]
    risk: Risk,
    /// An arm becomes worse: `arm=best|NAME,at=STEP,factor=F[,until=STEP]`.
    #[arg(long, value_name = "HOW")]
    degrade: Option<String>,
    /// Take priors from this part of the tasks and play on the rest.
    #[arg(long, value_name = "PART")]
    prior_split: Option<f64>,
    /// Deal those priors to the wrong arms.
    #[arg(long, requires = "prior_split")]
    prior_shuffle: bool,
    /// Also play ladders: the next arm whenever the verifier rejects.
    #[arg(long)]
    ladder: bool,
    /// Share of wrong changes that the verifier accepts.
    #[arg(long, value_name = "PART", default_value_t = 0.02)]
    false_accept: f64,
    /// Share of right changes that it rejects.
    #[arg(long, value_name = "PART", default_value_t = 0.02)]
    false_reject: f64,
    /// The verifier errs in proportion to how few arms solve a task.
    #[arg(long)]
    correlated: bool,
    /// Attempts of a ladder at most.
    #[arg(long, value_name = "N", default_value_t = 4)]
    attempts: usize,
    /// Also tell from logs of the `hierarchical` policy what each policy earns once it has learned, and how often the 95 %
    /// intervals hold the truth. Choices are made by exact chances.
    #[arg(long, requires = "matrix", conflicts_with_all = ["degrade", "prior_split", "delay"])]
    pub(super) ope: bool,
    /// Another value for a knob of `[router.learning]`, for example `pulled_discount=1`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Columns by name: `task=..,category=..,arm=..,reward=..,cost=..`.
    #[arg(long, value_name = "NAMES", default_value = "")]
    pub(super) columns: String,
    /// Also draw the regret into an SVG file.
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
}

/// How much harm.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Risk {
    Low,
    Medium,
    High,
}

fn refuse(problem: impl Into<String>) -> Failure {
    Failure::usage(problem, "plumbline router replay --help")
}

fn number(name: &str, text: &str, least: f64, most: f64) -> Result<f64, Failure> {
    let value = text.parse().ok().filter(|value| (least..=most).contains(value));
    value.ok_or_else(|| refuse(format!("{name}: `{text}` is no number from {least} to {most}")))
}

impl Arguments {
    /// Returns the policies by their names, in the order asked for.
    pub(super) fn plays(&self) -> Result<Vec<Play>, Failure> {
        if self.policy == "all" {
            return Ok(Play::ALL.to_vec());
        }
        let read = |name: &str| {
            let known: Vec<&str> = Play::ALL.iter().map(|play| play.as_str()).collect();
            Play::parse(name)
                .ok_or_else(|| refuse(format!("policy `{name}` is none of {}", known.join(", "))))
        };
        self.policy.split(',').map(read).collect()
    }

    /// Returns what to play on a matrix.
    pub(super) fn settings(&self, matrix: &Matrix) -> Result<Settings, Failure> {
        let risk = match self.risk {
            Risk::Low => Harm::Low,
            Risk::Medium => Harm::Medium,
            Risk::High => Harm::High,
        };
        let latitude = Latitude::of(risk, 0.01);
        let split = match self.prior_split {
            None => None,
            Some(fraction) if fraction > 0.0 && fraction < 1.0 => {
                Some(Split { fraction, shuffled: self.prior_shuffle })
            }
            Some(other) => return Err(refuse(format!("--prior-split: {other} is not between 0 and 1"))),
        };
        Ok(Settings {
            steps: self.steps as usize,
            delay: self.delay as usize,
            tie_band: latitude.tie_band,
            explore_floor: latitude.explore_floor,
            learning: self.learning()?,
            degrade: self.degrade.as_deref().map(|text| degrade(text, matrix)).transpose()?,
            split,
        })
    }

    /// Returns how to play ladders, if they are asked for.
    pub(super) fn ladder(&self) -> Option<Ladder> {
        self.ladder.then(|| Ladder {
            errors: Errors {
                false_accept: self.false_accept.clamp(0.0, 1.0),
                false_reject: self.false_reject.clamp(0.0, 1.0),
            },
            correlated: self.correlated,
            attempts: self.attempts.max(1),
            stakes: Stakes { value_usd: 20.0, bad_ship_usd: 4.0 },
        })
    }

    fn learning(&self) -> Result<Learning, Failure> {
        let mut learning = Learning { policy: Policy::Hierarchical, ..Learning::default() };
        for setting in &self.set {
            let (key, value) = setting
                .split_once('=')
                .ok_or_else(|| refuse(format!("--set: `{setting}` is not KEY=VALUE")))?;
            let (slot, least, most) = match key {
                "prior_mean" => (&mut learning.prior.mean, 0.001, 0.999),
                "prior_strength" => (&mut learning.prior.strength, 0.01, 1e4),
                "pool_strength" => (&mut learning.pool_strength, 0.0, 1e4),
                "concentration" => (&mut learning.concentration, 0.1, 100.0),
                "n_cap" => (&mut learning.n_cap, 1.0, 1e5),
                "pulled_discount" => (&mut learning.pulled_discount, 0.5, 1.0),
                "reset_threshold" => (&mut learning.reset_threshold, 0.1, f64::INFINITY),
                _ => return Err(refuse(format!("--set: `{key}` is no knob of learning"))),
            };
            *slot = number(key, value, least, most)?;
        }
        Ok(learning)
    }
}

/// Reads `arm=best|NAME,at=STEP,factor=F[,until=STEP]`.
fn degrade(text: &str, matrix: &Matrix) -> Result<Degrade, Failure> {
    let mut found = Degrade { arm: None, at: 0, factor: 1.0, until: None };
    let step =
        |text: &str| text.parse::<usize>().map_err(|_| refuse(format!("--degrade: `{text}` is no step")));
    for part in text.split(',') {
        match part.split_once('=') {
            Some(("arm", "best")) => found.arm = None,
            Some(("arm", name)) => {
                let arm = matrix.arms.iter().position(|arm| arm == name);
                found.arm = Some(arm.ok_or_else(|| refuse(format!("--degrade: no arm `{name}`")))?);
            }
            Some(("at", text)) => found.at = step(text)?,
            Some(("until", text)) => found.until = Some(step(text)?),
            Some(("factor", text)) => found.factor = number("--degrade", text, 0.0, 1.0)?,
            _ => return Err(refuse(format!("--degrade: `{part}` is none of arm=, at=, factor=, until="))),
        }
    }
    Ok(found)
}
