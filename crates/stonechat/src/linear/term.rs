//! One term of a packed map, which is a sum of terms.

use std::mem;
use std::ops::Range;

use stonechat_kernels::{Epilogue, Packed, Product, Scratch};

/// A chain of products, from all or some inputs to all or some outputs of a map.
pub(super) struct Term {
    /// At least one; the first is multiplied first.
    factors: Vec<Box<dyn Product>>,
    /// The inputs; `None` means all of them.
    inputs: Option<Inputs>,
    /// The outputs; `None` means all of them, in order.
    outputs: Option<Outputs>,
}

/// Neighbouring inputs of a map, padded with zeros if the first factor takes more.
pub(super) struct Inputs {
    pub(super) range: Range<usize>,
    /// A factor for each, if needed.
    pub(super) signs: Option<Vec<f32>>,
}

/// Outputs of a map, in any order.
pub(super) struct Outputs {
    /// How many results of the last factor are dropped at the front.
    pub(super) skipped: usize,
    /// The output that each following result is added to; results beyond these are unused.
    pub(super) rows: Vec<usize>,
}

/// Working memory.
#[derive(Default)]
pub(super) struct Buffers {
    input: Vec<f32>,
    middle: Vec<f32>,
    next: Vec<f32>,
    output: Vec<f32>,
}

impl Term {
    /// From all inputs to all outputs.
    pub(super) fn whole(factors: Vec<Box<dyn Product>>) -> Self {
        Self { factors, inputs: None, outputs: None }
    }

    /// From all inputs, or some, to these outputs.
    pub(super) fn part(
        factors: Vec<Box<dyn Product>>,
        inputs: Option<Inputs>,
        outputs: Outputs,
    ) -> Self {
        Self { factors, inputs, outputs: Some(outputs) }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.inputs.is_none() && self.outputs.is_none()
    }

    /// The weights, so that they can be moved.
    pub(super) fn packed(&mut self) -> impl Iterator<Item = &mut dyn Packed> {
        self.factors.iter_mut().map(|factor| &mut **factor as &mut dyn Packed)
    }

    /// `y = act(W x + bias)`, for a term that covers the whole map.
    pub(super) fn store(
        &self,
        x: &[f32],
        batch: usize,
        epilogue: Epilogue<'_>,
        kernel: &mut Scratch,
        buffers: &mut Buffers,
        y: &mut [f32],
    ) {
        let Some((last, before)) = self.factors.split_last() else { return };
        let Buffers { middle, next, .. } = buffers;
        for (number, factor) in before.iter().enumerate() {
            next.resize(batch * factor.rows(), 0.0);
            let x = if number == 0 { x } else { &*middle };
            factor.multiply(None, x, batch, Epilogue::NONE, kernel, next);
            mem::swap(middle, next);
        }
        let x = if before.is_empty() { x } else { &*middle };
        last.multiply(None, x, batch, epilogue, kernel, y);
    }

    /// `y += W x`.
    pub(super) fn add(
        &self,
        x: &[f32],
        batch: usize,
        kernel: &mut Scratch,
        buffers: &mut Buffers,
        y: &mut [f32],
    ) {
        let (Some(first), Some(last)) = (self.factors.first(), self.factors.last()) else { return };
        let (mut input, mut output) =
            (mem::take(&mut buffers.input), mem::take(&mut buffers.output));
        let x = match &self.inputs {
            None => x,
            Some(inputs) => {
                inputs.gather(x, x.len() / batch, first.cols(), &mut input);
                &input
            }
        };
        let rows = last.rows();
        output.resize(batch * rows, 0.0);
        self.store(x, batch, Epilogue::NONE, kernel, buffers, &mut output);
        let vectors = y.chunks_exact_mut(y.len() / batch).zip(output.chunks_exact(rows));
        for (y, output) in vectors {
            match &self.outputs {
                None => y.iter_mut().zip(output).for_each(|(y, v)| *y += v),
                Some(Outputs { skipped, rows }) => {
                    rows.iter().zip(&output[*skipped..]).for_each(|(&row, v)| y[row] += v);
                }
            }
        }
        (buffers.input, buffers.output) = (input, output);
    }
}

impl Inputs {
    /// Copies these inputs out of vectors of `cols` values, as vectors of `width` values.
    fn gather(&self, x: &[f32], cols: usize, width: usize, input: &mut Vec<f32>) {
        input.clear();
        for (number, x) in x.chunks_exact(cols).enumerate() {
            let x = &x[self.range.clone()];
            match &self.signs {
                None => input.extend_from_slice(x),
                Some(signs) => input.extend(x.iter().zip(signs).map(|(x, sign)| x * sign)),
            }
            input.resize((number + 1) * width, 0.0);
        }
    }
}
