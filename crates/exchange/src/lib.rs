//! Other tools' formats.
//!
//! - [`StateDict`] and [`ImportPlan`]: the weights of a PyTorch network (nn.Conv2d, nn.GRU,
//!   nn.LSTM, nn.RNN, nn.Linear, batch norm folded) in a safetensors file become a
//!   [`Package`](stonechat_model::Package), to be compressed and run here.
//! - [`to_onnx`], [`to_onnx_streaming`]: a package becomes an ONNX model, from features to logits;
//!   low-rank and int8 weights stay as they are.
//!
//! Nothing here reads audio, trains, or runs a network.
#![forbid(unsafe_code)]

mod error;
mod onnx;
mod pytorch;

pub use error::Error;
pub use onnx::{IR_VERSION, OPSET, to_onnx, to_onnx_streaming};
pub use pytorch::{ImportPlan, StateDict};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
