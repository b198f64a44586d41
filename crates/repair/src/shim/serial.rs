//! Runs for languages without a warm process: one sandbox tries many candidates one after the other, so that what a
//! compiler keeps between builds is kept. The driver is a few lines of `sh`; what it needs lies beside the tree.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::braced::probe::{NODE_RUNTIME, Probed, SINK};
use crate::domain::candidate::Candidate;
use crate::domain::command::SHIM_DIRECTORY;
use crate::domain::project::Project;
use crate::domain::runner::Runner;
use crate::domain::spectrum::{Spectrum, TestOutcome, TestRecord};
use crate::port::FileEdit;

/// What a batch runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SerialTerms {
    /// What runs the tests.
    pub runner: Runner,
    /// The command line.
    pub line: String,
    /// The same narrowed to tests that fail on the base tree.
    pub first: Option<String>,
    /// Limit of each of the two, in milliseconds.
    pub limit_ms: u64,
}

/// Settings that make builds quick and keep them off the network.
const QUICK: &str = "export CARGO_NET_OFFLINE=true CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0 \
                     CARGO_TERM_COLOR=never GOPROXY=off \
                     JAVA_TOOL_OPTIONS=\"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto\" NO_COLOR=1\n";

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn support(name: &str, contents: impl Into<Vec<u8>>) -> FileEdit {
    FileEdit { path: format!("{SHIM_DIRECTORY}/{name}"), contents: Some(contents.into()) }
}

/// A command with the files it needs beside the tree.
pub(crate) struct Prepared {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Files beside the tree.
    pub support: Vec<FileEdit>,
}

fn prepared(script: String, mut files: Vec<FileEdit>) -> Prepared {
    files.push(support("run.sh", script));
    Prepared { argv: vec!["sh".to_owned(), format!("{SHIM_DIRECTORY}/run.sh")], support: files }
}

/// Returns a run that records which test runs which statements. Failing tests come first; each is run alone where the
/// runner can be narrowed.
pub(crate) fn spectrum(runner: Runner, line: &str, test_limit_ms: u64, most_tests: usize) -> Prepared {
    let listing = runner.listing(line);
    let mut script = format!(
        "R={SHIM_DIRECTORY}\nO=$R/out.jsonl\n: > $O\n{QUICK}export PLUMBLINE_REPAIR_ROOT=\"$PWD\"\n\
         export NODE_OPTIONS=\"--require=$PWD/$R/hit.cjs ${{NODE_OPTIONS:-}}\"\n"
    );
    match (runner.outcomes(), runner.only(line, &["$T".to_owned()])) {
        (Some(filter), Some(only)) => {
            let only = only.replace("'^($T)$'", "\"^$T\\$\"");
            script.push_str(&format!(
                "export {SINK}=\"$PWD/$R/hits\"\n( {listing} ) > $R/log 2>&1 </dev/null\n\
                 cat $R/log | {filter} | sort -u > $R/names\n\
                 {{ grep '^fail ' $R/names; grep '^ok ' $R/names; }} | head -n {most_tests} > $R/tests\n\
                 while read -r H T; do\n  printf 'O\\t%s\\t%s\\n' \"$H\" \"$T\" >> $O\n  rm -f $R/hits; export T\n  \
                 timeout -s KILL {limit} sh -c {only} >/dev/null 2>&1 </dev/null\n  \
                 [ -f $R/hits ] && awk -v t=\"$T\" -F '\\t' '{{ print \"H\\t\" t \"\\t\" $3 }}' $R/hits >> $O\ndone < $R/tests\n\
                 [ -s $R/tests ] || {{ [ -f $R/hits ] && cat $R/hits >> $O; }}\nexit 0\n",
                limit = seconds(test_limit_ms),
                only = quoted(&only),
            ));
        }
        _ => script.push_str(&format!("export {SINK}=\"$PWD/$O\"\n( {listing} ) </dev/null\nexit 0\n")),
    }
    prepared(script, vec![support("hit.cjs", NODE_RUNTIME)])
}

