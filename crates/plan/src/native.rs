//! The products with which a map of a family runs.

use serde::Serialize;
use stonechat_kernels::cost_model::{Form, Product};
use stonechat_model::{Family, FamilySpec, Rectangle};

use crate::{Machine, Use};

/// The form in which a map runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunForm {
    /// One matrix; a structured map is multiplied out.
    Dense,
    /// One matrix that stores only the blocks with weights.
    BlockSparse,
    /// Two thin matrices, one after the other.
    LowRank,
    /// A matrix of few bits plus a low-rank correction.
    Corrected,
    /// Squares that the Fourier transform makes diagonal.
    Fft,
    /// Blocks on the diagonal.
    Groups,
    /// Low rank, gate by gate: blocks on the diagonal after one matrix.
    GateFactors,
}

impl RunForm {
    /// Whether the map is one matrix in this form, with its gain inside.
    pub fn is_one_matrix(self) -> bool {
        matches!(self, Self::Dense | Self::BlockSparse)
    }

    /// Its name in `inspect`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::BlockSparse => "block_sparse",
            Self::LowRank => "low_rank",
            Self::Corrected => "corrected",
            Self::Fft => "fft",
            Self::Groups => "groups",
            Self::GateFactors => "gate_factors",
        }
    }
}

/// A number of products of one form (the cost model's name for a kernel).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    count: f64,
    form: Form,
    rows: usize,
    cols: usize,
}

impl Step {
    pub(crate) fn one(form: Form, rows: usize, cols: usize) -> Self {
        Self { count: 1.0, form, rows, cols }
    }
}

/// Seconds per frame of logits that these products take if `others` bytes are read between two of
/// them.
pub(crate) fn seconds(steps: &[Step], uses: &[Use], machine: &Machine, others: usize) -> f64 {
    let call = |batch: usize| -> f64 {
        let steps = steps.iter().map(|&Step { count, form, rows, cols }| {
            count * machine.predict(form, Product { rows, cols, batch, others })
        });
        steps.sum()
    };
    uses.iter().map(|each| each.per_frame * call(each.batch)).sum()
}

/// The products of a low-rank map whose factors are stored as `plain` says.
pub(crate) fn factors(plain: Form, rows: usize, cols: usize, rank: usize) -> Vec<Step> {
    match plain {
        Form::Int8 => vec![Step::one(Form::LowRank { rank }, rows, cols)],
        _ => vec![Step::one(plain, rows, rank), Step::one(plain, rank, cols)],
    }
}

/// The form in which a structured family runs without being multiplied out, and its products, if
/// there are any. `plain` is how its parts are stored.
pub(crate) fn native(spec: &FamilySpec, plain: Form) -> Option<(RunForm, Vec<Step>)> {
    of_family(spec.family(), plain, spec.rows(), spec.cols())
}

fn of_family(
    family: &Family,
    plain: Form,
    rows: usize,
    cols: usize,
) -> Option<(RunForm, Vec<Step>)> {
    let tiles = |rectangle: Rectangle, form: &dyn Fn(usize) -> Form| {
        let (count, n) = rectangle.tiles(rows, cols);
        (RunForm::Fft, vec![Step { count: count as f64, ..Step::one(form(n), n, n) }])
    };
    let like = |rectangle, rank| tiles(rectangle, &|_| Form::ToeplitzLike { rank });
    let circulant =
        |block| (RunForm::Fft, vec![Step::one(Form::BlockCirculant { block }, rows, cols)]);
    Some(match family {
        Family::ToeplitzLike(family) => like(family.rectangle, family.rank),
        Family::HankelLike(family) => like(family.rectangle, family.rank),
        Family::SkewCirculant(family) => {
            tiles(family.rectangle, &|block| Form::BlockCirculant { block })
        }
        Family::Circulant(family) => circulant(family.rectangle.tiles(rows, cols).1),
        Family::BlockCirculant(family) => circulant(family.block),
        Family::BlockDiagonal(family) => {
            (RunForm::Groups, vec![diagonal(plain, family.blocks, rows, cols)?])
        }
        Family::PerGate(stack) => match &*stack.of {
            Family::LowRank(family) => {
                let inner = stack.gates * family.rank;
                let second = diagonal(plain, stack.gates, rows, inner)?;
                (RunForm::GateFactors, vec![Step::one(plain, inner, cols), second])
            }
            Family::BlockDiagonal(family) => {
                (RunForm::Groups, vec![diagonal(plain, family.blocks, rows, cols)?])
            }
            of => {
                let (form, mut steps) = of_family(of, plain, rows / stack.gates, cols)?;
                steps.iter_mut().for_each(|step| step.count *= stack.gates as f64);
                (form, steps)
            }
        },
        _ => return None,
    })
}

/// Blocks on the diagonal; there is no such product for 4-bit weights.
fn diagonal(plain: Form, groups: usize, rows: usize, cols: usize) -> Option<Step> {
    match plain {
        Form::Int8 => Some(Step::one(Form::BlockDiagonal { groups }, rows, cols)),
        // The cost model knows block-diagonal matrices of int8 only. For floats, a dense matrix
        // with as few columns is close.
        Form::Float32 => Some(Step::one(plain, rows, cols.div_ceil(groups))),
        _ => None,
    }
}
