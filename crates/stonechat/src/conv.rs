//! A 2-D convolution over frequency and time, as a stream of frames.
//!
//! The layer is a linear map from a patch (`kernel_time x kernel_freq x channels_in`) to
//! `channels_out` values, applied to one patch per output bin. A ring holds the last `kernel_time`
//! input frames with their frequency padding, so that a patch is `kernel_time` contiguous pieces of
//! it. The ring starts as zeros, which is the padding before the first frame; `finish` feeds zeros
//! for the padding after the last one.

use stonechat_kernels::{Activation, Packed};
use stonechat_model::{Affine, NetworkConfig};
use stonechat_plan::RunPlan;

use crate::Error;
use crate::linear::{LinearScratch, PackedMap};

/// Patches are gathered for as many bins at a time as fit into this many floats: half of a 1 MB L2
/// cache, which the weights share. This also bounds the memory for filters of any size.
const TILE_FLOATS: usize = 128 * 1024;

pub(crate) struct ConvLayer {
    map: PackedMap,
    bias: Vec<f32>,
    activation: Activation,
    /// Values of an input frame, `bins_in x channels_in`.
    input: usize,
    /// Zeros before (and after) the values of a frame in the ring.
    padding: usize,
    /// Values of one time step of a patch, `kernel_freq x channels_in`.
    piece: usize,
    /// Distance between the patches of neighbouring bins.
    bin_step: usize,
    bins_out: usize,
    kernel_time: usize,
    stride_time: u64,
    lookahead: u64,
}

pub(crate) struct ConvState {
    /// `kernel_time x (padding + input + padding)`; frame `n` lies in slot `n % kernel_time`.
    ring: Vec<f32>,
    /// Patches of one tile, `bins x (kernel_time * piece)`.
    patches: Vec<f32>,
    frames_in: u64,
    frames_out: u64,
}

impl ConvLayer {
    pub(crate) fn new(
        index: usize,
        affine: &Affine,
        config: &NetworkConfig,
        plan: &RunPlan,
    ) -> Result<Self, Error> {
        let conv = &config.conv[index];
        let [kernel_freq, kernel_time] = conv.kernel;
        let channels_in = config.conv_channels_in(index);
        Ok(Self {
            map: PackedMap::pack(&format!("conv.{index}"), &affine.map, plan)?,
            bias: affine.bias.clone(),
            activation: Activation::ClippedRelu(config.clip),
            input: config.conv_bins(index) * channels_in,
            padding: conv.frequency_padding() * channels_in,
            piece: kernel_freq * channels_in,
            bin_step: conv.stride[0] * channels_in,
            bins_out: config.conv_bins(index + 1),
            kernel_time,
            stride_time: conv.stride[1] as u64,
            lookahead: conv.lookahead as u64,
        })
    }

    /// The weights, so that they can be moved.
    pub(crate) fn packed(&mut self) -> impl Iterator<Item = &mut dyn Packed> {
        self.map.packed()
    }

    pub(crate) fn state(&self) -> ConvState {
        ConvState {
            ring: vec![0.0; self.state_floats()],
            patches: Vec::new(),
            frames_in: 0,
            frames_out: 0,
        }
    }

    /// Size of the ring, in floats.
    pub(crate) fn state_floats(&self) -> usize {
        self.kernel_time * self.slot()
    }

    /// `x`: whole input frames. Appends the output frames that are now complete to `out`.
    pub(crate) fn push(
        &self,
        state: &mut ConvState,
        x: &[f32],
        scratch: &mut LinearScratch,
        out: &mut Vec<f32>,
    ) {
        for frame in x.chunks_exact(self.input) {
            self.slot_of(state, state.frames_in)[self.padding..][..self.input]
                .copy_from_slice(frame);
            state.frames_in += 1;
            self.emit_if_complete(state, state.frames_in, scratch, out);
        }
    }

    /// Appends the output frames that need zeros after the end of the input. Only `reset` may
    /// follow.
    pub(crate) fn finish(
        &self,
        state: &mut ConvState,
        scratch: &mut LinearScratch,
        out: &mut Vec<f32>,
    ) {
        let mut seen = state.frames_in;
        while state.frames_out * self.stride_time < state.frames_in {
            self.slot_of(state, seen)[self.padding..][..self.input].fill(0.0);
            seen += 1;
            self.emit_if_complete(state, seen, scratch, out);
        }
    }

    /// Computes the next output frame if the last of its input frames is number `seen - 1`.
    fn emit_if_complete(
        &self,
        state: &mut ConvState,
        seen: u64,
        scratch: &mut LinearScratch,
        out: &mut Vec<f32>,
    ) {
        let last = state.frames_out * self.stride_time + self.lookahead;
        if last + 1 != seen {
            return;
        }
        let cols = self.map.cols();
        let tile = (TILE_FLOATS / cols).clamp(1, self.bins_out);
        let oldest = (seen % self.kernel_time as u64) as usize;
        for first in (0..self.bins_out).step_by(tile) {
            let bins = tile.min(self.bins_out - first);
            state.patches.resize(bins * cols, 0.0);
            for (bin, patch) in state.patches.chunks_exact_mut(cols).enumerate() {
                self.gather(&state.ring, oldest, first + bin, patch);
            }
            let start = out.len();
            out.resize(start + bins * self.map.rows(), 0.0);
            self.map.matmul(
                &state.patches,
                bins,
                Some(&self.bias),
                self.activation,
                scratch,
                &mut out[start..],
            );
        }
        state.frames_out += 1;
    }

    /// The patch of an output bin, oldest frame first; the ring's oldest frame is in slot
    /// `oldest`.
    fn gather(&self, ring: &[f32], oldest: usize, bin: usize, patch: &mut [f32]) {
        for (time, piece) in patch.chunks_exact_mut(self.piece).enumerate() {
            let mut slot = oldest + time;
            if slot >= self.kernel_time {
                slot -= self.kernel_time;
            }
            piece.copy_from_slice(&ring[slot * self.slot() + bin * self.bin_step..][..self.piece]);
        }
    }

    /// Floats of a slot of the ring.
    fn slot(&self) -> usize {
        self.input + 2 * self.padding
    }

    fn slot_of<'a>(&self, state: &'a mut ConvState, frame: u64) -> &'a mut [f32] {
        let slot = (frame % self.kernel_time as u64) as usize;
        &mut state.ring[slot * self.slot()..][..self.slot()]
    }
}

impl ConvState {
    pub(crate) fn reset(&mut self) {
        self.ring.fill(0.0);
        self.frames_in = 0;
        self.frames_out = 0;
    }
}
