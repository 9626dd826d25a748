//! Matrices as stored: float, int8 with one scale per row, or int4 with a scale per group of 32
//! columns.

use crate::{Error, Result};

/// Columns of an int4 matrix that share a scale; the last group of a row may be shorter.
pub const INT4_GROUP: usize = 32;

/// A row-major `rows x cols` matrix.
///
/// The fields are public so that trainers and runtimes can build and take apart matrices freely.
/// The constructors and [`Matrix::validate`] check them.
#[derive(Debug, Clone, PartialEq)]
pub enum Matrix {
    /// 32-bit floats.
    F32 {
        /// Rows.
        rows: usize,
        /// Columns.
        cols: usize,
        /// `rows * cols` finite values.
        data: Vec<f32>,
    },
    /// Signed bytes in -127..=127; element `(i, j)` stands for `scales[i] * data[i * cols + j]`.
    Int8 {
        /// Rows.
        rows: usize,
        /// Columns.
        cols: usize,
        /// `rows * cols` values.
        data: Vec<i8>,
        /// One finite, non-negative scale per row.
        scales: Vec<f32>,
    },
    /// Half bytes in -8..=7 in groups of [`INT4_GROUP`] columns; element `(i, j)` stands for
    /// `scales[i] * group_scales[i * groups + j / 32] * data[i * cols + j]`. In a package two of
    /// them share a byte.
    Int4 {
        /// Rows.
        rows: usize,
        /// Columns.
        cols: usize,
        /// `rows * cols` values, each in -8..=7.
        data: Vec<i8>,
        /// `rows * groups` scales in units of the row's, of either sign; `groups` is `ceil(cols /
        /// 32)`.
        group_scales: Vec<i8>,
        /// One finite, non-negative scale per row.
        scales: Vec<f32>,
    },
}

impl Matrix {
    /// A float matrix.
    ///
    /// # Errors
    /// If `data` does not hold `rows * cols` finite values.
    pub fn from_f32(rows: usize, cols: usize, data: Vec<f32>) -> Result<Self> {
        let matrix = Matrix::F32 { rows, cols, data };
        matrix.validate("matrix").map(|()| matrix)
    }

    /// An int8 matrix.
    ///
    /// # Errors
    /// If the lengths do not fit, a value is -128, or a scale is negative or not finite.
    pub fn from_int8(rows: usize, cols: usize, data: Vec<i8>, scales: Vec<f32>) -> Result<Self> {
        let matrix = Matrix::Int8 { rows, cols, data, scales };
        matrix.validate("matrix").map(|()| matrix)
    }

    /// An int4 matrix.
    ///
    /// # Errors
    /// If the lengths do not fit, a value is outside of -8..=7, or a row's scale is negative or not
    /// finite.
    pub fn from_int4(
        rows: usize,
        cols: usize,
        data: Vec<i8>,
        group_scales: Vec<i8>,
        scales: Vec<f32>,
    ) -> Result<Self> {
        let matrix = Matrix::Int4 { rows, cols, data, group_scales, scales };
        matrix.validate("matrix").map(|()| matrix)
    }

    /// Rows: outputs.
    pub fn rows(&self) -> usize {
        match self {
            Matrix::F32 { rows, .. } | Matrix::Int8 { rows, .. } | Matrix::Int4 { rows, .. } => {
                *rows
            }
        }
    }

    /// Columns: inputs.
    pub fn cols(&self) -> usize {
        match self {
            Matrix::F32 { cols, .. } | Matrix::Int8 { cols, .. } | Matrix::Int4 { cols, .. } => {
                *cols
            }
        }
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.rows() * self.cols()
    }

    /// Number of weights that a package stores: all elements, or the nonzero ones of a
    /// [sparse](Self::is_sparse) matrix.
    pub fn params(&self) -> usize {
        if self.is_sparse() { self.nonzeros() } else { self.elements() }
    }

    /// Whether a quarter or more of the elements are zero, so that a package stores one bit for
    /// each element plus the nonzero values. Never true for int4, whose elements are hardly larger
    /// than a bit.
    pub fn is_sparse(&self) -> bool {
        !matches!(self, Matrix::Int4 { .. }) && 4 * self.nonzeros() <= 3 * self.elements()
    }

    /// Number of nonzero elements.
    pub fn nonzeros(&self) -> usize {
        match self {
            Matrix::F32 { data, .. } => data.iter().filter(|w| **w != 0.0).count(),
            Matrix::Int8 { data, .. } | Matrix::Int4 { data, .. } => {
                data.iter().filter(|q| **q != 0).count()
            }
        }
    }

    /// Bytes of its values and scales in a package.
    pub fn bytes(&self) -> usize {
        // One bit for each element and one for the end of each row.
        let mask = if self.is_sparse() { self.rows() * (self.cols() / 8 + 1) } else { 0 };
        let params = self.params();
        match self {
            Matrix::F32 { .. } => 4 * params + mask,
            Matrix::Int8 { scales, .. } => params + 4 * scales.len() + mask,
            Matrix::Int4 { rows, cols, group_scales, scales, .. } => {
                rows * cols.div_ceil(2) + group_scales.len() + 4 * scales.len()
            }
        }
    }

