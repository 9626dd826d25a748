//! Maps that the Fourier transform makes diagonal: the squares that a matrix is made of, each a product of the
//! kernels' over a part of the input, one vector at a time.

use std::ops::Range;

use stonechat_kernels::fft::{BlockCirculant, ToeplitzLike};
use stonechat_kernels::{Epilogue, Error, Packed, Product, Scratch};
use stonechat_model::{Family, LinearMap, Matrix, Rectangle};

/// `W` as a sum of products over parts of the input, each to a part of the output.
pub(super) struct Spectral {
    pieces: Vec<Piece>,
    /// Factors of the inputs.
    signs: Option<Vec<f32>>,
}

struct Piece {
    product: Box<dyn Product>,
    rows: Range<usize>,
    cols: Range<usize>,
    /// Whether the results come in the reverse order.
    reversed: bool,
}

/// Working memory.
#[derive(Default)]
pub(crate) struct SpectralScratch {
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Spectral {
    /// `None` for families that are none of these.
    pub(super) fn pack(map: &LinearMap) -> Option<Result<Self, Error>> {
        let spec = map.spec();
        let parts: Vec<Vec<f32>> = map.parts().iter().map(Matrix::to_dense).collect();
        let parts: Vec<&[f32]> = parts.iter().map(Vec::as_slice).collect();
        let pieces =
            pieces(spec.family(), &parts, Place { top: 0, rows: spec.rows(), cols: spec.cols() })?;
        let signs = match spec.family() {
            Family::PerGate(stack) => signs(&stack.of, spec.cols()),
            family => signs(family, spec.cols()),
        };
        Some(pieces.map(|pieces| Self { pieces, signs }))
    }

    pub(super) fn packed(&mut self) -> Vec<&mut dyn Packed> {
        self.pieces.iter_mut().map(|piece| &mut *piece.product as &mut dyn Packed).collect()
    }

    /// `y = W x` for one vector.
    pub(super) fn multiply(
        &self,
        x: &[f32],
        kernel: &mut Scratch,
        scratch: &mut SpectralScratch,
        y: &mut [f32],
    ) {
        let SpectralScratch { input, output } = scratch;
        y.fill(0.0);
        for piece in &self.pieces {
            let (rows, cols) = (piece.product.rows(), piece.product.cols());
            input.clear();
            match &self.signs {
                None => input.extend_from_slice(&x[piece.cols.clone()]),
                Some(signs) => {
                    let pairs = piece.cols.clone().map(|col| x[col] * signs[col]);
                    input.extend(pairs);
                }
            }
            input.resize(cols, 0.0);
            output.resize(rows, 0.0);
            piece.product.multiply(None, input, 1, Epilogue::NONE, kernel, output);
            let y = &mut y[piece.rows.clone()];
            match piece.reversed {
                false => y.iter_mut().zip(&*output).for_each(|(y, v)| *y += v),
                true => y.iter_mut().zip(output.iter().rev()).for_each(|(y, v)| *y += v),
            }
        }
    }
}

fn signs(family: &Family, cols: usize) -> Option<Vec<f32>> {
    let Family::Circulant(family) = family else { return None };
    Some((0..cols).map(|col| family.sign(col)).collect())
}

/// A matrix of `rows x cols` whose first row is row `top` of the whole.
#[derive(Clone, Copy)]
struct Place {
    top: usize,
    rows: usize,
    cols: usize,
}

/// Share `number` of `count` of every part.
fn share<'a>(parts: &[&'a [f32]], number: usize, count: usize) -> Vec<&'a [f32]> {
    let of = |part: &&'a [f32]| {
        let length = part.len() / count;
        &part[number * length..][..length]
    };
    parts.iter().map(of).collect()
}

/// The pieces of a matrix; `None` if the family has none.
fn pieces(family: &Family, parts: &[&[f32]], place: Place) -> Option<Result<Vec<Piece>, Error>> {
    Some(match family {
        Family::ToeplitzLike(family) => squares(parts, family.rectangle, place, false, like),
        Family::HankelLike(family) => squares(parts, family.rectangle, place, true, like),
        Family::SkewCirculant(family) => squares(parts, family.rectangle, place, false, skew),
        Family::Circulant(family) => {
            blocks(parts[0], family.rectangle.tiles(place.rows, place.cols).1, place)
        }
        Family::BlockCirculant(family) => blocks(parts[0], family.block, place),
        Family::PerGate(stack) => {
            let rows = place.rows / stack.gates;
            let gates = (0..stack.gates).map(|gate| {
                let place = Place { top: place.top + gate * rows, rows, ..place };
                pieces(&stack.of, &share(parts, gate, stack.gates), place)
            });
            let gates: Option<Result<Vec<Vec<Piece>>, Error>> = gates.collect();
            gates?.map(|gates| gates.into_iter().flatten().collect())
        }
        _ => return None,
    })
}

/// One square after the other, each made of its share of the parts.
fn squares(
    parts: &[&[f32]],
    rectangle: Rectangle,
    place: Place,
    reversed: bool,
    make: fn(&[&[f32]], usize) -> Result<Box<dyn Product>, Error>,
) -> Result<Vec<Piece>, Error> {
    let Place { top, rows, cols } = place;
    let (count, n) = rectangle.tiles(rows, cols);
    let square = |number: usize| {
        let (down, right) = if rows >= cols { (number * n, 0) } else { (0, number * n) };
        Ok(Piece {
            product: make(&share(parts, number, count), n)?,
            rows: top + down..top + (down + n).min(rows),
            cols: right..(right + n).min(cols),
            reversed,
        })
    };
    (0..count).map(square).collect()
}

fn like(parts: &[&[f32]], n: usize) -> Result<Box<dyn Product>, Error> {
    let rank = parts[0].len() / n;
    Ok(Box::new(ToeplitzLike::new(parts[0], parts[1], rank, n, n)?))
}

fn skew(parts: &[&[f32]], _: usize) -> Result<Box<dyn Product>, Error> {
    Ok(Box::new(BlockCirculant::skew_circulant(parts[0])?))
}

fn blocks(columns: &[f32], block: usize, place: Place) -> Result<Vec<Piece>, Error> {
    let Place { top, rows, cols } = place;
    let product = Box::new(BlockCirculant::new(columns, block, rows, cols)?);
    Ok(vec![Piece { product, rows: top..top + rows, cols: 0..cols, reversed: false }])
}
