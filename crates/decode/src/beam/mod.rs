//! Prefix beam search as a stream.
//!
//! Of all texts with which the audio may begin, the best `width` are kept. Each has the probability
//! of all its alignments (Graves et al. 2006; Hannun et al. 2014, arXiv 1408.2873) and a score as a
//! text (`text_score.rs`). Every `COMMIT_FRAMES` frames the words on which all hypotheses agree are
//! settled and leave the search, so that an endless stream needs no more memory than a short one.

mod confidence;
mod hotwords;
mod hypotheses;
mod options;
mod result;
mod search;
mod step;
mod tokens;

use std::sync::Arc;

pub use hotwords::Hotword;
pub use options::BeamOptions;
pub(crate) use options::MAX_WEIGHT;
pub use result::Alternative;
pub use search::BeamSearch;

use crate::confidence_weights::Evidence;
use crate::frame::{Frame, log_add};
use crate::greedy::Token;
use crate::phrases::Phrases;
use crate::prefixes::{Prefixes, ROOT};
use crate::symbols::SPACE;
use crate::words::Word;
use crate::{Decoder, Error};
use hypotheses::{Ending, Hypotheses};

/// Not a symbol: symbol 0 is the blank, in which no ending is stored.
const NO_SYMBOL: u16 = 0;
/// Frames between two checks for settled words.
const COMMIT_FRAMES: u64 = 32;
/// The most characters that may stay open. If there are more, all but the last half of them are
/// settled as in the best hypothesis, and hypotheses that disagree are dropped.
const MAX_OPEN: usize = 512;

/// How long after a word's end its rivals are compared with it.
const DELAY_S: f64 = 0.4;

/// A running search. Memory: about 100 bytes for each text considered in the last 32 frames, plus
/// the words since the start or the last [`take_words`](Decoder::take_words).
///
/// ```
/// use std::sync::Arc;
/// use stonechat_decode::{BeamDecoder, BeamOptions, BeamSearch, Decoder};
///
/// let symbols = ["", " ", "a"].map(String::from);
/// let search = BeamSearch::new(&symbols, 0.02, BeamOptions { beta: 0.0, ..BeamOptions::default() })?;
/// let mut decoder = BeamDecoder::new(Arc::new(search));
/// decoder.push(&[0.0, 0.0, 3.0])?;
/// decoder.finish();
/// for alternative in decoder.alternatives(2) {
///     println!("{:?} {:.2}", alternative.text, alternative.confidence);
/// }
/// # Ok::<(), stonechat_decode::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BeamDecoder {
    search: Arc<BeamSearch>,
    hotwords: Vec<Hotword>,
    phrases: Phrases,
    prefixes: Prefixes,
    beam: Hypotheses,
    /// The next beam, under construction.
    next: Hypotheses,
    frame: Frame,
    /// Places in `next`; also scratch space for other lists of numbers.
    order: Vec<u32>,
    frames: u64,
    /// Log of the product of all scalings of the probabilities.
    log_scale: f64,
    /// Settled words that are not taken yet.
    words: Vec<Word>,
    evidence: Vec<Evidence>,
    /// Their letters, including the spaces after them.
    tokens: Vec<Token>,
    /// First frame of the last settled letter.
    settled_start: u64,
    /// The text: up to `settled_bytes` that of `words`, then that of the best hypothesis.
    text: String,
    settled_bytes: usize,
    /// The prefix that `text` shows.
    shown: u32,
    finished: bool,
}

impl BeamDecoder {
    /// A decoder at the start of an utterance.
    pub fn new(search: Arc<BeamSearch>) -> Self {
        let longest = search.symbols.longest();
        let mut decoder = Self {
            hotwords: search.hotwords.clone(),
            phrases: search.phrases.clone(),
            prefixes: Prefixes::new(search.scorer.start(&search.phrases)),
            beam: Hypotheses::new(longest),
            next: Hypotheses::new(longest),
            frame: Frame::default(),
            order: Vec::new(),
            frames: 0,
            log_scale: 0.0,
            words: Vec::new(),
            evidence: Vec::new(),
            tokens: Vec::new(),
            settled_start: 0,
            text: String::new(),
            settled_bytes: 0,
            shown: ROOT,
            finished: false,
            search,
        };
        decoder.reset();
        decoder
    }

    /// The search that this decoder runs.
    pub fn search(&self) -> &Arc<BeamSearch> {
        &self.search
    }
}

