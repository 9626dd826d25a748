//! What every way of decoding has in common.

use std::fmt;

use crate::Error;
use crate::beam::{Alternative, Hotword};
use crate::confidence_weights::Evidence;
use crate::greedy::Token;
use crate::words::Word;

/// Turns frames of logits into words as a stream: frames go in, text and times can be read at any moment.
///
/// Every method has an answer for every decoder: greedy decoding has one text, which never
/// changes, and no alternatives.
pub trait Decoder: fmt::Debug + Send + Sync {
    /// Takes the logits of the next frame, one per symbol (any finite offset, natural log
    /// scale). A NaN counts as impossible; a frame of NaN counts as a blank.
    ///
    /// # Errors
    /// [`Error::FrameSize`] if `logits` is not as long as the alphabet, [`Error::Finished`] after
    /// [`finish`](Self::finish); the frame is then not counted. (Greedy decoding takes frames after its end.)
    fn push(&mut self, logits: &[f32]) -> Result<(), Error>;

    /// Ends the utterance: the last word counts as finished, and the text is the best there is.
    fn finish(&mut self) {}

    /// Back to the state of a new decoder; memory and settings are kept.
    fn reset(&mut self);

    /// Frames taken since the start.
    fn frames(&self) -> u64;

    /// The text since the start or the last [`take_words`](Self::take_words): words with one
    /// space between them, the last one perhaps unfinished. Until [`finish`](Self::finish), what
    /// comes after [`stable_prefix_len`](Self::stable_prefix_len) may still change.
    fn text(&self) -> &str;

    /// How many bytes of [`text`](Self::text) will not change any more.
    fn stable_prefix_len(&self) -> usize {
        self.text().len()
    }

    /// The words of [`text`](Self::text), with times and confidences.
    fn words(&self) -> Vec<Word>;

    /// Removes and returns the words that have ended and can no longer change: a stream without end
    /// stays of bounded size when this is called now and then. Times go on counting from the start.
    fn take_words(&mut self) -> Vec<Word>;

    /// The words that were heard and are not in [`text`](Self::text), since the start or the last
    /// [`take_rejected`](Self::take_rejected); `None` where nothing is ever rejected.
    fn rejected(&self) -> Option<Vec<Word>> {
        None
    }

    /// Removes and returns the rejected words that can no longer change.
    fn take_rejected(&mut self) -> Vec<Word> {
        Vec::new()
    }

    /// Whether what was said is complete: nothing that may be said begins so and goes on.
    fn is_complete(&self) -> bool {
        false
    }

    /// The symbols behind [`text`](Self::text), spaces included, with their frames and probabilities; none
    /// where only words have times.
    fn tokens(&self) -> Vec<Token> {
        Vec::new()
    }

    /// The best texts, at most `count`, best first, each as if the utterance ended here. Words
    /// that were taken are not in them.
    fn alternatives(&self, _count: usize) -> Vec<Alternative> {
        Vec::new()
    }

    /// What the confidences of [`words`](Self::words) are made of, one for each word; nothing where
    /// confidences are not calibrated.
    fn evidence(&self) -> Vec<Evidence> {
        Vec::new()
    }

    /// Replaces all hotwords, at any time: words that begin later count.
    ///
    /// # Errors
    /// [`Error::NoHotwords`] where there can be none; else as
    /// [`BeamSearch::with_hotwords`](crate::BeamSearch::with_hotwords), and the old hotwords stay.
    fn set_hotwords(&mut self, _hotwords: Vec<Hotword>) -> Result<(), Error> {
        Err(Error::NoHotwords)
    }
}
