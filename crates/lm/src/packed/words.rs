//! The words of a packed model: spelling to id and back, in about three bytes per word.
//!
//! Ids follow the order of the bytes, so that neighbours share their beginnings. Blocks of
//! [`BLOCK`] words begin with a whole word; of each other word only the length of the part shared
//! with the previous word (4 bits) and the rest are stored. Letters are numbers for the bytes that
//! occur in the vocabulary, with 0 for the end of a word: lower-case English takes 5 bits per
//! letter.
//!
//! ```text
//! u8 number of letters, u8 width of the index, that many bytes (letter 1, 2, ...)
//! index: the first bit of each block, counted from the first word
//! words
//! ```

use std::cmp::Ordering;

use super::bits::{self, Writer};
use crate::{Error, MAX_WORD_BYTES, Result, SPECIAL_WORDS, Vocabulary};

/// Words in a block.
const BLOCK: usize = 16;
const SHARED_BITS: u32 = 4;
const MOST_SHARED: usize = (1 << SHARED_BITS) - 1;

/// Where the parts are, relative to the section.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// Words besides the special ones.
    plain: usize,
    /// Letter to byte; index 0 is the end of a word.
    letters: Vec<u8>,
    letter_bits: u32,
    index_bits: u32,
    index_start: u64,
    words_start: u64,
}

/// The bytes of the section.
pub(super) fn write(vocabulary: &Vocabulary) -> Vec<u8> {
    let plain: Vec<&str> = vocabulary.iter().skip(SPECIAL_WORDS.len()).collect();
    let mut used = [false; 256];
    plain.iter().flat_map(|word| word.bytes()).for_each(|byte| used[byte as usize] = true);
    let letters: Vec<u8> = (0..=255).filter(|&byte| used[byte as usize]).collect();
    let mut number = [0; 256];
    letters.iter().enumerate().for_each(|(i, &byte)| number[byte as usize] = i as u64 + 1);
    let letter_bits = bits::width(letters.len() as u64);

    let mut words = Writer::default();
    let mut index = Vec::new();
    for (i, word) in plain.iter().enumerate() {
        let mut shared = 0;
        if i % BLOCK == 0 {
            index.push(words.bits());
        } else {
            let pairs = word.bytes().zip(plain[i - 1].bytes());
            shared = pairs.take_while(|(a, b)| a == b).count().min(MOST_SHARED);
            words.put(shared as u64, SHARED_BITS);
        }
        for byte in word.bytes().skip(shared) {
            words.put(number[byte as usize], letter_bits);
        }
        words.put(0, letter_bits);
    }

    let index_bits = bits::width(index.last().copied().unwrap_or(0));
    let mut head = Writer::default();
    head.put(letters.len() as u64, 8);
    head.put(u64::from(index_bits), 8);
    letters.iter().for_each(|&byte| head.put(u64::from(byte), 8));
    index.into_iter().for_each(|start| head.put(start, index_bits));
    let mut bytes = head.finish();
    bytes.extend(words.finish());
    bytes
}

impl Words {
    /// The layout of a section at `offset` of the file with `words` words, including the special
    /// ones.
    pub fn read(section: &[u8], words: usize, offset: usize) -> Result<Self> {
        let refuse = |reason: &str| Err(Error::packed("vocabulary", offset, reason));
        let Some(plain) = words.checked_sub(SPECIAL_WORDS.len()) else {
            return refuse("lacks the three special words");
        };
        let &[count, index_bits, ref rest @ ..] = section else {
            return refuse("is too short");
        };
        let Some(bytes) = rest.get(..usize::from(count)) else {
            return refuse("ends inside the table of letters");
        };
        if u32::from(index_bits) > bits::MAX_WIDTH {
            return refuse("has an index that is too wide");
        }
        let letters = [&[0], bytes].concat();
        let index_start = 8 * (2 + bytes.len() as u64);
        let index = plain.div_ceil(BLOCK) as u64 * u64::from(index_bits);
        let words_start = (index_start + index).next_multiple_of(8);
        let letter_bits = bits::width(u64::from(count));
        // Each word has an end.
        if words_start + plain as u64 * u64::from(letter_bits) > 8 * section.len() as u64 {
            return refuse("is too short for its words");
        }
        let index_bits = u32::from(index_bits);
        Ok(Self { plain, letters, letter_bits, index_bits, index_start, words_start })
    }

    /// Number of words, including the special ones.
    pub fn len(&self) -> usize {
        self.plain + SPECIAL_WORDS.len()
    }

