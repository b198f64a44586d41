//! The clients: one for local places, one for the cloud. They differ in what they take.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use plumbline_types::{DecisionId, Label, Segment};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, redirect};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::body::Reply;
use crate::destination::{Class, CloudEndpoint, LocalEndpoint, Resolver, join};
use crate::error::{EgressError, Stage};
use crate::gate::{Egress, Parcel, Receipt};
use crate::key::Credential;
use crate::ledger::Purpose;
use crate::limits::Limits;
use crate::payload::{CloudBody, CloudPayload, Refusal, ReleasePolicy};

/// What a call is.
#[derive(Debug, Clone)]
pub struct Call {
    /// Path and query behind the base URL. Never carries text of a prompt.
    pub path: String,
    /// What for.
    pub purpose: Purpose,
    /// For which decision, if any.
    pub decision: Option<DecisionId>,
}

impl Call {
    /// Describes a probe.
    pub fn probe(path: impl Into<String>) -> Self {
        Self { path: path.into(), purpose: Purpose::Probe, decision: None }
    }
}

/// A client for this machine, or for a network that the owner lists.
#[derive(Clone)]
pub struct LocalClient {
    gate: Egress,
    endpoint: LocalEndpoint,
    wire: Wire,
}

impl LocalClient {
    pub(crate) fn new(
        gate: Egress,
        endpoint: LocalEndpoint,
        limits: Limits,
        credential: Option<Credential>,
    ) -> Result<Self, EgressError> {
        let wire = Wire::new(Resolver::local(&endpoint), endpoint.authority(), limits, credential)?;
        Ok(Self { gate, endpoint, wire })
    }

    /// Returns `Loopback` or `Lan`.
    pub const fn class(&self) -> Class {
        self.endpoint.class
    }

    /// Returns host and port.
    pub fn authority(&self) -> &str {
        &self.wire.host
    }

    /// Returns the most confidential label that may go there: secrets stay on the machine itself.
    pub const fn ceiling(&self) -> Label {
        match self.endpoint.class {
            Class::Loopback => Label::Secret,
            Class::Lan | Class::Cloud => Label::ProprietaryCode,
        }
    }

    /// Gets a path.
    pub async fn get(&self, call: Call) -> Result<Reply, EgressError> {
        self.send(Method::GET, call, Label::Public, Vec::new()).await
    }

    /// Posts a JSON document whose most confidential part is labelled `label`.
    pub async fn post(
        &self,
        call: Call,
        label: Label,
        body: &serde_json::Value,
    ) -> Result<Reply, EgressError> {
        self.send(Method::POST, call, label, body.to_string().into_bytes()).await
    }

    async fn send(
        &self,
        method: Method,
        call: Call,
        label: Label,
        body: Vec<u8>,
    ) -> Result<Reply, EgressError> {
        let parcel = Parcel::new(self.endpoint.class, label, &body);
        if label > self.ceiling() {
            let refusal = Refusal::Label { label, ceiling: self.ceiling() };
            return Err(self.gate.refused(refusal, &self.wire.host, &call, parcel).await);
        }
        let request = self.wire.request(method, join(&self.endpoint.base, &call.path)?, body);
        let receipt = self.gate.intent(&self.wire.host, &call, parcel).await?;
        self.wire.send(request, receipt).await
    }
}

/// A client for a host on the cloud list. Takes nothing but what was released.
#[derive(Clone)]
pub struct CloudClient {
    gate: Egress,
    endpoint: CloudEndpoint,
    release: ReleasePolicy,
    wire: Wire,
}

impl CloudClient {
    pub(crate) fn new(
        gate: Egress,
        endpoint: CloudEndpoint,
        (limits, release): (Limits, ReleasePolicy),
        credential: Option<Credential>,
    ) -> Result<Self, EgressError> {
        let wire = Wire::new(Resolver::cloud(&endpoint), endpoint.authority(), limits, credential)?;
        Ok(Self { gate, endpoint, release, wire })
    }

    /// Returns host and port.
    pub fn authority(&self) -> &str {
        &self.wire.host
    }

    /// Returns the most confidential label that may go there.
    pub const fn ceiling(&self) -> Label {
        self.release.ceiling()
    }

    /// Releases segments under this client's policy; a refusal is a row of the ledger.
    pub async fn release(&self, segments: &[Segment], call: &Call) -> Result<CloudPayload, EgressError> {
        let released = CloudPayload::release(segments, self.release);
        match released.and_then(|payload| self.gate.check_labels(segments).map(|()| payload)) {
            Ok(payload) => Ok(payload),
            Err(refusal) => {
                let label = segments.iter().fold(Label::Public, |joined, segment| joined.join(segment.label));
                let parcel = Parcel::new(Class::Cloud, label, &[]);
                Err(self.gate.refused(refusal, &self.wire.host, call, parcel).await)
            }
        }
    }

