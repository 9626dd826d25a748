//! Numbers as English words, from the table of the rules.

use std::collections::BTreeMap;

/// Longest run of digits that is read as one number.
const MAX_DIGITS: usize = 15;
/// No number of so many digits has more words, if the table is one of numbers; one that lacks most of them ends here.
const MAX_WORDS: usize = 64;

/// The words of numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Speller {
    /// Value to its word and its ordinal.
    pub words: BTreeMap<u64, (String, String)>,
}

impl Speller {
    fn word(&self, value: u64) -> &str {
        self.words.get(&value).map_or("", |(word, _)| word)
    }

    /// A number: 342 is `three hundred forty two`.
    pub fn cardinal(&self, value: u64) -> String {
        let mut words = Vec::new();
        self.collect(value, &mut words);
        words.join(" ")
    }

    /// The parts of a number, as multiples of the largest values that have a word.
    fn collect<'a>(&'a self, value: u64, words: &mut Vec<&'a str>) {
        let Some((&unit, (word, _))) = self.words.range(..=value).next_back() else {
            return;
        };
        if unit == 0 && value > 0 || words.len() == MAX_WORDS {
            return;
        }
        if unit >= 100 {
            self.collect(value / unit, words);
        }
        words.push(word);
        let rest = if unit >= 100 { value % unit } else { value - unit };
        if rest > 0 {
            self.collect(rest, words);
        }
    }

    /// 21 is `twenty first`.
    pub fn ordinal(&self, value: u64) -> String {
        let cardinal = self.cardinal(value);
        let (start, last) = cardinal.rsplit_once(' ').unwrap_or(("", &cardinal));
        let ordinal = self.words.values().find(|(word, _)| word == last);
        let ordinal = ordinal.map_or(last, |(_, ordinal)| ordinal);
        format!("{start} {ordinal}").trim_start().to_string()
    }

    /// 1984 is `nineteen eighty four`, 1905 `nineteen oh five`, 1900 `nineteen hundred`.
    pub fn year(&self, value: u64) -> String {
        let (century, rest) = (self.cardinal(value / 100), value % 100);
        match rest {
            0 => format!("{century} {}", self.word(100)),
            1..=9 => format!("{century} oh {}", self.cardinal(rest)),
            _ => format!("{century} {}", self.cardinal(rest)),
        }
    }

    /// Digit by digit.
    pub fn digits(&self, digits: &str) -> String {
        let words = digits.bytes().filter(u8::is_ascii_digit);
        words.map(|digit| self.word(u64::from(digit - b'0'))).collect::<Vec<_>>().join(" ")
    }

    /// A run of digits without commas: a year if it can be one, digit by digit if it begins with 0
    /// or is too long, otherwise a number.
    pub fn whole(&self, digits: &str, may_be_year: bool) -> String {
        let starts_with_zero = digits.len() > 1 && digits.starts_with('0');
        match digits.parse::<u64>() {
            Ok(value) if digits.len() <= MAX_DIGITS && !starts_with_zero => match value {
                1100..=1999 if may_be_year => self.year(value),
                value => self.cardinal(value),
            },
            _ => self.digits(digits),
        }
    }
}
