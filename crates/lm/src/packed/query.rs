//! Queries of a packed model.

use std::hash::{Hash, Hasher};

use super::header::Level;
use super::{LanguageModel, UNQUANTIZED, bits};
use crate::ngram_model::is_no_context;
use crate::{MAX_ORDER, WordId};

/// The most words of context.
const MAX_CONTEXT: usize = MAX_ORDER - 1;

/// What a model needs to know about the words so far: as many of the last ones as can still matter.
///
/// Equal states have the same future: all scores from there on are the same.
#[derive(Clone, Copy, Debug)]
pub struct State {
    length: u8,
    /// The last word first.
    words: [u32; MAX_CONTEXT],
    /// log10 of the back-off weights of the last word, the last two, ...; derived from the words.
    backoff: [f32; MAX_CONTEXT],
}

impl State {
    /// No context at all, as after something unknown.
    pub const EMPTY: State =
        State { length: 0, words: [0; MAX_CONTEXT], backoff: [0.0; MAX_CONTEXT] };

    /// The words that still matter, last one first.
    pub fn words(&self) -> impl Iterator<Item = WordId> {
        self.known().iter().map(|&word| WordId(word))
    }

    /// The state in nine numbers, for callers that keep states of several kinds of models.
    pub fn to_numbers(self) -> [u32; 2 * MAX_CONTEXT + 1] {
        let mut numbers = [0; 2 * MAX_CONTEXT + 1];
        numbers[0] = u32::from(self.length);
        for i in 0..usize::from(self.length).min(MAX_CONTEXT) {
            numbers[1 + i] = self.words[i];
            numbers[1 + MAX_CONTEXT + i] = self.backoff[i].to_bits();
        }
        numbers
    }

    /// The state that [`to_numbers`](Self::to_numbers) returned. Other numbers also give some
    /// state.
    pub fn from_numbers(numbers: [u32; 2 * MAX_CONTEXT + 1]) -> Self {
        let mut state = Self { length: numbers[0].min(MAX_CONTEXT as u32) as u8, ..Self::EMPTY };
        for i in 0..MAX_CONTEXT {
            state.words[i] = numbers[1 + i];
            state.backoff[i] = f32::from_bits(numbers[1 + MAX_CONTEXT + i]);
        }
        state
    }

    fn known(&self) -> &[u32] {
        &self.words[..usize::from(self.length)]
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.known() == other.known()
    }
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.known().hash(hasher);
    }
}

/// The result of a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// log10 p(word | context).
    pub log10_prob: f32,
    /// Length of the n-gram that gave it.
    pub length: usize,
    /// The state after the word.
    pub state: State,
}

impl LanguageModel {
    /// The state at the beginning of a sentence, after `<s>`.
    pub fn start(&self) -> State {
        self.score(State::EMPTY, WordId::BEGIN).1
    }

    /// The state without any context.
    pub fn empty(&self) -> State {
        State::EMPTY
    }

    /// log10 p(`word` | the words of `state`), and the state after `word`. An unknown id counts as
    /// `<unk>`.
    pub fn score(&self, state: State, word: WordId) -> (f32, State) {
        let Score { log10_prob, state, .. } = self.score_in_full(state, word);
        (log10_prob, state)
    }

    /// log10 p(`</s>` | the words of `state`).
    pub fn end(&self, state: State) -> f32 {
        self.score(state, WordId::END).0
    }

    /// [`score`](Self::score) with the length of the n-gram that gave the probability.
    pub fn score_in_full(&self, state: State, word: WordId) -> Score {
        let bytes = self.bytes();
        let layout = &*self.layout;
        let word = if (word.0 as usize) < layout.counts[0] { word.0 } else { 0 };
        let context = state.known();
        let (mut node, mut found) = (word as usize, 0);
        let mut next = State { words: [word, 0, 0, 0], ..State::EMPTY };
        let mut log10_prob;
        // `found` words of the context match; `node` is the n-gram of them and the word.
        loop {
            let level = &layout.levels[found];
            let record = Record::new(level, bytes, node);
            log10_prob = record.prob(layout.bits.prob);
            if found + 1 == layout.order {
                break;
            }
            let backoff = record.backoff(layout.bits);
            next.words[found] = if found == 0 { word } else { context[found - 1] };
            next.backoff[found] = backoff;
            if !is_no_context(backoff) {
                next.length = found as u8 + 1;
            }
            let Some(&previous) = context.get(found) else {
                break;
            };
            let children = level.first_child.pair(bytes_of(bytes, &level.children), node);
            let Some(child) = find(&layout.levels[found + 1], bytes, children, previous) else {
                break;
            };
            node = child;
            found += 1;
        }
        for backoff in &state.backoff[found.min(context.len())..context.len()] {
            log10_prob += backoff;
        }
        Score { log10_prob, length: found + 1, state: next }
    }
}

fn bytes_of<'a>(bytes: &'a [u8], range: &std::ops::Range<usize>) -> &'a [u8] {
    bytes.get(range.clone()).unwrap_or_default()
}

/// The n-gram whose first word is `word`, from `children.0` to before `children.1`.
fn find(level: &Level, bytes: &[u8], children: (u64, u64), word: u32) -> Option<usize> {
    let grams = bytes_of(bytes, &level.grams);
    let end = 8 * grams.len() as u64 / u64::from(level.record_bits.max(1));
    let (mut low, mut high) = (children.0, children.1.min(end));
    while low < high {
        let middle = low + (high - low) / 2;
        let found = bits::read(grams, middle * u64::from(level.record_bits), level.word_bits);
        match (found as u32).cmp(&word) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some(middle as usize),
        }
    }
    None
}

/// The numbers of one n-gram.
pub(super) struct Record<'a> {
    level: &'a Level,
    grams: &'a [u8],
    start: u64,
}

impl<'a> Record<'a> {
    pub fn new(level: &'a Level, bytes: &'a [u8], gram: usize) -> Self {
        let start = gram as u64 * u64::from(level.record_bits);
        Self { level, grams: bytes_of(bytes, &level.grams), start }
    }

    pub fn word(&self) -> u32 {
        bits::read(self.grams, self.start, self.level.word_bits) as u32
    }

    pub fn prob(&self, width: u32) -> f32 {
        let start = self.start + u64::from(self.level.word_bits);
        value(bits::read(self.grams, start, width), width, &self.level.prob_bins)
    }

    /// [`NO_CONTEXT`](crate::ngram_model::NO_CONTEXT) if the n-gram is not the context of any
    /// other.
    pub fn backoff(&self, width: super::Bits) -> f32 {
        let start = self.start + u64::from(self.level.word_bits + width.prob);
        let code = bits::read(self.grams, start, width.backoff);
        match (width.backoff, code) {
            (UNQUANTIZED, _) => value(code, UNQUANTIZED, &[]),
            (_, 0) => crate::ngram_model::NO_CONTEXT,
            (width, code) => value(code, width, &self.level.backoff_bins),
        }
    }
}

fn value(code: u64, width: u32, bins: &[f32]) -> f32 {
    match width {
        UNQUANTIZED => f32::from_bits(code as u32),
        _ => bins.get(code as usize).copied().unwrap_or(0.0),
    }
}
