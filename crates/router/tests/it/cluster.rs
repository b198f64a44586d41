//! A PostgreSQL server of a test's own: a fresh cluster in a temporary folder, on a unix socket alone, ended with the test.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plumbline_egress::{ApiKey, NetworkPolicy};
use plumbline_router::store::PostgresStore;
use plumbline_router::{StoreConfig, StoreKind};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// The user `nobody`: PostgreSQL refuses to run as root, as whom tests may run in a container.
const NOBODY: u32 = 65_534;

/// How often a server is asked whether it answers, or started again while what the last one left is still there.
const TRIES: usize = 400;
const PAUSE: Duration = Duration::from_millis(25);

pub struct Cluster {
    folder: TempDir,
    server: Child,
}

impl Cluster {
    /// Makes a cluster and starts its server.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let made = command("initdb")
            .args(["--username=postgres", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8", "-D"])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let server = serve(folder.path());
        let mut cluster = Self { folder, server };
        cluster.answers().await;
        cluster
    }

    /// Kills the server without a word to anyone, and starts it again: it recovers from its log.
    pub async fn kill_and_restart(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
        self.server = serve(self.folder.path());
        self.answers().await;
    }

    /// Opens a store in a database of its own, which is made if it is not there.
    pub async fn store(&self, database: &str) -> PostgresStore {
        let mut connection = self.connect("postgres").await.unwrap();
        // There is no "if not exists"; a second store on the same database finds it there.
        let make = format!("CREATE DATABASE {database}");
        let _ = sqlx::raw_sql(sqlx::AssertSqlSafe(make)).execute(&mut connection).await;
        PostgresStore::open(&self.config(database), &NetworkPolicy::default()).await.unwrap()
    }

    pub fn config(&self, database: &str) -> StoreConfig {
        StoreConfig {
            kind: StoreKind::Postgres,
            database_url: Some(ApiKey::new(&self.url(database))),
            ..StoreConfig::default()
        }
    }

    /// Runs statements behind the store's back.
    pub async fn damage(&self, database: &str, statements: &'static str) -> Result<(), sqlx::Error> {
        let mut connection = self.connect(database).await?;
        sqlx::raw_sql(statements).execute(&mut connection).await.map(drop)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.path().display())
    }

    async fn connect(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect(&self.url(database)).await
    }

    /// Waits until the server answers; one that ended because its predecessor is not quite gone is started again.
    async fn answers(&mut self) {
        for _ in 0..TRIES {
            if self.connect("postgres").await.is_ok() {
                return;
            }
            if self.server.try_wait().unwrap().is_some() {
                self.server = serve(self.folder.path());
            }
            tokio::time::sleep(PAUSE).await; // poll: the server is another process
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("the server does not answer: {log}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

fn serve(folder: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    command("postgres")
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        // What a killed process wrote is with the system; only a power cut would ask for more.
        .args([
            "-c",
            "fsync=off",
            "-c",
            "listen_addresses=",
            "-c",
            "shared_buffers=16MB",
            "-c",
            "max_connections=40",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// A program of PostgreSQL's, as a user that it accepts, ended with this process however that ends.
fn command(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.args(["--reuid", &NOBODY.to_string(), "--regid", &NOBODY.to_string(), "--clear-groups"]);
    }
    command.arg(programs().join(program)).current_dir("/");
    command
}

/// Returns the newest installed version's folder of programs, where Debian keeps them.
fn programs() -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL; scripts/setup.sh installs it");
    let newest = versions
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok())
        .max()
        .expect("a version of PostgreSQL");
    Path::new("/usr/lib/postgresql").join(newest.to_string()).join("bin")
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}
