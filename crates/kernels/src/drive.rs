//! The loops around a kernel, the same for every instruction set and element type.
//!
//! A matrix is packed as panels of [`PANEL_ROWS`] rows, one after another in one stream. A kernel
//! multiplies one panel by a pass of a few vectors, as many as its registers hold, and leaves the
//! sums in a [`Tile`], from which a [`Store`](crate::epilogue::Store) takes them. The passes are
//! the inner loop, so that a panel comes from memory only once, whatever the batch.

use crate::epilogue::{Place, Store};
use crate::lanes::{IntegerLanes, Lanes, Scalar};
use crate::pool::Part;

/// Rows of a panel. The last panel of a matrix is padded with zeros.
pub(crate) const PANEL_ROWS: usize = 32;
/// The most vectors that any kernel processes at once.
pub(crate) const MAX_PASS: usize = 8;

/// The sums of one panel and one pass, `vectors x rows`.
#[repr(C, align(64))]
pub(crate) struct Tile<T>(pub(crate) [[T; PANEL_ROWS]; MAX_PASS]);

impl Tile<i32> {
    /// Puts the sums of `B` vectors, `R` registers each, at the rows starting at `first`.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    #[inline(always)]
    pub(crate) fn put<L: IntegerLanes, const B: usize, const R: usize>(
        &mut self,
        lanes: L,
        first: usize,
        sums: &[[L::I; R]; B],
    ) {
        for b in 0..B {
            for r in 0..R {
                lanes.store_integers(sums[b][r], &mut self.0[b][first + r * L::WIDTH..]);
            }
        }
    }
}

/// The packed weights of a matrix.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, W> {
    /// All panels, `panel_len` weights each.
    pub(crate) panels: &'a [W],
    /// Weights of a panel.
    pub(crate) panel_len: usize,
    /// Rows of the matrix, without padding.
    pub(crate) rows: usize,
}

impl<'a, W> Matrix<'a, W> {
    /// Some of the panels of a matrix.
    pub(crate) fn part(panels: &'a [W], panel_len: usize, part: &Part) -> Self {
        let range = part.panels.start * panel_len..part.panels.end * panel_len;
        Self { panels: &panels[range], panel_len, rows: part.rows.len() }
    }
}

/// A batch of vectors in the form for the kernel.
#[derive(Clone, Copy)]
pub(crate) struct Vectors<'a, X> {
    /// `batch x stride`, or longer.
    pub(crate) x: &'a [X],
    /// Elements from one vector to the next.
    pub(crate) stride: usize,
    /// How many vectors there are.
    pub(crate) batch: usize,
}

/// Calls `kernel(panel index, panel, vectors of the pass, how many, tile)` for every panel and pass
/// of at most `most` vectors.
///
/// Always inlined: in a function with target features it is compiled for them, including the
/// epilogue.
#[inline(always)]
pub(crate) fn drive<W, X, T: Copy + Default>(
    matrix: &Matrix<W>,
    vectors: &Vectors<X>,
    most: usize,
    store: &mut impl Store<T>,
    kernel: impl Fn(usize, &[W], &[X], usize, &mut Tile<T>),
) {
    drive_with(Scalar, matrix, vectors, most, store, kernel);
}

/// [`drive`] with an epilogue in the registers of `lanes`.
#[inline(always)]
pub(crate) fn drive_with<L: Lanes, W, X, T: Copy + Default>(
    lanes: L,
    matrix: &Matrix<W>,
    vectors: &Vectors<X>,
    most: usize,
    store: &mut impl Store<T>,
    kernel: impl Fn(usize, &[W], &[X], usize, &mut Tile<T>),
) {
    let mut tile = Tile([[T::default(); PANEL_ROWS]; MAX_PASS]);
    for_each_pass(
        matrix,
        vectors,
        most,
        #[inline(always)]
        |index, panel, pass, place| {
            kernel(index, panel, pass, place.width, &mut tile);
            store.store_with(lanes, place, &tile);
        },
    );
}

/// Calls `work(panel index, panel, vectors of the pass, where the results belong)` for every panel
/// and pass of at most `most` vectors.
#[inline(always)]
pub(crate) fn for_each_pass<W, X>(
    matrix: &Matrix<W>,
    vectors: &Vectors<X>,
    most: usize,
    mut work: impl FnMut(usize, &[W], &[X], Place),
) {
    for (index, panel) in matrix.panels.chunks_exact(matrix.panel_len).enumerate() {
        let row = index * PANEL_ROWS;
        let rows = PANEL_ROWS.min(matrix.rows - row);
        for_each_width(
            vectors.batch,
            most,
            #[inline(always)]
            |vector, width| {
                let pass = &vectors.x[vector * vectors.stride..(vector + width) * vectors.stride];
                work(index, panel, pass, Place { vector, width, row, rows });
            },
        );
    }
}

/// Calls `work(first vector, how many)` for passes of at most `most` vectors and of equal width: 9
/// vectors are 5 and 4, not 8 and a slow 1.
#[inline(always)]
pub(crate) fn for_each_width(batch: usize, most: usize, mut work: impl FnMut(usize, usize)) {
    let mut done = 0;
    while done < batch {
        let left = batch - done;
        let width = left.div_ceil(left.div_ceil(most));
        work(done, width);
        done += width;
    }
}
