//! What every family of linear maps provides, and a family at a size.

use super::Family;
use crate::{Error, Result};

/// Name and shape of one matrix that a family is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartSpec {
    /// The last part of its tensor's name.
    pub name: &'static str,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
}

/// What a family provides, one file each. `check` has accepted the sizes before any other method is
/// called. `parts` are the values of [`parts`](Self::parts), in that order, row-major.
pub(super) trait Rule {
    /// Whether it can make a matrix of this size; if not, why.
    fn check(&self, rows: usize, cols: usize) -> std::result::Result<(), String>;
    /// The matrices that make up a map.
    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec>;
    /// `W`, row-major. Sums run in `f64`.
    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32>;
    /// The adjoint of `to_dense` at `parts`: turns `dL/dW` into `dL/dpart` for every part.
    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>>;
    /// Operations per input vector; a multiplication with its addition counts as two.
    fn flops(&self, rows: usize, cols: usize) -> usize;
    /// Standard deviation of each part's independent entries that gives the entries of `W` the
    /// deviation `sigma`.
    fn deviations(&self, rows: usize, cols: usize, sigma: f64) -> Vec<f64>;
    /// The largest ordinary rank of `W`.
    fn rank(&self, rows: usize, cols: usize) -> usize {
        rows.min(cols)
    }
    /// Parts close to `w` (row-major), where a fit starts or ends. By default the values have no
    /// structure.
    fn nearest(&self, rows: usize, cols: usize, w: &[f32], _: Truncate<'_>) -> Option<Nearest> {
        let square = w.iter().map(|&w| f64::from(w) * f64::from(w)).sum::<f64>() / w.len() as f64;
        let parts = self.parts(rows, cols);
        let deviations = self.deviations(rows, cols, square.sqrt());
        let parts =
            parts.iter().zip(deviations).map(|(part, deviation)| scattered(part, deviation));
        Some(Nearest { parts: parts.collect(), exact: false })
    }
    /// See [`FamilySpec::displacements`].
    fn displacements(&self, _: usize, _: usize, _: &[f32]) -> Vec<Displacement> {
        Vec::new()
    }
    /// Changes values so that they are valid parts, for families that do not allow all values.
    fn admit(&self, _rows: usize, _cols: usize, _parts: &mut [Vec<f32>]) {}
    /// Whether the rows of `W` are scaled by scaling (and storing) the rows of the first part.
    fn gain_in_first_part(&self) -> bool {
        false
    }
}

/// Factors `rows x rank` and `rank x cols` of the best approximation of a matrix, given as `(w,
/// rows, cols, rank)`, because this crate has no decompositions. `None` if it fails.
pub(super) type Truncate<'a> = &'a mut dyn FnMut(&[f32], usize, usize, usize) -> Option<Factors>;

/// Two factors of a matrix, `rows x rank` and `rank x cols`.
pub type Factors = (Vec<f32>, Vec<f32>);

/// Parts of a family close to a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// Values of the parts, in the order of [`FamilySpec::parts`].
    pub parts: Vec<Vec<f32>>,
    /// Whether they are the closest in the Frobenius norm. Otherwise they are where a fit starts.
    pub exact: bool,
}

/// Values without structure, of the given deviation; the same for the same size.
fn scattered(part: &PartSpec, deviation: f64) -> Vec<f32> {
    // Multiples of the golden ratio fill an interval evenly and without visible order.
    let value = |i: usize| ((i as f64 * 0.618_033_988_749_895).fract() - 0.5) * 12f64.sqrt();
    (1..=part.rows * part.cols).map(|i| (value(i * i) * deviation) as f32).collect()
}

/// The displacement `G H^T` of one square of a matrix: what the operator of a family makes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Displacement {
    /// Side of the square.
    pub side: usize,
    /// `side x side`, row-major.
    pub values: Vec<f32>,
}

/// A [`Family`] at a size: a structured map without weights.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilySpec {
    family: Family,
    rows: usize,
    cols: usize,
}

impl FamilySpec {
    /// The family at `rows x cols`.
    ///
    /// # Errors
    /// [`Error::Weight`] with `name` if the family cannot make a matrix of that size.
    pub fn new(name: &str, family: Family, rows: usize, cols: usize) -> Result<Self> {
        crate::config::elements(name, 1, rows, cols)?;
        if rows == 0 || cols == 0 {
            return Err(Error::weight(name, format!("has the impossible shape {rows} x {cols}")));
        }
        family.rule().check(rows, cols).map_err(|reason| {
            let family = family.name();
            Error::weight(name, format!("{family} of {rows} x {cols}: {reason}"))
        })?;
        let spec = Self { family, rows, cols };
        for part in spec.parts() {
            crate::config::elements(&format!("{name}.{}", part.name), 1, part.rows, part.cols)?;
        }
        Ok(spec)
    }

