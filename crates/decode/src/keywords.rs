//! Keyword spotting: finds phrases in endless audio with the network that transcribes.
//!
//! A phrase is a row of CTC states (letters with blanks between them) that may begin at any frame.
//! Its score is the log of a ratio of probabilities of the frames: as the phrase, and as anything
//! at all (the filler, which takes the best symbol of every frame):
//!
//! ```text
//! score = max over alignments  sum over frames  ln p(the phrase's symbol) - ln p(best symbol)
//! ```
//!
//! (Viterbi). It is 0 if greedy decoding hears the phrase, and otherwise below 0. It is divided by
//! the number of letters, so that one threshold serves phrases of any length. A phrase is reported
//! once its score has passed its maximum within [`SpotterOptions::window_s`].
//!
//! Before and after the phrase there must be a space or a blank, never a letter: `on` is not found
//! in `gone` if the network is sure of the `g` and the `e`. Cost per frame: a few operations per
//! letter of all phrases.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::frame::Frame;
use crate::symbols::{SPACE, Symbols, lacks};
use crate::words::milliseconds;

/// How long to wait for a better score before a phrase is reported, in seconds.
const HOLD_S: f64 = 0.3;

/// When a phrase counts as heard.
///
/// ```
/// use stonechat_decode::SpotterOptions;
///
/// // Fewer false alarms, more misses.
/// let options = SpotterOptions { threshold: -0.5, ..SpotterOptions::default() };
/// assert_eq!(options.window_s, 2.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpotterOptions {
    /// The lowest score per letter, at most 0; closer to 0 is stricter.
    pub threshold: f32,
    /// The longest that a phrase may take, in seconds.
    pub window_s: f64,
}

impl Default for SpotterOptions {
    /// Meant for finding a word, not for a wake word: about ten false alarms per hour and keyword
    /// with the bundled model (`experiments/decoding`).
    fn default() -> Self {
        Self { threshold: -1.3, window_s: 2.0 }
    }
}

/// A phrase that was heard.
///
/// ```
/// use stonechat_decode::{KeywordSpotter, SpotterOptions};
///
/// let symbols = ["", " ", "h", "i"].map(String::from);
/// let mut spotter = KeywordSpotter::new(&symbols, 0.02, ["hi"], SpotterOptions::default())?;
/// let mut spotted = Vec::new();
/// for best in [0, 2, 3, 0] {
///     let mut logits = [0.0; 4];
///     logits[best] = 9.0;
///     spotter.push(&logits, &mut spotted)?;
/// }
/// spotter.finish(&mut spotted);
/// assert_eq!((spotted[0].phrase.as_str(), spotted[0].start), ("hi", 0.02));
/// # Ok::<(), stonechat_decode::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spotted {
    /// The phrase.
    pub phrase: String,
    /// Its index in the list.
    pub index: usize,
    /// Its beginning, in seconds from the start of the stream.
    pub start: f64,
    /// Its end.
    pub end: f64,
    /// Log ratio to the filler, per letter; at most 0.
    pub score: f32,
}

/// A path to a state: its score, and its first frame.
#[derive(Debug, Clone, Copy)]
struct Way {
    score: f32,
    start: u64,
}

const NO_WAY: Way = Way { score: f32::NEG_INFINITY, start: 0 };

#[derive(Debug, Clone)]
struct Keyword {
    phrase: String,
    /// The symbol of each letter, including spaces between words.
    symbols: Vec<u16>,
    /// State 2i + 1 is letter i, 2i is the blank before it; the first and the last are pauses, of
    /// blanks or spaces.
    ways: Vec<Way>,
    /// The best end that is not reported yet, and its frame.
    best: Option<(Way, u64)>,
}

/// Listens for phrases.
#[derive(Debug, Clone)]
pub struct KeywordSpotter {
    keywords: Vec<Keyword>,
    options: SpotterOptions,
    frame_seconds: f64,
    window: u64,
    hold: u64,
    space: Option<u16>,
    frame: Frame,
    frames: u64,
    size: usize,
}

