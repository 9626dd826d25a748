//! A linear map with its weights: a family at a size, its parts, and optionally a gain for each
//! output.

use super::{Family, FamilySpec, PartSpec};
use crate::{Error, Matrix, Result};

/// Tensor of the gains of the outputs.
pub(crate) const GAIN: &str = "gain";

/// A linear map `y = W x` with `W = diag(gain) F(parts)` of `rows x cols`, where `F` is the family.
///
/// The gain comes from folding a batch normalisation after the map: most families do not stay
/// closed when their rows are scaled.
///
/// At rest, its parts are matrices; a trainer uses parameters, gradients or tensors in their place.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearMap<P = Matrix> {
    spec: FamilySpec,
    parts: Vec<P>,
    gain: Option<Vec<f32>>,
}

impl From<Matrix> for LinearMap {
    /// The dense map of the matrix; [`validate`](Self::validate) checks its values.
    fn from(weight: Matrix) -> Self {
        let spec = FamilySpec::unchecked(Family::dense(), weight.rows(), weight.cols());
        Self { spec, parts: vec![weight], gain: None }
    }
}

impl<P> LinearMap<P> {
    /// A map of the family and size in `spec`, with parts made by `part`.
    pub fn of_parts(spec: FamilySpec, part: impl FnMut(PartSpec) -> P) -> Self {
        let parts = spec.parts().into_iter().map(part).collect();
        Self { spec, parts, gain: None }
    }

    /// Family and size.
    pub fn spec(&self) -> &FamilySpec {
        &self.spec
    }

    /// Its family.
    pub fn family(&self) -> &Family {
        self.spec.family()
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.spec.rows()
    }

    /// Inputs.
    pub fn cols(&self) -> usize {
        self.spec.cols()
    }

    /// The largest rank of `W`: the inner size of a factorisation, otherwise mostly `min(rows,
    /// cols)`.
    pub fn rank(&self) -> usize {
        self.spec.rank()
    }

    /// Operations per input vector; a multiplication with its addition counts as two.
    pub fn flops(&self) -> usize {
        self.spec.flops()
    }

    /// Its parts, in the order of [`FamilySpec::parts`].
    pub fn parts(&self) -> &[P] {
        &self.parts
    }

    /// Its parts, mutable: [`validate`](Self::validate) checks the result.
    pub fn parts_mut(&mut self) -> &mut [P] {
        &mut self.parts
    }

    /// The parts, each with the last part of its tensor's name in a package.
    pub fn named_parts(&self) -> impl Iterator<Item = (&'static str, &P)> {
        self.spec.parts().into_iter().map(|part| part.name).zip(&self.parts)
    }

    /// The only part of a dense map.
    pub fn weight(&self) -> Option<&P> {
        match (self.family(), &self.parts[..]) {
            (Family::Dense(_), [weight]) => Some(weight),
            _ => None,
        }
    }

    /// `U` and `V` of a low-rank map.
    pub fn factors(&self) -> Option<(&P, &P)> {
        match (self.family(), &self.parts[..]) {
            (Family::LowRank(_), [u, v]) => Some((u, v)),
            _ => None,
        }
    }

    /// Factor of each output, stored beside the parts; `None` means all ones.
    pub fn gain(&self) -> Option<&[f32]> {
        self.gain.as_deref()
    }

    /// The same map with every part replaced by `f(part)`, for instance its quantized form.
    pub fn map_parts<Q>(&self, f: impl FnMut(&P) -> Q) -> LinearMap<Q> {
        let parts = self.parts.iter().map(f).collect();
        LinearMap { spec: self.spec.clone(), parts, gain: self.gain.clone() }
    }
}

impl LinearMap {
    /// A map of the family and size in `spec`, from its parts and an optional gain for each row.
    ///
    /// # Errors
    /// [`Error::Weight`] with `name` and the part, if the number of parts, a shape or a value is
    /// wrong.
    pub fn new(
        name: &str,
        spec: FamilySpec,
        parts: Vec<Matrix>,
        gain: Option<Vec<f32>>,
    ) -> Result<Self> {
        let map = Self { spec, parts, gain };
        map.validate(name).map(|()| map)
    }

