//! The network as a stream: feature frames in, frames of logits out.
//!
//! ```text
//! features -> conv ... conv -> waiting -> recurrent layers -> [row_conv] -> [fc] -> output -> logits
//!             frame by frame            time_batch frames at a time
//! ```

use std::fmt;
use std::sync::Arc;

use stonechat_kernels::{Activation, Arena, Packed};
use stonechat_model::Network;
use stonechat_plan::RunPlan;

use crate::affine::AffineLayer;
use crate::conv::{ConvLayer, ConvState};
use crate::linear::LinearScratch;
use crate::profile::{Clock, Part, Profile};
use crate::recognizer::Options;
use crate::recurrent::{LayerState, PackedLayer};
use crate::row_conv::{RowConvLayer, RowConvState};
use crate::trace::Trace;
use crate::{Error, Model};

/// Feature frames that pass through the convolutions at a time, however many are pushed. It bounds
/// the buffers.
pub(crate) const PIECE_FRAMES: usize = 8;

/// The most frames of logits that [`PIECE_FRAMES`] feature frames can complete: those already
/// waiting for a full batch, plus the new ones.
pub(crate) fn max_frames(options: &Options) -> usize {
    options.time_batch - 1 + PIECE_FRAMES
}

/// The packed weights, shared by all streams of a model.
pub(crate) struct Layers {
    conv: Vec<ConvLayer>,
    recurrent: Vec<PackedLayer>,
    row_conv: Option<RowConvLayer>,
    fc: Option<AffineLayer>,
    output: AffineLayer,
}

impl Layers {
    /// Packs the weights of a valid network as its plan says.
    pub(crate) fn new(network: &Network, plan: &RunPlan) -> Result<Self, Error> {
        let config = &network.config;
        let conv = network.conv.iter().enumerate();
        let recurrent = network.recurrent.iter().enumerate();
        let row_conv = network.row_conv.as_ref();
        let fc = network.fc.as_ref();
        let relu = Activation::ClippedRelu(config.clip);
        let mut layers = Self {
            conv: conv
                .map(|(l, affine)| ConvLayer::new(l, affine, config, plan))
                .collect::<Result<_, _>>()?,
            recurrent: recurrent
                .map(|(l, layer)| PackedLayer::new(l, layer, config, plan))
                .collect::<Result<_, _>>()?,
            row_conv: row_conv.map(|weights| RowConvLayer::new(weights, config)),
            fc: fc.map(|affine| AffineLayer::new("fc", affine, relu, plan)).transpose()?,
            output: AffineLayer::new("output", &network.output, Activation::None, plan)?,
        };
        // On shared huge pages, in the order in which a frame reads them.
        Arena::of(&mut layers.packed());
        Ok(layers)
    }

    /// All packed weights, first layer first.
    fn packed(&mut self) -> Vec<&mut dyn Packed> {
        let conv = self.conv.iter_mut().flat_map(ConvLayer::packed);
        let recurrent = self.recurrent.iter_mut().flat_map(PackedLayer::packed);
        let ends = self.fc.iter_mut().chain([&mut self.output]).flat_map(AffineLayer::packed);
        conv.chain(recurrent).chain(ends).collect()
    }

    /// Floats of past frames that each stream keeps.
    pub(crate) fn state_floats(&self) -> usize {
        let conv = self.conv.iter().map(ConvLayer::state_floats);
        conv.chain(self.row_conv.iter().map(RowConvLayer::state_floats)).sum()
    }
}

/// One pass of the network over a stream of feature frames.
///
/// Made by [`Model::acoustic_stream`]; [`Stream`](crate::Stream) contains one. The logits do not
/// depend, in any bit, on how the frames are cut into pushes, nor on `time_batch`.
///
/// ```
/// use std::sync::Arc;
/// use stonechat::{Model, Options};
///
/// let model = Arc::new(Model::from_bytes(stonechat_english::MODEL)?);
/// let mut stream = model.acoustic_stream(&Options::default())?;
/// let frames = vec![0.0; 50 * model.network().input]; // half a second of features
/// let mut logits = Vec::new();
/// stream.push(&frames, &mut logits)?;
/// stream.finish(&mut logits);
/// assert_eq!(logits.len() % model.alphabet().len(), 0);
/// # Ok::<(), stonechat::Error>(())
/// ```
pub struct AcousticStream {
    model: Arc<Model>,
    time_batch: usize,
    conv: Vec<ConvState>,
    recurrent: Vec<LayerState>,
    row_conv: Option<RowConvState>,
    /// Frames that have left the convolutions and wait for a full batch.
    waiting: Vec<f32>,
    /// Input and output of the current layer, swapped from layer to layer.
    x: Vec<f32>,
    y: Vec<f32>,
    scratch: LinearScratch,
    pub(crate) clock: Clock,
    finished: bool,
}