    /// The id of a word.
    pub fn id(&self, section: &[u8], word: &str) -> Option<u32> {
        if let Some(special) = SPECIAL_WORDS.iter().position(|&special| special == word) {
            return Some(special as u32);
        }
        // The last block whose first word is not after the word.
        let (mut low, mut high) = (0, self.plain.div_ceil(BLOCK));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.block(section, middle).next(BLOCK).cmp(word.as_bytes()) {
                Ordering::Greater => high = middle,
                _ => low = middle + 1,
            }
        }
        let block = low.checked_sub(1)?;
        let mut words = self.block(section, block);
        for i in 0..BLOCK.min(self.plain - block * BLOCK) {
            match words.next(i).cmp(word.as_bytes()) {
                Ordering::Less => {}
                Ordering::Equal => return Some((SPECIAL_WORDS.len() + block * BLOCK + i) as u32),
                Ordering::Greater => break,
            }
        }
        None
    }

    /// The spelling of a word of the vocabulary. Bytes that are not UTF-8, which occur only in a
    /// damaged file, are replaced.
    pub fn word(&self, section: &[u8], id: usize) -> Option<String> {
        if let Some(special) = SPECIAL_WORDS.get(id) {
            return Some((*special).to_string());
        }
        let plain = id - SPECIAL_WORDS.len();
        if plain >= self.plain {
            return None;
        }
        let mut words = self.block(section, plain / BLOCK);
        let last = (0..=plain % BLOCK).map(|i| words.next(i).len()).last()?;
        Some(String::from_utf8_lossy(&words.word[..last]).into_owned())
    }

    fn block<'a>(&'a self, section: &'a [u8], block: usize) -> Block<'a> {
        let start = self.index_start + block as u64 * u64::from(self.index_bits);
        let position = self.words_start + bits::read(section, start, self.index_bits);
        Block { words: self, section, position, word: [0; MAX_WORD_BYTES] }
    }
}

/// Reads the words of a block one after another.
struct Block<'a> {
    words: &'a Words,
    section: &'a [u8],
    position: u64,
    word: [u8; MAX_WORD_BYTES],
}

impl Block<'_> {
    /// Word number `i` of the block; they must be read in order. If `i` is a multiple of [`BLOCK`],
    /// it is a whole word.
    fn next(&mut self, i: usize) -> &[u8] {
        let mut length = 0;
        if !i.is_multiple_of(BLOCK) {
            length = self.number(SHARED_BITS);
        }
        loop {
            let letter = self.number(self.words.letter_bits);
            let byte = self.words.letters.get(letter).copied().unwrap_or(0);
            if letter == 0 || length == MAX_WORD_BYTES {
                return &self.word[..length];
            }
            self.word[length] = byte;
            length += 1;
        }
    }

    fn number(&mut self, width: u32) -> usize {
        let number = bits::read(self.section, self.position, width);
        self.position += u64::from(width);
        number as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(vocabulary: &Vocabulary) -> Vec<u8> {
        let section = write(vocabulary);
        let words = Words::read(&section, vocabulary.len(), 0).unwrap();
        for (id, word) in vocabulary.iter().enumerate() {
            assert_eq!(words.id(&section, word), Some(id as u32), "{word}");
            assert_eq!(words.word(&section, id).as_deref(), Some(word));
            for other in [format!("{word}~"), word[1..].to_string(), format!("!{word}")] {
                let expected = vocabulary.id(&other).map(|id| id.0);
                assert_eq!(words.id(&section, &other), expected, "{other}");
            }
        }
        assert_eq!(words.word(&section, vocabulary.len()), None);
        section
    }

    proptest! {
        #[test]
        fn any_words(words in prop::collection::vec("[a-cé]{1,24}", 0..120)) {
            let words = words.iter().filter(|word| word.is_char_boundary(1));
            check(&Vocabulary::new(words.map(|word| word.as_str())).unwrap());
        }

        #[test]
        fn damaged_bytes_do_not_panic(section in prop::collection::vec(any::<u8>(), 0..100), count in 0usize..60) {
            if let Ok(words) = Words::read(&section, count, 0) {
                words.id(&section, "word");
                (0..count).for_each(|id| { words.word(&section, id); });
            }
        }
    }

    #[test]
    fn long_words_and_none() {
        check(&Vocabulary::new(Vec::<String>::new()).unwrap());
        check(&Vocabulary::new((1..=255).map(|n| "x".repeat(n))).unwrap());
    }

    #[test]
    fn english_takes_about_three_bytes_a_word() {
        // Artificial words with English endings, which share beginnings like a sorted word list.
        let stems =
            ["act", "bake", "carr", "deal", "equip", "form", "grow", "help", "insp", "jump"];
        let ends = ["", "ed", "er", "ers", "ing", "ings", "ment", "ments", "s", "able"];
        let words = stems.iter().flat_map(|stem| ends.map(|end| format!("{stem}{end}")));
        let vocabulary = Vocabulary::new(words).unwrap();
        let bytes = check(&vocabulary).len();
        assert!(bytes < 4 * vocabulary.len(), "{bytes} bytes");
    }
}
