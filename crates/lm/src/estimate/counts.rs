//! Text to counts: the vocabulary, the n-grams of the highest order, and those derived for the
//! lower orders.

use std::collections::HashMap;
use std::path::Path;

use super::sort::{Key, Sorter, Spool};
use crate::text::Sentences;
use crate::vocabulary::is_word;
use crate::{Error, MAX_ORDER, Result, SPECIAL_WORDS, Vocabulary};

pub(super) const UNKNOWN: u32 = 0;
const BEGIN: u32 = 1;
const END: u32 = 2;

/// Marks an n-gram that counts but gets no probability of its own.
const DROPPED: u64 = 1 << 63;

/// The counts of an n-gram before it has a probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// The count from which probabilities are computed.
    pub adjusted: u64,
    /// How often it occurs in the text.
    pub occurrences: u64,
    /// Whether it gets a probability of its own.
    pub is_kept: bool,
}

impl Count {
    pub fn from_record([adjusted, occurrences]: [u64; 2]) -> Self {
        Self { adjusted: adjusted & !DROPPED, occurrences, is_kept: adjusted & DROPPED == 0 }
    }

    fn record(self) -> [u64; 2] {
        [if self.is_kept { self.adjusted } else { self.adjusted | DROPPED }, self.occurrences]
    }
}

/// The size of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextSize {
    /// Sentences with at least one word.
    pub sentences: u64,
    /// Words in them.
    pub words: u64,
    /// Different words.
    pub different_words: u64,
    /// Words that are not in the model's vocabulary.
    pub unknown_words: u64,
}

/// The words of `text` without sentence markers, which a text must not contain.
fn words(sentence: &str) -> impl Iterator<Item = &str> {
    sentence
        .split_ascii_whitespace()
        .filter(|word| *word != SPECIAL_WORDS[1] && *word != SPECIAL_WORDS[2])
}

/// First pass: how often each word occurs.
pub(super) fn count_words(
    text: &mut dyn Sentences,
    progress: &mut dyn FnMut(u64),
) -> Result<(HashMap<Box<str>, u64>, TextSize)> {
    let mut counts: HashMap<Box<str>, u64> = HashMap::new();
    let mut size = TextSize::default();
    text.for_each(&mut |sentence| {
        let before = size.words;
        for word in words(sentence) {
            match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.into(), 1);
                }
            }
            size.words += 1;
        }
        if size.words > before {
            size.sentences += 1;
            progress(size.words);
        }
        Ok(())
    })?;
    size.different_words = counts.len() as u64;
    Ok((counts, size))
}

/// The most frequent words, at most `limit`, without those that occur less than `min_count` times.
/// Equally frequent words are ordered by their bytes.
pub(super) fn vocabulary(
    counts: &HashMap<Box<str>, u64>,
    min_count: u64,
    limit: usize,
) -> Result<Vocabulary> {
    let usable = counts.iter().filter(|(word, count)| **count >= min_count && is_word(word));
    let mut frequent: Vec<(&str, u64)> = usable.map(|(word, count)| (&**word, *count)).collect();
    frequent.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    frequent.truncate(limit);
    if counts.is_empty() {
        return Err(Error::Model("there is no word in the text".into()));
    }
    if frequent.is_empty() {
        let reason = format!(
            "no word is left: of {} different words none occurs {min_count} times, or 0 are allowed",
            counts.len()
        );
        return Err(Error::option("vocabulary", reason));
    }
    Vocabulary::new(frequent.into_iter().map(|(word, _)| word))
}

/// The n-grams of `order` words, reversed and sorted, with their counts, in the word numbers given
/// by `id`. The space before the first word of a sentence is filled with `<s>`.
pub(super) fn count_ngrams(
    text: &mut dyn Sentences,
    order: usize,
    (folder, memory): (&Path, usize),
    id: &mut dyn FnMut(&str) -> Result<u32>,
    progress: &mut dyn FnMut(u64),
) -> Result<(Spool<u64>, TextSize)> {
    let mut sorter = Sorter::new(folder, order, memory);
    let mut size = TextSize::default();
    text.for_each(&mut |sentence| {
        let mut key: Key = [BEGIN; MAX_ORDER];
        key[order..].fill(0);
        let mut push = |word: u32| {
            key.copy_within(0..order - 1, 1);
            key[0] = word;
            sorter.push(key, 1)
        };
        let before = size.words;
        for word in words(sentence) {
            let id = id(word)?;
            push(id)?;
            size.words += 1;
            size.unknown_words += u64::from(id == UNKNOWN);
        }
        if size.words > before {
            push(END)?;
            size.sentences += 1;
            progress(size.words);
        }
        Ok(())
    })?;
    if size.words == 0 {
        return Err(Error::Model("there is no word in the text".into()));
    }
    Ok((sorter.finish()?, size))
}

