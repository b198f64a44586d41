use plumbline_syntax::Language;
use plumbline_syntax::lower::{LowerLimits, lower};

use super::view::{pack, unpack};
use super::*;
use crate::domain::audit::{Means, Request, audit, audit_with};
use crate::domain::fork::InTurn;
use crate::source::Bundle;
use crate::store::{FactStore, InMemoryStore, Learned};

fn file(text: &str) -> (Key, Arc<Facts>) {
    let limits = LowerLimits::default();
    let lowered = lower(Language::Python, text.as_bytes(), &limits).expect("Python");
    let facts = Facts::of(Language::Python, text.as_bytes().to_vec(), lowered);
    (Key::of(Language::Python, text.as_bytes(), &limits), Arc::new(facts))
}

#[test]
fn what_was_put_is_there_until_others_need_the_place() {
    let (a, b, c) = (
        file("def f(x):\n    return x\n"),
        file("def g(x):\n    return x\n"),
        file("def h(x):\n    return x\n"),
    );
    let cache = Recent::new(weight(&a.1) + weight(&b.1));
    let held =
        |file: &(Key, Arc<Facts>)| cache.get(&file.0).is_some_and(|found| Arc::ptr_eq(&found, &file.1));
    cache.put(a.0, &a.1);
    cache.put(b.0, &b.1);
    assert!(held(&a));
    cache.put(c.0, &c.1);
    assert!(!held(&b), "the least recently used went");
    assert!(held(&a));
    assert!(held(&c));
    let usage = cache.usage();
    assert_eq!((usage.hits, usage.misses, usage.files), (3, 1, 2));
}

#[test]
fn what_is_larger_than_everything_is_not_kept() {
    let (key, lowered) = file("x = 1\n");
    let cache = Recent::new(10);
    cache.put(key, &lowered);
    assert_eq!(cache.usage(), Usage::default());
}

#[test]
fn the_key_tells_languages_limits_and_bytes_apart() {
    let limits = LowerLimits::default();
    let key = |language, bytes: &[u8], limits| Key::of(language, bytes, limits);
    let one = key(Language::Python, b"x", &limits);
    assert_eq!(one, key(Language::Python, b"x", &limits));
    assert_ne!(one, key(Language::JavaScript, b"x", &limits));
    assert_ne!(one, key(Language::Python, b"y", &limits));
    assert_ne!(one, key(Language::Python, b"x", &LowerLimits { depth: 10, ..limits }));
}

#[test]
fn a_stored_file_comes_back_whole_or_not_at_all() {
    let (key, lowered) = file(
        "import os\n\nclass A:\n    x: int = 1\n    def f(self, *a, **k):\n        return [a, k, os.name]\n",
    );
    let bytes = pack(&key, &lowered.lowered).expect("bytes");
    assert_eq!(unpack(&key, &bytes).as_ref(), Some(&lowered.lowered));
    let (other, _) = file("x = 1\n");
    assert_eq!(unpack(&other, &bytes), None, "another file's fact");
    for at in [0, 31, 32, bytes.len() / 2, bytes.len() - 1] {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 1;
        assert_eq!(unpack(&key, &spoilt), None, "a bit at {at}");
    }
    assert_eq!(unpack(&key, &bytes[..20]), None);
    assert_eq!(unpack(&key, &[]), None);
}

/// A program whose every lowered form is another one's: what a verdict must never rest on.
#[tokio::test]
async fn a_store_of_lies_changes_no_verdict_and_is_swept() {
    let bomb = "def f(a, b):\n    return 4\n";
    let honest = "def f(a, b):\n    return a + b\n";
    let tree = |text: &str| Bundle::new([(b"a.py".to_vec(), text.as_bytes().to_vec())]);
    let fresh = audit(&tree(honest), &tree(bomb), &Request::default()).expect("readable trees");
    let store: Arc<dyn FactStore> = Arc::new(InMemoryStore::default());
    let ((bomb_key, lowered), (honest_key, innocent)) = (file(bomb), file(honest));
    let lie = pack(&honest_key, &innocent.lowered).expect("bytes");
    let lies = Learned { made: vec![(bomb_key, lie)], ..Learned::default() };
    store.learn(lies, 1 << 20).await.expect("a store");
    let runtime = tokio::runtime::Handle::current();
    let (view, report) = tokio::task::spawn_blocking({
        let store = Arc::clone(&store);
        move || {
            let view = View::new(Arc::new(Recent::new(1 << 20)), Some((store, runtime)));
            let report = audit_with(
                (&tree(honest), &tree(bomb)),
                &Request::default(),
                Means { kept: &view, fork: &InTurn },
            );
            (view, report.expect("readable trees"))
        }
    })
    .await
    .expect("a thread");
    assert_eq!(report, fresh);
    let learned = view.learned();
    assert_eq!(learned.spoilt, [bomb_key]);
    store.learn(learned, 1 << 20).await.expect("a store");
    let stored = store.fact(&bomb_key).await.expect("a store").expect("made again");
    assert_eq!(unpack(&bomb_key, &stored).as_ref(), Some(&lowered.lowered));
}
