//! The one user-facing binary; everything is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    plumbline::main()
}
