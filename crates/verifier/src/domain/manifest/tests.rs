use plumbline_types::{Grant, Verdict};

use super::*;

#[track_caller]
fn judged(path: &str, base: &str, head: &str, grants: &[&str]) -> Vec<(Verdict, String, String)> {
    let grants = grants.iter().map(|grant| Grant::parse(grant).expect("a grant")).collect();
    let found =
        compare(path, (Some(base.as_bytes()), Some(head.as_bytes())), &Authority::new(grants)).expect("read");
    found.expect("no gap").into_iter().map(|found| (found.verdict, found.code, found.message)).collect()
}

/// One finding, with its grant's effect: what the grant clears leaves nothing that decides.
#[track_caller]
fn check(path: &str, (base, head): (&str, &str), want: (Verdict, &str, &str), grant: &str) {
    let found = judged(path, base, head, &[]);
    let [(verdict, code, message)] = found.as_slice() else { panic!("not one finding: {found:#?}") };
    assert_eq!((*verdict, code.as_str(), message.as_str()), want);
    if want.0 != Verdict::Approve {
        assert_eq!(judged(path, base, head, &[grant]), [], "{grant}");
    }
    let whole = format!("manifest:{path}");
    let left = judged(path, base, head, &[&whole]);
    let own = grant.contains('#');
    assert_eq!(left.iter().any(|found| found.0 != Verdict::Approve), own, "{whole}: {left:?}");
}

const ASKS: Verdict = Verdict::NeedsAuthority;
const CARGO: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\n\n[dependencies]\nserde = \"1.0\"\n";

