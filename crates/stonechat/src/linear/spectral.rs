//! Maps that the Fourier transform makes diagonal: the matrix consists of squares, each a kernel
//! product over a part of the input.

use std::ops::Range;

use stonechat_kernels::fft::{BlockCirculant, ToeplitzLike};
use stonechat_kernels::{Error, Product};
use stonechat_model::{Family, LinearMap, Matrix, Rectangle};

use super::term::{Inputs, Outputs, Term};

/// A square, or its part inside the matrix.
struct Piece {
    product: Box<dyn Product>,
    rows: Range<usize>,
    cols: Range<usize>,
    /// Whether the results come in reverse order.
    reversed: bool,
}

/// `W` as a sum of products over parts of the input, each for a part of the output. `None` for all
/// other families.
pub(super) fn terms(map: &LinearMap) -> Option<Result<Vec<Term>, Error>> {
    let parts: Vec<Vec<f32>> = map.parts().iter().map(Matrix::to_dense).collect();
    let parts: Vec<&[f32]> = parts.iter().map(Vec::as_slice).collect();
    let whole = Place { top: 0, rows: map.rows(), cols: map.cols() };
    let pieces = pieces(map.family(), &parts, whole)?;
    let family = match map.family() {
        Family::PerGate(stack) => &*stack.of,
        family => family,
    };
    let term = |Piece { product, rows, cols, reversed }: Piece| {
        let signs = match family {
            Family::Circulant(family) => Some(cols.clone().map(|col| family.sign(col)).collect()),
            _ => None,
        };
        // In reverse order, the results beyond the last row come first.
        let outputs = match reversed {
            false => Outputs { skipped: 0, rows: rows.collect() },
            true => Outputs { skipped: product.rows() - rows.len(), rows: rows.rev().collect() },
        };
        Term::part(vec![product], Some(Inputs { range: cols, signs }), outputs)
    };
    Some(pieces.map(|pieces| pieces.into_iter().map(term).collect()))
}

/// The size of a matrix, and which row of the whole is its first.
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

/// The squares of a matrix; `None` if the family has none.
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

/// Makes the product of an `n x n` square from its parts.
type Make = fn(&[&[f32]], usize) -> Result<Box<dyn Product>, Error>;

/// One square after another, each made from its share of the parts.
fn squares(
    parts: &[&[f32]],
    rectangle: Rectangle,
    place: Place,
    reversed: bool,
    make: Make,
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