impl Decoder for BeamDecoder {
    fn reset(&mut self) {
        self.prefixes.clear(self.search.scorer.start(&self.phrases));
        self.beam.clear();
        let root = self.beam.add(ROOT);
        self.beam.endings_mut(root)[0] = Ending { log_prob: 0.0, symbol: NO_SYMBOL };
        self.beam.list[root].acoustic = 0.0;
        self.beam.list[root].score = self.prefixes.get(ROOT).text.total;
        self.frames = 0;
        self.log_scale = 0.0;
        self.words.clear();
        self.evidence.clear();
        self.tokens.clear();
        self.settled_start = 0;
        self.text.clear();
        self.settled_bytes = 0;
        self.shown = ROOT;
        self.finished = false;
    }

    fn push(&mut self, logits: &[f32]) -> Result<(), Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        let expected = self.search.symbols.len();
        if logits.len() != expected {
            return Err(Error::FrameSize { frame: self.frames, got: logits.len(), expected });
        }
        let options = &self.search.options;
        self.frame.read(logits, options.max_symbols, options.symbol_mass);
        self.step();
        self.frames += 1;
        self.judge();
        if self.frames.is_multiple_of(COMMIT_FRAMES) {
            self.settle();
        }
        self.show(self.beam.list[0].prefix);
        Ok(())
    }

    fn frames(&self) -> u64 {
        self.frames
    }

    fn text(&self) -> &str {
        &self.text
    }

    fn stable_prefix_len(&self) -> usize {
        if self.finished {
            return self.text.len();
        }
        let mut prefixes = self.beam.list.iter().map(|h| h.prefix);
        let first = prefixes.next().unwrap_or(ROOT);
        let common = prefixes.fold(first, |common, prefix| self.prefixes.common(common, prefix));
        let way = self.prefixes.upwards(common);
        let letters = way.skip_while(|&node| self.prefixes.get(node).class == SPACE);
        let open: usize = letters.map(|node| self.bytes_of(node)).sum();
        if open == 0 {
            return self.settled_bytes;
        }
        let gap = usize::from(self.settled_bytes > 0);
        (self.settled_bytes + gap + open).min(self.text.len())
    }

    fn words(&self) -> Vec<Word> {
        let mut words = self.words.clone();
        words.extend(self.open_words(self.shown).into_iter().map(|(word, _)| word));
        words
    }

    fn evidence(&self) -> Vec<Evidence> {
        let mut evidence = self.evidence.clone();
        evidence.extend(self.open_words(self.shown).into_iter().map(|(_, evidence)| evidence));
        evidence
    }

    fn take_words(&mut self) -> Vec<Word> {
        let taken = std::mem::take(&mut self.words);
        self.evidence.clear();
        self.tokens.clear();
        self.text.clear();
        self.settled_bytes = 0;
        self.spell();
        taken
    }

    fn finish(&mut self) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        if let Some(&(best, ..)) = self.ranked().first() {
            self.shown = best;
            self.spell();
        }
    }

    fn alternatives(&self, count: usize) -> Vec<Alternative> {
        let ranked = self.ranked();
        let all = ranked.iter().fold(f32::NEG_INFINITY, |sum, &(_, score)| log_add(sum, score));
        let alternative = |&(prefix, score): &(u32, f32)| {
            let mut words = self.words.clone();
            words.extend(self.open_words(prefix).into_iter().map(|(word, _)| word));
            let texts: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
            Alternative {
                text: texts.join(" "),
                confidence: (score - all).exp(),
                score: self.log_scale + f64::from(score),
                words,
            }
        };
        ranked.iter().take(count).map(alternative).collect()
    }

    /// Each letter on the likeliest path: first frame, length, highest probability. With an
    /// alphabet of grams, a letter's symbol is the gram that is just that letter; letters without
    /// one are left out.
    fn tokens(&self) -> Vec<Token> {
        let mut tokens = self.tokens.clone();
        tokens.extend(self.open_tokens(self.shown));
        tokens
    }

    /// Hundreds of hotwords take well under a millisecond.
    fn set_hotwords(&mut self, hotwords: Vec<Hotword>) -> Result<(), Error> {
        self.phrases = self.search.compile(&hotwords)?;
        self.hotwords = hotwords;
        for prefix in self.prefixes.iter_mut() {
            let in_word = prefix.class != SPACE;
            self.search.scorer.restart_phrases(&mut prefix.text, in_word, &self.phrases);
        }
        for hypothesis in &mut self.beam.list {
            let text = &self.prefixes.get(hypothesis.prefix).text;
            hypothesis.score = hypothesis.acoustic + text.total;
        }
        Ok(())
    }
}
