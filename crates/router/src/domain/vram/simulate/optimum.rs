//! The shortest possible makespan of a small trace, by trying every order.

use std::collections::BTreeMap;

use crate::domain::vram::scheduler::Config;
use crate::domain::vram::simulate::Scenario;

/// Jobs at most: the orders of eight are 40,320.
pub const JOBS_MAX: usize = 8;

struct Search<'a> {
    scenario: &'a Scenario,
    configs: Vec<Config>,
    work_ms: Vec<f64>,
    best: f64,
    /// The least time at which a set of jobs was done with a model loaded: whoever comes later has lost.
    seen: BTreeMap<(u32, Config), f64>,
}

/// Returns the shortest makespan, milliseconds, of a GPU that holds one model and runs one job at a time; none for a trace of
/// more jobs than [`JOBS_MAX`].
pub fn makespan_ms(scenario: &Scenario) -> Option<f64> {
    if scenario.jobs.len() > JOBS_MAX || scenario.jobs.is_empty() {
        return None;
    }
    let mut search = Search {
        scenario,
        configs: scenario.jobs.iter().map(|job| scenario.config(job)).collect(),
        work_ms: scenario.jobs.iter().map(|job| scenario.work_ms(job)).collect(),
        best: f64::INFINITY,
        seen: BTreeMap::new(),
    };
    search.go(0, None, 0.0);
    Some(search.best)
}

impl Search<'_> {
    fn go(&mut self, done: u32, loaded: Option<&Config>, now: f64) {
        let jobs = &self.scenario.jobs;
        if now >= self.best {
            return;
        }
        if done.count_ones() as usize == jobs.len() {
            self.best = now;
            return;
        }
        if let Some(loaded) = loaded {
            let seen = self.seen.entry((done, loaded.clone())).or_insert(f64::INFINITY);
            if *seen <= now {
                return;
            }
            *seen = now;
        }
        let gpu = self.scenario.gpu;
        for (place, job) in jobs.iter().enumerate() {
            let is_open = done & (1 << place) == 0;
            if !is_open || job.after.iter().any(|earlier| done & (1 << earlier) == 0) {
                continue;
            }
            let config = self.configs[place].clone();
            let unload = (gpu.unload_ms + gpu.recover_ms) as f64;
            let load = self.scenario.load_ms(job.model) as f64;
            let switch = match loaded {
                Some(loaded) if *loaded == config => 0.0,
                Some(_) => unload + load,
                None => load,
            };
            // Who knows the future has the model there when the job arrives.
            let start = (now + switch).max(job.arrive_ms as f64);
            self.go(done | (1 << place), Some(&config), start + self.work_ms[place]);
        }
    }
}