    /// How the elements are stored: `f32`, `int8` or `int4`.
    pub fn storage(&self) -> &'static str {
        match self {
            Matrix::F32 { .. } => "f32",
            Matrix::Int8 { .. } => "int8",
            Matrix::Int4 { .. } => "int4",
        }
    }

    /// Whether the elements are int8.
    pub fn is_int8(&self) -> bool {
        matches!(self, Matrix::Int8 { .. })
    }

    /// Whether the elements are integers with scales, which cannot be changed further.
    pub fn is_quantized(&self) -> bool {
        !matches!(self, Matrix::F32 { .. })
    }

    /// Element `(row, col)`. Panics beyond the shape, as indexing does.
    pub fn at(&self, row: usize, col: usize) -> f32 {
        match self {
            Matrix::F32 { cols, data, .. } => data[row * cols + col],
            Matrix::Int8 { cols, data, scales, .. } => {
                scales[row] * f32::from(data[row * cols + col])
            }
            Matrix::Int4 { cols, data, group_scales, scales, .. } => {
                let group = row * cols.div_ceil(INT4_GROUP) + col / INT4_GROUP;
                let step = scales[row] * f32::from(group_scales[group]);
                step * f32::from(data[row * cols + col])
            }
        }
    }

    /// All elements as floats, `rows x cols`.
    pub fn to_dense(&self) -> Vec<f32> {
        match self {
            Matrix::F32 { data, .. } => data.clone(),
            Matrix::Int8 { cols, data, scales, .. } => {
                let rows = data.chunks_exact(*cols).zip(scales);
                rows.flat_map(|(row, scale)| row.iter().map(move |&q| scale * f32::from(q)))
                    .collect()
            }
            Matrix::Int4 { rows, cols, .. } => {
                (0..rows * cols).map(|i| self.at(i / cols, i % cols)).collect()
            }
        }
    }

    /// `y = W x` for `batch` vectors, slowly: `x` is `batch x cols`, the result `batch x rows`.
    /// Sums run in `f64` over the columns in order. Panics if `x` is too short.
    pub fn apply(&self, x: &[f32], batch: usize) -> Vec<f32> {
        let (rows, cols) = (self.rows(), self.cols());
        let dense = self.to_dense();
        let mut y = Vec::with_capacity(batch * rows);
        for x in x.chunks_exact(cols).take(batch) {
            for row in dense.chunks_exact(cols) {
                let products = row.iter().zip(x).map(|(&w, &x)| f64::from(w) * f64::from(x));
                y.push(products.sum::<f64>() as f32);
            }
        }
        assert_eq!(y.len(), batch * rows, "x holds fewer than {batch} vectors");
        y
    }

    /// Checks lengths and values.
    ///
    /// # Errors
    /// [`Error::Weight`] with `name`, and the index of the first bad value.
    pub fn validate(&self, name: &str) -> Result<()> {
        let (rows, cols) = (self.rows(), self.cols());
        let elements = rows.checked_mul(cols).filter(|&n| n > 0);
        let refuse = |reason: String| Err(Error::weight(name, reason));
        let Some(elements) = elements else {
            return refuse(format!("has the impossible shape {rows} x {cols}"));
        };
        let wrong_length = |what: &str, got: usize, wanted: usize| {
            refuse(format!("holds {got} {what} where {rows} x {cols} needs {wanted}"))
        };
        match self {
            Matrix::F32 { data, .. } => {
                if data.len() != elements {
                    return wrong_length("values", data.len(), elements);
                }
                if let Some(i) = data.iter().position(|x| !x.is_finite()) {
                    return refuse(format!("value {i} is {}, must be finite", data[i]));
                }
            }
            Matrix::Int8 { data, scales, .. } => {
                if data.len() != elements {
                    return wrong_length("values", data.len(), elements);
                }
                if let Some(i) = data.iter().position(|&q| q == i8::MIN) {
                    return refuse(format!("value {i} is -128, must be in -127..=127"));
                }
                check_scales(name, scales, rows, cols)?;
            }
            Matrix::Int4 { data, group_scales, scales, .. } => {
                if data.len() != elements {
                    return wrong_length("values", data.len(), elements);
                }
                let groups = rows * cols.div_ceil(INT4_GROUP);
                if group_scales.len() != groups {
                    return wrong_length("group scales", group_scales.len(), groups);
                }
                if let Some(i) = data.iter().position(|q| !(-8..=7).contains(q)) {
                    return refuse(format!("value {i} is {}, must be in -8..=7", data[i]));
                }
                check_scales(name, scales, rows, cols)?;
            }
        }
        Ok(())
    }
}

/// One scale per row, finite and not negative.
fn check_scales(name: &str, scales: &[f32], rows: usize, cols: usize) -> Result<()> {
    if scales.len() != rows {
        let reason = format!("holds {} scales where {rows} x {cols} needs {rows}", scales.len());
        return Err(Error::weight(name, reason));
    }
    match scales.iter().position(|s| !(s.is_finite() && *s >= 0.0)) {
        Some(i) => {
            let reason = format!("scale {i} is {}, must be finite and not negative", scales[i]);
            Err(Error::weight(name, reason))
        }
        None => Ok(()),
    }
}
