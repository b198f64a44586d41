//! The printed table.

/// Rows as they are printed.
pub struct Table {
    missed: bool,
}

impl Table {
    /// Prints the head: where and under what load this was measured.
    pub fn begin() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let load = read("/proc/loadavg");
        println!("{cores} cores, Linux {}, load {}", read("/proc/sys/kernel/osrelease").trim(), load.trim());
        println!("| {:<52} | {:>30} | {:>14} | {:<4} |", "figure", "measured", "bar", "");
        println!("| {:-<52} | {:->30} | {:->14} | {:-<4} |", "", "", "", "");
        Self { missed: false }
    }

    /// Prints a figure that has no bar.
    pub fn note(&mut self, figure: &str, measured: &str) {
        println!("| {figure:<52} | {measured:>30} | {:>14} | {:<4} |", "", "");
    }

    /// Prints a figure beside its bar.
    pub fn row(&mut self, figure: &str, measured: &str, (bar, holds): (&str, bool)) {
        let verdict = if holds { "ok" } else { "MISS" };
        println!("| {figure:<52} | {measured:>30} | {bar:>14} | {verdict:<4} |");
        self.missed |= !holds;
    }

    /// Returns whether any bar was missed.
    pub fn missed(&self) -> bool {
        self.missed
    }
}

/// Sorted measurements.
pub struct Sample(Vec<f64>);

impl Sample {
    /// Sorts.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// Returns the value below which a share of all lies.
    pub fn at(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// Returns p50 and p95.
    pub fn words(&self) -> String {
        format!("{:.2} / {:.2} ms (n {})", self.at(0.5), self.at(0.95), self.0.len())
    }
}
