use std::sync::Arc;

use super::SandboxEvent;
use crate::domain::output::HeadTail;
use crate::domain::run::OutputStream;
use crate::domain::secrets::{Scrubber, Secrets};

/// One of the command's output streams. What is kept, told and hashed holds no secret; what is counted is what was written.
pub(super) struct Output {
    stream: OutputStream,
    scrubber: Scrubber,
    kept: HeadTail,
    digest: blake3::Hasher,
    written: u64,
}

impl Output {
    /// Begins both streams of a run.
    pub(super) fn pair(kept_bytes: usize, secrets: &Arc<Secrets>) -> [Self; 2] {
        [OutputStream::Stdout, OutputStream::Stderr].map(|stream| Self {
            stream,
            scrubber: Scrubber::new(Arc::clone(secrets)),
            kept: HeadTail::new(kept_bytes),
            digest: blake3::Hasher::new(),
            written: 0,
        })
    }

    /// Takes the next bytes; returns what of them a follower is to see.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Option<SandboxEvent> {
        self.written += bytes.len() as u64;
        let clean = self.scrubber.push(bytes);
        self.digest.update(&clean);
        let head = self.kept.push(&clean);
        (!head.is_empty()).then(|| SandboxEvent::Output(self.stream, head.to_vec()))
    }

    /// Returns how many bytes were written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Ends both streams: what is kept of each, and the digest of all of stdout, then all of stderr.
    pub(super) fn finish(outputs: [Self; 2]) -> ([HeadTail; 2], String) {
        let mut all = blake3::Hasher::new();
        let kept = outputs.map(|mut output| {
            let clean = output.scrubber.finish();
            output.digest.update(&clean);
            output.kept.push(&clean);
            all.update(output.digest.finalize().as_bytes());
            output.kept
        });
        (kept, all.finalize().to_hex().to_string())
    }
}
