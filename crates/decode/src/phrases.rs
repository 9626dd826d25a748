//! Hotwords: phrases that raise the score of a text.
//!
//! All phrases form one Aho-Corasick automaton over characters, in which a phrase begins after a
//! space and ends with one: `new york` is ` new york `. A text that has matched the first `m` of a
//! phrase's `n` characters holds `boost m / n` in advance. If the match breaks off, all of it is
//! taken back; at the phrase's end it is granted for good. So a phrase gains exactly its boost, and
//! a text without the phrase gains nothing. If phrases begin alike, the end of the longer one
//! grants only the difference; if phrases end together, the largest boost counts.

use crate::symbols::SPACE;

/// Nothing matches: inside a word.
const DEAD: u32 = 0;
/// After a space, where a phrase may begin.
const START: u32 = 1;

#[derive(Debug, Clone)]
struct State {
    /// Character and state, sorted.
    children: Vec<(u16, u32)>,
    /// The state of the longest proper suffix.
    fail: u32,
    /// Boost held in advance.
    pending: f32,
    /// Boost granted on entering the state.
    granted: f32,
    /// Boost already granted by phrases that are beginnings of this one.
    before: f32,
    /// Whether a phrase ends here.
    ends: bool,
}

/// The automaton.
#[derive(Debug, Clone)]
pub(crate) struct Phrases {
    states: Vec<State>,
    largest_step: f32,
}

impl Phrases {
    /// Takes phrases as classes, words separated by one [`SPACE`], with their boosts (nats).
    pub(crate) fn new<'a>(phrases: impl IntoIterator<Item = (&'a [u16], f32)>) -> Self {
        let mut automaton = Self { states: vec![State::new(), State::new()], largest_step: 0.0 };
        automaton.states[DEAD as usize].children.push((SPACE, START));
        let mut boosts = vec![0.0; 2];
        for (phrase, boost) in phrases {
            let mut node = START;
            for (matched, &class) in phrase.iter().chain(&[SPACE]).enumerate() {
                node = automaton.grow(node, class);
                boosts.resize(automaton.states.len(), 0.0f32);
                let share = boost * (matched + 1) as f32 / (phrase.len() + 1) as f32;
                let pending = &mut automaton.states[node as usize].pending;
                *pending = pending.max(share);
            }
            automaton.states[node as usize].ends = true;
            boosts[node as usize] = boosts[node as usize].max(boost);
        }
        automaton.link(&boosts);
        automaton
    }

    fn grow(&mut self, node: u32, class: u16) -> u32 {
        let new = self.states.len() as u32;
        let children = &mut self.states[node as usize].children;
        match children.binary_search_by_key(&class, |&(class, _)| class) {
            Ok(place) => children[place].1,
            Err(place) => {
                children.insert(place, (class, new));
                self.states.push(State::new());
                new
            }
        }
    }

    /// Computes failure links and the boosts of each state, in breadth-first order.
    fn link(&mut self, boosts: &[f32]) {
        let mut queue = vec![DEAD];
        let mut done = 0;
        while let Some(&node) = queue.get(done) {
            done += 1;
            for (class, child) in self.states[node as usize].children.clone() {
                let fail = if node == DEAD {
                    DEAD
                } else {
                    self.step(self.states[node as usize].fail, class)
                };
                let State { pending, granted, before, .. } = self.states[node as usize];
                let before = before + granted;
                let suffix = self.states[fail as usize].clone();
                let state = &mut self.states[child as usize];
                state.fail = fail;
                state.before = before;
                let own = (boosts[child as usize] - before).max(0.0);
                state.granted = own.max(suffix.granted);
                let held = state.pending - before - if state.ends { own } else { 0.0 };
                // A phrase that ends here and does not continue holds nothing more.
                state.pending = held.max(0.0).max(suffix.pending);
                let step = state.pending + state.granted - pending;
                self.largest_step = self.largest_step.max(step);
                queue.push(child);
            }
        }
    }

    /// At the beginning of a word.
    pub(crate) fn start(&self) -> u32 {
        START
    }

    /// The state inside a word that is in no phrase.
    pub(crate) fn outside(&self) -> u32 {
        DEAD
    }

    /// The state after one more character.
    pub(crate) fn step(&self, mut state: u32, class: u16) -> u32 {
        loop {
            let State { children, fail, .. } = &self.states[state as usize];
            if let Ok(place) = children.binary_search_by_key(&class, |&(class, _)| class) {
                return children[place].1;
            }
            if state == DEAD {
                return DEAD;
            }
            state = *fail;
        }
    }

    /// The boost held in advance.
    pub(crate) fn pending(&self, state: u32) -> f32 {
        self.states[state as usize].pending
    }

    /// The boost granted on entering the state.
    pub(crate) fn granted(&self, state: u32) -> f32 {
        self.states[state as usize].granted
    }

    /// Whether the letters since the last space match a phrase so far.
    pub(crate) fn matches(&self, state: u32) -> bool {
        state > START
    }

    /// Whether the state, entered by a space, ends a word of a phrase.
    pub(crate) fn ends_word(&self, state: u32) -> bool {
        state > START || self.states[state as usize].ends
    }

    /// An upper bound of what one character adds.
    pub(crate) fn largest_step(&self) -> f32 {
        self.largest_step
    }
}

