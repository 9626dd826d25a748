//! Shared by the forms of integer weights: vectors are quantized, multiplied in exact 32-bit
//! integers, and scaled at the end.

use crate::epilogue::{Output, Plain, RegisterStore, Scaled};
use crate::input::Input;
use crate::pool::{Part, Whole};
use crate::product::sealed::{Call, Form};
use crate::product::{Epilogue, check_lengths};
use crate::{Packed, Product, Scratch};
use core::ops::Range;

/// A form of integer weights with one float scale per row. Implemented only by types of this crate.
pub trait IntegerProduct: Product {
    /// `out = W x` in exact 32-bit integers, without row scales: `x` is `batch x cols` of 8-bit
    /// integers, `out` is `batch x rows`. (4-bit weights are multiplied by the scale of their
    /// group; with them -128 in `x`, which no quantizer gives, counts as -127.)
    ///
    /// Allocates only to grow `scratch`.
    ///
    /// # Panics
    /// If a slice has the wrong length for its shape.
    fn matmul_i32(&self, x: &[i8], batch: usize, scratch: &mut Scratch, out: &mut [i32]);
}

/// What each such form implements.
pub(crate) trait Integers: Packed + Clone + 'static {
    /// Rows and bytes of all panels; columns.
    fn whole(&self) -> (Whole, usize);

    /// One scale per row, padded to whole panels.
    fn scales(&self) -> &[f32];

    /// Puts the vectors into the form for the kernel.
    fn load(&self, input: Input<'_>, batch: usize, scratch: &mut Scratch);

    /// Multiplies the vectors that were loaded last by some panels.
    fn multiply_part<S: RegisterStore>(
        &self,
        part: &Part,
        batch: usize,
        scratch: &Scratch,
        store: &mut S,
    );
}

impl<W: Integers> Form for W {
    fn shape(&self) -> (usize, usize) {
        let (whole, cols) = self.whole();
        (whole.rows, cols)
    }

    fn run(&self, call: Call<'_>, scratch: &mut Scratch) {
        let Call { pool, x, batch, epilogue, y } = call;
        self.load(Input::Float(x), batch, scratch);
        let (whole, _) = self.whole();
        let (scratch, output) = (&*scratch, Output::new(y, whole.rows));
        whole.split(pool, |part| {
            // SAFETY: each row belongs to only one part.
            let output = unsafe { output.share(part.rows.start) };
            let (vector_scales, epilogue) =
                (scratch.scales.as_slice(), epilogue.of_rows(part.rows.clone()));
            let mut store = Scaled::of_part(&part, self.scales(), vector_scales, output, epilogue);
            self.multiply_part(&part, batch, scratch, &mut store);
        });
    }
}

impl<W: Integers> Product for W {}

impl<W: Integers> IntegerProduct for W {
    fn matmul_i32(&self, x: &[i8], batch: usize, scratch: &mut Scratch, out: &mut [i32]) {
        check_lengths(self, batch, x.len(), out.len());
        self.load(Input::Quantized(x), batch, scratch);
        let (whole, _) = self.whole();
        let (scratch, output) = (&*scratch, Output::new(out, whole.rows));
        whole.split(None, |part| {
            // SAFETY: each row belongs to only one part.
            let mut store = Plain { output: unsafe { output.share(part.rows.start) } };
            self.multiply_part(&part, batch, scratch, &mut store);
        });
    }
}

/// The rows of some panels times the vectors that were loaded last: `y` has `batch` vectors of
/// these rows, padding included.
pub(crate) fn multiply_panels<W: Integers>(
    weights: &W,
    panels: Range<usize>,
    batch: usize,
    scratch: &Scratch,
    y: &mut [f32],
) {
    let part = Part::padded(panels);
    let output = Output::new(y, part.rows.len());
    let vector_scales = scratch.scales.as_slice();
    let mut store = Scaled::of_part(&part, weights.scales(), vector_scales, output, Epilogue::NONE);
    weights.multiply_part(&part, batch, scratch, &mut store);
}
