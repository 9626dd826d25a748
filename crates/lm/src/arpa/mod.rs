//! The ARPA format: the common text form of back-off models.
//!
//! ```text
//! \data\
//! ngram 1=4
//! ngram 2=2
//!
//! \1-grams:
//! -1.5    <unk>
//! 0       <s>     -0.3
//! ...
//! \2-grams:
//! -0.7    <s> a
//! ...
//! \end\
//! ```
//!
//! A line is log10 of the probability, the words, and log10 of the back-off weight if there is one,
//! separated by tabs or spaces. Files by SRILM, KenLM and others can be read. A contradiction to
//! the header or within the file is an error that names the line.

mod read;
mod write;

pub use read::read;
#[cfg(feature = "estimate")]
pub(crate) use write::ArpaWriter;
pub use write::write;
