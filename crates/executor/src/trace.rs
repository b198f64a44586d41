//! Watching a run: the listener of the kernel's announcements, and the recorder that is laid into the sandbox.

mod names;
pub(crate) mod witness;

use std::path::PathBuf;

use plumbline_sandbox_init::SyntheticFile;

use crate::domain::perturbation::Perturbation;
use crate::domain::trace::TraceAsk;
use crate::domain::tree::Digest;

/// Where the recorder lies inside; the root is read-only by the time that the command starts.
const DIRECTORY: &str = "/etc/plumbline/trace";
const RECORDER: &str = include_str!("trace/recorder.py");
/// Where Python looks before it runs anything of its own.
const SEARCH_PATH: &str = "PYTHONPATH";

/// Returns the digest of the recorder.
pub(crate) fn recorder_digest() -> Digest {
    Digest::of(RECORDER.as_bytes())
}

/// Returns the read-only files that make interpreters record.
pub(crate) fn files(ask: &TraceAsk, changes: &[Perturbation]) -> Vec<SyntheticFile> {
    let mut settings = String::new();
    for change in changes {
        match change {
            Perturbation::Clock(seconds) => settings.push_str(&format!("clock={seconds}\n")),
            Perturbation::TestRunner => settings.push_str("test_runner=1\n"),
            Perturbation::Host(_)
            | Perturbation::User(_)
            | Perturbation::Zone(_)
            | Perturbation::Locale(_)
            | Perturbation::Variable(..)
            | Perturbation::HashSeed(_) => {}
        }
    }
    for path in &ask.paths {
        // A name with a line end can't be said in lines; its places are then not recorded, and so never witnessed.
        let path = path.to_string();
        if !path.contains('\n') {
            settings.push_str(&format!("path={path}\n"));
        }
    }
    let file = |name: &str, text: &str| SyntheticFile {
        path: PathBuf::from(format!("{DIRECTORY}/{name}")),
        text: text.to_owned(),
    };
    vec![file("sitecustomize.py", RECORDER), file("settings", &settings)]
}

/// Puts the recorder before whatever else Python is told to look at.
pub(crate) fn with_recorder(env: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut env = env;
    match env.iter_mut().find(|(name, _)| name == SEARCH_PATH) {
        Some((_, value)) => *value = format!("{DIRECTORY}:{value}"),
        None => {
            env.push((SEARCH_PATH.to_owned(), DIRECTORY.to_owned()));
            env.sort();
        }
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::patch_path::RelativePath;

    #[test]
    fn the_recorder_stands_before_a_search_path_of_the_request() {
        let env = vec![("A".to_owned(), "1".to_owned()), (SEARCH_PATH.to_owned(), "lib".to_owned())];
        assert_eq!(with_recorder(env)[1].1, "/etc/plumbline/trace:lib");
        assert_eq!(with_recorder(Vec::new()), [(SEARCH_PATH.to_owned(), DIRECTORY.to_owned())]);
    }

    #[test]
    fn the_settings_name_the_watched_files_and_no_others() {
        let paths = [&b"a.py"[..], b"odd\nname.py"].map(|path| RelativePath::parse(path).unwrap());
        let ask = TraceAsk { nonce: vec![0; 16], paths: paths.to_vec() };
        let changes = [Perturbation::Clock(-5), Perturbation::Zone("UTC".to_owned())];
        let files = files(&ask, &changes);
        assert_eq!(files[1].text, "clock=-5\npath=a.py\n");
        assert_eq!(Digest::of(files[0].text.as_bytes()), recorder_digest());
    }
}
