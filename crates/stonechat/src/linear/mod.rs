//! A linear map packed for the processor: every family of `stonechat_model::LinearMap`
//! and every storage of its matrices, behind one product.
//!
//! Structured maps have products of their own, one file a way of multiplying: [`spectral`], [`groups`] and
//! [`corrected`]. `choice.rs`
//! says when these are taken, and when the map is multiplied out to a dense matrix instead.

mod choice;
mod corrected;
mod groups;
mod spectral;

pub use choice::{REFERENCE, RunForm, StructuredForms};

use std::borrow::Cow;

use stonechat_kernels::quantize::quantize_rows;
use stonechat_kernels::{
    Activation, Isa, MatrixForm, Packed, PackedLowRank, Product, Recurrent, Scratch, Weights,
};
use stonechat_model::{LinearMap, Matrix, Network};

use crate::Error;
use crate::recognizer::MAX_TIME_BATCH;
use crate::trace::Trace;
use corrected::Corrected;
use groups::{Groups, GroupsScratch};
use spectral::{Spectral, SpectralScratch};

/// `y = f(W x + b)` over a batch of vectors, for any `W`.
pub(crate) struct PackedMap {
    name: String,
    form: Form,
    rows: usize,
    cols: usize,
}

enum Form {
    Dense(Box<dyn Product>),
    /// `W = u v`, applied right to left.
    LowRank(PackedLowRank),
    /// A product of a structured family's own, and the gain of each output.
    Own(Box<Own>, Option<Vec<f32>>),
}

#[allow(clippy::large_enum_variant)] // boxed as a whole
enum Own {
    Spectral(Spectral),
    Groups(Groups),
    Corrected(Corrected),
}

/// What decides in which form structured maps run.
pub(crate) struct Chooser<'a> {
    forms: &'a StructuredForms,
    network_weights: usize,
}

/// Working memory of any number of maps; grows to the largest and stays.
#[derive(Default)]
pub(crate) struct LinearScratch {
    pub(crate) kernel: Scratch,
    spectral: SpectralScratch,
    groups: GroupsScratch,
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
    pub(crate) fn pack(name: &str, map: &LinearMap, chooser: &Chooser<'_>) -> Result<Self, Error> {
        Self::pack_for(name, map, chooser, MAX_TIME_BATCH)
    }

    /// [`pack`](Self::pack) for products with `batch` vectors.
    pub(crate) fn pack_for(
        name: &str,
        map: &LinearMap,
        chooser: &Chooser<'_>,
        batch: usize,
    ) -> Result<Self, Error> {
        let form = if let Some(w) = map.weight() {
            self::pack(w).map(Form::Dense)
        } else if let Some((u, v)) = map.factors() {
            PackedLowRank::pack(weights(u), weights(v), u.rows(), v.rows(), v.cols())
                .map(Form::LowRank)
        } else {
            let own = chooser.has_own(map, batch).then(|| Own::pack(map)).flatten();
            let Some(own) = own else {
                return Self::pack(name, &executable(map), chooser);
            };
            own.map(|own| Form::Own(Box::new(own), map.gain().map(<[f32]>::to_vec)))
        };
        Ok(Self {
            name: name.to_string(),
            form: form.map_err(|source| Error::Weight { map: name.to_string(), source })?,
            rows: map.rows(),
            cols: map.cols(),
        })
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
            Form::Own(own, gain) => {
                own.multiply(&x[..batch * self.cols], batch, scratch, y);
                for y in y.chunks_exact_mut(self.rows) {
                    finish(y, gain.as_deref(), bias);
                }
                activation.apply(y);
            }
        }
    }
}

impl PackedMap {
    /// The weights, to be moved.
    pub(crate) fn packed(&mut self) -> Vec<&mut dyn Packed> {
        match &mut self.form {
            Form::Dense(w) => vec![&mut **w],
            Form::LowRank(w) => vec![w],
            Form::Own(own, _) => match &mut **own {
                Own::Groups(groups) => groups.packed(),
                Own::Corrected(corrected) => corrected.packed(),
                Own::Spectral(spectral) => spectral.packed(),
            },
        }
    }
}

