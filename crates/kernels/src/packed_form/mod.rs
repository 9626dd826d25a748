//! Packed matrices as bytes: packed once, stored, and later read or mapped instead of packed again.
//!
//! Numbers are little-endian. The header has 64 bytes. It is followed by the scales of the rows
//! (f32), padded with zeros to a multiple of 64 bytes, then the panels, so that panels are on cache
//! lines if the bytes are:
//!
//! | at | | |
//! |---|---|---|
//! | 0 | 8 bytes | `SCPACKI8` |
//! | 8 | u32 | version, 1 |
//! | 12 | 3 x u32 | the order within a panel: rows of a group, columns of a step, columns that rows are filled up to |
//! | 24 | 2 x u64 | rows, columns |
//! | 12 | 3 x u32 | the order within a panel: rows of a group, columns of a step, columns to which rows are padded |
//! | 56 | 8 bytes | zeros |
//!
//! This is a format for use on one's own machines. Models are stored row-major, from which every
//! instruction set can pack. Nothing in the bytes is trusted before it is checked: anything wrong
//! is an error, never a panic, and no memory is allocated beyond a small multiple of the length of
//! the bytes. There is no checksum.

mod int8;

use crate::Error;
use crate::row_scales::RowScales;
use alloc::vec::Vec;
use core::ops::Range;

const HEADER: usize = 64;
const VERSION: u32 = 1;

/// The contents of the header.
#[derive(Clone, Copy)]
struct Header {
    magic: [u8; 8],
    /// Rows of a group, columns of a step, columns to which rows are padded.
    order: [u32; 3],
    rows: usize,
    cols: usize,
}

/// The parts of a packed matrix, lengths checked.
struct Parts<'a> {
    scales: &'a [u8],
    panels: Range<usize>,
}

fn bad<T>(offset: usize, what: &'static str) -> Result<T, Error> {
    Err(Error::PackedForm { offset, what })
}

impl Header {
    /// Reads a header of this kind, which must be version 1.
    fn read(bytes: &[u8], magic: [u8; 8]) -> Result<Self, Error> {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return bad(bytes.len(), "they end inside the header");
        };
        if header[..8] != magic {
            return bad(0, "they do not begin like a packed matrix of this kind");
        }
        if u32_at(header, 8) != VERSION {
            return bad(8, "their version is not 1");
        }
        if header[56..] != [0; 8] {
            return bad(56, "the header does not end with zeros");
        }
        let (Ok(rows), Ok(cols)) =
            (usize::try_from(u64_at(header, 24)), usize::try_from(u64_at(header, 32)))
        else {
            return bad(24, "the shape is too large for this machine");
        };
        let order = [u32_at(header, 12), u32_at(header, 16), u32_at(header, 20)];
        Ok(Self { magic, order, rows, cols })
    }

    /// The places of the parts, if all lengths match the shape. `panel_bytes` is the length of the
    /// panels, none if it would overflow.
    fn parts(self, bytes: &[u8], panel_bytes: Option<usize>) -> Result<Parts<'_>, Error> {
        let lengths = || {
            let scales = self.rows.checked_mul(size_of::<f32>())?;
            let padded = scales.checked_next_multiple_of(HEADER)?;
            let panels = panel_bytes?;
            let start = HEADER.checked_add(padded)?;
            Some((scales, start..start.checked_add(panels)?))
        };
        let Some((scales, panels)) = lengths() else {
            return bad(24, "the shape is too large for this machine");
        };
        if u64_at(bytes, 40) != scales as u64 || u64_at(bytes, 48) != panels.len() as u64 {
            return bad(40, "the lengths of the parts are not those of the shape");
        }
        if bytes.len() != panels.end {
            return bad(bytes.len(), "their length is not that of the header and its parts");
        }
        let (scales, padding) = bytes[HEADER..panels.start].split_at(scales);
        if padding.iter().any(|&byte| byte != 0) {
            return bad(HEADER + scales.len(), "the scales are not padded with zeros");
        }
        Ok(Parts { scales, panels })
    }

    /// The bytes of a matrix.
    fn write(self, scales: &[f32], panels: &[u8]) -> Vec<u8> {
        let scale_bytes = size_of_val(scales);
        let padded = scale_bytes.next_multiple_of(HEADER);
        let mut bytes = Vec::with_capacity(HEADER + padded + panels.len());
        bytes.extend(self.magic);
        bytes.extend(VERSION.to_le_bytes());
        self.order.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        for number in [self.rows, self.cols, scale_bytes, panels.len(), 0] {
            bytes.extend((number as u64).to_le_bytes());
        }
        scales.iter().for_each(|scale| bytes.extend(scale.to_le_bytes()));
        bytes.resize(HEADER + padded, 0);
        bytes.extend(panels);
        bytes
    }
}

/// The scales of `rows` rows.
fn read_scales(bytes: &[u8], rows: usize) -> Result<RowScales, Error> {
    let scales: Vec<f32> = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    RowScales::new("scales", &scales, rows)
}

/// The number at an offset in the header.
fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes[offset..].first_chunk().map_or(0, |&number| u32::from_le_bytes(number))
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    bytes[offset..].first_chunk().map_or(0, |&number| u64::from_le_bytes(number))
}
