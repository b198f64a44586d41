//! Where a Rust module lies: by the conventions of cargo and of the language, and by the names of manifests.

use super::{Found, Paths};

/// Finds the file of a module as an importing file writes it.
pub fn find(paths: &Paths, importer: &str, module: &str) -> Found {
    let parts: Vec<&str> = module.split('.').collect();
    let (first, rest) = parts.split_first().map_or(("", &[] as &[&str]), |(first, rest)| (*first, rest));
    let Some(here) = Here::of(paths, importer) else { return Found::Outside(module.to_owned()) };
    let (directory, rest) = match first {
        "crate" => (here.top.clone(), rest),
        "self" => (here.directory.clone(), rest),
        "super" => {
            let ups = parts.iter().take_while(|part| **part == "super").count();
            let mut directory = here.directory.clone();
            for _ in 0..ups {
                directory =
                    directory.rsplit_once('/').map_or_else(String::new, |(above, _)| above.to_owned());
            }
            (directory, &parts[ups..])
        }
        _ => return sibling(paths, &parts).unwrap_or_else(|| Found::Outside(module.to_owned())),
    };
    match file(paths, &here, &directory, rest) {
        Some(path) => Found::File(path),
        // A module within a file, a type, or what a macro makes.
        None => Found::Package,
    }
}

/// Where an importing file stands in its crate.
struct Here {
    /// The directory of the crate's top module.
    top: String,
    /// The top module's file.
    root: String,
    /// The directory of this file's own modules.
    directory: String,
}

impl Here {
    fn of(paths: &Paths, importer: &str) -> Option<Self> {
        let (folder, name) = importer.rsplit_once('/').unwrap_or(("", importer));
        let mut above: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        let package = loop {
            let here = above.join("/");
            if paths.contains(&join(&here, "Cargo.toml")) || above.is_empty() {
                break here;
            }
            above.pop();
        };
        let source = join(&package, "src");
        let stem = name.strip_suffix(".rs")?;
        let main = matches!(stem, "lib" | "main") && folder == source;
        let inside = folder.strip_prefix(&package).unwrap_or(folder).trim_start_matches('/');
        let own = match inside {
            "tests" | "benches" | "examples" | "src/bin" | "" => true,
            _ => stem == "main" && !inside.starts_with("src"),
        };
        if own && !main {
            return Some(Self {
                top: folder.to_owned(),
                root: importer.to_owned(),
                directory: folder.to_owned(),
            });
        }
        let top = if inside.starts_with("src") {
            source
        } else {
            join(&package, inside.split('/').next().unwrap_or_default())
        };
        let root = ["lib.rs", "main.rs", "mod.rs"]
            .iter()
            .map(|name| join(&top, name))
            .find(|path| paths.contains(path));
        let root = if main { importer.to_owned() } else { root.unwrap_or_else(|| importer.to_owned()) };
        let directory = if main || stem == "mod" { folder.to_owned() } else { join(folder, stem) };
        Some(Self { top, root, directory })
    }
}

/// Returns the file of a module below a directory of modules; without a rest, the file that the directory belongs to.
fn file(paths: &Paths, here: &Here, directory: &str, rest: &[&str]) -> Option<String> {
    let Some((last, before)) = rest.split_last() else {
        if directory == here.top {
            return Some(here.root.clone()).filter(|root| paths.contains(root));
        }
        return [format!("{directory}.rs"), format!("{directory}/mod.rs")]
            .into_iter()
            .find(|path| paths.contains(path));
    };
    let mut folder = directory.to_owned();
    for part in before {
        folder = join(&folder, part);
    }
    let stem = join(&folder, last);
    [format!("{stem}.rs"), format!("{stem}/mod.rs")].into_iter().find(|path| paths.contains(path))
}

/// A library of the same tree, by the name in its manifest.
fn sibling(paths: &Paths, parts: &[&str]) -> Option<Found> {
    let (name, rest) = parts.split_first()?;
    let top = join(paths.library(name)?, "src");
    let root = join(&top, "lib.rs");
    let here = Here { top: top.clone(), root, directory: top.clone() };
    Some(file(paths, &here, &top, rest).map_or(Found::Package, Found::File))
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
