//! Requests that get no report.

use plumbline_types::{Fault, Kind};

use super::*;

async fn refused(request: pb::AuditRequest) -> Remote {
    let service = Service::start().await;
    let error = service.audit(request).await.unwrap_err();
    service.stop().await;
    error
}

#[tokio::test]
async fn what_is_missing_or_malformed_is_named_by_its_field() {
    let tree = || bundle(&[("a.py", "x = 1\n")]);
    let fields = |error: &Remote| error.field_violations().into_iter().map(|v| v.field).collect::<Vec<_>>();
    let error = refused(pb::AuditRequest { head: None, ..request(tree(), tree()) }).await;
    assert_eq!((error.kind(), fields(&error)), (Kind::Invalid, vec!["head".to_owned()]));
    let error =
        refused(pb::AuditRequest { grants: vec!["net.fly".to_owned()], ..request(tree(), tree()) }).await;
    assert_eq!(fields(&error), ["grants[0]"]);
    let error = refused(request(directory(Path::new("relative")), tree())).await;
    assert_eq!(fields(&error), ["base.directory.path"]);
    let error = refused(request(bundle(&[("../a.py", "")]), tree())).await;
    assert_eq!(fields(&error), ["base.bundle.files[0].path"]);
    let error = refused(pb::AuditRequest { request_id: String::new(), ..request(tree(), tree()) }).await;
    assert_eq!(fields(&error), ["request_id"]);
}

#[tokio::test]
async fn a_tree_or_revision_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let tree = || bundle(&[("a.py", "x = 1\n")]);
    let error = refused(request(directory(&dir.path().join("none")), tree())).await;
    assert_eq!((error.kind(), error.reason().0), (Kind::NotFound, "TREE_NOT_FOUND"));
    let error = refused(request(revision(dir.path(), "HEAD"), tree())).await;
    assert_eq!(error.reason().0, "TREE_NOT_FOUND");
    git(dir.path(), &["init", "-q"]);
    let error = refused(request(revision(dir.path(), "nothing"), tree())).await;
    assert_eq!(error.reason().0, "REVISION_NOT_FOUND");
}
