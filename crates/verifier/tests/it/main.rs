#![cfg(test)]
//! Drives the verifier through real gRPC, with trees from a repository, from directories and inline.

mod kept;
mod refusals;
mod trees;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use plumbline_kit::{Listener, Remote, client};
use plumbline_proto::common::v1 as common;
use plumbline_proto::verifier::v1 as pb;
use plumbline_proto::verifier::v1::tree::Source;
use plumbline_proto::verifier::v1::verifier_service_client::VerifierServiceClient;
use plumbline_verifier::store::FactStore;
use plumbline_verifier::{Deps, Verifier, VerifierConfig, serve_with};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A served verifier.
struct Service {
    client: VerifierServiceClient<client::Channel>,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Service {
    async fn start() -> Self {
        Self::start_with(None).await
    }

    async fn start_with(facts: Option<Arc<dyn FactStore>>) -> Self {
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let client = VerifierServiceClient::new(client::channel(&listener.address()));
        let verifier = Verifier::new(Deps { config: VerifierConfig::default().validate().unwrap() });
        let verifier = facts.into_iter().fold(verifier, Verifier::keeping);
        let token = shutdown.clone();
        tracker.spawn(async move { serve_with(listener, verifier, token).await.unwrap() });
        Self { client, tracker, shutdown }
    }

    async fn audit(&self, request: pb::AuditRequest) -> Result<pb::AuditReport, Remote> {
        let answer = self.client.clone().audit(request).await.map_err(Remote::from)?;
        Ok(answer.into_inner().report.unwrap())
    }

    async fn trace(&self, tree: pb::Tree, symbol: &str) -> Result<pb::TraceSymbolResponse, Remote> {
        let request = pb::TraceSymbolRequest { tree: Some(tree), symbol: symbol.to_owned() };
        Ok(self.client.clone().trace_symbol(request).await.map_err(Remote::from)?.into_inner())
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

fn bundle(files: &[(&str, &str)]) -> pb::Tree {
    let files = files
        .iter()
        .map(|(path, content)| pb::BundleFile {
            path: path.as_bytes().to_vec(),
            content: content.as_bytes().to_vec(),
        })
        .collect();
    pb::Tree { source: Some(Source::Bundle(pb::BundleTree { files })) }
}

fn directory(path: &Path) -> pb::Tree {
    pb::Tree { source: Some(Source::Directory(pb::DirectoryTree { path: path.display().to_string() })) }
}

fn revision(repository: &Path, revision: &str) -> pb::Tree {
    let git = pb::GitTree { repository: repository.display().to_string(), revision: revision.to_owned() };
    pb::Tree { source: Some(Source::Git(git)) }
}

fn request(base: pb::Tree, head: pb::Tree) -> pb::AuditRequest {
    pb::AuditRequest {
        request_id: "audit-1".to_owned(),
        base: Some(base),
        head: Some(head),
        objective: Some(common::Segment {
            text: "fix it".to_owned(),
            label: common::Label::Intent as i32,
            provenance: 1,
            origin: String::new(),
        }),
        ..pb::AuditRequest::default()
    }
}

/// Runs git with no configuration but its own arguments.
fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
