//! Packed 4-bit weights: half the bytes of [`PackedI8`](crate::PackedI8), for matrices that are
//! read from memory.
//!
//! Weights are in groups of 32 along a row, each with an 8-bit scale; a row has one float scale. A
//! result is `sum over groups of (group scale * sum of (weight * input))`, all in exact 32-bit
//! integers; it becomes a float only in the epilogue, which is shared with
//! [`PackedI8`](crate::PackedI8). So the order of summation does not matter, and every instruction
//! set gives the same bits.
//!
//! Weights are stored plus 8, as 0..=15, for the instructions that multiply unsigned by signed
//! bytes. The sum of a group starts at -8 times the sum of its inputs, which is the same for all
//! rows.

use crate::aligned::Aligned;
use crate::arch;
use crate::drive::{Matrix, PANEL_ROWS, Vectors};
use crate::epilogue::RegisterStore;
use crate::input::{Input, QUAD, Shape};
use crate::integers::Integers;
use crate::pool::{Part, Whole};
use crate::product::sealed::Sealed;
use crate::quantize::{GROUP, quantize_with};
use crate::row_scales::RowScales;
use crate::{Arena, Error, Isa, Packed, Scratch};

/// The most columns for which a sum of products of -8..=7, -127..=127 and a group scale of
/// -128..=127 always fits 32 bits.
pub(crate) const MAX_COLS: usize = i32::MAX as usize / (8 * 128 * 128 * GROUP) * GROUP;
/// Bytes of the weights of a group of columns of a panel.
const GROUP_BYTES: usize = PANEL_ROWS * GROUP / 2;
/// Bytes of the weights of eight columns of a panel.
pub(crate) const STEP: usize = PANEL_ROWS * QUAD;
/// Bytes of the scales of two groups of a panel.
const LINE: usize = 2 * PANEL_ROWS;

/// A `rows x cols` matrix of 4-bit weights with an 8-bit scale per group of 32 columns and a float
/// scale per row: 4.25 bits per weight.
///
/// Panels of 32 rows. A panel has two groups after two groups: 64 bytes of scales, then the
/// weights, eight columns after eight columns. A row has four bytes for every eight columns; their
/// low halves are the first four columns, their high halves the other four. So a product reads a
/// single stream. The layout is the same for all instruction sets.
#[derive(Clone, Debug)]
pub struct PackedI4 {
    panels: Aligned<u8>,
    scales: RowScales,
    rows: usize,
    cols: usize,
    isa: Isa,
}

impl PackedI4 {
    /// Packs row-major weights, as made by [`quantize_groups`](crate::quantize::quantize_groups),
    /// for the fastest instruction set of this processor: `weights` (`rows x cols`, -8..=7), one
    /// scale per group of 32 columns (`group_scales`, `rows x ceil(cols / 32)`) and one scale per
    /// row.
    ///
    /// # Errors
    /// Names what is wrong: an empty matrix, a slice of the wrong length, a weight outside of
    /// -8..=7 (with its offset), a row scale that is not finite, more columns than 32-bit sums can
    /// hold (16,352).
    pub fn pack(
        weights: &[i8],
        group_scales: &[i8],
        scales: &[f32],
        rows: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), weights, group_scales, scales, rows, cols)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(
        isa: Isa,
        weights: &[i8],
        group_scales: &[i8],
        scales: &[f32],
        rows: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        let isa = isa.require()?;
        check(weights, group_scales, scales, rows, cols)?;
        let padded_rows = rows.div_ceil(PANEL_ROWS) * PANEL_ROWS;
        let count = cols.div_ceil(GROUP);
        let scales = RowScales::new("row_scales", scales, rows)?;
        let mut panels = Aligned::zeroed(padded_rows / PANEL_ROWS * panel_len(count));
        for (index, panel) in panels.as_mut_slice().chunks_exact_mut(panel_len(count)).enumerate() {
            let first = index * PANEL_ROWS;
            for r in 0..PANEL_ROWS.min(rows - first) {
                let row = first + r;
                for (g, &scale) in group_scales[row * count..][..count].iter().enumerate() {
                    panel[scales_at(g) + r] = scale as u8;
                }
                for (k, &w) in weights[row * cols..][..cols].iter().enumerate() {
                    let (at, shift) = place(r, k);
                    panel[at] |= ((w + 8) as u8) << shift;
                }
            }
        }
        Ok(Self { panels, scales, rows, cols, isa })
    }

    fn groups(&self) -> usize {
        self.cols.div_ceil(GROUP)
    }
}

impl Sealed for PackedI4 {}

impl Packed for PackedI4 {
    fn bytes(&self) -> usize {
        size_of_val(self.panels.as_slice()) + size_of_val(self.scales.as_slice())
    }

    fn isa(&self) -> Isa {
        self.isa
    }

    fn move_into(&mut self, arena: &mut Arena) {
        arena.take_in(&mut self.panels);
        self.scales.move_into(arena);
    }
}

impl Integers for PackedI4 {
    fn whole(&self) -> (Whole, usize) {
        (Whole { rows: self.rows, bytes: self.panels.as_slice().len() }, self.cols)
    }

    fn scales(&self) -> &[f32] {
        self.scales.as_slice()
    }

