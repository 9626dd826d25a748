//! From a syntax tree to an automaton over words, and from that to one over letters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Expansion, Grammar, refuse};
use crate::Error;
use crate::symbols::{SPACE, Symbols};

/// The most states of a grammar.
const MAX_STATES: usize = 1 << 16;
/// The most parts of a grammar after its rules are put in where they are named.
const MAX_PARTS: usize = 1 << 20;
/// The deepest that parts may be inside of each other, rules put in.
const MAX_DEPTH: usize = 512;

/// No phrase goes on this way.
pub(super) const DEAD: u32 = u32::MAX;
/// Before the first letter of a phrase.
pub(super) const START: u32 = 0;

/// Where each word leads from a state.
pub(super) type Transitions = HashMap<String, u32>;

/// A non-deterministic automaton over words (Thompson 1968) that grows with the tree.
pub(super) struct Builder<'a> {
    rules: &'a HashMap<String, Expansion>,
    /// The rules that are being expanded.
    open: Vec<&'a str>,
    /// Ways of each state: by a word, or by nothing.
    ways: Vec<Vec<(Option<&'a str>, usize)>>,
    parts: usize,
    depth: usize,
}

const FIRST: usize = 0;
const LAST: usize = 1;

impl<'a> Builder<'a> {
    pub(super) fn new(rules: &'a HashMap<String, Expansion>) -> Self {
        Self { rules, open: Vec::new(), ways: vec![Vec::new(); 2], parts: 0, depth: 0 }
    }

    /// One more phrase structure, from the first state to the last.
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
            Expansion::Word(word) => self.ways[from].push((Some(word), to)),
            Expansion::Sequence(parts) => {
                let mut from = from;
                for part in parts {
                    let next = self.state()?;
                    self.between(part, from, next)?;
                    from = next;
                }
                self.ways[from].push((None, to));
            }
            Expansion::Alternatives(parts) => {
                for part in parts {
                    self.between(part, from, to)?;
                }
            }
            Expansion::Optional(part) => {
                self.ways[from].push((None, to));
                self.between(part, from, to)?;
            }
            Expansion::Repeated(part) => {
                let (before, after) = (self.state()?, self.state()?);
                self.between(part, before, after)?;
                self.ways[from].push((None, before));
                self.ways[after].extend([(None, before), (None, to)]);
            }
            Expansion::Rule(name) => {
                let Some((name, rule)) = self.rules.get_key_value(name) else {
                    return Err(refuse(0, format!("there is no rule <{name}>")));
                };
                if self.open.contains(&&name[..]) {
                    return Err(refuse(0, format!("<{name}> contains itself")));
                }
                self.open.push(name);
                self.between(rule, from, to)?;
                self.open.pop();
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// The deterministic automaton, by subsets: transitions by word, and which states accept.
    pub(super) fn determine(&self) -> Result<(Vec<Transitions>, Vec<bool>), Error> {
        let mut numbers = HashMap::from([(self.closure(BTreeSet::from([FIRST])), 0u32)]);
        let mut subsets: Vec<BTreeSet<usize>> = numbers.keys().cloned().collect();
        let mut states = Vec::new();
        let mut size = 0;
        while let Some(subset) = subsets.get(states.len()) {
            let mut next: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
            for &(word, to) in subset.iter().flat_map(|&state| &self.ways[state]) {
                if let Some(word) = word {
                    next.entry(word).or_default().insert(to);
                }
            }
            let mut transitions = Transitions::new();
            for (word, subset) in next {
                let subset = self.closure(subset);
                size += subset.len();
                let new = numbers.len() as u32;
                let number = *numbers.entry(subset.clone()).or_insert(new);
                if number == new {
                    subsets.push(subset);
                }
                transitions.insert(word.to_string(), number);
            }
            states.push(transitions);
            if subsets.len() > MAX_STATES || size > MAX_PARTS {
                return Err(refuse(0, "its phrases begin in too many ways that are alike"));
            }
        }
        let accepting = subsets.iter().map(|subset| subset.contains(&LAST)).collect();
        Ok((states, accepting))
    }

    fn closure(&self, mut states: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut queue: Vec<usize> = states.iter().copied().collect();
        while let Some(state) = queue.pop() {
            for &(word, to) in &self.ways[state] {
                if word.is_none() && states.insert(to) {
                    queue.push(to);
                }
            }
        }
        states
    }
}

/// The automaton over character classes: words with a [`SPACE`] between them. State 0 is the
/// start.
#[derive(Debug, Clone)]
pub(crate) struct Automaton {
    states: Vec<LetterState>,
}

#[derive(Debug, Clone, Default)]
struct LetterState {
    /// Class and state, sorted. Several words may share their first letters.
    ways: Vec<(u16, u32)>,
    /// Whether a phrase may end here, after the last letter of a word.
    accepting: bool,
}

impl Automaton {
    /// Spells a grammar.
    ///
    /// # Errors
    /// [`Error::Grammar`] for a word that the symbols cannot spell.
    pub(crate) fn new(grammar: &Grammar, symbols: &Symbols) -> Result<Self, Error> {
        // One letter state for each word state (before a word), then the letters' own.
        let count = grammar.states.len();
        let mut states = vec![LetterState::default(); count];
        for (from, transitions) in grammar.states.iter().enumerate() {
            let mut sorted: Vec<(&String, &u32)> = transitions.iter().collect();
            sorted.sort_unstable();
            for (word, &to) in sorted {
                let mut node = from as u32;
                for character in word.chars() {
                    let class = symbols.class(character).filter(|&class| class != SPACE);
                    let class = class.ok_or_else(|| {
                        refuse(0, format!("the alphabet cannot spell {word:?}: no {character:?}"))
                    })?;
                    let new = states.len() as u32;
                    let ways = &mut states[node as usize].ways;
                    node = match ways.binary_search_by_key(&class, |&(class, _)| class) {
                        Ok(place) => ways[place].1,
                        Err(place) => {
                            ways.insert(place, (class, new));
                            states.push(LetterState::default());
                            new
                        }
                    };
                }
                let end = &mut states[node as usize];
                end.accepting = grammar.accepting[to as usize];
                if !grammar.states[to as usize].is_empty() {
                    // The space is class 0: it stays the first.
                    end.ways.insert(0, (SPACE, to));
                }
            }
        }
        Ok(Self { states })
    }

    /// The state after one more character, or [`DEAD`].
    pub(crate) fn step(&self, state: u32, class: u16) -> u32 {
        if state == DEAD {
            return DEAD;
        }
        let ways = &self.states[state as usize].ways;
        match ways.binary_search_by_key(&class, |&(class, _)| class) {
            Ok(place) => ways[place].1,
            Err(_) => DEAD,
        }
    }

    /// Whether a phrase may end in the state.
    pub(crate) fn accepts(&self, state: u32) -> bool {
        state != DEAD && self.states[state as usize].accepting
    }
}
