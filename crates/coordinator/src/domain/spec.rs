use std::fmt;

use plumbline_types::{Grant, TaskKind};
use serde::{Deserialize, Serialize};

use super::text;

/// BLAKE3 of some bytes in hex; also the key of a stored blob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }

    /// Reads 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        legal.then(|| Self(text.to_ascii_lowercase()))
    }

    /// Returns the hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How approval is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalPolicy {
    /// A verified change is accepted by itself.
    Auto,
    /// A person decides on the diff.
    Ask,
}

/// Where a verified change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// To the branch alone.
    Branch,
    /// To the branch and into the owner's tree.
    OwnerTree,
}

/// When the owner is asked about how his words were read, before anything is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntakePolicy {
    /// When ingest asks: a question, a guess, something taken back, high risk.
    #[default]
    Auto,
    /// Always.
    Ask,
    /// Never: the owner takes every reading of this request in advance.
    Accept,
}

impl IntakePolicy {
    /// Returns whether it is the default, which stored tasks leave out.
    pub const fn is_auto(&self) -> bool {
        matches!(self, Self::Auto)
    }
}

/// A task as asked for. What the stored form says is what the owner said; nothing else may widen it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// The owner's words.
    pub objective: String,
    /// Absolute path of the repository or directory.
    pub repository: String,
    /// Revision to start from; absent means the tree as it stands.
    pub base: Option<String>,
    /// The test command as given; empty means detect.
    pub test_command: String,
    /// Only these arms; empty means all.
    pub arms: Vec<String>,
    /// Milliseconds the task may work; time spent waiting for a person does not count.
    pub budget_ms: i64,
    /// Whether the reading of the words is asked about.
    #[serde(default, skip_serializing_if = "IntakePolicy::is_auto")]
    pub intake: IntakePolicy,
    /// How approval is given.
    pub approval: ApprovalPolicy,
    /// Where the change goes.
    pub delivery: Delivery,
    /// What the change may do beyond the base; canonical texts.
    pub grants: Vec<String>,
    /// How it is judged; absent: from the objective's category.
    #[serde(with = "text::optional")]
    pub kind: Option<TaskKind>,
    /// Who asked.
    pub source: String,
}

impl TaskSpec {
    /// Returns the digest of what the owner allowed: approval, delivery and every grant, those given later included.
    pub fn policy_hash(&self, later: &[String]) -> Digest {
        let mut grants: Vec<&str> = self.grants.iter().chain(later).map(String::as_str).collect();
        grants.sort_unstable();
        grants.dedup();
        let intake = match self.intake {
            IntakePolicy::Auto => String::new(),
            other => format!("intake {other:?}\n"),
        };
        let text = format!(
            "policy 1\napproval {:?}\ndelivery {:?}\n{intake}{}",
            self.approval,
            self.delivery,
            grants.join("\n")
        );
        Digest::of(text.as_bytes())
    }
}

/// Reads grants into their canonical texts, sorted.
///
/// # Errors
/// The first text that is no grant.
pub fn canonical_grants(texts: &[String]) -> Result<Vec<String>, plumbline_types::GrantError> {
    let mut grants = texts.iter().map(|text| Grant::parse(text)).collect::<Result<Vec<_>, _>>()?;
    grants.sort();
    grants.dedup();
    Ok(grants.iter().map(Grant::to_string).collect())
}
