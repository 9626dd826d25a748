//! What the products of all forms of matrix have in common: activations, arguments, working memory.

use super::pool::{StonechatPool, StonechatScratch};
use super::status::{
    Failure, STONECHAT_BAD_ACTIVATION, STONECHAT_BAD_POINTER, input, length, output,
};
use crate::{Activation, Pool, Scratch};

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

/// What a product is called with, by pointers.
pub(super) struct Pointers {
    pub(super) x: *const f32,
    pub(super) batch: usize,
    /// Null for none.
    pub(super) bias: *const f32,
    pub(super) activation: i32,
    pub(super) clip: f32,
    pub(super) y: *mut f32,
}

/// The same, checked.
pub(super) struct Arguments<'a> {
    pub(super) x: &'a [f32],
    pub(super) batch: usize,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) act: Activation,
    pub(super) y: &'a mut [f32],
}

impl Pointers {
    /// The slices for a matrix of this shape.
    ///
    /// # Safety
    /// The pointers must lead to as many values as the shape and the batch call for, and `y` to no other's.
    pub(super) unsafe fn check<'a>(
        self,
        rows: usize,
        cols: usize,
    ) -> Result<Arguments<'a>, Failure> {
        let Self { x, batch, bias, activation, clip, y } = self;
        let act = activation_of(activation, clip)?;
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let x = input(x, length(batch, cols)?)?;
            let y = output(y, length(batch, rows)?)?;
            let bias = if bias.is_null() { None } else { Some(input(bias, rows)?) };
            Ok(Arguments { x, batch, bias, act, y })
        }
    }
}

/// The working memory of a handle.
///
/// # Safety
/// The handle must be null or this library's and in no other use.
pub(super) unsafe fn scratch<'a>(
    scratch: *mut StonechatScratch,
) -> Result<&'a mut Scratch, Failure> {
    // SAFETY: the caller's promise.
    let scratch = unsafe { scratch.as_mut() }.ok_or(Failure(STONECHAT_BAD_POINTER))?;
    Ok(&mut scratch.0)
}

/// The threads of a handle, none for null.
///
/// # Safety
/// The handle must be null or this library's.
pub(super) unsafe fn threads<'a>(pool: *const StonechatPool) -> Option<&'a dyn Pool> {
    // SAFETY: the caller's promise.
    unsafe { pool.as_ref() }.map(|pool| &pool.0 as &dyn Pool)
}
