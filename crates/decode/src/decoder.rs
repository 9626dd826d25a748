//! The trait of all ways of decoding.

use std::fmt;

use crate::Error;
use crate::beam::{Alternative, Hotword};
use crate::confidence_weights::Evidence;
use crate::greedy::Token;
use crate::words::Word;

/// Turns frames of logits into words as a stream: frames go in, text and times can be read at any
/// moment.
///
/// Every method works for every decoder: greedy decoding has one text, which never changes, and no
/// alternatives.
pub trait Decoder: fmt::Debug + Send + Sync {
    /// Takes the logits of the next frame, one per symbol (natural log, any finite offset). A NaN
    /// counts as impossible; a frame of only NaNs counts as a blank.
    ///
    /// # Errors
    /// [`Error::FrameSize`] if the number of logits is not the number of symbols,
    /// [`Error::Finished`] after [`finish`](Self::finish); the frame is then not counted. (Greedy
    /// decoding accepts frames after its end.)
    fn push(&mut self, logits: &[f32]) -> Result<(), Error>;

    /// Ends the utterance: the last word counts as finished, and the text is final.
    fn finish(&mut self) {}

    /// Back to the state of a new decoder; memory and settings are kept.
    fn reset(&mut self);

    /// Frames taken since the start.
    fn frames(&self) -> u64;

    /// The text since the start or the last [`take_words`](Self::take_words): words separated by
    /// single spaces, the last one perhaps unfinished. Until [`finish`](Self::finish), text after
    /// [`stable_prefix_len`](Self::stable_prefix_len) may still change.
    fn text(&self) -> &str;

    /// How many bytes of [`text`](Self::text) can no longer change.
    fn stable_prefix_len(&self) -> usize {
        self.text().len()
    }

    /// The words of [`text`](Self::text), with times and confidences.
    fn words(&self) -> Vec<Word>;

    /// Removes and returns the words that have ended and can no longer change. Call it now and then
    /// to bound the memory of an endless stream. Times keep counting from the start.
    fn take_words(&mut self) -> Vec<Word>;

    /// The words that were heard but rejected, and so are not in [`text`](Self::text), since the
    /// start or the last [`take_rejected`](Self::take_rejected); `None` if this decoder never
    /// rejects words.
    fn rejected(&self) -> Option<Vec<Word>> {
        None
    }

    /// Removes and returns the rejected words that can no longer change.
    fn take_rejected(&mut self) -> Vec<Word> {
        Vec::new()
    }

    /// Whether what was said is complete: nothing longer that may be said begins like this.
    fn is_complete(&self) -> bool {
        false
    }

    /// The symbols behind [`text`](Self::text), spaces included, with their frames and
    /// probabilities; none if only words have times.
    fn tokens(&self) -> Vec<Token> {
        Vec::new()
    }

    /// The best texts, at most `count`, best first, each as if the utterance ended here, without
    /// words that were already taken.
    fn alternatives(&self, _count: usize) -> Vec<Alternative> {
        Vec::new()
    }

    /// The evidence behind the confidences of [`words`](Self::words), one for each word; empty if
    /// confidences are not calibrated.
    fn evidence(&self) -> Vec<Evidence> {
        Vec::new()
    }

    /// Replaces all hotwords, at any time. This affects words that begin later.
    ///
    /// # Errors
    /// [`Error::NoHotwords`] if the decoder has none; otherwise those of
    /// [`BeamSearch::with_hotwords`](crate::BeamSearch::with_hotwords), and the old hotwords stay.
    fn set_hotwords(&mut self, _hotwords: Vec<Hotword>) -> Result<(), Error> {
        Err(Error::NoHotwords)
    }
}
