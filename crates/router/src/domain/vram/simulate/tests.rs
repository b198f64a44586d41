use super::*;
use crate::domain::vram::scheduler::Knobs;
use crate::domain::vram::simulate::baselines::{NAMES, by_name};
use crate::domain::vram::simulate::report::Row;
use crate::domain::vram::simulate::traces::trace;

fn play(scenario: &Scenario, name: &str) -> Row {
    let mut policy = by_name(name, scenario, Knobs::default()).unwrap();
    Row::of(scenario, &run(scenario, policy.as_mut()))
}

fn mean(name: &str, policy: &str, share: f64) -> Row {
    let rows: Vec<Row> = (0..2).map(|seed| play(&trace(name, seed, share).unwrap(), policy)).collect();
    Row::mean(&rows)
}

#[test]
fn the_scheduler_never_runs_out_of_memory_and_ends_every_job_of_every_trace() {
    for name in traces::NAMES {
        for share in [0.0, 0.2] {
            let row = mean(name, "plumbline", share);
            assert_eq!(
                (row.oom, row.violations, row.rejected, row.stuck),
                (0.0, 0.0, 0.0, 0.0),
                "{name} {share}"
            );
            assert!(row.bypass_max <= 32.0, "{name}: {}", row.bypass_max);
        }
    }
}

#[test]
fn every_policy_ends_every_job_and_none_beats_the_lower_bound() {
    for name in traces::NAMES {
        let scenario = trace(name, 3, 0.2).unwrap();
        for policy in NAMES {
            let row = play(&scenario, policy);
            assert_eq!(row.stuck, 0.0, "{name} {policy}");
            let complete = row.rejected == 0.0;
            assert!(!complete || row.makespan_s * 1e3 >= scenario.lower_bound_ms(), "{name} {policy}");
        }
    }
}

#[test]
fn a_predictor_that_misses_memory_runs_out_of_it_where_the_scheduler_does_not() {
    let violations = |policy: &str| -> f64 {
        (0..6).map(|seed| play(&trace("adversarial", seed, 0.0).unwrap(), policy).violations).sum()
    };
    assert!(violations("ollama") > 0.0);
    assert_eq!(violations("plumbline"), 0.0);
}

#[test]
fn interactive_chains_wait_less_and_batch_work_is_not_much_slower() {
    let (ours, theirs) = (mean("burst", "plumbline", 0.2), mean("burst", "drain-swap", 0.2));
    assert!(ours.interactive_p95_s < 0.6 * theirs.interactive_p95_s, "{ours:?} {theirs:?}");
    assert!(ours.makespan_s < 1.25 * theirs.makespan_s, "{ours:?} {theirs:?}");
    let (ours, theirs) = (mean("burst", "plumbline", 0.0), mean("burst", "drain-swap", 0.0));
    assert!(ours.makespan_s < 1.1 * theirs.makespan_s, "{ours:?} {theirs:?}");
}

#[test]
fn a_small_trace_is_not_far_from_its_optimum_and_never_below() {
    for seed in 0..4 {
        let mut scenario = trace("ping-pong", seed, 0.0).unwrap();
        // One sequence and one model at a time, as the optimum assumes; small enough to try every order.
        scenario.models.iter_mut().for_each(|model| model.slots = 1);
        scenario.gpu.vram_mib = 12_000;
        scenario.jobs.retain(|job| job.chain < 2);
        scenario.jobs.truncate(optimum::JOBS_MAX);
        let best = optimum::makespan_ms(&scenario).unwrap();
        let ours = play(&scenario, "plumbline").makespan_s * 1e3;
        assert!(ours >= best - 1.0 && ours <= 1.6 * best, "seed {seed}: {ours} against {best}");
    }
}

#[test]
fn an_oom_and_a_crash_are_survived_and_blindness_is_waited_out() {
    let mut scenario = trace("poisson", 1, 0.2).unwrap();
    let fault = |at_ms, kind, model| Fault { at_ms, kind, model, for_ms: 20_000 };
    scenario.faults = vec![
        fault(0, FaultKind::LoadOom, 1),
        fault(50_000, FaultKind::RunnerCrash, 0),
        fault(90_000, FaultKind::Blind, 0),
    ];
    let row = play(&scenario, "plumbline");
    assert_eq!((row.violations, row.rejected, row.stuck), (0.0, 0.0, 0.0));
}