impl State {
    fn new() -> Self {
        Self {
            children: Vec::new(),
            fail: DEAD,
            pending: 0.0,
            granted: 0.0,
            before: 0.0,
            ends: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(text: &str) -> Vec<u16> {
        text.bytes().map(|b| if b == b' ' { SPACE } else { u16::from(b) }).collect()
    }

    fn phrases(list: &[(&str, f32)]) -> Phrases {
        let spelled: Vec<_> = list.iter().map(|(text, boost)| (spell(text), *boost)).collect();
        Phrases::new(spelled.iter().map(|(text, boost)| (&text[..], *boost)))
    }

    /// What a text has been granted, and what it holds.
    fn worth(phrases: &Phrases, text: &str) -> (f32, f32) {
        let mut state = phrases.start();
        let mut granted = 0.0;
        for class in spell(text) {
            let before = phrases.pending(state);
            state = phrases.step(state, class);
            granted += phrases.granted(state);
            let step = phrases.granted(state) + phrases.pending(state) - before;
            assert!(step <= phrases.largest_step() + 1e-6, "{text}");
        }
        (granted, phrases.pending(state))
    }

    #[test]
    fn phrases_are_paid_at_their_end_and_refunded_before() {
        let list = [("new york", 9.0), ("york", 5.0), ("new york city", 14.0), ("ann", 2.0)];
        let phrases = phrases(&list);
        for (text, granted, held) in [
            ("", 0.0, 0.0),
            ("ne", 0.0, 2.0),
            ("nex", 0.0, 0.0),
            // "york" is the suffix of "new york": the larger of the two is held.
            ("new york", 0.0, 8.0),
            // Granted. The city is worth five more, part of that at once.
            ("new york ", 9.0, 0.0),
            ("new york cit", 9.0, 3.0),
            ("new york city ", 14.0, 0.0),
            ("new york sity ", 9.0, 0.0),
            ("york ", 5.0, 0.0),
            ("yorks ", 0.0, 0.0),
            ("the york ann ", 7.0, 0.0),
            ("joann ", 0.0, 0.0),
            ("ann ann ", 4.0, 0.0),
        ] {
            let (g, p) = worth(&phrases, text);
            assert!((g - granted).abs() < 1e-5, "{text:?}: granted {g}");
            assert!((p - held).abs() < 1e-5, "{text:?}: holds {p}");
        }
        assert_eq!(worth(&super::Phrases::new([]), "new york "), (0.0, 0.0));
    }
}
