//! Model to ARPA text.

use std::io::{self, Write};

use crate::ngram_model::is_no_context;
use crate::{Error, NgramModel, Result, Vocabulary, WordId};

/// Writes a model. Numbers have as many digits as needed to read the same `f32` back. N-grams that
/// are not the context of any other have no back-off weight.
///
/// # Errors
/// Errors of the writer.
pub fn write(model: &NgramModel, out: impl Write) -> Result<()> {
    let counts: Vec<u64> = model.counts().into_iter().map(|count| count as u64).collect();
    let mut out = ArpaWriter::new(&model.vocabulary, &counts, out)?;
    for length in 1..=model.order() {
        out.begin(length)?;
        let level = &model.levels[length - 1];
        let mut result = Ok(());
        model.for_each(length, |node, reversed| {
            if result.is_ok() {
                result = out.gram(reversed, level.log10_prob[node], level.log10_backoff[node]);
            }
        });
        result?;
    }
    out.end()
}

/// Writes n-gram after n-gram.
pub(crate) struct ArpaWriter<'a, W> {
    vocabulary: &'a Vocabulary,
    out: W,
}

impl<'a, W: Write> ArpaWriter<'a, W> {
    pub fn new(vocabulary: &'a Vocabulary, counts: &[u64], out: W) -> Result<Self> {
        let mut writer = Self { vocabulary, out };
        writer.put(|out| {
            writeln!(out, "\\data\\")?;
            (1..).zip(counts).try_for_each(|(n, count)| writeln!(out, "ngram {n}={count}"))
        })?;
        Ok(writer)
    }

    /// The heading of the n-grams of `length` words.
    pub fn begin(&mut self, length: usize) -> Result<()> {
        self.put(|out| writeln!(out, "\n\\{length}-grams:"))
    }

    /// One n-gram, its words reversed.
    pub fn gram(&mut self, reversed: &[u32], log10_prob: f32, log10_backoff: f32) -> Result<()> {
        let vocabulary = self.vocabulary;
        self.put(|out| {
            write!(out, "{log10_prob}")?;
            for (i, &word) in reversed.iter().rev().enumerate() {
                let separator = if i == 0 { '\t' } else { ' ' };
                write!(out, "{separator}{}", vocabulary.word(WordId(word)))?;
            }
            if !is_no_context(log10_backoff) {
                write!(out, "\t{log10_backoff}")?;
            }
            writeln!(out)
        })
    }

    pub fn end(mut self) -> Result<()> {
        self.put(|out| {
            writeln!(out, "\n\\end\\")?;
            out.flush()
        })
    }

    fn put(&mut self, write: impl FnOnce(&mut W) -> io::Result<()>) -> Result<()> {
        write(&mut self.out).map_err(|error| Error::io("writing ARPA", error))
    }
}
