//! The kernels for C: `include/stonechat_kernels.h`, behind the feature `capi`.
//!
//! ```text
//! cargo rustc -p stonechat-kernels --release --lib --crate-type staticlib --features capi
//! cc main.c -I crates/kernels/include target/release/libstonechat_kernels.a -lpthread -ldl -lm
//! ```
//!
//! Every function that can fail returns a status: [`STONECHAT_OK`] or the problem, which
//! [`stonechat_status_message`] puts into words. Results go out through the last pointers, which
//! are written only on success. Nothing unwinds into C: a bug in here becomes [`STONECHAT_PANIC`].
//! Several threads may use a handle at a time, except a scratch, which serves one call at a time.

mod float32;
mod gru;
mod int4;
mod int8;
mod isa;
mod low_rank;
mod lstm;
mod packed_form;
mod pool;
mod product;
mod quantize;
mod recurrent;
mod status;

pub use float32::*;
pub use gru::*;
pub use int4::*;
pub use int8::*;
pub use isa::*;
pub use low_rank::*;
pub use lstm::*;
pub use packed_form::*;
pub use pool::*;
pub use product::{
    STONECHAT_ACTIVATION_CLIPPED_RELU, STONECHAT_ACTIVATION_NONE, STONECHAT_ACTIVATION_SIGMOID,
    STONECHAT_ACTIVATION_TANH,
};
pub use quantize::*;
pub use status::*;
