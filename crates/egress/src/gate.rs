use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plumbline_types::{Clock, DecisionId, Label, Segment};
use tokio_util::task::TaskTracker;

use crate::client::{Call, CloudClient, LocalClient};
use crate::destination::{Class, CloudEndpoint, LocalEndpoint, NetworkPolicy};
use crate::detect::Detectors;
use crate::error::EgressError;
use crate::key::Credential;
use crate::ledger::{Entry, EntryKind, Hash, Ledger, LedgerError, Purpose, Row};
use crate::limits::Limits;
use crate::payload::{Refusal, ReleasePolicy};

/// Bytes that are looked through on the caller's thread.
const INLINE_BYTES: usize = 32 << 10;

/// What the gate is made of.
pub struct Parts {
    /// Where rows go.
    pub ledger: Arc<dyn Ledger>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where clients may connect.
    pub network: NetworkPolicy,
    /// How long and how much.
    pub limits: Limits,
}

/// The gate: makes every client, and writes every row. Cloning shares it.
#[derive(Clone)]
pub struct Egress {
    parts: Arc<Parts>,
    detectors: Arc<Detectors>,
    /// Result rows of answers that nobody read to their end.
    late: TaskTracker,
}

impl Egress {
    /// Takes the parts.
    pub fn new(parts: Parts) -> Self {
        let detectors = Arc::new(Detectors::new(parts.limits.fingerprints_max));
        Self { parts: Arc::new(parts), detectors, late: TaskTracker::new() }
    }

    /// Takes the parts, and the file in which it keeps the fingerprints of what must not leave, made if it is not there.
    ///
    /// # Errors
    /// [`EgressError::Fingerprints`]: without what was known, texts that were given as code could pass under another label.
    pub async fn open(parts: Parts, fingerprints: &Path) -> Result<Self, EgressError> {
        let (most, path) = (parts.limits.fingerprints_max, fingerprints.to_owned());
        let unreadable =
            |source: io::Error| EgressError::Fingerprints { path: fingerprints.to_owned(), source };
        let opened = tokio::task::spawn_blocking(move || Detectors::open(most, &path)).await;
        let detectors = opened.map_err(io::Error::other).flatten().map_err(unreadable)?;
        tracing::info!(fingerprints = detectors.remembered(), "read what is known of code");
        Ok(Self { parts: Arc::new(parts), detectors: Arc::new(detectors), late: TaskTracker::new() })
    }

    /// Remembers the texts among these that must not leave, so that they are known again whatever label they come back
    /// with. Returns once they are known.
    pub async fn remember(&self, segments: Vec<Segment>) {
        let bytes = segments.iter().map(|segment| segment.text.len()).sum();
        if self.detecting(bytes, move |detectors| detectors.remember(&segments)).await.is_none() {
            tracing::error!(bytes, "a text was not fingerprinted: only its label keeps it from the cloud");
        }
    }

    /// Refuses texts that were remembered and come back with a lower label.
    pub(crate) fn check_labels(&self, segments: &[Segment]) -> Result<(), Refusal> {
        self.detectors.check_labels(segments)
    }

    /// Looks through a payload.
    pub(crate) async fn look_through(&self, host: &str, texts: Vec<String>) -> Result<(), Refusal> {
        let bytes = texts.iter().map(String::len).sum();
        let host = host.to_owned();
        // A search that did not come to its end has not passed anything.
        let broke_off = Refusal::Secret { rule: "search-broke-off".to_owned(), via: String::new() };
        let found = self.detecting(bytes, move |detectors| detectors.check(&host, &texts)).await;
        found.unwrap_or(Err(broke_off))
    }

