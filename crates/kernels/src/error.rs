//! Errors of packing functions.

use crate::Isa;
use alloc::string::String;
use core::fmt;

/// Why a matrix could not be packed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A matrix needs at least one row and one column.
    Empty {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
    },
    /// A slice has the wrong length for the shape.
    Length {
        /// The argument: `weights` or `scales`.
        what: &'static str,
        /// The length that the shape requires; `usize::MAX` if `rows * cols` overflows.
        expected: usize,
        /// The length of the slice.
        found: usize,
    },
    /// A weight of -128, which symmetric quantization never gives and the kernels do not support.
    WeightOutOfRange {
        /// Index into the row-major weights.
        offset: usize,
    },
    /// A weight that is not a 4-bit number, -8..=7.
    NotFourBits {
        /// Index into the row-major weights.
        offset: usize,
    },
    /// A scale that is not a finite number.
    ScaleNotFinite {
        /// The row it belongs to.
        row: usize,
    },
    /// More columns than a 32-bit sum of 8-bit products can hold.
    TooManyColumns {
        /// Columns asked for.
        cols: usize,
        /// The limit.
        limit: usize,
    },
    /// Bytes that are not a packed matrix, or a damaged one.
    PackedForm {
        /// Where in the bytes.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// The processor lacks the requested instructions.
    IsaUnavailable(Isa),
    /// No instruction set has this name.
    UnknownIsa(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { rows, cols } => {
                write!(
                    f,
                    "a matrix of {rows} x {cols} has no weights: give at least one row and one column"
                )
            }
            Self::Length { what, expected, found } => {
                write!(f, "`{what}` has {found} elements, but the shape needs {expected}")
            }
            Self::WeightOutOfRange { offset } => {
                write!(
                    f,
                    "`weights` holds -128 at offset {offset}: weights must lie within -127..=127, quantize them symmetrically"
                )
            }
            Self::NotFourBits { offset } => {
                write!(
                    f,
                    "`weights` is outside of -8..=7 at offset {offset}: quantize it by groups"
                )
            }
            Self::ScaleNotFinite { row } => write!(f, "`scales` is not finite at row {row}"),
            Self::TooManyColumns { cols, limit } => {
                write!(
                    f,
                    "{cols} columns could overflow a 32-bit sum: split the matrix into parts of at most {limit} columns"
                )
            }
            Self::PackedForm { offset, what } => {
                write!(
                    f,
                    "the bytes of a packed matrix are wrong at offset {offset}: {what}; pack the matrix again"
                )
            }
            Self::IsaUnavailable(isa) => {
                write!(f, "this processor lacks {isa}: ask for one of `Isa::available()`")
            }
            Self::UnknownIsa(name) => {
                write!(f, "there is no instruction set `{name}`: use one of")?;
                Isa::ALL.iter().try_for_each(|isa| write!(f, " {isa}"))
            }
        }
    }
}

impl core::error::Error for Error {}
