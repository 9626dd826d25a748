//! How square matrices make up a matrix of `rows x cols`.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How square structured matrices make up a matrix of `rows x cols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rectangle {
    /// Square blocks of the smaller side, side by side or one above the other, each with its own
    /// weights. The last is cut as in [`Pad`](Self::Pad) if the sides are not multiples of each
    /// other. Meant for stacked gates.
    #[default]
    Blocks,
    /// One square of the larger side, of which only the first rows and columns are used: the input
    /// is padded with zeros, the output is cut.
    Pad,
}

impl Rectangle {
    /// The number of square tiles that make up `rows x cols`, one above the other or side by side,
    /// and their side. The last may stick out.
    pub fn tiles(self, rows: usize, cols: usize) -> (usize, usize) {
        tiles(self, rows, cols)
    }
}

/// The number of square blocks that tile `rows x cols` (the last may stick out), and their side.
pub(super) fn tiles(rectangle: Rectangle, rows: usize, cols: usize) -> (usize, usize) {
    let (small, large) = (rows.min(cols), rows.max(cols));
    match rectangle {
        Rectangle::Blocks if large.is_multiple_of(small) => (large / small, small),
        _ => (1, large),
    }
}

/// Where row `i` of block `block` of side `n` lies in `W`, if it does.
pub(super) fn tile_row(block: usize, i: usize, n: usize, rows: usize, cols: usize) -> Range<usize> {
    let (top, left) = if rows >= cols { (block * n, 0) } else { (0, block * n) };
    if top + i >= rows {
        return 0..0;
    }
    let start = (top + i) * cols + left;
    start..start + n.min(cols - left)
}

/// Maps block `block` of side `n` to its place in `W`: calls `f(element of the tile, element of W)`
/// for every element that is in both.
pub(super) fn each_of_tile(
    block: usize,
    n: usize,
    rows: usize,
    cols: usize,
    mut f: impl FnMut(usize, usize),
) {
    for i in 0..n {
        for (j, to) in tile_row(block, i, n, rows, cols).enumerate() {
            f(i * n + j, to);
        }
    }
}

/// Operations of a real transform of length `n`, roughly.
pub(super) fn transform_flops(n: usize) -> usize {
    let log = (usize::BITS - n.leading_zeros()) as usize;
    5 * n * log / 2
}
