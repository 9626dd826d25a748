//! The exact search of a closed grammar: everything that may be said, frame by frame.
//!
//! A way is a text so far with its best alignment (Viterbi). Every arc of the grammar, every state
//! and the garbage keep the best way that ends there. Nothing is pruned, so no phrase can be lost;
//! a frame costs a few operations for each letter of the grammar. Scores are relative to the best
//! symbol of each frame, so the path of greedy decoding has score 0 and
//!
//! ```text
//! score of a phrase  = sum over its frames  ln p(its symbol) - ln p(best symbol)  - what its weights cost
//! score of garbage   = - garbage (letters that greedy decoding hears there)
//! ```
//!
//! A phrase is heard if it is less far behind the best symbols than its stretch would cost as
//! garbage. Between words there must be a space, or a pause at a cost, since networks lose spaces.

use std::sync::Arc;

use super::graph::{Event, NONE, START};
use super::history::{GARBAGE, History, Item, OPEN, ROOT};
use super::search::GrammarSearch;
use super::sorted::Sorted;
use crate::beam::Alternative;
use crate::confidence_weights::Evidence;
use crate::frame::{Frame, log_add};
use crate::greedy::Token;
use crate::symbols::SPACE;
use crate::words::Word;
use crate::{Decoder, Error};

/// Cost of a pause in place of a space, in nats.
const PAUSE: f32 = 3.0;
/// A letter must be at least this likely in some frame; otherwise nothing was said that could be
/// near to a phrase.
const HEARD: f32 = 0.05;
/// Frames between two checks for settled phrases.
const COMMIT_FRAMES: u64 = 32;
/// The most frames that a sequence of phrases may stay open. If there are more, all but the last
/// half of them are settled as in the best way, and ways that disagree are dropped.
const MAX_OPEN: u64 = 2048;

/// The best way to a place in the grammar.
#[derive(Debug, Clone, Copy)]
struct Way {
    score: f32,
    /// What was said before the unfinished word.
    history: u32,
    /// First frame of the unfinished word, and the one after its last letter.
    start: u64,
    end: u64,
}

const NO_WAY: Way = Way { score: f32::NEG_INFINITY, history: ROOT, start: 0, end: 0 };

impl Way {
    fn plus(self, score: f32) -> Self {
        Self { score: self.score + score, ..self }
    }

    /// The better of two; the first if they are equal.
    fn or(self, other: Self) -> Self {
        if other.score > self.score { other } else { self }
    }
}

/// Where a way ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    State(u32),
    Garbage,
}

/// A running search. Memory: about 100 bytes per letter of the grammar, plus the words since the
/// start or the last [`take_words`](Decoder::take_words).
#[derive(Debug, Clone)]
pub struct GrammarDecoder {
    search: Arc<GrammarSearch>,
    frame: Frame,
    /// The best symbol of the last frame.
    greedy: u16,
    /// The ways that end in each arc's symbol, and those of the next frame.
    letters: Vec<Way>,
    next: Vec<Way>,
    /// The ways that end in each state and a blank; between words also a space.
    blanks: Vec<Way>,
    /// The better of both for each state.
    best: Vec<Way>,
    /// The way that ends in garbage, and the way after the space that follows garbage.
    garbage: Way,
    after_garbage: Way,
    /// Where the best of all ways ends.
    leader: Place,
    history: History,
    frames: u64,
    /// Whether any letter may have been heard.
    heard: bool,
    /// Sum of all that was added to scores to keep them small.
    raised: f64,
    /// What `text` shows.
    shown: Option<(Place, u32)>,
    /// The best symbols of the open part.
    tokens: Vec<Token>,
    /// What is settled but not taken yet.
    settled: Sorted,
    text: String,
    settled_bytes: usize,
    finished: bool,
}

