//! Linear maps in a step: dense, low rank `U V` (Kliegl et al. 2017, section 3), or any other
//! family by its dense view.

use stonechat_model::LinearMap;

use super::layers::{self, Recurrent};
use super::tape::Tensor;

/// How the maps of a net are multiplied.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// Whether vectors are rounded to int8 before they are multiplied.
    pub rounds: bool,
}

impl Linear {
    /// `y = W x` for every row of `x`.
    pub fn apply(&self, map: &LinearMap<Tensor>, x: &Tensor) -> Tensor {
        let x = &self.met(x);
        match map.factors() {
            Some((u, v)) if !self.multiplies_out(u, v, x.shape()[0]) => {
                layers::linear(&self.met(&layers::linear(x, v)), u)
            }
            _ => layers::linear(x, &self.weight(map)),
        }
    }

    /// `W` as one matrix that passes gradients to its parts.
    pub fn weight(&self, map: &LinearMap<Tensor>) -> Tensor {
        match (map.weight(), map.factors()) {
            (Some(weight), _) => weight.clone(),
            (_, Some((u, v))) => layers::product(u, v),
            _ => layers::dense_view(map.spec(), map.parts()),
        }
    }

    /// A recurrent map, for a recurrence over `rows` frames in total.
    pub fn recurrent(&self, map: &LinearMap<Tensor>, rows: usize) -> Recurrent {
        match map.factors() {
            Some((u, v)) => self.recurrent_of(u, v, rows),
            None => Recurrent::Dense(self.weight(map)),
        }
    }

    /// The recurrent map `left right`.
    pub fn recurrent_product(
        &self,
        left: &LinearMap<Tensor>,
        right: &LinearMap<Tensor>,
        rows: usize,
    ) -> Recurrent {
        self.recurrent_of(&self.weight(left), &self.weight(right), rows)
    }

    fn recurrent_of(&self, u: &Tensor, v: &Tensor, rows: usize) -> Recurrent {
        match self.multiplies_out(u, v, rows) {
            true => Recurrent::Dense(layers::product(u, v)),
            false => Recurrent::LowRank(u.clone(), v.clone()),
        }
    }

    /// Whether it is cheaper to multiply out `W = U V` before it is applied to `rows` vectors.
    /// Never if the vectors between the factors are rounded.
    fn multiplies_out(&self, u: &Tensor, v: &Tensor, rows: usize) -> bool {
        let ([m, r], [_, n]) = (u.shape(), v.shape());
        !self.rounds && r * (m + n) * rows > m * n * (rows + r)
    }

    /// The vectors to multiply: every row rounded to int8 if the net trains for that.
    fn met(&self, x: &Tensor) -> Tensor {
        if self.rounds { layers::round(x) } else { x.clone() }
    }
}