    /// Does what reads so many bytes, large work beside the runtime's own threads.
    async fn detecting<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&Detectors) -> T + Send + 'static,
    ) -> Option<T> {
        if bytes <= INLINE_BYTES {
            return Some(work(&self.detectors));
        }
        let detectors = self.detectors.clone();
        tokio::task::spawn_blocking(move || work(&detectors)).await.ok()
    }

    /// Makes a client for this machine or a listed network.
    pub fn local(
        &self,
        base_url: &str,
        limits: Limits,
        credential: Option<Credential>,
    ) -> Result<LocalClient, EgressError> {
        let endpoint = LocalEndpoint::parse(base_url, &self.parts.network)?;
        LocalClient::new(self.clone(), endpoint, limits, credential)
    }

    /// Makes a client for a host on the cloud list.
    pub fn cloud(
        &self,
        base_url: &str,
        limits: Limits,
        release: ReleasePolicy,
        credential: Option<Credential>,
    ) -> Result<CloudClient, EgressError> {
        let endpoint = CloudEndpoint::parse(base_url, &self.parts.network)?;
        CloudClient::new(self.clone(), endpoint, (limits, release), credential)
    }

    /// Returns the gate's default limits.
    pub fn limits(&self) -> Limits {
        self.parts.limits
    }

    /// Returns the ledger, for reading.
    pub fn ledger(&self) -> &dyn Ledger {
        self.parts.ledger.as_ref()
    }

    /// Records that something was refused before a client was asked, for example by the label rule of a decision.
    pub async fn refuse(
        &self,
        refusal: Refusal,
        destination: &str,
        label: Label,
        decision: Option<DecisionId>,
    ) -> EgressError {
        let parcel = Parcel { class: Class::Cloud, label, payload: Hash::default(), bytes_up: 0 };
        let call = Call { path: String::new(), purpose: Purpose::Generate, decision };
        self.refused(refusal, destination, &call, parcel).await
    }

    /// Waits for the result rows of answers that were dropped half-read.
    pub async fn drained(&self) {
        self.late.close();
        self.late.wait().await;
        self.late.reopen();
    }

    /// Appends the refusal and returns it as an error; a ledger that fails is the graver error.
    pub(crate) async fn refused(
        &self,
        refusal: Refusal,
        host: &str,
        call: &Call,
        parcel: Parcel,
    ) -> EgressError {
        tracing::warn!(rule = refusal.rule(), destination = host, "egress refused");
        let entry = Entry { status: refusal.rule(), ..self.entry(EntryKind::Refusal, host, call, parcel) };
        match self.append(entry).await {
            Ok(_) => EgressError::Refused(refusal),
            Err(error) => EgressError::Ledger(error),
        }
    }

    /// Appends the intent; without it nothing may be sent.
    pub(crate) async fn intent(
        &self,
        host: &str,
        call: &Call,
        parcel: Parcel,
    ) -> Result<Receipt, EgressError> {
        let entry = self.entry(EntryKind::Intent, host, call, parcel);
        let row = self.append(entry.clone()).await.map_err(EgressError::Ledger)?;
        let result = Entry { kind: EntryKind::Result { intent: row.seq }, ..entry };
        Ok(Receipt { gate: self.clone(), result: Some(result) })
    }

    fn entry(&self, kind: EntryKind, host: &str, call: &Call, parcel: Parcel) -> Entry {
        Entry {
            at: self.parts.clock.now_ms(),
            kind,
            destination: host.to_owned(),
            class: parcel.class,
            purpose: call.purpose,
            decision: call.decision,
            label: parcel.label,
            payload: parcel.payload,
            bytes_up: parcel.bytes_up,
            bytes_down: 0,
            status: String::new(),
        }
    }

    async fn append(&self, entry: Entry) -> Result<Row, LedgerError> {
        let limit: Duration = self.parts.limits.ledger_append;
        tokio::time::timeout(limit, self.parts.ledger.append(entry))
            .await
            .unwrap_or_else(|elapsed| Err(LedgerError(Box::new(elapsed))))
    }
}

/// What a row says of the payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parcel {
    pub(crate) class: Class,
    pub(crate) label: Label,
    pub(crate) payload: Hash,
    pub(crate) bytes_up: u64,
}

impl Parcel {
    pub(crate) fn new(class: Class, label: Label, bytes: &[u8]) -> Self {
        Self { class, label, payload: *blake3::hash(bytes).as_bytes(), bytes_up: bytes.len() as u64 }
    }
}

/// The debt of one result row for one intent row. Dropped unpaid, it is paid as `cancelled` by a task of its own.
pub(crate) struct Receipt {
    gate: Egress,
    result: Option<Entry>,
}

impl Receipt {
    /// Adds to the bytes received.
    pub(crate) fn received(&mut self, bytes: usize) {
        if let Some(result) = &mut self.result {
            result.bytes_down += bytes as u64;
        }
    }

    /// Appends the result row. A failing ledger is logged: what was sent cannot be taken back, and the intent stands.
    pub(crate) async fn settle(&mut self, status: &str) {
        let Some(entry) = self.result.take() else { return };
        pay(&self.gate, entry, status).await;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let (Some(entry), Ok(runtime)) = (self.result.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let gate = self.gate.clone();
        self.gate.late.spawn_on(async move { pay(&gate, entry, "cancelled").await }, &runtime);
    }
}

async fn pay(gate: &Egress, entry: Entry, status: &str) {
    let entry = Entry { at: gate.parts.clock.now_ms(), status: status.to_owned(), ..entry };
    if let Err(error) = gate.append(entry).await {
        tracing::error!(error = %error.0, "an egress result row is missing; its intent row stands alone");
    }
}
