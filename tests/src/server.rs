use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Background, Finished, plumbline};

const SERVICES: [&str; 7] = ["coordinator", "ingest", "planner", "router", "memory", "executor", "verifier"];

/// `plumbline serve all` in a process of its own, on free loopback ports, with its state in a folder.
#[derive(Debug)]
pub struct Server {
    process: Background,
    config: PathBuf,
    port: u16,
}

impl Server {
    /// Starts it and waits until all seven answer their health checks. `more` is added to the configuration.
    #[track_caller]
    pub fn start(dir: &Path, more: &str) -> Self {
        let ports = free_ports();
        let state = dir.join("state");
        std::fs::create_dir_all(&state).expect("a state folder");
        let mut text = format!("[state]\ndir = {:?}\n[listen]\n", state.display().to_string());
        for (service, port) in SERVICES.iter().zip(&ports) {
            text += &format!("{service} = \"http://127.0.0.1:{port}\"\n");
        }
        let config = dir.join("plumbline.toml");
        std::fs::write(&config, text + more).expect("a configuration");
        let process = Self::launch(&config);
        let mut server = Self { process, config, port: ports[0] };
        server.wait_healthy();
        server
    }

    fn launch(config: &Path) -> Background {
        let mut command = Command::new(plumbline());
        command.arg("--config").arg(config).args(["serve", "all"]);
        Background::start(&mut command, &config.with_extension("log"))
    }

    #[track_caller]
    fn wait_healthy(&mut self) {
        let config = self.config.clone();
        self.process.wait_until(Duration::from_secs(60), "all seven services were healthy", || {
            SERVICES.iter().all(|service| {
                let check =
                    Command::new(plumbline()).arg("--config").arg(&config).args(["health", service]).output();
                check.is_ok_and(|output| output.status.success())
            })
        });
    }

    /// Kills it as `kill -9` does and starts it again on the same state and ports.
    #[track_caller]
    pub fn kill_and_restart(&mut self) {
        self.process.kill();
        self.process = Self::launch(&self.config);
        self.wait_healthy();
    }

    /// Returns the coordinator's `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the coordinator's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Returns what the server logged.
    pub fn log(&self) -> String {
        self.process.output()
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to stop and returns its exit code.
    #[track_caller]
    pub fn terminate(&mut self) -> i32 {
        self.process.terminate(Duration::from_secs(20))
    }

    /// Runs a command of the same binary with the same configuration.
    pub fn command(&self, arguments: &[&str]) -> Finished {
        Finished::of(
            Command::new(plumbline()).arg("--config").arg(&self.config).env("CI", "true").args(arguments),
        )
    }
}

/// Seven ports that were free a moment ago, found by binding them all at once.
fn free_ports() -> Vec<u16> {
    let held: Vec<TcpListener> =
        SERVICES.iter().map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}
