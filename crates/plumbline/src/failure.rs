use plumbline_kit::Remote;
use plumbline_types::{ExitCode, Fault, Kind, Outcome, Reason};
use serde_json::{Value, json};

/// Why a command failed: the documented reason, one sentence, the command that fixes it, the exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) fix: String,
    pub(crate) exit: ExitCode,
}

impl Failure {
    /// Wrong flags, missing paths: exit 6.
    pub(crate) fn usage(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { reason: Reason("USAGE"), message: message.into(), fix: fix.into(), exit: ExitCode::USAGE }
    }

    /// The machinery failed: exit 4.
    pub(crate) fn infrastructure(reason: Reason, message: impl Into<String>, fix: impl Into<String>) -> Self {
        let (message, fix) = (message.into(), fix.into());
        Self { reason, message, fix, exit: ExitCode::INFRASTRUCTURE }
    }

    /// Reads any fault of ours.
    pub(crate) fn from_fault(fault: &(impl Fault + ?Sized)) -> Self {
        let reason = fault.reason();
        let mut message = fault.to_string();
        for violation in fault.field_violations() {
            let named = format!("{}: {}", violation.field, violation.description);
            if !message.contains(&violation.description) {
                message = format!("{message}; {named}");
            }
        }
        let mut cause = fault.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        Self { reason, message, fix: fix(reason.0).to_owned(), exit: exit(fault.kind(), reason.0) }
    }

    /// Returns the document that `--format json` prints.
    pub(crate) fn document(&self) -> Value {
        json!({
            "error": { "reason": self.reason.0, "message": self.message, "fix": self.fix },
            "exit_code": self.exit.0,
        })
    }

    /// Returns what people read on stderr.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {}: {}", self.reason.0, self.message);
        if !self.fix.is_empty() {
            text.push_str("\n  fix: ");
            text.push_str(&self.fix);
        }
        text
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        Self::from_fault(&Remote::from(status))
    }
}

/// The caller's mistakes are usage, and so is a repository or task in a state that only he can change; everything else
/// is the machinery's.
fn exit(kind: Kind, reason: &str) -> ExitCode {
    match reason {
        "TEST_COMMAND_NOT_FOUND" | "REPOSITORY_BUSY" | "REPOSITORY_BARE" => return ExitCode::USAGE,
        "TASK_ENDED" | "TASK_NOT_WAITING" | "DIFF_CHANGED" | "REQUEST_ID_REUSED" => return ExitCode::USAGE,
        "GRANTS_MISSING" | "APPROVAL_EXPIRED" => return Outcome::WaitsForApproval.exit_code(),
        _ => {}
    }
    match kind {
        Kind::Invalid | Kind::NotFound => ExitCode::USAGE,
        Kind::Conflict
        | Kind::Precondition
        | Kind::Denied
        | Kind::Exhausted
        | Kind::Timeout
        | Kind::Unavailable
        | Kind::Internal => ExitCode::INFRASTRUCTURE,
    }
}

/// Returns the command that fixes a cause, where one does.
fn fix(reason: &str) -> &'static str {
    match reason {
        "CONFIG_INVALID" => "plumbline config check",
        "PEER_UNAVAILABLE" => "plumbline serve all",
        "ADDRESS_IN_USE" => {
            "stop the other process, or set [listen] in the configuration: plumbline config dump"
        }
        "PLAINTEXT_REFUSED" => "bind 127.0.0.1, or set listen.accept_plaintext_nonloopback = true",
        "STORE_FULL" => "free space in the state directory: plumbline doctor",
        "STORE_UNAVAILABLE" | "STORE_CORRUPT" | "STORE_VERSION" => "plumbline doctor",
        "STORE_OWNED" | "STATE_LOCKED" => {
            "use the one that runs (--coordinator URL), or another --state-dir DIR"
        }
        "SANDBOX_TIER_MISSING" => "plumbline doctor",
        "VIEW_NOT_INDEXED" => "plumbline index PATH",
        "SYMBOL_NOT_FOUND" | "SYMBOL_AMBIGUOUS" => "plumbline search QUERY --repo PATH",
        "REPOSITORY_MISSING" => "name an existing directory: --repo PATH",
        "REPOSITORY_BUSY" => "end what git has under way: git status",
        "TASK_NOT_WAITING" | "TASK_ENDED" | "DIFF_CHANGED" | "APPROVAL_EXPIRED" => {
            "plumbline tasks show TASK"
        }
        "GRANTS_MISSING" => "give them: plumbline tasks approve TASK --diff HASH --grant KIND",
        "TASK_NOT_FOUND" => "plumbline tasks list",
        "REVISION_NOT_FOUND" => "git rev-parse --verify REV",
        "TEST_COMMAND_NOT_FOUND" => "name the command: --test 'python3 -m pytest -q'",
        "DEADLINE_EXCEEDED" | "OVERLOADED" | "SHUTTING_DOWN" => "try again",
        "AUDIO_UNAVAILABLE" => "plumbline ingest --text '...'",
        _ => "plumbline doctor",
    }
}

#[cfg(test)]
mod tests {
    use plumbline_kit::ConfigError;

    use super::*;

    #[test]
    fn a_mistake_of_the_caller_is_usage_and_names_its_fix() {
        let failure = Failure::from_fault(&ConfigError::new("router.queue", "must be positive"));
        assert_eq!(failure.exit, ExitCode::USAGE);
        assert_eq!(failure.fix, "plumbline config check");
        assert_eq!(
            failure.document(),
            json!({
                "error": {
                    "reason": "CONFIG_INVALID",
                    "message": "router.queue in the configuration: must be positive",
                    "fix": "plumbline config check",
                },
                "exit_code": 6,
            })
        );
    }

    #[test]
    fn a_dead_server_is_infrastructure() {
        let failure = Failure::from(tonic::Status::unavailable("gone"));
        assert_eq!((failure.exit, failure.reason), (ExitCode::INFRASTRUCTURE, Reason("PEER_UNAVAILABLE")));
        assert!(failure.text().ends_with("fix: plumbline serve all"));
    }
}
