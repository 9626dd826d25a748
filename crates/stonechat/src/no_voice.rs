//! A stand-in for voice activity detection in builds without the feature `vad`: a detector that
//! cannot be made.

use crate::Model;
use crate::activity::{Activity, VoiceOptions};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Voice {}

impl Voice {
    pub(crate) fn of(_model: &Model, _options: Option<VoiceOptions>) -> Option<Self> {
        None
    }

    pub(crate) fn push(&mut self, _samples: &[f32]) {
        match *self {}
    }

    pub(crate) fn next_frame(&mut self) -> Activity {
        match *self {}
    }

    pub(crate) fn reset(&mut self) {
        match *self {}
    }
}
