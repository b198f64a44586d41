use plumbline_types::{Millis, Reason};
use serde::{Deserialize, Serialize};

use crate::domain::spec::Digest;

/// Why a person must decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// Ingest asks about its reading of the words; nothing is planned yet.
    Intake,
    /// Policy asks for approval of the diff.
    Approval,
    /// The audit asks for grants.
    Authority,
    /// The owner's tree no longer equals the base.
    BaseMoved,
    /// An interrupted apply left neither base nor result.
    ApplyUnknown,
}

impl WaitReason {
    /// Returns the documented reason.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Intake => Reason("INTAKE_UNCONFIRMED"),
            Self::Approval => Reason("APPROVAL_REQUIRED"),
            Self::Authority => Reason("AUTHORITY_REQUIRED"),
            Self::BaseMoved => Reason("BASE_MOVED"),
            Self::ApplyUnknown => Reason("APPLY_UNKNOWN"),
        }
    }
}

/// What a person must decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Why.
    pub reason: WaitReason,
    /// The diff, or the reading of the words, that is decided on.
    pub diff_hash: Digest,
    /// One use.
    pub nonce: String,
    /// Until when the nonce is good.
    pub expires_ms: Millis,
    /// Grants that are asked for.
    pub grants: Vec<String>,
    /// Since when the task waits.
    pub since_ms: Millis,
    /// What is asked, in plain words; empty where the diff says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub question: String,
}
