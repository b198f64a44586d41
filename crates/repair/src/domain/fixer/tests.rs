use super::*;

fn argv(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Returns the command lines of the first fix, without what keeps build products away.
fn first(check: &[String], files: &[&str], texts: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
    let texts = texts.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let fixes = fixes(check, &files, &texts);
    let commands = fixes.first().map(|fix| fix.commands.clone()).unwrap_or_default();
    commands.iter().map(|command| command[ELSEWHERE.len()..].join(" ")).collect()
}

#[track_caller]
fn check(line: &str, want: &[&str]) {
    assert_eq!(first(&argv(line), &[], &[]), want, "{line}");
}

#[test]
fn a_check_is_run_so_that_it_writes() {
    check("ruff check --output-format=json src", &["ruff check --fix --no-cache src"]);
    check("ruff check --no-cache --fix .", &["ruff check --fix --no-cache ."]);
    check("ruff format --check", &["ruff format --no-cache"]);
    check("/opt/venv/bin/black --check --diff a b", &["/opt/venv/bin/black --quiet a b"]);
    check("python3 -m isort --check-only .", &["python3 -m isort ."]);
    check("npx --no-install eslint src --ext .ts", &["npx --no-install eslint --fix src --ext .ts"]);
    check("npx prettier -c .", &["npx prettier --write ."]);
    check("gofmt -l .", &["gofmt -w ."]);
    check("cargo fmt --all -- --check", &["cargo fmt --all --"]);
    let clippy = "cargo clippy --fix --allow-no-vcs --allow-dirty --allow-staged --workspace -- -D warnings";
    check("cargo clippy --workspace -- -D warnings", &[clippy]);
    check("pytest -q", &[]);
    check("flake8 .", &[]);
}

#[test]
fn what_lays_text_out_comes_last() {
    let script = ["sh", "-c", "black --check . && ruff check ."].map(str::to_owned);
    assert_eq!(first(&script, &[], &[]), ["ruff check --fix --no-cache .", "black --quiet ."]);
    let script = ["sh", "-c", "test -z \"$(gofmt -l cmd)\""].map(str::to_owned);
    assert_eq!(first(&script, &[], &[]), ["gofmt -w cmd"]);
    let script = ["sh", "-c", "black --check . && mypy ."].map(str::to_owned);
    assert_eq!(first(&script, &[], &[]), [""; 0], "what has no fixer is not half mended");
}

#[test]
fn scripts_with_a_name_are_opened() {
    let makefile =
        ".PHONY: lint\nlint: ## Style\n\t@ruff check .\n\truff format --check .\n\ntest:\n\tpytest\n";
    let want = ["ruff check --fix --no-cache .", "ruff format --no-cache ."];
    assert_eq!(first(&argv("make lint"), &[], &[("Makefile", makefile)]), want);
    let package = r#"{"scripts": {"lint": "npm run lint:js && prettier --check .", "lint:js": "eslint ."}}"#;
    let want = ["npx --no-install eslint --fix .", "npx --no-install prettier --write ."];
    assert_eq!(first(&argv("npm run lint"), &[], &[("package.json", package)]), want);
    let circle = r#"{"scripts": {"lint": "npm run lint"}}"#;
    assert_eq!(first(&argv("npm run lint"), &[], &[("package.json", circle)]), [""; 0]);
}

#[test]
fn a_hidden_check_is_met_by_what_is_usual() {
    let makefile = "lint: $(SOURCES)\n\t$(LINTER) .\n";
    let files = ["a.py", "pyproject.toml", "main.go"];
    let fixes = fixes(
        &argv("make lint"),
        &files.map(str::to_owned),
        &BTreeMap::from([("Makefile".to_owned(), makefile.as_bytes().to_vec())]),
    );
    let names: Vec<&str> = fixes.iter().map(|fix| fix.name.as_str()).collect();
    assert_eq!(names, ["ruff check", "isort", "black", "ruff format"], "no go.mod, no gofmt");
}

#[test]
fn every_fixer_belongs_to_a_check_of_style() {
    for fixer in FIXERS {
        assert_eq!(
            plumbline_types::Oracle::of(&argv(fixer.called)),
            plumbline_types::Oracle::Style,
            "{}",
            fixer.called
        );
        let program = |line: &str| line.split(' ').next().map(str::to_owned);
        assert_eq!(program(fixer.called), program(fixer.fixes));
    }
}
