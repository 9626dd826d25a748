//! How a run starts, what ends it early, and which processes share it.

use crate::engine::team::{Link, Terms, join_across};

/// How a run starts, and what ends it early.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Resume the run in the folder.
    pub resume: bool,
    /// Keys of the recipe that may differ from the run's own when it is resumed.
    pub allow: &'a [String],
    /// Whether doubts about the data are an error
    /// ([`TrainError::Strict`](crate::TrainError::Strict)).
    pub strict: bool,
    /// Called before each step and after each recording that is read: returns whether to save and
    /// stop ([`TrainError::Interrupted`](crate::TrainError::Interrupted)).
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// The other processes that share the batches of this training; each calls with the same
    /// arguments.
    pub link: Option<&'a dyn Link>,
}

impl Options<'_> {
    /// Whether `here` is true in any process of the training.
    pub(super) fn any(&self, here: bool) -> bool {
        let here = f64::from(u8::from(here));
        let sum = self.link.map(|link| join_across(link, Terms::Sums(vec![here])).numbers()[0]);
        sum.unwrap_or(here) > 0.0
    }

    /// A new or resumed run with its own recipe, until it is done.
    pub fn new(resume: bool) -> Self {
        Self { resume, allow: &[], strict: false, stop: &|| false, link: None }
    }
}
