//! Gram-CTC (Liu et al. 2017): CTC whose symbols are strings of characters, summed over all
//! segmentations of the text into such grams.
//!
//! ```text
//! states (i, j): i characters of the text l are out; j = 0: blank, j >= 1: the last gram is l[i-j..i]
//! a_t(i, 0) = y_t(blank) sum over j' of a_{t-1}(i, j')
//! a_t(i, j) = y_t(l[i-j..i]) [a_{t-1}(i, j) + sum over j' of a_{t-1}(i-j, j'), except for the state of the same gram]
//! P = sum over j of a_{T-1}(L, j)
//! d(-log P)/d logit_t(k) = y_t(k) - sum over states labelled k of a_t b_t / P
//! ```
//!
//! The states and their predecessors are laid out once per text; the sums run in log space, in f64.
//! With single characters only, this is plain CTC.

use std::collections::HashMap;

use super::{log_sum, normalisers, softmax};

/// The strings of characters that are symbols.
#[derive(Clone, Debug, PartialEq)]
pub struct Grams {
    /// From characters (as indices of their own symbols) to the symbol.
    symbols: HashMap<Vec<u16>, u16>,
    longest: usize,
}

impl Grams {
    /// Takes the characters of every symbol: `spellings[k]` for symbol `k`, written like labels, as
    /// indices of the single characters. Symbol 0 is the blank, whatever its spelling.
    pub fn new(spellings: &[Vec<u16>]) -> Self {
        let symbols: HashMap<Vec<u16>, u16> =
            spellings.iter().enumerate().skip(1).map(|(k, s)| (s.clone(), k as u16)).collect();
        let longest = symbols.keys().map(Vec::len).max().unwrap_or(0);
        Self { symbols, longest }
    }

    /// The fewest frames in which `labels` can be emitted: the fewest grams plus the blanks that
    /// they need between two equal ones; at least 1. `None` if no segmentation into grams exists.
    pub fn frames_needed(&self, labels: &[u16]) -> Option<usize> {
        let lattice = Lattice::new(self, labels);
        let mut frames: Vec<Option<usize>> = Vec::with_capacity(lattice.states.len());
        for state in &lattice.states {
            // All except the state itself come earlier.
            let before = state.from.iter().filter_map(|&p| frames.get(p).copied().flatten()).min();
            frames.push(if state.starts { Some(1) } else { before.map(|n| n + 1) });
        }
        frames[lattice.last..].iter().flatten().min().copied()
    }

    /// `-ln P(labels)` under `logits` (`frames x symbols`, symbol 0 is the blank), where `labels`
    /// are single characters, and its derivative by each logit.
    ///
    /// Infinite, with `gradient` untouched, if no segmentation of the text into grams fits into the
    /// frames.
    pub fn loss_and_gradient(
        &self,
        logits: &[f32],
        labels: &[u16],
        symbols: usize,
        gradient: &mut [f32],
    ) -> f64 {
        let lattice = Lattice::new(self, labels);
        let (states, count) = (&lattice.states, lattice.states.len());
        let frames = logits.len() / symbols;
        let none = f64::NEG_INFINITY;
        if frames == 0 {
            return f64::INFINITY;
        }
        let normaliser = normalisers(logits, symbols);
        let emit = |t: usize, s: usize| {
            f64::from(logits[t * symbols + usize::from(states[s].symbol)]) - normaliser[t]
        };
        let mut alpha = vec![none; frames * count];
        for t in 0..frames {
            let (past, now) = alpha.split_at_mut(t * count);
            for (s, state) in states.iter().enumerate() {
                let reach = if t == 0 {
                    if state.starts { 0.0 } else { none }
                } else {
                    let past = &past[(t - 1) * count..];
                    log_sum(state.from.iter().map(|&p| past[p]))
                };
                if reach > none {
                    now[s] = reach + emit(t, s);
                }
            }
        }
        let total = log_sum(alpha[(frames - 1) * count + lattice.last..].iter().copied());
        if total == none {
            return f64::INFINITY;
        }
        softmax(logits, symbols, gradient);
        let mut beta = vec![none; count];
        beta[lattice.last..].fill(0.0);
        let mut onward = vec![none; count];
        for t in (0..frames).rev() {
            for (s, state) in states.iter().enumerate() {
                let share = (alpha[t * count + s] + beta[s] - total).exp();
                gradient[t * symbols + usize::from(state.symbol)] -= share as f32;
                onward[s] = beta[s] + emit(t, s);
            }
            beta.fill(none);
            for (state, &onward) in states.iter().zip(&onward) {
                if onward > none {
                    for &p in &state.from {
                        beta[p] = log_add(beta[p], onward);
                    }
                }
            }
        }
        -total
    }
}

