//! CTC over single symbols (Graves et al. 2006): loss and gradient of one sequence.
//!
//! ```text
//! l' = blank l_1 blank l_2 ... l_L blank                      2L + 1 states
//! a_t(s) = y_t(l'_s) [a_{t-1}(s) + a_{t-1}(s-1) + (l'_s != blank, l'_{s-2}) a_{t-1}(s-2)]
//! b_t(s) = the same backwards, the emission at t left out
//! d(-log P)/d logit_t(k) = y_t(k) - sum over s with l'_s = k of a_t(s) b_t(s) / P
//! ```
//!
//! 1. The sums run over probabilities scaled to 1 in every frame, in f64: no logarithm or
//!    exponential per state. States that cannot be reached from the start or cannot reach the end
//!    in time are left out, so that no mass flows into dead ends.
//! 2. If even that underflows (a network that is sure and wrong), the same sums run in log space.

use super::{log_sum, normalisers, softmax};

/// The fewest frames in which CTC can emit `labels`: one each, plus a blank between two equal ones
/// (Graves et al. 2006, section 3); at least 1.
pub fn frames_needed(labels: &[u16]) -> usize {
    (labels.len() + labels.windows(2).filter(|pair| pair[0] == pair[1]).count()).max(1)
}

/// `-ln P(labels)` under `logits` (`frames x symbols`, symbol 0 is the blank), and its derivative
/// by each logit.
///
/// Infinite, with `gradient` untouched, if the labels do not fit into the frames.
pub fn loss_and_gradient(
    logits: &[f32],
    labels: &[u16],
    symbols: usize,
    gradient: &mut [f32],
) -> f64 {
    let frames = logits.len() / symbols;
    if frames < frames_needed(labels) {
        return f64::INFINITY;
    }
    let states = expand(labels);
    softmax(logits, symbols, gradient);
    let posterior =
        scaled(gradient, &states, symbols).unwrap_or_else(|| log_space(logits, &states, symbols));
    for (row, gamma) in gradient.chunks_exact_mut(symbols).zip(posterior.gamma.chunks(states.len()))
    {
        for (state, gamma) in states.iter().zip(gamma) {
            row[usize::from(*state)] -= *gamma as f32;
        }
    }
    posterior.loss
}

/// `frames x states` posterior and the loss.
struct Posterior {
    gamma: Vec<f64>,
    loss: f64,
}

fn expand(labels: &[u16]) -> Vec<u16> {
    let mut states = vec![0; 2 * labels.len() + 1];
    for (i, &label) in labels.iter().enumerate() {
        states[2 * i + 1] = label;
    }
    states
}

/// Whether a path may skip the blank before state `s`.
fn skips(states: &[u16], s: usize) -> bool {
    s >= 2 && states[s] != 0 && states[s] != states[s - 2]
}

/// States that can be reached from the start and can still reach the end at frame `t`.
fn alive(t: usize, frames: usize, states: usize) -> std::ops::Range<usize> {
    let last = (2 * t + 2).min(states);
    let first = states.saturating_sub(2 * (frames - t));
    first.min(last)..last
}

fn scaled(probabilities: &[f32], states: &[u16], symbols: usize) -> Option<Posterior> {
    let (frames, count) = (probabilities.len() / symbols, states.len());
    let emit = |t: usize, s: usize| f64::from(probabilities[t * symbols + usize::from(states[s])]);
    let skip: Vec<f64> = (0..count).map(|s| f64::from(u8::from(skips(states, s)))).collect();
    let mut alpha = vec![0.0; frames * count];
    let mut loss = 0.0;
    for t in 0..frames {
        let (past, now) = alpha.split_at_mut(t * count);
        let mut total = 0.0;
        for s in alive(t, frames, count) {
            let reach = if t == 0 {
                1.0
            } else {
                let past = &past[(t - 1) * count..];
                past[s]
                    + if s >= 1 { past[s - 1] } else { 0.0 }
                    + if s >= 2 { skip[s] * past[s - 2] } else { 0.0 }
            };
            now[s] = reach * emit(t, s);
            total += now[s];
        }
        // Denormals would still be accurate enough, but a sum of them means that more has been
        // lost.
        if total.is_nan() || total < f64::MIN_POSITIVE {
            return None;
        }
        now[..count].iter_mut().for_each(|a| *a /= total);
        loss -= total.ln();
    }
    // The last frame's live states are exactly the two that end a path.
    let mut beta = vec![0.0; count];
    let mut next = vec![0.0; count];
    beta[alive(frames - 1, frames, count)].fill(1.0);
    for t in (0..frames).rev() {
        if t + 1 < frames {
            next.fill(0.0);
            let mut total = 0.0;
            for s in alive(t, frames, count) {
                let onward = |s: usize| if s < count { beta[s] * emit(t + 1, s) } else { 0.0 };
                let over = if s + 2 < count { skip[s + 2] * onward(s + 2) } else { 0.0 };
                next[s] = onward(s) + onward(s + 1) + over;
                total += next[s];
            }
            if total.is_nan() || total < f64::MIN_POSITIVE {
                return None;
            }
            next.iter_mut().for_each(|b| *b /= total);
            std::mem::swap(&mut beta, &mut next);
        }
        let row = &mut alpha[t * count..][..count];
        let mut total = 0.0;
        for (a, b) in row.iter_mut().zip(&beta) {
            *a *= b;
            total += *a;
        }
        if total.is_nan() || total < f64::MIN_POSITIVE {
            return None;
        }
        row.iter_mut().for_each(|a| *a /= total);
    }
    Some(Posterior { gamma: alpha, loss })
}

