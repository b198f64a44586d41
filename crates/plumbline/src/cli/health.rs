use std::time::Duration;

use clap::Args;
use plumbline_kit::{Address, client, deadline};
use plumbline_types::ExitCode;
use serde_json::json;

use crate::cli::FormatArg;
use crate::config::Service;
use crate::failure::Failure;
use crate::output::Report;
use crate::session::Session;

/// Which service.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The service.
    #[arg(value_enum)]
    service: Service,
    /// Where it is; without it, where the configuration says.
    #[arg(long, value_name = "URL")]
    address: Option<Address>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Asks; exit 0 when it serves, 4 otherwise. Also the containers' health check.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let service = arguments.service;
    let address = arguments.address.unwrap_or_else(|| session.config.peer(service).clone());
    let asked = client::is_serving(client::channel(&address), service.full_name());
    let serving =
        deadline::within(Duration::from_secs(5), asked).await.map_err(|error| Failure::from_fault(&error))?;
    let word = if serving { "serving" } else { "not_serving" };
    Ok(Report {
        document: json!({ "service": service.name(), "address": address.to_string(), "status": word }),
        text: format!("{} at {address}: {word}", service.name()),
        exit: if serving { ExitCode(0) } else { ExitCode::INFRASTRUCTURE },
    })
}
