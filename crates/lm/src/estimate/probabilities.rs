//! Adjusted counts to probabilities and back-off weights.
//!
//! ```text
//! u(w | h)   = (a(h w) - D(a(h w))) / sum_x a(h x)          for each n-gram, sorted by context
//! g(h)       = sum_x D(a(h x)) / sum_x a(h x)               what the context h gives away
//! p(w | h)   = u(w | h) + g(h) p(w | h')                    h' = h without its first word; sorted by suffix
//! p(w)       = u(w) + g() / V                               V = all words but <s>
//! ```
//!
//! Dropped n-grams count in the sums, and all of their count is given away.

use std::cmp::Ordering;
use std::path::Path;

use super::counts::{Adjusted, Count};
use super::discount::Discounts;
use super::sort::{Key, Reader, Sorter, Spool};
use crate::model_builder::LEAST_LOG10;
use crate::ngram_model::NO_CONTEXT;
use crate::{Result, Vocabulary};

const BEGIN: usize = 1;
const END: usize = 2;

/// The n-grams of one order, reversed and sorted, before interpolation.
struct Initial {
    /// `u(w | h)`, `g(h)` and the occurrences.
    grams: Spool<[f32; 3]>,
    /// `g(h)` for each context, sorted as the n-grams of the order below are.
    contexts: Spool<[f32; 1]>,
}

/// The n-grams of one order, reversed and sorted: probability, log10 of the back-off weight,
/// occurrences.
pub(super) type Final = Spool<[f32; 3]>;

