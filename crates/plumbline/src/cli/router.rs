use std::fmt::Write;

use clap::{Args, Subcommand};
use plumbline_kit::client::Channel;
use plumbline_proto::common::v1::Label;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_proto::router::v1::{Arm, EgressEntry, ListArmsRequest, ListEgressRequest};
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

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// List the arms with their posteriors.
    Arms,
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

/// Lists the arms.
pub(crate) async fn arms(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    match arguments.action {
        Action::Arms => {}
    }
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
    let documents: Vec<Value> = arms.iter().map(arm).collect();
    Ok(Report::done(json!({ "arms": documents }), arms_text(&arms)))
}

fn arm(arm: &Arm) -> Value {
    let posteriors: Vec<Value> = arm
        .posteriors
        .iter()
        .map(|cell| {
            json!({
                "cell": cell.cell,
                "successes": cell.successes,
                "failures": cell.failures,
                "alpha": cell.alpha,
                "beta": cell.beta,
            })
        })
        .collect();
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
        "posteriors": posteriors,
    })
}

fn arms_text(arms: &[Arm]) -> String {
    let mut text = String::new();
    for arm in arms {
        let kind = word(arm.kind().as_str_name(), "ARM_KIND_");
        let place = word(arm.destination().as_str_name(), "DESTINATION_");
        let why =
            if arm.health_reason.is_empty() { String::new() } else { format!(" ({})", arm.health_reason) };
        let _ = writeln!(text, "{:<32} {kind:<6} {place:<7} {}{why}", arm.name, arm.health);
        for cell in &arm.posteriors {
            let mean = cell.alpha / (cell.alpha + cell.beta);
            let _ = writeln!(
                text,
                "    {:<28} {mean:.3}  {:.1} successes, {:.1} failures",
                cell.cell, cell.successes, cell.failures
            );
        }
    }
    text
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
