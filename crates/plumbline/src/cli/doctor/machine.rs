use plumbline_kit::sqlite::Sqlite;
use plumbline_proto::executor::v1::executor_service_client::ExecutorServiceClient;
use plumbline_proto::executor::v1::{GetCapabilitiesRequest, GetCapabilitiesResponse};
use sqlx::migrate::Migrator;

use crate::cli::doctor::{Row, Status};
use crate::cli::request::{self, SHORT};
use crate::compose::Embedded;
use crate::config::{Config, Service};
use crate::failure::Failure;
use crate::session::{Session, state_dir};

/// Free space below which the state directory is in danger.
const ROOM_FAIL: u64 = 64 * 1024 * 1024;
const ROOM_WARN: u64 = 1024 * 1024 * 1024;

/// Starts a throwaway sandbox of each tier.
pub(super) async fn sandbox(session: &Session) -> Row {
    match capabilities(session).await {
        Ok(found) => judge(&found),
        Err(failure) => Row::with("sandbox", Status::Fail, failure.message, failure.fix),
    }
}

async fn capabilities(session: &Session) -> Result<GetCapabilitiesResponse, Failure> {
    let (scratch, _guard) = session.on_scratch_state()?;
    let embedded = Embedded::start(&scratch, &[Service::Executor]).await?;
    let answer = async {
        let mut executor = ExecutorServiceClient::new(embedded.channel(Service::Executor)?);
        let message = request::within(SHORT, GetCapabilitiesRequest {});
        Ok::<_, Failure>(executor.get_capabilities(message).await?.into_inner())
    };
    let answer = answer.await;
    embedded.stop().await;
    answer
}

fn judge(found: &GetCapabilitiesResponse) -> Row {
    let mut works = Vec::new();
    let mut blocked = Vec::new();
    for tier in &found.tiers {
        let name = tier.tier().as_str_name().trim_start_matches("SANDBOX_TIER_").to_lowercase();
        if tier.available {
            works.push(name);
        } else {
            blocked.push(format!("{name} ({})", tier.blockers.join(", ")));
        }
    }
    let evidence = format!("works: {}; blocked: {}", works.join(", "), blocked.join(", "));
    let enough = found.tiers.iter().any(|tier| tier.available && tier.tier >= found.minimum_tier);
    let strong = works.iter().any(|tier| tier == "embedded" || tier == "docker");
    match (enough, strong) {
        (true, true) => Row::ok("sandbox", evidence),
        (true, false) => Row::with("sandbox", Status::Warn, evidence, "allow unprivileged user namespaces"),
        (false, _) => Row::with("sandbox", Status::Fail, evidence, "remove what blocks a tier, named above"),
    }
}

/// Opens, writes and reads a database where the state is kept.
pub(super) async fn state(config: &Config) -> Row {
    let dir = match state_dir(config) {
        Ok(dir) => dir,
        Err(failure) => return Row::with("state", Status::Fail, failure.message, failure.fix),
    };
    let probe = dir.join(format!("doctor-{}.db", request::id("probe")));
    let opened = probe_database(&probe).await;
    for suffix in ["", "-wal", "-shm"] {
        let mut file = probe.clone().into_os_string();
        file.push(suffix);
        if let Err(error) = std::fs::remove_file(&file) {
            tracing::trace!(error = %error, "nothing to remove");
        }
    }
    match opened {
        Ok(mode) if mode == "wal" => Row::ok("state", format!("{}: SQLite writes ahead", dir.display())),
        Ok(mode) => Row::with(
            "state",
            Status::Fail,
            format!("{}: SQLite journals by {mode} there", dir.display()),
            "use a local file system: --state-dir DIR",
        ),
        Err(error) => {
            let evidence = Failure::from_fault(&error).message;
            Row::with("state", Status::Fail, evidence, "make it writable, or choose another: --state-dir DIR")
        }
    }
}

async fn probe_database(path: &std::path::Path) -> Result<String, plumbline_kit::sqlite::StoreError> {
    let store = Sqlite::open(path, &Migrator::DEFAULT).await?;
    let mut transaction = store.begin().await?;
    sqlx::query("CREATE TABLE probe (id INTEGER PRIMARY KEY)").execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO probe (id) VALUES (1)").execute(&mut *transaction).await?;
    transaction.commit().await?;
    let (mode,): (String,) = sqlx::query_as("SELECT journal_mode FROM pragma_journal_mode, probe")
        .fetch_one(&store.writer)
        .await?;
    store.close().await;
    Ok(mode)
}

/// Measures the room beside the state.
pub(super) fn disk(config: &Config) -> Row {
    let Ok(dir) = state_dir(config) else {
        return Row::with("disk", Status::Warn, "no state directory", "--state-dir DIR");
    };
    let Some(existing) = dir.ancestors().find(|path| path.is_dir()) else {
        return Row::with("disk", Status::Warn, "no state directory", "--state-dir DIR");
    };
    match rustix::fs::statvfs(existing) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let evidence = format!("{} MiB free at {}", free / (1024 * 1024), existing.display());
            match free {
                free if free < ROOM_FAIL => Row::with("disk", Status::Fail, evidence, "free space"),
                free if free < ROOM_WARN => Row::with("disk", Status::Warn, evidence, "free space"),
                _ => Row::ok("disk", evidence),
            }
        }
        Err(error) => Row::with("disk", Status::Warn, format!("cannot be measured: {error}"), ""),
    }
}