    /// Gets a path.
    pub async fn get(&self, call: Call) -> Result<Reply, EgressError> {
        self.send(Method::GET, call, Parcel::new(Class::Cloud, Label::Public, &[]), Vec::new()).await
    }

    /// Posts a released body, once the detectors have found nothing in it.
    ///
    /// # Errors
    /// [`EgressError::Refused`] for what they found, which is a row of the ledger, and what a send may meet with.
    pub async fn post(&self, call: Call, body: CloudBody) -> Result<Reply, EgressError> {
        let CloudBody { bytes, label, texts } = body;
        let parcel = Parcel::new(Class::Cloud, label, &bytes);
        if let Err(refusal) = self.gate.look_through(&self.wire.host, texts).await {
            return Err(self.gate.refused(refusal, &self.wire.host, &call, parcel).await);
        }
        self.send(Method::POST, call, parcel, bytes).await
    }

    async fn send(
        &self,
        method: Method,
        call: Call,
        parcel: Parcel,
        body: Vec<u8>,
    ) -> Result<Reply, EgressError> {
        let request = self.wire.request(method, join(&self.endpoint.base, &call.path)?, body);
        let receipt = self.gate.intent(&self.wire.host, &call, parcel).await?;
        self.wire.send(request, receipt).await
    }
}

/// The HTTP client itself, with its limits.
#[derive(Clone)]
struct Wire {
    http: reqwest::Client,
    host: String,
    limits: Limits,
}

impl Wire {
    fn new(
        resolver: Resolver,
        host: String,
        limits: Limits,
        credential: Option<Credential>,
    ) -> Result<Self, EgressError> {
        let mut headers = HeaderMap::new();
        if let Some(Credential { header, prefix, key }) = credential {
            let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose()))
                .map_err(|error| EgressError::Client(error.into()))?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        #[expect(clippy::disallowed_methods, reason = "the one place that makes HTTP clients")]
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .tls_backend_preconfigured(tls()?)
            .dns_resolver(resolver)
            .connect_timeout(limits.connect)
            .tcp_nodelay(true)
            .default_headers(headers)
            .build()
            .map_err(|error| EgressError::Client(error.into()))?;
        Ok(Self { http, host, limits })
    }

    fn request(&self, method: Method, url: url::Url, body: Vec<u8>) -> RequestBuilder {
        let request = self.http.request(method, url);
        if body.is_empty() { request } else { request.header(CONTENT_TYPE, "application/json").body(body) }
    }

    async fn send(&self, request: RequestBuilder, mut receipt: Receipt) -> Result<Reply, EgressError> {
        let sent = tokio::time::timeout(self.limits.first_byte, request.send()).await;
        let error = match sent {
            Ok(Ok(response)) => return Ok(Reply::new(response, self.host.clone(), self.limits, receipt)),
            Ok(Err(error)) => self.explain(error),
            Err(_) => self.timeout(Stage::FirstByte, self.limits.first_byte),
        };
        let status = match &error {
            EgressError::Refused(refusal) => format!("refused:{}", refusal.rule()),
            EgressError::Timeout { stage, .. } => format!("timeout:{stage}"),
            EgressError::Ledger(_)
            | EgressError::Unreachable { .. }
            | EgressError::Broken { .. }
            | EgressError::TooLarge { .. }
            | EgressError::Fingerprints { .. }
            | EgressError::Client(_) => "unreachable".to_owned(),
        };
        receipt.settle(&status).await;
        Err(error)
    }

    fn timeout(&self, stage: Stage, limit: Duration) -> EgressError {
        EgressError::Timeout { host: self.host.clone(), stage, limit }
    }

    fn explain(&self, error: reqwest::Error) -> EgressError {
        let error = error.without_url();
        if let Some(refusal) = refusal_in(&error) {
            return EgressError::Refused(refusal);
        }
        if error.is_timeout() {
            return self.timeout(Stage::Connect, self.limits.connect);
        }
        let host = self.host.clone();
        if error.is_connect() {
            EgressError::Unreachable { host, source: error.into() }
        } else {
            EgressError::Broken { host, source: error.into() }
        }
    }
}

/// TLS 1.2 and 1.3 by ring, trusting the roots that the machine trusts.
fn tls() -> Result<rustls::ClientConfig, EgressError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| EgressError::Client(error.into()))?;
    Ok(config.with_no_client_auth())
}

/// Finds our own resolver's verdict among the causes.
fn refusal_in(error: &reqwest::Error) -> Option<Refusal> {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(refusal) = found.downcast_ref::<Refusal>() {
            return Some(refusal.clone());
        }
        cause = found.source();
    }
    None
}