/// The n-grams of one order, reversed and sorted, with adjusted counts.
pub(super) struct Adjusted {
    pub grams: Spool<[u64; 2]>,
    /// Numbers of n-grams with adjusted counts 1 to 4.
    pub counts_of_counts: [u64; 4],
}

impl Adjusted {
    fn push(&mut self, key: &Key, count: Count) -> Result<()> {
        if let Some(n) = (1..=4).position(|n| n == count.adjusted) {
            self.counts_of_counts[n] += 1;
        }
        self.grams.push(key, count.record())
    }
}

/// The adjusted counts of Kneser and Ney 1995: an n-gram below the highest order counts once for
/// each different word before it, not for each occurrence. N-grams at the start of a sentence,
/// which have nothing before them, keep their number of occurrences.
///
/// N-grams that occur at most `cutoffs[n - 1]` times are marked as dropped, and so are all n-grams
/// longer than unigrams that contain `<unk>`: what follows an unknown word, or precedes one, says
/// little.
pub(super) fn adjust(
    full: &mut Spool<u64>,
    order: usize,
    cutoffs: &[u64; MAX_ORDER],
    folder: &Path,
) -> Result<Vec<Adjusted>> {
    let mut orders = (1..=order)
        .map(|n| Ok(Adjusted { grams: Spool::new(folder, n)?, counts_of_counts: [0; 4] }))
        .collect::<Result<Vec<_>>>()?;
    let is_kept = |key: &Key, n: usize, occurrences: u64| {
        n == 1 || occurrences > cutoffs[n - 1] && !key[..n].contains(&UNKNOWN)
    };
    let mut open = Open::default();
    let mut grams = full.read()?;
    while let Some((key, occurrences)) = grams.next()? {
        // Up to and including the first `<s>`, counted from the end of the text.
        let begin = key[..order].iter().position(|&word| word == BEGIN);
        let length = begin.map_or(order, |begin| begin + 1);
        let pairs = key[..order].iter().zip(&open.key[..open.length]);
        let same = pairs.take_while(|(a, b)| a == b).count();
        open.close(same, &mut orders, &is_kept)?;
        open.occurrences[..same].iter_mut().for_each(|sum| *sum += occurrences);
        if let Some(longest) = same.checked_sub(1) {
            open.adjusted[longest] += 1;
        }
        let lower = length.min(order - 1);
        for n in same..lower {
            open.occurrences[n] = occurrences;
            // An n-gram that begins with `<s>` has no word before it.
            open.adjusted[n] = if Some(n) == begin { occurrences } else { 1 };
        }
        open.key = key;
        open.length = lower;
        if begin.is_none_or(|begin| begin + 1 == order) {
            let is_kept = is_kept(&key, order, occurrences);
            let count = Count { adjusted: occurrences, occurrences, is_kept };
            orders[order - 1].push(&key, count)?;
        }
    }
    open.close(0, &mut orders, &is_kept)?;
    Ok(orders)
}

/// The suffixes of the current n-gram while they are being counted.
#[derive(Default)]
struct Open {
    key: Key,
    length: usize,
    adjusted: [u64; MAX_ORDER],
    occurrences: [u64; MAX_ORDER],
}

impl Open {
    /// Completes those longer than `keep` words.
    fn close(
        &mut self,
        keep: usize,
        orders: &mut [Adjusted],
        is_kept: &impl Fn(&Key, usize, u64) -> bool,
    ) -> Result<()> {
        for n in keep..self.length {
            let (adjusted, occurrences) = (self.adjusted[n], self.occurrences[n]);
            let is_kept = is_kept(&self.key, n + 1, occurrences);
            orders[n].push(&self.key, Count { adjusted, occurrences, is_kept })?;
        }
        self.length = self.length.min(keep);
        Ok(())
    }
}
