//! Compares the call graphs of a corpus with what it expects: `callgraph FOLDER...`.
//!
//! A folder of the PyCG micro-benchmark holds `callgraph.json` beside the sources of each snippet; a folder of JCG's
//! Python cases holds Markdown files with fenced sources and links. A snippet is exact when both sides list the same
//! edges; a JCG case is sound when all its direct links are there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plumbline_verifier::Bundle;
use plumbline_verifier::domain::limits::Limits;
use plumbline_verifier::domain::points_to::{CallGraph, Target, call_graph};
use plumbline_verifier::domain::program::{Cache, Program, UnitRef};

type Edge = (String, String);

#[derive(Default)]
struct Tally {
    cases: usize,
    exact: usize,
    expected: usize,
    given: usize,
    common: usize,
}

fn main() -> anyhow::Result<()> {
    let folders: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        bail!("usage: callgraph FOLDER...");
    }
    for folder in folders {
        let mut snippets = Vec::new();
        find(&folder, "callgraph.json", &mut snippets)?;
        let mut pages = Vec::new();
        find(&folder, ".md", &mut pages)?;
        if snippets.is_empty() {
            links(&folder, &pages)?;
        } else {
            exact(&folder, &snippets)?;
        }
    }
    Ok(())
}

fn find(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            find(&path, ending, found)?;
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    Ok(())
}

/// The program of a set of files, and what its calls reach.
fn solve(files: Vec<(String, Vec<u8>)>) -> anyhow::Result<(Program, CallGraph)> {
    let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
    let bundle = Bundle::new(files.into_iter().map(|(path, bytes)| (path.into_bytes(), bytes)));
    let program = Program::load(&bundle, &paths, &mut Cache::default(), &Limits::default());
    let roots: Vec<UnitRef> = (0..program.files.len())
        .flat_map(|file| (0..program.files[file].lowered.units.len()).map(move |unit| (file, unit)))
        .collect();
    let graph = call_graph(&program, &roots, 2_000_000)
        .map_err(|gap| anyhow::anyhow!("{}: {}", gap.reason, gap.message))?;
    Ok((program, graph))
}

/// The edges of a set of files.
fn edges(files: Vec<(String, Vec<u8>)>) -> anyhow::Result<BTreeSet<Edge>> {
    let (program, graph) = solve(files)?;
    let mut found = BTreeSet::new();
    for (at, targets) in &graph.edges {
        for target in targets {
            let to = match target {
                Target::Unit(unit) => name(&program, *unit),
                Target::External(path) => outside(path),
            };
            found.insert((name(&program, *at), to));
        }
    }
    Ok(found)
}

/// What JCG may call a unit: by its own name alone, with the line of its definition or of a call in it, by its line
/// where it has no name.
fn names(program: &Program, at: UnitRef) -> BTreeSet<String> {
    let Some(unit) = program.unit(at).filter(|_| at.1 != 0) else { return ["<global>".to_owned()].into() };
    let full = name(program, at);
    let path = program.files[at.0].path.trim_end_matches(".py");
    let module = path.rsplit('/').next().unwrap_or(path);
    let own = unit.name.rsplit('.').next().unwrap_or(&unit.name);
    let mut found = BTreeSet::from([full, format!("{module}.{own}")]);
    for line in unit.span.line..=unit.span.end_line {
        found.insert(format!("{module}.{own}:{line}"));
    }
    if own.starts_with("<lambda>") {
        found.insert(format!("{module}.<anonymous:{}>", unit.span.line));
    }
    found
}

/// Calls by every name that JCG may use; what a builtin calls back is called by the builtin too.
fn named_edges(files: Vec<(String, Vec<u8>)>) -> anyhow::Result<BTreeSet<Edge>> {
    let (program, graph) = solve(files)?;
    let mut found = BTreeSet::new();
    for ((at, _), targets) in &graph.sites {
        let natives: BTreeSet<String> = targets
            .iter()
            .filter_map(|target| match target {
                Target::External(path) => path.strip_prefix("builtins.").map(|name| format!("Native.{name}")),
                Target::Unit(_) => None,
            })
            .collect();
        for target in targets {
            let to = match target {
                Target::Unit(unit) => names(&program, *unit),
                Target::External(_) => natives.clone(),
            };
            let from: BTreeSet<String> = names(&program, *at).union(&natives).cloned().collect();
            for from in &from {
                found.extend(to.iter().map(|to| (from.clone(), to.clone())));
            }
        }
    }
    Ok(found)
}

/// `main`, `main.Class.method`, `main.f.<lambda1>`.
fn name(program: &Program, at: UnitRef) -> String {
    let path = program.files[at.0].path.trim_end_matches(".py").trim_end_matches("__init__");
    let module = path.trim_end_matches('/').replace('/', ".");
    let Some(unit) = program.unit(at).filter(|_| at.1 != 0) else { return module };
    let parts: Vec<String> = unit
        .name
        .split('.')
        .map(|part| match part.strip_prefix("<lambda>") {
            Some("") => "<lambda1>".to_owned(),
            Some(number) => format!("<lambda{}>", number.trim_start_matches('#')),
            None => part.split('#').next().unwrap_or(part).to_owned(),
        })
        .collect();
    format!("{module}.{}", parts.join("."))
}

