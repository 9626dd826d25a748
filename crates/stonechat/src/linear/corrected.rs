//! Maps of few bits with a low-rank correction: two products, added.

use stonechat_kernels::{Activation, Error, Packed, PackedLowRank, Product, Scratch};
use stonechat_model::{Family, LinearMap};

use super::{pack, weights};

/// `y = (Q + U V) x`.
pub(super) struct Corrected {
    q: Box<dyn Product>,
    correction: PackedLowRank,
}

impl Corrected {
    /// `None` if the map is of another family.
    pub(super) fn pack(map: &LinearMap) -> Option<Result<Self, Error>> {
        let (Family::Corrected(_), [q, u, v]) = (map.family(), map.parts()) else {
            return None;
        };
        let correction = PackedLowRank::pack(weights(u), weights(v), u.rows(), v.rows(), v.cols());
        Some(pack(q).and_then(|q| Ok(Self { q, correction: correction? })))
    }

    /// `addend` is working memory.
    pub(super) fn multiply(
        &self,
        x: &[f32],
        batch: usize,
        scratch: &mut Scratch,
        addend: &mut Vec<f32>,
        y: &mut [f32],
    ) {
        addend.resize(y.len(), 0.0);
        self.correction.matmul(x, batch, None, Activation::None, scratch, addend);
        self.q.matmul(x, batch, None, Activation::None, scratch, y);
        y.iter_mut().zip(addend).for_each(|(y, addend)| *y += *addend);
    }

    pub(super) fn packed(&mut self) -> Vec<&mut dyn Packed> {
        vec![&mut *self.q, &mut self.correction]
    }
}
