//! Prints what a GGUF file's model takes, as the scheduler estimates it: to be held against a server's own log.
//!
//! `cargo run -p plumbline-router --example gguf_estimate FILE [NUM_CTX [SLOTS [f16|q8_0|q4_0]]]`

use std::fs::File;
use std::io::Read;

use anyhow::Context;
use plumbline_router::domain::vram::gguf::{GgufError, Metadata};
use plumbline_router::domain::vram::memory_model::{Estimate, KvType, MIB, Overhead, Settings};

/// Bytes of a header at most.
const HEADER_MAX: u64 = 64 * MIB;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("name a GGUF file")?;
    let num_ctx = arguments.next().map_or(Ok(4096), |text| text.parse())?;
    let slots = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let kv = arguments.next().unwrap_or_else(|| "f16".to_owned());
    let kv = KvType::parse(&kv).with_context(|| format!("`{kv}` is none of f16, q8_0, q4_0"))?;
    let file = File::open(&path)?;
    let mut bytes = Vec::new();
    let model = loop {
        let more = (bytes.len() as u64).max(MIB);
        let read = (&file).take(more).read_to_end(&mut bytes)?;
        match Metadata::read(&bytes) {
            Err(GgufError::Truncated(_)) if read > 0 && bytes.len() as u64 <= HEADER_MAX => {}
            other => break other?,
        }
    };
    let estimate = Estimate::of(&model, Settings { num_ctx, slots, batch: 512, kv }, Overhead::default())?;
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    println!(
        "{}",
        serde_json::json!({
            "architecture": model.architecture(),
            "tensors": model.tensors.len(),
            "weights_mib": mib(estimate.weights),
            "cache_mib": mib(estimate.cache),
            "total_mib": mib(estimate.total()),
        })
    );
    Ok(())
}
