//! When an utterance is over.
//!
//! The rules are Kaldi's (`online-endpoint.h`): a rule applies after enough silence at the end, in
//! an utterance that is long enough, with or without anything decoded before. The caller decides
//! what silence is: by a voice activity detector, or as frames whose best symbol is the blank or a
//! space ([`is_pause`]).

/// What must have been said before an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heard {
    /// Nothing.
    Anything,
    /// Something.
    Speech,
    /// A phrase of a closed grammar that cannot go on.
    Phrase,
}

/// How many seconds beyond its length a rule without silence waits for the end of a word.
const GRACE_S: f64 = 5.0;

/// A condition for an end. A rule that needs no silence cuts continuous speech, so it waits for the
/// end of a word, at most 5 s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndpointRule {
    /// What must have been said.
    pub after: Heard,
    /// The silence needed at the end, in seconds.
    pub silence_s: f64,
    /// The minimum length of the whole utterance, in seconds.
    pub length_s: f64,
}

/// The conditions for an end: any one of them is enough.
///
/// ```
/// use stonechat_decode::{EndpointRule, EndpointRules, Heard};
///
/// // Half a second of silence after something was said, or a minute of anything.
/// let rules = EndpointRules(vec![
///     EndpointRule { after: Heard::Speech, silence_s: 0.5, length_s: 0.0 },
///     EndpointRule { after: Heard::Anything, silence_s: 0.0, length_s: 60.0 },
/// ]);
/// assert_eq!(rules.0.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointRules(pub Vec<EndpointRule>);

impl Default for EndpointRules {
    /// 5 s of silence; 1 s after speech; 0.4 s after a complete phrase; 20 s of speech and the end
    /// of a word. The spikes of CTC leave gaps of silence within and between words, so the second
    /// is not shorter.
    fn default() -> Self {
        let rule = |after, silence_s, length_s| EndpointRule { after, silence_s, length_s };
        Self(vec![
            rule(Heard::Anything, 5.0, 0.0),
            rule(Heard::Speech, 1.0, 0.0),
            rule(Heard::Phrase, 0.4, 0.0),
            rule(Heard::Speech, 0.0, 20.0),
        ])
    }
}

/// Watches a stream for the end of an utterance, frame by frame.
#[derive(Debug, Clone)]
pub struct Endpointer {
    rules: EndpointRules,
    frame_seconds: f64,
    frames: u64,
    silent_frames: u64,
    heard: Heard,
    between_words: bool,
}

/// What the most likely symbol of a frame means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BestSymbol {
    /// Nothing: the middle of a sound, or silence.
    Blank,
    /// A word has ended.
    Space,
    /// A word goes on.
    Letter,
}

impl BestSymbol {
    /// For a frame with one logit for each symbol; symbol 0 is the blank.
    pub fn of(logits: &[f32], symbols: &[String]) -> Self {
        let (mut best, mut highest) = (0, f32::NEG_INFINITY);
        for (symbol, &logit) in logits.iter().enumerate() {
            if logit > highest {
                (best, highest) = (symbol, logit);
            }
        }
        match symbols.get(best) {
            _ if best == 0 => Self::Blank,
            Some(text) if text == " " => Self::Space,
            _ => Self::Letter,
        }
    }
}

impl Endpointer {
    /// For frames of `frame_seconds`.
    pub fn new(rules: EndpointRules, frame_seconds: f64) -> Self {
        let heard = Heard::Anything;
        Self { rules, frame_seconds, frames: 0, silent_frames: 0, heard, between_words: false }
    }

    /// Takes a frame, and whether the text so far is a [`complete`](crate::Decoder::is_complete)
    /// phrase. The frame is silent if its best symbol is not a letter and nobody is `speaking`.
    pub fn push(&mut self, best: BestSymbol, speaking: bool, complete: bool) {
        self.frames += 1;
        self.between_words = match best {
            BestSymbol::Blank => self.between_words,
            BestSymbol::Space => true,
            BestSymbol::Letter => false,
        };
        if best != BestSymbol::Letter && !speaking {
            self.silent_frames += 1;
        } else {
            self.silent_frames = 0;
            self.heard = Heard::Speech;
        }
        if self.heard > Heard::Anything {
            self.heard = if complete { Heard::Phrase } else { Heard::Speech };
        }
    }

