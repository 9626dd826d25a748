//! A model with options, from which streams are made.

use std::sync::Arc;

use crate::stream::Stream;
use crate::{Error, Model};

/// The largest [`Options::time_batch`]. Beyond about four frames the gain is small and the
/// latency is felt (Kliegl et al. 2017, section 4).
pub(crate) const MAX_TIME_BATCH: usize = 4;

/// How streams run. The text does not depend on any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Frames (after the convolutions' time stride) that are collected before the
    /// recurrent layers run, 1 to 4. More is faster, since the input weights are read
    /// once for all of them, and delays a partial result by up to `time_batch - 1` frames;
    /// `finish` waits for nothing. Default 4.
    pub time_batch: usize,
    /// Whether streams measure where their time goes ([`Stream::profile`]). Default off.
    pub profile: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { time_batch: MAX_TIME_BATCH, profile: false }
    }
}

impl Options {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if (1..=MAX_TIME_BATCH).contains(&self.time_batch) {
            return Ok(());
        }
        Err(Error::TimeBatch(self.time_batch))
    }
}

/// A model with options. Cheap to clone; the model is shared.
#[derive(Debug, Clone)]
pub struct Recognizer {
    model: Arc<Model>,
    options: Options,
}

impl Recognizer {
    /// Takes a [`Model`] or a shared one (`Arc<Model>`).
    ///
    /// # Errors
    /// [`Error::TimeBatch`] if `time_batch` is not in 1..=4.
    pub fn new(model: impl Into<Arc<Model>>, options: Options) -> Result<Self, Error> {
        options.validate()?;
        Ok(Self { model: model.into(), options })
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// A new stream. It keeps the model alive, may go to another thread, and knows nothing
    /// of other streams.
    pub fn stream(&self) -> Stream {
        Stream::new(&self.model, &self.options)
    }
}
