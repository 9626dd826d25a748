//! Epilogues: scale, bias and activation on the way from a tile of sums to the caller's slice.
//!
//! All arithmetic is on whole panels, a register of [`Lanes`] at a time, without tails; only the
//! final copy is shorter for the last panel. There is no fused multiply-add, so the results are the
//! same bits on every instruction set.

use crate::activation::Job;
use crate::drive::{PANEL_ROWS, Tile};
use crate::lanes::{IntegerLanes, Lanes, Scalar};
use crate::pool::Part;
use crate::{Activation, Epilogue};
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::slice;

/// Where in the output the sums of a tile belong.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// First vector of the pass.
    pub(crate) vector: usize,
    /// Vectors of the pass.
    pub(crate) width: usize,
    /// First row of the panel.
    pub(crate) row: usize,
    /// Rows of the panel that belong to the matrix; the rest is padding.
    pub(crate) rows: usize,
}

/// Takes the sums of a tile.
pub(crate) trait Store<T> {
    /// Stores them, using the registers of `lanes`.
    fn store_with<L: Lanes>(&mut self, lanes: L, place: Place, tile: &Tile<T>);

    /// Stores them in plain Rust.
    #[allow(dead_code)] // for kernels that drive themselves
    #[inline(always)]
    fn store(&mut self, place: Place, tile: &Tile<T>) {
        self.store_with(Scalar, place, tile);
    }
}

/// Takes the sums of a panel while they are in registers: for the narrow panels of a low-rank
/// product, going through a [`Tile`] would cost as much as the sums.
pub(crate) trait RegisterStore: Store<i32> {
    /// Stores the sums of `B` vectors, `R` registers each, starting at the row `first` of the
    /// panel. The panel must be whole.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    fn store_registers<L: IntegerLanes, const B: usize, const R: usize>(
        &mut self,
        lanes: L,
        place: Place,
        first: usize,
        sums: &[[L::I; R]; B],
    );

    /// Stores whole panels, as many as `place` has rows for, one after another, with the sums
    /// `sums(index)`. The cost per panel apart from its sums is minimal.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    fn store_panels<L: IntegerLanes, const B: usize, const R: usize>(
        &mut self,
        lanes: L,
        place: Place,
        sums: impl FnMut(usize) -> [[L::I; R]; B],
    );
}

/// Panels of results of `B` vectors.
type OutputPanels<'o, T, const B: usize> = [&'o mut [[T; PANEL_ROWS]]; B];

/// A slice of results, `batch x rows`, or some rows of each of its vectors.
pub(crate) struct Output<'a, T> {
    /// The first row of the first vector.
    start: NonNull<T>,
    /// From there to the end of the slice.
    len: usize,
    /// Rows of the matrix: the distance between vectors.
    rows: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: a shared reference to an `Output` can write only through `share`, for which its caller is
// responsible.
unsafe impl<T: Send> Sync for Output<'_, T> {}

impl<'a, T: Copy> Output<'a, T> {
    /// All of `values`, with vectors of `rows`.
    pub(crate) fn new(values: &'a mut [T], rows: usize) -> Self {
        let len = values.len();
        Self { start: NonNull::from(values).cast(), len, rows, slice: PhantomData }
    }

    /// The rows of each vector starting at `first_row`, for one of several threads.
    ///
    /// # Safety
    /// While the result is in use, nothing else may write to the rows that are stored through it.
    pub(crate) unsafe fn share(&self, first_row: usize) -> Self {
        let skipped = first_row.min(self.len);
        // SAFETY: not beyond the end of the slice.
        let start = unsafe { self.start.add(skipped) };
        Self { start, len: self.len - skipped, ..*self }
    }

    /// The part for one vector of the pass.
    #[inline(always)]
    fn part(&mut self, place: Place, vector: usize) -> &mut [T] {
        let start = (place.vector + vector) * self.rows + place.row;
        assert!(start <= self.len && place.rows <= self.len - start, "rows within the output");
        // SAFETY: within the slice by the assertion; these rows are only this output's, by `new` or
        // by the promise to `share`.
        unsafe { slice::from_raw_parts_mut(self.start.add(start).as_ptr(), place.rows) }
    }
}

