//! 4-bit weights, packed: half the bytes of [`PackedI8`](crate::PackedI8), for matrices that are read from far away.
//!
//! Weights come in groups of 32 along a row, each with an 8-bit scale; a row has one float scale. A result is
//! `sum over groups of (group scale * sum of (weight * input))`, all in exact 32-bit integers, and becomes a float only in the epilogue
//! that it shares with [`PackedI8`](crate::PackedI8). So no order of summation matters, and every instruction set gives the same bits.
//!
//! Weights are stored plus 8, as 0..=15, which is what the instructions that multiply unsigned with signed bytes want; -8 times the sum of
//! the inputs of the group, the same for all rows, is where the sum of a group starts.

use crate::aligned::Aligned;
use crate::arch;
use crate::drive::{Matrix, PANEL_ROWS, Vectors};
use crate::epilogue::{Finish, Output, Plain, Scaled, Store};
use crate::input::{Input, QUAD, Shape};
use crate::lengths::Lengths;
use crate::panels::Panels;
use crate::pool::{Part, Whole};
use crate::quantize::{GROUP, Grouped, quantize_with};
use crate::row_scales::RowScales;
use crate::{Activation, Arena, Error, Isa, Pool, Scratch};
use core::ops::Range;

/// The most columns of which a sum of products of -8..=7, -127..=127 and a group scale of -128..=127 always fits 32 bits.
pub(crate) const MAX_COLS: usize = i32::MAX as usize / (8 * 128 * 128 * GROUP) * GROUP;
/// Bytes of the weights of a group of columns of a panel.
const GROUP_BYTES: usize = PANEL_ROWS * GROUP / 2;
/// Bytes of the weights of eight columns of a panel.
pub(crate) const STEP: usize = PANEL_ROWS * QUAD;
/// Bytes of the scales of two groups of a panel.
const LINE: usize = 2 * PANEL_ROWS;

/// A `rows x cols` matrix of 4-bit weights with an 8-bit scale a group of 32 columns and a float scale a row: 4.25 bits a weight.
///
/// Panels of 32 rows; in a panel, two groups after two groups: 64 bytes of scales, then the weights, eight columns after eight columns. A
/// row has four bytes of each eight columns; their low halves are the first four columns, their high halves the other four. So all that a
/// product reads is one stream. The layout is the same for all instruction sets.
#[derive(Clone)]
pub struct PackedI4 {
    pub(crate) panels: Panels<u8>,
    pub(crate) scales: RowScales,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) isa: Isa,
}

impl PackedI4 {
    /// Packs what [`quantize_groups`](crate::quantize::quantize_groups) made of a matrix for the fastest instruction set of
    /// this processor.
    ///
    /// # Errors
    /// Names what is wrong: an empty matrix, a slice of the wrong length, a weight outside of -8..=7 (with its offset), a row scale that is
    /// not finite, more columns than 32-bit sums can hold (16,352).
    pub fn pack(groups: &Grouped) -> Result<Self, Error> {
        Self::pack_for(Isa::detect(), groups)
    }

    /// [`pack`](Self::pack) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`pack`](Self::pack), and [`Error::IsaUnavailable`].
    pub fn pack_for(isa: Isa, groups: &Grouped) -> Result<Self, Error> {
        let isa = isa.require()?;
        let Grouped { rows, cols, .. } = *groups;
        check(groups)?;
        let padded_rows = rows.div_ceil(PANEL_ROWS) * PANEL_ROWS;
        let count = cols.div_ceil(GROUP);
        let scales = RowScales::new("row_scales", &groups.row_scales, rows)?;
        let mut panels = Aligned::zeroed(padded_rows / PANEL_ROWS * panel_len(count));
        for (index, panel) in panels.as_mut_slice().chunks_exact_mut(panel_len(count)).enumerate() {
            let first = index * PANEL_ROWS;
            for r in 0..PANEL_ROWS.min(rows - first) {
                let row = first + r;
                for (g, &scale) in groups.group_scales[row * count..][..count].iter().enumerate() {
                    panel[scales_at(g) + r] = scale as u8;
                }
                for (k, &w) in groups.weights[row * cols..][..cols].iter().enumerate() {
                    let (at, shift) = place(r, k);
                    panel[at] |= ((w + 8) as u8) << shift;
                }
            }
        }
        Ok(Self { panels: panels.into(), scales, rows, cols, isa })
    }

