//! Closed grammars: the sentences that are expected, and nothing else.
//!
//! A grammar is a set of phrases, given as a list or in a subset of JSGF (`jsgf.rs`), compiled into
//! a deterministic automaton over words and, at its edges, over their letters. An utterance is a
//! row of phrases and of garbage: words outside of any phrase, which cost something per letter
//! and are returned as such, so that what was not expected is rejected instead of bent into what
//! was. Where a phrase breaks off, the search looks for another one from that word on.

mod automaton;
mod jsgf;
mod score;

use std::collections::HashMap;

use crate::Error;
pub(crate) use automaton::Automaton;
use automaton::Builder;
pub(crate) use score::{GrammarScorer, GrammarState};

/// What a rule may say: the syntax tree of a grammar.
#[derive(Debug, Clone, PartialEq)]
enum Expansion {
    Word(String),
    Sequence(Vec<Expansion>),
    Alternatives(Vec<Expansion>),
    /// Once or not at all.
    Optional(Box<Expansion>),
    /// Once or more.
    Repeated(Box<Expansion>),
    Rule(String),
}

/// A compiled grammar, independent of any alphabet.
#[derive(Debug, Clone)]
pub struct Grammar {
    /// Transitions by word of each state; state 0 is the start.
    states: Vec<HashMap<String, u32>>,
    accepting: Vec<bool>,
}

impl Grammar {
    /// A list of phrases of one or more words.
    ///
    /// # Errors
    /// [`Error::Grammar`] if there is no phrase or one has no word.
    pub fn from_phrases<'a>(phrases: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut alternatives = Vec::new();
        for phrase in phrases {
            let words: Vec<_> =
                phrase.split_whitespace().map(|word| Expansion::Word(word.into())).collect();
            if words.is_empty() {
                let message = format!("phrase {} has no word", alternatives.len() + 1);
                return Err(Error::Grammar { line: alternatives.len() + 1, message });
            }
            alternatives.push(Expansion::Sequence(words));
        }
        Self::compile(&[Expansion::Alternatives(alternatives)], &HashMap::new())
    }

    /// A grammar in JSGF: the header `#JSGF V1.0;` and `grammar NAME;` (both may be missing),
    /// rules `public <name> = ...;` of words, sequences, alternatives `|`, groups `( )`, optional
    /// parts `[ ]`, repetitions `*` and `+`, references `<name>` to rules that do not contain
    /// themselves, `<NULL>` and `<VOID>`, and comments. Weights `/2/` and tags `{...}` are read and
    /// ignored. The phrases are those of the public rules.
    ///
    /// # Errors
    /// [`Error::Grammar`] names the line and what is wrong there.
    pub fn from_jsgf(text: &str) -> Result<Self, Error> {
        let rules = jsgf::parse(text)?;
        let public: Vec<_> =
            rules.public.iter().map(|name| Expansion::Rule(name.clone())).collect();
        Self::compile(&public, &rules.rules)
    }

    fn compile(public: &[Expansion], rules: &HashMap<String, Expansion>) -> Result<Self, Error> {
        let mut builder = Builder::new(rules);
        for expansion in public {
            builder.add(expansion)?;
        }
        let (states, accepting) = builder.determine()?;
        if accepting[0] {
            return Err(refuse(0, "a phrase may be empty: make a word obligatory"));
        }
        if !accepting.contains(&true) {
            return Err(refuse(0, "there is no phrase"));
        }
        Ok(Self { states, accepting })
    }

    /// Which words of a text are in phrases (`true`), and which are garbage: the longest phrases
    /// from left to right.
    pub fn accepted<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Vec<bool> {
        let words: Vec<&str> = words.into_iter().collect();
        let mut accepted = vec![false; words.len()];
        let mut first = 0;
        while first < words.len() {
            let (mut state, mut after) = (0, first);
            for (place, &word) in words.iter().enumerate().skip(first) {
                let Some(&next) = self.states[state as usize].get(word) else { break };
                state = next;
                if self.accepting[state as usize] {
                    after = place + 1;
                }
            }
            accepted[first..after].fill(true);
            first = after.max(first + 1);
        }
        accepted
    }

    /// All words that phrases have, sorted.
    pub fn words(&self) -> Vec<&str> {
        let mut words: Vec<&str> =
            self.states.iter().flat_map(|state| state.keys().map(String::as_str)).collect();
        words.sort_unstable();
        words.dedup();
        words
    }
}

/// An error at a line, 0 for the grammar as a whole.
fn refuse(line: usize, message: impl Into<String>) -> Error {
    Error::Grammar { line, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_among_garbage() {
        let list = ["turn on the light", "turn on", "stop", "on"];
        let grammar = Grammar::from_phrases(list).unwrap();
        assert_eq!(grammar.words(), ["light", "on", "stop", "the", "turn"]);
        for (text, expected) in [
            ("", ""),
            ("stop", "+"),
            ("please stop now", "-+-"),
            ("turn on the light", "++++"),
            ("turn on the radio", "++--"),
            ("turn turn on", "-++"),
            ("the on stop", "-++"),
        ] {
            let found: String = grammar
                .accepted(text.split_whitespace())
                .into_iter()
                .map(|accepted| if accepted { '+' } else { '-' })
                .collect();
            assert_eq!(found, expected, "{text:?}");
        }
        assert!(Grammar::from_phrases([]).is_err());
        assert!(Grammar::from_phrases(["a", " "]).is_err());
    }

    #[test]
    fn jsgf_rules_make_the_phrases_they_say() {
        let text = "#JSGF V1.0 UTF-8 en;\ngrammar home; // the house\n\
            public <command> = [please] <verb> the <thing> [now] | stop+ {halt};\n\
            <verb> = turn (on | off) | /0.5/ dim;\n/* things\n in it */\n<thing> = light* lamp | <NULL> radio;\n\
            public <never> = <VOID> word;\n<unused> = x;";
        let grammar = Grammar::from_jsgf(text).unwrap();
        for (phrase, accepted) in [
            ("turn on the lamp", true),
            ("please dim the light light lamp now", true),
            ("turn off the radio", true),
            ("stop", true),
            ("stop stop stop", true),
            ("turn the lamp", false),
            ("turn on the light", false),
            ("please please dim the radio", false),
            ("word", false),
            ("x", false),
        ] {
            let words = grammar.accepted(phrase.split(' '));
            assert_eq!(words.iter().all(|&w| w), accepted, "{phrase}: {words:?}");
        }
    }

    #[test]
    fn bad_jsgf_is_told_with_its_line() {
        for (text, line, message) in [
            ("public <a> = b", 1, "';'"),
            ("public <a> = b;\npublic <c> = (d;", 2, "')'"),
            ("public <a> = <b>;", 0, "<b>"),
            ("public <a> = x <a>;", 0, "itself"),
            ("<a> = b;", 0, "no phrase"),
            ("public <a> = [b];", 0, "empty"),
            ("\nimport <other.*>;", 2, "import"),
            ("public <a> = b;\n<a> = c;", 2, "twice"),
            ("public a = b;", 1, "<"),
            ("public <a> = b {tag;", 1, "}"),
            ("public <a> = | b;", 1, "empty"),
            ("/* for ever", 1, "*/"),
        ] {
            let error = Grammar::from_jsgf(text).unwrap_err();
            let Error::Grammar { line: found, message: told } = &error else { panic!("{error}") };
            assert!(*found == line && told.contains(message), "{text:?}: {error}");
        }
    }
}