impl GrammarDecoder {
    /// A decoder at the start of an utterance.
    pub fn new(search: Arc<GrammarSearch>) -> Self {
        let (arcs, states) = (search.graph.arcs.len(), search.graph.states.len());
        let mut decoder = Self {
            frame: Frame::default(),
            greedy: 0,
            letters: vec![NO_WAY; arcs],
            next: vec![NO_WAY; arcs],
            blanks: vec![NO_WAY; states],
            best: vec![NO_WAY; states],
            garbage: NO_WAY,
            after_garbage: NO_WAY,
            leader: Place::State(START),
            history: History::new(),
            frames: 0,
            heard: false,
            raised: 0.0,
            shown: None,
            tokens: Vec::new(),
            settled: Sorted::default(),
            text: String::new(),
            settled_bytes: 0,
            finished: false,
            search,
        };
        decoder.reset();
        decoder
    }

    /// The search that this decoder runs.
    pub fn search(&self) -> &Arc<GrammarSearch> {
        &self.search
    }

    /// Advances all ways by the frame in `self.frame`.
    fn step(&mut self) {
        let search = Arc::clone(&self.search);
        let GrammarSearch { graph, options, symbols, .. } = &*search;
        let greedy = self.relate();
        self.note(greedy);
        let log_probs = std::mem::take(&mut self.frame.log_probs);
        let space = self.space(&log_probs);
        for (place, arc) in graph.arcs.iter().enumerate() {
            let log_prob = match symbols.spelling(arc.symbol) {
                [SPACE] => space,
                _ => log_probs[usize::from(arc.symbol)],
            };
            let mut stay = self.letters[place].plus(log_prob);
            if arc.letter {
                stay.end = self.frames + 1;
            }
            let from = match arc.repeats {
                true => self.best_of(arc.from, Some(arc.symbol)),
                false => self.best[arc.from as usize],
            };
            let enter = from.plus(log_prob - arc.cost);
            self.next[place] = match enter.score > stay.score {
                true => self.follow(enter, graph.events(arc)),
                false => stay,
            };
        }
        for (state, way) in self.blanks.iter_mut().enumerate() {
            // Between words a space changes nothing.
            let waits = graph.states[state].parent == NONE;
            let blank = if waits { log_probs[0].max(space) } else { log_probs[0] };
            *way = self.best[state].plus(blank);
        }
        if !options.nearest {
            self.hear_garbage(greedy, space);
        }
        std::mem::swap(&mut self.letters, &mut self.next);
        self.frame.log_probs = log_probs;
        self.greedy = greedy;
        self.rank();
    }

    /// Makes log probabilities relative to the best symbol, which is returned.
    fn relate(&mut self) -> u16 {
        let log_probs = &mut self.frame.log_probs;
        let mut best = 0;
        for symbol in 1..log_probs.len() {
            if log_probs[symbol] > log_probs[best] {
                best = symbol;
            }
        }
        let highest = log_probs[best];
        log_probs.iter_mut().for_each(|log_prob| *log_prob -= highest);
        best as u16
    }

    /// Records the frame's best symbol.
    fn note(&mut self, symbol: u16) {
        let (frame, probability) = (self.frames, self.frame.probs[usize::from(symbol)]);
        match self.tokens.last_mut() {
            Some(last) if symbol == self.greedy && symbol > 0 => {
                last.frames = last.frames.saturating_add(1);
                last.probability = last.probability.max(probability);
            }
            _ if symbol > 0 => {
                self.tokens.push(Token { symbol, frame, frames: 1, probability });
            }
            _ => {}
        }
        self.heard |= self.letters_of(symbol) > 0 || self.has_letter();
    }

    /// Whether the frame may contain a letter.
    fn has_letter(&self) -> bool {
        let probs = self.frame.probs.iter().enumerate().skip(1);
        let mut likely = probs.filter(|(_, probability)| **probability >= HEARD);
        likely.any(|(symbol, _)| self.letters_of(symbol as u16) > 0)
    }

    fn letters_of(&self, symbol: u16) -> usize {
        let spelling = self.search.symbols.spelling(symbol);
        spelling.iter().filter(|&&class| class != SPACE).count()
    }

