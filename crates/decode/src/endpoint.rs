//! When an utterance is over.
//!
//! The rules are Kaldi's (`online-endpoint.h`): one fires when there has been enough silence at
//! the end, in an utterance long enough, with or without anything decoded before. Silence is what
//! the caller calls so: a voice activity detector, or frames whose best symbol is the blank or a
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

/// A condition for an end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndpointRule {
    /// What must have been said.
    pub after: Heard,
    /// The silence needed at the end, in seconds.
    pub silence_s: f64,
    /// The length needed of the whole utterance, in seconds.
    pub length_s: f64,
}

/// The conditions of an end: any one is enough.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointRules(pub Vec<EndpointRule>);

impl Default for EndpointRules {
    /// 5 s of silence; 1 s after speech; 0.4 s after a complete phrase; 20 s of speech, whatever follows. CTC's
    /// spikes leave gaps of silence inside of words and between them, so the second is not shorter.
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
}

impl Endpointer {
    /// For frames of `frame_seconds`.
    pub fn new(rules: EndpointRules, frame_seconds: f64) -> Self {
        Self { rules, frame_seconds, frames: 0, silent_frames: 0, heard: Heard::Anything }
    }

    /// Takes a frame: silent, or with speech; and whether what was said so far is a
    /// [`complete`](crate::Decoder::is_complete) phrase.
    pub fn push(&mut self, silent: bool, complete: bool) {
        self.frames += 1;
        if silent {
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
        // Sums of frames are a little off what they mean.
        let reached = |value: f64, needed: f64| value >= needed - 1e-9;
        self.rules.0.iter().position(|rule| {
            self.heard >= rule.after
                && reached(silence_s, rule.silence_s)
                && reached(length_s, rule.length_s)
                && self.frames > 0
        })
    }

    /// Seconds of silence at the end.
    pub fn trailing_silence_s(&self) -> f64 {
        self.silent_frames as f64 * self.frame_seconds
    }

    /// Another utterance begins.
    pub fn reset(&mut self) {
        (self.frames, self.silent_frames, self.heard) = (0, 0, Heard::Anything);
    }
}

/// Whether the best symbol of a frame is the blank (index 0) or a space.
pub fn is_pause(logits: &[f32], symbols: &[String]) -> bool {
    let (mut best, mut highest) = (0, f32::NEG_INFINITY);
    for (symbol, &logit) in logits.iter().enumerate() {
        if logit > highest {
            (best, highest) = (symbol, logit);
        }
    }
    best == 0 || symbols.get(best).is_some_and(|text| text == " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_fire_in_time() {
        // 's' is a tenth of a second of silence, 'a' one of speech; 'c' and 'o' the same in a complete phrase.
        for (sound, rule, at) in [
            ("s".repeat(60), Some(0), 50),
            (format!("{}{}", "a".repeat(5), "s".repeat(20)), Some(1), 15),
            (format!("sss{}sssssssss{}", "a".repeat(5), "a".repeat(5)), None, 0),
            ("a".repeat(250), Some(3), 200),
            ("asss".repeat(60), Some(3), 200),
            (format!("aaoccc{}", "c".repeat(5)), Some(2), 7),
            (format!("aaoccaaossccc{}", "s".repeat(9)), Some(2), 12),
            (format!("aaoccss{}", "s".repeat(9)), Some(1), 13),
        ] {
            let mut endpointer = Endpointer::new(EndpointRules::default(), 0.1);
            assert_eq!(endpointer.ended(), None);
            let mut fired = None;
            for (n, frame) in sound.chars().enumerate() {
                endpointer.push("sc".contains(frame), "co".contains(frame));
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
    fn pauses_are_blanks_and_spaces() {
        let symbols = ["", " ", "a"].map(String::from);
        for (logits, pause) in [
            ([1.0, 0.0, 0.5], true),
            ([0.0, 1.0, 0.5], true),
            ([0.0, 1.0, 1.5], false),
            ([f32::NAN; 3], true),
        ] {
            assert_eq!(is_pause(&logits, &symbols), pause, "{logits:?}");
        }
    }
}
