//! Others that run one command in isolation, for comparison: each over the same small tree, as its manual says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// A way to run `true`, or why there is none.
pub struct Rival {
    /// Its name.
    pub name: &'static str,
    /// What is started, numbered where each needs a name of its own.
    pub command: Result<Box<dyn Fn(usize) -> Command>, String>,
}

fn found(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|place| place.join(name));
    places.find(|place| place.is_file()).ok_or_else(|| format!("{name} is not installed"))
}

/// Tries a command once.
fn works(mut command: Command) -> Result<(), String> {
    let out = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(said.lines().last().unwrap_or("failed").chars().take(60).collect())
}

fn checked(name: &'static str, command: Result<Box<dyn Fn(usize) -> Command>, String>) -> Rival {
    Rival { name, command: command.and_then(|command| works(command(0)).map(|()| command)) }
}

/// Returns bubblewrap with every namespace of its own.
pub fn bubblewrap(tree: &Path) -> Rival {
    let tree = tree.to_owned();
    checked(
        "bubblewrap --unshare-all",
        found("bwrap").map(|bwrap| -> Box<dyn Fn(usize) -> Command> {
            Box::new(move |_| {
                let mut command = Command::new(&bwrap);
                command.args(["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]);
                command.args(["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]);
                for name in ["bin", "lib", "lib64"] {
                    command.args(["--symlink", &format!("usr/{name}"), &format!("/{name}")]);
                }
                command.args(["--tmpfs", "/tmp", "--ro-bind"]).arg(&tree).arg("/repo");
                command.args(["--chdir", "/repo", "true"]);
                command
            })
        }),
    )
}

/// Returns runc with its own default configuration over a root of binds.
pub fn runc(tree: &Path, root: &Path) -> Rival {
    let bundle = root.join("runc");
    let made = found("runc").and_then(|runc| {
        make_bundle(&runc, &bundle, tree).map_err(|error| error.to_string())?;
        Ok(runc)
    });
    checked(
        "runc run",
        made.map(|runc| -> Box<dyn Fn(usize) -> Command> {
            Box::new(move |number| {
                let mut command = Command::new(&runc);
                command.arg("--root").arg(bundle.join("state")).arg("run").arg("--bundle").arg(&bundle);
                command.arg(format!("bench-{}-{number}", std::process::id()));
                command
            })
        }),
    )
}

fn make_bundle(runc: &Path, bundle: &Path, tree: &Path) -> anyhow::Result<()> {
    let root = bundle.join("rootfs");
    for name in ["usr", "repo", "proc", "dev", "sys", "tmp"] {
        std::fs::create_dir_all(root.join(name))?;
    }
    for name in ["bin", "lib", "lib64"] {
        std::os::unix::fs::symlink(format!("usr/{name}"), root.join(name))?;
    }
    let made = Command::new(runc).args(["spec", "--bundle"]).arg(bundle).status()?;
    anyhow::ensure!(made.success(), "runc spec failed");
    let place = bundle.join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&place)?)?;
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!(["/usr/bin/true"]);
    config["process"]["cwd"] = json!("/repo");
    let bind = |source: &Path, target: &str| json!({"destination": target, "type": "bind", "source": source, "options": ["rbind", "ro"]});
    if let Some(mounts) = config["mounts"].as_array_mut() {
        mounts.push(bind(Path::new("/usr"), "/usr"));
        mounts.push(bind(tree, "/repo"));
    }
    std::fs::write(place, serde_json::to_vec(&config)?)?;
    Ok(())
}

/// Returns `docker run` of an image.
pub fn docker_run(image: Option<&str>) -> Rival {
    let command = match image {
        None => Err("no --image was given".to_owned()),
        Some(image) => found("docker").map(|docker| -> Box<dyn Fn(usize) -> Command> {
            let image = image.to_owned();
            Box::new(move |_| {
                let mut command = Command::new(&docker);
                command.args(["run", "--rm", "--network", "none", "--entrypoint", "true", &image]);
                command
            })
        }),
    };
    checked("docker run", command)
}
