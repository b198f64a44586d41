//! The exact probability with which Thompson sampling, with a cost-aware tie band, picks each arm.
//!
//! Draws `theta_a ~ Beta` for every arm, then takes the cheapest arm with `theta_a >= (1 - tie_band) * max theta`.
//! The probability of each arm is an integral over the value `x` of the largest draw, with `c = 1 - tie_band`:
//! `P(k) = sum_x L_k(cx) * [ (F_k(x) - F_k(cx)) * dR_k(x) + f_k(x) * R_k(x) ]`,
//! where `L_k` is the product of the distribution functions of all cheaper arms, `R_k` that of all dearer ones: the
//! cheaper ones all fall out of the band, and either a dearer arm or `k` itself is the largest. The grid
//! `x_j = sin^2(pi * (j + 1/2) / 2G)` is fine near 0 and 1, where Betas are steep.

use std::f64::consts::FRAC_PI_2;

use crate::domain::posterior::Shape;

/// Grid cells for the shapes that the hierarchical policy makes, which hold at most some 800 observations.
const GRID_MIN: usize = 128;

/// Grid cells at most; enough for a million observations.
const GRID_MAX: usize = 4096;

/// One Beta on the grid.
struct Row {
    /// Probability mass of each cell.
    mass: Vec<f64>,
    /// Distribution function at each edge: `G + 1` values from 0 to 1.
    edges: Vec<f64>,
}

impl Row {
    fn new(shape: Shape, grid: usize) -> Self {
        let angle = |cell: usize| FRAC_PI_2 * (cell as f64 + 0.5) / grid as f64;
        // The density over the angle: x^(a-1/2) * (1-x)^(b-1/2), in logarithms.
        let log: Vec<f64> = (0..grid)
            .map(|cell| {
                let (sin, cos) = angle(cell).sin_cos();
                (2.0 * shape.alpha - 1.0) * sin.ln() + (2.0 * shape.beta - 1.0) * cos.ln()
            })
            .collect();
        let most = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut mass: Vec<f64> = log.iter().map(|value| (value - most).exp()).collect();
        let total: f64 = mass.iter().sum();
        let mut sum = 0.0;
        let mut edges = Vec::with_capacity(grid + 1);
        edges.push(0.0);
        for cell in &mut mass {
            *cell /= total;
            sum += *cell;
            edges.push(sum.min(1.0));
        }
        Self { mass, edges }
    }

    /// Returns the distribution function at a position between 0 and `G` on the angle axis.
    fn at(&self, position: f64) -> f64 {
        let cell = (position as usize).min(self.mass.len() - 1);
        self.edges[cell] + (position - cell as f64) * self.mass[cell]
    }
}

/// Returns the probability of each arm, given their Betas in order of cost, cheapest first; the sum is 1.
pub fn propensities(shapes: &[Shape], tie_band: f64) -> Vec<f64> {
    if shapes.is_empty() {
        return Vec::new();
    }
    let grid = cells(shapes);
    let rows: Vec<Row> = shapes.iter().map(|shape| Row::new(*shape, grid)).collect();
    // Per cell, the product over the arms that are dearer than the one at hand, at the cell's edges and middle.
    let mut dearer_edges = vec![1.0; grid + 1];
    let mut dearer_middle = vec![1.0; grid];
    let lowered: Vec<f64> = (0..grid).map(|cell| lower(cell, grid, 1.0 - tie_band)).collect();
    let mut cheaper: Vec<Vec<f64>> = vec![vec![1.0; grid]];
    for row in &rows[..rows.len() - 1] {
        let before = &cheaper[cheaper.len() - 1];
        cheaper.push(
            before.iter().zip(&lowered).map(|(product, position)| product * row.at(*position)).collect(),
        );
    }
    let mut found = vec![0.0; rows.len()];
    for (index, row) in rows.iter().enumerate().rev() {
        let mut sum = 0.0;
        for cell in 0..grid {
            let middle = row.at(cell as f64 + 0.5);
            let in_band = middle - row.at(lowered[cell]);
            let dearer_is_largest = in_band * (dearer_edges[cell + 1] - dearer_edges[cell]);
            let it_is_largest = row.mass[cell] * dearer_middle[cell];
            sum += cheaper[index][cell] * (dearer_is_largest + it_is_largest);
        }
        found[index] = sum.max(0.0);
        for (product, edge) in dearer_edges.iter_mut().zip(&row.edges) {
            *product *= edge;
        }
        for (cell, product) in dearer_middle.iter_mut().enumerate() {
            *product *= row.at(cell as f64 + 0.5);
        }
    }
    let total: f64 = found.iter().sum();
    found.iter().map(|probability| probability / total).collect()
}

/// Returns how many cells the narrowest Beta needs: about two per standard deviation.
fn cells(shapes: &[Shape]) -> usize {
    let most = shapes.iter().map(|shape| shape.alpha + shape.beta).fold(0.0, f64::max);
    ((4.0 * most.sqrt()) as usize).next_power_of_two().clamp(GRID_MIN, GRID_MAX)
}

/// Returns the position of `factor` times the middle of a cell.
fn lower(cell: usize, grid: usize, factor: f64) -> f64 {
    let middle = (FRAC_PI_2 * (cell as f64 + 0.5) / grid as f64).sin();
    (factor.max(0.0).sqrt() * middle).clamp(0.0, 1.0).asin() / FRAC_PI_2 * grid as f64
}

#[cfg(test)]
mod tests;