impl KeywordSpotter {
    /// Listens for `phrases` in the output of a network with these symbols (0 is the blank) and
    /// frames of `frame_seconds`. Phrases are spelled in symbols of one character.
    ///
    /// # Errors
    /// [`Error::Hotword`] for a phrase without letters or with characters for which there is no
    /// symbol; [`Error::Option`]; [`Error::FrameLength`]; those of the alphabet.
    pub fn new<'a>(
        symbols: &[String],
        frame_seconds: f64,
        phrases: impl IntoIterator<Item = &'a str>,
        options: SpotterOptions,
    ) -> Result<Self, Error> {
        if !(frame_seconds.is_finite() && frame_seconds > 0.0) {
            return Err(Error::FrameLength { seconds: frame_seconds });
        }
        let SpotterOptions { threshold, window_s } = options;
        if threshold.is_nan() || threshold > 0.0 {
            let must = "be at most 0";
            return Err(Error::Option { name: "threshold", value: threshold.into(), must });
        }
        if !(window_s.is_finite() && window_s > 0.0) {
            return Err(Error::Option { name: "window_s", value: window_s, must: "be above 0" });
        }
        let alphabet = Symbols::new(symbols)?;
        let mut keywords = Vec::new();
        for phrase in phrases {
            let words: Vec<&str> = phrase.split_whitespace().collect();
            let phrase = words.join(" ");
            let refuse = |reason: String| Error::Hotword { phrase: phrase.clone(), reason };
            if phrase.is_empty() {
                return Err(refuse("it has no letter".into()));
            }
            let symbol = |c: char| alphabet.class(c).and_then(|class| alphabet.single(class));
            let foreign =
                |word: &&str| Some(lacks(word, word.chars().find(|&c| symbol(c).is_none())?));
            if let Some(reason) = words.iter().find_map(foreign) {
                return Err(refuse(reason));
            }
            let spelled: Option<Vec<u16>> = phrase.chars().map(symbol).collect();
            let symbols = spelled.ok_or_else(|| refuse("the alphabet has no space".into()))?;
            let ways = vec![NO_WAY; 2 * symbols.len() + 1];
            keywords.push(Keyword { phrase, symbols, ways, best: None });
        }
        let mut spotter = Self {
            keywords,
            options,
            frame_seconds,
            window: (window_s / frame_seconds).ceil() as u64,
            hold: (HOLD_S / frame_seconds).ceil() as u64,
            space: alphabet.single(SPACE),
            frame: Frame::default(),
            frames: 0,
            size: symbols.len(),
        };
        spotter.reset();
        Ok(spotter)
    }

    /// Takes the logits of the next frame, and appends the phrases that are now known to have been
    /// said to `spotted`.
    ///
    /// # Errors
    /// [`Error::FrameSize`] if the number of logits is not the number of symbols.
    pub fn push(&mut self, logits: &[f32], spotted: &mut Vec<Spotted>) -> Result<(), Error> {
        if logits.len() != self.size {
            let (frame, got) = (self.frames, logits.len());
            return Err(Error::FrameSize { frame, got, expected: self.size });
        }
        self.frame.read(logits, 0, 1.0);
        let log_probs = &mut self.frame.log_probs;
        let filler = log_probs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        log_probs.iter_mut().for_each(|p| *p -= filler);
        let pause =
            self.space.map_or(log_probs[0], |s| log_probs[0].max(log_probs[usize::from(s)]));
        let oldest = (self.frames + 1).saturating_sub(self.window);
        for (index, keyword) in self.keywords.iter_mut().enumerate() {
            let end = keyword.advance(log_probs, pause, self.frames, oldest);
            let letters = keyword.symbols.len() as f32;
            if end.score / letters >= self.options.threshold
                && keyword.best.is_none_or(|(best, _)| end.score > best.score)
            {
                keyword.best = Some((end, self.frames));
            }
            if let Some((best, at)) = keyword.best
                && self.frames - at >= self.hold
            {
                spotted.push(keyword.report(index, best, at, self.frame_seconds));
            }
        }
        self.frames += 1;
        Ok(())
    }

    /// Ends the audio: appends the phrases that were waiting for a better score.
    pub fn finish(&mut self, spotted: &mut Vec<Spotted>) {
        for (index, keyword) in self.keywords.iter_mut().enumerate() {
            // The pause after the last letter may be missing.
            let last = keyword.ways[keyword.ways.len() - 2];
            let letters = keyword.symbols.len() as f32;
            if last.score / letters >= self.options.threshold
                && keyword.best.is_none_or(|(best, _)| last.score > best.score)
            {
                keyword.best = Some((last, self.frames));
            }
            if let Some((best, at)) = keyword.best {
                spotted.push(keyword.report(index, best, at, self.frame_seconds));
            }
        }
    }

    /// Back to the state of a new spotter.
    pub fn reset(&mut self) {
        self.frames = 0;
        for keyword in &mut self.keywords {
            keyword.ways.fill(NO_WAY);
            // The audio may begin with the phrase.
            keyword.ways[0] = Way { score: 0.0, start: 0 };
            keyword.best = None;
        }
    }
}

