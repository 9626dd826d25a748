//! A grammar spelled in the symbols of an alphabet: states between characters, and arcs that a
//! frame may take.
//!
//! From each state of the automaton over words, a tree of letters leads to the ends of its words,
//! and a space leads on to the next state. After a phrase it leads back to the start, or to a
//! separate state if nothing may follow. Words may share their first letters, so the cost of a word
//! is paid at its end. A symbol of several characters is an arc over several letters.

use super::{Grammar, refuse};
use crate::Error;
use crate::symbols::{SPACE, Symbols, lacks};

/// Before the first letter of a phrase.
pub(super) const START: u32 = 0;
/// No state, no word.
pub(super) const NONE: u32 = u32::MAX;

/// What happens to a way that takes an arc, in this order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Event {
    /// A word begins with a letter.
    Begins,
    /// A letter continues a word.
    Goes,
    /// A word ends, and perhaps its phrase.
    Ends { label: u32, last: bool },
}

/// A symbol that may come after a state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arc {
    pub from: u32,
    pub symbol: u16,
    /// Whether an arc into `from` has the same symbol: without a blank between, a repeat is not a
    /// new symbol.
    pub repeats: bool,
    /// Whether its last character is a letter.
    pub letter: bool,
    pub cost: f32,
    events: (u32, u32),
}

/// A state between two characters of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// The letter that leads here and the state before it; [`NONE`] between words.
    pub parent: u32,
    pub class: u16,
    /// The word that is complete here, or [`NONE`].
    pub label: u32,
    /// Cost of the end of a phrase here; infinite if no phrase ends here.
    pub end: f32,
    /// Whether a phrase goes on from here.
    pub goes_on: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Graph {
    pub states: Vec<State>,
    pub arcs: Vec<Arc>,
    events: Vec<Event>,
    /// Words by label.
    pub words: Vec<String>,
    /// The arcs into each state, state by state, and where each state's arcs begin.
    into: Vec<u32>,
    into_starts: Vec<u32>,
    /// The state after a phrase.
    pub after: u32,
}

/// A character and the state it leads to, with the event and its cost.
type Way = (u16, u32, Option<Event>, f32);

impl Graph {
    /// Spells a grammar, whose phrases follow each other in a `row` or stand alone.
    ///
    /// # Errors
    /// [`Error::Grammar`] for a word that the symbols cannot spell.
    pub(super) fn new(grammar: &Grammar, symbols: &Symbols, row: bool) -> Result<Self, Error> {
        let mut letters = Letters::new(grammar, symbols, row)?;
        let mut graph = Self {
            after: letters.after,
            words: std::mem::take(&mut letters.words),
            states: Vec::new(),
            arcs: Vec::new(),
            events: Vec::new(),
            into: Vec::new(),
            into_starts: Vec::new(),
        };
        let mut to = Vec::new();
        for state in 0..letters.states.len() as u32 {
            for symbol in 1..symbols.len() as u32 {
                let spelling = symbols.spelling(symbol as u16);
                letters.spell(state, spelling, &mut |target, events, cost| {
                    let first = graph.events.len() as u32;
                    graph.events.extend_from_slice(events);
                    to.push(target);
                    graph.arcs.push(Arc {
                        from: state,
                        symbol: symbol as u16,
                        repeats: false,
                        letter: spelling.last() != Some(&SPACE),
                        cost,
                        events: (first, graph.events.len() as u32),
                    });
                });
            }
        }
        graph.states = letters.states;
        graph.link(&to);
        Ok(graph)
    }

    /// Lists the arcs into each state.
    fn link(&mut self, to: &[u32]) {
        let mut order: Vec<u32> = (0..to.len() as u32).collect();
        order.sort_by_key(|&arc| to[arc as usize]);
        let starts = 0..=self.states.len() as u32;
        self.into_starts =
            starts.map(|s| order.partition_point(|&arc| to[arc as usize] < s) as u32).collect();
        self.into = order;
        for arc in 0..self.arcs.len() {
            let Arc { from, symbol, .. } = self.arcs[arc];
            let repeats =
                self.arcs_into(from).iter().any(|&a| self.arcs[a as usize].symbol == symbol);
            self.arcs[arc].repeats = repeats;
        }
    }

    /// The arcs into a state.
    pub(super) fn arcs_into(&self, state: u32) -> &[u32] {
        let [first, after] = [state, state + 1].map(|s| self.into_starts[s as usize] as usize);
        &self.into[first..after]
    }

