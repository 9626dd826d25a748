//! [`PackedI4`] as bytes.

use super::{Header, bad, read_scales};
use crate::aligned::Aligned;
use crate::drive::PANEL_ROWS;
use crate::int4::{MAX_COLS, PackedI4, panel_len};
use crate::panels::{Panels, SharedBytes};
use crate::quantize::GROUP;
use crate::row_scales::RowScales;
use crate::{Error, Isa};
use alloc::vec::Vec;
use core::ops::Range;

const MAGIC: [u8; 8] = *b"SCPACKI4";
/// The only order there is: see [`PackedI4`].
const ORDER: [u32; 3] = [16, 4, GROUP as u32];
/// The bytes of a cache line: panels that do not start on one are copied.
const LINE: usize = 64;

impl PackedI4 {
    /// The packed matrix as bytes, for [`from_bytes`](Self::from_bytes) and [`from_shared`](Self::from_shared), on any processor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = Header { magic: MAGIC, order: ORDER, rows: self.rows, cols: self.cols };
        header.write(&self.scales.as_slice()[..self.rows], self.panels.as_slice())
    }

    /// The matrix that [`to_bytes`](Self::to_bytes) wrote, for the fastest instruction set of this processor.
    ///
    /// # Errors
    /// [`Error::PackedForm`] with the offset of what cannot be right, and the errors of [`pack`](Self::pack).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let stored = Stored::read(bytes)?;
        let mut panels = Aligned::zeroed(stored.panels.len());
        panels.as_mut_slice().copy_from_slice(&bytes[stored.panels.clone()]);
        Ok(stored.finish(panels.into()))
    }

    /// [`from_bytes`](Self::from_bytes) without a copy of the weights where they start on a cache line: in a mapped file, where the bytes
    /// start at a multiple of 64. Else they are copied.
    ///
    /// # Errors
    /// Those of [`from_bytes`](Self::from_bytes).
    pub fn from_shared(bytes: SharedBytes) -> Result<Self, Error> {
        let all = (*bytes).as_ref();
        let stored = Stored::read(all)?;
        if all[stored.panels.clone()].as_ptr().addr().is_multiple_of(LINE) {
            let range = stored.panels.clone();
            Ok(stored.finish(Panels::Shared(bytes, range)))
        } else {
            Self::from_bytes(all)
        }
    }

    /// Whether the weights are somebody else's bytes ([`from_shared`](Self::from_shared)), and not a copy.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.panels, Panels::Shared(..))
    }
}

/// What is in the bytes. Any weights and group scales are possible, and what stands in the padding meets zeros or is not stored.
struct Stored {
    rows: usize,
    cols: usize,
    scales: RowScales,
    panels: Range<usize>,
}

impl Stored {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let header = Header::read(bytes, MAGIC)?;
        let Header { rows, cols, order, .. } = header;
        if rows == 0 || cols == 0 {
            return Err(Error::Empty { rows, cols });
        }
        if cols > MAX_COLS {
            return Err(Error::TooManyColumns { cols, limit: MAX_COLS });
        }
        if order != ORDER {
            return bad(12, "there is no such order of weights");
        }
        let panel_bytes = rows.div_ceil(PANEL_ROWS).checked_mul(panel_len(cols.div_ceil(GROUP)));
        let parts = header.parts(bytes, panel_bytes)?;
        Ok(Self { rows, cols, scales: read_scales(parts.scales, rows)?, panels: parts.panels })
    }

    fn finish(self, panels: Panels<u8>) -> PackedI4 {
        let Self { rows, cols, scales, .. } = self;
        PackedI4 { panels, scales, rows, cols, isa: Isa::detect() }
    }
}
