//! Recurrent layers over `frames x batch x width`: ONNX's own operator where it computes the same thing, else a `Scan`.

use super::graph::{Attribute, Dim, Graph};
use super::layers::dense;
use super::weights::Layout;
use stonechat_model::{Candidate, Gru, LinearMap, Matrix, NetworkConfig};

const GATES: usize = 3;

impl Graph {
    /// GRU `layer` from the state `initial`, `batch x hidden`. Gives the states of all frames, `frames x batch x hidden`.
    pub(super) fn gru(
        &mut self,
        layer: usize,
        gru: &Gru,
        config: &NetworkConfig,
        initial: &str,
        x: &str,
    ) -> String {
        let name = format!("gru.{layer}");
        match (&gru.rec, config.candidate) {
            // The operator takes one matrix, and would have to be given the product U V; its clipping is two-sided.
            (LinearMap::LowRank { .. }, _) | (_, Candidate::ClippedRelu) => {
                self.gru_scan(&name, gru, config, initial, x)
            }
            _ => self.gru_operator(&name, gru, initial, x),
        }
    }

    /// The operator `GRU` with `linear_before_reset`. Its gates have our order; its update gate is one minus ours, so
    /// that those rows change their signs. Low-rank input weights `U V` are a product with `V` and the operator's own
    /// with `U`.
    fn gru_operator(&mut self, name: &str, gru: &Gru, initial: &str, x: &str) -> String {
        let hidden = gru.rec.cols();
        let (x, nonrec) = match &gru.nonrec.map {
            LinearMap::LowRank { u, v } => {
                let v = self.matrix(&format!("{name}.nonrec.v"), v, &Layout::transposed(v));
                (self.node(&format!("{name}.inner"), "MatMul", &[x, &v], &[]), u.clone())
            }
            map => (x.to_string(), dense(map)),
        };
        let mut weight = |part: &str, matrix: Matrix| {
            let matrix = negate_rows(matrix, hidden);
            self.matrix(&format!("{name}.{part}"), &matrix, &Layout::one_direction(&matrix))
        };
        let nonrec = weight("nonrec.weight", nonrec);
        let rec = weight("rec.weight", dense(&gru.rec));
        let mut bias = gru.nonrec.bias.clone();
        bias[..hidden].iter_mut().for_each(|b| *b = -*b);
        bias.resize(2 * GATES * hidden, 0.0);
        let bias = self.floats(&format!("{name}.bias"), &[1, bias.len()], &bias);
        let direction = self.integers(&format!("{name}.direction"), &[0]);
        let initial =
            self.node(&format!("{name}.initial"), "Unsqueeze", &[initial, &direction], &[]);
        let all = format!("{name}.all");
        self.node_with_outputs(
            name,
            "GRU",
            &[&x, &nonrec, &rec, &bias, "", &initial],
            &[&all],
            &[
                ("hidden_size", Attribute::Integer(hidden as i64)),
                ("linear_before_reset", Attribute::Integer(1)),
            ],
        );
        let direction_of_all = self.integers(&format!("{name}.direction_of_all"), &[1]);
        self.node(&format!("{name}.states"), "Squeeze", &[&all, &direction_of_all], &[])
    }

    /// `W x + b` of all frames in one product, then a `Scan` over the frames; formulas at [`Gru`].
    fn gru_scan(
        &mut self,
        name: &str,
        gru: &Gru,
        config: &NetworkConfig,
        initial: &str,
        x: &str,
    ) -> String {
        let hidden = gru.rec.cols();
        let gates = self.affine(&format!("{name}.nonrec"), &gru.nonrec, x);
        // Weights stand outside: what is inside is computed in each step.
        let rec = self.factors(&format!("{name}.rec"), &gru.rec);
        let sizes = self.integers(&format!("{name}.gates"), &[hidden as i64; GATES]);

        let at = |part: &str| format!("{name}.step.{part}");
        let mut step = Graph::default();
        let dims = |width| [Dim::Free("batch"), Dim::Fixed(width)];
        let h = step.input(&at("h"), &dims(hidden));
        let wx = step.input(&at("wx"), &dims(GATES * hidden));
        let uh = step.products(&at("uh"), &rec, &h);
        let mut split = |part: &str, value: &str| {
            let names = ["update", "reset", "candidate"].map(|gate| at(&format!("{part}.{gate}")));
            let outputs = names.each_ref().map(String::as_str);
            let axis = [("axis", Attribute::Integer(-1))];
            step.node_with_outputs(&at(part), "Split", &[value, &sizes], &outputs, &axis);
            names
        };
        let [wx_z, wx_r, wx_c] = split("wx.gates", &wx);
        let [uh_z, uh_r, uh_c] = split("uh.gates", &uh);
        let mut node = |part: &str, operator: &str, inputs: &[&str]| {
            step.node(&at(part), operator, inputs, &[])
        };
        let z = node("update.sum", "Add", &[&wx_z, &uh_z]);
        let z = node("update", "Sigmoid", &[&z]);
        let r = node("reset.sum", "Add", &[&wx_r, &uh_r]);
        let r = node("reset", "Sigmoid", &[&r]);
        let c = node("candidate.reset", "Mul", &[&r, &uh_c]);
        let c = node("candidate.sum", "Add", &[&wx_c, &c]);
        let c = match config.candidate {
            Candidate::Tanh => node("candidate", "Tanh", &[&c]),
            Candidate::ClippedRelu => step.clipped_relu(&at("candidate"), config.clip, &c),
        };
        let mut node = |part: &str, operator: &str, inputs: &[&str]| {
            step.node(&at(part), operator, inputs, &[])
        };
        let change = node("difference", "Sub", &[&c, &h]);
        let change = node("change", "Mul", &[&z, &change]);
        let new = node("new", "Add", &[&h, &change]);
        let state = node("state", "Identity", &[&new]);
        step.output(&new, &dims(hidden));
        step.output(&state, &dims(hidden));

        let (last, states) = (format!("{name}.last"), format!("{name}.states"));
        self.node_with_outputs(
            name,
            "Scan",
            &[initial, &gates],
            &[&last, &states],
            &[("body", Attribute::Graph(step)), ("num_scan_inputs", Attribute::Integer(1))],
        );
        states
    }
}

/// The matrix with its first `count` rows negated.
fn negate_rows(mut matrix: Matrix, count: usize) -> Matrix {
    match &mut matrix {
        Matrix::F32 { cols, data, .. } => data[..count * *cols].iter_mut().for_each(|x| *x = -*x),
        // No value is -128.
        Matrix::Int8 { cols, data, .. } => data[..count * *cols].iter_mut().for_each(|x| *x = -*x),
    }
    matrix
}
