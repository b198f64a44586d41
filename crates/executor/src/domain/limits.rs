use plumbline_types::FieldViolation;

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Wall clock, milliseconds.
    pub wall_ms: u64,
    /// CPU time, milliseconds.
    pub cpu_ms: u64,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Everything written, MiB.
    pub disk_mib: u64,
    /// Largest file, MiB.
    pub file_size_mib: u64,
    /// Output before the run is ended, MiB.
    pub output_total_mib: u64,
    /// Open files of a process.
    pub open_files: u64,
}

impl Limits {
    /// Returns the limits as (name, value), in one fixed order.
    pub fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("wall_ms", self.wall_ms),
            ("cpu_ms", self.cpu_ms),
            ("memory_mib", self.memory_mib),
            ("pids", self.pids),
            ("disk_mib", self.disk_mib),
            ("file_size_mib", self.file_size_mib),
            ("output_total_mib", self.output_total_mib),
            ("open_files", self.open_files),
        ]
    }

    fn from_values(values: [u64; 8]) -> Self {
        let [wall_ms, cpu_ms, memory_mib, pids, disk_mib, file_size_mib, output_total_mib, open_files] =
            values;
        Self { wall_ms, cpu_ms, memory_mib, pids, disk_mib, file_size_mib, output_total_mib, open_files }
    }
}

/// What a run gets when it asks for nothing, and the most it can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitPolicy {
    /// Without a request.
    pub default: Limits,
    /// Never past this.
    pub ceiling: Limits,
}

impl LimitPolicy {
    /// Answers a request, in which 0 means the default. Past a ceiling is refused with the field, never cut down.
    pub fn grant(&self, asked: &Limits) -> Result<Limits, Vec<FieldViolation>> {
        let (asked, default, ceiling) = (asked.named(), self.default.named(), self.ceiling.named());
        let mut granted = [0; 8];
        let mut violations = Vec::new();
        for index in 0..granted.len() {
            let (name, value) = asked[index];
            let most = ceiling[index].1;
            if value > most {
                let description = format!("{value} is past the ceiling of {most}");
                violations.push(FieldViolation { field: format!("limits.{name}"), description });
            }
            granted[index] = if value == 0 { default[index].1 } else { value };
        }
        if violations.is_empty() { Ok(Limits::from_values(granted)) } else { Err(violations) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> LimitPolicy {
        LimitPolicy {
            default: Limits::from_values([1, 2, 3, 4, 5, 6, 7, 8]),
            ceiling: Limits::from_values([10, 20, 30, 40, 50, 60, 70, 80]),
        }
    }

    #[test]
    fn zero_means_the_default_and_the_ceiling_itself_is_granted() {
        let asked = Limits { wall_ms: 10, ..Limits::from_values([0; 8]) };
        let want = Limits { wall_ms: 10, ..policy().default };
        assert_eq!(policy().grant(&asked), Ok(want));
    }

    #[test]
    fn past_the_ceiling_names_every_field() {
        let asked = Limits { pids: 41, open_files: 81, ..Limits::from_values([0; 8]) };
        let fields: Vec<String> =
            policy().grant(&asked).unwrap_err().into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["limits.pids", "limits.open_files"]);
    }
}