impl<T: Copy> Output<'_, T> {
    /// The whole panels of a place for each of its `B` vectors.
    #[inline(always)]
    fn panels<const B: usize>(&mut self, place: Place) -> OutputPanels<'_, T, B> {
        let Place { vector, row, rows, .. } = place;
        assert!(row + rows <= self.rows, "rows of one vector");
        core::array::from_fn(
            #[inline(always)]
            |b| {
                let start = (vector + b) * self.rows + row;
                assert!(start <= self.len && rows <= self.len - start, "rows within the output");
                // SAFETY: within the slice by the assertion; these rows are only this output's, by
                // `new` or by the promise to `share`, and no two vectors share any, by the first
                // assertion.
                unsafe {
                    let start = self.start.add(start).cast::<[T; PANEL_ROWS]>();
                    slice::from_raw_parts_mut(start.as_ptr(), rows / PANEL_ROWS)
                }
            },
        )
    }
}

/// Stores the sums unchanged.
pub(crate) struct Plain<'a, T> {
    /// Where they go.
    pub(crate) output: Output<'a, T>,
}

impl<T: Copy> Store<T> for Plain<'_, T> {
    #[inline(always)]
    fn store_with<L: Lanes>(&mut self, _: L, place: Place, tile: &Tile<T>) {
        for (vector, sums) in tile.0[..place.width].iter().enumerate() {
            let out = self.output.part(place, vector);
            match <&mut [T; PANEL_ROWS]>::try_from(&mut *out) {
                Ok(whole) => *whole = *sums,
                Err(_) => out.copy_from_slice(&sums[..place.rows]),
            }
        }
    }
}

impl RegisterStore for Plain<'_, i32> {
    #[inline(always)]
    fn store_registers<L: IntegerLanes, const B: usize, const R: usize>(
        &mut self,
        lanes: L,
        place: Place,
        first: usize,
        sums: &[[L::I; R]; B],
    ) {
        for (vector, sums) in sums.iter().enumerate() {
            let out = &mut self.output.part(place, vector)[first..first + R * L::WIDTH];
            for r in 0..R {
                lanes.store_integers(sums[r], &mut out[r * L::WIDTH..]);
            }
        }
    }

    #[inline(always)]
    fn store_panels<L: IntegerLanes, const B: usize, const R: usize>(
        &mut self,
        lanes: L,
        place: Place,
        mut sums: impl FnMut(usize) -> [[L::I; R]; B],
    ) {
        let out = self.output.panels::<B>(place);
        for index in 0..place.rows / PANEL_ROWS {
            let sums = sums(index);
            for b in 0..B {
                for r in 0..R {
                    lanes.store_integers(sums[b][r], &mut out[b][index][r * L::WIDTH..]);
                }
            }
        }
    }
}

/// The first row of each register of a panel.
#[inline(always)]
pub(crate) fn registers<L: Lanes>() -> impl Iterator<Item = usize> {
    (0..PANEL_ROWS / L::WIDTH).map(
        #[inline(always)]
        |n| n * L::WIDTH,
    )
}

/// Values and bias of the last panel of a matrix, padded to a whole panel.
#[repr(C, align(64))]
struct Work {
    values: [f32; PANEL_ROWS],
    bias: [f32; PANEL_ROWS],
}

/// Bias, activation and output of a product, shared by the integer and the float epilogue.
pub(crate) struct Finish<'a> {
    output: Output<'a, f32>,
    bias: Option<&'a [f32]>,
    act: Activation,
    work: Work,
}

impl<'a> Finish<'a> {
    /// A bias has one value per row; `output` is `batch x rows`.
    pub(crate) fn new(output: Output<'a, f32>, Epilogue { bias, act }: Epilogue<'a>) -> Self {
        Self {
            output,
            bias,
            act,
            work: Work { values: [0.0; PANEL_ROWS], bias: [0.0; PANEL_ROWS] },
        }
    }