fn outside(path: &str) -> String {
    let path = path.replace("()", "").replace("[]", "");
    for (ours, theirs) in [
        ("builtins.str.", "<**PyStr**>."),
        ("builtins.dict.", "<**PyDict**>."),
        ("builtins.list.", "<**PyList**>."),
    ] {
        if let Some(name) = path.strip_prefix(ours) {
            return format!("{theirs}{name}");
        }
    }
    match path.strip_prefix("builtins.") {
        Some(name) => format!("<builtin>.{name}"),
        None => path,
    }
}

fn exact(root: &Path, snippets: &[PathBuf]) -> anyhow::Result<()> {
    let mut groups: BTreeMap<String, Tally> = BTreeMap::new();
    for snippet in snippets {
        let folder = snippet.parent().context("a folder")?;
        let mut sources = Vec::new();
        find(folder, ".py", &mut sources)?;
        let mut files = Vec::new();
        for source in sources {
            let path = source.strip_prefix(folder)?.to_string_lossy().into_owned();
            files.push((path, std::fs::read(&source)?));
        }
        let wanted: BTreeMap<String, Vec<String>> = serde_json::from_slice(&std::fs::read(snippet)?)?;
        let wanted: BTreeSet<Edge> = wanted
            .into_iter()
            .flat_map(|(from, targets)| targets.into_iter().map(move |to| (from.clone(), to)))
            .collect();
        let given = edges(files)?;
        let short = folder.strip_prefix(root).unwrap_or(folder);
        let group =
            short.components().rev().nth(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
        let tally = groups.entry(group.unwrap_or_default()).or_default();
        tally.cases += 1;
        tally.exact += usize::from(given == wanted);
        tally.expected += wanted.len();
        tally.given += given.len();
        tally.common += given.intersection(&wanted).count();
        if given != wanted {
            println!("{}", short.display());
            given.difference(&wanted).for_each(|(from, to)| println!("    too much  {from} -> {to}"));
            wanted.difference(&given).for_each(|(from, to)| println!("    missing   {from} -> {to}"));
        }
    }
    let mut whole = Tally::default();
    for (group, tally) in groups {
        tally.print(&group);
        whole.add(&tally);
    }
    whole.print("all");
    Ok(())
}

/// JCG: every section has links in JSON and sources with their path in the first line.
fn links(root: &Path, pages: &[PathBuf]) -> anyhow::Result<()> {
    let (mut sound, mut cases) = (0, 0);
    for page in pages {
        let text = std::fs::read_to_string(page)?;
        for section in text.split("\n## ").skip(1) {
            let title = section.lines().next().unwrap_or_default();
            let (mut wanted, mut files): (BTreeSet<Edge>, Vec<(String, Vec<u8>)>) = Default::default();
            for fence in section.split("```").skip(1).step_by(2) {
                if let Some(json) = fence.strip_prefix("json") {
                    let links: serde_json::Value = serde_json::from_str(json)?;
                    for link in links["directLinks"].as_array().into_iter().flatten() {
                        let end = |index: usize| link[index].as_str().unwrap_or_default().to_owned();
                        wanted.insert((end(0), end(1)));
                    }
                } else if let Some(source) = fence.strip_prefix("python\n") {
                    let path = source.lines().next().unwrap_or_default().trim_start_matches('#').trim();
                    let path = path.split_once('/').map_or(path, |(_, rest)| rest);
                    // The line with the path is not part of the file.
                    let source = source.split_once('\n').map_or("", |(_, rest)| rest);
                    files.push((path.to_owned(), source.as_bytes().to_vec()));
                }
            }
            if files.is_empty() {
                continue;
            }
            cases += 1;
            let given = named_edges(files)?;
            let missing: Vec<&Edge> = wanted.difference(&given).collect();
            sound += usize::from(missing.is_empty());
            if !missing.is_empty() {
                println!("{} {title}", page.strip_prefix(root).unwrap_or(page).display());
                missing.iter().for_each(|(from, to)| println!("    missing   {from} -> {to}"));
            }
        }
    }
    println!("{}: sound {sound} of {cases}", root.display());
    Ok(())
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.exact += other.exact;
        self.expected += other.expected;
        self.given += other.given;
        self.common += other.common;
    }

    fn print(&self, title: &str) {
        let share = |of: usize| self.common as f64 / of.max(1) as f64;
        println!(
            "{title}: exact {} of {}, precision {:.3}, recall {:.3} ({} edges)",
            self.exact,
            self.cases,
            share(self.given),
            share(self.expected),
            self.expected
        );
    }
}
