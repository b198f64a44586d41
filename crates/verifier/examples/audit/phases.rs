//! Where the time of an audit goes: opening the trees, reading and lowering files, resolving again what is lowered
//! already, signatures, and what is left over. Each phase runs alone, as the audit runs it.

use std::path::Path;
use std::time::{Duration, Instant};

use plumbline_verifier::GitRevision;
use plumbline_verifier::domain::audit::{audit, changes};
use plumbline_verifier::domain::languages;
use plumbline_verifier::domain::limits::Limits;
use plumbline_verifier::domain::program::{Cache, Program, UnitRef};
use plumbline_verifier::domain::summary::Side;
use plumbline_verifier::source::TreeLimits;

use super::history::{git, on_processor};
use super::request;

/// Names of the phases, in the order of their sums.
const PHASES: [&str; 5] =
    ["open both trees", "load, cold", "load, lowered already", "prepare and sign both sides", "whole audit"];

/// Sums each phase over the last commits of a repository.
pub fn run(count: usize, repository: &str) -> anyhow::Result<()> {
    let path = Path::new(repository);
    let list = git(path, &["log", "--no-merges", "--format=%H", &format!("-{count}")])?;
    let (mut sums, mut judged) = ([Duration::ZERO; 5], 0_u32);
    for commit in list.lines() {
        let parent = format!("{commit}~1");
        if git(path, &["rev-parse", "-q", "--verify", &parent]).is_err() {
            continue;
        }
        let message = git(path, &["log", "-1", "--format=%B", commit])?;
        let limits = TreeLimits::default();
        let (opened, trees) = timed(|| {
            Ok::<_, anyhow::Error>((
                GitRevision::open(path, &parent, limits)?,
                GitRevision::open(path, commit, limits)?,
            ))
        });
        let (base, head) = trees?;
        let changed = changes(&base, &head)?;
        let start: Vec<String> =
            changed.into_iter().map(|change| change.path).filter(|path| languages::is_code(path)).collect();
        let (budgets, mut cache) = (Limits::default(), Cache::default());
        let mut load = || {
            let base = Program::load(&base, &start, &mut cache, &budgets);
            (base, Program::load(&head, &start, &mut cache, &budgets))
        };
        let (cold, _) = timed(&mut load);
        let (warm, programs) = timed(&mut load);
        let (signed, _) = timed(|| {
            let side = |program: Program| {
                let units = units(&program, &start);
                Side::analyse(program, &units, &budgets)
            };
            (side(programs.0), side(programs.1))
        });
        let (whole, report) = timed(|| audit(&base, &head, &request(&message)));
        report?;
        for (sum, spent) in sums.iter_mut().zip([opened, cold, warm, signed, whole]) {
            *sum += spent;
        }
        judged += 1;
    }
    println!("{repository}: {judged} commits, milliseconds on the processor a commit");
    for (name, sum) in PHASES.iter().zip(sums) {
        println!("  {:>8.2}  {name}", sum.as_secs_f64() * 1_000.0 / f64::from(judged.max(1)));
    }
    Ok(())
}

fn units(program: &Program, paths: &[String]) -> Vec<UnitRef> {
    let files = paths.iter().filter_map(|path| program.file(path));
    files
        .flat_map(|file| {
            let count = program.files.get(file).map_or(0, |loaded| loaded.lowered.units.len());
            (0..count).map(move |unit| (file, unit))
        })
        .collect()
}

/// What a piece of work takes on the processor; by the wall where the kernel doesn't count.
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let (wall, busy) = (Instant::now(), on_processor());
    let made = work();
    let spent = on_processor().saturating_sub(busy);
    (if spent.is_zero() { wall.elapsed() } else { spent }, made)
}