    /// A size that is known to be possible.
    pub(super) fn unchecked(family: Family, rows: usize, cols: usize) -> Self {
        Self { family, rows, cols }
    }

    /// The family.
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The matrices that the map is made of.
    pub fn parts(&self) -> Vec<PartSpec> {
        self.family.rule().parts(self.rows, self.cols)
    }

    /// Number of weights.
    pub fn params(&self) -> usize {
        self.parts().iter().map(|part| part.rows * part.cols).sum()
    }

    /// Operations per input vector; a multiplication with its addition counts as two.
    pub fn flops(&self) -> usize {
        self.family.rule().flops(self.rows, self.cols)
    }

    /// The largest ordinary rank of `W`.
    pub fn rank(&self) -> usize {
        self.family.rule().rank(self.rows, self.cols)
    }

    /// `W`, row-major `rows x cols`, from the values of [`parts`](Self::parts). Panics if a part is
    /// too short.
    pub fn to_dense(&self, parts: &[&[f32]]) -> Vec<f32> {
        self.family.rule().to_dense(self.rows, self.cols, parts)
    }

    /// The gradient of a loss for each part, from its gradient `dw` for `W` (`rows x cols`), at
    /// `parts`. Panics if a part or `dw` is too short.
    pub fn gradient(&self, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        self.family.rule().gradient(self.rows, self.cols, parts, dw)
    }

    /// Parts close to `w` (`rows x cols`, row-major). `truncate` is called with `(matrix, rows,
    /// cols, rank)` and returns factors `rows x rank` and `rank x cols` of the closest matrix of
    /// that rank. Panics if `w` is too short.
    ///
    /// # Errors
    /// Those of `truncate`.
    pub fn nearest<E>(
        &self,
        w: &[f32],
        mut truncate: impl FnMut(&[f32], usize, usize, usize) -> std::result::Result<Factors, E>,
    ) -> std::result::Result<Nearest, E> {
        let mut failed = None;
        let mut truncate = |w: &[f32], rows, cols, rank| {
            truncate(w, rows, cols, rank).map_err(|error| failed = Some(error)).ok()
        };
        let rule = self.family.rule();
        let nearest = rule.nearest(self.rows, self.cols, w, &mut truncate);
        match (failed, nearest) {
            (Some(error), _) => Err(error),
            (None, nearest) => Ok(nearest.expect("nothing but `truncate` has no answer")),
        }
    }

    /// For families of low displacement rank, the displacement `G H^T` of every square that `w`
    /// (`rows x cols`, row-major, any matrix) is cut into, in the order of the parts; none for
    /// other families. Its rank is the smallest `rank` with which the family can represent the
    /// square. The rows of the parts `g` and `h` are vectors of a factorisation of it. Panics if
    /// `w` is too short.
    pub fn displacements(&self, w: &[f32]) -> Vec<Displacement> {
        self.family.rule().displacements(self.rows, self.cols, w)
    }

    /// Changes arbitrary values of the parts, as little as possible, so that they are valid for the
    /// family: a sparse matrix keeps its largest elements and zeroes the rest, most families allow
    /// all values. Panics if a part is too short.
    pub fn admit(&self, parts: &mut [Vec<f32>]) {
        self.family.rule().admit(self.rows, self.cols, parts);
    }

    /// For each part, the standard deviation of independent entries of mean 0 that gives the
    /// entries of `W` the standard deviation `sigma`. Maps are initialised with it.
    pub fn deviations(&self, sigma: f64) -> Vec<f64> {
        self.family.rule().deviations(self.rows, self.cols, sigma)
    }
}

/// A hyperparameter that must be from 1 to `most`.
pub(super) fn up_to(name: &str, value: usize, most: usize) -> std::result::Result<(), String> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{name} is {value}, must be in 1..={most}"))
}

/// There must be this many equal groups of rows and of columns.
pub(super) fn divides(blocks: usize, rows: usize, cols: usize) -> std::result::Result<(), String> {
    if blocks >= 1 && rows.is_multiple_of(blocks) && cols.is_multiple_of(blocks) {
        return Ok(());
    }
    Err(format!("blocks is {blocks}, must divide both sides"))
}

/// `values` as `f64`, for sums.
pub(super) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// Back to `f32`.
pub(super) fn narrow(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|v| v as f32).collect()
}
