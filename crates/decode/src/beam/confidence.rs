//! How sure the beam is of a word.
//!
//! A word on which all hypotheses agree looks certain, and in the end they all agree on old words,
//! because the others were dropped. So each word is judged once, [`DELAY_S`] after its end, when
//! its rivals have seen the same audio and are still in the beam. Its posterior is the share of the
//! hypotheses' probability that has the same word in the same place.

use super::{BeamDecoder, DELAY_S};
use crate::confidence_weights::Evidence;
use crate::symbols::SPACE;

impl BeamDecoder {
    /// Judges the words of the best hypothesis that ended [`DELAY_S`] ago and are not judged yet.
    pub(super) fn judge(&mut self) {
        let mut node = self.beam.list[0].prefix;
        while let Some(last) = self.word_end(node) {
            let letter = self.prefixes.get(last);
            if !letter.posterior.is_nan() {
                break;
            }
            if letter.end + self.delay_frames() <= self.frames {
                let posterior = self.posterior(last);
                self.prefixes.get_mut(last).posterior = posterior;
            }
            node = last;
        }
    }

    /// The evidence for the word that ends in this letter; judged now if it was not judged before.
    pub(super) fn evidence_of(&self, letters: &[u32]) -> Evidence {
        let peaks = letters.iter().map(|&letter| self.prefixes.get(letter).peak);
        let last = letters[letters.len() - 1];
        let judged = self.prefixes.get(last).posterior;
        Evidence {
            posterior: if judged.is_nan() { self.posterior(last) } else { judged },
            mean_peak: peaks.clone().sum::<f32>() / letters.len() as f32,
            lowest_peak: peaks.fold(1.0, f32::min),
            letters: letters.len() as u32,
        }
    }

    fn delay_frames(&self) -> u64 {
        (DELAY_S / self.search.frame_seconds).ceil() as u64
    }

    /// The last letter of the last finished word at or before `node`, other than `node` itself.
    fn word_end(&self, node: u32) -> Option<u32> {
        let is_space = |&node: &u32| self.prefixes.get(node).class == SPACE;
        let space = self.prefixes.upwards(node).find(is_space)?;
        let last = self.prefixes.get(space).parent;
        (self.prefixes.get(last).class != SPACE).then_some(last)
    }

    /// The share of the hypotheses with the word that ends in the letter `last`.
    fn posterior(&self, last: u32) -> f32 {
        let (mut with, mut all) = (0.0, 0.0);
        for hypothesis in &self.beam.list {
            let share = hypothesis.score.exp();
            all += share;
            if self.agrees(hypothesis.prefix, last) {
                with += share;
            }
        }
        if all > 0.0 { (with / all).min(1.0) } else { 0.0 }
    }

    /// Whether a text has the word that ends in the letter `last`, at about the same time.
    fn agrees(&self, text: u32, last: u32) -> bool {
        let end = self.prefixes.get(last).end;
        let mut node = text;
        // The last word of the text counts as finished.
        let mut word = Some(node).filter(|&node| self.prefixes.get(node).class != SPACE);
        loop {
            if let Some(other) = word {
                if other == last {
                    return true;
                }
                let other_end = self.prefixes.get(other).end;
                if other_end + self.delay_frames() < end {
                    return false;
                }
                if other_end <= end + self.delay_frames() && self.same_word(other, last) {
                    return true;
                }
                node = other;
            }
            word = self.word_end(node);
            if word.is_none() {
                return false;
            }
        }
    }

    /// Whether two words, given by their last letters, have the same spelling.
    fn same_word(&self, mut a: u32, mut b: u32) -> bool {
        loop {
            let [x, y] = [a, b].map(|node| self.prefixes.get(node));
            if x.class != y.class {
                return false;
            }
            if x.class == SPACE {
                return true;
            }
            (a, b) = (x.parent, y.parent);
        }
    }
}
