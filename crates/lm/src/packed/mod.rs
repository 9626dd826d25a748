//! The packed model: one block of bytes, as small as possible, queried in place.
//!
//! ```text
//! header    256 bytes: magic, order, widths, number of n-grams of each order, the sections' lengths and
//!           CRC-32s, and a CRC-32 of all that
//! words     the vocabulary, see `words.rs`
//! bins      f32, for each order: the values of the probability bins, then those of the back-off bins
//! for each order n:
//!   grams     for each n-gram: word (not for unigrams: they are all there), probability, back-off weight (not
//!             in the last order), each in as many bits as it needs
//!   children  for each n-gram the number of the first (n+1)-gram below it, see `monotone.rs`; not in the last
//! ```
//!
//! The trie is that of [`NgramModel`](crate::NgramModel): reversed words, the predecessors of a
//! word below it, sorted. Sections begin at multiples of 8 bytes and are padded with zeros. Numbers
//! are little-endian.
//!
//! A probability or back-off weight is the number of a bin, or the bits of an `f32` if the model is
//! not quantized. Back-off bin 0 means an n-gram that is not the context of any other: the next
//! query's state leaves it out, so that hypotheses with the same future become equal.

mod bits;
mod header;
mod monotone;
mod pack;
mod quantize;
mod query;
mod unpack;
mod words;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::{Error, Result, WordId};
use header::Layout;

pub use pack::packed_bytes;
pub(crate) use pack::{packed_bytes_with, words_bytes};
pub(crate) use quantize::{bins, nearest};
pub use query::{Score, State};

/// Bits of a number that is not quantized.
pub(crate) const UNQUANTIZED: u32 = 32;

/// Widths of quantized probabilities and back-off weights: 2 to 16 bits (4 to 65,536 bins for each
/// order), or 32 for unquantized `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// For probabilities.
    pub prob: u32,
    /// For back-off weights; one of the bins means no weight.
    pub backoff: u32,
}

impl Bits {
    /// Unquantized numbers.
    pub const UNQUANTIZED: Bits = Bits { prob: UNQUANTIZED, backoff: UNQUANTIZED };

    pub(crate) fn validate(self) -> Result<()> {
        for (option, bits) in [("prob-bits", self.prob), ("backoff-bits", self.backoff)] {
            if !matches!(bits, 2..=16 | UNQUANTIZED) {
                let reason = format!("is {bits}, must be 2 to 16, or 32 for unquantized");
                return Err(Error::option(option, reason));
            }
        }
        Ok(())
    }
}

impl Default for Bits {
    /// Eight bits, which costs hardly any perplexity.
    fn default() -> Self {
        Bits { prob: 8, backoff: 8 }
    }
}

/// A packed language model, ready for queries. Clones share the bytes.
///
/// Queries allocate nothing and never panic, whatever the bytes are. Bytes with wrong checksums are
/// rejected when the model is loaded.
///
/// ```
/// use stonechat_lm::{Bits, LanguageModel, arpa};
///
/// let text = "\\data\\\nngram 1=4\n\n\\1-grams:\n-1 <unk>\n-99 <s>\n-0.5 </s>\n-0.5 hello\n\n\\end\\\n";
/// let model = LanguageModel::from_bytes(arpa::read(text.as_bytes())?.pack(Bits::UNQUANTIZED)?)?;
/// let hello = model.word_id("hello").expect("it is there");
/// let (log10, state) = model.score(model.start(), hello);
/// assert_eq!((log10, model.end(state)), (-0.5, -0.5));
/// # Ok::<(), stonechat_lm::Error>(())
/// ```
#[derive(Clone)]
pub struct LanguageModel {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    layout: Arc<Layout>,
}

impl fmt::Debug for LanguageModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layout { order, bits, counts, .. } = &*self.layout;
        f.debug_struct("LanguageModel")
            .field("counts", &&counts[..*order])
            .field("bits", bits)
            .field("bytes", &self.bytes().len())
            .finish()
    }
}

impl LanguageModel {
    /// A model from bytes: a `Vec<u8>`, a `&'static [u8]`, a mapped file of the `memmap2` crate,
    /// ...
    ///
    /// # Errors
    /// Bytes that are not a packed model, of another version, truncated or damaged; the error names
    /// the section.
    pub fn from_bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Self> {
        let layout = Layout::read(bytes.as_ref())?;
        Ok(Self { bytes: Arc::new(bytes), layout: Arc::new(layout) })
    }

    /// Reads a file into memory.
    ///
    /// # Errors
    /// Those of [`from_bytes`](Self::from_bytes), with the file's name.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = header::load(path)?;
        Self::from_bytes(bytes).map_err(|error| error.in_file(path))
    }

    /// Whether bytes begin like a packed model.
    pub fn is_packed(start: &[u8]) -> bool {
        start.starts_with(&header::MAGIC)
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    /// Length of the longest n-grams.
    pub fn order(&self) -> usize {
        self.layout.order
    }

    /// Number of n-grams of each order, unigrams first.
    pub fn counts(&self) -> &[usize] {
        &self.layout.counts[..self.layout.order]
    }

    /// How it is quantized.
    pub fn bits(&self) -> Bits {
        self.layout.bits
    }

    /// The name and size in bytes of each part.
    pub fn sections(&self) -> impl Iterator<Item = (String, usize)> {
        self.layout.sections().map(|(name, range)| (name, range.len()))
    }

    /// The id of a word; `None` if the model does not know it.
    pub fn word_id(&self, word: &str) -> Option<WordId> {
        let section = self.layout.words_section(self.bytes());
        self.layout.words.id(section, word).map(WordId)
    }

    /// The spelling of a word; `None` if the model does not have the id. Allocates.
    pub fn word(&self, id: WordId) -> Option<String> {
        let section = self.layout.words_section(self.bytes());
        self.layout.words.word(section, id.0 as usize)
    }

    /// All words in the order of their ids; `<unk>`, `<s>` and `</s>` come first.
    pub fn words(&self) -> impl ExactSizeIterator<Item = (WordId, String)> {
        let ids = 0..self.layout.words.len() as u32;
        ids.map(|id| (WordId(id), self.word(WordId(id)).unwrap_or_default()))
    }
}
