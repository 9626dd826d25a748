//! What can be wrong with the input of a decoder.

/// An input that cannot be decoded.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A CTC alphabet needs the blank (index 0) and at least one more symbol.
    #[error(
        "an alphabet of {count} symbols cannot be decoded: give the blank and at least one symbol, at most 65536 in all"
    )]
    Alphabet {
        /// The number of symbols given.
        count: usize,
    },
    /// Times need a finite, positive frame length.
    #[error("{seconds} seconds per frame: give a finite number above 0")]
    FrameLength {
        /// The value given.
        seconds: f64,
    },
    /// A frame has one logit for every symbol.
    #[error("frame {frame} has {got} logits, but the alphabet has {expected} symbols")]
    FrameSize {
        /// Index of the frame in the stream.
        frame: u64,
        /// Logits given.
        got: usize,
        /// Symbols of the alphabet.
        expected: usize,
    },
    /// A symbol that a beam search cannot spell.
    #[error("symbol {index}, {text:?}: {reason}; a beam search needs symbols that spell texts")]
    Symbol {
        /// Index in the alphabet.
        index: usize,
        /// The symbol.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An option out of range.
    #[error("{name} is {value}, and must {must}")]
    Option {
        /// The option.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The requirement that it breaks.
        must: &'static str,
    },
    /// A hotword that cannot be used.
    #[error("phrase {phrase:?}: {reason}")]
    Hotword {
        /// The phrase.
        phrase: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A decoder without hotwords.
    #[error("only a beam search takes hotwords: decode with one")]
    NoHotwords,
    /// A grammar that cannot be used.
    #[error("grammar{}: {message}", place(*.line))]
    Grammar {
        /// Line of the text, or number of the phrase, from 1; 0 for the grammar as a whole.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The search has ended.
    #[error("the decoder was finished: reset it before the next utterance")]
    Finished,
}

/// The place in a grammar, if any.
fn place(line: usize) -> String {
    if line > 0 { format!(", line {line}") } else { String::new() }
}
