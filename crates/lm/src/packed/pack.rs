//! Model in memory to packed model.

use super::bits::Writer;
use super::header::Header;
use super::{Bits, UNQUANTIZED, quantize, words};
use crate::ngram_model::{Level, is_no_context};
use crate::packed::header::HEADER_BYTES;
use crate::{MAX_ORDER, NgramModel, Result, Vocabulary};

impl NgramModel {
    /// The bytes of a packed model, for
    /// [`LanguageModel::from_bytes`](crate::LanguageModel::from_bytes).
    ///
    /// # Errors
    /// Impossible widths.
    pub fn pack(&self, bits: Bits) -> Result<Vec<u8>> {
        bits.validate()?;
        let header = header(bits, &self.counts());
        let mut sections = std::array::from_fn(|_| Vec::new());
        sections[0] = words::write(&self.vocabulary);
        for (n, level) in self.levels.iter().enumerate() {
            let tables = Tables::new(level, bits, n + 1 < self.order());
            for table in
                [(&tables.prob, header.prob_bins()), (&tables.backoff, header.backoff_bins(n))]
            {
                let (table, length) = table;
                let last = table.last().copied().unwrap_or(0.0);
                let filled = table.iter().copied().chain(std::iter::repeat(last)).take(length);
                sections[1].extend(filled.flat_map(f32::to_le_bytes));
            }
            sections[2 + 2 * n] = grams(level, &header, n, &tables);
            if n + 1 < self.order() {
                let first_child = level.first_child.iter().map(|&child| u64::from(child));
                sections[3 + 2 * n] = header.first_child(n).write(first_child);
            }
        }
        Ok(header.assemble(sections))
    }
}

fn header(bits: Bits, counts: &[usize]) -> Header {
    let mut header = Header {
        order: counts.len(),
        prob_bits: bits.prob,
        backoff_bits: bits.backoff,
        counts: [0; MAX_ORDER],
    };
    header.counts[..counts.len()].copy_from_slice(counts);
    header
}

/// The exact size of a packed model over `vocabulary` with this many n-grams of each order,
/// unigrams first.
pub fn packed_bytes(vocabulary: &Vocabulary, counts: &[usize], bits: Bits) -> usize {
    packed_bytes_with(words_bytes(vocabulary), counts, bits)
}

/// [`packed_bytes`] with the size of the packed vocabulary.
pub(crate) fn packed_bytes_with(words: usize, counts: &[usize], bits: Bits) -> usize {
    let lengths = header(bits, counts).lengths(words);
    HEADER_BYTES + lengths.iter().map(|length| length.next_multiple_of(8)).sum::<usize>()
}

/// The size of a packed vocabulary.
pub(crate) fn words_bytes(vocabulary: &Vocabulary) -> usize {
    words::write(vocabulary).len()
}

/// The bins of one order; empty if it is not quantized.
struct Tables {
    prob: Vec<f32>,
    /// Bin 0 is for no context.
    backoff: Vec<f32>,
}

impl Tables {
    fn new(level: &Level, bits: Bits, has_backoff: bool) -> Self {
        let prob = match bits.prob {
            UNQUANTIZED => Vec::new(),
            bits => quantize::bins(level.log10_prob.iter().copied(), 1 << bits),
        };
        let backoff = match bits.backoff {
            bits if bits != UNQUANTIZED && has_backoff => {
                let contexts = level.log10_backoff.iter().copied().filter(|b| !is_no_context(*b));
                let mut backoff = vec![0.0];
                backoff.extend(quantize::bins(contexts, (1 << bits) - 1));
                backoff
            }
            _ => Vec::new(),
        };
        Self { prob, backoff }
    }
}

fn grams(level: &Level, header: &Header, n: usize, tables: &Tables) -> Vec<u8> {
    let mut writer = Writer::default();
    let has_backoff = n + 1 < header.order;
    for gram in 0..level.len() {
        if n > 0 {
            writer.put(u64::from(level.word[gram]), header.word_bits(n));
        }
        let prob = level.log10_prob[gram];
        let code = match header.prob_bits {
            UNQUANTIZED => u64::from(prob.to_bits()),
            _ => quantize::nearest(&tables.prob, prob) as u64,
        };
        writer.put(code, header.prob_bits);
        if has_backoff {
            let backoff = level.log10_backoff[gram];
            let code = match header.backoff_bits {
                UNQUANTIZED => u64::from(backoff.to_bits()),
                _ if is_no_context(backoff) => 0,
                _ => 1 + quantize::nearest(&tables.backoff[1..], backoff) as u64,
            };
            writer.put(code, header.backoff_bits);
        }
    }
    writer.finish()
}