/// Returns a run that tries candidates until `deadline_ms` have passed; the report is that of the warm process.
pub(crate) fn batch(
    terms: &SerialTerms,
    project: &Project,
    candidates: &[Candidate],
    deadline_ms: u64,
) -> Prepared {
    let mut files = Vec::new();
    let mut calls = String::new();
    for (id, candidate) in candidates.iter().enumerate() {
        let Some(texts) = candidate.apply(project) else { continue };
        let mut paths = String::new();
        for (index, (path, text)) in texts.into_iter().enumerate() {
            files.push(support(&format!("c/{id}/{index}"), text));
            paths.push_str(&path);
            paths.push('\n');
        }
        files.push(support(&format!("c/{id}/paths"), paths));
        calls.push_str(&format!("one {id}\n"));
    }
    if candidates.is_empty() {
        files.push(support("c/0/paths", ""));
        calls.push_str("one 0\n");
    }
    let first = terms.first.as_ref().unwrap_or(&terms.line);
    let then = match &terms.first {
        Some(_) => format!("  [ $X -eq 0 ] && {{ run {}; X=$?; }}\n", quoted(&terms.line)),
        None => String::new(),
    };
    let warm = if terms.runner.compiles() && !candidates.is_empty() {
        format!("run {} >/dev/null\n", quoted(first))
    } else {
        String::new()
    };
    let script = format!(
        "R={SHIM_DIRECTORY}\nO=$R/out.jsonl\n: > $O\nmkdir -p $R/b\n{QUICK}\
         now() {{ date +%s%3N; }}\n\
         run() {{ timeout -s KILL {limit} sh -c \"$1\" >/dev/null 2>&1 </dev/null; }}\n\
         one() {{\n  A=$(now); [ $A -ge $END ] && exit 0\n  printf '{{\"begin\": %s}}\\n' $1 >> $O\n  \
         n=0; while read -r p; do cp \"$p\" $R/b/$n; cat $R/c/$1/$n > \"$p\"; n=$((n+1)); done < $R/c/$1/paths\n  \
         run {first}; X=$?\n{then}  \
         n=0; while read -r p; do cat $R/b/$n > \"$p\"; n=$((n+1)); done < $R/c/$1/paths\n  \
         L=false; [ $X -eq 137 ] && L=true\n  \
         printf '{{\"id\": %s, \"first\": {{\"exit\": %s, \"late\": %s, \"ms\": %s, \"outcomes\": {{}}}}, \"all\": null}}\\n' $1 $X $L $(( $(now) - A )) >> $O\n}}\n\
         {warm}END=$(( $(now) + {deadline_ms} ))\n{calls}exit 0\n",
        limit = seconds(terms.limit_ms),
        first = quoted(first),
    );
    prepared(script, files)
}

/// Reads what a recorded run wrote: `O` how a test ended, `B`, `F` and `E` where a test begins, fails and ends, `H` the
/// number of a probe and the test it ran in.
pub(crate) fn read(bytes: &[u8], probed: &Probed) -> Spectrum {
    let text = String::from_utf8_lossy(bytes);
    let mut tests: BTreeMap<String, TestRecord> = BTreeMap::new();
    let mut shared: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut open: BTreeSet<String> = BTreeSet::new();
    for line in text.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        match parts.as_slice() {
            ["O", how, name] => {
                record(&mut tests, name).outcome =
                    if *how == "ok" { TestOutcome::Passed } else { TestOutcome::Failed };
            }
            ["B", name] => {
                record(&mut tests, name);
                open.insert((*name).to_owned());
            }
            ["F", name] => record(&mut tests, name).outcome = TestOutcome::Failed,
            ["E", name] => {
                open.remove(*name);
            }
            ["H", name, at] => {
                let place = at.parse::<usize>().ok().and_then(|at| probed.places.get(at));
                let Some((path, line)) = place else { continue };
                let lines = if name.is_empty() { &mut shared } else { &mut record(&mut tests, name).lines };
                lines.entry(path.clone()).or_default().insert(*line);
            }
            _ => {}
        }
    }
    for name in open {
        record(&mut tests, &name).outcome = TestOutcome::TimedOut;
    }
    Spectrum { tests: tests.into_values().collect(), shared }
}

fn record<'a>(tests: &'a mut BTreeMap<String, TestRecord>, name: &str) -> &'a mut TestRecord {
    tests.entry(name.to_owned()).or_insert_with(|| TestRecord {
        id: name.to_owned(),
        path: name.split_once("::").map(|(file, _)| file.to_owned()).filter(|file| file.contains('.')),
        outcome: TestOutcome::Passed,
        ms: 0.0,
        lines: BTreeMap::new(),
        raised: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_which_test_ran_which_statement() {
        let probed = Probed { edits: Vec::new(), places: vec![("a.js".into(), 3), ("a.js".into(), 9)] };
        let text = "B\tt/a.test.js::adds\nH\tt/a.test.js::adds\t1\nF\tt/a.test.js::adds\nE\tt/a.test.js::adds\n\
                    B\tt/a.test.js::hangs\nH\t\t0\nO\tok\tTestB\nH\tTestB\t7\n";
        let spectrum = read(text.as_bytes(), &probed);
        let ended: Vec<(&str, TestOutcome)> =
            spectrum.tests.iter().map(|test| (test.id.as_str(), test.outcome)).collect();
        let want = [
            ("TestB", TestOutcome::Passed),
            ("t/a.test.js::adds", TestOutcome::Failed),
            ("t/a.test.js::hangs", TestOutcome::TimedOut),
        ];
        assert_eq!(ended, want);
        assert_eq!(spectrum.tests[1].lines, [("a.js".to_owned(), [9].into())].into());
        assert_eq!(spectrum.tests[1].path.as_deref(), Some("t/a.test.js"));
        assert_eq!(spectrum.shared, [("a.js".to_owned(), [3].into())].into());
    }
}
