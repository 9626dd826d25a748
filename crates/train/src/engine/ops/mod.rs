//! The arithmetic of training over plain slices.
//!
//! Each file contains `forward` and `backward` of one layer, with shapes in comments, as in a
//! textbook; [`crate::engine::layers`] records them on a tape. All of them give the same bits for
//! any number of threads: work is divided independently of the number of threads, and partial sums
//! are added in a fixed order.

pub mod batch_norm;
pub mod buffers;
pub mod conv;
pub mod ctc;
pub mod distillation;
pub mod gram_ctc;
mod gru;
mod lstm;
pub mod matmul;
pub mod recurrence;
mod recurrent_product;
mod rnn;
pub mod rounding;
pub mod row_conv;
pub mod sequence_loss;
pub mod vectorise;

/// Adds partial gradients in order.
fn sum(partial: &[Vec<f32>], len: usize) -> Vec<f32> {
    let mut total = vec![0.0; len];
    for part in partial {
        for (t, p) in total.iter_mut().zip(part) {
            *t += p;
        }
    }
    total
}
