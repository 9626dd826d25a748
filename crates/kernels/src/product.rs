//! Shared by all forms of a packed matrix: `y = act(W x + bias)` for a batch of vectors.

use crate::{Activation, Arena, Isa, Pool, Scratch, math};
use alloc::boxed::Box;
use core::fmt::Debug;
use core::ops::Range;

/// What is done to the sums of a product before they are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epilogue<'a> {
    /// Added to each result, one value per row.
    pub bias: Option<&'a [f32]>,
    /// Applied last.
    pub act: Activation,
}

impl Epilogue<'_> {
    /// The sums unchanged.
    pub const NONE: Self = Self { bias: None, act: Activation::None };

    /// The same for some rows of the matrix.
    pub(crate) fn of_rows(self, rows: Range<usize>) -> Self {
        Self { bias: self.bias.map(|bias| &bias[rows]), ..self }
    }

    /// Applies it in place to results of `rows` values each that were stored without it.
    ///
    /// # Panics
    /// If there is a bias whose length is not `rows`.
    pub fn apply(self, y: &mut [f32], rows: usize) {
        if let Some(bias) = self.bias {
            assert_eq!(bias.len(), rows, "Epilogue: `bias` must hold a value a row");
            for y in y.chunks_exact_mut(rows) {
                y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
            }
        }
        self.act.apply(y);
    }
}

impl Activation {
    /// Applies the function to every value, in place.
    pub fn apply(self, values: &mut [f32]) {
        match self {
            Self::None => {}
            Self::ClippedRelu(clip) => {
                for v in values {
                    *v = if *v > 0.0 { *v } else { 0.0 };
                    *v = if *v < clip { *v } else { clip };
                }
            }
            Self::Sigmoid => math::sigmoid(values),
            Self::Tanh => math::tanh(values),
        }
    }
}

/// Packed weights in memory: a matrix, or the matrices of a recurrent step. Implemented only by
/// types of this crate.
pub trait Packed: sealed::Sealed + Debug + Send + Sync {
    /// Bytes of the packed weights and associated data, padding included.
    fn bytes(&self) -> usize;

    /// The instruction set that multiplies them. (A Fourier transform chooses one by itself.)
    fn isa(&self) -> Isa;

    /// Moves the weights into an [`Arena`] shared by a whole model. If the arena is full, they stay
    /// where they are.
    fn move_into(&mut self, arena: &mut Arena);
}

/// A packed matrix `W` of any form. Implemented only by types of this crate.
///
/// The vectors of a batch follow one another: `x` is `batch x cols`, `y` is `batch x rows`. If the
/// weights are integers, each vector is quantized to 8 bits with its own scale (see
/// [`quantize_vector`](crate::quantize::quantize_vector)), and values in `x` that are not finite
/// count as 0. A product allocates only to grow `scratch`.
pub trait Product: Packed + sealed::Form {
    /// Rows of the matrix: elements of a result.
    fn rows(&self) -> usize {
        self.shape().0
    }

    /// Columns of the matrix: elements of an input vector.
    fn cols(&self) -> usize {
        self.shape().1
    }

    /// `y = act(W x + bias)` for `batch` vectors.
    ///
    /// # Panics
    /// If a slice has the wrong length for its shape.
    fn matmul(
        &self,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        act: Activation,
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        self.multiply(None, x, batch, Epilogue { bias, act }, scratch, y);
    }

    /// [`matmul`](Self::matmul) on the threads of a pool if given, with the same bits. If there are
    /// few weights (about 256 KiB), the calling thread does everything, because waking another
    /// would take longer.
    ///
    /// # Panics
    /// If a slice has the wrong length for its shape, or if the pool does not do what [`Pool::run`]
    /// requires.
    fn multiply(
        &self,
        pool: Option<&dyn Pool>,
        x: &[f32],
        batch: usize,
        epilogue: Epilogue<'_>,
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        check_lengths(self, batch, x.len(), y.len());
        if let Some(bias) = epilogue.bias {
            assert_eq!(bias.len(), self.rows(), "{}: `bias` must hold a value a row", self.name());
        }
        if batch > 0 {
            self.run(sealed::Call { pool, x, batch, epilogue, y }, scratch);
        }
    }
}

impl Clone for Box<dyn Product> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// Panics, naming the form, if the input does not have `batch x cols` or the output not `batch x
/// rows` elements.
#[track_caller]
pub(crate) fn check_lengths<P: Product + ?Sized>(
    product: &P,
    batch: usize,
    input: usize,
    output: usize,
) {
    let (rows, cols) = (product.rows(), product.cols());
    assert_eq!(
        Some(input),
        batch.checked_mul(cols),
        "{}: the input must be batch x cols = {batch} x {cols}",
        product.name()
    );
    assert_eq!(
        Some(output),
        batch.checked_mul(rows),
        "{}: the output must be batch x rows = {batch} x {rows}",
        product.name()
    );
}

/// Items that cannot be named, called or implemented outside the crate.
pub(crate) mod sealed {
    use super::{Epilogue, Product};
    use crate::{Pool, Scratch};
    use alloc::boxed::Box;

    /// Implemented only by types of this crate.
    pub trait Sealed {}

    /// A product with at least one vector whose slices have the right lengths.
    pub struct Call<'a> {
        /// Threads to use, if any.
        pub pool: Option<&'a dyn Pool>,
        /// `batch x cols`.
        pub x: &'a [f32],
        /// Vectors.
        pub batch: usize,
        /// A bias has one value per row.
        pub epilogue: Epilogue<'a>,
        /// `batch x rows`.
        pub y: &'a mut [f32],
    }

    /// What each form of matrix implements.
    pub trait Form: CloneBox {
        /// Rows and columns.
        fn shape(&self) -> (usize, usize);

        /// Multiplies.
        fn run(&self, call: Call<'_>, scratch: &mut Scratch);

        /// The name of the type, for messages.
        fn name(&self) -> &'static str {
            core::any::type_name::<Self>().rsplit("::").next().unwrap_or_default()
        }
    }

    /// `Clone` for boxed products.
    pub trait CloneBox {
        /// A copy.
        fn boxed(&self) -> Box<dyn Product>;
    }

    impl<P: Product + Clone + 'static> CloneBox for P {
        fn boxed(&self) -> Box<dyn Product> {
            Box::new(self.clone())
        }
    }
}