    /// The first rule that says the utterance is over, by its index.
    pub fn ended(&self) -> Option<usize> {
        let [length_s, silence_s] =
            [self.frames, self.silent_frames].map(|frames| frames as f64 * self.frame_seconds);
        // Sums of frame lengths have rounding errors.
        let reached = |value: f64, needed: f64| value >= needed - 1e-9;
        self.rules.0.iter().position(|rule| {
            let forced = rule.silence_s == 0.0;
            let ready = !forced || self.between_words || reached(length_s, rule.length_s + GRACE_S);
            ready
                && self.heard >= rule.after
                && reached(silence_s, rule.silence_s)
                && reached(length_s, rule.length_s)
                && self.frames > 0
        })
    }

    /// Seconds of silence at the end.
    pub fn trailing_silence_s(&self) -> f64 {
        self.silent_frames as f64 * self.frame_seconds
    }

    /// Starts another utterance.
    pub fn reset(&mut self) {
        (self.frames, self.silent_frames) = (0, 0);
        (self.heard, self.between_words) = (Heard::Anything, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_fire_in_time() {
        // 's' is a tenth of a second of silence, 'a' one of speech; 'c' and 'o' the same in a
        // complete phrase; ' ' the end of a word.
        for (sound, rule, at) in [
            ("s".repeat(60), Some(0), 50),
            (format!("{}{}", "a".repeat(5), "s".repeat(20)), Some(1), 15),
            (format!("sss{}sssssssss{}", "a".repeat(5), "a".repeat(5)), None, 0),
            // No pause is coming: end between words, or finally within one.
            ("a".repeat(260), Some(3), 250),
            ("asss".repeat(65), Some(3), 250),
            (format!("{} aa", "a".repeat(210)), Some(3), 211),
            (format!("{} {}", "a".repeat(150), "a".repeat(120)), Some(3), 250),
            (format!("{} ss{}", "a".repeat(198), "a".repeat(20)), Some(3), 200),
            (format!("aaoccc{}", "c".repeat(5)), Some(2), 7),
            (format!("aaoccaaossccc{}", "s".repeat(9)), Some(2), 12),
            (format!("aaoccss{}", "s".repeat(9)), Some(1), 13),
        ] {
            let mut endpointer = Endpointer::new(EndpointRules::default(), 0.1);
            assert_eq!(endpointer.ended(), None);
            let mut fired = None;
            for (n, frame) in sound.chars().enumerate() {
                let best = match frame {
                    's' | 'c' => BestSymbol::Blank,
                    ' ' => BestSymbol::Space,
                    _ => BestSymbol::Letter,
                };
                endpointer.push(best, false, "co".contains(frame));
                if let Some(rule) = endpointer.ended() {
                    fired = Some((rule, n + 1));
                    break;
                }
            }
            assert_eq!(fired, rule.map(|rule| (rule, at)), "{sound}");
            endpointer.reset();
            assert_eq!((endpointer.ended(), endpointer.trailing_silence_s()), (None, 0.0));
        }
    }

    #[test]
    fn somebody_who_speaks_is_not_silent() {
        let mut endpointer = Endpointer::new(EndpointRules::default(), 0.1);
        for (speaking, expected_s) in [(false, 0.1), (true, 0.0), (false, 0.1), (false, 0.2)] {
            endpointer.push(BestSymbol::Blank, speaking, false);
            assert!((endpointer.trailing_silence_s() - expected_s).abs() < 1e-9);
        }
    }

    #[test]
    fn the_best_symbol_of_a_frame() {
        use BestSymbol::{Blank, Letter, Space};
        let symbols = ["", " ", "a"].map(String::from);
        for (logits, best) in [
            ([1.0, 0.0, 0.5], Blank),
            ([0.0, 1.0, 0.5], Space),
            ([0.0, 1.0, 1.5], Letter),
            ([f32::NAN; 3], Blank),
        ] {
            assert_eq!(BestSymbol::of(&logits, &symbols), best, "{logits:?}");
        }
    }
}
