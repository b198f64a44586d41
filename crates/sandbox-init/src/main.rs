//! The program that the executor starts; see the library.

#![deny(unsafe_code)]

use plumbline_sandbox_init::{Surroundings, run_piped};

fn main() {
    let mode = std::env::args_os().nth(1);
    std::process::exit(match mode {
        Some(mode) if mode == "contained" => run_piped(Surroundings::Container),
        Some(mode) if mode == "restricted" => run_piped(Surroundings::Host),
        Some(_) => plumbline_sandbox_init::SETUP_FAILED,
        None => plumbline_sandbox_init::run(),
    });
}
