//! Block-sparse 8-bit weights: the loop over panels, the same for every instruction set, and the
//! portable kernel.

use super::Blocks;
use crate::Scratch;
use crate::drive::{MAX_PASS, PANEL_ROWS, Tile};
use crate::epilogue::{Place, Store};
use crate::input::{Input, QUAD, Shape, load};
use crate::lanes::{Lanes, Scalar};

/// Bytes of a block: 32 rows of four columns.
pub(super) const BLOCK: usize = PANEL_ROWS * QUAD;

/// The stored blocks of 32 rows.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    /// The weights of its blocks.
    pub(super) blocks: &'a [[i8; BLOCK]],
    /// The column of each block, divided by 4; checked to be inside the vectors.
    pub(super) columns: &'a [u32],
    /// -128 times the sum of each row.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    // only VNNI stores activations plus 128
    pub(super) offsets: &'a [i32; PANEL_ROWS],
}

/// Calls `kernel(panel, vectors of the pass, how many, tile)` for every panel and pass of at most
/// `most` vectors.
#[inline(always)]
pub(super) fn drive<L: Lanes, X>(
    lanes: L,
    matrix: &Blocks,
    shape: Shape,
    x: &[X],
    most: usize,
    store: &mut impl Store<i32>,
    kernel: impl Fn(Panel, &[X], usize, &mut Tile<i32>),
) {
    let stride = shape.stride;
    let mut tile = Tile([[0; PANEL_ROWS]; MAX_PASS]);
    let (blocks, _) = matrix.weights.as_chunks::<BLOCK>();
    let (offsets, _) = matrix.offsets.as_chunks::<PANEL_ROWS>();
    let mut first = matrix.first;
    for (index, (&end, offsets)) in matrix.ends.iter().zip(offsets).enumerate() {
        let row = index * PANEL_ROWS;
        let panel =
            Panel { blocks: &blocks[first..end], columns: &matrix.columns[first..end], offsets };
        first = end;
        let mut done = 0;
        while done < shape.batch {
            let left = shape.batch - done;
            let width = left.div_ceil(left.div_ceil(most));
            let pass = &x[done * stride..(done + width) * stride];
            kernel(panel, pass, width, &mut tile);
            let rows = PANEL_ROWS.min(matrix.rows - row);
            store.store_with(lanes, Place { vector: done, width, row, rows }, &tile);
            done += width;
        }
    }
}

pub(super) fn load_portable(input: Input, shape: Shape, scratch: &mut Scratch) {
    load(input, shape, &mut scratch.wide, &mut scratch.scales, i16::from);
}

pub(super) fn portable(
    matrix: &Blocks,
    shape: Shape,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let x = scratch.wide.as_slice();
    drive(Scalar, matrix, shape, x, MAX_PASS, store, |panel, x, width, tile| {
        tile.0[..width].fill([0; PANEL_ROWS]);
        for (block, &column) in panel.blocks.iter().zip(panel.columns) {
            let (rows, _) = block.as_chunks::<QUAD>();
            for (x, sums) in x.chunks_exact(shape.stride).zip(&mut tile.0) {
                let x: &[i16; QUAD] = &x.as_chunks().0[column as usize];
                for (sum, row) in sums.iter_mut().zip(rows) {
                    for j in 0..QUAD {
                        *sum += i32::from(row[j]) * i32::from(x[j]);
                    }
                }
            }
        }
    });
}
