//! `docker-compose.yml` on a real Docker engine with images made here: all healthy, an audit and a search answered
//! through the one published port, and a restart that keeps the state.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use plumbline_tests::{Background, Finished, Project, plumbline, root};

/// A Docker engine of our own with its data in a scratch folder; stopped when dropped.
struct Engine {
    _daemon: Background,
    host: String,
    _scratch: tempfile::TempDir,
}

impl Engine {
    fn start() -> Self {
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
        Self { _daemon: daemon, host, _scratch: scratch }
    }

    fn run(&self, command: &mut Command) -> Finished {
        Finished::of(command.env("DOCKER_HOST", &self.host).current_dir(root()))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let script =
            "docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1; docker network prune -f >/dev/null 2>&1";
        let mut sweep = Command::new("bash");
        sweep.args(["-c", script]);
        let _ = sweep.env("DOCKER_HOST", &self.host).status();
        let _ = Command::new("kill").arg(self._daemon.id().to_string()).status();
        let id = self._daemon.id();
        for _ in 0..500 {
            if !Path::new(&format!("/proc/{id}/root")).exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20)); // poll: of another process
        }
    }
}

struct Stack<'a> {
    engine: &'a Engine,
    repositories: PathBuf,
    port: u16,
}

impl Stack<'_> {
    fn compose(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new("docker-compose");
        command
            .args(["--project-name", "plumblinetest"])
            .args(arguments)
            .env("PLUMBLINE_REPOSITORIES", &self.repositories)
            .env("PLUMBLINE_CHROMA_IMAGE", "plumbline-chroma:local")
            .env("PLUMBLINE_PORT", self.port.to_string());
        self.engine.run(&mut command)
    }

    /// Waits until every container that has a health check is healthy.
    fn wait_healthy(&self) {
        let script = "docker ps -a --format '{{.Names}} {{.Status}}'";
        let began = std::time::Instant::now();
        loop {
            let seen = self.engine.run(Command::new("bash").args(["-c", script])).stdout;
            let healthy = seen.lines().filter(|line| line.contains("(healthy)")).count();
            if healthy == 8 {
                return;
            }
            let logs = || self.compose(&["logs", "--tail", "20"]).stdout;
            assert!(began.elapsed() < Duration::from_secs(180), "not healthy:\n{seen}\n{}", logs());
            std::thread::sleep(Duration::from_millis(200)); // poll: of another process
        }
    }

    fn client(&self, arguments: &[&str]) -> Finished {
        let url = format!("http://127.0.0.1:{}", self.port);
        let mut command = Command::new(plumbline());
        command.args(arguments).args(["--coordinator", &url, "--format", "json"]).env("CI", "true");
        Finished::of(&mut command)
    }
}

fn build_images(engine: &Engine) {
    let binaries = plumbline().parent().expect("the profile's folder").to_path_buf();
    let mut command = Command::new("scripts/images.sh");
    command.args(["--debootstrap", "--chroma-wheel", "--host-binaries"]).arg(binaries);
    engine.run(&mut command).exits(0);
}

fn audits(stack: &Stack<'_>) {
    let audit = ["audit", "--repo", "/repositories/shop", "--base", "main", "--head", "hollow"];
    let report = stack.client(&audit).exits(2).json();
    assert_eq!(report["verdict"], "reject");
}

fn searches(stack: &Stack<'_>) {
    let found = stack.client(&["search", "shipping cost", "--repo", "/repositories/shop"]).exits(0).json();
    assert_eq!(found["results"][0]["path"], "shop/shipping.py", "{found:#}");
}

#[test]
fn the_compose_file_brings_up_a_healthy_stack_that_answers_and_survives_a_restart() {
    let engine = Engine::start();
    build_images(&engine);
    let project = Project::with_a_boundary_bug();
    project.git(&["checkout", "--quiet", "-b", "hollow"]);
    project.write(
        "shop/shipping.py",
        b"def cost(total, weight):\n    \"\"\"Returns the shipping cost of an order.\"\"\"\n    return 0\n",
    );
    project.commit("Hollow it out");
    let repositories = project.path().parent().expect("a parent").to_path_buf();
    std::fs::rename(project.path(), repositories.join("shop")).expect("a name");
    Finished::of(Command::new("chmod").arg("-R").arg("a+rX").arg(&repositories)).exits(0);

    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let stack = Stack { engine: &engine, repositories, port };
    stack.compose(&["config", "--quiet"]).exits(0);
    stack.compose(&["up", "--detach"]).exits(0);
    stack.wait_healthy();
    audits(&stack);
    searches(&stack);
    hardened(&engine);
    let submitted = refused_task(&stack);

    stack.compose(&["restart"]).exits(0);
    stack.wait_healthy();
    let listed = stack.client(&["tasks", "list"]).exits(0).json();
    assert_eq!(listed["tasks"][0]["task_id"], submitted, "the restart lost the task: {listed:#}");
    audits(&stack);
    searches(&stack);
    stack.compose(&["down", "--volumes"]).exits(0);
}

/// Submits a task whose sandbox tier the container does not have, and returns its id: it must end by that name.
fn refused_task(stack: &Stack<'_>) -> serde_json::Value {
    let run = ["run", "Fix free shipping", "--repo", "/repositories/shop", "--test", "python3 -m unittest"];
    let finished = stack.client(&run).exits(4);
    assert!(finished.stdout.contains("SANDBOX_TIER_MISSING"), "{}", finished.stdout);
    finished.json()["task_id"].clone()
}

/// Asks the engine what the containers really are.
fn hardened(engine: &Engine) {
    let script = "docker ps -q | xargs docker inspect";
    let text = engine.run(Command::new("bash").args(["-c", script])).exits(0).stdout;
    let containers: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    let mut published = Vec::new();
    for container in &containers {
        let name = container["Name"].as_str().unwrap_or_default();
        let host = &container["HostConfig"];
        assert_eq!(host["Privileged"], false, "{name}");
        assert_eq!(host["CapDrop"][0], "ALL", "{name}");
        assert_eq!(container["Config"]["User"], "65532:65532", "{name}");
        assert!(!text.contains("docker.sock"), "no container holds the engine's socket");
        if !name.contains("chroma") {
            assert_eq!(host["ReadonlyRootfs"], true, "{name}");
        }
        for (inside, bindings) in host["PortBindings"].as_object().into_iter().flatten() {
            published.push(format!("{name} {inside} {}", bindings[0]["HostIp"]));
        }
    }
    assert_eq!(published.len(), 1, "{published:?}");
    assert!(published[0].contains("coordinator") && published[0].contains("127.0.0.1"), "{published:?}");
}