    /// Cost of the end of a word: a space, or a pause.
    fn space(&self, log_probs: &[f32]) -> f32 {
        let space = self.search.space.map_or(f32::NEG_INFINITY, |s| log_probs[usize::from(s)]);
        space.max(log_probs[0] - PAUSE)
    }

    /// The best way to a state that does not end in `without`, for the same symbol without a blank
    /// between is not new. Of equal ways a phrase comes before what was there, and garbage last.
    fn best_of(&self, state: u32, without: Option<u16>) -> Way {
        let graph = &self.search.graph;
        let mut best = NO_WAY;
        for &arc in graph.arcs_into(state) {
            if without.is_none_or(|symbol| graph.arcs[arc as usize].symbol != symbol) {
                best = best.or(self.letters[arc as usize]);
            }
        }
        best = best.or(self.blanks[state as usize]);
        if state == START { best.or(self.after_garbage) } else { best }
    }

    /// Finds the best way to each state, and of all.
    fn rank(&mut self) {
        let mut highest = f32::NEG_INFINITY;
        self.leader = Place::State(START);
        for state in 0..self.best.len() {
            let way = self.best_of(state as u32, None);
            self.best[state] = way;
            if way.score > highest {
                (self.leader, highest) = (Place::State(state as u32), way.score);
            }
        }
        if self.garbage.score > highest {
            self.leader = Place::Garbage;
        }
    }

    fn way_at(&self, place: Place) -> Way {
        match place {
            Place::State(state) => self.best[state as usize],
            Place::Garbage => self.garbage,
        }
    }

    /// A way that takes an arc.
    fn follow(&mut self, mut way: Way, events: &[Event]) -> Way {
        for &event in events {
            match event {
                Event::Begins => (way.start, way.end) = (self.frames, self.frames + 1),
                Event::Goes => way.end = self.frames + 1,
                Event::Ends { label, last } => {
                    let item = self.item(way, label, last);
                    way.history = self.history.push(item);
                }
            }
        }
        way
    }

    /// The last word of a way.
    fn item(&self, way: Way, label: u32, last: bool) -> Item {
        let Way { history: parent, start, end, score } = way;
        let score = f64::from(score) - self.raised;
        Item { parent, label, start, end, score, last }
    }

    /// The ways in garbage: the path of greedy decoding, at a cost for its letters.
    fn hear_garbage(&mut self, greedy: u16, space: f32) {
        let letters = self.letters_of(greedy);
        let left = self.garbage;
        if letters > 0 {
            let price = -self.search.options.garbage * letters as f32;
            let repeated = greedy == self.greedy;
            let mut stay = left.plus(if repeated { 0.0 } else { price });
            stay.end = self.frames + 1;
            let mut enter = self.best[START as usize].plus(price);
            (enter.start, enter.end) = (self.frames, self.frames + 1);
            // Of equal ways, the one with more behind it.
            self.garbage = enter.or(stay);
        }
        let (enter, stay) = (left.plus(space), self.after_garbage.plus(space));
        self.after_garbage = stay;
        if enter.score > stay.score {
            let item = self.item(enter, GARBAGE, true);
            self.after_garbage = Way { history: self.history.push(item), ..enter };
        }
    }

    fn ways(&self) -> impl Iterator<Item = &Way> {
        let Self { letters, blanks, best, garbage, after_garbage, .. } = self;
        let ways = letters.iter().chain(blanks).chain(best).chain([garbage, after_garbage]);
        ways.filter(|way| way.score > f32::NEG_INFINITY)
    }

    /// All ways, and their history.
    fn ways_mut(&mut self) -> (impl Iterator<Item = &mut Way>, &mut History) {
        let Self { letters, blanks, best, garbage, after_garbage, history, .. } = self;
        let ways = letters.iter_mut().chain(blanks).chain(best);
        let ways = ways.chain([garbage, after_garbage]);
        (ways.filter(|way| way.score > f32::NEG_INFINITY), history)
    }

