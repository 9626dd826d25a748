//! The shape of a network and everything derived from it: sizes of all linear maps, strides,
//! look-ahead.
//!
//! The network is the streaming Deep Speech 2 (Amodei et al. 2016, arXiv 1512.02595) with the
//! recurrent layer of Kliegl et al. 2017 (arXiv 1710.09026, eq. 10) or another cell: 2-D
//! convolutions, forward recurrent layers, an optional row convolution, an optional fully connected
//! layer, and the CTC output layer.

use crate::{Error, RecurrentConfig, Result};
use serde::{Deserialize, Serialize};

/// Largest size of any layer dimension.
pub(crate) const MAX_DIM: usize = 65_536;
/// Largest filter extent, stride or look-ahead, in frames or bins.
const MAX_EXTENT: usize = 1024;
/// The most convolutions, and the most recurrent layers.
const MAX_LAYERS: usize = 16;
/// The most elements of one weight: keeps every product of sizes within 32 bits.
const MAX_ELEMENTS: usize = 1 << 30;

/// Shape of a network, from feature frames to logits.
///
/// Layers run bottom to top in the order of the fields. Call [`validate`](Self::validate) on a
/// config from outside before using the other methods: they assume a valid config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Feature dimension of an input frame.
    pub input: usize,
    /// 2-D convolutions, each followed by the clipped ReLU; may be empty.
    #[serde(default)]
    pub conv: Vec<ConvConfig>,
    /// Upper bound of the clipped ReLU `min(max(x, 0), clip)`.
    #[serde(default = "default_clip")]
    pub clip: f32,
    /// Recurrent layers, bottom to top; at least one. A plain number is a GRU of that width, so the
    /// key may also be called `gru`.
    #[serde(alias = "gru")]
    pub recurrent: Vec<RecurrentConfig>,
    /// Non-linearity of the GRU's candidate state and of the simple recurrence.
    #[serde(default)]
    pub candidate: Candidate,
    /// Look-ahead (row) convolution above the last recurrent layer, followed by the clipped ReLU.
    #[serde(default)]
    pub row_conv: Option<RowConvConfig>,
    /// Width of a fully connected layer below the output, followed by the clipped ReLU.
    #[serde(default)]
    pub fc: Option<usize>,
}

fn default_clip() -> f32 {
    20.0
}

/// Non-linearity `f` of the candidate state in eq. (10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidate {
    /// Hyperbolic tangent: keeps the state within -1..1.
    #[default]
    Tanh,
    /// The clipped ReLU of the other layers, as in Deep Speech 2.
    ClippedRelu,
}

/// One 2-D convolution over frequency and time.
///
/// In time, output frame `t` exists for every `t * stride < frames` and sees the input frames `t *
/// stride - left ..= t * stride + lookahead` with `left = kernel - 1 - lookahead`, zeros outside.
/// In frequency, `(kernel - 1) / 2` zeros pad both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvConfig {
    /// Output channels.
    pub channels: usize,
    /// Filter extent `[frequency bins, frames]`.
    pub kernel: [usize; 2],
    /// Stride `[frequency bins, frames]`.
    pub stride: [usize; 2],
    /// Input frames seen to the right of the current one; 0 is causal.
    #[serde(default)]
    pub lookahead: usize,
}

impl ConvConfig {
    /// Zeros on either side in frequency.
    pub fn frequency_padding(&self) -> usize {
        (self.kernel[0] - 1) / 2
    }

    /// Input frames seen to the left of the current one.
    pub fn left_context(&self) -> usize {
        self.kernel[1] - 1 - self.lookahead
    }

    /// Output bins for `bins` input bins; `None` if the filter is taller than the padded input.
    pub fn bins_out(&self, bins: usize) -> Option<usize> {
        let padded = bins + 2 * self.frequency_padding();
        Some(padded.checked_sub(self.kernel[0])? / self.stride[0] + 1)
    }
}

/// Row convolution `r_t = sum over j = 0..=lookahead of w_j * h_{t+j}` (elementwise; Deep Speech 2,
/// section 3.7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowConvConfig {
    /// Future frames seen, counted after the convolutions' time stride; there are `lookahead + 1`
    /// taps.
    pub lookahead: usize,
}

impl RowConvConfig {
    /// Number of taps.
    pub fn taps(&self) -> usize {
        self.lookahead + 1
    }
}

/// What a linear map does in the network. Penalties and ranks are chosen by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Convolution filters.
    Conv,
    /// Input weights `W` of a recurrent layer, applied to all time steps at once.
    Nonrecurrent,
    /// Recurrent weights `U`, applied to one time step after another.
    Recurrent,
    /// The left factor that input and recurrent weights of a layer share.
    Joint,
    /// The projection of a recurrent layer's state.
    Projection,
    /// The fully connected layer.
    FullyConnected,
    /// The output layer.
    Output,
}