impl AcousticStream {
    /// `options` must be valid.
    pub(crate) fn new(model: &Arc<Model>, options: &Options) -> Self {
        let layers = model.layers();
        let config = model.network();
        let convolved =
            (0..=config.conv.len()).map(|l| config.conv_bins(l) * config.conv_channels_in(l));
        let recurrent = config.recurrent.iter().map(|layer| layer.output());
        let widest = convolved.chain(recurrent).chain(config.fc).max().unwrap_or(0);
        let frames = PIECE_FRAMES.max(options.time_batch);
        let profile = options.profile.then(|| Profile::new(config));
        Self {
            model: Arc::clone(model),
            time_batch: options.time_batch,
            conv: layers.conv.iter().map(ConvLayer::state).collect(),
            recurrent: layers.recurrent.iter().map(PackedLayer::state).collect(),
            row_conv: layers.row_conv.as_ref().map(RowConvLayer::state),
            waiting: Vec::with_capacity(max_frames(options) * config.recurrent_input(0)),
            x: Vec::with_capacity(frames * widest),
            y: Vec::with_capacity(frames * widest),
            scratch: LinearScratch::default(),
            clock: Clock::new(profile),
            finished: false,
        }
    }

    /// From now on, records the inputs of the maps for [`observed`](Self::observed).
    pub(crate) fn observe(&mut self) {
        self.scratch.trace = Some(Trace::default());
    }

    /// Hands over what was recorded, and forgets it.
    pub(crate) fn observed(&mut self, see: &mut dyn FnMut(&str, &[f32])) {
        if let Some(trace) = &mut self.scratch.trace {
            trace.drain(see);
        }
    }

    /// Takes `features` (`frames x input`) and appends the logits that are complete to `logits`
    /// (`frames x symbols`).
    ///
    /// # Errors
    /// [`Error::FeatureFrames`] for a partial frame, [`Error::Finished`] after `finish`; the
    /// features are then ignored.
    pub fn push(&mut self, features: &[f32], logits: &mut Vec<f32>) -> Result<(), Error> {
        let dim = self.model.network().input;
        if self.finished {
            return Err(Error::Finished);
        }
        if !features.len().is_multiple_of(dim) {
            return Err(Error::FeatureFrames { values: features.len(), dim });
        }
        self.advance(features, logits);
        Ok(())
    }

    /// [`push`](Self::push) for whole frames, before the end.
    pub(crate) fn advance(&mut self, features: &[f32], logits: &mut Vec<f32>) {
        self.clock.start();
        for piece in features.chunks(PIECE_FRAMES * self.model.network().input) {
            self.convolve(piece, false);
            self.drain(false, logits);
        }
    }

    /// Appends the logits whose look-ahead reaches beyond the end, with zeros there. In all there
    /// are then `frames_out(frames)` frames of logits. A second call does nothing.
    pub fn finish(&mut self, logits: &mut Vec<f32>) {
        if !std::mem::replace(&mut self.finished, true) {
            self.clock.start();
            self.convolve(&[], true);
            self.drain(true, logits);
        }
    }

    /// Back to the state of a new stream; memory and profile are kept.
    pub fn reset(&mut self) {
        self.conv.iter_mut().for_each(ConvState::reset);
        self.recurrent.iter_mut().for_each(LayerState::reset);
        self.row_conv.iter_mut().for_each(RowConvState::reset);
        self.waiting.clear();
        self.finished = false;
    }

    /// Where the time went, if [`Options::profile`] is set.
    pub fn profile(&self) -> Option<&Profile> {
        self.clock.profile()
    }

    /// Passes feature frames through the convolutions and appends the results to `waiting`.
    fn convolve(&mut self, features: &[f32], last: bool) {
        let Self { model, conv, waiting, x, y, scratch, clock, .. } = self;
        x.clear();
        x.extend_from_slice(features);
        for (index, (layer, state)) in model.layers().conv.iter().zip(conv).enumerate() {
            y.clear();
            layer.push(state, x, scratch, y);
            if last {
                layer.finish(state, scratch, y);
            }
            std::mem::swap(x, y);
            clock.lap(Part::Conv(index));
        }
        waiting.extend_from_slice(x);
    }

    /// Passes full batches from the front of `waiting` through the layers above; at the end, the
    /// remaining frames too.
    fn drain(&mut self, last: bool, logits: &mut Vec<f32>) {
        let batch = self.time_batch * self.model.network().recurrent_input(0);
        let mut start = 0;
        while self.waiting.len() - start >= batch {
            self.recur(start..start + batch, false, logits);
            start += batch;
        }
        if last {
            self.recur(start..self.waiting.len(), true, logits);
            start = self.waiting.len();
        }
        self.waiting.drain(..start);
    }

    /// Passes a batch of waiting frames through everything above the convolutions.
    fn recur(&mut self, batch: std::ops::Range<usize>, last: bool, logits: &mut Vec<f32>) {
        let Self { model, recurrent, row_conv, waiting, x, y, scratch, clock, .. } = self;
        let layers = model.layers();
        x.clear();
        x.extend_from_slice(&waiting[batch]);
        for (layer, state) in layers.recurrent.iter().zip(recurrent) {
            y.clear();
            layer.push(state, x, scratch, clock, y);
            std::mem::swap(x, y);
        }
        if let (Some(layer), Some(state)) = (&layers.row_conv, row_conv) {
            y.clear();
            layer.push(state, x, y);
            if last {
                layer.finish(state, y);
            }
            std::mem::swap(x, y);
            clock.lap(Part::RowConv);
        }
        if let Some(layer) = &layers.fc {
            y.clear();
            layer.push(x, scratch, y);
            std::mem::swap(x, y);
            clock.lap(Part::FullyConnected);
        }
        layers.output.push(x, scratch, logits);
        clock.lap(Part::Output);
    }
}

impl fmt::Debug for AcousticStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcousticStream")
            .field("model", &self.model)
            .field("time_batch", &self.time_batch)
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}