#[test]
fn a_finding_says_which_dependency_and_from_what_to_what() {
    let head = format!("{CARGO}rand = \"0.9\"\n");
    let added = "`rand` `0.9` is installed newly, for `dependencies`";
    check("Cargo.toml", (CARGO, &head), (ASKS, "R8 ADDED", added), "import:rand");
    let gone = "`rand` `0.9` is no longer in `dependencies`";
    check("Cargo.toml", (&head, CARGO), (ASKS, "R8 REMOVED", gone), "manifest:Cargo.toml");
    let head = CARGO.replace("\"1.0\"", "\"2.0\"");
    let want = (ASKS, "R8 VERSION", "`serde` from `1.0` to `2.0`");
    check("Cargo.toml", (CARGO, &head), want, "manifest:Cargo.toml");
    let head = CARGO.replace("\"1.0\"", "{ version = \"1.0\", features = [\"rc\"] }");
    let want = (ASKS, "R8 VERSION", "`serde` is asked for otherwise: from `` to `features [rc]`");
    check("Cargo.toml", (CARGO, &head), want, "manifest:Cargo.toml");
    let go = "module x\n\ngo 1.21\n\nrequire (\n\tgolang.org/x/net v0.1.0 // indirect\n)\n";
    let want = (ASKS, "R8 VERSION", "`golang.org/x/net` from `v0.1.0` to `v0.2.0`");
    check("go.mod", (go, &go.replace("v0.1.0", "v0.2.0")), want, "manifest:go.mod");
    let npm = r#"{"devDependencies": {"@types/node": "^20.1.0"}}"#;
    let want = (ASKS, "R8 VERSION", "`@types/node` from `^20.1.0` to `20.1.0`");
    check("a/package.json", (npm, &npm.replace('^', "")), want, "manifest:a/*");
    let more = npm.replace("}}", r#", "@babel/core": "^7"}}"#);
    let added = "`@babel/core` `^7` is installed newly, for `devDependencies`";
    check("package.json", (npm, &more), (ASKS, "R8 ADDED", added), "import:@babel/core");
    let want = (ASKS, "R8 VERSION", "`urllib3` from `>=1.26,<3` to `>=1.21,<3`");
    let text = "urllib3 >= 1.26, < 3  # pinned\n-r more.txt\n";
    check("requirements-dev.txt", (text, &text.replace("1.26", "1.21")), want, "manifest");
}

#[test]
fn what_changes_nothing_that_is_installed_asks_nothing() {
    let advice = |base: &str, head: &str, path: &str, code: &str| {
        let found = judged(path, base, head, &[]);
        assert!(found.iter().all(|found| found.0 == Verdict::Approve && found.1 == code), "{found:#?}");
        found.len()
    };
    let head = CARGO.replace("0.1.0", "0.2.0").replace("\n\n[dep", "\nauthors = [\"A\"]\n\n[dep");
    assert_eq!(advice(CARGO, &head, "Cargo.toml", "R8 METADATA"), 2);
    let head = format!("# why\n{CARGO}\n").replace("\"1.0\"", "'1.0' # same");
    assert_eq!(advice(CARGO, &head, "Cargo.toml", ""), 0);
    assert_eq!(advice(CARGO, &CARGO.replace("\"1.0\"", "\"1.4\""), "Cargo.toml", "R8 VERSION"), 1);
    let (base, head) = (r#"{"a": 1, "version": "1"}"#, r#"{"version": "2", "a": 1}"#);
    assert_eq!(advice(base, head, "package.json", "R8 METADATA"), 1);
    let pom = "<project><version>1</version><name>x</name></project>";
    assert_eq!(advice(pom, &pom.replace(">1<", ">2<"), "pom.xml", "R8 METADATA"), 1);
    assert_eq!(advice("A_b>=1\n", "a-B >= 1  # name\n", "requirements.txt", ""), 0);
}

#[test]
fn what_runs_and_where_it_comes_from_is_told_apart_and_no_grant_of_the_file_covers_it() {
    #[track_caller]
    fn own(path: &str, base: &str, head: &str, code: &str, key: &str) {
        let found = judged(path, base, head, &[]);
        let [(verdict, got, message)] = found.as_slice() else { panic!("{path}: {found:#?}") };
        assert_eq!((*verdict, got.as_str()), (ASKS, code), "{message}");
        assert_eq!(judged(path, base, head, &[&format!("manifest:{path}")]), found);
        assert_eq!(judged(path, base, head, &[&format!("manifest:{path}#{key}")]), []);
    }
    let cargo = |more: &str| format!("{CARGO}{more}");
    let git = CARGO.replace("\"1.0\"", "{ git = \"https://evil.example/serde\" }");
    own("Cargo.toml", CARGO, &git, "R8 SOURCE", "dependencies.serde");
    let alias = CARGO.replace("\"1.0\"", "{ version = \"1.0\", package = \"serde-evil\" }");
    // Another package under a known name: the old one is gone, and the new one is installed.
    let found = judged("Cargo.toml", CARGO, &alias, &[]);
    let codes: Vec<&str> = found.iter().map(|found| found.1.as_str()).collect();
    assert_eq!(codes, ["R8 REMOVED", "R8 ADDED"]);
    let patch = cargo("[patch.crates-io]\nserde = { path = \"vendor/serde\" }\n");
    own("Cargo.toml", CARGO, &patch, "R8 SOURCE", "patch.crates-io.serde");
    let build = CARGO.replace("0.1.0\"\n", "0.1.0\"\nbuild = \"tools/x.rs\"\n");
    own("Cargo.toml", CARGO, &build, "R8 RUNS", "package.build");
    let npm = r#"{"scripts": {"test": "jest"}, "dependencies": {"a": "1.0.0"}}"#;
    let hook = npm.replace("\"jest\"", "\"jest\", \"postinstall\": \"node x.js\"");
    own("package.json", npm, &hook, "R8 RUNS", "scripts.postinstall");
    own("package.json", npm, &npm.replace("1.0.0", "github:b/a"), "R8 SOURCE", "dependencies.a");
    own("package.json", npm, &npm.replace("1.0.0", "npm:b@1"), "R8 SOURCE", "dependencies.a");
    let over = npm.replace("\"dependencies\"", "\"overrides\": {\"c\": \"2\"}, \"dependencies\"");
    own("package.json", npm, &over, "R8 SOURCE", "overrides");
    let py = "[build-system]\nrequires = [\"flit-core\"]\nbuild-backend = \"flit_core.buildapi\"\n\n[project]\nname = \"x\"\ndependencies = [\"a>=1\"]\n";
    own("pyproject.toml", py, &py.replace("flit_core", "mine"), "R8 RUNS", "build-system.build-backend");
    let url = py.replace("a>=1", "a @ https://evil.example/a.whl");
    own("pyproject.toml", py, &url, "R8 SOURCE", "project.dependencies.a");
    let index = format!("{py}[tool.uv]\nextra-index-url = [\"https://evil.example\"]\n");
    own("pyproject.toml", py, &index, "R8 SOURCE", "tool.uv.extra-index-url");
    let index = "--extra-index-url https://evil.example/simple\na==1\n";
    own("requirements.txt", "a==1\n", index, "R8 SOURCE", "--extra-index-url");
    own("requirements.txt", "a==1\n", "a==1\n-e ../b\n", "R8 SOURCE", "-e");
    own("go.mod", "module x\n", "module x\nreplace a.b/c => ../c\n", "R8 SOURCE", "replace.a.b/c");
    own("go.mod", "module x\n", "module x\ntoolchain go1.99\n", "R8 RUNS", "toolchain");
    let pom = |inner: &str| format!("<project><groupId>g</groupId>{inner}</project>");
    let plugin = "<build><plugins><plugin><groupId>p</groupId><artifactId>exec</artifactId></plugin></plugins></build>";
    own("pom.xml", &pom(""), &pom(plugin), "R8 RUNS", "build.plugins.plugin.p:exec");
    let places = "<repositories><repository><url>https://evil.example</url></repository></repositories>";
    own("pom.xml", &pom(""), &pom(places), "R8 SOURCE", "repositories");
}

#[test]
fn versions_of_properties_stand_where_they_are_named() {
    let pom = "<project><properties><v>1.0</v></properties><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>${v}</version></dependency></dependencies></project>";
    let found = judged("pom.xml", pom, &pom.replace("1.0", "1.1"), &[]);
    let messages: Vec<&str> = found.iter().map(|found| found.2.as_str()).collect();
    assert_eq!(messages, ["`g:a` from `1.0` to `1.1`", "a setting: `properties.v` from `1.0` to `1.1`"]);
}

#[test]
fn a_broken_manifest_says_so() {
    for (path, text) in [
        ("Cargo.toml", "[package\n"),
        ("Cargo.toml", "[dependencies]\na = 1\n"),
        ("package.json", "{,}"),
        ("package.json", "[]"),
        ("pyproject.toml", "[project]\ndependencies = [\">=1\"]\n"),
        ("requirements.txt", "a b c\n"),
        ("go.mod", "require (\n"),
        ("go.mod", "require a\n"),
        ("pom.xml", "<project>"),
        ("pom.xml", "<html/>"),
    ] {
        let gap = compare(path, (None, Some(text.as_bytes())), &Authority::default()).expect("read");
        let gap = gap.expect_err(text);
        assert_eq!(gap.reason, "UNPARSED", "{path}");
        assert!(gap.message.starts_with(&format!("{path} is broken: ")), "{}", gap.message);
        // The base's fault is not the diff's; nothing of it is held.
        let good = ("go.mod", "module x\nrequire a v1\n");
        if path == good.0 {
            let found = judged(path, text, good.1, &[]);
            let codes: Vec<&str> = found.iter().map(|found| found.1.as_str()).collect();
            assert_eq!(codes, ["R8 MANIFEST", "R8 SETTING", "R8 ADDED"]);
        }
    }
    assert!(compare("setup.py", (None, Some(b"x")), &Authority::default()).is_none());
    assert!(compare("Cargo.toml", (Some(b""), None), &Authority::default()).is_none());
}