    /// Rows of the matrix: elements of a result.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the matrix: elements of an input vector.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Bytes of the packed weights and scales, padding included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.panels.as_slice()) + size_of_val(self.scales.as_slice())
    }

    /// The instruction set that the products run on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// `out[b][m] = sum over k of (group scale of m and k * weight * x[b][k])` in exact integers, row scales left out: `x` is
    /// `batch x cols` (-127..=127; -128, which no quantiser gives, counts as -127), `out` is `batch x rows`.
    ///
    /// Allocates only to grow `scratch`.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul_i32(&self, x: &[i8], batch: usize, scratch: &mut Scratch, out: &mut [i32]) {
        self.lengths(batch).check("PackedI4", x.len(), out.len());
        let output = Output::new(out, self.rows);
        self.multiply(None, Input::Quantised(x), batch, scratch, |part, _| Plain {
            // SAFETY: the rows of a part are no other part's.
            output: unsafe { output.share(part.rows.start) },
        });
    }

    /// `y = act(W x + bias)` for `batch` vectors, which are quantised to 8 bits as for [`PackedI8`](crate::PackedI8::matmul): `x` is
    /// `batch x cols`, `bias` has `rows` elements, `y` is `batch x rows`.
    ///
    /// What is not finite in `x` counts as 0. Allocates only to grow `scratch`.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul(
        &self,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        act: Activation,
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        self.scaled(None, x, batch, (bias, act), scratch, y);
    }

    /// [`matmul`](Self::matmul) on the threads of a pool, where the weights are many: see [`PackedI8::matmul_with`].
    ///
    /// [`PackedI8::matmul_with`]: crate::PackedI8::matmul_with
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for, and where the pool does not do what [`Pool::run`] says.
    #[expect(clippy::too_many_arguments, reason = "those of `matmul`, and the pool")]
    pub fn matmul_with(
        &self,
        pool: &dyn Pool,
        x: &[f32],
        batch: usize,
        bias: Option<&[f32]>,
        act: Activation,
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        self.scaled(Some(pool), x, batch, (bias, act), scratch, y);
    }

    /// Moves the weights to others of a program: see [`Arena`]. Where there is no room for them, or where they are somebody else's
    /// ([`from_shared`](Self::from_shared)), they stay where they are.
    pub fn move_into(&mut self, arena: &mut Arena) {
        self.panels.move_into(arena);
        self.scales.move_into(arena);
    }

    pub(crate) fn scaled(
        &self,
        pool: Option<&dyn Pool>,
        x: &[f32],
        batch: usize,
        (bias, act): (Option<&[f32]>, Activation),
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        self.lengths(batch).check("PackedI4", x.len(), y.len());
        self.lengths(batch).check_bias("PackedI4", bias);
        let output = Output::new(y, self.rows);
        self.multiply(pool, Input::Float(x), batch, scratch, |part, vector_scales| {
            // SAFETY: the rows of a part are no other part's.
            let output = unsafe { output.share(part.rows.start) };
            Scaled::of_part(part, self.scales.as_slice(), vector_scales, output, bias, act)
        });
    }

    /// Brings the vectors into the form of the kernel, then multiplies; `store` makes the epilogue of a part from the vectors' scales.
    fn multiply<'s, S: Store<i32>>(
        &self,
        pool: Option<&dyn Pool>,
        input: Input,
        batch: usize,
        scratch: &'s mut Scratch,
        store: impl Fn(&Part, &'s [f32]) -> S + Sync,
    ) {
        let groups = self.cols.div_ceil(GROUP);
        let panel_len = panel_len(groups);
        arch::load_i4(
            self.isa,
            input,
            Shape { batch, cols: self.cols, stride: groups * GROUP },
            scratch,
        );
        let scratch = &*scratch;
        let stride = vector_len(groups);
        let vectors = Vectors { x: scratch.grouped.as_slice(), stride, batch };
        let panels = self.panels.as_slice();
        let whole = Whole { rows: self.rows, panel_rows: PANEL_ROWS, bytes: panels.len() };
        whole.split(pool, |part| {
            let matrix = Matrix {
                panels: &panels[part.panels.start * panel_len..part.panels.end * panel_len],
                panel_len,
                rows: part.rows.len(),
            };
            let mut store = store(&part, scratch.scales.as_slice());
            arch::matmul_i4(self.isa, &matrix, &vectors, &mut store);
        });
    }

    /// Quantises `batch` vectors, `batch x cols`, into `scratch`, from where [`multiply_panels`](Self::multiply_panels) takes them.
    pub(crate) fn load(&self, x: &[f32], batch: usize, scratch: &mut Scratch) {
        debug_assert_eq!(x.len(), batch * self.cols);
        let stride = self.cols.div_ceil(GROUP) * GROUP;
        let shape = Shape { batch, cols: self.cols, stride };
        arch::load_i4(self.isa, Input::Float(x), shape, scratch);
    }

    /// The rows of some panels of `W` times the vectors that were loaded last: `y` is `batch x` as many rows, padding included.
    pub(crate) fn multiply_panels(
        &self,
        panels: Range<usize>,
        batch: usize,
        scratch: &Scratch,
        y: &mut [f32],
    ) {
        let groups = self.cols.div_ceil(GROUP);
        let panel_len = panel_len(groups);
        let rows = panels.start * PANEL_ROWS..panels.end * PANEL_ROWS;
        let matrix = Matrix {
            panels: &self.panels.as_slice()[panels.start * panel_len..panels.end * panel_len],
            panel_len,
            rows: rows.len(),
        };
        let mut store = Scaled {
            row_scales: &self.scales.as_slice()[rows.clone()],
            vector_scales: scratch.scales.as_slice(),
            finish: Finish::new(Output::new(y, rows.len()), None, Activation::None),
        };
        let vectors = Vectors { x: scratch.grouped.as_slice(), stride: vector_len(groups), batch };
        arch::matmul_i4(self.isa, &matrix, &vectors, &mut store);
    }

    fn lengths(&self, batch: usize) -> Lengths {
        Lengths { rows: self.rows, cols: self.cols, batch }
    }
}

