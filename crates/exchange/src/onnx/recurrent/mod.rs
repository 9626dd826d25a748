//! Recurrent layers over `frames x batch x width`: ONNX's own operator if it computes the same,
//! otherwise a `Scan`. For the formulas see [`RecurrentLayer`].

mod operator;
mod scan;
mod step;

use super::Writer;
use stonechat_model::{Candidate, Cell, Network};

fn names(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

impl Writer {
    /// Layer `l` over all frames of `x`; returns its output, `frames x batch x output`.
    pub(super) fn recurrent(&mut self, network: &Network, l: usize, x: &str) -> String {
        let (config, layer) = (&network.config, &network.recurrent[l]);
        let (name, shape) = (config.recurrent_name(l), &config.recurrent[l]);
        // The operators take one matrix, so they would need the product U V. Their clipping is
        // two-sided.
        let one_matrix =
            layer.rec.factors().is_none() && layer.joint.is_none() && layer.projection.is_none();
        let tanh = config.candidate == Candidate::Tanh || shape.cell == Cell::Lstm;
        if one_matrix && tanh {
            self.operator(&name, layer, shape, x)
        } else {
            self.scan(&name, layer, shape, config, x)
        }
    }
}
