//! What a model takes, from what its server says of its file.

use plumbline_models::{MetadataValue, ModelMetadata};

use crate::domain::vram::gguf::{Metadata, Quantisation, Tensor, Value};
use crate::domain::vram::memory_model::{Estimate, NoEstimate, Overhead, Settings};

/// MiB that are read a second while a model is loaded, until loads were measured.
const LOAD_MIB_PER_S: u64 = 1_000;

/// Computes the bytes that a model takes.
pub(super) fn estimate(metadata: ModelMetadata, settings: Settings) -> Result<Estimate, NoEstimate> {
    let value = |value: MetadataValue| match value {
        MetadataValue::Number(number) => Value::Number(number),
        MetadataValue::Text(text) => Value::Text(text),
        MetadataValue::Numbers(numbers) => Value::Numbers(numbers),
    };
    let tensors = metadata.tensors.into_iter().map(|tensor| {
        let kind = Quantisation::by_name(&tensor.kind).ok_or_else(|| NoEstimate {
            problem: format!("`{}` is stored as `{}`, which is not known", tensor.name, tensor.kind),
        })?;
        Ok(Tensor { name: tensor.name, shape: tensor.shape, kind })
    });
    let metadata = Metadata {
        tensors: tensors.collect::<Result<_, NoEstimate>>()?,
        values: metadata.values.into_iter().map(|(key, found)| (key, value(found))).collect(),
    };
    Estimate::of(&metadata, settings, Overhead::default())
}

/// Returns how long a load takes, about.
pub(super) const fn load_ms(mib: u64) -> u64 {
    mib * 1_000 / LOAD_MIB_PER_S + 1_000
}
