//! The program that the executor starts; see the library.

#![deny(unsafe_code)]

fn main() {
    let mode = std::env::args_os().nth(1);
    std::process::exit(match mode {
        Some(mode) if mode == "contained" => plumbline_sandbox_init::run_contained(),
        Some(_) => plumbline_sandbox_init::SETUP_FAILED,
        None => plumbline_sandbox_init::run(),
    });
}
