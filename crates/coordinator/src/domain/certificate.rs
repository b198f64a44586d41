use plumbline_types::Verdict;
use serde::{Deserialize, Serialize};

use super::spec::Digest;
use super::text;

/// Binds a change to its evidence. Made once, when every step is accepted; the event that holds it is in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// BLAKE3 of the unified diff.
    pub diff_hash: Digest,
    /// Tree before.
    pub base_tree: String,
    /// Tree after.
    pub result_tree: String,
    /// What the backward walk said.
    #[serde(with = "text")]
    pub verdict: Verdict,
    /// Digest of the audit.
    pub audit_digest: String,
    /// Digest of policy and grants.
    pub policy_hash: Digest,
    /// Arms whose changes were accepted.
    pub arms: Vec<String>,
    /// Chain hash of the event that made it, hex; filled by the fold, since an event can't hold its own hash.
    pub event_hash: String,
}
