//! A package as an ONNX model.

mod graph;
mod layers;
mod proto;
mod recurrent;
mod states;
mod weights;

use crate::{Error, Result};
use graph::{Attribute, Dim, Graph};
use proto::Message;
use serde_json::{Map, Value, json};
use states::END;
use stonechat_model::{Network, Package};

/// The version of ONNX's operators that [`to_onnx`] and [`to_onnx_streaming`] use: `Unsqueeze` and
/// `Split` with axes and sizes as inputs (13), `Shape` with an end (15). ONNX 1.10 (2021),
/// onnxruntime 1.10 and later.
pub const OPSET: i64 = 15;
/// The version of the file format, that of ONNX 1.10.
pub const IR_VERSION: i64 = 8;

/// The limit of protocol buffers for one message.
const MAX_BYTES: usize = i32::MAX as usize;

/// The bytes of an ONNX model of the whole network.
///
/// | | name | float, shape |
/// |---|---|---|
/// | input | `features` | `batch x frames x features`: whole utterances, all equally long |
/// | output | `logits` | `batch x frames / stride x symbols`, the division rounded up for each convolution |
///
/// Batch and frames may have any size from 1. Low-rank maps stay two products, and int8 weights
/// stay int8 in the file (arithmetic is in floats, whereas the runtime also rounds its activations
/// to int8); other families become their dense view, and int4 weights become floats. A recurrent
/// layer with a dense recurrent map and tanh becomes ONNX's operator `GRU` (with
/// `linear_before_reset`), `LSTM` or `RNN`; any other (low rank, joint factors, projections,
/// clipped ReLU) becomes a `Scan`. Features are not computed in the model: the metadata
/// `stonechat.features` contains their config and `stonechat.alphabet` the symbols, both as in a
/// package.
///
/// # Errors
/// If the network is not valid, or the model would have more than 2 GB.
pub fn to_onnx(package: &Package) -> Result<Vec<u8>> {
    model(package, Writer::default())
}

/// [`to_onnx`] for utterances that come in pieces: the logits of all calls, one after another, are
/// those of the whole utterance, however it is cut.
///
/// `features` are the next frames. The 64-bit integer `end`, of shape `1`, is 1 if the utterance
/// ends with them and 0 otherwise. Each further input is a state: zeros in the first call,
/// afterwards the output `NAME.next` of the previous call. The metadata `stonechat.states` has the
/// shapes of the zeros by name, with `"batch"` for the batch size. The first call needs one frame
/// more than the network looks ahead (`stonechat.lookahead_frames`); later ones need as many as
/// make a frame of logits (`stonechat.time_stride`); the last one needs at least 1, and enough for
/// the strides of the convolutions.
///
/// # Errors
/// Those of [`to_onnx`].
pub fn to_onnx_streaming(package: &Package) -> Result<Vec<u8>> {
    model(package, Writer { streaming: true, ..Writer::default() })
}

fn model(package: &Package, mut writer: Writer) -> Result<Vec<u8>> {
    package.network.validate()?;
    writer.network(&package.network);
    let mut metadata = vec![
        ("stonechat.alphabet", json!(package.alphabet)),
        ("stonechat.features", package.features.clone()),
    ];
    if writer.streaming {
        let config = &package.network.config;
        metadata.push(("stonechat.states", Value::Object(writer.states)));
        metadata.push(("stonechat.lookahead_frames", json!(config.lookahead_frames())));
        metadata.push(("stonechat.time_stride", json!(config.time_stride())));
    }
    let mut model = Message::default()
        .integer(1, IR_VERSION)
        .text(2, "stonechat")
        .text(3, env!("CARGO_PKG_VERSION"))
        .message(7, &writer.graph.finish("stonechat"))
        .message(8, &Message::default().text(1, "").integer(2, OPSET));
    for (key, value) in metadata {
        model = model.message(14, &Message::default().text(1, key).text(2, &value.to_string()));
    }
    let model = model.finish();
    if model.len() > MAX_BYTES {
        return Err(Error::Export(format!(
            "the model would have {} bytes, ONNX allows {MAX_BYTES} in one file: compress the network first",
            model.len()
        )));
    }
    Ok(model)
}

/// Writes the layers into a graph.
#[derive(Default)]
struct Writer {
    graph: Graph,
    /// A vector of one number.
    batch_size: String,
    streaming: bool,
    /// Shapes of the states before the first call, by name.
    states: Map<String, Value>,
}

impl Writer {
    /// All layers, bottom to top.
    fn network(&mut self, network: &Network) {
        let config = &network.config;
        let (batch, frames) = (Dim::Free("batch"), Dim::Free("frames"));
        let features = self.graph.input("features", &[batch, frames, Dim::Fixed(config.input)]);
        if self.streaming {
            self.graph.integer_input(END, 1);
        }
        let first = [("start", Attribute::Integer(0)), ("end", Attribute::Integer(1))];
        self.batch_size = self.graph.node("batch_size", "Shape", &[&features], &first);
        let mut x = self.convolutions(network, &features);
        for l in 0..network.recurrent.len() {
            x = self.recurrent(network, l, &x);
        }
        if let Some(taps) = &network.row_conv {
            x = self.row_convolution(taps, config.recurrent_output(), &x);
            x = self.graph.clipped_relu("row_conv", config.clip, &x);
        }
        let graph = &mut self.graph;
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
        let config = &network.config;
        if config.conv.is_empty() {
            return self.graph.transpose("frames_first", &[1, 0, 2], features);
        }
        let axis = self.graph.integers("channel_axis", &[1]);
        let mut x = self.graph.node("image", "Unsqueeze", &[features, &axis], &[]);
        for (l, (conv, layer)) in config.conv.iter().zip(&network.conv).enumerate() {
            let name = format!("conv.{l}");
            let (bins, channels) = (config.conv_bins(l), config.conv_channels_in(l));
            if self.streaming {
                let dims = [Dim::Free("batch"), Dim::Fixed(channels), Dim::Any, Dim::Fixed(bins)];
                let left = conv.left_context();
                let window = self.window(&name, &x, 2, &dims, left, conv.lookahead);
                let padded = &window.padded;
                x = self.graph.convolution(&name, layer, conv, channels, [0, 0], padded);
                self.keep_window(&name, &window, 2, &dims, (&x, 2, conv.stride[1]));
            } else {
                let around = [conv.left_context(), conv.lookahead];
                x = self.graph.convolution(&name, layer, conv, channels, around, &x);
            }
            x = self.graph.clipped_relu(&name, config.clip, &x);
        }
        let x = self.graph.transpose("frames_first", &[2, 0, 3, 1], &x);
        // 0 keeps a size.
        let shape = self.graph.integers("flat_shape", &[0, 0, config.recurrent_input(0) as i64]);
        self.graph.node("flat", "Reshape", &[&x, &shape], &[])
    }

    /// The row convolution of `frames x batch x width`.
    fn row_convolution(&mut self, taps: &[f32], width: usize, x: &str) -> String {
        let lookahead = taps.len() / width - 1;
        if !self.streaming {
            return self.graph.row_convolution(taps, width, lookahead, x);
        }
        let dims = [Dim::Any, Dim::Free("batch"), Dim::Fixed(width)];
        let window = self.window("row_conv", x, 0, &dims, 0, lookahead);
        let y = self.graph.row_convolution(taps, width, 0, &window.padded);
        self.keep_window("row_conv", &window, 0, &dims, (&y, 0, 1));
        y
    }
}