    pub(super) fn events(&self, arc: &Arc) -> &[Event] {
        &self.events[arc.events.0 as usize..arc.events.1 as usize]
    }

    /// The letters of the word that is unfinished in a state.
    pub(super) fn letters(&self, state: u32) -> Vec<u16> {
        let mut letters = Vec::new();
        let mut state = &self.states[state as usize];
        while state.parent != NONE {
            letters.push(state.class);
            state = &self.states[state.parent as usize];
        }
        letters.reverse();
        letters
    }
}

/// The automaton over characters.
struct Letters {
    states: Vec<State>,
    ways: Vec<Vec<Way>>,
    words: Vec<String>,
    after: u32,
}

impl Letters {
    fn new(grammar: &Grammar, symbols: &Symbols, row: bool) -> Result<Self, Error> {
        // First the states between words, then those of the letters.
        let between =
            State { parent: NONE, class: SPACE, label: NONE, end: f32::INFINITY, goes_on: true };
        let count = grammar.states.len() + usize::from(!row);
        let mut letters = Self {
            states: vec![between; count],
            ways: vec![Vec::new(); count],
            words: grammar.words().into_iter().map(String::from).collect(),
            after: if row { START } else { grammar.states.len() as u32 },
        };
        if !row {
            letters.states[count - 1] = State { end: 0.0, goes_on: false, ..between };
        }
        for (from, state) in grammar.states.iter().enumerate() {
            for (word, &(to, cost)) in &state.words {
                let node = letters.word(from as u32, word, symbols).map_err(|character| {
                    let line = grammar.lines.get(word).copied().unwrap_or(0);
                    refuse(line, lacks(word, character))
                })?;
                let label = letters.words.binary_search(word).unwrap_or(0) as u32;
                let cost = cost as f32 * super::builder::COST_UNIT;
                let next = &grammar.states[to as usize];
                let mut end = f32::INFINITY;
                if let Some(more) = next.end {
                    end = cost + more as f32 * super::builder::COST_UNIT;
                    let ends = Event::Ends { label, last: true };
                    letters.ways[node as usize].push((SPACE, letters.after, Some(ends), end));
                }
                if !next.words.is_empty() {
                    let ends = Event::Ends { label, last: false };
                    letters.ways[node as usize].push((SPACE, to, Some(ends), cost));
                }
                let node = &mut letters.states[node as usize];
                (node.label, node.end) = (label, end);
                node.goes_on = !next.words.is_empty();
            }
        }
        Ok(letters)
    }

    /// The state after the last letter of a word, or the character that cannot be spelled.
    fn word(&mut self, from: u32, word: &str, symbols: &Symbols) -> Result<u32, char> {
        let mut node = from;
        for character in word.chars() {
            let class = symbols.class(character).filter(|&class| class != SPACE);
            let class = class.ok_or(character)?;
            let known = self.ways[node as usize].iter().find(|way| way.0 == class);
            node = match known {
                Some(way) => way.1,
                None => {
                    let new = self.states.len() as u32;
                    self.ways[node as usize].push((class, new, None, 0.0));
                    self.ways.push(Vec::new());
                    let end = f32::INFINITY;
                    let goes_on = true;
                    self.states.push(State { parent: node, class, label: NONE, end, goes_on });
                    new
                }
            };
        }
        Ok(node)
    }

    /// Calls `each` for all ways to take the characters of a symbol.
    fn spell(&self, from: u32, spelling: &[u16], each: &mut impl FnMut(u32, &[Event], f32)) {
        // A space after a space changes nothing, and a lone space is waiting.
        let spelling = match spelling {
            [SPACE, rest @ ..] if self.is_between(from) => rest,
            all => all,
        };
        if !spelling.is_empty() {
            self.walk(from, spelling, &mut Vec::new(), 0.0, each);
        }
    }

    fn walk(
        &self,
        state: u32,
        rest: &[u16],
        events: &mut Vec<Event>,
        cost: f32,
        each: &mut impl FnMut(u32, &[Event], f32),
    ) {
        let [class, rest @ ..] = rest else { return each(state, events, cost) };
        for &(way, to, ends, more) in &self.ways[state as usize] {
            if way == *class {
                let letter = if self.is_between(state) { Event::Begins } else { Event::Goes };
                events.push(ends.unwrap_or(letter));
                self.walk(to, rest, events, cost + more, each);
                events.pop();
            }
        }
    }

    fn is_between(&self, state: u32) -> bool {
        self.states[state as usize].parent == NONE
    }
}
