//! The beam: hypotheses side by side. Each is a prefix with the probabilities of all alignments of
//! the audio so far, by how they end.
//!
//! CTC must distinguish alignments that end in a blank from those that end in a symbol, since the
//! same symbol is a new one only after a blank. With grams, a text may end in several symbols:
//! every suffix that is a gram. A suffix is identified by its length, so a hypothesis has `1 +
//! longest symbol` endings: the blank, then the symbols of 1, 2, ... characters (Liu et al. 2017,
//! Gram-CTC, arXiv 1703.00096, section 3; SPEC 3.6 of this project).

use super::NO_SYMBOL;
use crate::frame::log_add;

/// A hypothesis without its endings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hypothesis {
    pub prefix: u32,
    /// Log of the sum over its endings, relative to the best hypothesis.
    pub acoustic: f32,
    /// `acoustic` plus the total of the text.
    pub score: f32,
}

/// An ending: log probability and symbol; [`NO_SYMBOL`] for the blank and for absent endings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub log_prob: f32,
    pub symbol: u16,
}

const IMPOSSIBLE: Ending = Ending { log_prob: f32::NEG_INFINITY, symbol: NO_SYMBOL };

#[derive(Debug, Clone)]
pub(super) struct Hypotheses {
    pub list: Vec<Hypothesis>,
    endings: Vec<Ending>,
    /// Endings per hypothesis.
    stride: usize,
}

impl Hypotheses {
    pub(super) fn new(longest: usize) -> Self {
        Self { list: Vec::new(), endings: Vec::new(), stride: 1 + longest }
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.endings.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a hypothesis that nothing has reached yet; returns its place.
    pub(super) fn add(&mut self, prefix: u32) -> usize {
        let acoustic = f32::NEG_INFINITY;
        self.list.push(Hypothesis { prefix, acoustic, score: acoustic });
        self.endings.resize(self.endings.len() + self.stride, IMPOSSIBLE);
        self.list.len() - 1
    }

    pub(super) fn endings(&self, place: usize) -> &[Ending] {
        &self.endings[place * self.stride..][..self.stride]
    }

    pub(super) fn endings_mut(&mut self, place: usize) -> &mut [Ending] {
        &mut self.endings[place * self.stride..][..self.stride]
    }

    /// Log of the sum over all endings except the one in `symbol`: those after which `symbol`, of
    /// `length` characters, is a new symbol.
    pub(super) fn before(&self, place: usize, symbol: u16, length: usize) -> f32 {
        let endings = self.endings(place);
        if endings[length].symbol != symbol {
            return self.list[place].acoustic;
        }
        let others = endings.iter().enumerate().filter(|&(l, _)| l != length);
        others.fold(f32::NEG_INFINITY, |sum, (_, ending)| log_add(sum, ending.log_prob))
    }

    /// Sums up the endings.
    pub(super) fn sum(&self, place: usize) -> f32 {
        let endings = self.endings(place);
        endings.iter().fold(f32::NEG_INFINITY, |sum, ending| log_add(sum, ending.log_prob))
    }

    /// Takes the hypotheses of `from` at `places`, with logs relative to `best`.
    pub(super) fn select(&mut self, from: &Self, places: &[u32], best: f32) {
        self.clear();
        for &place in places {
            let place = place as usize;
            let Hypothesis { prefix, acoustic, score } = from.list[place];
            self.list.push(Hypothesis { prefix, acoustic: acoustic - best, score: score - best });
            let shift = |&Ending { log_prob, symbol }| Ending { log_prob: log_prob - best, symbol };
            self.endings.extend(from.endings(place).iter().map(shift));
        }
    }

    /// Adds to all log probabilities; the scores stay.
    pub(super) fn shift_acoustic(&mut self, by: f32) {
        self.list.iter_mut().for_each(|hypothesis| hypothesis.acoustic += by);
        self.endings.iter_mut().for_each(|ending| ending.log_prob += by);
    }
}
