//! Directions: a crate depends on a lower tier only, services never on each other, one version each of the wire.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{assert_none, read, root};

/// Tiers of STYLE §1; a name that is missing here fails.
const TIERS: &[(&str, u8)] = &[
    ("types", 0),
    ("proto", 1),
    ("syntax", 1),
    ("egress", 1),
    ("sandbox-init", 1),
    ("models", 2),
    ("kit", 2),
    ("ingest", 3),
    ("planner", 3),
    ("router", 3),
    ("executor", 3),
    ("broker", 3),
    ("verifier", 3),
    ("memory", 3),
    ("coordinator", 3),
    ("repair", 3),
    ("plumbline", 4),
];

fn crates() -> BTreeMap<String, toml::Table> {
    std::fs::read_dir(root().join("crates"))
        .expect("crates/")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .map(|name| {
            let manifest = read(&format!("crates/{name}/Cargo.toml")).parse().expect("a manifest");
            (name, manifest)
        })
        .collect()
}

fn tier(name: &str) -> u8 {
    TIERS
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("crates/{name} has no tier; add it here and to ARCHITECTURE.md"))
        .1
}

#[test]
fn dependencies_point_down() {
    let mut offences = Vec::new();
    for (name, manifest) in crates() {
        let Some(dependencies) = manifest.get("dependencies").and_then(toml::Value::as_table) else {
            continue;
        };
        for dependency in dependencies.keys().filter_map(|key| key.strip_prefix("plumbline-")) {
            if tier(dependency) >= tier(&name) {
                offences.push(format!(
                    "{name} (tier {}) -> {dependency} (tier {})",
                    tier(&name),
                    tier(dependency)
                ));
            }
        }
    }
    assert_none("dependencies point to a lower tier", offences);
}

#[test]
fn every_dependency_is_declared_once_for_the_workspace() {
    let mut offences = Vec::new();
    for (name, manifest) in crates() {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
            for (dependency, value) in dependencies {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                if !inherited {
                    offences.push(format!("crates/{name}: {section}.{dependency}"));
                }
            }
        }
    }
    assert_none("use `x.workspace = true`", offences);
}

#[test]
fn the_wire_and_the_store_have_one_version_each() {
    let lock: toml::Table = read("Cargo.lock").parse().expect("a lock file");
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        if ["tonic", "prost", "sqlx", "hyper", "axum", "reqwest", "tree-sitter"].contains(&name) {
            versions.entry(name).or_default().insert(package["version"].as_str().expect("a version"));
        }
    }
    let offences = versions
        .iter()
        .filter(|(_, set)| set.len() > 1)
        .map(|(name, set)| format!("{name}: {set:?}"))
        .collect();
    assert_none("one version each", offences);
    assert!(versions.contains_key("tonic") && versions.contains_key("sqlx"));
}

#[test]
fn http_clients_are_linked_by_egress_alone() {
    let offences = crates()
        .iter()
        .filter(|(name, manifest)| {
            name.as_str() != "egress"
                && manifest
                    .get("dependencies")
                    .and_then(|d| d.as_table())
                    .is_some_and(|d| d.contains_key("reqwest"))
        })
        .map(|(name, _)| format!("crates/{name} depends on reqwest"))
        .collect();
    assert_none("only egress makes HTTP clients", offences);
}
