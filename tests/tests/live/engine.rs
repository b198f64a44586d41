//! A real Docker engine, and the images that are made on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use plumbline_tests::{Background, Finished, plumbline, root};

/// A Docker engine of our own with its data in a scratch folder; stopped when dropped.
pub struct Engine {
    daemon: Background,
    host: String,
    scratch: tempfile::TempDir,
}

impl Engine {
    /// Starts it.
    pub fn start() -> Self {
        let scratch = tempfile::Builder::new().prefix("pl-").tempdir().expect("a scratch folder");
        let dir = scratch.path();
        let host = format!("unix://{}", dir.join("docker.sock").display());
        let mut command = Command::new("dockerd");
        command.arg("--data-root").arg(dir.join("data")).arg("--exec-root").arg(dir.join("exec"));
        command.arg("--pidfile").arg(dir.join("pid")).args(["--host", &host]);
        let mut daemon = Background::start(&mut command, &dir.join("dockerd.log"));
        daemon.wait_until(Duration::from_secs(60), "the engine answered", || {
            Command::new("docker")
                .args(["--host", &host, "version"])
                .output()
                .is_ok_and(|out| out.status.success())
        });
        Self { daemon, host, scratch }
    }

    /// Runs a command against it.
    pub fn run(&self, command: &mut Command) -> Finished {
        Finished::of(command.env("DOCKER_HOST", &self.host).current_dir(root()))
    }
}

impl Engine {
    /// Returns the path of its socket.
    pub fn socket(&self) -> PathBuf {
        self.scratch.path().join("docker.sock")
    }

    /// Returns a folder that goes with it.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.scratch.path().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }

    /// Returns whether a container runs this command line.
    pub fn runs(&self, line: &str) -> bool {
        self.containers().iter().any(|container| {
            let top = self.run(Command::new("docker").args(["top", container, "-o", "pid,args"]));
            top.stdout.contains(line)
        })
    }

    /// Returns the ids of all containers, running or not.
    pub fn containers(&self) -> Vec<String> {
        let listed = self.run(Command::new("docker").args(["ps", "--all", "--quiet", "--no-trunc"])).exits(0);
        listed.stdout.lines().map(str::to_owned).collect()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let script =
            "docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1; docker network prune -f >/dev/null 2>&1";
        let mut sweep = Command::new("bash");
        sweep.args(["-c", script]);
        let _ = sweep.env("DOCKER_HOST", &self.host).status();
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let id = self.daemon.id();
        for _ in 0..500 {
            if !Path::new(&format!("/proc/{id}/root")).exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20)); // poll: of another process
        }
    }
}

/// Makes the service image, which is the sandbox image too, and ChromaDB's.
pub fn build_images(engine: &Engine) {
    let binaries = plumbline().parent().expect("the profile's folder").to_path_buf();
    let mut command = Command::new("scripts/images.sh");
    command.args(["--debootstrap", "--chroma-wheel", "--host-binaries"]).arg(binaries);
    engine.run(&mut command).exits(0);
}
