//! Text that can no longer change, told piece by piece: what was told is never taken back.

use stonechat::Stream;

/// How much of an utterance was told.
#[derive(Debug, Default)]
pub(crate) struct Certain {
    bytes: usize,
}

impl Certain {
    /// What is certain now of the utterance that goes on, and was not told.
    pub(crate) fn more<'a>(&mut self, stream: &'a Stream) -> &'a str {
        // A space at the end belongs to a word that may not come.
        let certain = stream.partial()[..stream.stable_prefix_len()].trim_end();
        let more = certain.get(self.bytes..).unwrap_or_default();
        self.bytes += more.len();
        more
    }

    /// What was not told of an utterance that has ended.
    pub(crate) fn rest<'a>(&mut self, text: &'a str) -> &'a str {
        text.get(std::mem::take(&mut self.bytes)..).unwrap_or_default()
    }

    /// Whether nothing of the utterance was told.
    pub(crate) fn is_new(&self) -> bool {
        self.bytes == 0
    }
}
