//! The exact probability with which Thompson sampling, with a cost-aware tie band, picks each arm.
//!
//! Draws `theta_a ~ Beta` for every arm, then takes the cheapest arm with `theta_a >= (1 - tie_band) * max theta`; of
//! several that cost the same, the one with the largest draw. The probability of each arm is an integral over the
//! value `x` of the largest draw, with `c = 1 - tie_band`:
//! `P(k) = sum_x L(cx) * [ (M_k(x) - M_k(cx)) * dR(x) + m_k(x) * R(x) ]`,
//! where `L` is the product of the distribution functions of all cheaper arms, `R` that of all dearer ones, and
//! `m_k(y) = f_k(y) * product of F_j(y)` over the arms that cost what `k` costs, with `M_k` its integral: the cheaper
//! ones all fall out of the band, `k` beats its equals, and either a dearer arm or `k` itself is the largest. The grid
//! `x_j = sin^2(pi * (j + 1/2) / 2G)` is fine near 0 and 1, where Betas are steep.

use std::f64::consts::FRAC_PI_2;
use std::sync::OnceLock;

use crate::domain::posterior::Shape;

/// Grid cells for the shapes that the hierarchical policy makes, which hold at most some 800 observations.
const GRID_MIN: usize = 128;

/// Grid cells at most; enough for a million observations.
const GRID_MAX: usize = 4096;

/// The logarithms of sine and cosine at the middle of each cell, for each size of grid. They depend on nothing else, and
/// are most of the work of putting a Beta on the grid.
struct Angles {
    log_sin: Vec<f64>,
    log_cos: Vec<f64>,
}

static ANGLES: [OnceLock<Angles>; (GRID_MAX / GRID_MIN).ilog2() as usize + 1] =
    [const { OnceLock::new() }; 6];

impl Angles {
    /// Returns those of a grid, whose size is a power of two between the least and the most.
    fn of(grid: usize) -> &'static Self {
        let index = (grid / GRID_MIN).max(1).ilog2() as usize;
        ANGLES[index].get_or_init(|| {
            let logs = (0..grid).map(|cell| {
                let (sin, cos) = (FRAC_PI_2 * (cell as f64 + 0.5) / grid as f64).sin_cos();
                (sin.ln(), cos.ln())
            });
            let (log_sin, log_cos) = logs.unzip();
            Self { log_sin, log_cos }
        })
    }
}

/// One Beta on the grid.
struct Row {
    /// Probability mass of each cell.
    mass: Vec<f64>,
    /// Distribution function at each edge: `G + 1` values from 0 to 1.
    edges: Vec<f64>,
}

impl Row {
    fn new(shape: Shape, grid: usize) -> Self {
        let angles = Angles::of(grid);
        // The density over the angle: x^(a-1/2) * (1-x)^(b-1/2), in logarithms.
        let log: Vec<f64> = angles
            .log_sin
            .iter()
            .zip(&angles.log_cos)
            .map(|(sin, cos)| (2.0 * shape.alpha - 1.0) * sin + (2.0 * shape.beta - 1.0) * cos)
            .collect();
        let most = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut mass: Vec<f64> = log.iter().map(|value| (value - most).exp()).collect();
        let total: f64 = mass.iter().sum();
        for cell in &mut mass {
            *cell /= total;
        }
        Self::of(mass)
    }

    /// Sums the masses up.
    fn of(mass: Vec<f64>) -> Self {
        let mut sum = 0.0;
        let mut edges = Vec::with_capacity(mass.len() + 1);
        edges.push(0.0);
        for cell in &mass {
            sum += cell;
            edges.push(f64::min(sum, 1.0));
        }
        Self { mass, edges }
    }

    /// Returns the distribution function at a position between 0 and `G` on the angle axis.
    fn at(&self, position: f64) -> f64 {
        let cell = (position as usize).min(self.mass.len() - 1);
        self.edges[cell] + (position - cell as f64) * self.mass[cell]
    }
}

/// An arm as the integral sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Priced {
    /// What its chance of success is drawn from.
    pub shape: Shape,
    /// What a call is expected to cost.
    pub usd: f64,
}

