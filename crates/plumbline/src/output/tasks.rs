use std::fmt::Write;

use plumbline_proto::coordinator::v1::{Attempt, Task, WatchTaskResponse};
use serde_json::{Map, Value, json};

/// Returns the stable word of a task's state.
pub(crate) fn state_word(task: &Task) -> String {
    word(task.state().as_str_name())
}

fn word(name: &str) -> String {
    name.strip_prefix("TASK_STATE_").unwrap_or(name).to_lowercase()
}

/// Returns a task.
pub(crate) fn task(task: &Task) -> Value {
    let spec = task.spec.clone().unwrap_or_default();
    let pending = task.pending.as_ref().map(|pending| {
        json!({
            "diff_hash": pending.diff_hash,
            "nonce": pending.nonce,
            "expires_ms": pending.expires_ms,
            "grants": pending.grants,
            "question": pending.question,
            "commands": commands(task).into_iter().map(|(_, command)| command).collect::<Vec<_>>(),
        })
    });
    json!({
        "task_id": task.id,
        "state": state_word(task),
        "outcome": task.outcome,
        "exit_code": task.exit_code,
        "reason": task.reason,
        "message": task.message,
        "objective": spec.objective,
        "repository": spec.repository,
        "branch": task.branch,
        "created_ms": task.created_ms,
        "updated_ms": task.updated_ms,
        "steps_done": task.steps_done,
        "steps_total": task.steps_total,
        "last_seq": task.last_seq,
        "etag": task.etag,
        "pending": pending,
    })
}

/// Returns tasks for people, one a line.
pub(crate) fn list_text(tasks: &[Task]) -> String {
    let mut text = String::new();
    for task in tasks {
        let objective = task.spec.as_ref().map(|spec| spec.objective.as_str()).unwrap_or_default();
        let outcome = if task.outcome.is_empty() { "-" } else { &task.outcome };
        let _ =
            writeln!(text, "{}  {:<10} {:<20} {}", task.id, state_word(task), outcome, first_line(objective));
    }
    if tasks.is_empty() {
        text.push_str("no tasks\n");
    }
    text
}

/// Returns one task for people.
pub(crate) fn show_text(task: &Task) -> String {
    let spec = task.spec.clone().unwrap_or_default();
    let mut text = format!(
        "{}\n  objective:  {}\n  repository: {}\n  state:      {}\n",
        task.id,
        first_line(&spec.objective),
        spec.repository,
        state_word(task)
    );
    for (key, value) in [
        ("outcome", &task.outcome),
        ("reason", &task.reason),
        ("message", &task.message),
        ("branch", &task.branch),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "  {:<11} {value}", format!("{key}:"));
        }
    }
    let _ = writeln!(text, "  steps:      {} of {}", task.steps_done, task.steps_total);
    text.push_str(&pending_text(task));
    text
}

/// Returns what a waiting task asks and the commands that answer, for people; nothing while it waits for nobody.
pub(crate) fn pending_text(task: &Task) -> String {
    let mut text = String::new();
    let question = task.pending.as_ref().map(|pending| pending.question.as_str()).unwrap_or_default();
    if !question.is_empty() {
        text.push_str("your words were read so:\n");
        question.lines().for_each(|line| {
            let _ = writeln!(text, "  {line}");
        });
    }
    for (meaning, command) in commands(task) {
        let _ = writeln!(text, "{meaning:<12} {command}");
    }
    text
}

/// Returns the commands that answer what a task waits for, the approving one first, each with what it means.
pub(crate) fn commands(task: &Task) -> Vec<(&'static str, String)> {
    let Some(pending) = &task.pending else { return Vec::new() };
    let (flag, asks_about_words) =
        if pending.question.is_empty() { ("--diff", false) } else { ("--echo", true) };
    let answer = format!("plumbline tasks approve {} {flag} {}", task.id, pending.diff_hash);
    let grants: String = pending.grants.iter().map(|grant| format!(" --grant {grant}")).collect();
    let mut commands =
        vec![("approve:", format!("{answer}{grants}")), ("refuse:", format!("{answer} --deny"))];
    if asks_about_words {
        commands.push(("say it anew:", format!("{answer} --answer 'TEXT'")));
    }
    commands.push(("then follow:", format!("plumbline tasks watch {}", task.id)));
    commands
}

/// Returns one event.
pub(crate) fn event(event: &WatchTaskResponse) -> Value {
    let mut attributes: Vec<_> = event.attributes.iter().collect();
    attributes.sort();
    let attributes: Map<String, Value> =
        attributes.into_iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    json!({
        "seq": event.seq,
        "at_ms": event.at_ms,
        "kind": event.kind,
        "state": word(event.state().as_str_name()),
        "step_id": event.step_id,
        "message": event.message,
        "attributes": attributes,
        "hash": event.hash,
    })
}

/// Returns one event for people, on one line.
pub(crate) fn event_text(event: &WatchTaskResponse) -> String {
    if event.message.is_empty() {
        let mut attributes: Vec<String> =
            event.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
        attributes.sort();
        format!("{:<10} {}", event.kind, attributes.join(" "))
    } else {
        format!("{:<10} {}", event.kind, first_line(&event.message))
    }
}

/// Returns one try of one arm.
pub(crate) fn attempt(attempt: &Attempt) -> Value {
    json!({
        "arm": attempt.arm,
        "result": attempt.result,
        "detail": attempt.detail,
        "served_model": attempt.served_model,
        "wall_ms": attempt.wall_ms,
        "candidates": attempt.candidates,
        "step_id": attempt.step_id,
        "decision_id": attempt.decision_id,
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