impl core::fmt::Debug for PackedI4 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PackedI4")
            .field("rows", &self.rows)
            .field("cols", &self.cols)
            .field("isa", &self.isa)
            .finish_non_exhaustive()
    }
}

/// Where the weight of row `r` of a panel and column `k` stands: the byte, and the shift within it.
fn place(r: usize, k: usize) -> (usize, usize) {
    let (group, within) = (k / GROUP, k % GROUP);
    let (step, column) = (within / 8, within % 8);
    let at = weights_at(group) + step * STEP + r * QUAD;
    (at + column % QUAD, column / QUAD * 4)
}

/// Where the scales of the rows of a panel for a group stand, a byte each.
#[inline(always)]
pub(crate) fn scales_at(group: usize) -> usize {
    group / 2 * (LINE + 2 * GROUP_BYTES) + group % 2 * PANEL_ROWS
}

/// Where the weights of a group stand in a panel, four steps of [`STEP`] bytes.
#[inline(always)]
pub(crate) fn weights_at(group: usize) -> usize {
    (group / 2 + 1) * LINE + group * GROUP_BYTES
}

/// Bytes of a panel of `groups` groups.
pub(crate) fn panel_len(groups: usize) -> usize {
    groups.div_ceil(2) * LINE + groups * GROUP_BYTES
}

/// Bytes of a stored vector of `groups` groups: four a group for where its sum starts, then 32 a group for its columns.
pub(crate) fn vector_len(groups: usize) -> usize {
    groups * (size_of::<i32>() + GROUP)
}

/// Stores a batch of vectors and, before the columns of each, where the sums of its groups start.
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
            Input::Quantised(x) => {
                // Then the sum of a group lies within 16 bits: 32 x 8 x 127.
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

/// What is wrong with the matrix.
pub(crate) fn check(groups: &Grouped) -> Result<(), Error> {
    let Grouped { rows, cols, .. } = *groups;
    if rows == 0 || cols == 0 {
        return Err(Error::Empty { rows, cols });
    }
    if cols > MAX_COLS {
        return Err(Error::TooManyColumns { cols, limit: MAX_COLS });
    }
    let lengths = [
        ("weights", rows.saturating_mul(cols), groups.weights.len()),
        ("group_scales", rows.saturating_mul(cols.div_ceil(GROUP)), groups.group_scales.len()),
    ];
    for (what, expected, found) in lengths {
        if expected != found {
            return Err(Error::Length { what, expected, found });
        }
    }
    if let Some(offset) = groups.weights.iter().position(|w| !(-8..=7).contains(w)) {
        return Err(Error::NotFourBits { offset });
    }
    RowScales::check("row_scales", &groups.row_scales, rows)
}
