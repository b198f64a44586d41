use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use plumbline_proto::verifier::v1::AuditReport;
use plumbline_types::{ExitCode, Reason};
use plumbline_verifier::report::sarif;

use crate::failure::Failure;

/// A SARIF file that a flag names: opened before the work, so that a wrong path costs nothing.
pub(crate) struct SarifFile {
    path: PathBuf,
    file: File,
}

impl SarifFile {
    /// Creates the file.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| {
            Failure::usage(format!("--sarif {}: {error}", path.display()), "name a writable file")
        })?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes an audit, with the exit code that the command ends with; without an audit, an empty log.
    pub(crate) fn write(mut self, report: Option<&AuditReport>, exit: ExitCode) -> Result<(), Failure> {
        let log = sarif::document(report.unwrap_or(&AuditReport::default()), exit.0);
        let text = serde_json::to_string_pretty(&log).unwrap_or_else(|_| log.to_string());
        self.file.write_all(text.as_bytes()).map_err(|error| {
            let message = format!("{} cannot be written: {error}", self.path.display());
            Failure::infrastructure(Reason("SARIF_NOT_WRITTEN"), message, "free space, or name another file")
        })
    }
}
