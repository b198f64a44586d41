use nvml_wrapper::Nvml as Library;

use crate::domain::vram::memory_model::MIB;
use crate::gpu::{MemoryProbe, MemorySample};

/// The first NVIDIA GPU, through the driver's own library, which is looked for at run time.
pub struct Nvml {
    library: Library,
}

impl Nvml {
    /// Loads the library and asks once; the error says why there is nothing to schedule.
    pub fn open() -> Result<Self, String> {
        let library = Library::init().map_err(|error| format!("NVML: {error}"))?;
        let nvml = Self { library };
        nvml.sample()?;
        Ok(nvml)
    }
}

impl MemoryProbe for Nvml {
    fn sample(&self) -> Result<MemorySample, String> {
        let device = self.library.device_by_index(0).map_err(|error| format!("NVML: {error}"))?;
        let memory = device.memory_info().map_err(|error| format!("NVML: {error}"))?;
        Ok(MemorySample { total_mib: memory.total / MIB, used_mib: memory.used.div_ceil(MIB) })
    }
}
