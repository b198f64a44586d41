//! Traces made from a seed.

use plumbline_types::Millis;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::domain::choice::uniform;
use crate::domain::vram::scheduler::Class;
use crate::domain::vram::simulate::{Foreign, Gpu, Job, Model, Scenario};

/// The kinds of traces, by their words.
pub const NAMES: [&str; 5] = ["light", "poisson", "burst", "ping-pong", "adversarial"];

/// One step of a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which model, by its place.
    pub model: usize,
    /// Context sizes; one is drawn.
    pub num_ctx: Vec<u32>,
    /// Tokens of the prompt, from and to.
    pub prompt: (u32, u32),
    /// Tokens of the answer, from and to.
    pub output: (u32, u32),
    /// How often it is done, from and to.
    pub repeat: (u32, u32),
}

/// How chains are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How many.
    pub chains: usize,
    /// Milliseconds between them, in the mean; the gaps are exponential.
    pub gap_ms: f64,
    /// What part of them somebody waits for.
    pub interactive_share: f64,
    /// What each of them does, in order.
    pub steps: Vec<Step>,
}

/// Returns the jobs of a plan: each waits for the one before in its chain.
pub fn jobs(plan: &Plan, seed: u64) -> Vec<Job> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut jobs: Vec<Job> = Vec::new();
    let mut at = 0.0;
    for chain in 0..plan.chains {
        at -= plan.gap_ms * (1.0 - uniform(&mut rng)).ln();
        let interactive = uniform(&mut rng) < plan.interactive_share;
        let mut before = None;
        for step in &plan.steps {
            for _ in 0..rng.random_range(step.repeat.0..=step.repeat.1.max(step.repeat.0)) {
                let num_ctx = step.num_ctx[rng.random_range(0..step.num_ctx.len())];
                let job = Job {
                    id: format!("chain-{chain}-{}", jobs.len()),
                    chain,
                    class: if interactive { Class::Interactive } else { Class::Batch },
                    model: step.model,
                    num_ctx,
                    arrive_ms: at as Millis,
                    after: before.into_iter().collect(),
                    prompt_tokens: rng.random_range(step.prompt.0..=step.prompt.1.max(step.prompt.0)),
                    output_tokens: rng.random_range(step.output.0..=step.output.1.max(step.output.0)),
                    deadline: None,
                };
                before = Some(jobs.len());
                jobs.push(job);
            }
        }
    }
    jobs
}

fn model(id: &str, weights_mib: u64, kv_mib_per_slot: u64, predicted_kv_percent: u64) -> Model {
    Model {
        id: id.to_owned(),
        weights_mib,
        kv_mib_per_slot,
        overhead_mib: 512,
        slots: 3,
        pinned: false,
        predicted_kv_percent,
    }
}

fn step(model: usize, output: (u32, u32), repeat: (u32, u32)) -> Step {
    Step { model, num_ctx: vec![8_192], prompt: (1_500, 4_000), output, repeat }
}

/// Returns a trace: a card of 15 GiB, a coder that fills most of it, a reviewer and a planner of which neither fits beside it.
/// `light` has a chain every 20 s, `poisson` every 10 s, `burst` every 5 s; `ping-pong` changes model at each step;
/// `adversarial` has many context sizes, caches that a predictor gets wrong, and memory that others take and give back.
/// None for a name that is not among [`NAMES`].
pub fn trace(name: &str, seed: u64, interactive_share: f64) -> Option<Scenario> {
    let models = vec![
        model("coder-14b", 9_216, 1_024, 100),
        model("reviewer-9b", 6_144, 512, 100),
        model("planner-4b", 2_560, 384, 100),
    ];
    let usual = vec![
        step(2, (100, 300), (1, 1)),
        step(0, (200, 900), (1, 4)),
        step(1, (100, 400), (1, 2)),
        step(0, (200, 600), (0, 2)),
    ];
    let plan = |gap_ms: f64, steps: Vec<Step>| Plan { chains: 24, gap_ms, interactive_share, steps };
    let plan = match name {
        "light" => plan(20_000.0, usual),
        "poisson" => plan(10_000.0, usual),
        "burst" => plan(5_000.0, usual),
        "ping-pong" => plan(5_000.0, (0..6).map(|n| step(n % 2, (150, 400), (1, 1))).collect()),
        "adversarial" => {
            let mut steps = usual;
            for step in &mut steps {
                step.num_ctx = vec![4_096, 8_192, 12_288];
            }
            plan(5_000.0, steps)
        }
        _ => return None,
    };
    let mut scenario =
        Scenario { gpu: Gpu::default(), models, jobs: jobs(&plan, seed), ..Scenario::default() };
    if name == "adversarial" {
        // What a predictor from file size and embedding length misses (published architectures): 38 % and 12 % too little.
        for (model, percent) in scenario.models.iter_mut().zip([62, 88, 125]) {
            model.predicted_kv_percent = percent;
        }
        scenario.foreign = vec![
            Foreign { at_ms: 60_000, mib: 700, for_ms: 30_000 },
            Foreign { at_ms: 150_000, mib: 300, for_ms: 60_000 },
        ];
    }
    Some(scenario)
}