    /// The last phrase or garbage that all ways share.
    fn common(&self) -> u32 {
        let mut items = self.ways().map(|way| way.history);
        let first = items.next().unwrap_or(ROOT);
        let mut common = items.fold(first, |common, item| self.history.common(common, item));
        while !self.history.get(common).last {
            common = self.history.get(common).parent;
        }
        common
    }

    /// Settles what all ways share, and keeps scores small.
    fn settle(&mut self) {
        self.force();
        let root = self.common();
        let sorted = self.sorted(&self.history.way(root));
        self.text.truncate(self.settled_bytes);
        sorted.spell(&mut self.text);
        self.settled_bytes = self.text.len();
        self.settled.append(sorted);
        let since = self.history.get(root).end;
        self.tokens.retain(|token| token.frame + u64::from(token.frames) > since);
        let highest = self.way_at(self.leader).score;
        let (ways, history) = self.ways_mut();
        let raise = |way: &mut Way| {
            way.score -= highest;
        };
        history.compact(
            root,
            ways.map(|way| {
                raise(way);
                &mut way.history
            }),
        );
        self.raised -= f64::from(highest);
        self.shown = None;
    }

    /// Drops the ways that disagree with the best one about old phrases.
    fn force(&mut self) {
        let best = self.history.way(self.way_at(self.leader).history);
        let frames = self.frames;
        let ended = |age: u64| move |item: &Item| item.end + age < frames;
        if self.search.options.nearest || !best.first().is_some_and(ended(MAX_OPEN)) {
            return;
        }
        let Some(place) = best.iter().rposition(ended(MAX_OPEN / 2)) else { return };
        let agreed = self.history.index(self.way_at(self.leader).history, place);
        let (ways, history) = self.ways_mut();
        ways.filter(|way| !history.continues(way.history, agreed)).for_each(|way| *way = NO_WAY);
    }

    /// Sorts a sequence of items into words and garbage.
    fn sorted(&self, items: &[Item]) -> Sorted {
        Sorted::new(&self.search, &self.history, items, &self.tokens, || self.open_word())
    }

    /// The letters of the unfinished word that is shown.
    fn open_word(&self) -> String {
        let letters = match self.leader {
            Place::State(state) => self.search.graph.letters(state),
            Place::Garbage => Vec::new(),
        };
        letters.into_iter().map(|class| self.search.symbols.character(class)).collect()
    }

    /// What was said according to the best way.
    fn open_items(&self) -> Vec<Item> {
        if self.finished {
            return self.shown.map_or_else(Vec::new, |(_, item)| self.history.way(item));
        }
        let graph = &self.search.graph;
        let way = self.way_at(self.leader);
        let mut items = self.history.way(way.history);
        match self.leader {
            Place::Garbage => items.push(self.item(way, GARBAGE, true)),
            Place::State(state) => {
                if graph.states[state as usize].parent != NONE {
                    items.push(self.item(way, OPEN, false));
                }
            }
        }
        items
    }

    /// Shows the best way.
    fn show(&mut self) {
        let now = Some((self.leader, self.way_at(self.leader).history));
        if self.shown != now {
            self.shown = now;
            self.spell();
        }
    }

    fn spell(&mut self) {
        let sorted = self.sorted(&self.open_items());
        self.text.truncate(self.settled_bytes);
        sorted.spell(&mut self.text);
    }

    /// The ways in which the utterance may end here, best first, each with its last word, which is
    /// not in the history yet.
    fn ends(&self) -> Vec<(Way, Option<Item>)> {
        let GrammarSearch { graph, options, .. } = &*self.search;
        let mut ends = Vec::new();
        if options.nearest && !self.heard {
            return ends;
        }
        for (state, &way) in self.best.iter().enumerate() {
            let node = &graph.states[state];
            if node.end.is_finite() && node.parent != NONE {
                let way = way.plus(-node.end);
                ends.push((way, Some(self.item(way, node.label, true))));
            } else if state as u32 == graph.after {
                ends.push((way, None));
            }
        }
        ends.push((self.garbage, Some(self.item(self.garbage, GARBAGE, true))));
        ends.retain(|(way, _)| way.score > f32::NEG_INFINITY);
        // Stable sort: of equal ways a phrase comes before garbage.
        ends.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score));
        ends
    }
}