    /// [`new`](Self::new) from the float values of the parts. `gain` scales the rows: inside the
    /// weights if the family allows it, otherwise beside them.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn from_values(
        name: &str,
        spec: FamilySpec,
        values: Vec<Vec<f32>>,
        gain: Option<&[f32]>,
    ) -> Result<Self> {
        let shapes = spec.parts();
        if values.len() != shapes.len() {
            return Err(wrong_count(name, values.len(), shapes.len()));
        }
        let parts = shapes.iter().zip(values);
        let parts = parts.map(|(s, data)| Matrix::F32 { rows: s.rows, cols: s.cols, data });
        let mut map = Self::new(name, spec, parts.collect(), None)?;
        if let Some(gain) = gain {
            map.scale_rows(gain)?;
            map.validate(name)?;
        }
        Ok(map)
    }

    /// Scales the rows of `W`: inside the weights if the family allows it, otherwise by the gain.
    ///
    /// # Errors
    /// If the number of factors is not the number of rows, or the weights to scale are integers.
    pub fn scale_rows(&mut self, factors: &[f32]) -> Result<()> {
        let name = self.family().name();
        let refuse = |reason: String| Err(Error::weight(name, reason));
        if factors.len() != self.rows() {
            return refuse(format!("has {} rows, not {}", self.rows(), factors.len()));
        }
        if !self.family().rule().gain_in_first_part() {
            let gain = self.gain.get_or_insert_with(|| vec![1.0; factors.len()]);
            gain.iter_mut().zip(factors).for_each(|(gain, factor)| *gain *= factor);
            return Ok(());
        }
        let Some(Matrix::F32 { cols, data, .. }) = self.parts.first_mut() else {
            return refuse("is quantized: its rows cannot be scaled any more".into());
        };
        for (row, factor) in data.chunks_exact_mut(*cols).zip(factors) {
            row.iter_mut().for_each(|w| *w *= factor);
        }
        Ok(())
    }

    /// A dense float map from a row-major `rows x cols` slice.
    ///
    /// # Errors
    /// If `data` does not hold `rows * cols` finite values.
    pub fn dense(rows: usize, cols: usize, data: Vec<f32>) -> Result<Self> {
        Matrix::from_f32(rows, cols, data).map(Self::from)
    }

    /// A low-rank float map from `u`, `rows x rank`, and `v`, `rank x cols`.
    ///
    /// # Errors
    /// If a factor has the wrong number of values or one that is not finite, or `rank` is larger
    /// than the smaller side.
    pub fn low_rank(
        rows: usize,
        cols: usize,
        rank: usize,
        u: Vec<f32>,
        v: Vec<f32>,
    ) -> Result<Self> {
        Self::of_factors(Matrix::from_f32(rows, rank, u)?, Matrix::from_f32(rank, cols, v)?)
    }

    /// The low-rank map `U V`.
    ///
    /// # Errors
    /// If the factors do not fit each other, or their inner size is larger than the smaller side.
    pub fn of_factors(u: Matrix, v: Matrix) -> Result<Self> {
        let name = "low_rank";
        let spec = FamilySpec::new(name, Family::low_rank(u.cols()), u.rows(), v.cols())?;
        Self::new(name, spec, vec![u, v], None)
    }

    /// Whether any of its weights are integers.
    pub fn is_quantized(&self) -> bool {
        self.parts.iter().any(Matrix::is_quantized)
    }

    /// How its parts are stored: `f32`, `int8` or `int4`, or several of them joined by `+`.
    pub fn storage(&self) -> String {
        let mut storages: Vec<&str> = self.parts.iter().map(Matrix::storage).collect();
        storages.dedup();
        storages.join("+")
    }

    /// Number of stored weights, gains included.
    pub fn params(&self) -> usize {
        let gain = self.gain.as_ref().map_or(0, Vec::len);
        gain + self.parts.iter().map(Matrix::params).sum::<usize>()
    }

    /// Bytes in a package, scales and gains included.
    pub fn bytes(&self) -> usize {
        let gain = self.gain.as_ref().map_or(0, |gain| 4 * gain.len());
        gain + self.parts.iter().map(Matrix::bytes).sum::<usize>()
    }

    /// `W` as floats, row-major `rows x cols`.
    pub fn to_dense(&self) -> Vec<f32> {
        let values: Vec<Vec<f32>> = self.parts.iter().map(Matrix::to_dense).collect();
        let parts: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
        let mut dense = self.spec.to_dense(&parts);
        if let Some(gain) = &self.gain {
            for (row, gain) in dense.chunks_exact_mut(self.cols()).zip(gain) {
                row.iter_mut().for_each(|w| *w *= gain);
            }
        }
        dense
    }

    /// The dense view as a matrix: for a dense map its own, as stored; otherwise floats.
    pub fn to_matrix(&self) -> Matrix {
        self.weight().cloned().unwrap_or_else(|| Matrix::F32 {
            rows: self.rows(),
            cols: self.cols(),
            data: self.to_dense(),
        })
    }

    /// `y = W x` for `batch` vectors, slowly: `x` is `batch x cols`, the result `batch x rows`. Low
    /// rank uses its factors, other families their dense view. Panics if `x` is too short.
    pub fn apply(&self, x: &[f32], batch: usize) -> Vec<f32> {
        match self.factors() {
            Some((u, v)) => u.apply(&v.apply(x, batch), batch),
            None => self.to_matrix().apply(x, batch),
        }
    }

    /// Checks that all parts are present with the family's shapes at this size, and every value.
    ///
    /// # Errors
    /// [`Error::Weight`] names `name` with the part at fault.
    pub fn validate(&self, name: &str) -> Result<()> {
        let wanted = self.spec.parts();
        if wanted.len() != self.parts.len() {
            return Err(wrong_count(name, self.parts.len(), wanted.len()));
        }
        for (wanted, part) in wanted.iter().zip(&self.parts) {
            let name = format!("{name}.{}", wanted.name);
            part.validate(&name)?;
            let shape = (part.rows(), part.cols());
            if shape != (wanted.rows, wanted.cols) {
                let reason = format!(
                    "is {} x {}, {} of {} x {} needs {} x {}",
                    shape.0,
                    shape.1,
                    self.family().name(),
                    self.rows(),
                    self.cols(),
                    wanted.rows,
                    wanted.cols
                );
                return Err(Error::weight(name, reason));
            }
        }
        let Some(gain) = &self.gain else { return Ok(()) };
        let name = format!("{name}.{GAIN}");
        if self.family().rule().gain_in_first_part() {
            let reason = format!("belongs into the weights of a {} map", self.family().name());
            return Err(Error::weight(name, reason));
        }
        if gain.len() != self.rows() {
            let reason = format!("has {} values, must have {}", gain.len(), self.rows());
            return Err(Error::weight(name, reason));
        }
        match gain.iter().find(|g| !g.is_finite()) {
            Some(g) => Err(Error::weight(name, format!("has the value {g}, must be finite"))),
            None => Ok(()),
        }
    }
}

fn wrong_count(name: &str, has: usize, wanted: usize) -> Error {
    Error::weight(name, format!("has {has} parts, not {wanted}"))
}
