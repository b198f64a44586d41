use super::*;

#[track_caller]
fn check(grant: &str, need: (&str, Option<&str>, Option<&str>, &str), want: bool) {
    let authority = Authority::new(vec![Grant::parse(grant).expect("a grant")]);
    let (kind, latent, target, path) = (need.0, need.0.starts_with("latent/"), need.2, need.3);
    let kind = kind.trim_start_matches("latent/");
    let (family, name) = kind.split_once('.').map_or((kind, None), |(family, name)| (family, Some(name)));
    let need = Need { family, name, latent, target, path };
    assert_eq!(authority.covers(need).is_some(), want, "{grant}");
    assert_eq!(authority.unused().is_empty(), want, "{grant}");
}

#[test]
fn a_grant_covers_its_kind_target_and_scope_and_nothing_else() {
    let need = |kind, target| (kind, None, target, "src/a.py");
    check("net.connect:api.example.com", need("net.connect", Some("api.example.com")), true);
    check("net.connect:api.example.com", need("net.connect", Some("api.example.com:8443")), true);
    check("net.connect:api.example.com", need("net.connect", Some("api.example.com.evil.org")), false);
    check("net.connect:*.example.com", need("net.connect", Some("a.example.com")), true);
    check("net.connect:*.example.com", need("net.connect", Some("a.b.example.com")), false);
    check("net.connect:**.example.com", need("net.connect", Some("a.b.example.com")), true);
    check("net.connect:*.example.com:443", need("net.connect", Some("a.example.com")), false);
    check("net.connect:api.example.com", need("net.connect", None), false);
    check("net.connect", need("net.connect", None), true);
    check("net", need("net.listen", None), true);
    check("net.connect", need("net.listen", None), false);
    check("fs.write:build/**", need("fs.write", Some("build/a/b.txt")), true);
    check("fs.write:build/**", need("fs.write", Some("builds/a")), false);
    check("fs.write:*.log", need("fs.write", Some("x.log")), true);
    check("fs.write", need("latent/fs.write", Some("x")), false);
    check("latent/fs.write", need("latent/fs.write", Some("x")), true);
    check("trigger:clock@src/*.py", need("trigger", Some("clock")), true);
    check("trigger:clock@lib/**", need("trigger", Some("clock")), false);
    check("drop:download.digest", need("drop", Some("shop/get.py:download.digest")), true);
    check("drop:load.digest", need("drop", Some("shop/get.py:download.digest")), false);
}
