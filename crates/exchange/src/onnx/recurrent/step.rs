//! One step of each cell as a separate graph, the body of a `Scan`.

use super::names;
use crate::onnx::graph::{Attribute, Dim, Graph};
use stonechat_model::Candidate;

/// The graph; the names of its values begin with the name of the step.
pub(super) struct Step {
    graph: Graph,
    name: String,
}

/// The inputs of the gates of a step besides the states: values by gate, in our order.
pub(super) struct Inside {
    /// `W x + b`.
    pub(super) wx: Vec<String>,
    /// `U s`.
    pub(super) us: Vec<String>,
    pub(super) recurrent_bias: Option<String>,
    /// Those of input, forget and output gate.
    pub(super) peepholes: Option<Vec<String>>,
    pub(super) candidate: Candidate,
    pub(super) clip: f32,
}

impl Step {
    pub(super) fn new(name: &str) -> Self {
        Self { graph: Graph::default(), name: name.into() }
    }

    pub(super) fn finish(self) -> Graph {
        self.graph
    }

    pub(super) fn input(&mut self, part: &str, dims: &[Dim]) -> String {
        self.graph.input(&format!("{}.{part}", self.name), dims)
    }

    /// Makes `value` a separate output with its own name.
    pub(super) fn output(&mut self, part: &str, value: &str, dims: &[Dim]) {
        let output = self.node(part, "Identity", &[value]);
        self.graph.output(&output, dims);
    }

    pub(super) fn products(&mut self, part: &str, factors: &[String], x: &str) -> String {
        self.graph.products(&format!("{}.{part}", self.name), factors, x)
    }

    /// Splits `value` into gates with the `sizes` in that constant.
    pub(super) fn split(
        &mut self,
        part: &str,
        value: &str,
        sizes: &str,
        count: usize,
    ) -> Vec<String> {
        if count == 1 {
            return vec![value.into()];
        }
        let name = format!("{}.{part}.gates", self.name);
        let outputs: Vec<String> = (0..count).map(|i| format!("{name}.{i}")).collect();
        let axis = [("axis", Attribute::Integer(-1))];
        self.graph.node_with_outputs(&name, "Split", &[value, sizes], &names(&outputs), &axis);
        outputs
    }

    /// The new state twice, from the old one: it is the recurrent state, or its projection is.
    pub(super) fn gru(&mut self, inside: &Inside, h: &str) -> [String; 2] {
        let z = self.gate(inside, 0, "update", None);
        let r = self.gate(inside, 1, "reset", None);
        let mut product = inside.us[2].clone();
        if let Some(bias) = &inside.recurrent_bias {
            product = self.node("product", "Add", &[&product, bias]);
        }
        let product = self.node("product.reset", "Mul", &[&r, &product]);
        let sum = self.node("candidate.sum", "Add", &[&inside.wx[2], &product]);
        let c = self.function(inside, &sum);
        // h + z (c - h)
        let difference = self.node("difference", "Sub", &[&c, h]);
        let change = self.node("change", "Mul", &[&z, &difference]);
        let h = self.node("h", "Add", &[h, &change]);
        [h.clone(), h]
    }

    /// The new output and cell state, from the old cell state.
    pub(super) fn lstm(&mut self, inside: &Inside, c: &str) -> [String; 2] {
        let peephole = |i: usize, c: &str| {
            inside.peepholes.as_ref().map(|peepholes| (peepholes[i].clone(), c.to_string()))
        };
        let i = self.gate(inside, 0, "input", peephole(0, c));
        let f = self.gate(inside, 1, "forget", peephole(1, c));
        let sum = self.sum(inside, 2, "content");
        let g = self.node("content", "Tanh", &[&sum]);
        let kept = self.node("kept", "Mul", &[&f, c]);
        let added = self.node("added", "Mul", &[&i, &g]);
        let c = self.node("c", "Add", &[&kept, &added]);
        let o = self.gate(inside, 3, "output", peephole(2, &c));
        let shown = self.node("shown", "Tanh", &[&c]);
        [self.node("h", "Mul", &[&o, &shown]), c]
    }

    /// The new state, which is also the output.
    pub(super) fn rnn(&mut self, inside: &Inside) -> [String; 2] {
        let sum = self.sum(inside, 0, "f");
        [self.function(inside, &sum), String::new()]
    }

    /// The sigmoid of a gate's sum, optionally with peephole weights and the cell state they apply
    /// to.
    fn gate(
        &mut self,
        inside: &Inside,
        gate: usize,
        part: &str,
        peephole: Option<(String, String)>,
    ) -> String {
        let mut sum = self.sum(inside, gate, part);
        if let Some((weights, seen)) = peephole {
            let seen = self.node(&format!("{part}.seen"), "Mul", &[&weights, &seen]);
            sum = self.node(&format!("{part}.all"), "Add", &[&sum, &seen]);
        }
        self.node(part, "Sigmoid", &[&sum])
    }

    fn sum(&mut self, inside: &Inside, gate: usize, part: &str) -> String {
        self.node(&format!("{part}.sum"), "Add", &[&inside.wx[gate], &inside.us[gate]])
    }

    fn function(&mut self, inside: &Inside, x: &str) -> String {
        match inside.candidate {
            Candidate::Tanh => self.node("candidate", "Tanh", &[x]),
            Candidate::ClippedRelu => {
                self.graph.clipped_relu(&format!("{}.candidate", self.name), inside.clip, x)
            }
        }
    }

    fn node(&mut self, part: &str, operator: &str, inputs: &[&str]) -> String {
        self.graph.node(&format!("{}.{part}", self.name), operator, inputs, &[])
    }
}
