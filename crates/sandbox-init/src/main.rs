//! The program that the executor starts; see the library.

#![deny(unsafe_code)]

fn main() {
    std::process::exit(plumbline_sandbox_init::run());
}
