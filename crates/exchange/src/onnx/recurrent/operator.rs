//! The operators `GRU`, `LSTM` and `RNN`, whose gates have another order and partly other signs
//! than ours.

use super::names;
use crate::onnx::Writer;
use crate::onnx::graph::Attribute;
use crate::onnx::weights::Layout;
use std::ops::Neg;
use stonechat_model::{Cell, Matrix, RecurrentConfig, RecurrentLayer};

impl Writer {
    /// A layer whose recurrent map becomes one matrix. For a low-rank input map `U V`, a product
    /// with `V` precedes the operator, which multiplies by `U`.
    pub(super) fn operator(
        &mut self,
        name: &str,
        layer: &RecurrentLayer,
        shape: &RecurrentConfig,
        x: &str,
    ) -> String {
        let hidden = shape.hidden;
        let gates = Gates::of(shape.cell);
        let parts: &[&str] = if shape.cell == Cell::Lstm { &["state", "cell"] } else { &["state"] };
        let initial: Vec<String> =
            parts.iter().map(|part| self.state(&format!("{name}.{part}"), hidden)).collect();
        let graph = &mut self.graph;
        let (x, nonrec) = match layer.nonrec.map.factors() {
            Some((u, v)) => {
                let v = graph.matrix(&format!("{name}.nonrec.v"), v, &Layout::transposed(v));
                (graph.node(&format!("{name}.inner"), "MatMul", &[x, &v], &[]), u.clone())
            }
            None => (x.to_string(), layer.nonrec.map.to_matrix()),
        };
        let mut weight = |part: &str, matrix: &Matrix| {
            let matrix = gates.matrix(matrix, hidden);
            graph.matrix(&format!("{name}.{part}"), &matrix, &Layout::one_direction(&matrix))
        };
        let nonrec = weight("nonrec.weight", &nonrec);
        let rec = weight("rec.weight", &layer.rec.to_matrix());
        // First the bias of W, then that of U.
        let mut bias = gates.arrange(&layer.nonrec.bias, hidden, 1);
        bias.resize(2 * bias.len(), 0.0);
        if let Some(inner) = &layer.recurrent_bias {
            let from = bias.len() - hidden;
            bias[from..].copy_from_slice(inner);
        }
        let bias = graph.floats(&format!("{name}.bias"), &[1, bias.len()], &bias);
        let direction = graph.integers(&format!("{name}.direction"), &[0]);
        let mut inputs = vec![x, nonrec, rec, bias, String::new()];
        for (part, value) in parts.iter().zip(&initial) {
            let part = format!("{name}.initial.{part}");
            inputs.push(graph.node(&part, "Unsqueeze", &[value, &direction], &[]));
        }
        if let Some(peepholes) = &layer.peepholes {
            // Ours: input, forget, output; ONNX's: input, output, forget.
            let (input, rest) = peepholes.split_at(hidden);
            let (forget, output) = rest.split_at(hidden);
            let values = [input, output, forget].concat();
            inputs.push(graph.floats(&format!("{name}.peepholes"), &[1, values.len()], &values));
        }
        let mut outputs = vec![format!("{name}.all")];
        outputs.extend(parts.iter().map(|part| format!("{name}.final.{part}")));
        let mut attributes = vec![("hidden_size", Attribute::Integer(hidden as i64))];
        if shape.cell == Cell::Gru {
            attributes.push(("linear_before_reset", Attribute::Integer(1)));
        }
        graph.node_with_outputs(
            name,
            gates.operator,
            &names(&inputs),
            &names(&outputs),
            &attributes,
        );
        let axis = graph.integers(&format!("{name}.direction_axis"), &[1]);
        let states = graph.node(&format!("{name}.states"), "Squeeze", &[&outputs[0], &axis], &[]);
        if self.streaming {
            for (part, value) in parts.iter().zip(&outputs[1..]) {
                let last = format!("{name}.last.{part}");
                let last = self.graph.node(&last, "Squeeze", &[value, &direction], &[]);
                self.keep(&format!("{name}.{part}"), &last, hidden);
            }
        }
        states
    }
}

/// The gates of ONNX's operator for a cell.
struct Gates {
    operator: &'static str,
    /// Our gates in ONNX's order, each with its sign.
    order: &'static [(usize, f32)],
}

impl Gates {
    fn of(cell: Cell) -> Self {
        let (operator, order): (_, &[(usize, f32)]) = match cell {
            // ONNX's update gate is one minus ours: `1 - sigmoid(x) = sigmoid(-x)`.
            Cell::Gru => ("GRU", &[(0, -1.0), (1, 1.0), (2, 1.0)]),
            // Ours: input, forget, content, output; ONNX's: input, output, forget, content.
            Cell::Lstm => ("LSTM", &[(0, 1.0), (3, 1.0), (1, 1.0), (2, 1.0)]),
            Cell::Rnn => ("RNN", &[(0, 1.0)]),
        };
        Self { operator, order }
    }

    /// Our gates of `hidden` rows of `cols` values in ONNX's order.
    fn arrange<T: Copy + Neg<Output = T>>(&self, ours: &[T], hidden: usize, cols: usize) -> Vec<T> {
        let gates = self.order.iter().flat_map(|&(gate, sign)| {
            let rows = &ours[gate * hidden * cols..(gate + 1) * hidden * cols];
            rows.iter().map(move |&x| if sign < 0.0 { -x } else { x })
        });
        gates.collect()
    }

    fn matrix(&self, ours: &Matrix, hidden: usize) -> Matrix {
        let (rows, cols) = (ours.rows(), ours.cols());
        match ours {
            // No value is -128; scales have no sign.
            Matrix::Int8 { data, scales, .. } => {
                let scales = self.order.iter().flat_map(|&(gate, _)| {
                    scales[gate * hidden..(gate + 1) * hidden].iter().copied()
                });
                Matrix::Int8 {
                    rows,
                    cols,
                    data: self.arrange(data, hidden, cols),
                    scales: scales.collect(),
                }
            }
            other => {
                Matrix::F32 { rows, cols, data: self.arrange(&other.to_dense(), hidden, cols) }
            }
        }
    }
}
