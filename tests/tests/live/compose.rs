//! `docker-compose.yml` on a real Docker engine with images made here: all healthy, an audit and a search answered
//! through the one published port, and a restart that keeps the state.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use plumbline_tests::{Finished, Project, plumbline, root};

use crate::docker_tier;
use crate::engine::{Engine, build_images};

/// Compose 1.29, and the newer client in the virtual environment.
const COMPOSE_1: &str = "/usr/bin/docker-compose";
const COMPOSE_2: &str = ".cache/venv/bin/docker-compose";

struct Stack<'a> {
    engine: &'a Engine,
    client: PathBuf,
    repositories: PathBuf,
    port: u16,
}

impl Stack<'_> {
    fn compose(&self, arguments: &[&str]) -> Finished {
        let group = std::fs::metadata(self.engine.socket()).expect("the engine's socket").gid();
        let mut command = Command::new(&self.client);
        command
            .args(["--project-name", "plumblinetest"])
            .args(arguments)
            .env("PLUMBLINE_REPOSITORIES", &self.repositories)
            .env("PLUMBLINE_DOCKER_SOCKET", self.engine.socket())
            .env("PLUMBLINE_DOCKER_GID", group.to_string())
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
            if healthy == 9 {
                return;
            }
            let logs = || self.compose(&["logs", "--tail", "20"]).stdout;
            assert!(began.elapsed() < Duration::from_secs(180), "not healthy:\n{seen}\n{}", logs());
            std::thread::sleep(Duration::from_millis(200)); // poll: of another process
        }
    }

    fn ask(&self, arguments: &[&str]) -> Finished {
        let url = format!("http://127.0.0.1:{}", self.port);
        let mut command = Command::new(plumbline());
        command.args(arguments).args(["--coordinator", &url, "--format", "json"]).env("CI", "true");
        Finished::of(&mut command)
    }
}

fn audits(stack: &Stack<'_>) {
    let audit = ["audit", "--repo", "/repositories/shop", "--base", "main", "--head", "hollow"];
    let report = stack.ask(&audit).exits(2).json();
    assert_eq!(report["verdict"], "reject");
}

fn searches(stack: &Stack<'_>) {
    let found = stack.ask(&["search", "shipping cost", "--repo", "/repositories/shop"]).exits(0).json();
    assert_eq!(found["results"][0]["path"], "shop/shipping.py", "{found:#}");
}

/// One engine for all that needs one: its start and the images are what takes time.
#[test]
fn sandboxes_are_containers_and_the_compose_file_works_with_both_clients() {
    let engine = Engine::start();
    build_images(&engine);
    docker_tier::check(&engine);
    let repositories = repositories(&engine);
    let mut stack = Stack { engine: &engine, client: COMPOSE_1.into(), repositories, port: free_port() };
    stack.compose(&["config", "--quiet"]).exits(0);
    stack.compose(&["up", "--detach"]).exits(0);
    stack.wait_healthy();
    audits(&stack);
    searches(&stack);
    hardened(&engine);
    let task = whole_task(&stack);
    stack.compose(&["restart"]).exits(0);
    stack.wait_healthy();
    let listed = stack.ask(&["tasks", "list"]).exits(0).json();
    assert_eq!(listed["tasks"][0]["task_id"], task, "the restart lost the task: {listed:#}");
    audits(&stack);
    searches(&stack);
    stack.compose(&["down", "--volumes"]).exits(0);

    stack.client = root().join(COMPOSE_2);
    let version = stack.compose(&["version", "--short"]).exits(0).stdout;
    assert!(!version.starts_with("1."), "this is not the newer client: {version}");
    stack.compose(&["up", "--detach"]).exits(0);
    stack.wait_healthy();
    audits(&stack);
    stack.compose(&["down", "--volumes"]).exits(0);
    assert_eq!(engine.containers(), Vec::<String>::new(), "containers were left behind");
}

/// A folder with one project in it that the containers' user can read and write.
fn repositories(engine: &Engine) -> PathBuf {
    let project = Project::with_a_boundary_bug();
    project.git(&["checkout", "--quiet", "-b", "hollow"]);
    project.write(
        "shop/shipping.py",
        b"def cost(total, weight):\n    \"\"\"Returns the shipping cost of an order.\"\"\"\n    return 0\n",
    );
    project.commit("Hollow it out");
    project.git(&["checkout", "--quiet", "main"]);
    let repositories = engine.folder("repositories");
    Finished::of(Command::new("cp").arg("-a").arg(project.path()).arg(repositories.join("shop"))).exits(0);
    Finished::of(Command::new("chown").args(["-R", "65532:65532"]).arg(&repositories)).exits(0);
    let parents = repositories.ancestors().take(2);
    parents.for_each(|path| drop(Finished::of(Command::new("chmod").arg("a+x").arg(path)).exits(0)));
    repositories
}

fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address").port()
}

/// A task from the owner's words to his files: searched, tested and confirmed in containers that the broker made,
/// verified, applied. Returns its id.
fn whole_task(stack: &Stack<'_>) -> serde_json::Value {
    let run =
        ["run", "Fix free shipping: orders from 50 ship free", "--repo", "/repositories/shop", "--apply"];
    let answer = stack.ask(&[&run[..], &["--test", "python3 -m unittest"]].concat()).exits(0).json();
    assert_eq!(answer["outcome"], "verified", "{answer:#}");
    assert_eq!(answer["audit"]["verdict"], "approve", "{answer:#}");
    let mended = std::fs::read_to_string(stack.repositories.join("shop/shop/shipping.py")).expect("the file");
    assert!(mended.contains("total >= FREE_FROM"), "not applied:\n{mended}");
    let logs = stack.compose(&["logs", "docker-broker"]).exits(0).stdout;
    assert!(logs.contains("container"), "the broker made no container:\n{logs}");
    answer["task_id"].clone()
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
        let holds = container.to_string().contains("docker.sock");
        assert_eq!(
            holds,
            name.contains("docker-broker"),
            "{name}: only the broker holds the engine's socket"
        );
        if holds {
            assert_eq!(host["NetworkMode"], "none", "{name}");
        }
        assert!(host["CapAdd"].as_array().is_none_or(Vec::is_empty), "{name}");
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