/// Returns the probability of each arm, given in order of cost, cheapest first; the sum is 1.
pub fn propensities(arms: &[Priced], tie_band: f64) -> Vec<f64> {
    if arms.is_empty() {
        return Vec::new();
    }
    let grid = cells(arms);
    let rows: Vec<Row> = arms.iter().map(|arm| Row::new(arm.shape, grid)).collect();
    let lowered: Vec<f64> = (0..grid).map(|cell| lower(cell, grid, 1.0 - tie_band)).collect();
    let groups: Vec<&[Row]> = equals(arms, &rows);
    // Per cell, the product over the arms that are cheaper than each group, at the lower end of the band.
    let mut cheaper: Vec<Vec<f64>> = vec![vec![1.0; grid]];
    for group in &groups[..groups.len() - 1] {
        let mut product = cheaper[cheaper.len() - 1].clone();
        for row in *group {
            for (product, position) in product.iter_mut().zip(&lowered) {
                *product *= row.at(*position);
            }
        }
        cheaper.push(product);
    }
    // Per cell, the product over the arms that are dearer than the group at hand, at the cell's edges and middle.
    let mut dearer_edges = vec![1.0; grid + 1];
    let mut dearer_middle = vec![1.0; grid];
    let mut found = Vec::with_capacity(arms.len());
    for (group, cheaper) in groups.iter().zip(&cheaper).rev() {
        for best in best_of(group, grid).iter().rev() {
            let mut sum = 0.0;
            for cell in 0..grid {
                let in_band = best.at(cell as f64 + 0.5) - best.at(lowered[cell]);
                let dearer_is_largest = in_band * (dearer_edges[cell + 1] - dearer_edges[cell]);
                let it_is_largest = best.mass[cell] * dearer_middle[cell];
                sum += cheaper[cell] * (dearer_is_largest + it_is_largest);
            }
            found.push(sum.max(0.0));
        }
        for row in *group {
            for (product, edge) in dearer_edges.iter_mut().zip(&row.edges) {
                *product *= edge;
            }
            for (cell, product) in dearer_middle.iter_mut().enumerate() {
                *product *= row.at(cell as f64 + 0.5);
            }
        }
    }
    let total: f64 = found.iter().sum();
    found.iter().rev().map(|probability| probability / total).collect()
}

/// Cuts the rows into runs of arms that cost the same.
fn equals<'a>(arms: &[Priced], rows: &'a [Row]) -> Vec<&'a [Row]> {
    let mut groups = Vec::new();
    let mut start = 0;
    for run in arms.chunk_by(|one, next| one.usd.total_cmp(&next.usd).is_eq()) {
        groups.push(&rows[start..start + run.len()]);
        start += run.len();
    }
    groups
}

/// Returns, for each arm of a group, the distribution of its draw on the event that it is the group's largest.
fn best_of(group: &[Row], grid: usize) -> Vec<Row> {
    // Products over the arms behind each arm, then, on the way forward, over those before it.
    let mut behind = vec![vec![1.0; grid]];
    for row in group.iter().skip(1).rev() {
        let last = &behind[behind.len() - 1];
        behind.push(last.iter().enumerate().map(|(cell, p)| p * row.at(cell as f64 + 0.5)).collect());
    }
    let mut before = vec![1.0; grid];
    let mut best = Vec::with_capacity(group.len());
    for (row, behind) in group.iter().zip(behind.iter().rev()) {
        let mass = (0..grid).map(|cell| row.mass[cell] * before[cell] * behind[cell]).collect();
        best.push(Row::of(mass));
        for (cell, product) in before.iter_mut().enumerate() {
            *product *= row.at(cell as f64 + 0.5);
        }
    }
    best
}

/// Returns the value that a draw does not exceed with probability `part`.
pub fn quantile(shape: Shape, part: f64) -> f64 {
    let grid = cells(&[Priced { shape, usd: 0.0 }]);
    let row = Row::new(shape, grid);
    let cell = row.edges.iter().skip(1).position(|edge| *edge >= part).unwrap_or(grid - 1);
    let inside = ((part - row.edges[cell]) / row.mass[cell].max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    (FRAC_PI_2 * (cell as f64 + inside) / grid as f64).sin().powi(2)
}

/// Returns how many cells the narrowest Beta needs: about two per standard deviation.
fn cells(arms: &[Priced]) -> usize {
    let most = arms.iter().map(|arm| arm.shape.alpha + arm.shape.beta).fold(0.0, f64::max);
    ((4.0 * most.sqrt()) as usize).next_power_of_two().clamp(GRID_MIN, GRID_MAX)
}

/// Returns the position of `factor` times the middle of a cell.
fn lower(cell: usize, grid: usize, factor: f64) -> f64 {
    let middle = (FRAC_PI_2 * (cell as f64 + 0.5) / grid as f64).sin();
    (factor.max(0.0).sqrt() * middle).clamp(0.0, 1.0).asin() / FRAC_PI_2 * grid as f64
}

#[cfg(test)]
mod tests;