impl NetworkConfig {
    /// Checks every field, so that no method of this type can fail or overflow afterwards.
    ///
    /// # Errors
    /// Names the first bad field and its bounds.
    pub fn validate(&self) -> Result<()> {
        in_range("input", self.input, 1, MAX_DIM)?;
        if !(self.clip.is_finite() && self.clip > 0.0) {
            let reason = format!("is {}, must be positive and finite", self.clip);
            return Err(Error::config("clip", reason));
        }
        in_range("conv (layers)", self.conv.len(), 0, MAX_LAYERS)?;
        in_range("recurrent (layers)", self.recurrent.len(), 1, MAX_LAYERS)?;
        let (mut bins, mut channels, mut stride) = (self.input, 1, 1);
        for (l, conv) in self.conv.iter().enumerate() {
            conv.validate(l)?;
            bins = conv.bins_out(bins).ok_or_else(|| {
                let reason = format!("is taller than the {bins} padded bins below it");
                Error::config(format!("conv[{l}].kernel[0]"), reason)
            })?;
            let filter = conv.kernel[0] * conv.kernel[1];
            elements(&format!("conv[{l}].kernel"), conv.channels, filter, channels)?;
            channels = conv.channels;
            in_range(&format!("conv[{l}] (bins x channels)"), bins * channels, 1, MAX_DIM)?;
            stride *= conv.stride[1];
            in_range(&format!("conv[{l}].stride[1] (all layers)"), stride, 1, MAX_EXTENT)?;
        }
        let mut width = bins * channels;
        for (l, layer) in self.recurrent.iter().enumerate() {
            layer.validate(&format!("recurrent[{l}]"), width)?;
            width = layer.output();
        }
        if let Some(row_conv) = &self.row_conv {
            in_range("row_conv.lookahead", row_conv.lookahead, 0, MAX_EXTENT)?;
        }
        if let Some(fc) = self.fc {
            in_range("fc", fc, 1, MAX_DIM)?;
            elements("fc", 1, fc, width)?;
        }
        Ok(())
    }

    /// Frequency bins after the first `layers` convolutions (0 gives the input's).
    pub fn conv_bins(&self, layers: usize) -> usize {
        let below = self.conv.iter().take(layers);
        below.fold(self.input, |bins, conv| conv.bins_out(bins).unwrap_or(0))
    }

    /// Input channels of convolution `layer`: 1 for the first.
    pub fn conv_channels_in(&self, layer: usize) -> usize {
        match layer.checked_sub(1) {
            Some(below) => self.conv[below].channels,
            None => 1,
        }
    }

    /// Inputs of one filter of convolution `layer`: columns of its weight.
    pub fn conv_filter(&self, layer: usize) -> usize {
        let [frequency, time] = self.conv[layer].kernel;
        frequency * time * self.conv_channels_in(layer)
    }

    /// Input width of recurrent layer `layer`.
    pub fn recurrent_input(&self, layer: usize) -> usize {
        match layer.checked_sub(1) {
            Some(below) => self.recurrent[below].output(),
            None => self.conv_bins(self.conv.len()) * self.conv_channels_in(self.conv.len()),
        }
    }

    /// Output width of the last recurrent layer, which is also the width of the row convolution.
    pub fn recurrent_output(&self) -> usize {
        self.recurrent_input(self.recurrent.len())
    }

    /// Input width of the output layer.
    pub fn output_input(&self) -> usize {
        self.fc.unwrap_or_else(|| self.recurrent_output())
    }

    /// Input frames per output frame.
    pub fn time_stride(&self) -> usize {
        self.conv.iter().map(|conv| conv.stride[1]).product()
    }

    /// Logits frames for `frames` feature frames: divided by each stride in turn, rounding up each
    /// time.
    pub fn frames_out(&self, frames: usize) -> usize {
        let strides = self.conv.iter().map(|conv| conv.stride[1]);
        strides.fold(frames, |frames, stride| frames.div_ceil(stride))
    }

    /// Feature frames beyond the current one that its logits depend on.
    pub fn lookahead_frames(&self) -> usize {
        let (mut total, mut stride) = (0, 1);
        for conv in &self.conv {
            total += conv.lookahead * stride;
            stride *= conv.stride[1];
        }
        total + self.row_conv.as_ref().map_or(0, |r| r.lookahead * stride)
    }

    /// [`lookahead_frames`](Self::lookahead_frames) in milliseconds, for feature frames every
    /// `hop_ms`.
    pub fn lookahead_ms(&self, hop_ms: f32) -> f32 {
        self.lookahead_frames() as f32 * hop_ms
    }
}

impl ConvConfig {
    fn validate(&self, layer: usize) -> Result<()> {
        let field = |name: &str| format!("conv[{layer}].{name}");
        in_range(&field("channels"), self.channels, 1, MAX_DIM)?;
        for axis in 0..2 {
            in_range(&field(&format!("kernel[{axis}]")), self.kernel[axis], 1, MAX_EXTENT)?;
            in_range(&field(&format!("stride[{axis}]")), self.stride[axis], 1, MAX_EXTENT)?;
        }
        // Beyond that the filter would not see the current frame.
        in_range(&field("lookahead"), self.lookahead, 0, self.kernel[1] - 1)
    }
}

pub(crate) fn in_range(field: &str, value: usize, low: usize, high: usize) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let reason = format!("is {value}, must be in {low}..={high}");
    Err(Error::config(field, reason))
}

/// Rejects a weight of `a * b * c` elements if no sensible network has one that large.
pub(crate) fn elements(field: &str, a: usize, b: usize, c: usize) -> Result<()> {
    match a.checked_mul(b).and_then(|ab| ab.checked_mul(c)) {
        Some(n) if n <= MAX_ELEMENTS => Ok(()),
        _ => {
            let reason = format!("makes a weight of more than {MAX_ELEMENTS} elements");
            Err(Error::config(field, reason))
        }
    }
}
