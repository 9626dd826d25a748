//! Text to model: interpolated modified Kneser-Ney (Chen and Goodman 1998), with sorting on disk.
//!
//! The steps and the results are those of Heafield et al. 2013, "Scalable Modified Kneser-Ney
//! Language Model Estimation":
//!
//! 1. count words, choose the vocabulary (`counts.rs`)
//! 2. count n-grams of the highest order, sorted by suffix; adjusted counts of the lower orders on
//!    the way
//! 3. discounts of each order from its counts of counts (`discount.rs`)
//! 4. by context: what each n-gram keeps and each context gives away (`probabilities.rs`)
//! 5. by suffix again: interpolation with the order below
//!
//! Memory: the vocabulary plus the given budget, for any length of text.

mod count_file;
mod counts;
mod discount;
mod probabilities;
mod sort;

use std::collections::HashMap;
use std::path::PathBuf;

pub use count_file::{Counts, estimate_counts, order_of};
pub use counts::TextSize;
pub use discount::Discounts;

use crate::text::Sentences;
use crate::{Error, MAX_ORDER, ModelBuilder, NgramModel, Result, Vocabulary, WordId};
use probabilities::Final;
use sort::Spool;

/// How a model is estimated.
#[derive(Clone, Debug)]
pub struct EstimateOptions {
    /// Length of the longest n-grams, 1 to [`MAX_ORDER`].
    pub order: usize,
    /// The most words of the vocabulary; the most frequent ones are kept, all others are `<unk>`.
    pub max_words: usize,
    /// Words that occur less often are `<unk>`.
    pub min_word_count: u64,
    /// For each order, bigrams second: n-grams that occur at most this often get no probability of
    /// their own. Must not decrease from order to order. The first number is not used.
    pub cutoffs: [u64; MAX_ORDER],
    /// Approximate memory for sorting, in bytes.
    pub memory: usize,
    /// Where temporary files go.
    pub folder: PathBuf,
}

impl EstimateOptions {
    /// All words, no cut-offs, 1 GB, the system's folder for temporary files.
    pub fn new(order: usize) -> Self {
        Self {
            order,
            max_words: crate::MAX_WORDS - 3,
            min_word_count: 1,
            cutoffs: [0; MAX_ORDER],
            memory: 1_000_000_000,
            folder: std::env::temp_dir(),
        }
    }

    fn validate(&self) -> Result<()> {
        if !(1..=MAX_ORDER).contains(&self.order) {
            let reason = format!("is {}, must be 1 to {MAX_ORDER}", self.order);
            return Err(Error::option("order", reason));
        }
        if !self.cutoffs[1..self.order.max(1)].is_sorted() {
            let reason =
                format!("{:?} must not decrease from order to order", &self.cutoffs[1..self.order]);
            return Err(Error::option("cut-offs", reason));
        }
        Ok(())
    }
}

/// The progress of an estimation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Words read in the first pass.
    Words(u64),
    /// Words read in the second pass.
    Ngrams(u64),
    /// Everything is counted; the counts are being adjusted.
    Adjusting,
    /// The probabilities of the n-grams of this order are done.
    Order(usize),
}

/// An estimated model whose n-grams are still on disk.
pub struct Estimate {
    vocabulary: Vocabulary,
    orders: Vec<Final>,
    discounts: Vec<Discounts>,
    text: TextSize,
}

/// Estimates a model.
///
/// The same text and options give the same model, whatever the memory.
///
/// # Errors
/// Impossible options, no words, temporary files that cannot be written, and the errors of `text`.
pub fn estimate(
    text: &mut dyn Sentences,
    options: &EstimateOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Estimate> {
    options.validate()?;
    let disk = (options.folder.as_path(), options.memory);
    let (words, mut size) = counts::count_words(text, &mut |n| progress(Progress::Words(n)))?;
    let vocabulary = counts::vocabulary(&words, options.min_word_count, options.max_words)?;
    drop(words);
    let ids: HashMap<&str, u32> = vocabulary.iter().zip(0..).collect();
    let mut id = |word: &str| Ok(ids.get(word).copied().unwrap_or(counts::UNKNOWN));
    let mut count_progress = |n| progress(Progress::Ngrams(n));
    let (full, counted) =
        counts::count_ngrams(text, options.order, disk, &mut id, &mut count_progress)?;
    size.unknown_words = counted.unknown_words;
    drop(ids);
    of_counts(full, vocabulary, size, options, progress)
}

/// Estimates the model of counted n-grams.
fn of_counts(
    mut full: Spool<u64>,
    vocabulary: Vocabulary,
    text: TextSize,
    options: &EstimateOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Estimate> {
    let disk = (options.folder.as_path(), options.memory);
    progress(Progress::Adjusting);
    let adjusted = counts::adjust(&mut full, options.order, &options.cutoffs, disk.0)?;
    drop(full);
    let discounts: Vec<Discounts> =
        adjusted.iter().map(|order| Discounts::new(order.counts_of_counts)).collect();
    let orders = probabilities::probabilities(adjusted, &discounts, &vocabulary, disk, &mut |n| {
        progress(Progress::Order(n));
    })?;
    Ok(Estimate { vocabulary, orders, discounts, text })
}

impl Estimate {
    /// Number of n-grams of each order, unigrams first.
    pub fn counts(&self) -> Vec<u64> {
        self.orders.iter().map(Final::records).collect()
    }

    /// The discounts of each order, unigrams first.
    pub fn discounts(&self) -> &[Discounts] {
        &self.discounts
    }

    /// The size of the text.
    pub fn text(&self) -> TextSize {
        self.text
    }

    /// The model in memory: 16 bytes per n-gram, twice that while it is built.
    ///
    /// # Errors
    /// Temporary files that cannot be read.
    pub fn into_model(self) -> Result<NgramModel> {
        let mut builder = ModelBuilder::new(self.vocabulary, self.orders.len())?;
        let total = (self.text.words + self.text.sentences) as f32;
        for (n, mut order) in self.orders.into_iter().enumerate() {
            let mut grams = order.read()?;
            while let Some((key, [prob, backoff, occurrences])) = grams.next()? {
                let mut words = [WordId::UNKNOWN; MAX_ORDER];
                for (word, &id) in words.iter_mut().zip(key[..=n].iter().rev()) {
                    *word = WordId(id);
                }
                builder.push_with_share(
                    &words[..=n],
                    prob.log10(),
                    backoff,
                    occurrences / total,
                )?;
            }
        }
        builder.finish()
    }

    /// Writes the model as ARPA text, without holding it in memory.
    ///
    /// # Errors
    /// Temporary files that cannot be read, and the errors of `out`.
    pub fn write_arpa(&mut self, out: impl std::io::Write) -> Result<()> {
        let counts = self.counts();
        let mut out = crate::arpa::ArpaWriter::new(&self.vocabulary, &counts, out)?;
        for (n, order) in self.orders.iter_mut().enumerate() {
            out.begin(n + 1)?;
            let mut grams = order.read()?;
            while let Some((key, [prob, backoff, _])) = grams.next()? {
                out.gram(&key[..=n], prob.log10(), backoff)?;
            }
        }
        out.end()
    }
}