impl Decoder for GrammarDecoder {
    fn push(&mut self, logits: &[f32]) -> Result<(), Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        let expected = self.search.symbols();
        if logits.len() != expected {
            return Err(Error::FrameSize { frame: self.frames, got: logits.len(), expected });
        }
        self.frame.read(logits, 0, 1.0);
        self.step();
        self.frames += 1;
        if self.frames.is_multiple_of(COMMIT_FRAMES) || self.history.is_full() {
            self.settle();
        }
        self.show();
        Ok(())
    }

    fn finish(&mut self) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let end = self.ends().into_iter().next();
        let item = end.map_or(ROOT, |(way, last)| match last {
            Some(item) => self.history.push(item),
            None => way.history,
        });
        self.shown = Some((Place::State(START), item));
        self.spell();
    }

    fn reset(&mut self) {
        let Self { letters, blanks, best, .. } = self;
        for ways in [letters, blanks, best] {
            ways.fill(NO_WAY);
        }
        (self.garbage, self.after_garbage) = (NO_WAY, NO_WAY);
        let start = Way { score: 0.0, ..NO_WAY };
        (self.blanks[START as usize], self.best[START as usize]) = (start, start);
        self.leader = Place::State(START);
        self.history.clear();
        (self.greedy, self.frames, self.raised) = (0, 0, 0.0);
        (self.heard, self.finished, self.shown) = (false, false, None);
        self.tokens.clear();
        self.settled = Sorted::default();
        self.text.clear();
        self.settled_bytes = 0;
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
        let mut stable = self.text[..self.settled_bytes].to_string();
        self.sorted(&self.history.way(self.common())).spell(&mut stable);
        stable.len()
    }

    fn words(&self) -> Vec<Word> {
        let mut words = self.settled.words.clone();
        words.extend(self.sorted(&self.open_items()).words);
        words
    }

    fn evidence(&self) -> Vec<Evidence> {
        let mut evidence = self.settled.evidence.clone();
        evidence.extend(self.sorted(&self.open_items()).evidence);
        evidence
    }

    fn rejected(&self) -> Option<Vec<Word>> {
        let mut rejected = self.settled.rejected.clone();
        rejected.extend(self.sorted(&self.open_items()).rejected);
        Some(rejected)
    }

    fn take_words(&mut self) -> Vec<Word> {
        self.text.drain(..self.settled_bytes);
        if self.text.starts_with(' ') {
            self.text.remove(0);
        }
        self.settled_bytes = 0;
        self.settled.evidence.clear();
        std::mem::take(&mut self.settled.words)
    }

    fn take_rejected(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.settled.rejected)
    }

    fn is_complete(&self) -> bool {
        let graph = &self.search.graph;
        match self.leader {
            // After a phrase and the space that follows it.
            Place::State(START) => self.history.get(self.best[START as usize].history).is_phrase(),
            Place::State(state) => {
                let node = &graph.states[state as usize];
                node.end.is_finite() && !node.goes_on
            }
            Place::Garbage => false,
        }
    }

    /// The best phrase for each last word, and garbage.
    fn alternatives(&self, count: usize) -> Vec<Alternative> {
        let ends = self.ends();
        let all = ends.iter().fold(f32::NEG_INFINITY, |sum, (way, _)| log_add(sum, way.score));
        let mut alternatives: Vec<Alternative> = Vec::new();
        for (way, last) in ends {
            let mut items = self.history.way(way.history);
            items.extend(last);
            let mut words = self.settled.words.clone();
            words.extend(self.sorted(&items).words);
            let texts: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
            let text = texts.join(" ");
            if alternatives.len() < count && alternatives.iter().all(|other| other.text != text) {
                let score = f64::from(way.score) - self.raised;
                let confidence = (way.score - all).exp();
                alternatives.push(Alternative { text, confidence, score, words });
            }
        }
        alternatives
    }
}
