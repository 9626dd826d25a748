//! The states that a streaming model keeps between calls.
//!
//! Each state is an input, zeros before the first call, and an output `NAME.next`, the input of the
//! next call. For convolutions these are the frames that a later output frame still needs; their
//! number varies.

use super::Writer;
use super::graph::{Attribute, Dim};
use serde_json::{Value, json};

/// Ending of the names of the states after a call.
const NEXT: &str = ".next";
/// Input of a streaming model: 1 if the utterance ends with this call, otherwise 0.
pub(super) const END: &str = "end";

/// Frames of a convolution's input, preceded by those of earlier calls.
pub(super) struct Window {
    /// All frames.
    joined: String,
    /// The same, followed at the end of the utterance by as many zeros as the convolution looks
    /// ahead.
    pub(super) padded: String,
}

impl Writer {
    /// The state `name` of a recurrent layer, `batch x width`.
    pub(super) fn state(&mut self, name: &str, width: usize) -> String {
        if self.streaming {
            let dims = [Dim::Free("batch"), Dim::Fixed(width)];
            return self.state_input(name, &dims, &json!(["batch", width]));
        }
        let width = self.graph.integers(&format!("{name}.width"), &[width as i64]);
        let axis = [("axis", Attribute::Integer(0))];
        let inputs = [self.batch_size.as_str(), &width];
        let shape = self.graph.node(&format!("{name}.shape"), "Concat", &inputs, &axis);
        self.graph.node(&format!("{name}.zeros"), "ConstantOfShape", &[&shape], &[])
    }

    /// Makes `value` the state `name` of a recurrent layer for the next call.
    pub(super) fn keep(&mut self, name: &str, value: &str, width: usize) {
        if self.streaming {
            self.state_output(name, value, &[Dim::Free("batch"), Dim::Fixed(width)]);
        }
    }

    /// The frames of `x` along dimension `axis` that a convolution sees in this call. `dims` are
    /// those of `x`; `first` is the number of zero frames before the first call.
    pub(super) fn window(
        &mut self,
        name: &str,
        x: &str,
        axis: usize,
        dims: &[Dim],
        first: usize,
        lookahead: usize,
    ) -> Window {
        let size = |(i, dim): (usize, &Dim)| match dim {
            Dim::Fixed(size) => json!(size),
            _ if i == axis => json!(first),
            _ => json!("batch"),
        };
        let initial: Vec<Value> = dims.iter().enumerate().map(size).collect();
        let past = self.state_input(&format!("{name}.past"), dims, &json!(initial));
        let axis_of = [("axis", Attribute::Integer(axis as i64))];
        let joined = self.graph.node(&format!("{name}.joined"), "Concat", &[&past, x], &axis_of);
        if lookahead == 0 {
            return Window { padded: joined.clone(), joined };
        }
        // Amounts before all dimensions, then after all.
        let mut amounts = vec![0; 2 * dims.len()];
        amounts[dims.len() + axis] = lookahead as i64;
        let amounts = self.graph.integers(&format!("{name}.lookahead"), &amounts);
        let pads = self.graph.node(&format!("{name}.pads"), "Mul", &[&amounts, END], &[]);
        let padded = self.graph.node(&format!("{name}.padded"), "Pad", &[&joined, &pads], &[]);
        Window { joined, padded }
    }

    /// Keeps the frames of a window that the convolution has not finished with: it consumes
    /// `stride` for each frame of its output `y`, counted along dimension `axis_of_y`.
    pub(super) fn keep_window(
        &mut self,
        name: &str,
        window: &Window,
        axis: usize,
        dims: &[Dim],
        (y, axis_of_y, stride): (&str, usize, usize),
    ) {
        let graph = &mut self.graph;
        let at = |part: &str| format!("{name}.{part}");
        let range = [
            ("start", Attribute::Integer(axis_of_y as i64)),
            ("end", Attribute::Integer(axis_of_y as i64 + 1)),
        ];
        let frames = graph.node(&at("frames_out"), "Shape", &[y], &range);
        let stride = graph.integers(&at("stride"), &[stride as i64]);
        let done = graph.node(&at("done"), "Mul", &[&frames, &stride], &[]);
        let end = graph.integers(&at("joined_end"), &[i64::from(i32::MAX)]);
        let axis = graph.integers(&at("frame_axis"), &[axis as i64]);
        let inputs = [window.joined.as_str(), &done, &end, &axis];
        let rest = graph.node(&at("rest"), "Slice", &inputs, &[]);
        self.state_output(&format!("{name}.past"), &rest, dims);
    }

    fn state_input(&mut self, name: &str, dims: &[Dim], initial: &Value) -> String {
        self.states.insert(name.into(), initial.clone());
        self.graph.input(name, dims)
    }

    fn state_output(&mut self, name: &str, value: &str, dims: &[Dim]) {
        let next = self.graph.node(&format!("{name}{NEXT}"), "Identity", &[value], &[]);
        self.graph.output(&next, dims);
    }
}