    /// Stores `act(value(vector of the pass, row of the panel) + bias)`, a register starting at
    /// this row, for every vector and row of `place`.
    #[inline(always)]
    fn take<L: Lanes>(&mut self, lanes: L, place: Place, value: impl Fn(usize, usize) -> L::F) {
        let act = self.act;
        act.choose(lanes, Finishing { finish: self, lanes, place, value });
    }

    /// [`take`](Self::take) for `R` registers of a whole panel starting at the row `first`; `value`
    /// is called with the vector and the register.
    #[inline(always)]
    fn take_registers<L: Lanes, const R: usize>(
        &mut self,
        lanes: L,
        place: Place,
        first: usize,
        value: impl Fn(usize, usize) -> L::F,
    ) {
        let act = self.act;
        let place = Place { row: place.row + first, rows: R * L::WIDTH, ..place };
        let job = FinishingRegisters::<L, _, R>(Finishing { finish: self, lanes, place, value });
        act.choose(lanes, job);
    }
}

/// A call of [`Finish::take`] without its function yet.
struct Finishing<'f, 'a, L, V> {
    finish: &'f mut Finish<'a>,
    lanes: L,
    place: Place,
    value: V,
}

impl<L: Lanes, V: Fn(usize, usize) -> L::F> Job<L> for Finishing<'_, '_, L, V> {
    #[inline(always)]
    fn run(self, function: impl Fn(L::F) -> L::F) {
        let Self { finish, lanes, place, value } = self;
        let Work { values, bias: padded } = &mut finish.work;
        let bias = match finish.bias {
            None => &*padded, // zeros: nothing is ever copied there
            Some(bias) => {
                let bias = &bias[place.row..place.row + place.rows];
                match <&[f32; PANEL_ROWS]>::try_from(bias) {
                    Ok(whole) => whole,
                    Err(_) => {
                        padded[..place.rows].copy_from_slice(bias);
                        &*padded
                    }
                }
            }
        };
        for vector in 0..place.width {
            let out = finish.output.part(place, vector);
            let to = match <&mut [f32; PANEL_ROWS]>::try_from(&mut *out) {
                Ok(whole) => whole,
                Err(_) => &mut *values,
            };
            for i in registers::<L>() {
                let sum = lanes.add(value(vector, i), lanes.load(&bias[i..]));
                lanes.store(function(sum), &mut to[i..]);
            }
            if out.len() < PANEL_ROWS {
                out.copy_from_slice(&values[..place.rows]);
            }
        }
    }
}

/// The same for `R` registers of a whole panel that begin at the row of `place`: nothing is copied.
struct FinishingRegisters<'f, 'a, L, V, const R: usize>(Finishing<'f, 'a, L, V>);

impl<L: Lanes, V: Fn(usize, usize) -> L::F, const R: usize> Job<L>
    for FinishingRegisters<'_, '_, L, V, R>
{
    #[inline(always)]
    fn run(self, function: impl Fn(L::F) -> L::F) {
        let Finishing { finish, lanes, place, value } = self.0;
        let bias = match finish.bias {
            None => &finish.work.bias[..], // zeros, as above
            Some(bias) => &bias[place.row..],
        };
        let bias = &bias[..R * L::WIDTH];
        for vector in 0..place.width {
            let to = &mut finish.output.part(place, vector)[..R * L::WIDTH];
            for r in 0..R {
                let i = r * L::WIDTH;
                let sum = lanes.add(value(vector, r), lanes.load(&bias[i..]));
                lanes.store(function(sum), &mut to[i..]);
            }
        }
    }
}

/// Integer sums to `act(sum * (row scale * vector scale) + bias)`.
pub(crate) struct Scaled<'a> {
    /// One scale per row, padded to whole panels.
    pub(crate) row_scales: &'a [f32],
    /// One scale per vector.
    pub(crate) vector_scales: &'a [f32],
    /// The rest.
    pub(crate) finish: Finish<'a>,
}

impl<'a> Scaled<'a> {
    /// The epilogue for the rows of a part, with the row scales of the whole; epilogue and output
    /// begin with these rows.
    pub(crate) fn of_part(
        part: &Part,
        row_scales: &'a [f32],
        vector_scales: &'a [f32],
        output: Output<'a, f32>,
        epilogue: Epilogue<'a>,
    ) -> Self {
        Scaled {
            row_scales: &row_scales[part.padded_rows()],
            vector_scales,
            finish: Finish::new(output, epilogue),
        }
    }
}

