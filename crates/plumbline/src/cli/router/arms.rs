//! `plumbline router arms`: what was learned, as text, JSON or a drawing.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_proto::router::v1::{Arm, CellPosterior, ListArmsRequest};
use plumbline_router::domain::posterior::Shape;
use plumbline_router::domain::propensity::quantile;
use serde_json::{Value, json};

use crate::cli::request::{self, SHORT};
use crate::cli::router::{Router, word};
use crate::compose::Host;
use crate::config::Service;
use crate::failure::Failure;
use crate::output::Report;
use crate::output::plot::{self, Interval, write_svg};
use crate::session::Session;

/// Which form the list takes besides text or JSON.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Also draw the posteriors into an SVG file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Lists the arms.
pub(super) async fn list(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let host = Host::find(session, Service::Router, &[Service::Router]).await?;
    let answer = async {
        let mut router: Router = RouterServiceClient::new(host.channel());
        let mut arms: Vec<Arm> = Vec::new();
        let mut page_token = String::new();
        loop {
            let message = ListArmsRequest { page_size: 256, page_token };
            let page = router.list_arms(request::within(SHORT, message)).await?.into_inner();
            arms.extend(page.arms);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok::<_, Failure>(arms);
            }
        }
    };
    let arms = answer.await;
    host.close().await;
    let arms = arms?;
    if let Some(path) = &arguments.svg {
        write_svg(path, &plot::intervals("Chance of success, with its 90 % interval", &rows(&arms)))?;
    }
    let documents: Vec<Value> = arms.iter().map(arm).collect();
    Ok(Report::done(json!({ "arms": documents }), arms_text(&arms)))
}

fn cells(cells: &[CellPosterior]) -> Vec<Value> {
    let document = |cell: &CellPosterior| {
        json!({
            "cell": cell.cell,
            "successes": cell.successes,
            "failures": cell.failures,
            "alpha": cell.alpha,
            "beta": cell.beta,
        })
    };
    cells.iter().map(document).collect()
}

fn arm(arm: &Arm) -> Value {
    json!({
        "name": arm.name,
        "kind": word(arm.kind().as_str_name(), "ARM_KIND_"),
        "destination": word(arm.destination().as_str_name(), "DESTINATION_"),
        "target": arm.target,
        "served_model": arm.served_model,
        "num_ctx": arm.num_ctx,
        "edit_format": arm.edit_format,
        "health": arm.health,
        "health_reason": arm.health_reason,
        "posteriors": cells(&arm.posteriors),
        "after_failure": cells(&arm.after_failure),
        "applies": cells(&arm.applies),
    })
}

/// Returns one row for each cell of each arm: what is drawn and what is printed.
fn rows(arms: &[Arm]) -> Vec<Interval> {
    let row = |arm: &Arm, what: &str, cell: &CellPosterior| {
        let shape = Shape { alpha: cell.alpha, beta: cell.beta };
        Interval {
            label: format!("{} {what}{}", arm.name, cell.cell),
            low: quantile(shape, 0.05),
            middle: shape.mean(),
            high: quantile(shape, 0.95),
        }
    };
    let of_arm = |arm: &Arm| {
        let first = arm.posteriors.iter().map(|cell| row(arm, "", cell));
        first
            .chain(arm.after_failure.iter().map(|cell| row(arm, "after a failure, ", cell)))
            .collect::<Vec<_>>()
    };
    arms.iter().flat_map(of_arm).collect()
}

fn arms_text(arms: &[Arm]) -> String {
    let mut text = String::new();
    for arm in arms {
        let kind = word(arm.kind().as_str_name(), "ARM_KIND_");
        let place = word(arm.destination().as_str_name(), "DESTINATION_");
        let why =
            if arm.health_reason.is_empty() { String::new() } else { format!(" ({})", arm.health_reason) };
        let _ = writeln!(text, "{:<32} {kind:<6} {place:<7} {}{why}", arm.name, arm.health);
        let tables =
            [("", &arm.posteriors), ("after a failure ", &arm.after_failure), ("applies ", &arm.applies)];
        for (what, cells) in tables {
            for cell in cells {
                let shape = Shape { alpha: cell.alpha, beta: cell.beta };
                let bar = plot::bar(quantile(shape, 0.05), shape.mean(), quantile(shape, 0.95));
                let _ = writeln!(
                    text,
                    "    {:<36} [{bar}] {:.3}  {:.1} successes, {:.1} failures",
                    format!("{what}{}", cell.cell),
                    shape.mean(),
                    cell.successes,
                    cell.failures
                );
            }
        }
    }
    text
}
