//! How a structured map runs: by a product of its own, or multiplied out to a dense matrix.

use serde::Serialize;
use stonechat_kernels::MatrixForm;
use stonechat_kernels::cost_model::{self, Form, Product, Rate};
use stonechat_model::{Family, Kind, LinearMap, Matrix, Network, Rectangle};

use super::weights;
use crate::recognizer::MAX_TIME_BATCH;

/// The machine that decides unless another one is given: one core of an AMD EPYC (Zen 4), by
/// [`Calibration::measure`](cost_model::Calibration::measure). One for all, so that a model runs in the same forms, and
/// gives the same bits, wherever it is loaded.
pub const REFERENCE: cost_model::Calibration = cost_model::Calibration {
    bandwidths: [
        (262_144.0, 1.11e11),
        (2_097_152.0, 9.4e10),
        (12_582_912.0, 8.8e10),
        (67_108_864.0, 3.0e10),
    ],
    float32: Rate { per_weight: 2.2e-11, per_mac: 1.4e-11 },
    int8: Rate { per_weight: 5.1e-12, per_mac: 3.4e-12 },
    int4: Rate { per_weight: 1.9e-12, per_mac: 4.7e-12 },
    sparse: Rate { per_weight: 5.9e-12, per_mac: 3.4e-12 },
    per_input: 1.1e-10,
    per_row: 5.5e-12,
    per_output: 1.6e-10,
    per_call: 1.0e-7,
    transforms: [(64.0, 3.2e-8), (256.0, 1.65e-7), (1024.0, 8.0e-7), (4096.0, 3.7e-6)],
    per_bin: 4.9e-10,
};

/// How structured maps run. Results agree but for rounding.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum StructuredForms {
    /// What is the fastest by the cost model of a reference machine ([`REFERENCE`]), the same everywhere.
    #[default]
    Fastest,
    /// What is the fastest on the machine that was measured.
    FastestOn(Box<cost_model::Calibration>),
    /// Never multiplied out, where there is a product at all: the least memory.
    Smallest,
    /// Always multiplied out.
    Dense,
}

/// In which form a map runs, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunForm {
    /// `dense`, `block_sparse`, `low_rank`, `corrected` (few bits and a low-rank correction), `fft`, `groups` (blocks on
    /// the diagonal) or `gate_factors` (low rank, gate by gate).
    pub form: &'static str,
    /// Why, in a few words.
    pub reason: String,
}

impl StructuredForms {
    /// How every map of `network` runs, in the order of [`Network::maps`].
    pub fn of_network(&self, network: &Network) -> Vec<RunForm> {
        let maps = network.maps();
        let weights = maps.iter().map(|entry| entry.map.rows() * entry.map.cols()).sum();
        let batch = |kind| match kind {
            Kind::Recurrent | Kind::Projection => 1,
            _ => MAX_TIME_BATCH,
        };
        maps.iter().map(|entry| self.of(entry.map, batch(entry.kind), weights)).collect()
    }

    /// How `map` runs over `batch` vectors at a time in a network of `network_weights` weights.
    pub fn of(&self, map: &LinearMap, batch: usize, network_weights: usize) -> RunForm {
        if let Some(w) = map.weight() {
            return dense(w);
        }
        match map.family() {
            Family::LowRank(_) => return because("low_rank", "stored so"),
            Family::Corrected(_) if *self != StructuredForms::Dense => {
                return because(
                    "corrected",
                    "a matrix of few bits and a correction are read, not one of int8",
                );
            }
            _ => {}
        }
        let (rows, cols) = (map.rows(), map.cols());
        let int8 = map.is_quantised();
        let product = Product { rows, cols, batch, others: network_weights };
        let Some((form, steps)) = native(map.family(), product, int8) else {
            let reason = format!("{} has no product of its own", map.family().name());
            return because("dense", &reason);
        };
        let calibration = match self {
            StructuredForms::Smallest => return because(form, "memory counts"),
            StructuredForms::Dense => return because("dense", "asked for"),
            StructuredForms::Fastest => &REFERENCE,
            StructuredForms::FastestOn(calibration) => calibration,
        };
        let native: f64 = steps
            .iter()
            .map(|step| step.count * calibration.predict(step.form, step.product))
            .sum::<f64>();
        let plain = if int8 { Form::Int8 } else { Form::Float32 };
        let dense = calibration.predict(plain, product);
        let [of_native, of_dense] = [native, dense].map(|seconds| 1e6 * seconds);
        if native < dense {
            because(form, &format!("{of_native:.1} us, dense {of_dense:.1} us"))
        } else {
            because("dense", &format!("{of_dense:.1} us, {form} {of_native:.1} us"))
        }
    }
}

