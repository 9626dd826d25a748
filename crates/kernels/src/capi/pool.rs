//! Threads, scratch memory.

use super::status::{Failure, STONECHAT_NO_THREAD, free, give_new, guard};
use crate::{Scratch, ThreadPool};

/// Working memory of products: one call at a time, any number of matrices.
pub struct StonechatScratch(pub(super) Scratch);

/// Threads that wait for large products.
pub struct StonechatPool(pub(super) ThreadPool);

/// Makes a scratch, which grows to fit the largest product.
///
/// # Safety
/// `out` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_scratch_new(out: *mut *mut StonechatScratch) -> i32 {
    // SAFETY: the caller's promise.
    guard(|| unsafe { give_new(out, || Ok(StonechatScratch(Scratch::new()))) })
}

/// Frees a scratch. Null is allowed.
///
/// # Safety
/// The scratch must come from `stonechat_scratch_new`, not be in use, and not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_scratch_free(scratch: *mut StonechatScratch) {
    // SAFETY: the caller's promise.
    unsafe { free(scratch) }
}

/// Starts threads: `threads` of them work on a large product, including the caller's.
///
/// # Safety
/// `out` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_pool_new(threads: usize, out: *mut *mut StonechatPool) -> i32 {
    let make = || match ThreadPool::new(threads) {
        Ok(pool) => Ok(StonechatPool(pool)),
        Err(_) => Err(Failure(STONECHAT_NO_THREAD)),
    };
    // SAFETY: the caller's promise.
    guard(|| unsafe { give_new(out, make) })
}

/// Ends the threads of a pool. Null is allowed.
///
/// # Safety
/// The pool must come from `stonechat_pool_new`, not be in use, and not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_pool_free(pool: *mut StonechatPool) {
    // SAFETY: the caller's promise.
    unsafe { free(pool) }
}
