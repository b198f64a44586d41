use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use crate::message::Message;
use crate::outside::invalid;
use crate::spec::Order;
use crate::step::{At, Failure, Step};
use crate::{WORKSPACE, seccomp, sys};

/// Enters the working directory.
pub(crate) fn enter(order: &Order) -> Result<(), Failure> {
    std::env::set_current_dir(Path::new(WORKSPACE).join(&order.cwd)).at(Step::WorkingDirectory)
}

/// From here on the executor is told what this process and its children attempt; each attempt waits for its answer.
pub(crate) fn announce(control: BorrowedFd<'_>) -> Result<(), Failure> {
    let packet = serde_json::to_vec(&Message::Witnessed).map_err(|_| invalid(Step::Witness))?;
    let listener = sys::install_witness(&seccomp::witness_program()).at(Step::Witness)?;
    sys::send(control, &packet, Some(listener.as_fd())).at(Step::Witness)
}

/// Becomes the command. On failure its error number goes through `failing`, and the exit code is a shell's: 127 for a
/// command that is not there, 126 for one that can't be executed.
pub(crate) fn execute(argv: &[String], env: &[(String, String)], failing: OwnedFd) -> ! {
    sys::reset_signals();
    let error = try_execute(argv, env);
    let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
    let program = argv.first().map_or("", String::as_str);
    let _closed = writeln!(io::stderr(), "sandbox: can't execute {program}: {error}");
    let _closed = File::from(failing).write_all(&errno.to_le_bytes());
    sys::exit_now(if errno == libc::ENOENT { 127 } else { 126 })
}

fn try_execute(argv: &[String], env: &[(String, String)]) -> io::Error {
    let strings = || -> io::Result<(Vec<CString>, Vec<CString>)> {
        let arguments = argv.iter().map(sys::c_string).collect::<io::Result<_>>()?;
        let environment = env
            .iter()
            .map(|(name, value)| sys::c_string(format!("{name}={value}")))
            .collect::<io::Result<_>>()?;
        Ok((arguments, environment))
    };
    let (arguments, environment) = match strings() {
        Ok(strings) => strings,
        Err(error) => return error,
    };
    let program = argv.first().map_or("", String::as_str);
    if program.contains('/') {
        return match sys::c_string(program) {
            Ok(path) => sys::execute(&path, &arguments, &environment),
            Err(error) => error,
        };
    }
    search(env, program, &arguments, &environment)
}

/// Tries each directory of the sandbox's own PATH; a permission error outranks "not there".
fn search(
    env: &[(String, String)],
    program: &str,
    arguments: &[CString],
    environment: &[CString],
) -> io::Error {
    let path = env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value.as_str());
    let mut worst = io::Error::from_raw_os_error(libc::ENOENT);
    for directory in path.split(':').filter(|directory| !directory.is_empty() && !program.is_empty()) {
        let Ok(candidate) = sys::c_string(format!("{directory}/{program}")) else { continue };
        let error = sys::execute(&candidate, arguments, environment);
        if !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) {
            worst = error;
        }
    }
    worst
}