/// The probabilities of all orders.
pub(super) fn probabilities(
    adjusted: Vec<Adjusted>,
    discounts: &[Discounts],
    vocabulary: &Vocabulary,
    (folder, memory): (&Path, usize),
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<Final>> {
    let order = adjusted.len();
    let mut adjusted = adjusted.into_iter();
    let mut finals: Vec<Final> = Vec::with_capacity(order);
    let mut unigrams = adjusted.next();
    let mut current = None;
    for n in 1..=order {
        // The contexts of the next order are the back-off weights of this one.
        let upper = match adjusted.next() {
            Some(upper) => Some(initial(upper.grams, n + 1, &discounts[n], folder, memory)?),
            None => None,
        };
        let (grams, contexts) = match upper {
            Some(Initial { grams, contexts }) => (Some(grams), Some(contexts)),
            None => (None, None),
        };
        let done = match (unigrams.take(), current.take()) {
            (Some(unigrams), _) => {
                first_order(unigrams.grams, &discounts[0], vocabulary, contexts, folder)?
            }
            (None, Some(grams)) => interpolate(grams, n, &mut finals[n - 2], contexts, folder)?,
            (None, None) => break,
        };
        finals.push(done);
        current = grams;
        progress(n);
    }
    Ok(finals)
}

/// `u` and `g` of the n-grams of `length` words.
fn initial(
    mut adjusted: Spool<[u64; 2]>,
    length: usize,
    discounts: &Discounts,
    folder: &Path,
    memory: usize,
) -> Result<Initial> {
    let mut by_context = Sorter::new(folder, length, memory);
    let mut grams = adjusted.read()?;
    while let Some((mut key, count)) = grams.next()? {
        // The context's words, last one first, then the word.
        key[..length].rotate_left(1);
        by_context.push(key, count)?;
    }
    drop(adjusted);
    let mut by_context = by_context.finish()?;
    let mut by_suffix = Sorter::new(folder, length, memory);
    let mut contexts = Spool::new(folder, length - 1)?;
    let mut grams = by_context.read()?;
    let mut next = grams.next()?;
    let mut group: Vec<(u32, Count)> = Vec::new();
    while let Some((first, _)) = next {
        group.clear();
        while let Some((key, count)) = next {
            if key[..length - 1] != first[..length - 1] {
                break;
            }
            group.push((key[length - 1], Count::from_record(count)));
            next = grams.next()?;
        }
        let (sum, given) = mass(group.iter().map(|(_, count)| *count), discounts);
        let given = (given / sum) as f32;
        if group.iter().any(|(_, count)| count.is_kept) {
            contexts.push(&first, [given])?;
        }
        for (word, count) in group.iter().filter(|(_, count)| count.is_kept) {
            let mut key: Key = first;
            key.copy_within(0..length - 1, 1);
            key[0] = *word;
            let own = (count.adjusted as f64 - discounts.of(count.adjusted)) / sum;
            by_suffix.push(key, [own as f32, given, count.occurrences as f32])?;
        }
    }
    Ok(Initial { grams: by_suffix.finish()?, contexts })
}

/// The sum of the counts, and how much of it is given away.
fn mass(counts: impl Iterator<Item = Count>, discounts: &Discounts) -> (f64, f64) {
    let (mut sum, mut given) = (0, 0.0);
    for count in counts {
        sum += count.adjusted;
        given += match count.is_kept {
            true => discounts.of(count.adjusted),
            false => count.adjusted as f64,
        };
    }
    (sum as f64, given)
}

/// The unigrams of all words of the vocabulary.
fn first_order(
    mut adjusted: Spool<[u64; 2]>,
    discounts: &Discounts,
    vocabulary: &Vocabulary,
    mut contexts: Option<Spool<[f32; 1]>>,
    folder: &Path,
) -> Result<Final> {
    let mut counts = vec![Count { adjusted: 0, occurrences: 0, is_kept: true }; vocabulary.len()];
    let mut grams = adjusted.read()?;
    while let Some((key, count)) = grams.next()? {
        counts[key[0] as usize] = Count::from_record(count);
    }
    // `<s>` is never predicted; it occurs in the text as often as `</s>`.
    counts[BEGIN].adjusted = 0;
    counts[BEGIN].occurrences = counts[END].occurrences;
    let (sum, given) = mass(counts.iter().copied(), discounts);
    let uniform = given / sum / (vocabulary.len() - 1) as f64;
    let mut contexts = Contexts::new(contexts.as_mut(), 1)?;
    let mut done = Spool::new(folder, 1)?;
    for (word, count) in counts.iter().enumerate() {
        let prob = match word {
            // So that scoring it does not change the sentence's probability.
            BEGIN => 1.0,
            _ => (count.adjusted as f64 - discounts.of(count.adjusted)) / sum + uniform,
        };
        let key = [word as u32, 0, 0, 0, 0];
        done.push(&key, [prob as f32, contexts.backoff(&key)?, count.occurrences as f32])?;
    }
    Ok(done)
}

/// `p(w | h)` of the n-grams of `length` words, from those of the order below.
fn interpolate(
    mut initial: Spool<[f32; 3]>,
    length: usize,
    lower: &mut Final,
    mut contexts: Option<Spool<[f32; 1]>>,
    folder: &Path,
) -> Result<Final> {
    let mut contexts = Contexts::new(contexts.as_mut(), length)?;
    let mut done = Spool::new(folder, length)?;
    let mut lower = lower.read()?;
    let mut suffix = lower.next()?;
    let mut grams = initial.read()?;
    while let Some((key, [prob, given, occurrences])) = grams.next()? {
        while suffix.is_some_and(|(lower, _)| lower[..length - 1] < key[..length - 1]) {
            suffix = lower.next()?;
        }
        // The suffix always exists: it occurs at least as often, and cut-offs do not decrease with
        // the order.
        let shorter = match suffix {
            Some((lower, [prob, ..])) if lower[..length - 1] == key[..length - 1] => prob,
            _ => 0.0,
        };
        let prob = f64::from(prob) + f64::from(given) * f64::from(shorter);
        done.push(&key, [prob.min(1.0) as f32, contexts.backoff(&key)?, occurrences])?;
    }
    Ok(done)
}

/// Gives back-off weights to n-grams that come in the same order.
struct Contexts<'a> {
    /// `None` in the highest order.
    sorted: Option<Reader<'a, [f32; 1]>>,
    next: Option<(Key, [f32; 1])>,
    length: usize,
}

impl<'a> Contexts<'a> {
    fn new(sorted: Option<&'a mut Spool<[f32; 1]>>, length: usize) -> Result<Self> {
        let mut sorted = sorted.map(Spool::read).transpose()?;
        let next = sorted.as_mut().map(Reader::next).transpose()?.flatten();
        Ok(Self { sorted, next, length })
    }

    /// log10 of the back-off weight of the n-gram `key`.
    fn backoff(&mut self, key: &Key) -> Result<f32> {
        let Some(sorted) = &mut self.sorted else {
            return Ok(NO_CONTEXT);
        };
        while let Some((context, [given])) = self.next {
            match context[..self.length].cmp(&key[..self.length]) {
                Ordering::Less => self.next = sorted.next()?,
                // A weight of 1 is the logarithm +0, which is a weight (-0 means none).
                Ordering::Equal => return Ok(given.log10().clamp(LEAST_LOG10, 0.0) + 0.0),
                Ordering::Greater => break,
            }
        }
        Ok(NO_CONTEXT)
    }
}
