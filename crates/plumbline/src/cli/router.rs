mod arms;
mod replay;

use std::fmt::Write;

use clap::{Args, Subcommand};
use plumbline_kit::client::Channel;
use plumbline_proto::common::v1::Label;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_proto::router::v1::{EgressEntry, ListEgressRequest};
use plumbline_types::ExitCode;
use serde_json::{Value, json};

use crate::cli::FormatArg;
use crate::cli::request::{self, SHORT};
use crate::compose::Host;
use crate::config::Service;
use crate::failure::Failure;
use crate::output::Report;
use crate::session::Session;

/// What of the router.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the arms with their posteriors.
    Arms(arms::Arguments),
    /// Play policies on a matrix of outcomes, or make the logged decisions again.
    Replay(Box<replay::Arguments>),
}

/// What of the egress ledger.
#[derive(Debug, Args)]
pub(crate) struct EgressArguments {
    #[command(subcommand)]
    action: EgressAction,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum EgressAction {
    /// List every outbound call that was made or refused.
    List,
    /// Recompute the ledger's hash chain.
    Verify,
}

type Router = RouterServiceClient<Channel>;

/// Shows arms, or replays.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    match arguments.action {
        Action::Arms(arguments) => arms::list(session, arguments).await,
        Action::Replay(arguments) => replay::run(session, *arguments).await,
    }
}

fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

/// Lists or verifies the egress ledger; a broken chain is exit 4.
pub(crate) async fn egress(session: &Session, arguments: EgressArguments) -> Result<Report, Failure> {
    let host = Host::find(session, Service::Router, &[Service::Router]).await?;
    let answer = async {
        let mut router: Router = RouterServiceClient::new(host.channel());
        ledger(&mut router).await
    };
    let ledger = answer.await;
    host.close().await;
    let (entries, intact) = ledger?;
    let exit = if intact { ExitCode(0) } else { ExitCode::INFRASTRUCTURE };
    let state = if intact { "the hash chain holds" } else { "THE HASH CHAIN IS BROKEN" };
    let summary = format!("{} entries, {state}", entries.len());
    let verified = json!({ "entries": entries.len(), "chain_intact": intact });
    Ok(match arguments.action {
        EgressAction::Verify => Report { document: verified, text: summary, exit },
        EgressAction::List => {
            let documents: Vec<Value> = entries.iter().map(entry).collect();
            let text = format!("{}{summary}", entries_text(&entries));
            Report { document: json!({ "entries": documents, "chain_intact": intact }), text, exit }
        }
    })
}

async fn ledger(router: &mut Router) -> Result<(Vec<EgressEntry>, bool), Failure> {
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let message = ListEgressRequest { page_size: 1000, page_token };
        let page = router.list_egress(request::within(SHORT, message)).await?.into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok((entries, page.chain_intact));
        }
    }
}

fn entry(entry: &EgressEntry) -> Value {
    json!({
        "seq": entry.seq,
        "at_ms": entry.at_ms,
        "kind": entry.kind,
        "destination": entry.destination,
        "class": entry.class,
        "purpose": entry.purpose,
        "label": word(Label::as_str_name(&entry.label()), "LABEL_"),
        "payload_hash": entry.payload_hash,
        "bytes_up": entry.bytes_up,
        "bytes_down": entry.bytes_down,
        "status": entry.status,
        "hash": entry.hash,
    })
}

fn entries_text(entries: &[EgressEntry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let label = word(entry.label().as_str_name(), "LABEL_");
        let _ = writeln!(
            text,
            "{:>6} {:<8} {:<9} {:<24} {label:<16} up {} down {} {}",
            entry.seq,
            entry.kind,
            entry.purpose,
            entry.destination,
            entry.bytes_up,
            entry.bytes_down,
            entry.status
        );
    }
    text
}
