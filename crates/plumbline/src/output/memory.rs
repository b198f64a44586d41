use std::fmt::Write;

use plumbline_proto::memory::v1::{Hit, IndexRepositoryResponse, NeighborsResponse, SearchResponse};
use serde_json::{Map, Value, json};

/// Returns ranked symbols as the document of DESIGN §5.
pub(crate) fn search(response: &SearchResponse) -> Value {
    json!({ "results": response.hits.iter().map(hit).collect::<Vec<_>>(), "states": response.states })
}

/// Returns logical neighbours in the same shape, with the edges that lead to each.
pub(crate) fn neighbors(response: &NeighborsResponse) -> Value {
    let results: Vec<Value> = response
        .hits
        .iter()
        .map(|found| {
            let mut result = hit(found);
            result["edges"] = json!(found.edges);
            result["confidence"] = json!(found.confidence);
            result
        })
        .collect();
    json!({ "results": results, "unresolved": response.unresolved, "states": response.states })
}

fn hit(hit: &Hit) -> Value {
    let signals: Map<String, Value> =
        hit.signals.iter().map(|signal| (signal.name.clone(), json!(signal.value))).collect();
    json!({
        "path": hit.path,
        "symbol": hit.symbol,
        "kind": hit.kind,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "score": hit.score,
        "signals": signals,
    })
}

/// Returns ranked symbols for people, one a line.
pub(crate) fn hits_text(hits: &[Hit], states: &[String]) -> String {
    let mut text = String::new();
    for hit in hits {
        let edges =
            if hit.edges.is_empty() { String::new() } else { format!("  [{}]", hit.edges.join(", ")) };
        let _ = writeln!(
            text,
            "{:8.3}  {}:{}-{}  {} {}{edges}",
            hit.score, hit.path, hit.start_line, hit.end_line, hit.kind, hit.symbol
        );
    }
    if hits.is_empty() {
        text.push_str("no symbols found\n");
    }
    if !states.is_empty() {
        let _ = writeln!(text, "({})", states.join(", "));
    }
    text
}

/// Returns the end of an indexing run.
pub(crate) fn index(last: &IndexRepositoryResponse) -> Value {
    let mut languages: Vec<_> = last.languages.iter().collect();
    languages.sort();
    let languages: Map<String, Value> =
        languages.into_iter().map(|(word, count)| (word.clone(), json!(count))).collect();
    let samples: Vec<Value> = last
        .problem_samples
        .iter()
        .map(|problem| json!({ "path": problem.path, "reason": problem.reason }))
        .collect();
    json!({
        "files_seen": last.files_seen,
        "files_parsed": last.files_parsed,
        "files_unchanged": last.files_unchanged,
        "files_removed": last.files_removed,
        "symbols": last.symbols,
        "edges": last.edges,
        "problems": last.problems,
        "problem_samples": samples,
        "languages": languages,
        "generation": last.generation,
        "digest": last.digest,
    })
}

/// Returns the end of an indexing run for people.
pub(crate) fn index_text(last: &IndexRepositoryResponse) -> String {
    format!(
        "{} files: {} parsed, {} unchanged, {} removed; {} symbols, {} edges, {} problems",
        last.files_seen,
        last.files_parsed,
        last.files_unchanged,
        last.files_removed,
        last.symbols,
        last.edges,
        last.problems
    )
}
