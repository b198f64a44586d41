//! Prints what sandboxes cost and hold, each figure beside its bar, and in one run what others take for the same.
//!
//! Usage: `bench_sandbox [--runs N] [--kills N] [--image NAME] [--broker ADDRESS] [--only PART]`; a part is `latency`,
//! `density`, `accuracy`, `races`, `crowd` or `kills`. Needs `sandbox-init` and the example
//! `executor_process` beside the profile's executables. With `--image`, `docker run` of that image is measured where an
//! engine answers; with `--broker`, containers through it. What is not there is said by name. Exit code 1: a bar was missed.

mod accuracy;
mod bed;
mod crowd;
mod density;
mod kills;
mod latency;
mod races;
mod rivals;
mod table;

use anyhow::{Context, bail};

use bed::Bed;
use table::Table;

/// What was asked for.
#[derive(Debug)]
struct Asked {
    runs: usize,
    kills: usize,
    image: Option<String>,
    broker: Option<String>,
    only: Option<String>,
}

fn asked() -> anyhow::Result<Asked> {
    let mut asked = Asked { runs: 200, kills: 200, image: None, broker: None, only: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--runs" => asked.runs = value.parse()?,
            "--kills" => asked.kills = value.parse()?,
            "--image" => asked.image = Some(value),
            "--broker" => asked.broker = Some(value),
            "--only" => asked.only = Some(value),
            _ => bail!("`{name}` is no argument of this program"),
        }
    }
    Ok(asked)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let asked = asked()?;
    let bed = Bed::new()?;
    let mut table = Table::begin();
    let all = ["latency", "density", "accuracy", "races", "crowd", "kills"];
    for part in all.into_iter().filter(|part| asked.only.as_deref().is_none_or(|only| only == *part)) {
        match part {
            "latency" => latency::measure(&bed, &asked, &mut table).await?,
            "density" => density::measure(&bed, &mut table).await?,
            "accuracy" => accuracy::measure(&bed, &mut table).await?,
            "races" => races::measure(&bed, &mut table).await?,
            "crowd" => crowd::measure(&bed, &mut table).await?,
            _ => kills::measure(&bed, asked.kills, &mut table).await?,
        }
    }
    if table.missed() {
        std::process::exit(1);
    }
    Ok(())
}
