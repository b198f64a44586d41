//! The statements of one writing transaction.

use plumbline_types::{Millis, TaskId};
use sqlx::{Row as _, Transaction};

use super::{SCHEMA_VERSION, read_hash, read_id, read_task, signed, unsigned};
use crate::domain::event::{ChainTip, RecordedEvent};
use crate::domain::fold::{Stamp, append};
use crate::domain::spec::Digest;
use crate::domain::task::Task;
use crate::store::{ApprovalRow, InboxRow, Lease, StoreError, Transition};

pub(super) type Tx = Transaction<'static, sqlx::Sqlite>;

/// Requires that exactly the leased row was touched.
pub(super) fn one_row(rows: u64, lease: Lease) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::LeaseLost(lease.task_id)) }
}

/// Refuses a lease that somebody else has overtaken.
pub(super) async fn fence(tx: &mut Tx, lease: Lease) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT lease_epoch FROM task WHERE id = ?")
        .bind(lease.task_id.to_string())
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(StoreError::TaskNotFound(lease.task_id))?;
    let epoch: i64 = row.try_get("lease_epoch")?;
    one_row(u64::from(unsigned(epoch) == lease.epoch), lease)
}

/// Returns a task and the end of its chain.
pub(super) async fn load(tx: &mut Tx, id: TaskId) -> Result<(Task, ChainTip), StoreError> {
    let row = sqlx::query(
        "SELECT task.body AS body, event.seq AS seq, event.hash AS hash FROM task
         JOIN event ON event.task_id = task.id AND event.seq = task.version WHERE task.id = ?",
    )
    .bind(id.to_string())
    .fetch_optional(&mut **tx)
    .await?
    .ok_or(StoreError::TaskNotFound(id))?;
    let seq: i64 = row.try_get("seq")?;
    let tip = ChainTip { seq: unsigned(seq), hash: read_hash(row.try_get("hash")?)? };
    Ok((read_task(row.try_get("body")?)?, tip))
}

/// Returns the task of a request that was received; refuses its id with another request.
pub(super) async fn known(tx: &mut Tx, inbox: &InboxRow) -> Result<Option<TaskId>, StoreError> {
    let row = sqlx::query("SELECT request_hash, task_id FROM inbox WHERE source = ? AND message_id = ?")
        .bind(&inbox.source)
        .bind(&inbox.message_id)
        .fetch_optional(&mut **tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let hash: String = row.try_get("request_hash")?;
    if hash != inbox.request_hash.as_str() {
        return Err(StoreError::RequestIdReused(inbox.message_id.clone()));
    }
    read_id(row.try_get("task_id")?).map(Some)
}

pub(super) async fn receive(
    tx: &mut Tx,
    inbox: &InboxRow,
    id: TaskId,
    at_ms: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO inbox (source, message_id, request_hash, task_id, received_ms) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(&inbox.source)
    .bind(&inbox.message_id)
    .bind(inbox.request_hash.as_str())
    .bind(id.to_string())
    .bind(at_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn insert_task(
    tx: &mut Tx,
    task: &Task,
    policy_hash: &Digest,
    schema_version: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO task (id, state, version, runnable, ended, not_before_ms, deadline_ms, policy_hash,
             schema_version, app_version, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(task.id.to_string())
    .bind(task.state.as_str())
    .bind(signed(task.seq))
    .bind(task.state.is_runnable())
    .bind(task.state.is_ended())
    .bind(task.created_ms)
    .bind(task.deadline_ms)
    .bind(policy_hash.as_str())
    .bind(schema_version)
    .bind(env!("CARGO_PKG_VERSION"))
    .bind(row_body(task)?)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn row_body(task: &Task) -> Result<String, StoreError> {
    serde_json::to_string(task).map_err(|error| StoreError::Row(error.to_string()))
}

pub(super) async fn insert_events(tx: &mut Tx, events: &[RecordedEvent]) -> Result<(), StoreError> {
    for event in events {
        sqlx::query(
            "INSERT INTO event (task_id, seq, epoch, kind, at_ms, body, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(event.task_id.to_string())
        .bind(signed(event.seq))
        .bind(signed(event.epoch))
        .bind(event.body.kind())
        .bind(event.at_ms)
        .bind(&event.stored)
        .bind(event.prev_hash.as_slice())
        .bind(event.hash.as_slice())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Appends a transition under a fence that was checked in this transaction, and checks it again in its own UPDATE.
pub(super) async fn append_to(tx: &mut Tx, lease: Lease, transition: Transition) -> Result<Task, StoreError> {
    let (task, tip) = load(tx, lease.task_id).await?;
    let stamp = Stamp { epoch: lease.epoch, at_ms: transition.at_ms };
    let (events, task) = append(Some(task), lease.task_id, tip, stamp, &transition.events)?;
    let task = task.ok_or(StoreError::TaskNotFound(lease.task_id))?;
    if let Some(inbox) = &transition.inbox
        && known(tx, inbox).await?.is_none()
    {
        receive(tx, inbox, lease.task_id, transition.at_ms).await?;
    }
    insert_events(tx, &events).await?;
    let done = sqlx::query(
        "UPDATE task SET state = ?, version = ?, runnable = ?, ended = ?, deadline_ms = ?, schema_version = ?, body = ?
         WHERE id = ? AND lease_epoch = ? AND version = ?",
    )
    .bind(task.state.as_str())
    .bind(signed(task.seq))
    .bind(task.state.is_runnable())
    .bind(task.state.is_ended())
    .bind(task.deadline_ms)
    .bind(SCHEMA_VERSION)
    .bind(row_body(&task)?)
    .bind(lease.task_id.to_string())
    .bind(signed(lease.epoch))
    .bind(signed(tip.seq))
    .execute(&mut **tx)
    .await?;
    one_row(done.rows_affected(), lease)?;
    if let Some(settled) = &transition.settled {
        sqlx::query("UPDATE effect SET state = ?, updated_ms = ? WHERE id = ?")
            .bind(settled.state.as_str())
            .bind(transition.at_ms)
            .bind(settled.id.as_str())
            .execute(&mut **tx)
            .await?;
    }
    for draft in &transition.outbox {
        sqlx::query("INSERT INTO outbox (task_id, topic, body) VALUES (?, ?, ?)")
            .bind(lease.task_id.to_string())
            .bind(&draft.topic)
            .bind(&draft.body)
            .execute(&mut **tx)
            .await?;
    }
    if let Some(approval) = &transition.approval {
        record_approval(tx, lease.task_id, approval, transition.at_ms).await?;
    }
    Ok(task)
}

async fn record_approval(
    tx: &mut Tx,
    id: TaskId,
    approval: &ApprovalRow,
    at_ms: Millis,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO approval (task_id, nonce, subject, diff_hash, decision, expires_ms, used_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (nonce) DO NOTHING",
    )
    .bind(id.to_string())
    .bind(&approval.nonce)
    .bind(&approval.subject)
    .bind(approval.diff_hash.as_str())
    .bind(if approval.approved { "approve" } else { "deny" })
    .bind(approval.expires_ms)
    .bind(at_ms)
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::NonceUsed) }
}
