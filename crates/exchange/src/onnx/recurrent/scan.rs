//! A layer as a `Scan` over the frames: for factored recurrent maps, projections and the clipped
//! ReLU.

use super::names;
use super::step::{Inside, Step};
use crate::onnx::Writer;
use crate::onnx::graph::{Attribute, Dim};
use stonechat_model::{Cell, NetworkConfig, RecurrentConfig, RecurrentLayer};

impl Writer {
    /// `W x + b` for all frames in one product, then the steps, which are another graph. All
    /// weights are outside of it, because everything inside is computed in each step.
    pub(super) fn scan(
        &mut self,
        name: &str,
        layer: &RecurrentLayer,
        shape: &RecurrentConfig,
        config: &NetworkConfig,
        x: &str,
    ) -> String {
        let states = states(shape);
        let mut inputs: Vec<String> = states
            .iter()
            .map(|(part, width)| self.state(&format!("{name}.{part}"), *width))
            .collect();
        let graph = &mut self.graph;
        let mut nonrec = graph.factors(&format!("{name}.nonrec"), &layer.nonrec.map);
        let mut rec = graph.factors(&format!("{name}.rec"), &layer.rec);
        if let Some(joint) = &layer.joint {
            let joint = graph.factors(&format!("{name}.joint"), joint);
            nonrec.extend_from_slice(&joint);
            rec.extend(joint);
        }
        let projection = layer.projection.as_ref();
        let projection = projection.map(|map| graph.factors(&format!("{name}.proj"), map));
        let mut vector = |part: &str, values: &[f32]| {
            graph.floats(&format!("{name}.{part}"), &[values.len()], values)
        };
        let bias = vector("nonrec.bias", &layer.nonrec.bias);
        let recurrent_bias = layer.recurrent_bias.as_ref().map(|values| vector("rec.bias", values));
        let peepholes = layer.peepholes.as_ref().map(|values| {
            let gates = ["input", "forget", "output"].iter().zip(values.chunks(shape.hidden));
            gates.map(|(gate, values)| vector(&format!("peepholes.{gate}"), values)).collect()
        });
        let sizes = vec![shape.hidden as i64; shape.cell.gates()];
        let sizes = graph.integers(&format!("{name}.sizes"), &sizes);
        let wx = graph.products(&format!("{name}.nonrec"), &nonrec, x);
        inputs.push(graph.node(&format!("{name}.nonrec.sum"), "Add", &[&wx, &bias], &[]));

        let mut step = Step::new(&format!("{name}.step"));
        let dims = |width| [Dim::Free("batch"), Dim::Fixed(width)];
        let old: Vec<String> =
            states.iter().map(|(part, width)| step.input(part, &dims(*width))).collect();
        let wx = step.input("wx", &dims(shape.gate_rows()));
        let us = step.products("us", &rec, &old[0]);
        let inside = Inside {
            wx: step.split("wx", &wx, &sizes, shape.cell.gates()),
            us: step.split("us", &us, &sizes, shape.cell.gates()),
            recurrent_bias,
            peepholes,
            candidate: config.candidate,
            clip: config.clip,
        };
        let [h, cell] = match shape.cell {
            Cell::Gru => step.gru(&inside, &old[old.len() - 1]),
            Cell::Lstm => step.lstm(&inside, &old[1]),
            Cell::Rnn => step.rnn(&inside),
        };
        let recurs = match &projection {
            Some(factors) => step.products("proj", factors, &h),
            None => h,
        };
        for ((part, width), value) in states.iter().zip([&recurs, &cell]) {
            step.output(&format!("new.{part}"), value, &dims(*width));
        }
        step.output("up", &recurs, &dims(shape.output()));

        self.scan_node(name, &states, &inputs, step);
        format!("{name}.states")
    }

    /// The node of the scan, and the states it keeps for the next call.
    fn scan_node(&mut self, name: &str, states: &[(&str, usize)], inputs: &[String], step: Step) {
        let mut outputs: Vec<String> =
            states.iter().map(|(part, _)| format!("{name}.last.{part}")).collect();
        outputs.push(format!("{name}.states"));
        self.graph.node_with_outputs(
            name,
            "Scan",
            &names(inputs),
            &names(&outputs),
            &[
                ("body", Attribute::Graph(step.finish())),
                ("num_scan_inputs", Attribute::Integer(1)),
            ],
        );
        for ((part, width), value) in states.iter().zip(&outputs) {
            self.keep(&format!("{name}.{part}"), value, *width);
        }
    }
}

/// The states between steps: the recurrent state, and the cell's internal one (for a GRU the state
/// before projection).
fn states(shape: &RecurrentConfig) -> Vec<(&'static str, usize)> {
    let mut states = vec![("state", shape.output())];
    if shape.cell == Cell::Lstm || shape.cell == Cell::Gru && shape.projection.is_some() {
        states.push(("cell", shape.hidden));
    }
    states
}
