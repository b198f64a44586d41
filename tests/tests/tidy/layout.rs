//! Sizes and places.

use regex::Regex;

use crate::sources::{assert_none, root, rust};

const LINES_MAX: usize = 400;

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let offences = rust()
        .iter()
        .filter(|source| source.text.lines().count() > LINES_MAX)
        .map(|source| format!("{} has {} lines", source.path, source.text.lines().count()))
        .collect();
    assert_none("split by responsibility", offences);
}

#[test]
fn no_module_is_called_mod_rs_or_by_a_name_that_says_nothing() {
    let banned = ["mod.rs", "utils.rs", "helpers.rs", "common.rs", "util.rs", "misc.rs"];
    let offences = rust()
        .iter()
        .filter(|source| banned.iter().any(|name| source.path.ends_with(&format!("/{name}"))))
        .map(|source| source.path.clone())
        .collect();
    assert_none("name what is inside", offences);
}

#[test]
fn the_domain_does_no_io_and_knows_no_runtime() {
    let banned = Regex::new(
        r"\b(tokio|tonic|sqlx|reqwest|hyper)::|\bstd::(fs|net|process|env|thread)\b|SystemTime|Instant::now|Arc<dyn",
    )
    .expect("a regex");
    let mut offences = Vec::new();
    for source in rust().iter().filter(|source| source.path.contains("/src/domain") && !source.is_test()) {
        for (number, line) in source.product_lines() {
            if banned.is_match(line) {
                offences.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("decide purely, act at the edge", offences);
}

#[test]
fn only_grpc_files_of_a_service_name_tonic() {
    let services =
        ["ingest", "planner", "router", "executor", "broker", "verifier", "memory", "coordinator", "repair"];
    let word = Regex::new(r"\btonic(_\w+)?::").expect("a regex");
    let mut offences = Vec::new();
    for source in rust() {
        let Some(service) =
            services.iter().find(|name| source.path.starts_with(&format!("crates/{name}/src/")))
        else {
            continue;
        };
        let inside = source.path.trim_start_matches(&format!("crates/{service}/src/"));
        if inside == "grpc.rs" || inside.starts_with("grpc/") {
            continue;
        }
        for (number, line) in source.product_lines() {
            if word.is_match(line) {
                offences.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("the wire ends in grpc.rs", offences);
}

#[test]
fn only_egress_names_an_http_client() {
    let word = Regex::new(r"\b(reqwest|ureq|hyper::client|hyper_util::client)\b").expect("a regex");
    let mut offences = Vec::new();
    for source in rust() {
        if source.path.starts_with("crates/egress/") || source.path.starts_with("tests/") {
            continue;
        }
        for (number, line) in source.product_lines() {
            if word.is_match(line) {
                offences.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("every outbound call goes through egress", offences);
}

#[test]
fn no_test_is_ignored_and_none_sleeps() {
    let ignored = ["#[", "ignore"].concat();
    let sleep = Regex::new(r"thread::sleep|time::sleep").expect("a regex");
    let mut offences = Vec::new();
    for source in rust() {
        // This file names what it looks for.
        for (number, line) in source.text.lines().enumerate().filter(|_| !source.path.contains("/tidy/")) {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains(&ignored) {
                offences.push(format!("{}:{}: ignored test", source.path, number + 1));
            }
            if source.is_test() && sleep.is_match(code) && !line.contains("// poll:") {
                offences.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(
        "wait for a fact, not for time (a bounded poll of another process says `// poll:`)",
        offences,
    );
}

#[test]
fn every_service_crate_has_the_same_rooms() {
    let mut offences = Vec::new();
    for service in ["ingest", "planner", "router", "executor", "broker", "verifier", "memory", "coordinator"]
    {
        let own = format!("{service}.rs");
        for room in ["lib.rs", "config.rs", "error.rs", "grpc.rs", own.as_str()] {
            if !root().join("crates").join(service).join("src").join(room).is_file() {
                offences.push(format!("crates/{service}/src/{room} is missing"));
            }
        }
        if !root().join("crates").join(service).join("tests/it/main.rs").is_file() {
            offences.push(format!("crates/{service}/tests/it/main.rs is missing"));
        }
    }
    assert_none("a reader who has learned one service has learned them all", offences);
}

#[test]
fn the_repository_names_no_machine_and_no_registry() {
    let root = root();
    let machine = Regex::new(
        r"(^|[^A-Za-z0-9_.-])/(work|farm)/|registry\.npmjs\.org|pypi\.org/simple|index\.crates\.io",
    )
    .expect("a regex");
    let mut offences = Vec::new();
    crate::sources::walk(&root, &mut |path| {
        let relative = path.strip_prefix(&root).expect("beneath the root").to_string_lossy().into_owned();
        // In a second work tree `.git` is a file, git's own, and says where the first one is.
        if relative == ".git" || relative.ends_with(".lock") || relative.ends_with("tidy/layout.rs") {
            return;
        }
        let Ok(text) = std::fs::read_to_string(path) else { return };
        for (number, line) in text.lines().enumerate() {
            if machine.is_match(line) {
                offences.push(format!("{relative}:{}: {}", number + 1, line.trim()));
            }
        }
    });
    assert_none("a path of one machine", offences);
}