    fn load(&self, input: Input<'_>, batch: usize, scratch: &mut Scratch) {
        let shape = Shape { batch, cols: self.cols, stride: self.groups() * GROUP };
        arch::load_i4(self.isa, input, shape, scratch);
    }

    fn multiply_part<S: RegisterStore>(
        &self,
        part: &Part,
        batch: usize,
        scratch: &Scratch,
        store: &mut S,
    ) {
        let groups = self.groups();
        let matrix = Matrix::part(self.panels.as_slice(), panel_len(groups), part);
        let vectors = Vectors { x: scratch.grouped.as_slice(), stride: vector_len(groups), batch };
        arch::matmul_i4(self.isa, &matrix, &vectors, store);
    }
}

/// The place of the weight in row `r` of a panel and column `k`: the byte, and the shift within it.
fn place(r: usize, k: usize) -> (usize, usize) {
    let (group, within) = (k / GROUP, k % GROUP);
    let (step, column) = (within / 8, within % 8);
    let at = weights_at(group) + step * STEP + r * QUAD;
    (at + column % QUAD, column / QUAD * 4)
}

/// The place of the scales of a group for the rows of a panel, one byte each.
#[inline(always)]
pub(crate) fn scales_at(group: usize) -> usize {
    group / 2 * (LINE + 2 * GROUP_BYTES) + group % 2 * PANEL_ROWS
}

/// The place of the weights of a group in a panel, four steps of [`STEP`] bytes.
#[inline(always)]
pub(crate) fn weights_at(group: usize) -> usize {
    (group / 2 + 1) * LINE + group * GROUP_BYTES
}

/// Bytes of a panel of `groups` groups.
pub(crate) fn panel_len(groups: usize) -> usize {
    groups.div_ceil(2) * LINE + groups * GROUP_BYTES
}

/// Bytes of a stored vector of `groups` groups: per group four for the start of its sum, and 32 for
/// its columns.
pub(crate) fn vector_len(groups: usize) -> usize {
    groups * (size_of::<i32>() + GROUP)
}

/// Checks the lengths that the loads of a kernel rely on: `B` vectors of a panel's columns,
/// `stride` bytes each. Returns the groups.
#[allow(dead_code)] // the portable kernel rests on none
#[inline(always)]
pub(crate) fn groups<const B: usize>(panel: &[u8], x: &[u8], stride: usize) -> usize {
    let groups = stride / vector_len(1);
    assert!(
        panel.len() == panel_len(groups) && stride == vector_len(groups) && x.len() == B * stride,
        "the pass holds B vectors of a panel's groups"
    );
    groups
}

/// Stores a batch of vectors, each preceded by the starts of the sums of its groups.
#[inline(always)]
pub(crate) fn load(
    input: Input,
    shape: Shape,
    scratch: &mut Scratch,
    start: impl Fn(&[i8; GROUP]) -> i32 + Copy,
) {
    let Shape { batch, cols, .. } = shape;
    let groups = cols.div_ceil(GROUP);
    scratch.grouped.grow(batch * vector_len(groups));
    scratch.scales.grow(batch);
    let vectors = scratch.grouped.as_mut_slice().chunks_exact_mut(vector_len(groups));
    for (vector, (out, scale)) in vectors.zip(scratch.scales.as_mut_slice()).take(batch).enumerate()
    {
        let (starts, columns) = out.split_at_mut(groups * size_of::<i32>());
        let (used, padding) = columns.split_at_mut(cols);
        let range = vector * cols..(vector + 1) * cols;
        *scale = match input {
            Input::Float(x) => quantize_with(&x[range], used, |q| q as u8),
            Input::Quantized(x) => {
                // Then the sum of a group fits 16 bits: 32 x 8 x 127.
                used.iter_mut().zip(&x[range]).for_each(|(q, &v)| *q = v.max(-127) as u8);
                1.0
            }
        };
        padding.fill(0); // the stored weights of the padding are not 0 but 8
        for (bytes, x) in starts.as_chunks_mut().0.iter_mut().zip(columns.as_chunks().0) {
            *bytes = start(&x.map(|v| v as i8)).to_ne_bytes();
        }
    }
}

/// -8 times the sum.
#[inline(always)]
pub(crate) fn whole_start(x: &[i8; GROUP]) -> i32 {
    -8 * x.iter().map(|&v| i32::from(v)).sum::<i32>()
}

/// Checks the matrix.
pub(crate) fn check(
    weights: &[i8],
    group_scales: &[i8],
    scales: &[f32],
    rows: usize,
    cols: usize,
) -> Result<(), Error> {
    if rows == 0 || cols == 0 {
        return Err(Error::Empty { rows, cols });
    }
    if cols > MAX_COLS {
        return Err(Error::TooManyColumns { cols, limit: MAX_COLS });
    }
    let lengths = [
        ("weights", rows.saturating_mul(cols), weights.len()),
        ("group_scales", rows.saturating_mul(cols.div_ceil(GROUP)), group_scales.len()),
    ];
    for (what, expected, found) in lengths {
        if expected != found {
            return Err(Error::Length { what, expected, found });
        }
    }
    if let Some(offset) = weights.iter().position(|w| !(-8..=7).contains(w)) {
        return Err(Error::NotFourBits { offset });
    }
    RowScales::check("row_scales", scales, rows)
}
