//! Statistics of the inputs of a network's linear maps on real audio, for calibrated compression.

use crate::{Error, Result, name_above};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatRef, Par};
use std::collections::BTreeMap;
use stonechat_model::{Matrix, Network};

/// Vectors that are added at a time: enough to make a matrix product faster than vector products.
const BLOCK: usize = 256;

/// Mean and second moment of the inputs of a linear map, which determine the mean square error of
/// its output.
///
/// For `n` inputs of dimension `cols`, the columns of `X`, it holds `H = X X^T / n` and the mean.
/// Sums are in `f64`.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondMoment {
    vectors: u64,
    sum: Vec<f64>,
    /// Lower triangle of `X X^T`; the rest is zero.
    products: Mat<f64>,
}

impl SecondMoment {
    /// No inputs yet, of dimension `cols`.
    pub fn new(cols: usize) -> Self {
        Self { vectors: 0, sum: vec![0.0; cols], products: Mat::zeros(cols, cols) }
    }

    /// Dimension of the inputs.
    pub fn cols(&self) -> usize {
        self.sum.len()
    }

    /// Number of inputs seen.
    pub fn vectors(&self) -> u64 {
        self.vectors
    }

    /// Adds inputs, `vectors x cols`.
    ///
    /// # Errors
    /// If `x` contains a partial vector, or a value that is not finite; nothing is added then.
    pub fn add(&mut self, x: &[f32]) -> Result<()> {
        let cols = self.cols();
        if cols == 0 || !x.len().is_multiple_of(cols) {
            let reason = format!("{} values are not whole vectors of {cols}", x.len());
            return Err(Error::Calibration(reason));
        }
        if let Some(i) = x.iter().position(|x| !x.is_finite()) {
            let reason = format!("value {i} of the inputs is {}, must be finite", x[i]);
            return Err(Error::Calibration(reason));
        }
        for block in x.chunks(BLOCK * cols) {
            let wide: Vec<f64> = block.iter().map(|&x| f64::from(x)).collect();
            let vectors = wide.len() / cols;
            let x = MatRef::from_column_major_slice(&wide, cols, vectors);
            matmul(
                self.products.as_mut(),
                BlockStructure::TriangularLower,
                Accum::Add,
                x,
                BlockStructure::Rectangular,
                x.transpose(),
                BlockStructure::Rectangular,
                1.0,
                Par::Seq,
            );
            for x in wide.chunks_exact(cols) {
                for (sum, x) in self.sum.iter_mut().zip(x) {
                    *sum += x;
                }
            }
            self.vectors += vectors as u64;
        }
        Ok(())
    }

    /// The mean input, `cols` values; zeros without inputs.
    pub fn mean(&self) -> Vec<f64> {
        self.sum.iter().map(|sum| sum / self.count()).collect()
    }

    /// `H`, row-major `cols x cols`, symmetric; zeros without inputs.
    pub fn matrix(&self) -> Vec<f64> {
        let cols = self.cols();
        let pairs = (0..cols).flat_map(|i| (0..cols).map(move |j| (i.max(j), i.min(j))));
        pairs.map(|place| self.products[place] / self.count()).collect()
    }

    /// `H` plus `share` of its mean diagonal element on the diagonal.
    pub(crate) fn damped(&self, share: f64) -> Vec<f64> {
        let (cols, mut h) = (self.cols(), self.matrix());
        let power = (0..cols).map(|i| h[i * cols + i]).sum::<f64>() / cols as f64;
        (0..cols).for_each(|i| h[i * cols + i] += share * power);
        h
    }

    /// The moments of the inputs minus their mean.
    pub fn centred(&self) -> Self {
        let cols = self.cols();
        let lower = |i, j| {
            let spread = self.products[(i, j)] - self.sum[i] * self.sum[j] / self.count();
            // Rounding may give slightly less than zero if an input does not vary.
            if i == j { spread.max(0.0) } else { spread }
        };
        let products = Mat::from_fn(cols, cols, |i, j| if i < j { 0.0 } else { lower(i, j) });
        Self { vectors: self.vectors, sum: vec![0.0; cols], products }
    }

