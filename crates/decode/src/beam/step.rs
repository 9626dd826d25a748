//! One frame of the search.
//!
//! ```text
//! for every hypothesis                      stay:   blank  += p(blank) * all of it
//!                                                   ending += p(symbol) * ending   (a repeat)
//! for every hypothesis and likely symbol    extend: longer text's ending
//!                                                   += p(symbol) * (all of it but that ending)
//! keep the best `width`
//! ```
//!
//! 1. A text is the same prefix however it was reached, so sums merge automatically.
//! 2. A new prefix is made only if it could stay in the beam: it must pass the threshold, and beat
//!    the worst hypothesis if a full beam stays. What a new word can gain from the language model
//!    is taken into account.
//! 3. A space after a space leads back to the same text: extending by it means staying.

use super::{BeamDecoder, NO_SYMBOL, hypotheses::Ending};
use crate::frame::log_add;
use crate::prefixes::{NONE, Prefixes};
use crate::symbols::SPACE;

/// Stands for any class except the space.
const LETTER: u16 = SPACE + 1;

impl BeamDecoder {
    /// Processes the frame in `self.frame`.
    pub(super) fn step(&mut self) {
        let cut = self.stay();
        self.extend(cut);
        self.choose();
    }

    /// All hypotheses as they are if nothing is said in this frame. Returns the score that any
    /// other needs to enter the beam.
    fn stay(&mut self) -> f32 {
        let Self { search, beam, next, prefixes, frame, frames, .. } = self;
        next.clear();
        let (mut best, mut worst) = (f32::NEG_INFINITY, f32::INFINITY);
        for place in 0..beam.len() {
            let hypothesis = beam.list[place];
            let slot = next.add(hypothesis.prefix);
            let prefix = prefixes.get_mut(hypothesis.prefix);
            prefix.slot = slot as u32;
            let blank = hypothesis.acoustic + frame.log_probs[0];
            let mut all = blank;
            let endings = beam.endings(place).iter().zip(next.endings_mut(slot));
            for (&Ending { log_prob, symbol }, stayed) in endings.skip(1) {
                if symbol != NO_SYMBOL {
                    let log_prob = log_prob + frame.log_probs[usize::from(symbol)];
                    *stayed = Ending { log_prob, symbol };
                    all = log_add(all, log_prob);
                    if log_prob > blank {
                        prefix.end = *frames + 1;
                        prefix.peak = prefix.peak.max(frame.probs[usize::from(symbol)]);
                    }
                }
            }
            next.endings_mut(slot)[0] = Ending { log_prob: blank, symbol: NO_SYMBOL };
            let score = all + prefix.text.total;
            best = best.max(score);
            worst = worst.min(score);
        }
        let threshold = best - search.options.score_threshold;
        if beam.len() < search.options.width { threshold } else { threshold.max(worst) }
    }

    /// Extends all hypotheses by all likely symbols.
    fn extend(&mut self, cut: f32) {
        let Self { search, beam, next, prefixes, phrases, frame, frames, .. } = self;
        for place in 0..beam.len() {
            let hypothesis = beam.list[place];
            let text = prefixes.get(hypothesis.prefix).text;
            // Longer symbols may have a space inside.
            let inside = search.scorer.largest_gain(&text, LETTER, phrases);
            let gain = search.scorer.largest_gain(&text, SPACE, phrases).max(inside);
            for &symbol in &frame.picks {
                let spelling = search.symbols.spelling(symbol);
                let log_prob = frame.log_probs[usize::from(symbol)];
                if hypothesis.score + log_prob + gain < cut {
                    // Symbols are sorted: the others are worse.
                    break;
                }
                if spelling.len() == 1 {
                    let gain = search.scorer.gain(&text, spelling[0], phrases);
                    if hypothesis.score + log_prob + gain < cut {
                        continue;
                    }
                }
                let reached = beam.before(place, symbol, spelling.len()) + log_prob;
                if reached == f32::NEG_INFINITY {
                    continue;
                }
                let longer = prefixes.extend(&search.scorer, phrases, hypothesis.prefix, spelling);
                let Some(longer) = longer else { continue };
                let prefix = prefixes.get(longer);
                let score = reached + prefix.text.total;
                let slot = match prefix.slot {
                    NONE if score < cut => continue,
                    NONE => {
                        let slot = next.add(longer);
                        prefixes.get_mut(longer).slot = slot as u32;
                        slot
                    }
                    slot => slot as usize,
                };
                let ending = &mut next.endings_mut(slot)[spelling.len()];
                ending.log_prob = log_add(ending.log_prob, reached);
                ending.symbol = symbol;
                if score > prefixes.get(longer).inflow {
                    let peak = frame.probs[usize::from(symbol)];
                    note_time(prefixes, longer, spelling.len(), score, *frames, peak);
                }
            }
        }
    }

    /// Chooses the best of the old and new hypotheses.
    fn choose(&mut self) {
        let Self { search, beam, next, prefixes, order, log_scale, .. } = self;
        let mut best = f32::NEG_INFINITY;
        for place in 0..next.len() {
            let acoustic = next.sum(place);
            let hypothesis = &mut next.list[place];
            let prefix = prefixes.get_mut(hypothesis.prefix);
            prefix.slot = NONE;
            hypothesis.acoustic = acoustic;
            hypothesis.score = acoustic + prefix.text.total;
            best = best.max(hypothesis.score);
        }
        let threshold = best - search.options.score_threshold;
        order.clear();
        let places = 0..next.len() as u32;
        order.extend(places.filter(|&place| next.list[place as usize].score >= threshold));
        let by_score = |a: &u32, b: &u32| {
            let [a, b] = [a, b].map(|&place| &next.list[place as usize]);
            b.score.total_cmp(&a.score).then(a.prefix.cmp(&b.prefix))
        };
        if order.len() > search.options.width {
            order.select_nth_unstable_by(search.options.width - 1, by_score);
            order.truncate(search.options.width);
        }
        // The best comes first, because it is shown.
        if let Some(first) = (0..order.len()).min_by(|&a, &b| by_score(&order[a], &order[b])) {
            order.swap(0, first);
        }
        beam.select(next, order, best);
        *log_scale += f64::from(best);
    }
}

/// Records that a symbol of `length` characters most likely began in `frame`.
fn note_time(
    prefixes: &mut Prefixes,
    last: u32,
    length: usize,
    inflow: f32,
    frame: u64,
    peak: f32,
) {
    let mut node = last;
    for _ in 0..length {
        let prefix = prefixes.get_mut(node);
        if inflow > prefix.inflow {
            prefix.inflow = inflow;
            (prefix.start, prefix.end) = (frame, frame + 1);
            prefix.peak = peak;
        }
        node = prefix.parent;
    }
}