impl Keyword {
    /// One frame; returns the way to the end, the first pause after the last letter.
    fn advance(&mut self, log_probs: &[f32], pause: f32, frame: u64, oldest: u64) -> Way {
        let Self { symbols, ways, .. } = self;
        let last = ways.len() - 1;
        // Backwards, so that the values read are still those of the frame before.
        for state in (1..=last).rev() {
            let is_letter = state % 2 == 1;
            let mut best = ways[state - 1];
            // A path does not stay in the end: what follows does not count.
            if state < last && ways[state].score > best.score {
                best = ways[state];
            }
            let letter = symbols[(state - 1) / 2];
            if is_letter && state > 1 && letter != symbols[(state - 3) / 2] {
                let skipped = ways[state - 2];
                if skipped.score > best.score {
                    best = skipped;
                }
            }
            best.score += match is_letter {
                true => log_probs[usize::from(letter)],
                false if state == last => pause,
                false => log_probs[0],
            };
            ways[state] = if best.start < oldest { NO_WAY } else { best };
        }
        // The phrase may begin after any pause.
        ways[0] = Way { score: pause, start: frame + 1 };
        ways[last]
    }

    fn report(&mut self, index: usize, way: Way, end: u64, frame_seconds: f64) -> Spotted {
        // Nothing that overlaps with it is reported again.
        self.ways[1..].fill(NO_WAY);
        self.best = None;
        Spotted {
            phrase: self.phrase.clone(),
            index,
            start: milliseconds(way.start as f64 * frame_seconds),
            end: milliseconds(end as f64 * frame_seconds),
            score: way.score / self.symbols.len() as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alphabet() -> Vec<String> {
        ["", " ", "g", "o", "n", "e"].map(String::from).to_vec()
    }

    /// Pushes a path, `_` for the blank; a capital letter has the blank as an equally likely
    /// alternative.
    fn say(spotter: &mut KeywordSpotter, path: &str) -> Vec<Spotted> {
        let mut spotted = Vec::new();
        for character in path.chars() {
            let text = character.to_lowercase().to_string().replace('_', "");
            let best = alphabet().iter().position(|symbol| *symbol == text).unwrap();
            let mut logits = [0.0; 6];
            logits[best] = 12.0;
            if character.is_uppercase() {
                logits[0] = 13.0;
            }
            spotter.push(&logits, &mut spotted).unwrap();
        }
        spotter.finish(&mut spotted);
        spotted
    }

    fn spotter(threshold: f32) -> KeywordSpotter {
        let options = SpotterOptions { threshold, window_s: 1.0 };
        KeywordSpotter::new(&alphabet(), 0.1, ["on", "go on"], options).unwrap()
    }

    #[test]
    fn phrases_are_heard_where_they_are() {
        for (path, expected) in [
            ("", &[][..]),
            ("on", &[(0, 0, 2)]),
            ("__on__", &[(0, 2, 4)]),
            ("_o_n_____o__n_", &[(0, 1, 4), (0, 9, 13)]),
            ("__gone__", &[]),
            ("go on____", &[(0, 3, 5), (1, 0, 5)]),
            ("g_o_  oon____", &[(0, 6, 9), (1, 0, 9)]),
            // Too slow for the window of ten frames.
            ("o____________n__", &[]),
            ("og__n__", &[]),
        ] {
            let mut spotter = spotter(-0.4);
            for _ in 0..2 {
                let mut found = say(&mut spotter, path);
                found.sort_by_key(|s| (s.index, (s.start * 10.0) as u64));
                let found: Vec<_> = found
                    .iter()
                    .map(|s| {
                        (s.index, (10.0 * s.start).round() as u64, (10.0 * s.end).round() as u64)
                    })
                    .collect();
                assert_eq!(found, expected, "{path:?}");
                spotter.reset();
            }
        }
    }

    #[test]
    fn scores_are_log_ratios_per_letter() {
        // A capital is 1 nat behind the blank, of two letters.
        for (path, threshold, score) in
            [("_on_", -0.1, Some(0.0)), ("_oN_", -0.6, Some(-0.5)), ("_oN_", -0.4, None)]
        {
            let found = say(&mut spotter(threshold), path);
            match (found.first(), score) {
                (Some(found), Some(score)) => {
                    assert!((found.score - score).abs() < 1e-4, "{found:?}")
                }
                (found, score) => assert_eq!(found.is_some(), score.is_some(), "{path}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_spotted_is_refused() {
        let made = |phrase, options| KeywordSpotter::new(&alphabet(), 0.1, [phrase], options).err();
        let default = SpotterOptions::default();
        for phrase in ["", "stop"] {
            assert!(matches!(made(phrase, default), Some(Error::Hotword { .. })), "{phrase}");
        }
        for options in [
            SpotterOptions { threshold: 0.1, ..default },
            SpotterOptions { threshold: f32::NAN, ..default },
            SpotterOptions { window_s: 0.0, ..default },
        ] {
            assert!(matches!(made("on", options), Some(Error::Option { .. })), "{options:?}");
        }
    }
}
