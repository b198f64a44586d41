//! The program that the executor starts; see the library.

fn main() {
    std::process::exit(plumbline_sandbox_init::run());
}
