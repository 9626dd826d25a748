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
/// Batch and frames may have any size from 1. Low-rank maps stay two products and int8 weights stay int8 in
/// the file (arithmetic is in floats, whereas the runtime rounds its activations to int8, too); other families become their dense view. A GRU with a dense recurrent map and tanh is the operator `GRU` with
/// `linear_before_reset`, any other one a `Scan`. Features are not computed in the model: the metadata
/// `stonechat.features` has their config and `stonechat.alphabet` the symbols, both as in a package.
///
/// # Errors
/// If the network is not valid, or the model had more than 2 GB.
pub fn to_onnx(package: &Package) -> Result<Vec<u8>> {
    package.network.validate()?;
    let mut graph = Graph::default();
    network(&mut graph, &package.network);
    let metadata = |key: &str, value: String| Message::default().text(1, key).text(2, &value);
    let model = Message::default()
        .integer(1, IR_VERSION)
        .text(2, "stonechat")
        .text(3, env!("CARGO_PKG_VERSION"))
        .message(7, &graph.finish("stonechat"))
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

/// All layers, bottom to top.
fn network(graph: &mut Graph, network: &Network) {
    let config = &network.config;
    let (batch, frames) = (Dim::Free("batch"), Dim::Free("frames"));
    let features = graph.input("features", &[batch, frames, Dim::Fixed(config.input)]);
    let mut x = convolutions(graph, network, &features);
    let size = [("start", Attribute::Integer(0)), ("end", Attribute::Integer(1))];
    let batch_size = graph.node("batch_size", "Shape", &[&features], &size);
    for (l, gru) in network.gru.iter().enumerate() {
        let hidden = graph.integers(&format!("gru.{l}.hidden"), &[config.gru[l] as i64]);
        let axis = [("axis", Attribute::Integer(0))];
        let shape = graph.node(&format!("gru.{l}.shape"), "Concat", &[&batch_size, &hidden], &axis);
        let zeros = graph.node(&format!("gru.{l}.zeros"), "ConstantOfShape", &[&shape], &[]);
        x = graph.gru(l, gru, config, &zeros, &x);
    }
    if let Some(taps) = &network.row_conv {
        let width = config.gru_output();
        x = graph.row_convolution(taps, width, taps.len() / width - 1, &x);
        x = graph.clipped_relu("row_conv", config.clip, &x);
    }
    if let Some(fc) = &network.fc {
        x = graph.affine("fc", fc, &x);
        x = graph.clipped_relu("fc", config.clip, &x);
    }
    x = graph.affine("output", &network.output, &x);
    let logits = graph.transpose("logits", &[1, 0, 2], &x);
    let frames_out = Dim::Free("frames_out");
    graph.output(&logits, &[batch, frames_out, Dim::Fixed(network.symbols())]);
}

/// From `batch x frames x features` to `frames x batch x (bins x channels)`.
fn convolutions(graph: &mut Graph, network: &Network, features: &str) -> String {
    let config = &network.config;
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
    let shape = graph.integers("flat_shape", &[0, 0, config.gru_input(0) as i64]);
    graph.node("flat", "Reshape", &[&x, &shape], &[])
}