impl Store<i32> for Scaled<'_> {
    #[inline(always)]
    fn store_with<L: Lanes>(&mut self, lanes: L, place: Place, tile: &Tile<i32>) {
        let row_scales = &self.row_scales[place.row..place.row + PANEL_ROWS];
        let vector_scales = &self.vector_scales[place.vector..place.vector + place.width];
        self.finish.take(
            lanes,
            place,
            #[inline(always)]
            |vector, i| {
                let vector_scale = lanes.splat(vector_scales[vector]);
                let scale = lanes.mul(lanes.load(&row_scales[i..]), vector_scale);
                lanes.mul(lanes.load_integers(&tile.0[vector][i..]), scale)
            },
        );
    }
}

impl RegisterStore for Scaled<'_> {
    #[inline(always)]
    fn store_registers<L: IntegerLanes, const B: usize, const R: usize>(
        &mut self,
        lanes: L,
        place: Place,
        first: usize,
        sums: &[[L::I; R]; B],
    ) {
        let row_scales = &self.row_scales[place.row + first..][..R * L::WIDTH];
        let vector_scales = &self.vector_scales[place.vector..place.vector + B];
        self.finish.take_registers::<L, R>(
            lanes,
            Place { width: B, ..place }, // a constant, so that the registers are known in advance
            first,
            #[inline(always)]
            |vector, r| {
                let vector_scale = lanes.splat(vector_scales[vector]);
                let scale = lanes.mul(lanes.load(&row_scales[r * L::WIDTH..]), vector_scale);
                lanes.mul(lanes.to_floats(sums[vector][r]), scale)
            },
        );
    }

    #[inline(always)]
    fn store_panels<L: IntegerLanes, const B: usize, const R: usize>(
        &mut self,
        lanes: L,
        place: Place,
        mut sums: impl FnMut(usize) -> [[L::I; R]; B],
    ) {
        let count = place.rows / PANEL_ROWS;
        if self.finish.act != Activation::None {
            for index in 0..count {
                let row = place.row + index * PANEL_ROWS;
                let place = Place { row, rows: PANEL_ROWS, ..place };
                self.store_registers(lanes, place, 0, &sums(index));
            }
            return;
        }
        // Most products end without a function. Then nothing has to be decided or looked up between
        // panels, which would cost as much as the sums in the short panels of a low-rank product.
        let row_scales = self.row_scales[place.row..][..place.rows].as_chunks::<PANEL_ROWS>().0;
        let vector_scales = &self.vector_scales[place.vector..][..B];
        let bias = self.finish.bias.map(
            #[inline(always)]
            |bias| bias[place.row..][..place.rows].as_chunks::<PANEL_ROWS>().0,
        );
        let out = self.finish.output.panels::<B>(place);
        for index in 0..count {
            let sums = sums(index);
            let bias = bias.map_or(
                &self.finish.work.bias, // zeros, as above
                #[inline(always)]
                |bias| &bias[index],
            );
            for b in 0..B {
                let vector_scale = lanes.splat(vector_scales[b]);
                for r in 0..R {
                    let i = r * L::WIDTH;
                    let scale = lanes.mul(lanes.load(&row_scales[index][i..]), vector_scale);
                    let sum = lanes.mul(lanes.to_floats(sums[b][r]), scale);
                    lanes.store(lanes.add(sum, lanes.load(&bias[i..])), &mut out[b][index][i..]);
                }
            }
        }
    }
}

/// Float sums to `act(sum + bias)`.
pub(crate) struct Biased<'a> {
    /// Everything.
    pub(crate) finish: Finish<'a>,
}

impl Store<f32> for Biased<'_> {
    #[inline(always)]
    fn store_with<L: Lanes>(&mut self, lanes: L, place: Place, tile: &Tile<f32>) {
        self.finish.take(
            lanes,
            place,
            #[inline(always)]
            |vector, i| lanes.load(&tile.0[vector][i..]),
        );
    }
}
