//! The look-ahead (row) convolution of Deep Speech 2 as a stream: `r_t = clip(relu(sum over j =
//! 0..=lookahead of w_j * h_{t+j}))`, elementwise, with zeros after the end. Frame `t` comes out
//! when frame `t + lookahead` has come in.

use stonechat_model::NetworkConfig;

pub(crate) struct RowConvLayer {
    /// `taps x width`.
    weights: Vec<f32>,
    taps: usize,
    width: usize,
    clip: f32,
}

pub(crate) struct RowConvState {
    /// `taps x width`; frame `n` lies in slot `n % taps`.
    ring: Vec<f32>,
    frames_in: u64,
    frames_out: u64,
}

impl RowConvLayer {
    pub(crate) fn new(weights: &[f32], config: &NetworkConfig) -> Self {
        let width = config.recurrent_output();
        Self { weights: weights.to_vec(), taps: weights.len() / width, width, clip: config.clip }
    }

    pub(crate) fn state(&self) -> RowConvState {
        RowConvState { ring: vec![0.0; self.weights.len()], frames_in: 0, frames_out: 0 }
    }

    /// Size of the ring, in floats.
    pub(crate) fn state_floats(&self) -> usize {
        self.weights.len()
    }

    /// `x`: whole input frames. Appends the output frames that are now complete to `out`.
    pub(crate) fn push(&self, state: &mut RowConvState, x: &[f32], out: &mut Vec<f32>) {
        for frame in x.chunks_exact(self.width) {
            self.slot_of(state, state.frames_in).copy_from_slice(frame);
            state.frames_in += 1;
            self.emit_if_complete(state, state.frames_in, out);
        }
    }

    /// Appends the output frames that need zeros after the end of the input. Only `reset` may
    /// follow.
    pub(crate) fn finish(&self, state: &mut RowConvState, out: &mut Vec<f32>) {
        let mut seen = state.frames_in;
        while state.frames_out < state.frames_in {
            self.slot_of(state, seen).fill(0.0);
            seen += 1;
            self.emit_if_complete(state, seen, out);
        }
    }

    /// Computes the next output frame if `seen` input frames are enough.
    fn emit_if_complete(&self, state: &mut RowConvState, seen: u64, out: &mut Vec<f32>) {
        if state.frames_out + self.taps as u64 != seen {
            return;
        }
        let start = out.len();
        out.resize(start + self.width, 0.0);
        let sum = &mut out[start..];
        let oldest = (state.frames_out % self.taps as u64) as usize;
        for (j, weights) in self.weights.chunks_exact(self.width).enumerate() {
            let slot = (oldest + j) % self.taps;
            let h = &state.ring[slot * self.width..][..self.width];
            for ((sum, w), h) in sum.iter_mut().zip(weights).zip(h) {
                *sum += w * h;
            }
        }
        for sum in sum {
            *sum = sum.max(0.0).min(self.clip);
        }
        state.frames_out += 1;
    }

    fn slot_of<'a>(&self, state: &'a mut RowConvState, frame: u64) -> &'a mut [f32] {
        let slot = (frame % self.taps as u64) as usize;
        &mut state.ring[slot * self.width..][..self.width]
    }
}

impl RowConvState {
    /// The ring need not be cleared: all of it is written before a frame comes out.
    pub(crate) fn reset(&mut self) {
        self.frames_in = 0;
        self.frames_out = 0;
    }
}
