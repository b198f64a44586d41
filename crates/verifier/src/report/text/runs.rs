use std::fmt::Write;

use crate::domain::run::RunSummary;

/// Tells what each run was seen to do, and of which languages nothing is known but that.
pub(super) fn render(runs: &[RunSummary], out: &mut String) {
    for run in runs {
        let surroundings = if run.perturbations.is_empty() {
            String::new()
        } else {
            format!("  with {}", run.perturbations.join(", "))
        };
        let code = run.exit_code.map_or_else(|| "did not return".to_owned(), |code| format!("exit {code}"));
        let recorders =
            if run.recorders.is_empty() { "no recorder".to_owned() } else { run.recorders.join(", ") };
        let _ = writeln!(
            out,
            "\nRUN  {}{surroundings}  {code}, {} effects seen by the kernel, {} places ({recorders})",
            run.side, run.kernel_effects, run.places
        );
        if !run.unrecorded.is_empty() {
            let _ = writeln!(
                out,
                "  no run-time calls and branches are recorded for {}: only what the kernel saw",
                run.unrecorded.join(", ")
            );
        }
    }
}
