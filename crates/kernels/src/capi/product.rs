//! Shared by the products of all forms of matrix: activations, arguments, working memory.

use super::pool::{StonechatPool, StonechatScratch};
use super::status::{
    Failure, STONECHAT_BAD_ACTIVATION, STONECHAT_BAD_POINTER, input, length, output,
};
use crate::{Activation, Epilogue, Pool, Product, Scratch};

/// The value itself.
pub const STONECHAT_ACTIVATION_NONE: i32 = 0;
/// `min(max(v, 0), clip)`.
pub const STONECHAT_ACTIVATION_CLIPPED_RELU: i32 = 1;
/// `1 / (1 + exp(-v))`.
pub const STONECHAT_ACTIVATION_SIGMOID: i32 = 2;
/// The hyperbolic tangent.
pub const STONECHAT_ACTIVATION_TANH: i32 = 3;

pub(super) fn activation_of(activation: i32, clip: f32) -> Result<Activation, Failure> {
    Ok(match activation {
        STONECHAT_ACTIVATION_NONE => Activation::None,
        STONECHAT_ACTIVATION_CLIPPED_RELU => Activation::ClippedRelu(clip),
        STONECHAT_ACTIVATION_SIGMOID => Activation::Sigmoid,
        STONECHAT_ACTIVATION_TANH => Activation::Tanh,
        _ => return Err(Failure(STONECHAT_BAD_ACTIVATION)),
    })
}

/// The arguments of a product, as pointers.
pub(super) struct Pointers {
    pub(super) x: *const f32,
    pub(super) batch: usize,
    /// Null for none.
    pub(super) bias: *const f32,
    pub(super) activation: i32,
    pub(super) clip: f32,
    pub(super) y: *mut f32,
}

impl Pointers {
    /// The product with a matrix. `pool` may be null.
    ///
    /// # Safety
    /// The pointers must lead to as many values as shape and batch require, and `y` must be used by
    /// nothing else; the pool must come from this library.
    pub(super) unsafe fn multiply(
        self,
        matrix: &dyn Product,
        scratch: &mut Scratch,
        pool: *const StonechatPool,
    ) -> Result<(), Failure> {
        let Self { x, batch, bias, activation, clip, y } = self;
        let act = activation_of(activation, clip)?;
        // SAFETY: the caller's promise, for all of them.
        let (pool, x, y, bias) = unsafe {
            let x = input(x, length(batch, matrix.cols())?)?;
            let y = output(y, length(batch, matrix.rows())?)?;
            let bias = if bias.is_null() { None } else { Some(input(bias, matrix.rows())?) };
            (pool.as_ref().map(|pool| &pool.0 as &dyn Pool), x, y, bias)
        };
        matrix.multiply(pool, x, batch, Epilogue { bias, act }, scratch, y);
        Ok(())
    }
}

/// The working memory of a handle.
///
/// # Safety
/// The handle must be null or come from this library, and nothing else may use it.
pub(super) unsafe fn scratch<'a>(
    scratch: *mut StonechatScratch,
) -> Result<&'a mut Scratch, Failure> {
    // SAFETY: the caller's promise.
    let scratch = unsafe { scratch.as_mut() }.ok_or(Failure(STONECHAT_BAD_POINTER))?;
    Ok(&mut scratch.0)
}
