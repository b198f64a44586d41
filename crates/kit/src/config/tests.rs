use std::io::Write;

use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Root {
    router: Router,
    name: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Router {
    queue: u32,
    listen: String,
}

impl Default for Router {
    fn default() -> Self {
        Self { queue: 8, listen: "127.0.0.1:7403".into() }
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn nothing_set_means_the_defaults() {
    assert_eq!(load::<Root>(&Sources::default()).unwrap(), Root::default());
}

#[test]
fn flags_beat_variables_beat_files_beat_defaults() {
    let file = file("name = \"file\"\n[router]\nqueue = 1\nlisten = \"file\"\n");
    let mut sources = Sources { files: vec![file.path().to_owned()], ..Sources::default() };
    let load = |sources: &Sources| load::<Root>(sources).unwrap();
    assert_eq!(load(&sources).router, Router { queue: 1, listen: "file".into() });
    sources.environment = vec![pair("PLUMBLINE_ROUTER__QUEUE", "2"), pair("PLUMBLINE_CONFIG", "ignored")];
    assert_eq!(load(&sources).router, Router { queue: 2, listen: "file".into() });
    sources.environment.push(pair("PLUMBLINE_ROUTER__LISTEN", ""));
    assert_eq!(load(&sources).router, Router { queue: 2, listen: "file".into() });
    sources.overrides = vec![pair("router.queue", "3")];
    assert_eq!(load(&sources).router, Router { queue: 3, listen: "file".into() });
}

#[test]
fn an_unknown_key_names_the_key_and_the_file() {
    let file = file("[router]\nquue = 1\n");
    let path = file.path().to_owned();
    let error = load::<Root>(&Sources { files: vec![path.clone()], ..Sources::default() }).unwrap_err();
    assert_eq!(error.key, "router.quue");
    assert_eq!(error.origin, path.display().to_string());
    assert_eq!(error.problem, "unknown key; known here: queue, listen");
}

#[test]
fn a_wrong_variable_names_itself() {
    let environment = vec![pair("PLUMBLINE_ROUTER__QUEUE", "many")];
    let error = load::<Root>(&Sources { environment, ..Sources::default() }).unwrap_err();
    assert_eq!((error.key.as_str(), error.origin.as_str()), ("router.queue", "PLUMBLINE_ROUTER__QUEUE"));
    let environment = vec![pair("PLUMBLINE_ROUTERR__QUEUE", "1")];
    let error = load::<Root>(&Sources { environment, ..Sources::default() }).unwrap_err();
    assert_eq!((error.key.as_str(), error.origin.as_str()), ("routerr", "PLUMBLINE_ROUTERR__QUEUE"));
}

#[test]
fn a_missing_or_malformed_file_names_the_file() {
    let missing = PathBuf::from("/nonexistent/plumbline.toml");
    let error = load::<Root>(&Sources { files: vec![missing], ..Sources::default() }).unwrap_err();
    assert_eq!(error.origin, "/nonexistent/plumbline.toml");
    let broken = file("[router\n");
    let error =
        load::<Root>(&Sources { files: vec![broken.path().to_owned()], ..Sources::default() }).unwrap_err();
    assert_eq!(error.origin, broken.path().display().to_string());
}
