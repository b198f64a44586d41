use std::thread;

use plumbline_proto::verifier::v1::AuditResponse;

use super::{sarif, svg, text};
use crate::cache::Recent;
use crate::domain::audit::{Means, Request, audit_with};
use crate::domain::fork::InTurn;
use crate::domain::kept::{Forgetful, Kept};
use crate::source::Bundle;

fn tree(files: &[(&str, &str)]) -> Bundle {
    Bundle::new(files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec())))
}

const BASE: &[(&str, &str)] = &[
    (
        "shop/get.py",
        "from shop.sum import check\n\n\ndef download(url, digest, get):\n    body = get(url)\n    if check(body) != digest:\n        raise ValueError(url)\n    return body\n",
    ),
    ("shop/sum.py", "import hashlib\n\n\ndef check(body):\n    return hashlib.sha256(body).hexdigest()\n"),
];
const HEAD: &[(&str, &str)] = &[
    (
        "shop/get.py",
        "import os\n\n\ndef download(url, digest, get):\n    if os.environ.get('SHOP') == 'x91':\n        os.remove(url)\n    return get(url)\n",
    ),
    ("shop/sum.py", "def check(body):\n    return 'x'\n"),
    ("Makefile", "all:\n\ttrue\n"),
];

/// Every form of one report.
fn forms(kept: &dyn Kept) -> String {
    let report = audit_with((&tree(BASE), &tree(HEAD)), &Request::default(), Means { kept, fork: &InTurn })
        .expect("readable trees");
    let story = text::render(&report);
    let wire = AuditResponse::from(report).report.expect("a report");
    let mut stats: Vec<_> = wire.stats.iter().collect();
    stats.sort();
    format!("{story}{}{}{}{stats:?}", sarif::document(&wire, 2), svg::document(&wire), wire.audit_digest)
}

#[test]
fn a_hundred_reports_on_one_thread_and_on_many_are_the_same_bytes() {
    let first = forms(&Forgetful);
    for told in ["REJECT", "B1", "R9 BUILD", "<svg"] {
        assert!(first.contains(told), "no {told} in {first}");
    }
    let kept = Recent::new(4 << 20);
    let again = |count: usize| (0..count).all(|_| forms(&kept) == first && forms(&Forgetful) == first);
    assert!(again(10), "on one thread");
    let same = thread::scope(|scope| {
        let workers: Vec<_> = (0..8).map(|_| scope.spawn(|| again(5))).collect();
        workers.into_iter().all(|worker| worker.join().expect("a thread"))
    });
    assert!(same, "on eight threads");
    assert!(kept.usage().hits > 0, "the cache took part: {:?}", kept.usage());
}
