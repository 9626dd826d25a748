//! A linear map packed for the processor, in the form that the run plan says: a sum of chains of
//! kernel products, for any family and any storage of its matrices.

mod groups;
mod spectral;
mod term;

use stonechat_kernels::{
    Activation, Epilogue, Error as KernelError, Isa, MatrixForm, Packed, PackedLowRank, Product,
    Scratch,
};
use stonechat_model::{LinearMap, Matrix};
use stonechat_plan::{RunForm, RunPlan, multiplied_out, weights};

use crate::Error;
use crate::trace::Trace;
use term::{Buffers, Term};

/// `y = f(W x + b)` over a batch of vectors, for any `W`.
pub(crate) struct PackedMap {
    name: String,
    rows: usize,
    cols: usize,
    /// `W` without the gain is the sum of these.
    terms: Vec<Term>,
    /// One factor for each output.
    gain: Option<Vec<f32>>,
}

/// Working memory for any number of maps; it grows to fit the largest one.
#[derive(Default)]
pub(crate) struct LinearScratch {
    pub(crate) kernel: Scratch,
    buffers: Buffers,
    /// Where the inputs of the maps are recorded, if an observer is set.
    pub(crate) trace: Option<Trace>,
}

impl LinearScratch {
    /// Records that `x` (whole vectors) is an input of the map `name`.
    pub(crate) fn observe(&mut self, name: &str, x: &[f32]) {
        if let Some(trace) = &mut self.trace {
            trace.record(name, x);
        }
    }
}

impl PackedMap {
    /// Packs the map that has this name in the plan.
    pub(crate) fn pack(name: &str, map: &LinearMap, plan: &RunPlan) -> Result<Self, Error> {
        let failed = |source| Error::Weight { map: name.to_owned(), source };
        Ok(Self {
            name: name.to_owned(),
            rows: map.rows(),
            cols: map.cols(),
            terms: terms(map, plan.form(name)).map_err(failed)?,
            // A matrix that was multiplied out already contains it.
            gain: map.gain().filter(|_| !plan.form(name).is_one_matrix()).map(<[f32]>::to_vec),
        })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// The weights, so that they can be moved.
    pub(crate) fn packed(&mut self) -> impl Iterator<Item = &mut dyn Packed> {
        self.terms.iter_mut().flat_map(Term::packed)
    }

    /// `x` is `batch x cols`, `y` is `batch x rows`, `bias` has `rows` values.
    pub(crate) fn matmul(
        &self,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        act: Activation,
        scratch: &mut LinearScratch,
        y: &mut [f32],
    ) {
        if batch == 0 {
            return;
        }
        let x = &x[..batch * self.cols];
        scratch.observe(&self.name, x);
        let LinearScratch { kernel, buffers, .. } = scratch;
        let epilogue = Epilogue { bias, act };
        if let ([term], None) = (&self.terms[..], &self.gain)
            && term.is_whole()
        {
            return term.store(x, batch, epilogue, kernel, buffers, y);
        }
        for (number, term) in self.terms.iter().enumerate() {
            match number == 0 && term.is_whole() {
                true => term.store(x, batch, Epilogue::NONE, kernel, buffers, y),
                false => {
                    if number == 0 {
                        y.fill(0.0);
                    }
                    term.add(x, batch, kernel, buffers, y);
                }
            }
        }
        if let Some(gain) = &self.gain {
            for y in y.chunks_exact_mut(self.rows) {
                y.iter_mut().zip(gain).for_each(|(y, gain)| *y *= gain);
            }
        }
        epilogue.apply(y, self.rows);
    }
}

/// The terms of a map in a form. If the map cannot have that form (no plan of its network asks for
/// it), it is multiplied out.
fn terms(map: &LinearMap, form: RunForm) -> Result<Vec<Term>, KernelError> {
    let whole = |product| vec![Term::whole(vec![product])];
    let terms = match (form, map.parts()) {
        (RunForm::BlockSparse, _) => {
            let matrix = multiplied_out(map);
            let (weights, rows, cols) = (weights(&matrix), matrix.rows(), matrix.cols());
            let packed = MatrixForm::BlockSparse.pack(Isa::detect(), weights, rows, cols);
            packed.map(|packed| packed.map(whole))
        }
        (RunForm::LowRank, [u, v]) => Some(low_rank(u, v).map(whole)),
        (RunForm::Corrected, [q, u, v]) => {
            let both = dense(q).and_then(|q| Ok([q, low_rank(u, v)?]));
            Some(both.map(|both| both.map(|product| Term::whole(vec![product])).into()))
        }
        (RunForm::Fft, _) => spectral::terms(map),
        (RunForm::Groups | RunForm::GateFactors, _) => groups::terms(map),
        _ => None,
    };
    terms.unwrap_or_else(|| dense(&multiplied_out(map)).map(whole))
}

fn dense(matrix: &Matrix) -> Result<Box<dyn Product>, KernelError> {
    MatrixForm::pack_dense(Isa::detect(), weights(matrix), matrix.rows(), matrix.cols())
}

fn low_rank(u: &Matrix, v: &Matrix) -> Result<Box<dyn Product>, KernelError> {
    let packed = PackedLowRank::pack(weights(u), weights(v), u.rows(), v.rows(), v.cols())?;
    Ok(Box::new(packed))
}