/// How a matrix that is stored as it is runs.
fn dense(w: &Matrix) -> RunForm {
    if MatrixForm::of(weights(w), w.rows(), w.cols()) == MatrixForm::BlockSparse {
        return because("block_sparse", "few of its blocks have weights");
    }
    because("dense", "stored so")
}

fn because(form: &'static str, reason: &str) -> RunForm {
    RunForm { form, reason: reason.to_owned() }
}

/// So many products of a form, the model's name for a kernel.
struct Step {
    count: f64,
    form: Form,
    product: Product,
}

/// The products that a family runs by, if it has some.
fn native(family: &Family, product: Product, int8: bool) -> Option<(&'static str, Vec<Step>)> {
    let Product { rows, cols, .. } = product;
    let one = |form, product| vec![Step { count: 1.0, form, product }];
    let tiles = |rectangle: Rectangle, form: fn(usize, usize) -> Form, rank| {
        let (count, n) = rectangle.tiles(rows, cols);
        let product = Product { rows: n, cols: n, ..product };
        ("fft", vec![Step { count: count as f64, form: form(rank, n), product }])
    };
    let like: fn(usize, usize) -> Form = |rank, _| Form::ToeplitzLike { rank };
    let round: fn(usize, usize) -> Form = |_, block| Form::BlockCirculant { block };
    // The model knows block-diagonal matrices of int8 only; as floats, one dense matrix of so few columns is near.
    let groups = |groups: usize, product: Product| match int8 {
        true => Step { count: 1.0, form: Form::BlockDiagonal { groups }, product },
        false => {
            let product = Product { cols: product.cols.div_ceil(groups), ..product };
            Step { count: 1.0, form: Form::Float32, product }
        }
    };
    Some(match family {
        Family::ToeplitzLike(family) => tiles(family.rectangle, like, family.rank),
        Family::HankelLike(family) => tiles(family.rectangle, like, family.rank),
        Family::SkewCirculant(family) => tiles(family.rectangle, round, 0),
        Family::Circulant(family) => {
            let (_, block) = family.rectangle.tiles(rows, cols);
            ("fft", one(Form::BlockCirculant { block }, product))
        }
        Family::BlockCirculant(family) => {
            ("fft", one(Form::BlockCirculant { block: family.block }, product))
        }
        Family::BlockDiagonal(family) => ("groups", vec![groups(family.blocks, product)]),
        Family::PerGate(stack) => match &*stack.of {
            Family::LowRank(family) => {
                let inner = stack.gates * family.rank;
                let plain = if int8 { Form::Int8 } else { Form::Float32 };
                let first =
                    Step { count: 1.0, form: plain, product: Product { rows: inner, ..product } };
                let second = groups(stack.gates, Product { cols: inner, ..product });
                ("gate_factors", vec![first, second])
            }
            Family::BlockDiagonal(family) => ("groups", vec![groups(family.blocks, product)]),
            of => {
                let gate = Product { rows: rows / stack.gates, ..product };
                let (form, mut steps) = native(of, gate, int8)?;
                steps.iter_mut().for_each(|step| step.count *= stack.gates as f64);
                (form, steps)
            }
        },
        _ => return None,
    })
}
