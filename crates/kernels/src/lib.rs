//! Small-batch products `y = W x` over packed weights.
//!
//! A recurrent layer multiplies one large matrix by one to a few vectors at a time, so its speed is
//! the speed at which the weights are read. This crate packs a matrix once, at load, into the order
//! in which the kernels read it, and then multiplies batches of vectors without allocating. All
//! forms of a matrix implement [`Product`]; [`MatrixForm`] chooses the form for a single matrix:
//!
//! * [`PackedI8`]: 8-bit weights with one scale per row, 8-bit activations quantized on the fly,
//!   exact 32-bit sums; scale, bias and activation are applied in the same pass;
//! * [`PackedI4`]: the same with 4-bit weights in groups, at half the bytes;
//! * [`BlockSparseI8`], [`BlockDiagonalF32`]: matrices with blocks of zeros that cost nothing;
//! * [`PackedF32`]: the same for float weights, fast enough for training;
//! * [`PackedLowRank`]: the product of two thin matrices of either kind in one call;
//! * [`PackedGru`] and [`PackedLstm`]: one time step of a recurrent layer (product, gates and
//!   state) in one call;
//! * `fft`: circulant, Toeplitz and Toeplitz-like matrices, multiplied with the Fourier transform;
//! * `cost_model`: which of these forms is the fastest for a shape and a batch on this machine;
//! * [`quantize`]: float to 8-bit, rows or vectors;
//! * [`math`]: sigmoid and tanh over slices;
//! * `machine` (feature `roofline`): the limits of one core, to measure the kernels against.
//!
//! Matrices are row-major `rows x cols`. A batch of vectors is `batch x cols`, each vector
//! contiguous; results are `batch x rows`.
//!
//! Three promises hold on every processor:
//! 1. The result of a vector does not depend on its batch, bit for bit.
//! 2. The integer products, and so everything that [`PackedI8`], [`PackedI4`], [`quantize`] and
//!    [`math`] return, are bit-identical on every instruction set ([`Isa`]). ([`PackedF32`] differs
//!    in the last bits if there is no fused multiply-add.)
//! 3. Slices need no alignment, and any `rows`, `cols` >= 1 and any batch are allowed.
//!
//! The fast paths are chosen at run time, once, when a matrix is packed.
//!
//! The crate needs only `alloc`. The feature `std` (on by default) adds detection of the processor
//! (without it, the target features at compile time decide), huge pages, and [`ThreadPool`].
//!
//! ```
//! use stonechat_kernels::{Activation, PackedI8, Product, Scratch, quantize::quantize_rows};
//!
//! let (rows, cols) = (2, 3);
//! let (weights, scales) = quantize_rows(&[1.0, 0.0, -1.0, 0.5, 0.5, 0.5], rows, cols);
//! let matrix = PackedI8::pack(&weights, &scales, rows, cols)?;
//!
//! let (mut scratch, mut y) = (Scratch::new(), [0.0; 2]);
//! matrix.matmul(&[3.0, 2.0, 1.0], 1, None, Activation::ClippedRelu(20.0), &mut scratch, &mut y);
//! assert!((y[0] - 2.0).abs() < 0.02 && (y[1] - 3.0).abs() < 0.02);
//! # Ok::<(), stonechat_kernels::Error>(())
//! ```

#![no_std]
#![allow(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod activation;
mod advice;
mod aligned;
mod arch;
mod arena;
mod block_diagonal;
mod block_sparse;
#[cfg(feature = "capi")]
pub mod capi;
#[cfg(feature = "fft")]
pub mod cost_model;
mod drive;
mod epilogue;
mod error;
#[cfg(feature = "fft")]
pub mod fft;
mod float32;
mod gru;
mod input;
mod int4;
mod int8;
mod integers;
mod isa;
mod lanes;
mod low_rank;
mod lstm;
#[cfg(feature = "roofline")]
pub mod machine;
pub mod math;
mod packed_form;
mod pool;
mod product;
pub mod quantize;
mod quantize_groups;
mod recurrent;
mod registry;
mod row_scales;
mod scratch;
pub mod tuning;
mod weights;

pub use activation::Activation;
pub use arena::Arena;
pub use block_diagonal::{BlockDiagonalF32, BlockSize};
pub use block_sparse::{BLOCK_COLS, BLOCK_ROWS, BlockSparseI8, blocks_with_weights};
pub use error::Error;
pub use float32::PackedF32;
pub use gru::PackedGru;
pub use int4::PackedI4;
pub use int8::PackedI8;
pub use integers::IntegerProduct;
pub use isa::Isa;
pub use low_rank::PackedLowRank;
pub use lstm::PackedLstm;
pub use pool::Pool;
#[cfg(feature = "std")]
pub use pool::ThreadPool;
pub use product::{Epilogue, Packed, Product};
pub use recurrent::Recurrent;
pub use registry::MatrixForm;
pub use scratch::Scratch;
pub use weights::Weights;
