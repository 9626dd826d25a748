//! The lengths of the slices of a product, which are the same question for every form of matrix.

/// The slices of a product of a `rows x cols` matrix with `batch` vectors.
pub(crate) struct Lengths {
    /// Rows of the matrix.
    pub(crate) rows: usize,
    /// Columns of the matrix.
    pub(crate) cols: usize,
    /// Vectors.
    pub(crate) batch: usize,
}

impl Lengths {
    /// Panics in the name of `form` where the input has not `batch x cols` or the output not `batch x rows` elements.
    #[track_caller]
    pub(crate) fn check(&self, form: &str, input: usize, output: usize) {
        let Self { rows, cols, batch } = *self;
        assert_eq!(
            Some(input),
            batch.checked_mul(cols),
            "{form}: the input must be batch x cols = {batch} x {cols}"
        );
        assert_eq!(
            Some(output),
            batch.checked_mul(rows),
            "{form}: the output must be batch x rows = {batch} x {rows}"
        );
    }

    /// Panics in the name of `form` where there is a bias that has not a value a row.
    #[track_caller]
    pub(crate) fn check_bias(&self, form: &str, bias: Option<&[f32]>) {
        if let Some(bias) = bias {
            assert_eq!(bias.len(), self.rows, "{form}: `bias` must hold a value a row");
        }
    }
}
