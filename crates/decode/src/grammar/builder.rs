//! From a syntax tree to a deterministic automaton over words.
//!
//! Weights are costs (in [`COST_UNIT`]s, so that sums are exact). In the subset construction each
//! state of a subset has its cost above the cheapest of them (Mohri 1997, the tropical semiring):
//! the cheapest path to a phrase costs the same as before.

use std::collections::{BTreeMap, HashMap};

use super::{Expansion, State, refuse};
use crate::Error;

/// Nats per unit of cost.
pub(super) const COST_UNIT: f32 = 1e-3;
/// The most states of a grammar.
const MAX_STATES: usize = 1 << 16;
/// The most parts of a grammar after its rules are expanded.
const MAX_PARTS: usize = 1 << 20;
/// The deepest nesting of parts, with rules expanded.
const MAX_DEPTH: usize = 512;

/// States of the first automaton, each with its cost above the cheapest.
type Subset = BTreeMap<usize, u32>;

/// A non-deterministic automaton over words (Thompson 1968) that grows with the tree.
pub(super) struct Builder<'a> {
    rules: &'a HashMap<String, Expansion>,
    /// The rules that are currently being expanded.
    open: Vec<&'a str>,
    /// Transitions of each state, by a word or by nothing, with their costs.
    ways: Vec<Vec<(Option<&'a str>, usize, u32)>>,
    parts: usize,
    depth: usize,
}

const FIRST: usize = 0;
const LAST: usize = 1;

impl<'a> Builder<'a> {
    pub(super) fn new(rules: &'a HashMap<String, Expansion>) -> Self {
        Self { rules, open: Vec::new(), ways: vec![Vec::new(); 2], parts: 0, depth: 0 }
    }

    /// Adds one more phrase structure, from the first state to the last.
    pub(super) fn add(&mut self, expansion: &'a Expansion) -> Result<(), Error> {
        self.between(expansion, FIRST, LAST)
    }

    fn state(&mut self) -> Result<usize, Error> {
        if self.ways.len() >= MAX_STATES {
            return Err(refuse(0, format!("it has more than {MAX_STATES} states")));
        }
        self.ways.push(Vec::new());
        Ok(self.ways.len() - 1)
    }

    fn between(&mut self, expansion: &'a Expansion, from: usize, to: usize) -> Result<(), Error> {
        self.parts += 1;
        self.depth += 1;
        if self.parts > MAX_PARTS {
            return Err(refuse(0, format!("it has more than {MAX_PARTS} parts")));
        }
        if self.depth > MAX_DEPTH {
            return Err(refuse(0, "its rules are nested too deeply"));
        }
        match expansion {
            Expansion::Word(word) => self.ways[from].push((Some(word), to, 0)),
            Expansion::Sequence(parts) => {
                let mut from = from;
                for part in parts {
                    let next = self.state()?;
                    self.between(part, from, next)?;
                    from = next;
                }
                self.ways[from].push((None, to, 0));
            }
            Expansion::Alternatives(parts) => {
                for part in parts {
                    self.between(part, from, to)?;
                }
            }
            Expansion::Weighted(cost, part) => {
                let next = self.state()?;
                self.ways[from].push((None, next, *cost));
                self.between(part, next, to)?;
            }
            Expansion::Optional(part) => {
                self.ways[from].push((None, to, 0));
                self.between(part, from, to)?;
            }
            Expansion::Repeated(part) => {
                let (before, after) = (self.state()?, self.state()?);
                self.between(part, before, after)?;
                self.ways[from].push((None, before, 0));
                self.ways[after].extend([(None, before, 0), (None, to, 0)]);
            }
            Expansion::Rule(name, line) => {
                let Some((name, rule)) = self.rules.get_key_value(name) else {
                    return Err(refuse(*line, format!("<{name}> is not defined")));
                };
                if self.open.contains(&&name[..]) {
                    return Err(refuse(*line, format!("<{name}> contains itself")));
                }
                self.open.push(name);
                self.between(rule, from, to)?;
                self.open.pop();
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// The deterministic automaton, by the subset construction; state 0 is the start.
    pub(super) fn determine(&self) -> Result<Vec<State>, Error> {
        let mut numbers = HashMap::from([(self.closure(Subset::from([(FIRST, 0)])), 0u32)]);
        let mut subsets: Vec<Subset> = numbers.keys().cloned().collect();
        let mut states = Vec::new();
        let mut size = 0;
        while let Some(subset) = subsets.get(states.len()) {
            let mut next: BTreeMap<&str, Subset> = BTreeMap::new();
            for (&state, &more) in subset {
                for &(word, to, cost) in &self.ways[state] {
                    if let Some(word) = word {
                        let reached = next.entry(word).or_default().entry(to).or_insert(u32::MAX);
                        *reached = (*reached).min(more.saturating_add(cost));
                    }
                }
            }
            let mut state = State { words: BTreeMap::new(), end: subset.get(&LAST).copied() };
            for (word, mut subset) in next {
                let cost = subset.values().copied().min().unwrap_or(0);
                subset.values_mut().for_each(|more| *more -= cost);
                let subset = self.closure(subset);
                size += subset.len();
                let new = numbers.len() as u32;
                let number = *numbers.entry(subset.clone()).or_insert(new);
                if number == new {
                    subsets.push(subset);
                }
                state.words.insert(word.to_string(), (number, cost));
            }
            states.push(state);
            if subsets.len() > MAX_STATES || size > MAX_PARTS {
                return Err(refuse(0, "its phrases begin in too many ways that are alike"));
            }
        }
        Ok(states)
    }

    /// Adds the states that are reached without a word, as cheaply as possible.
    fn closure(&self, mut states: Subset) -> Subset {
        let mut queue: Vec<usize> = states.keys().copied().collect();
        while let Some(state) = queue.pop() {
            let more = states[&state];
            for &(word, to, cost) in &self.ways[state] {
                let through = more.saturating_add(cost);
                if word.is_none() && states.get(&to).is_none_or(|&known| through < known) {
                    states.insert(to, through);
                    queue.push(to);
                }
            }
        }
        states
    }
}
