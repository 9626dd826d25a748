//! One frame of logits: log probabilities, and the symbols worth extending by.

/// Lowest log probability of a symbol: no frame makes anything impossible.
const FLOOR: f32 = -80.0;

/// Buffers for a frame.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// Natural log of the softmax.
    pub log_probs: Vec<f32>,
    /// The softmax.
    pub probs: Vec<f32>,
    /// The symbols to extend by, best first, without the blank.
    pub picks: Vec<u16>,
}

impl Frame {
    /// Softmax of a frame, and its best symbols up to a cumulative probability of `mass`, at most
    /// `most` of them. A NaN counts as minus infinity, and a frame of only NaNs as a blank.
    pub(crate) fn read(&mut self, logits: &[f32], most: usize, mass: f32) {
        let Self { log_probs, probs, picks } = self;
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        probs.clear();
        if highest.is_finite() {
            probs.extend(logits.iter().map(|logit| (logit - highest).exp()));
            probs.iter_mut().filter(|p| p.is_nan()).for_each(|p| *p = 0.0);
        } else {
            // The best logit is infinite or there is none: the first highest takes all.
            let best = logits.iter().position(|&logit| logit == f32::INFINITY).unwrap_or(0);
            probs.resize(logits.len(), 0.0);
            probs[best] = 1.0;
        }
        let sum: f32 = probs.iter().sum();
        let log_sum = sum.ln();
        log_probs.clear();
        picks.clear();
        for (symbol, p) in probs.iter_mut().enumerate() {
            let exact = if highest.is_finite() { logits[symbol] - highest } else { p.ln() };
            // `max` drops a NaN.
            log_probs.push((exact - log_sum).max(FLOOR));
            *p /= sum;
            if symbol > 0 {
                picks.push(symbol as u16);
            }
        }
        let order = |a: &u16, b: &u16| {
            probs[usize::from(*b)].total_cmp(&probs[usize::from(*a)]).then(a.cmp(b))
        };
        if most < picks.len() {
            picks.select_nth_unstable_by(most, order);
            picks.truncate(most);
        }
        if mass < 1.0 {
            let mut left = mass - probs[0];
            picks.retain(|&s| probs[usize::from(s)] > 1e-6);
            picks.sort_unstable_by(order);
            let needed = picks.iter().take_while(|&&symbol| {
                let more = left > 0.0;
                left -= probs[usize::from(symbol)];
                more
            });
            let needed = needed.count();
            picks.truncate(needed);
        } else {
            picks.sort_unstable_by(order);
        }
    }
}

/// ln(e^a + e^b).
pub(crate) fn log_add(a: f32, b: f32) -> f32 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    let apart = high - low;
    // Beyond 17 nats the smaller one is lost in an f32; a NaN (both minus infinity) ends here as
    // well.
    if apart < 17.0 { high + (-apart).exp().ln_1p() } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_normalised_and_pruned() {
        let mut frame = Frame::default();
        frame.read(&[1.0, 3.0, 2.0, f32::NAN], usize::MAX, 1.0);
        assert_eq!(frame.picks, [1, 2, 3]);
        let sum: f32 = frame.log_probs.iter().map(|l| l.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6 && frame.log_probs[3] == FLOOR);
        frame.read(&[1.0, 3.0, 2.0, 0.0], 2, 1.0);
        assert_eq!(frame.picks, [1, 2]);
        // 0.087, 0.644, 0.237, 0.032: the blank's share counts.
        for (mass, picks) in [(0.05, 0), (0.7, 1), (0.8, 2), (0.98, 3)] {
            frame.read(&[1.0, 3.0, 2.0, 0.0], usize::MAX, mass);
            assert_eq!(frame.picks.len(), picks, "{mass}");
        }
        for (logits, best) in [
            ([f32::NAN; 3], 0),
            ([f32::NEG_INFINITY; 3], 0),
            ([0.0, f32::INFINITY, f32::INFINITY], 1),
            ([0.0, 1e30, f32::NEG_INFINITY], 1),
        ] {
            frame.read(&logits, 8, 0.999);
            assert_eq!(frame.probs[best], 1.0, "{logits:?}");
            assert_eq!(frame.log_probs[best], 0.0, "{logits:?}");
        }
    }

    #[test]
    fn log_add_adds() {
        for (a, b, sum) in
            [(0.0f32, 0.0f32, 2f32.ln()), (-1.0, -50.0, -1.0), (3.0, f32::NEG_INFINITY, 3.0)]
        {
            assert!((log_add(a, b) - sum).abs() < 1e-6 && log_add(a, b) == log_add(b, a));
        }
        assert_eq!(log_add(f32::NEG_INFINITY, f32::NEG_INFINITY), f32::NEG_INFINITY);
    }
}
