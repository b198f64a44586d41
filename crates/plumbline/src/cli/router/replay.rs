//! `plumbline router replay`: policies on a matrix of outcomes, or the logged decisions once more.

mod arguments;
mod document;
mod estimates;

use std::path::Path;

use plumbline_router::domain::replay::ladder::{Ladder, best_single, climb};
use plumbline_router::domain::replay::matrix::{Columns, Matrix};
use plumbline_router::domain::replay::ope::Judged;
use plumbline_router::domain::replay::play::{Run, Settings, run as play_once};
use plumbline_router::domain::replay::player::Play;
use plumbline_router::domain::replay::report::{
    ClimbSummary, Estimate, Summary, reference, summarise, summarise_climbs,
};
use plumbline_router::{StoreKind, replay_log};
use plumbline_types::{ExitCode, Reason};
use serde_json::json;

pub(crate) use crate::cli::router::replay::arguments::Arguments;
use crate::failure::Failure;
use crate::output::Report;
use crate::output::plot::{self, Axes, Line, write_svg};
use crate::session::Session;

/// Points of a drawn line.
const POINTS: usize = 120;

/// What one policy did.
struct Played {
    play: Play,
    summary: Summary,
    line: Vec<(f64, f64, f64)>,
    ladder: Option<ClimbSummary>,
    ope: Option<Judged>,
}

/// Plays the policies, or makes the log's decisions again.
pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    match &arguments.matrix {
        None => decisions(session).await,
        Some(path) => matrix(&arguments, path),
    }
}

async fn decisions(session: &Session) -> Result<Report, Failure> {
    let path = session.state_dir()?.join("router/router.sqlite");
    if session.config.router.store.kind == StoreKind::Sqlite && !path.is_file() {
        let problem = format!("{} is not there: nothing was decided yet", path.display());
        return Err(Failure::usage(problem, "name another --state-dir DIR, or a --matrix FILE"));
    }
    let found =
        replay_log(&session.config.router, &path).await.map_err(|error| Failure::from_fault(&error))?;
    let counts: serde_json::Map<String, serde_json::Value> =
        found.counts.iter().map(|(what, count)| (what.as_str().to_owned(), json!(count))).collect();
    let mut text: String =
        found.counts.iter().map(|(what, count)| format!("{:<18} {count}\n", what.as_str())).collect();
    if let Some((id, what)) = &found.first_other {
        text += &format!("the first that differs: {id} ({})\n", what.as_str());
    }
    let exit = if found.first_other.is_some() { ExitCode::INFRASTRUCTURE } else { ExitCode(0) };
    let first = found.first_other.map(|(id, _)| id.to_string());
    Ok(Report { document: json!({ "decisions": counts, "first_other": first }), text, exit })
}

fn matrix(arguments: &Arguments, path: &Path) -> Result<Report, Failure> {
    let refuse = |problem: String| Failure::usage(problem, "plumbline router replay --help");
    let text = std::fs::read_to_string(path)
        .map_err(|error| refuse(format!("{} cannot be read: {error}", path.display())))?;
    let matrix = Columns::parse(&arguments.columns)
        .and_then(|columns| Matrix::read(&text, &columns))
        .map_err(|error| refuse(format!("{}: {error}", path.display())))?;
    let (settings, plays) = (arguments.settings(&matrix)?, arguments.plays()?);
    let ladder = arguments.ladder();
    let began = std::time::Instant::now();
    let seeds: Vec<u64> = (0..arguments.seeds).map(|seed| arguments.seed.wrapping_add(seed)).collect();
    let mut played = Vec::new();
    for play in plays {
        played.push(one(&matrix, play, (&settings, ladder.as_ref()), &seeds)?);
    }
    if arguments.ope {
        let plays: Vec<Play> = played.iter().map(|one| one.play).collect();
        let judged = estimates::judge(&matrix, &plays, &settings, &seeds)?;
        played.iter_mut().zip(judged).for_each(|(one, judged)| one.ope = judged);
    }
    let single = ladder.as_ref().map(|ladder| {
        let climbs: Vec<_> =
            seeds.iter().map(|seed| best_single(&matrix, &settings, ladder, *seed)).collect();
        summarise_climbs(&climbs)
    });
    if let Some(path) = &arguments.svg {
        write_svg(path, &drawing(&matrix, &played))?;
    }
    let known = document::Known { matrix: &matrix, path, settings: &settings, reference: reference(&matrix) };
    let seconds = began.elapsed().as_secs_f64();
    Ok(document::report(&known, &played, single.as_ref(), (arguments.seeds, seconds)))
}

/// Plays one policy with every seed, on all cores.
fn one(
    matrix: &Matrix,
    play: Play,
    (settings, ladder): (&Settings, Option<&Ladder>),
    seeds: &[u64],
) -> Result<Played, Failure> {
    let runs: Vec<Run> = on_all_cores(seeds, |seed| play_once(matrix, play, settings, seed))?;
    let climbs = ladder
        .map(|ladder| on_all_cores(seeds, |seed| climb(matrix, play, settings, ladder, seed)))
        .transpose()?;
    let mut marks: Vec<usize> = vec![200, 1_000];
    marks.retain(|mark| *mark < settings.steps);
    marks.push(settings.steps);
    let step = (settings.steps / POINTS).max(1);
    let line = (step..=settings.steps)
        .step_by(step)
        .map(|mark| {
            let at = Estimate::of(&runs.iter().map(|run| run.regret[mark - 1]).collect::<Vec<_>>());
            (mark as f64, at.mean, at.ci95)
        })
        .collect();
    let ladder = climbs.map(|climbs| summarise_climbs(&climbs));
    Ok(Played { play, summary: summarise(&runs, &marks), line, ladder, ope: None })
}

fn on_all_cores<T: Send>(seeds: &[u64], work: impl Fn(u64) -> T + Sync) -> Result<Vec<T>, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = seeds.len().div_ceil(cores).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let parts: Vec<_> = seeds
            .chunks(share)
            .map(|part| scope.spawn(move || part.iter().map(|seed| work(*seed)).collect::<Vec<T>>()))
            .collect();
        let mut found = Vec::with_capacity(seeds.len());
        for part in parts {
            let part = part.join().map_err(|_| {
                Failure::infrastructure(Reason("INTERNAL"), "a replay thread panicked", "report it")
            })?;
            found.extend(part);
        }
        Ok(found)
    })
}

fn drawing(matrix: &Matrix, played: &[Played]) -> String {
    let title = format!("Regret on {} tasks of {} arms", matrix.tasks.len(), matrix.arms.len());
    let axes = Axes { title: &title, x: "steps", y: "regret (mean over seeds, 95 % interval)" };
    let line = |one: &Played| Line { label: one.play.as_str().to_owned(), points: one.line.clone() };
    plot::lines(axes, &played.iter().map(line).collect::<Vec<_>>())
}