fn log_space(logits: &[f32], states: &[u16], symbols: usize) -> Posterior {
    let (frames, count) = (logits.len() / symbols, states.len());
    let none = f64::NEG_INFINITY;
    let normaliser = normalisers(logits, symbols);
    let emit = |t: usize, s: usize| {
        f64::from(logits[t * symbols + usize::from(states[s])]) - normaliser[t]
    };
    let mut alpha = vec![none; frames * count];
    for t in 0..frames {
        for s in alive(t, frames, count) {
            let reach = if t == 0 {
                0.0
            } else {
                let past = &alpha[(t - 1) * count..t * count];
                log_sum([
                    past[s],
                    if s >= 1 { past[s - 1] } else { none },
                    if skips(states, s) { past[s - 2] } else { none },
                ])
            };
            alpha[t * count + s] = reach + emit(t, s);
        }
    }
    let mut beta = vec![none; frames * count];
    beta[(frames - 1) * count..][alive(frames - 1, frames, count)].fill(0.0);
    for t in (0..frames - 1).rev() {
        for s in alive(t, frames, count) {
            let after = &beta[(t + 1) * count..(t + 2) * count];
            let onward = |s: usize| if s < count { after[s] + emit(t + 1, s) } else { none };
            let over = if s + 2 < count && skips(states, s + 2) { onward(s + 2) } else { none };
            beta[t * count + s] = log_sum([onward(s), onward(s + 1), over]);
        }
    }
    let total = log_sum(alpha[(frames - 1) * count..].iter().copied());
    let gamma = alpha.iter().zip(&beta).map(|(a, b)| (a + b - total).exp()).collect();
    Posterior { gamma, loss: -total }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(frames: usize, symbols: usize, scale: f32) -> Vec<f32> {
        (0..frames * symbols).map(|i| scale * ((i * 37 % 23) as f32 / 11.0 - 1.0)).collect()
    }

    fn run(x: &[f32], labels: &[u16], symbols: usize) -> (f64, Vec<f32>) {
        let mut gradient = vec![0.0; x.len()];
        (loss_and_gradient(x, labels, symbols, &mut gradient), gradient)
    }

    /// Sums the probability of every path by enumeration.
    fn brute_force(logits: &[f32], labels: &[u16], symbols: usize) -> f64 {
        let frames = logits.len() / symbols;
        let mut y = vec![0.0; logits.len()];
        softmax(logits, symbols, &mut y);
        let mut total = 0.0;
        for code in 0..symbols.pow(frames as u32) {
            let path: Vec<u16> =
                (0..frames).map(|t| (code / symbols.pow(t as u32) % symbols) as u16).collect();
            let mut text = path.clone();
            text.dedup();
            text.retain(|&k| k != 0);
            if text == labels {
                total += (0..frames)
                    .map(|t| f64::from(y[t * symbols + usize::from(path[t])]))
                    .product::<f64>();
            }
        }
        -total.ln()
    }

    #[test]
    fn equals_enumeration_of_all_paths() {
        for (frames, labels) in [
            (1, vec![]),
            (1, vec![1]),
            (4, vec![1, 2]),
            (5, vec![1, 1]),
            (6, vec![2, 1, 2]),
            (3, vec![2, 2]),
            (6, vec![]),
        ] {
            let x = logits(frames, 3, 2.0);
            let (ours, expected) = (run(&x, &labels, 3).0, brute_force(&x, &labels, 3));
            assert!((ours - expected).abs() < 1e-5, "{labels:?} in {frames}: {ours} {expected}");
        }
    }

    #[test]
    fn gradient_equals_finite_differences_and_log_space() {
        let (frames, symbols, labels) = (9, 4, vec![1, 3, 3, 2]);
        let x = logits(frames, symbols, 1.5);
        let (_, gradient) = run(&x, &labels, symbols);
        for i in 0..x.len() {
            let at = |d: f32| {
                let mut x = x.clone();
                x[i] += d;
                log_space(&x, &expand(&labels), symbols).loss
            };
            let numeric = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((f64::from(gradient[i]) - numeric).abs() < 1e-4, "logit {i}");
        }
    }

    #[test]
    fn a_sure_and_wrong_net_has_a_finite_loss() {
        let (frames, symbols) = (60, 5);
        let mut x = vec![-300.0; frames * symbols];
        x.chunks_exact_mut(symbols).for_each(|row| row[4] = 300.0);
        let (loss, gradient) = run(&x, &[1, 2, 1, 3], symbols);
        assert!(loss.is_finite() && loss > 1e4, "{loss}");
        assert!(gradient.iter().all(|g| g.is_finite()));
    }

    #[test]
    fn labels_that_do_not_fit_are_infinite_with_zero_gradient() {
        let x = logits(3, 3, 1.0);
        let (loss, gradient) = run(&x, &[1, 1, 1], 3);
        assert_eq!(loss, f64::INFINITY);
        assert!(gradient.iter().all(|&g| g == 0.0));
    }
}
