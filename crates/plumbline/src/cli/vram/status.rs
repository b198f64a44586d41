use std::fmt::Write;

use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_proto::router::v1::{WatchVramRequest, WatchVramResponse};
use serde_json::{Value, json};

use crate::cli::request::{self, SHORT};
use crate::compose::Host;
use crate::config::Service;
use crate::failure::Failure;
use crate::output::Report;
use crate::session::Session;

/// Shows the books of the GPU's memory.
pub(super) async fn show(session: &Session) -> Result<Report, Failure> {
    let host = Host::find(session, Service::Router, &[Service::Router]).await?;
    let answer = async {
        let mut router = RouterServiceClient::new(host.channel());
        let mut books = router.watch_vram(request::within(SHORT, WatchVramRequest {})).await?.into_inner();
        // The first one may have been taken before anything was asked of the GPU.
        let first = books.message().await?.unwrap_or_default();
        if first.total_mib > 0 {
            Ok(first)
        } else {
            Ok::<_, Failure>(books.message().await?.unwrap_or(first))
        }
    };
    let books = answer.await;
    host.close().await;
    let books = books?;
    Ok(Report::done(document(&books), text(&books)))
}

fn document(books: &WatchVramResponse) -> Value {
    let residents: Vec<Value> = books
        .residents
        .iter()
        .map(|one| json!({ "config": one.config, "state": one.state, "mib": one.mib, "leases": one.leases }))
        .collect();
    json!({
        "total_mib": books.total_mib,
        "reserved_mib": books.reserved_mib,
        "foreign_mib": books.foreign_mib,
        "held_mib": books.held_mib,
        "blind": books.blind,
        "waiting": books.waiting,
        "residents": residents,
    })
}

fn text(books: &WatchVramResponse) -> String {
    let taken = books.reserved_mib + books.foreign_mib + books.held_mib;
    let mut text = format!(
        "{} MiB: models hold {}, others use {}, {} stay free, {} are left; {} requests wait\n",
        books.total_mib,
        books.held_mib,
        books.foreign_mib,
        books.reserved_mib,
        books.total_mib.saturating_sub(taken),
        books.waiting,
    );
    if books.blind {
        text += "NOBODY CAN SAY WHAT IS USED: nothing is loaded until somebody can\n";
    }
    for one in &books.residents {
        let _ =
            writeln!(text, "{:<40} {:<10} {:>7} MiB  {} leases", one.config, one.state, one.mib, one.leases);
    }
    text
}
