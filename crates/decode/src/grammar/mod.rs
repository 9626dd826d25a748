//! Closed grammars: the expected sentences, and nothing else.
//!
//! A grammar is a set of phrases, given as a list or in a subset of JSGF (`jsgf.rs`). It is
//! compiled into a deterministic automaton over words (`builder.rs`) and, for an alphabet, over
//! symbols (`graph.rs`). The search (`decoder.rs`) prunes nothing: every place of the grammar keeps
//! its best way. An utterance is a sequence of phrases and garbage. Garbage is words outside any
//! phrase; it costs something per letter and is left out of the text, so that unexpected speech is
//! rejected rather than forced into a phrase. Optionally, an utterance is always one phrase,
//! whatever was said.

mod builder;
mod decoder;
mod graph;
mod history;
mod jsgf;
mod search;
mod sorted;

use std::collections::{BTreeMap, HashMap};

use crate::Error;
use builder::Builder;
pub use decoder::GrammarDecoder;
pub use search::{GrammarOptions, GrammarSearch};

/// The right side of a rule: the syntax tree of a grammar.
#[derive(Debug, Clone, PartialEq)]
enum Expansion {
    Word(String),
    Sequence(Vec<Expansion>),
    Alternatives(Vec<Expansion>),
    /// Once or not at all.
    Optional(Box<Expansion>),
    /// Once or more.
    Repeated(Box<Expansion>),
    /// A rule by its name, and the line that names it.
    Rule(String, usize),
    /// With a cost, in [`builder::COST_UNIT`]s.
    Weighted(u32, Box<Expansion>),
}

/// A state of the automaton over words.
#[derive(Debug, Clone)]
struct State {
    /// The next state for each word, and the cost.
    words: BTreeMap<String, (u32, u32)>,
    /// Cost of the end of a phrase here, if one may end.
    end: Option<u32>,
}

/// A compiled grammar, independent of any alphabet.
///
/// ```
/// use stonechat_decode::Grammar;
///
/// let list = Grammar::from_phrases(["lights on", "lights off"])?;
/// assert_eq!(list.words(), ["lights", "off", "on"]);
/// let jsgf = "#JSGF V1.0; grammar g; public <g> = lights ( on | off );";
/// assert_eq!(Grammar::from_jsgf(jsgf)?.words(), list.words());
/// # Ok::<(), stonechat_decode::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Grammar {
    /// State 0 is the start.
    states: Vec<State>,
    /// The first line of each word.
    lines: HashMap<String, usize>,
}

impl Grammar {
    /// A list of phrases of one or more words.
    ///
    /// # Errors
    /// [`Error::Grammar`] if there is no phrase, or one has no word.
    pub fn from_phrases<'a>(phrases: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        Self::from_lines((1..).zip(phrases))
    }

    /// [`from_phrases`](Self::from_phrases) with a line for each phrase, which errors name.
    ///
    /// # Errors
    /// [`Error::Grammar`] if there is no phrase, or one has no word.
    pub fn from_lines<'a>(
        phrases: impl IntoIterator<Item = (usize, &'a str)>,
    ) -> Result<Self, Error> {
        let (mut alternatives, mut lines) = (Vec::new(), HashMap::new());
        for (line, phrase) in phrases {
            let words: Vec<_> =
                phrase.split_whitespace().map(|word| Expansion::Word(word.into())).collect();
            if words.is_empty() {
                return Err(refuse(line, "a phrase has no word"));
            }
            for word in phrase.split_whitespace() {
                lines.entry(word.to_string()).or_insert(line);
            }
            alternatives.push(Expansion::Sequence(words));
        }
        Self::compile(&[Expansion::Alternatives(alternatives)], &HashMap::new(), lines)
    }

    /// A grammar in JSGF: the header `#JSGF V1.0;` and `grammar NAME;` (both may be missing), rules
    /// `public <name> = ...;` of words, sequences, alternatives `|`, groups `( )`, optional parts
    /// `[ ]`, repetitions `*` and `+`, references `<name>` to rules that do not contain themselves,
    /// `<NULL>` and `<VOID>`, weights `/2/` before alternatives, and comments; tags `{...}` are
    /// ignored. The phrases are those of the public rules.
    ///
    /// Of weighted alternatives (the weight is 1 if none is given) the heaviest is free, and one of
    /// half its weight costs ln 2: it must sound that much more likely to win. One of weight 0 is
    /// never said.
    ///
    /// # Errors
    /// [`Error::Grammar`] names the line and the problem.
    pub fn from_jsgf(text: &str) -> Result<Self, Error> {
        let rules = jsgf::parse(text)?;
        let rule = |(name, line): &(String, usize)| Expansion::Rule(name.clone(), *line);
        let public: Vec<_> = rules.public.iter().map(rule).collect();
        Self::compile(&public, &rules.rules, rules.lines)
    }

    fn compile(
        public: &[Expansion],
        rules: &HashMap<String, Expansion>,
        lines: HashMap<String, usize>,
    ) -> Result<Self, Error> {
        let mut builder = Builder::new(rules);
        for expansion in public {
            builder.add(expansion)?;
        }
        let states = builder.determine()?;
        if states[0].end.is_some() {
            return Err(refuse(0, "a phrase may be empty: make a word obligatory"));
        }
        if states.iter().all(|state| state.end.is_none()) {
            return Err(refuse(0, "there is no phrase"));
        }
        Ok(Self { states, lines })
    }

    /// Which words of a text are in phrases (`true`) and which are garbage, taking the longest
    /// phrases from left to right.
    pub fn accepted<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Vec<bool> {
        let words: Vec<&str> = words.into_iter().collect();
        let mut accepted = vec![false; words.len()];
        let mut first = 0;
        while first < words.len() {
            let (mut state, mut after) = (0, first);
            for (place, &word) in words.iter().enumerate().skip(first) {
                let Some(&(next, _)) = self.states[state as usize].words.get(word) else { break };
                state = next;
                if self.states[state as usize].end.is_some() {
                    after = place + 1;
                }
            }
            accepted[first..after].fill(true);
            first = after.max(first + 1);
        }
        accepted
    }

    /// All words of the phrases, sorted.
    pub fn words(&self) -> Vec<&str> {
        let mut words: Vec<&str> =
            self.states.iter().flat_map(|state| state.words.keys().map(String::as_str)).collect();
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
            ("public <a> = <b>;", 1, "<b>"),
            ("public <a> = x <a>;", 1, "itself"),
            ("<a> = b;", 0, "no phrase"),
            ("public <a> = /0/ b;", 0, "no phrase"),
            ("public <a> = b |\n/much/ c;", 2, "/much/"),
            ("public <a> = /-1/ b;", 1, "/-1/"),
            ("public <a> = b /2/ c;", 1, "before"),
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
