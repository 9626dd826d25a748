//! How a run starts, what ends it early, and who shares it.

use crate::engine::team::{Link, Terms, join_across};

/// How a run starts, and what ends it early.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Go on where the run in the folder stopped.
    pub resume: bool,
    /// Keys of the recipe that may differ from the run's own when it goes on.
    pub allow: &'a [String],
    /// What is doubtful about the data is an error ([`TrainError::Strict`](crate::TrainError::Strict)).
    pub strict: bool,
    /// Asked before each step and after each recording that is read: whether to save and stop ([`TrainError::Interrupted`](crate::TrainError::Interrupted)).
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// The other processes that share the batches of this training, each of which calls with the same arguments.
    pub link: Option<&'a dyn Link>,
}

impl Options<'_> {
    /// Whether any process of the training says so.
    pub(super) fn any(&self, here: bool) -> bool {
        let here = f64::from(u8::from(here));
        let sum = self.link.map(|link| join_across(link, Terms::Sums(vec![here])).numbers()[0]);
        sum.unwrap_or(here) > 0.0
    }

    /// A new run, or one that goes on with its own recipe, until it is done.
    pub fn new(resume: bool) -> Self {
        Self { resume, allow: &[], strict: false, stop: &|| false, link: None }
    }
}
