//! A package as an ONNX model.

mod graph;
mod layers;
mod proto;
mod recurrent;
mod weights;

use crate::{Error, Result};
use graph::{Attribute, Dim, Graph};
use proto::Message;
use serde_json::json;
use stonechat_model::{Network, Package};

/// Version of ONNX's operators that [`to_onnx`] uses: `Unsqueeze` and `Split` with their axes and sizes as inputs (13),
/// `Shape` with an end (15). ONNX 1.10 (2021), onnxruntime 1.10 and later.
pub const OPSET: i64 = 15;
/// Version of the file format, that of ONNX 1.10.
pub const IR_VERSION: i64 = 8;

/// What protocol buffers allow for one message.
const MAX_BYTES: usize = i32::MAX as usize;

/// The bytes of an ONNX model of the whole network.
///
/// | | name | float, shape |
/// |---|---|---|
/// | input | `features` | `batch x frames x features`: whole utterances, all equally long |
/// | output | `logits` | `batch x frames / stride x symbols`, the division rounded up for each convolution |
///
/// Batch and frames may have any size from 1. Low-rank maps stay two products and int8 weights stay int8 in the file
/// (arithmetic is in floats, whereas the runtime rounds its activations to int8, too); other families become their
/// dense view, int4 weights floats. A recurrent layer with a dense recurrent map and tanh is ONNX's operator `GRU` (with
/// `linear_before_reset`), `LSTM` or `RNN`, any other one (low rank, joint factors, projections, clipped ReLU) a `Scan`.
/// Features are not computed in the model: the metadata `stonechat.features` has their config and `stonechat.alphabet`
/// the symbols, both as in a package.
///
/// # Errors
/// If the network is not valid, or the model had more than 2 GB.
pub fn to_onnx(package: &Package) -> Result<Vec<u8>> {
    package.network.validate()?;
    let mut writer = Writer::default();
    writer.network(&package.network);
    let metadata = |key: &str, value: String| Message::default().text(1, key).text(2, &value);
    let model = Message::default()
        .integer(1, IR_VERSION)
        .text(2, "stonechat")
        .text(3, env!("CARGO_PKG_VERSION"))
        .message(7, &writer.graph.finish("stonechat"))
        .message(8, &Message::default().text(1, "").integer(2, OPSET))
        .message(14, &metadata("stonechat.alphabet", json!(package.alphabet).to_string()))
        .message(14, &metadata("stonechat.features", package.features.to_string()))
        .finish();
    if model.len() > MAX_BYTES {
        return Err(Error::Export(format!(
            "the model would have {} bytes, ONNX allows {MAX_BYTES} in one file: compress the network first",
            model.len()
        )));
    }
    Ok(model)
}

/// The layers on their way into a graph.
#[derive(Default)]
struct Writer {
    graph: Graph,
    /// Vector of one number.
    batch_size: String,
}

impl Writer {
    /// All layers, bottom to top.
    fn network(&mut self, network: &Network) {
        let config = &network.config;
        let (batch, frames) = (Dim::Free("batch"), Dim::Free("frames"));
        let features = self.graph.input("features", &[batch, frames, Dim::Fixed(config.input)]);
        let first = [("start", Attribute::Integer(0)), ("end", Attribute::Integer(1))];
        self.batch_size = self.graph.node("batch_size", "Shape", &[&features], &first);
        let mut x = self.convolutions(network, &features);
        for l in 0..network.recurrent.len() {
            x = self.recurrent(network, l, &x);
        }
        let graph = &mut self.graph;
        if let Some(taps) = &network.row_conv {
            let width = config.recurrent_output();
            x = graph.row_convolution(taps, width, taps.len() / width - 1, &x);
            x = graph.clipped_relu("row_conv", config.clip, &x);
        }
        if let Some(fc) = &network.fc {
            x = graph.affine("fc", fc, &x);
            x = graph.clipped_relu("fc", config.clip, &x);
        }
        x = graph.affine("output", &network.output, &x);
        let logits = graph.transpose("logits", &[1, 0, 2], &x);
        graph.output(&logits, &[batch, Dim::Free("frames_out"), Dim::Fixed(network.symbols())]);
    }

    /// From `batch x frames x features` to `frames x batch x (bins x channels)`.
    fn convolutions(&mut self, network: &Network, features: &str) -> String {
        let (graph, config) = (&mut self.graph, &network.config);
        if config.conv.is_empty() {
            return graph.transpose("frames_first", &[1, 0, 2], features);
        }
        let axis = graph.integers("channel_axis", &[1]);
        let mut x = graph.node("image", "Unsqueeze", &[features, &axis], &[]);
        for (l, (conv, layer)) in config.conv.iter().zip(&network.conv).enumerate() {
            let name = format!("conv.{l}");
            let around = [conv.left_context(), conv.lookahead];
            x = graph.convolution(&name, layer, conv, config.conv_channels_in(l), around, &x);
            x = graph.clipped_relu(&name, config.clip, &x);
        }
        let x = graph.transpose("frames_first", &[2, 0, 3, 1], &x);
        // 0 keeps a size.
        let shape = graph.integers("flat_shape", &[0, 0, config.recurrent_input(0) as i64]);
        graph.node("flat", "Reshape", &[&x, &shape], &[])
    }

    /// The state `name` before the first frame: zeros, `batch x width`.
    fn state(&mut self, name: &str, width: usize) -> String {
        let width = self.graph.integers(&format!("{name}.width"), &[width as i64]);
        let axis = [("axis", Attribute::Integer(0))];
        let inputs = [self.batch_size.as_str(), &width];
        let shape = self.graph.node(&format!("{name}.shape"), "Concat", &inputs, &axis);
        self.graph.node(&format!("{name}.zeros"), "ConstantOfShape", &[&shape], &[])
    }
}