    /// The moments of the images `V x` of the inputs under a matrix: the inputs of the second
    /// factor `U` of a low-rank map `U V`. Uses the dense view of `V`.
    ///
    /// # Errors
    /// If `v` has another number of columns.
    pub fn image(&self, v: &Matrix) -> Result<Self> {
        if v.cols() != self.cols() {
            let (cols, wanted) = (v.cols(), self.cols());
            let reason = format!("inputs of {wanted} do not fit a matrix of {cols} columns");
            return Err(Error::Calibration(reason));
        }
        let dense: Vec<f64> = v.to_dense().into_iter().map(f64::from).collect();
        let v = MatRef::from_row_major_slice(&dense, v.rows(), v.cols());
        let lower = self.products.as_ref();
        let whole = Mat::from_fn(self.cols(), self.cols(), |i, j| lower[(i.max(j), i.min(j))]);
        let mut products = v * whole * v.transpose();
        for j in 0..products.ncols() {
            for i in 0..j {
                products[(i, j)] = 0.0;
            }
        }
        let sum = v * MatRef::from_column_major_slice(&self.sum, self.cols(), 1);
        Ok(Self {
            vectors: self.vectors,
            sum: (0..v.nrows()).map(|i| sum[(i, 0)]).collect(),
            products,
        })
    }

    fn count(&self) -> f64 {
        self.vectors.max(1) as f64
    }
}

/// The inputs of all maps of a network on some audio, by the names of the maps.
///
/// The caller runs the network and fills it in: the runtime shows the inputs of each map while it
/// recognises (`Model::logits_observed`). Inputs of a recurrent map are the states before each
/// frame, those of a convolution its patches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calibration {
    maps: BTreeMap<String, SecondMoment>,
}

impl Calibration {
    /// For the maps of `network`, without any inputs yet.
    pub fn new(network: &Network) -> Self {
        let maps = network.maps();
        let empty = maps.iter().map(|map| (map.name(), SecondMoment::new(map.map.cols())));
        Self { maps: empty.collect() }
    }

    /// Adds inputs of the map `name`, `vectors x cols`.
    ///
    /// # Errors
    /// If there is no such map, and those of [`SecondMoment::add`].
    pub fn add(&mut self, name: &str, x: &[f32]) -> Result<()> {
        let Some(moment) = self.maps.get_mut(name) else {
            return Err(Error::Calibration(format!("the network has no map `{name}`")));
        };
        moment.add(x).map_err(|error| match error {
            Error::Calibration(reason) => Error::Calibration(format!("{name}: {reason}")),
            other => other,
        })
    }

    /// The moments of the inputs of a map.
    ///
    /// # Errors
    /// If there are none, because there was no audio or it was run through another network.
    pub fn get(&self, name: &str) -> Result<&SecondMoment> {
        match self.maps.get(name) {
            Some(moment) if moment.vectors() > 0 => Ok(moment),
            _ => Err(Error::Calibration(format!(
                "there are no inputs of `{name}`: run calibration audio through this network first"
            ))),
        }
    }

    /// The inputs of the maps of `after`, which is the network of this calibration plus projections
    /// ([`shared_projection`](fn@crate::shared_projection)).
    ///
    /// # Errors
    /// If there are no inputs of a map.
    pub fn projected(&self, after: &Network) -> Result<Self> {
        let mut maps = self.maps.clone();
        let layers = after.recurrent.iter().enumerate();
        for (l, projection) in layers.filter_map(|(l, layer)| Some((l, layer.projection.as_ref()?)))
        {
            let name = after.config.recurrent_name(l);
            let proj = format!("{name}.proj");
            if maps.contains_key(&proj) {
                continue;
            }
            let p = Matrix::from_f32(projection.rows(), projection.cols(), projection.to_dense())?;
            let rec = format!("{name}.rec");
            maps.insert(proj, self.get(&rec)?.clone());
            for name in [rec, name_above(&after.config, l)] {
                let image = self.get(&name)?.image(&p)?;
                maps.insert(name, image);
            }
        }
        Ok(Self { maps })
    }
}