/// One state, and the states from which a path may come, including itself.
struct State {
    symbol: u16,
    from: Vec<usize>,
    starts: bool,
}

/// The states of one text, by characters consumed; for each number first the grams, then the blank,
/// so that a state's predecessors come before it.
struct Lattice {
    states: Vec<State>,
    /// Paths may end in the states from here on.
    last: usize,
}

impl Lattice {
    fn new(grams: &Grams, labels: &[u16]) -> Self {
        let mut states: Vec<State> = Vec::with_capacity((labels.len() + 1) * (grams.longest + 1));
        // Where the states for each number of characters begin.
        let mut begins = Vec::with_capacity(labels.len() + 2);
        for i in 0..=labels.len() {
            begins.push(states.len());
            for j in 1..=grams.longest.min(i) {
                let Some(&symbol) = grams.symbols.get(&labels[i - j..i]) else { continue };
                let before = begins[i - j]..begins[i - j + 1];
                let mut from: Vec<usize> = before.filter(|&p| states[p].symbol != symbol).collect();
                from.push(states.len());
                states.push(State { symbol, from, starts: j == i });
            }
            let from = (begins[i]..=states.len()).collect();
            states.push(State { symbol: 0, from, starts: i == 0 });
        }
        Self { states, last: begins[labels.len()] }
    }
}

fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc;

    fn logits(frames: usize, symbols: usize, scale: f32) -> Vec<f32> {
        (0..frames * symbols).map(|i| scale * ((i * 37 % 23) as f32 / 11.0 - 1.0)).collect()
    }

    /// a, b, and the named grams of them.
    fn grams(of: &[&[u16]]) -> (Vec<Vec<u16>>, usize) {
        let mut spellings = vec![vec![], vec![1], vec![2]];
        spellings.extend(of.iter().map(|g| g.to_vec()));
        let count = spellings.len();
        (spellings, count)
    }

    fn run(x: &[f32], labels: &[u16], spellings: &[Vec<u16>]) -> (f64, Vec<f32>) {
        let mut gradient = vec![0.0; x.len()];
        let grams = Grams::new(spellings);
        (grams.loss_and_gradient(x, labels, spellings.len(), &mut gradient), gradient)
    }

    /// Sums the probability of every path by enumeration.
    fn brute_force(logits: &[f32], labels: &[u16], spellings: &[Vec<u16>]) -> f64 {
        let symbols = spellings.len();
        let frames = logits.len() / symbols;
        let mut y = vec![0.0; logits.len()];
        softmax(logits, symbols, &mut y);
        let mut total = 0.0;
        for code in 0..symbols.pow(frames as u32) {
            let path: Vec<usize> =
                (0..frames).map(|t| code / symbols.pow(t as u32) % symbols).collect();
            let mut grams = path.clone();
            grams.dedup();
            let text: Vec<u16> = grams.iter().flat_map(|&k| spellings[k].clone()).collect();
            if text == labels {
                let steps = path.iter().enumerate();
                total += steps.map(|(t, k)| f64::from(y[t * symbols + k])).product::<f64>();
            }
        }
        -total.ln()
    }

    #[test]
    fn equals_enumeration_of_all_paths() {
        for (of, frames, labels) in [
            (vec![], 5, vec![1, 1]),
            (vec![&[1, 2][..]], 4, vec![1, 2, 1, 2]),
            (vec![&[1, 2], &[2, 1]], 5, vec![1, 2, 1]),
            (vec![&[1, 1]], 4, vec![1, 1, 1, 1]),
            (vec![&[1, 1]], 5, vec![1, 1, 1, 1, 1]),
            (vec![&[1, 2], &[1, 2, 1]], 5, vec![1, 2, 1, 1, 2, 1]),
            (vec![&[1, 2]], 6, vec![]),
            (vec![&[2, 2], &[1, 2, 2]], 1, vec![1, 2, 2]),
            (vec![&[1, 2]], 2, vec![1, 2, 1, 2]),
        ] {
            let (spellings, symbols) = grams(&of);
            let x = logits(frames, symbols, 2.0);
            let ours = run(&x, &labels, &spellings).0;
            let expected = brute_force(&x, &labels, &spellings);
            let case = format!("{of:?}: {labels:?} in {frames}: {ours}, by hand {expected}");
            assert!(ours == expected || (ours - expected).abs() < 1e-5, "{case}");
        }
    }

    #[test]
    fn gradient_equals_finite_differences() {
        let (spellings, symbols) = grams(&[&[1, 2], &[2, 2], &[1, 1, 2]]);
        let (frames, labels) = (7, vec![1, 1, 2, 2, 2, 1, 2]);
        let x = logits(frames, symbols, 1.5);
        let (_, gradient) = run(&x, &labels, &spellings);
        for (i, g) in gradient.iter().enumerate() {
            let at = |d: f32| {
                let mut x = x.clone();
                x[i] += d;
                run(&x, &labels, &spellings).0
            };
            let numeric = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((f64::from(*g) - numeric).abs() < 1e-4, "logit {i}: {g} and {numeric}");
        }
    }

    #[test]
    fn characters_only_are_plain_ctc() {
        let (spellings, symbols) = grams(&[]);
        for (frames, labels) in [(9, vec![1, 2, 2, 1]), (4, vec![]), (4, vec![2, 2, 2])] {
            let x = logits(frames, symbols, 2.0);
            let (grams, by_grams) = run(&x, &labels, &spellings);
            let mut gradient = vec![0.0; x.len()];
            let plain = ctc::loss_and_gradient(&x, &labels, symbols, &mut gradient);
            assert!(
                grams == plain || (grams - plain).abs() < 1e-5,
                "{labels:?}: {grams} and {plain}"
            );
            for (i, (a, b)) in by_grams.iter().zip(&gradient).enumerate() {
                assert!((a - b).abs() < 1e-5, "{labels:?}, logit {i}: {a} and {b}");
            }
        }
    }

    #[test]
    fn the_frames_needed_are_the_fewest_with_a_finite_loss() {
        for (of, labels, needed) in [
            (vec![], vec![1, 1, 2], Some(4)),
            (vec![&[1, 2][..]], vec![1, 2, 1, 2], Some(3)),
            (vec![&[1, 2], &[1, 2, 1]], vec![1, 2, 1, 2], Some(2)),
            (vec![&[1, 1]], vec![1, 1, 1, 1], Some(3)),
            (vec![&[1, 1]], vec![1, 1, 1], Some(2)),
            (vec![&[1, 1]], vec![], Some(1)),
            (vec![], vec![1, 3], None),
        ] {
            let (spellings, symbols) = grams(&of);
            let grams = Grams::new(&spellings);
            assert_eq!(grams.frames_needed(&labels), needed, "{of:?} {labels:?}");
            for frames in 1..6 {
                let x = logits(frames, symbols, 2.0);
                let (loss, gradient) = run(&x, &labels, &spellings);
                let fits = needed.is_some_and(|n| n <= frames);
                assert_eq!(loss.is_finite(), fits, "{of:?} {labels:?} in {frames}");
                assert!(fits || gradient.iter().all(|&g| g == 0.0));
            }
        }
    }

    #[test]
    fn a_sure_and_wrong_net_has_a_finite_loss() {
        let (spellings, symbols) = grams(&[&[1, 2]]);
        let frames = 40;
        let mut x = vec![-300.0; frames * symbols];
        x.chunks_exact_mut(symbols).for_each(|row| row[2] = 300.0);
        let (loss, gradient) = run(&x, &[1, 2, 1, 1], &spellings);
        assert!(loss.is_finite() && loss > 1e3, "{loss}");
        assert!(gradient.iter().all(|g| g.is_finite()));
    }
}
