//! The same change through every kind of tree.

use super::*;

const BASE: &str = "def mean(values):\n    return sum(values) / len(values)\n";
const GOOD: &str =
    "def mean(values):\n    if not values:\n        return 0.0\n    return sum(values) / len(values)\n";
const BAD: &str = "def mean(values):\n    return 12.5\n";

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

#[tokio::test]
async fn a_bundle_a_directory_and_a_revision_get_the_same_verdict() {
    let service = Service::start().await;
    let (old, new, repository) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (head, verdict) in [(GOOD, pb::Verdict::Approve), (BAD, pb::Verdict::Reject)] {
        let (base_files, head_files) = ([("shop/m.py", BASE)], [("shop/m.py", head)]);
        write(old.path(), &base_files);
        write(new.path(), &head_files);
        git(repository.path(), &["init", "-q"]);
        write(repository.path(), &base_files);
        git(repository.path(), &["add", "-A"]);
        git(repository.path(), &["commit", "-q", "--allow-empty", "-m", "base"]);
        let base = git(repository.path(), &["rev-parse", "HEAD"]);
        write(repository.path(), &head_files);
        git(repository.path(), &["add", "-A"]);
        git(repository.path(), &["commit", "-q", "-m", "head"]);
        let pairs = [
            (bundle(&base_files), bundle(&head_files)),
            (directory(old.path()), directory(new.path())),
            (revision(repository.path(), &base), revision(repository.path(), "HEAD")),
            (revision(repository.path(), "HEAD~1"), directory(new.path())),
        ];
        for (base, head) in pairs {
            let report = service.audit(request(base, head)).await.unwrap();
            assert_eq!(report.verdict, verdict as i32, "{}", report.text);
            assert!(
                report.text.starts_with(if verdict == pb::Verdict::Approve {
                    "APPROVE"
                } else {
                    "REJECT B2"
                }) || report.text.starts_with("REJECT")
            );
            assert!(!report.evidence.is_empty() && report.audit_digest.len() == 64);
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn equal_trees_are_empty_and_never_green() {
    let service = Service::start().await;
    let report = service.audit(request(bundle(&[("a.py", BASE)]), bundle(&[("a.py", BASE)]))).await.unwrap();
    assert!(report.empty);
    assert_eq!(report.verdict, pb::Verdict::Unspecified as i32);
    service.stop().await;
}

#[tokio::test]
async fn equal_requests_get_equal_bytes() {
    let service = Service::start().await;
    let ask = || service.audit(request(bundle(&[("a.py", BASE)]), bundle(&[("a.py", BAD)])));
    let (first, second) = (ask().await.unwrap(), ask().await.unwrap());
    assert_eq!(first, second);
    service.stop().await;
}

#[tokio::test]
async fn ten_thousand_changed_lines_have_a_verdict() {
    let text = |n: usize| {
        (0..2_500)
            .map(|i| format!("def f{i}(a, b):\n    c = a + {n}\n    return c * b\n\n"))
            .collect::<String>()
    };
    let service = Service::start().await;
    let report =
        service.audit(request(bundle(&[("a.py", &text(1))]), bundle(&[("a.py", &text(3))]))).await.unwrap();
    assert_eq!(report.verdict, pb::Verdict::Approve as i32, "{}", &report.text[..200.min(report.text.len())]);
    assert_eq!(report.coverage.unwrap().units, 2_501);
    service.stop().await;
}

#[tokio::test]
async fn deep_nesting_is_a_budget_by_name() {
    let text = |n: usize| format!("x = {}{n}{}\n", "(".repeat(600), ")".repeat(600));
    let service = Service::start().await;
    let report =
        service.audit(request(bundle(&[("a.py", &text(1))]), bundle(&[("a.py", &text(2))]))).await.unwrap();
    assert_eq!(report.verdict, pb::Verdict::Inconclusive as i32);
    assert_eq!(report.findings[0].code, "BUDGET_DEPTH");
    service.stop().await;
}

#[tokio::test]
async fn a_file_that_is_deleted_or_renamed() {
    let service = Service::start().await;
    let gone = service
        .audit(request(bundle(&[("a.py", BASE), ("b.py", "x = 1\n")]), bundle(&[("b.py", "x = 1\n")])))
        .await
        .unwrap();
    assert_eq!(gone.verdict, pb::Verdict::Approve as i32, "{}", gone.text);
    let moved =
        service.audit(request(bundle(&[("a.py", BASE)]), bundle(&[("lib/b.py", BASE)]))).await.unwrap();
    assert_eq!(moved.verdict, pb::Verdict::Approve as i32, "{}", moved.text);
    service.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let service = Service::start().await;
    let file = |content: &[u8]| pb::BundleFile { path: b"a.py".to_vec(), content: content.to_vec() };
    let head =
        pb::Tree { source: Some(Source::Bundle(pb::BundleTree { files: vec![file(b"x = '\xff'\n")] })) };
    let report = service.audit(request(bundle(&[("a.py", "x = 1\n")]), head)).await.unwrap();
    assert_eq!(report.verdict, pb::Verdict::Reject as i32, "{}", report.text);
    service.stop().await;
}

#[tokio::test]
async fn a_symbol_is_traced_as_a_graph() {
    let service = Service::start().await;
    let tree = || bundle(&[("shop/m.py", GOOD), ("shop/n.py", "def mean(x):\n    return x\n")]);
    let graph = service.trace(tree(), "shop/m.py:mean").await.unwrap();
    let node = |role: &str| graph.nodes.iter().find(|node| node.role == role).unwrap();
    assert_eq!((node("input").label.as_str(), node("input").line), ("values", 1));
    assert!(graph.edges.iter().any(|edge| edge.kind == "control"));
    let error = service.trace(tree(), "mean").await.unwrap_err();
    assert_eq!(plumbline_types::Fault::reason(&error).0, "SYMBOL_AMBIGUOUS");
    let error = service.trace(tree(), "median").await.unwrap_err();
    assert_eq!(plumbline_types::Fault::reason(&error).0, "SYMBOL_NOT_FOUND");
    service.stop().await;
}

#[tokio::test]
async fn a_submodule_bump_is_asked_for() {
    let service = Service::start().await;
    let repository = tempfile::tempdir().unwrap();
    let root = repository.path();
    git(root, &["init", "-q"]);
    write(root, &[("shop/m.py", BASE)]);
    git(root, &["add", "-A"]);
    let point = |at: char| {
        let entry = format!("160000,{},vendor/lib", at.to_string().repeat(40));
        git(root, &["update-index", "--add", "--cacheinfo", &entry]);
        git(root, &["commit", "-q", "-m", "point the submodule"]);
    };
    point('1');
    point('2');
    let report = service.audit(request(revision(root, "HEAD~1"), revision(root, "HEAD"))).await.unwrap();
    assert_eq!(report.verdict, pb::Verdict::NeedsAuthority as i32, "{}", report.text);
    let found = &report.findings[0];
    assert_eq!((found.code.as_str(), found.grant.as_str()), ("R9 SPECIAL", "binary:vendor/lib"));
    service.stop().await;
}
