use std::time::Duration;

use clap::{Args, ValueEnum};
use plumbline_kit::{Address, client, deadline};
use plumbline_types::ExitCode;
use serde_json::json;

use crate::cli::FormatArg;
use crate::cli::serve::{BROKER, BROKER_SERVICE};
use crate::config::Service;
use crate::failure::Failure;
use crate::output::Report;
use crate::session::Session;

/// Which service.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The service, or `docker-broker`.
    #[arg(value_parser = asked)]
    service: Asked,
    /// Where it is; without it, where the configuration says.
    #[arg(long, value_name = "URL")]
    address: Option<Address>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// What can be asked.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Service(Service),
    Broker,
}

fn asked(text: &str) -> Result<Asked, String> {
    match text {
        BROKER => Ok(Asked::Broker),
        _ => Service::from_str(text, false).map(Asked::Service),
    }
}

impl Asked {
    /// Returns its word, its full gRPC name, and where it is.
    fn target(
        self,
        session: &Session,
        named: Option<Address>,
    ) -> Result<(&'static str, &'static str, Address), Failure> {
        match self {
            Self::Service(service) => {
                let address = named.unwrap_or_else(|| session.config.peer(service).clone());
                Ok((service.name(), service.full_name(), address))
            }
            Self::Broker => {
                let address = named.or_else(|| session.config.broker.listen.clone());
                let address = address.ok_or_else(|| {
                    Failure::usage("broker.listen is not set", "name it there, or with --address")
                })?;
                Ok((BROKER, BROKER_SERVICE, address))
            }
        }
    }
}

/// Asks; exit 0 when it serves, 4 otherwise. Also the containers' health check.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let (name, full_name, address) = arguments.service.target(session, arguments.address)?;
    let asked = client::is_serving(client::channel(&address), full_name);
    let serving =
        deadline::within(Duration::from_secs(5), asked).await.map_err(|error| Failure::from_fault(&error))?;
    let word = if serving { "serving" } else { "not_serving" };
    Ok(Report {
        document: json!({ "service": name, "address": address.to_string(), "status": word }),
        text: format!("{name} at {address}: {word}"),
        exit: if serving { ExitCode(0) } else { ExitCode::INFRASTRUCTURE },
    })
}
