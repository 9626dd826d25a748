//! Plain Rust for 4-bit weights: a group is unpacked once and then multiplied by every vector of
//! the pass.

use crate::Scratch;
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Vectors, drive};
use crate::epilogue::Store;
use crate::input::{Input, QUAD, Shape};
use crate::int4::{self, STEP};
use crate::quantize::GROUP;

pub(super) fn load_i4(input: Input, shape: Shape, scratch: &mut Scratch) {
    int4::load(input, shape, scratch, int4::whole_start);
}

pub(super) fn matmul_i4(matrix: &Matrix<u8>, vectors: &Vectors<u8>, store: &mut impl Store<i32>) {
    let groups = vectors.stride / int4::vector_len(1);
    drive(matrix, vectors, MAX_PASS, store, |_, panel, x, width, tile| {
        tile.0[..width].fill([0; PANEL_ROWS]);
        for group in 0..groups {
            let bytes = &panel[int4::weights_at(group)..];
            let scales = &panel[int4::scales_at(group)..][..PANEL_ROWS];
            for r in 0..PANEL_ROWS {
                let row = take_apart(bytes, r);
                let scale = i32::from(scales[r] as i8);
                for (b, x) in x.chunks_exact(vectors.stride).enumerate() {
                    let (starts, columns) = x.split_at(groups * size_of::<i32>());
                    let mut sum = i32::from_ne_bytes(starts.as_chunks().0[group]);
                    let columns: &[u8; GROUP] = &columns.as_chunks().0[group];
                    for k in 0..GROUP {
                        sum += i32::from(row[k]) * i32::from(columns[k] as i8);
                    }
                    tile.0[b][r] += scale * sum;
                }
            }
        }
    });
}

/// The weights of a row of a group, plus 8. They are at the beginning of `group`.
#[inline(always)]
fn take_apart(group: &[u8], r: usize) -> [i16; GROUP] {
    let mut row = [0; GROUP];
    for (step, columns) in row.as_chunks_mut::<{ 2 * QUAD }>().0.iter_mut().enumerate() {
        let bytes = &group[step * STEP + r * QUAD..][..QUAD];
        for j in 0..QUAD {
            columns[j] = i16::from(bytes[j] & 15);
            columns[QUAD + j] = i16::from(bytes[j] >> 4);
        }
    }
    row
}
