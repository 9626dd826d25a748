//! Written text to spoken words, by a table of rules.
//!
//! The English table is `english.txt`. What it cannot express is in code: how numbers are composed
//! (`numbers.rs`), and where sentences end (below).

mod numbers;
mod token;

use std::collections::{HashMap, HashSet};

use crate::{Error, Result};
use numbers::Speller;

const ENGLISH: &str = include_str!("english.txt");

/// Characters that may stand between the end of a sentence and the next one.
const CLOSING: [char; 6] = ['"', '\'', '”', '’', ')', ']'];
const OPENING: [char; 7] = ['"', '\'', '“', '‘', '(', '[', '_'];

/// Turns written text into words.
#[derive(Clone, Debug, Default)]
pub struct Normaliser {
    letters: HashSet<char>,
    replace: HashMap<char, String>,
    symbols: HashMap<char, String>,
    /// From a character to the names of one and of several.
    currency: HashMap<char, (String, String)>,
    abbreviations: HashMap<String, String>,
    fractions: HashMap<String, String>,
    speller: Speller,
}

impl Normaliser {
    /// English: lower case, `a` to `z` and apostrophes, numbers as words.
    pub fn english() -> Self {
        // A test parses the table; without rules there would be fewer words, but no crash.
        Self::from_rules(ENGLISH).unwrap_or_default()
    }

    /// A table of rules in the format of `english.txt`.
    ///
    /// # Errors
    /// A line that is not a rule of its section.
    pub fn from_rules(rules: &str) -> Result<Self> {
        let mut normaliser = Self::default();
        let mut section = "";
        for (number, line) in (1..).zip(rules.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name;
                continue;
            }
            let fields: Vec<&str> = line.split('\t').collect();
            if normaliser.rule(section, &fields).is_none() {
                let reason = format!("line {number}: {line:?} is not a rule of [{section}]");
                return Err(Error::option("normalisation rules", reason));
            }
        }
        Ok(normaliser)
    }

    fn rule(&mut self, section: &str, fields: &[&str]) -> Option<()> {
        let character = || {
            let mut characters = fields.first()?.chars();
            let first = characters.next()?;
            characters.next().is_none().then_some(first)
        };
        match (section, fields) {
            ("letters", [letters]) => self.letters.extend(letters.chars()),
            ("replace", [_, by]) => drop(self.replace.insert(character()?, (*by).into())),
            ("symbols", [_, word]) => drop(self.symbols.insert(character()?, (*word).into())),
            ("currency", [_, one, several]) => {
                self.currency.insert(character()?, ((*one).into(), (*several).into()));
            }
            ("abbreviations", [short, long]) => {
                self.abbreviations.insert((*short).into(), (*long).into());
            }
            ("fractions", [short, long]) => {
                self.fractions.insert((*short).into(), (*long).into());
            }
            ("numbers", [value, word, ordinal]) => {
                let words = ((*word).into(), (*ordinal).into());
                self.speller.words.insert(value.parse().ok()?, words);
            }
            _ => return None,
        }
        Some(())
    }

    /// Calls `visit` with each sentence of a paragraph, its words separated by single spaces.
    /// Sentences without words are left out.
    ///
    /// # Errors
    /// The errors of `visit`.
    pub fn sentences(
        &self,
        paragraph: &str,
        visit: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        let mut text = String::with_capacity(paragraph.len());
        for character in paragraph.chars() {
            match self.replace.get(&character) {
                Some(by) => text += by,
                None => text.push(character),
            }
        }
        let text = text.replace("--", " ");
        let mut sentence = String::new();
        let mut tokens = text.split_whitespace().peekable();
        while let Some(token) = tokens.next() {
            self.token(token, &mut sentence);
            let ends = match tokens.peek() {
                Some(next) => self.ends_sentence(token, next),
                None => true,
            };
            if ends && !sentence.is_empty() {
                visit(&sentence)?;
                sentence.clear();
            }
        }
        Ok(())
    }

    /// The whole text as one line of words.
    pub fn line(&self, text: &str) -> String {
        let mut line = String::new();
        // `visit` cannot fail, so nothing can.
        let _ = self.sentences(text, &mut |sentence| {
            if !line.is_empty() {
                line.push(' ');
            }
            line += sentence;
            Ok(())
        });
        line
    }

    /// Whether a sentence ends after `token`: with a full stop that is not part of an abbreviation
    /// or an initial, and no small letter after it.
    fn ends_sentence(&self, token: &str, next: &str) -> bool {
        let end = token.trim_end_matches(CLOSING);
        if !end.ends_with(['.', '!', '?']) {
            return false;
        }
        let word = end.trim_start_matches(OPENING).to_lowercase();
        let is_initial = word.len() == 2 && word != "i.";
        if word.ends_with('.') && (is_initial || self.abbreviations.contains_key(&word)) {
            return false;
        }
        !next.trim_start_matches(OPENING).starts_with(char::is_lowercase)
    }
}
