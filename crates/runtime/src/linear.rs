//! A linear map packed for the processor: every family of `stonechat_model::LinearMap`
//! and every storage of its matrices, behind one product.

use std::borrow::Cow;

use stonechat_kernels::quantize::{Grouped, quantize_rows};
use stonechat_kernels::{
    self as kernels, Activation, Arena, BlockSparseI8, PackedF32, PackedI4, PackedI8,
    PackedLowRank, Recurrent, Scratch, Weights, blocks_with_weights, math,
};
use stonechat_model::{Family, LinearMap, Matrix, Structured};

use crate::Error;
use crate::trace::Trace;

/// `y = f(W x + b)` over a batch of vectors, for any `W`.
pub(crate) struct PackedMap {
    name: String,
    form: Form,
    rows: usize,
    cols: usize,
}

enum Form {
    Dense(Packed),
    /// `W = u v`, applied right to left.
    LowRank(PackedLowRank),
    Corrected(Corrected),
}

enum Packed {
    F32(PackedF32),
    I8(PackedI8),
    I4(PackedI4),
    BlockSparse(BlockSparseI8),
}

/// Share of the blocks of 32 rows by 4 columns up to which an int8 matrix is multiplied block by block. A block costs
/// what it costs in a dense matrix and its place beside it; the results are the same bits.
const MOST_BLOCKS: f64 = 0.7;

/// Working memory of any number of maps; grows to the largest and stays.
#[derive(Default)]
pub(crate) struct LinearScratch {
    pub(crate) kernel: Scratch,
    /// The second of two products that are added.
    addend: Vec<f32>,
    /// Where the inputs of the maps are noted down, if somebody observes them.
    pub(crate) trace: Option<Trace>,
}

impl LinearScratch {
    /// Notes that `x`, whole vectors, goes into the map `name`.
    pub(crate) fn observe(&mut self, name: &str, x: &[f32]) {
        if let Some(trace) = &mut self.trace {
            trace.record(name, x);
        }
    }
}

impl PackedMap {
    /// Packs `map`, which goes by `name` in errors.
    pub(crate) fn pack(name: &str, map: &LinearMap) -> Result<Self, Error> {
        let form = match map {
            LinearMap::Dense(w) => Packed::pack(w).map(Form::Dense),
            LinearMap::LowRank { u, v } => {
                PackedLowRank::pack(weights(u), weights(v), u.rows(), v.rows(), v.cols())
                    .map(Form::LowRank)
            }
            LinearMap::Structured(structured) => match Corrected::pack(structured) {
                Some(corrected) => corrected.map(Form::Corrected),
                None => return Self::pack(name, &executable(map)),
            },
        };
        Ok(Self {
            name: name.to_string(),
            form: form.map_err(|source| Error::Weight { map: name.to_string(), source })?,
            rows: map.rows(),
            cols: map.cols(),
        })
    }

    /// The weights, in the order in which they are read.
    pub(crate) fn packed(&mut self) -> &mut dyn kernels::Packed {
        match &mut self.form {
            Form::Dense(Packed::F32(w)) => w,
            Form::Dense(Packed::I8(w)) => w,
            Form::Dense(Packed::I4(w)) => w,
            Form::Dense(Packed::BlockSparse(w)) => w,
            Form::Corrected(w) => w,
            Form::LowRank(w) => w,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// `x` is `batch x cols`, `y` is `batch x rows`, `bias` has `rows` values.
    pub(crate) fn matmul(
        &self,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        activation: Activation,
        scratch: &mut LinearScratch,
        y: &mut [f32],
    ) {
        if batch == 0 {
            return;
        }
        scratch.observe(&self.name, &x[..batch * self.cols]);
        match &self.form {
            Form::Dense(w) => w.matmul(x, batch, bias, activation, &mut scratch.kernel, y),
            Form::LowRank(w) => w.matmul(x, batch, bias, activation, &mut scratch.kernel, y),
            Form::Corrected(w) => w.matmul(x, batch, bias, activation, scratch, y),
        }
    }
}

/// The matrix as the kernels take it.
fn weights(matrix: &Matrix) -> Weights<'_> {
    match matrix {
        Matrix::F32 { data, .. } => Weights::F32(data),
        Matrix::Int8 { data, scales, .. } => Weights::I8 { values: data, scales },
        Matrix::Int4 { data, group_scales, scales, .. } => {
            Weights::I4 { values: data, group_scales, scales }
        }
    }
}

/// The map as one that the kernels have a recurrent step of: dense and low rank as they are, any other family by its
/// dense view, which is quantised to int8 where the family's own parts are quantised.
pub(crate) fn executable(map: &LinearMap) -> Cow<'_, LinearMap> {
    let LinearMap::Structured(structured) = map else { return Cow::Borrowed(map) };
    let (rows, cols, data) = (map.rows(), map.cols(), map.to_dense());
    Cow::Owned(LinearMap::Dense(match structured.parts().iter().any(Matrix::is_quantised) {
        true => {
            let (data, scales) = quantize_rows(&data, rows, cols);
            Matrix::Int8 { rows, cols, data, scales }
        }
        false => Matrix::F32 { rows, cols, data },
    }))
}

/// Which blocks have weights, if so few have that it pays to go from one to the next.
fn few_blocks(data: &[i8], rows: usize, cols: usize) -> Option<Vec<bool>> {
    let kept = blocks_with_weights(data, rows, cols);
    let count = kept.iter().filter(|kept| **kept).count();
    (count as f64 <= MOST_BLOCKS * kept.len() as f64).then_some(kept)
}

