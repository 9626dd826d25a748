//! What every family of linear maps can do, and a family at a size.

use super::Family;
use crate::{Error, Result};

/// Name and shape of one matrix that a family is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartSpec {
    /// Last part of its tensor's name.
    pub name: &'static str,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
}

/// What a family knows to do, one file each. Sizes have been checked by `check` before any other method is
/// called, and `parts` are the values of [`parts`](Self::parts), in that order, row-major.
pub(super) trait Rule {
    /// Can it make a matrix of this size? If not, why.
    fn check(&self, rows: usize, cols: usize) -> std::result::Result<(), String>;
    /// The matrices that it is made of.
    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec>;
    /// `W`, row-major. Sums run in `f64`.
    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32>;
    /// The adjoint of `to_dense` at `parts`: from `dL/dW` to `dL/dpart` for every part.
    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>>;
    /// Operations per input vector, a multiplication with its addition counting two.
    fn flops(&self, rows: usize, cols: usize) -> usize;
    /// Standard deviation of each part's independent entries that gives the entries of `W` deviation `sigma`.
    fn deviations(&self, rows: usize, cols: usize, sigma: f64) -> Vec<f64>;
    /// Largest ordinary rank that `W` can have.
    fn rank(&self, rows: usize, cols: usize) -> usize {
        rows.min(cols)
    }
    /// Parts near to `w`, row-major: where a fit begins, or ends. A family that has no better place begins at values
    /// without structure.
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
    /// Changes values so that they are parts of the family, where not all values are.
    fn admit(&self, _rows: usize, _cols: usize, _parts: &mut [Vec<f32>]) {}
    /// Are the rows of `W` scaled by scaling those of the first part, and stored so?
    fn gain_in_first_part(&self) -> bool {
        false
    }
}

/// Factors `rows x rank` and `rank x cols` of the best approximation of a matrix, given as `(w, rows, cols, rank)`: this
/// crate knows no decompositions. `None` where there is none.
pub(super) type Truncate<'a> = &'a mut dyn FnMut(&[f32], usize, usize, usize) -> Option<Factors>;

/// Two factors of a matrix, `rows x rank` and `rank x cols`.
pub type Factors = (Vec<f32>, Vec<f32>);

/// Parts of a family near to a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// Values of the parts, in the order of [`FamilySpec::parts`].
    pub parts: Vec<Vec<f32>>,
    /// Are they the nearest there are, in the Frobenius norm? Else they are where a fit begins.
    pub exact: bool,
}

/// Values without structure, of the given deviation. The same for the same size.
fn scattered(part: &PartSpec, deviation: f64) -> Vec<f32> {
    // Multiples of the golden ratio fill an interval evenly and without a visible order.
    let value = |i: usize| ((i as f64 * 0.618_033_988_749_895).fract() - 0.5) * 12f64.sqrt();
    (1..=part.rows * part.cols).map(|i| (value(i * i) * deviation) as f32).collect()
}

/// What the operator of a family leaves of one square of a matrix: `G H^T`.
#[derive(Debug, Clone, PartialEq)]
pub struct Displacement {
    /// Side of the square.
    pub side: usize,
    /// `side x side`, row-major.
    pub values: Vec<f32>,
}

/// A [`Family`] at a size: what a structured map is before it has weights.
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

    /// One that is known to be possible.
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

    /// Operations per input vector; a multiplication with its addition counts two.
    pub fn flops(&self) -> usize {
        self.family.rule().flops(self.rows, self.cols)
    }

    /// Largest ordinary rank that `W` can have.
    pub fn rank(&self) -> usize {
        self.family.rule().rank(self.rows, self.cols)
    }

    /// `W`, row-major `rows x cols`, from the values of [`parts`](Self::parts). Panics if a part is too short.
    pub fn to_dense(&self, parts: &[&[f32]]) -> Vec<f32> {
        self.family.rule().to_dense(self.rows, self.cols, parts)
    }

    /// The gradient of a loss in each part from its gradient `dw` in `W` (`rows x cols`), at `parts`.
    /// Panics if a part or `dw` is too short.
    pub fn gradient(&self, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        self.family.rule().gradient(self.rows, self.cols, parts, dw)
    }

    /// Parts near to `w` (`rows x cols`, row-major), with what `truncate` gives for `(matrix, rows, cols, rank)`: factors
    /// `rows x rank` and `rank x cols` of the matrix of that rank which is nearest. Panics if `w` is too short.
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

    /// For families of low displacement rank, the displacement `G H^T` of every square that `w` (`rows x cols`,
    /// row-major, any matrix) is cut into, in the order of the parts; none for other families. Its rank is the least
    /// `rank` with which the family holds the square, and the rows of the parts `g` and `h` are vectors of a
    /// factorisation of it. Panics if `w` is too short.
    pub fn displacements(&self, w: &[f32]) -> Vec<Displacement> {
        self.family.rule().displacements(self.rows, self.cols, w)
    }

    /// Changes arbitrary values of the parts so that they are the family's, by as little as can be: of a sparse matrix
    /// all but the largest elements become zero; most families admit all values. Panics if a part is too short.
    pub fn admit(&self, parts: &mut [Vec<f32>]) {
        self.family.rule().admit(self.rows, self.cols, parts);
    }

    /// For each part the standard deviation of independent entries of mean 0 that makes the entries of `W`
    /// have standard deviation `sigma`: how a map is initialised.
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

/// So many groups of rows and of columns must be possible.
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
