//! The scales of the rows of a matrix of integers.

use crate::aligned::Aligned;
use crate::drive::PANEL_ROWS;
use crate::{Arena, Error};

/// A finite scale per row, and zeros to the end of the last panel, so that an epilogue has whole
/// panels.
#[derive(Clone, Debug)]
pub(crate) struct RowScales(Aligned<f32>);

impl RowScales {
    /// The scales of `rows` rows; `what` names the argument in errors.
    pub(crate) fn new(what: &'static str, scales: &[f32], rows: usize) -> Result<Self, Error> {
        Self::check(what, scales, rows)?;
        let mut padded = Aligned::zeroed(rows.next_multiple_of(PANEL_ROWS));
        padded.as_mut_slice()[..rows].copy_from_slice(scales);
        Ok(Self(padded))
    }

    /// Checks the scales of `rows` rows.
    pub(crate) fn check(what: &'static str, scales: &[f32], rows: usize) -> Result<(), Error> {
        if scales.len() != rows {
            return Err(Error::Length { what, expected: rows, found: scales.len() });
        }
        match scales.iter().position(|scale| !scale.is_finite()) {
            Some(row) => Err(Error::ScaleNotFinite { row }),
            None => Ok(()),
        }
    }

    /// All of them, padding included.
    pub(crate) fn as_slice(&self) -> &[f32] {
        self.0.as_slice()
    }

    pub(crate) fn move_into(&mut self, arena: &mut Arena) {
        arena.take_in(&mut self.0);
    }
}