/// Is the map multiplied in a form that the kernels' recurrent steps do not have?
pub(crate) fn has_own_form(map: &LinearMap) -> bool {
    if let LinearMap::Structured(map) = map
        && Corrected::parts(map).is_some()
    {
        return true;
    }
    match &*executable(map) {
        LinearMap::Dense(Matrix::Int8 { rows, cols, data, .. }) => {
            few_blocks(data, *rows, *cols).is_some()
        }
        _ => false,
    }
}

/// The map of a recurrent layer, [`executable`], as the kernels take it.
pub(crate) fn recurrent(map: &LinearMap) -> Recurrent<'_> {
    match map {
        LinearMap::Dense(w) => Recurrent::Dense(weights(w)),
        LinearMap::LowRank { u, v } => {
            Recurrent::LowRank { u: weights(u), v: weights(v), rank: v.rows() }
        }
        LinearMap::Structured(_) => unreachable!("callers make it executable first"),
    }
}

/// The product of two maps as the kernels take it, if both are plain matrices.
pub(crate) fn recurrent_factors<'a>(u: &'a LinearMap, v: &'a LinearMap) -> Option<Recurrent<'a>> {
    match (u, v) {
        (LinearMap::Dense(u), LinearMap::Dense(v)) => {
            Some(Recurrent::LowRank { u: weights(u), v: weights(v), rank: v.rows() })
        }
        _ => None,
    }
}

/// `W = q + u v`: two products, added.
struct Corrected {
    q: Packed,
    correction: PackedLowRank,
    rows: usize,
}

impl Corrected {
    /// `q`, `u` and `v`; `None` if the map is of another family, or has a gain, which would have to go into both
    /// products.
    fn parts(map: &Structured) -> Option<[&Matrix; 3]> {
        match (map.spec().family(), map.parts(), map.gain()) {
            (Family::Corrected(_), [q, u, v], None) => Some([q, u, v]),
            _ => None,
        }
    }

    fn pack(map: &Structured) -> Option<Result<Self, kernels::Error>> {
        let [q, u, v] = Self::parts(map)?;
        let correction = PackedLowRank::pack(weights(u), weights(v), u.rows(), v.rows(), v.cols());
        let both = Packed::pack(q).and_then(|q| Ok((q, correction?)));
        Some(both.map(|(packed, correction)| Self { q: packed, correction, rows: q.rows() }))
    }

    fn matmul(
        &self,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        activation: Activation,
        scratch: &mut LinearScratch,
        y: &mut [f32],
    ) {
        let LinearScratch { kernel, addend, .. } = scratch;
        addend.resize(batch * self.rows, 0.0);
        self.correction.matmul(x, batch, bias, Activation::None, kernel, addend);
        self.q.matmul(x, batch, None, Activation::None, kernel, y);
        y.iter_mut().zip(addend).for_each(|(y, addend)| *y += *addend);
        match activation {
            Activation::None => {}
            Activation::ClippedRelu(most) => y.iter_mut().for_each(|y| *y = y.clamp(0.0, most)),
            Activation::Sigmoid => math::sigmoid(y),
            Activation::Tanh => math::tanh(y),
        }
    }
}

impl kernels::Packed for Corrected {
    fn bytes(&self) -> usize {
        kernels::Packed::bytes(&self.correction) + self.q.bytes()
    }

    fn move_into(&mut self, arena: &mut Arena) {
        self.q.move_into(arena);
        self.correction.move_into(arena);
    }
}

impl Packed {
    fn bytes(&self) -> usize {
        match self {
            Packed::F32(w) => w.bytes(),
            Packed::I8(w) => w.bytes(),
            Packed::I4(w) => w.bytes(),
            Packed::BlockSparse(w) => w.bytes(),
        }
    }

    fn move_into(&mut self, arena: &mut Arena) {
        match self {
            Packed::F32(w) => w.move_into(arena),
            Packed::I8(w) => w.move_into(arena),
            Packed::I4(w) => w.move_into(arena),
            Packed::BlockSparse(w) => w.move_into(arena),
        }
    }

    fn pack(matrix: &Matrix) -> Result<Self, stonechat_kernels::Error> {
        match matrix {
            Matrix::F32 { rows, cols, data } => {
                PackedF32::pack(data, *rows, *cols).map(Packed::F32)
            }
            Matrix::Int8 { rows, cols, data, scales } => match few_blocks(data, *rows, *cols) {
                Some(kept) => {
                    BlockSparseI8::pack(data, scales, &kept, *rows, *cols).map(Packed::BlockSparse)
                }
                None => PackedI8::pack(data, scales, *rows, *cols).map(Packed::I8),
            },
            Matrix::Int4 { rows, cols, data, group_scales, scales } => PackedI4::pack(&Grouped {
                rows: *rows,
                cols: *cols,
                weights: data.clone(),
                group_scales: group_scales.clone(),
                row_scales: scales.clone(),
            })
            .map(Packed::I4),
        }
    }

    fn matmul(
        &self,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        activation: Activation,
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        match self {
            Packed::F32(w) => w.matmul(x, batch, bias, activation, y),
            Packed::I8(w) => w.matmul(x, batch, bias, activation, scratch, y),
            Packed::I4(w) => w.matmul(x, batch, bias, activation, scratch, y),
            Packed::BlockSparse(w) => w.matmul(x, batch, bias, activation, scratch, y),
        }
    }
}