impl Own {
    /// `None` where there is none.
    fn pack(map: &LinearMap) -> Option<Result<Self, stonechat_kernels::Error>> {
        let groups = Groups::pack(map).map(|groups| groups.map(Own::Groups));
        let corrected = || Corrected::pack(map).map(|corrected| corrected.map(Own::Corrected));
        groups
            .or_else(corrected)
            .or_else(|| Spectral::pack(map).map(|spectral| spectral.map(Own::Spectral)))
    }

    fn multiply(&self, x: &[f32], batch: usize, scratch: &mut LinearScratch, y: &mut [f32]) {
        let LinearScratch { kernel, spectral, groups, addend, .. } = scratch;
        match self {
            Own::Corrected(w) => w.multiply(x, batch, kernel, addend, y),
            Own::Groups(w) => w.multiply(x, batch, kernel, groups, y),
            Own::Spectral(w) => {
                let vectors = x.chunks_exact(x.len() / batch);
                for (x, y) in vectors.zip(y.chunks_exact_mut(y.len() / batch)) {
                    w.multiply(x, kernel, spectral, y);
                }
            }
        }
    }
}

impl<'a> Chooser<'a> {
    pub(crate) fn new(forms: &'a StructuredForms, network: &Network) -> Self {
        let maps = network.maps();
        let network_weights = maps.iter().map(|entry| entry.map.rows() * entry.map.cols()).sum();
        Self { forms, network_weights }
    }

    /// Does a product of its own pay for `map`, one that the kernels' recurrent steps do not have?
    pub(crate) fn has_own(&self, map: &LinearMap, batch: usize) -> bool {
        let form = self.forms.of(map, batch, self.network_weights).form;
        !matches!(form, "dense" | "low_rank")
    }
}

/// `y = gain y + bias`.
fn finish(y: &mut [f32], gain: Option<&[f32]>, bias: Option<&[f32]>) {
    if let Some(gain) = gain {
        y.iter_mut().zip(gain).for_each(|(y, gain)| *y *= gain);
    }
    if let Some(bias) = bias {
        y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
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
    if map.weight().is_some() || map.factors().is_some() {
        return Cow::Borrowed(map);
    }
    let (rows, cols, data) = (map.rows(), map.cols(), map.to_dense());
    Cow::Owned(LinearMap::from(match map.is_quantised() {
        true => {
            let (data, scales) = quantize_rows(&data, rows, cols);
            Matrix::Int8 { rows, cols, data, scales }
        }
        false => Matrix::F32 { rows, cols, data },
    }))
}

/// The map of a recurrent layer as the kernels take it, if it is [`executable`].
pub(crate) fn recurrent(map: &LinearMap) -> Option<Recurrent<'_>> {
    match map.factors() {
        Some((u, v)) => Some(Recurrent::LowRank { u: weights(u), v: weights(v), rank: v.rows() }),
        None => map.weight().map(|w| Recurrent::Dense(weights(w))),
    }
}

/// The product of two maps as the kernels take it, if both are plain matrices.
pub(crate) fn recurrent_factors<'a>(u: &'a LinearMap, v: &'a LinearMap) -> Option<Recurrent<'a>> {
    let (u, v) = (u.weight()?, v.weight()?);
    Some(Recurrent::LowRank { u: weights(u), v: weights(v), rank: v.rows() })
}

/// A matrix in the form that its storage and its zeros call for.
fn pack(matrix: &Matrix) -> Result<Box<dyn Product>, stonechat_kernels::Error> {
    let (weights, rows, cols) = (weights(matrix), matrix.rows(), matrix.cols());
    let form = MatrixForm::of(weights, rows, cols);
    form.pack(Isa::detect(), weights, rows, cols).expect("a form that was chosen for the matrix")
}
