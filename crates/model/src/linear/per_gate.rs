//! Stacked parts of equal height with separate weights: "completely split" weights, where gates
//! share nothing (Kliegl et al. 2017, appendix B.2).

use super::Family;
use super::family::{Displacement, Nearest, PartSpec, Rule, Truncate};
use serde::{Deserialize, Serialize};

/// `gates` maps of `rows / gates x cols`, one above the other, all of the family `of`. Their parts
/// are stacked in the same way, so that a map has the same tensors for any number of gates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerGate {
    /// Parts: 3 for a GRU, 4 for an LSTM.
    pub gates: usize,
    /// Family of each.
    pub of: Box<Family>,
}

impl PerGate {
    /// The parts of gate `gate`.
    fn gate<'a>(&self, parts: &[&'a [f32]], gate: usize) -> Vec<&'a [f32]> {
        let slice = |part: &&'a [f32]| {
            let length = part.len() / self.gates;
            &part[gate * length..][..length]
        };
        parts.iter().map(slice).collect()
    }
}

impl Rule for PerGate {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        if self.gates == 0 || !rows.is_multiple_of(self.gates) {
            return Err(format!("gates is {}, must divide the rows", self.gates));
        }
        if matches!(*self.of, Family::PerGate(_)) {
            return Err("of is per_gate itself".into());
        }
        self.of.rule().check(rows / self.gates, cols)
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        let stacked = |part: PartSpec| PartSpec { rows: part.rows * self.gates, ..part };
        self.of.rule().parts(rows / self.gates, cols).into_iter().map(stacked).collect()
    }

    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        let height = rows / self.gates;
        let gate = |gate| self.of.rule().to_dense(height, cols, &self.gate(parts, gate));
        (0..self.gates).flat_map(gate).collect()
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let height = rows / self.gates;
        let mut stacked = vec![Vec::new(); parts.len()];
        for (gate, dw) in dw.chunks_exact(height * cols).enumerate() {
            let gradient = self.of.rule().gradient(height, cols, &self.gate(parts, gate), dw);
            for (stacked, gradient) in stacked.iter_mut().zip(gradient) {
                stacked.extend(gradient);
            }
        }
        stacked
    }

    fn nearest(&self, rows: usize, cols: usize, w: &[f32], svd: Truncate<'_>) -> Option<Nearest> {
        let height = rows / self.gates;
        let mut stacked = vec![Vec::new(); self.parts(rows, cols).len()];
        let mut exact = true;
        for w in w.chunks_exact(height * cols) {
            let gate = self.of.rule().nearest(height, cols, w, svd)?;
            exact &= gate.exact;
            stacked.iter_mut().zip(gate.parts).for_each(|(stacked, part)| stacked.extend(part));
        }
        Some(Nearest { parts: stacked, exact })
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        self.gates * self.of.rule().flops(rows / self.gates, cols)
    }

    fn deviations(&self, rows: usize, cols: usize, sigma: f64) -> Vec<f64> {
        self.of.rule().deviations(rows / self.gates, cols, sigma)
    }

    fn displacements(&self, rows: usize, cols: usize, w: &[f32]) -> Vec<Displacement> {
        let height = rows / self.gates;
        let gates = w[..rows * cols].chunks_exact(height * cols);
        gates.flat_map(|w| self.of.rule().displacements(height, cols, w)).collect()
    }

    fn admit(&self, rows: usize, cols: usize, parts: &mut [Vec<f32>]) {
        let mut stacked = vec![Vec::new(); parts.len()];
        for gate in 0..self.gates {
            let slices: Vec<&[f32]> = parts.iter().map(Vec::as_slice).collect();
            let mut own: Vec<Vec<f32>> =
                self.gate(&slices, gate).into_iter().map(<[f32]>::to_vec).collect();
            self.of.rule().admit(rows / self.gates, cols, &mut own);
            stacked.iter_mut().zip(own).for_each(|(stacked, own)| stacked.extend(own));
        }
        parts.clone_from_slice(&stacked);
    }

    fn rank(&self, rows: usize, cols: usize) -> usize {
        (self.gates * self.of.rule().rank(rows / self.gates, cols)).min(rows.min(cols))
    }
}
