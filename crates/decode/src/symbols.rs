//! The alphabet as the search uses it: every symbol is a string of character classes.

use crate::Error;

/// The class of the space; a text begins as if after a space.
pub(crate) const SPACE: u16 = 0;

/// Why a word cannot be spelled.
pub(crate) fn lacks(word: &str, character: char) -> String {
    format!("{word:?} has {character:?}, which is not in the alphabet: write it as it is spoken")
}

/// Symbols spelled in numbered characters.
#[derive(Debug, Clone)]
pub(crate) struct Symbols {
    /// Class to character; class 0 is the space.
    characters: Vec<char>,
    /// The classes of all symbols, one after another.
    classes: Vec<u16>,
    /// Where each symbol's classes begin, plus the end.
    starts: Vec<u32>,
    longest: usize,
}

impl Symbols {
    /// Symbol 0 is the blank, whatever its text.
    pub(crate) fn new(texts: &[String]) -> Result<Self, Error> {
        let count = texts.len();
        if !(2..=usize::from(u16::MAX) + 1).contains(&count) {
            return Err(Error::Alphabet { count });
        }
        let mut symbols =
            Self { characters: vec![' '], classes: Vec::new(), starts: vec![0, 0], longest: 1 };
        for (index, text) in texts.iter().enumerate().skip(1) {
            let refuse = |reason| Err(Error::Symbol { index, text: text.clone(), reason });
            if text.is_empty() {
                return refuse("it is empty, and only the blank may be");
            }
            if text.contains("  ") {
                return refuse("it has two spaces in a row");
            }
            if texts[1..index].contains(text) {
                return refuse("it occurs twice");
            }
            for character in text.chars() {
                let class = symbols.class(character).unwrap_or_else(|| {
                    symbols.characters.push(character);
                    (symbols.characters.len() - 1) as u16
                });
                symbols.classes.push(class);
            }
            symbols.starts.push(symbols.classes.len() as u32);
            symbols.longest = symbols.longest.max(text.chars().count());
        }
        Ok(symbols)
    }

    /// Number of symbols, including the blank.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Characters of the longest symbol.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The classes of a symbol's characters; none for the blank.
    pub(crate) fn spelling(&self, symbol: u16) -> &[u16] {
        let symbol = usize::from(symbol);
        &self.classes[self.starts[symbol] as usize..self.starts[symbol + 1] as usize]
    }

    /// The class of a character, if any symbol contains it.
    pub(crate) fn class(&self, character: char) -> Option<u16> {
        self.characters.iter().position(|&other| other == character).map(|class| class as u16)
    }

    /// The symbol that is just the character of this class, if any.
    pub(crate) fn single(&self, class: u16) -> Option<u16> {
        (1..self.len() as u32).map(|symbol| symbol as u16).find(|&s| *self.spelling(s) == [class])
    }

    /// The character of a class.
    pub(crate) fn character(&self, class: u16) -> char {
        self.characters[usize::from(class)]
    }
}
