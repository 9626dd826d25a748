//! [`PackedI8`] as bytes.

use super::{Header, bad, read_scales};
use crate::aligned::Aligned;
use crate::arch::{self, Layout};
use crate::drive::PANEL_ROWS;
use crate::int8::{MAX_COLS, PackedI8};
use crate::row_scales::RowScales;
use crate::{Error, Isa};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use core::slice;

const MAGIC: [u8; 8] = *b"SCPACKI8";
/// The bytes of a cache line.
const LINE: usize = 64;

impl PackedI8 {
    /// The row-major weights and the scales that it was packed from.
    #[must_use]
    pub fn unpack(&self) -> (Vec<i8>, Vec<f32>) {
        let layout = arch::layout_i8(self.isa);
        let weights = unpack(layout, self.panels.as_slice(), self.rows, self.cols);
        (weights, self.scales.as_slice()[..self.rows].to_vec())
    }

    /// The packed matrix as bytes, for [`from_bytes`](Self::from_bytes): the weights are in the
    /// order in which its instruction set reads them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Layout { rows, depth, unit } = arch::layout_i8(self.isa);
        let order = [rows, depth, unit].map(|number| number as u32);
        let header = Header { magic: MAGIC, order, rows: self.rows, cols: self.cols };
        header.write(&self.scales.as_slice()[..self.rows], to_bytes(self.panels.as_slice()))
    }

    /// The matrix that [`to_bytes`](Self::to_bytes) wrote, on this or another machine, for the
    /// fastest instruction set of this processor: copied if it was packed in that order, otherwise
    /// packed again.
    ///
    /// # Errors
    /// [`Error::PackedForm`] with the offset of what is wrong, and the errors of
    /// [`pack`](Self::pack).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_bytes_for(Isa::detect(), bytes)
    }

    /// [`from_bytes`](Self::from_bytes) for a given instruction set.
    ///
    /// # Errors
    /// Those of [`from_bytes`](Self::from_bytes), and [`Error::IsaUnavailable`].
    pub fn from_bytes_for(isa: Isa, bytes: &[u8]) -> Result<Self, Error> {
        let isa = isa.require()?;
        Stored::read(bytes)?.copy(isa, bytes)
    }
}

/// The contents of the bytes, all checked.
struct Stored {
    layout: Layout,
    rows: usize,
    cols: usize,
    scales: RowScales,
    panels: Range<usize>,
    /// -128 times the sum of each row, padded.
    offsets: Aligned<i32>,
}

impl Stored {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let header = Header::read(bytes, MAGIC)?;
        let Header { rows, cols, .. } = header;
        if rows == 0 || cols == 0 {
            return Err(Error::Empty { rows, cols });
        }
        if cols > MAX_COLS {
            return Err(Error::TooManyColumns { cols, limit: MAX_COLS });
        }
        let [group, depth, unit] = header.order.map(|number| number as usize);
        // Rows are padded by a few vectors at most, which also bounds the memory that a stored
        // matrix can make us allocate.
        let order_is_possible = (1..=PANEL_ROWS).contains(&group)
            && PANEL_ROWS.is_multiple_of(group)
            && (1..=LINE).contains(&unit)
            && depth > 0
            && unit.is_multiple_of(depth);
        if !order_is_possible {
            return bad(12, "this order of weights does not exist");
        }
        let layout = Layout { rows: group, depth, unit };
        let padded_rows = rows.checked_next_multiple_of(PANEL_ROWS);
        let panel_bytes = padded_rows.and_then(|rows| rows.checked_mul(layout.stride(cols)));
        let parts = header.parts(bytes, panel_bytes)?;
        let scales = read_scales(parts.scales, rows)?;

        let mut sums = Aligned::<i32>::zeroed(rows.next_multiple_of(PANEL_ROWS));
        let mut wrong = None;
        let panels = from_bytes(&bytes[parts.panels.clone()]);
        walk(layout, panels, cols, |at, row, col, weights| {
            let sum = &mut sums.as_mut_slice()[row];
            let used = if row < rows { weights.len().min(cols.saturating_sub(col)) } else { 0 };
            let (used, padding) = weights.split_at(used);
            if padding.iter().any(|&w| w != 0) || used.contains(&i8::MIN) {
                wrong.get_or_insert(at);
            } else {
                *sum -= 128 * used.iter().map(|&w| i32::from(w)).sum::<i32>();
            }
        });
        if let Some(at) = wrong {
            return bad(
                parts.panels.start + at,
                "a weight is -128, or one of the padding is not 0",
            );
        }
        Ok(Self { layout, rows, cols, scales, panels: parts.panels, offsets: sums })
    }

    /// The matrix with its own copy of the weights.
    fn copy(self, isa: Isa, bytes: &[u8]) -> Result<PackedI8, Error> {
        let stored = from_bytes(&bytes[self.panels.clone()]);
        if self.layout != arch::layout_i8(isa) {
            let weights = unpack(self.layout, stored, self.rows, self.cols);
            return PackedI8::pack_for(
                isa,
                &weights,
                &self.scales.as_slice()[..self.rows],
                self.rows,
                self.cols,
            );
        }
        let mut panels = Aligned::zeroed(stored.len());
        panels.as_mut_slice().copy_from_slice(stored);
        let Self { rows, cols, scales, offsets, .. } = self;
        Ok(PackedI8 { panels, scales, offsets, rows, cols, isa })
    }
}

/// Visits all weights in stored order: `visit(index, row, first column, the weights of one step of
/// the row)`.
fn walk(
    layout: Layout,
    panels: &[i8],
    cols: usize,
    mut visit: impl FnMut(usize, usize, usize, &[i8]),
) {
    let Layout { rows, depth, .. } = layout;
    let stride = layout.stride(cols);
    let mut at = 0;
    for (group, steps) in panels.chunks_exact(rows * stride).enumerate() {
        for (step, weights) in steps.chunks_exact(rows * depth).enumerate() {
            for (row, weights) in weights.chunks_exact(depth).enumerate() {
                visit(at, group * rows + row, step * depth, weights);
                at += depth;
            }
        }
    }
}

/// Row-major weights.
fn unpack(layout: Layout, panels: &[i8], rows: usize, cols: usize) -> Vec<i8> {
    let mut weights = vec![0; rows * cols];
    walk(layout, panels, cols, |_, row, col, values| {
        if row < rows && col < cols {
            let used = values.len().min(cols - col);
            weights[row * cols + col..][..used].copy_from_slice(&values[..used]);
        }
    });
    weights
}

/// Bytes as weights.
fn from_bytes(bytes: &[u8]) -> &[i8] {
    // SAFETY: both have the size of a byte, any alignment and any bit pattern.
    unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

/// Weights as bytes.
fn to_bytes(weights: &[i8]) -> &[u8] {
    // SAFETY: as above.
    unsafe { slice::from_raw_parts(weights.as_ptr().cast(), weights.len()) }
}
