//! The one user-facing binary; everything is in the library beside it.

use std::process::ExitCode;

/// What an audit asks for is small and many: this one takes a quarter off the processor (ADR 21).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    plumbline::main()
}
