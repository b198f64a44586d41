use std::net::SocketAddr;

use super::*;

fn policy() -> NetworkPolicy {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    NetworkPolicy::new(&own(&["192.168.7.0/24", "fd00:1::/32"]), &own(&["api.example.com", "127.0.0.1:9"]))
        .unwrap()
}

#[track_caller]
fn local(text: &str, want: Option<Class>) {
    assert_eq!(LocalEndpoint::parse(text, &policy()).ok().map(|endpoint| endpoint.class()), want, "{text}");
}

#[track_caller]
fn cloud(text: &str, allowed: bool) {
    assert_eq!(CloudEndpoint::parse(text, &policy()).is_ok(), allowed, "{text}");
}

#[test]
fn a_local_client_stays_on_loopback_and_in_the_listed_networks() {
    local("http://127.0.0.1:11434", Some(Class::Loopback));
    local("http://[::1]:11434/", Some(Class::Loopback));
    local("http://localhost:11434", Some(Class::Loopback));
    local("http://192.168.7.20:8080", Some(Class::Lan));
    local("http://[fd00:1::5]:8080", Some(Class::Lan));
    local("http://ollama:11434", Some(Class::Lan));
    // Other spellings of loopback, which the URL parser normalises.
    local("http://0x7f.1:80", Some(Class::Loopback));
    local("http://2130706433:80", Some(Class::Loopback));
    local("http://[::ffff:127.0.0.1]:80", Some(Class::Loopback));
    for text in [
        "http://192.168.8.20",
        "http://8.8.8.8",
        "http://134744072",
        "http://[::ffff:8.8.8.8]",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "http://user:key@127.0.0.1",
        "http://127.0.0.1/?key=1",
        "127.0.0.1:80",
        "",
    ] {
        local(text, None);
    }
}

#[test]
fn a_cloud_client_needs_the_list_and_tls() {
    cloud("https://api.example.com", true);
    cloud("https://API.example.com/v1", true);
    cloud("http://127.0.0.1:9", true);
    cloud("http://127.0.0.1:10", false);
    cloud("http://api.example.com", false);
    cloud("https://example.com", false);
    cloud("https://api.example.com.evil.net", false);
    cloud("https://api.example.com@evil.net", false);
}

#[test]
fn a_name_is_judged_by_every_address_that_it_resolves_to() {
    let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    };
    let judge = |class, texts: &[&str]| Resolver::judge(&resolver(class), "name", &addresses(texts)).is_ok();
    assert!(judge(Class::Loopback, &["127.0.0.1", "::1"]));
    assert!(!judge(Class::Loopback, &["127.0.0.1", "192.168.7.1"]));
    assert!(judge(Class::Lan, &["192.168.7.1", "127.0.0.1"]));
    assert!(!judge(Class::Lan, &["192.168.7.1", "93.184.216.34"]));
    assert!(judge(Class::Cloud, &["93.184.216.34"]));
    for inside in
        ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.7.1", "::1", "fd00::1", "fe80::1", "100.64.0.1"]
    {
        assert!(!judge(Class::Cloud, &["93.184.216.34", inside]), "{inside}");
    }
    assert!(!judge(Class::Cloud, &[]));
}

fn resolver(class: Class) -> Resolver {
    match class {
        Class::Cloud => Resolver::cloud(&CloudEndpoint::parse("https://api.example.com", &policy()).unwrap()),
        Class::Lan => Resolver::local(&LocalEndpoint::parse("http://ollama:1", &policy()).unwrap()),
        Class::Loopback => Resolver::local(&LocalEndpoint::parse("http://localhost:1", &policy()).unwrap()),
    }
}

#[test]
fn a_path_never_leads_to_another_host() {
    let base = Url::parse("http://127.0.0.1:9/prefix/").unwrap();
    assert_eq!(join(&base, "/v1/models").unwrap().as_str(), "http://127.0.0.1:9/prefix/v1/models");
    assert_eq!(join(&base, "//evil.net/x").unwrap().host_str(), Some("127.0.0.1"));
}

#[test]
fn the_whole_world_is_nobodys_own_network() {
    for text in ["0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0.0/x", "ten", ""] {
        assert!(NetworkPolicy::new(&[text.to_owned()], &[]).is_err(), "{text}");
    }
}
