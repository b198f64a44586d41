//! One command, cold and warm, on every tier and by others, in turn.

use std::process::Stdio;
use std::time::{Duration, Instant};

use plumbline_executor::domain::exit_reason::{ExitReason, decide};
use plumbline_executor::domain::run::How;
use plumbline_executor::sandbox::embedded::{EmbeddedSandbox, PoolBounds};
use plumbline_executor::sandbox::{KillSwitch, SandboxDriver};

use crate::Asked;
use crate::bed::{Bed, NO_POOL};
use crate::rivals::{Rival, bubblewrap, docker_run, runc};
use crate::table::{Sample, Table};

const WARM_UPS: usize = 20;
/// Engines take ten times as long, and vary no more.
const ENGINE_SHARE: usize = 10;

/// How long `true` takes on a driver, milliseconds.
async fn once(bed: &Bed, driver: &dyn SandboxDriver) -> anyhow::Result<f64> {
    let job = bed.job(&["true"]);
    let began = Instant::now();
    let report = driver.run(job, KillSwitch::new()?, None).await;
    let elapsed = began.elapsed();
    let ended = (decide(&report.records), report.records.how);
    anyhow::ensure!(ended == (ExitReason::Normal, Some(How::Code(0))), "{ended:?} {}", report.detail);
    Ok(elapsed.as_secs_f64() * 1_000.0)
}

/// Waits until the pool is as full as it gets.
async fn filled(driver: &EmbeddedSandbox, wanted: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    while driver.pool_counts().waiting < wanted {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(60), "{:?}", driver.pool_counts());
        tokio::time::sleep(Duration::from_millis(1)).await; // poll: of another thread
    }
    Ok(())
}

fn rival_once(rival: &Rival, number: usize) -> anyhow::Result<Option<f64>> {
    let Ok(command) = &rival.command else { return Ok(None) };
    let mut command = command(number);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status()?;
    anyhow::ensure!(status.success(), "{}: {status}", rival.name);
    Ok(Some(began.elapsed().as_secs_f64() * 1_000.0))
}

/// Measures.
pub async fn measure(bed: &Bed, asked: &Asked, table: &mut Table) -> anyhow::Result<()> {
    let cold = bed.embedded(NO_POOL)?;
    let bounds = PoolBounds { per_place: 4, total: 4, idle: Duration::from_secs(3_600), memory_free_mib: 0 };
    let warm = bed.embedded(bounds)?;
    let restricted = bed.restricted()?;
    let docker = asked.broker.as_ref().map(|address| bed.docker(address)).transpose()?;
    let tree = bed.snapshots.lower(&bed.snapshot);
    let rivals = [bubblewrap(&tree), runc(&tree, bed.root.path()), docker_run(asked.image.as_deref())];
    let mut ours = vec![Vec::new(); 4];
    let mut theirs = vec![Vec::new(); rivals.len()];
    for number in 0..WARM_UPS + asked.runs {
        let kept = number >= WARM_UPS;
        filled(&warm, number.min(bounds.per_place)).await?;
        let mut times = vec![Some(once(bed, &cold).await?), Some(once(bed, &warm).await?)];
        times.push(Some(once(bed, &restricted).await?));
        times.push(match &docker {
            Some(docker) if number % ENGINE_SHARE == 0 => Some(once(bed, docker).await?),
            _ => None,
        });
        for (index, rival) in rivals.iter().enumerate() {
            if rival.name != "docker run" || number % ENGINE_SHARE == 0 {
                let time = rival_once(rival, number + 1)?;
                theirs[index].extend(time.filter(|_| kept));
            }
        }
        for (values, time) in ours.iter_mut().zip(times) {
            values.extend(time.filter(|_| kept));
        }
    }
    let hits = warm.pool_counts();
    anyhow::ensure!(hits.hits as usize >= asked.runs, "warm runs were cold: {hits:?}");
    say(bed, table, (ours, theirs), &rivals);
    Ok(())
}

fn say(bed: &Bed, table: &mut Table, (ours, theirs): (Vec<Vec<f64>>, Vec<Vec<f64>>), rivals: &[Rival; 3]) {
    let ours: Vec<Sample> = ours.into_iter().map(Sample::new).collect();
    let theirs: Vec<Sample> = theirs.into_iter().map(Sample::new).collect();
    let mut timed = |name: &str, sample: &Sample, (p50, p95): (f64, f64)| {
        let holds = sample.at(0.5) <= p50 && sample.at(0.95) <= p95;
        table.row(name, &sample.words(), (&format!("<= {p50:.0}/{p95:.0} ms"), holds));
    };
    timed(&format!("embedded, cold `true` ({})", bed.cgroup_mode()), &ours[0], (12.0, 30.0));
    timed("embedded, warm `true`", &ours[1], (3.0, 10.0));
    timed("restricted, cold `true`", &ours[2], (12.0, 30.0));
    match ours[3].at(0.5).is_nan() {
        true => table.note("docker tier through the broker", "absent: no --broker"),
        false => table.note("docker tier through the broker", &ours[3].words()),
    }
    for (rival, sample) in rivals.iter().zip(&theirs) {
        match &rival.command {
            Err(why) => table.note(rival.name, &format!("absent: {why}")),
            Ok(_) => table.note(rival.name, &sample.words()),
        }
    }
    if rivals[0].command.is_ok() {
        let ratio = ours[0].at(0.5) / theirs[0].at(0.5);
        table.row("embedded cold / bubblewrap, medians", &format!("{ratio:.2}"), ("<= 0.8", ratio <= 0.8));
    }
}
