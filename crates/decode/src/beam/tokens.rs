//! The letters of a hypothesis, with their frames.

use super::BeamDecoder;
use crate::greedy::Token;

impl BeamDecoder {
    /// The letters between the root and a prefix.
    pub(super) fn open_tokens(&self, prefix: u32) -> Vec<Token> {
        let mut way: Vec<u32> = self.prefixes.upwards(prefix).collect();
        way.reverse();
        let starts = self.starts(&way);
        let token = |(place, &node): (usize, &u32)| {
            let prefix = self.prefixes.get(node);
            let start = starts[place];
            let next = starts.get(place + 1).map_or(u64::MAX, |&next| next.max(start + 1));
            let end = prefix.end.max(start + 1).min(next);
            Some(Token {
                symbol: self.search.symbols.single(prefix.class)?,
                frame: start,
                frames: u32::try_from(end - start).unwrap_or(u32::MAX),
                probability: prefix.peak,
            })
        };
        way.iter().enumerate().filter_map(token).collect()
    }

    /// The first frames of the letters on a path from the root. Each letter's frame is the
    /// likeliest for that letter; together they must not go backwards.
    pub(super) fn starts(&self, way: &[u32]) -> Vec<u64> {
        let mut last = self.settled_start;
        let start = |&node: &u32| {
            last = last.max(self.prefixes.get(node).start);
            last
        };
        way.iter().map(start).collect()
    }
}
