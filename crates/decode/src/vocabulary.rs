//! The words of a language model or lexicon as a trie over characters. Each node has the best score
//! below it: what an unfinished word may still become.
//!
//! Nodes are numbered in breadth-first order, so that the children of a node are neighbours and one
//! index per node is enough: 7 bytes a node and 4 a word.

use crate::language_model::WordId;

/// The empty beginning of every word.
pub(crate) const ROOT: u32 = 0;
/// Step of the stored bounds, in nats; bounds are rounded up to it.
const BOUND_STEP: f32 = 0.125;
/// Not a word.
const NO_WORD: u32 = u32::MAX;

#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    /// First child of each node; the next node's entry is the end of its children.
    first_child: Vec<u32>,
    /// The character that leads to the node.
    class: Vec<u16>,
    /// Best score of a word at or below the node: -[`BOUND_STEP`] times this, or slightly less.
    bound: Vec<u8>,
    /// The word that ends at the node.
    word: Vec<u32>,
}

impl Vocabulary {
    /// Takes words as classes, with their ids and scores (at most 0, nats). Of equal spellings, the
    /// first one counts.
    pub(crate) fn new(mut words: Vec<(Vec<u16>, WordId, f32)>) -> Self {
        words.retain(|(spelling, ..)| !spelling.is_empty());
        words.sort_by(|a, b| a.0.cmp(&b.0));
        words.dedup_by(|later, earlier| later.0 == earlier.0);
        let mut trie =
            Self { first_child: Vec::new(), class: vec![0], bound: Vec::new(), word: Vec::new() };
        // Each node is a range of the sorted words that share their first `depth` classes.
        let mut level: Vec<_> = std::iter::once(0..words.len()).collect();
        let mut depth = 0;
        while !level.is_empty() {
            let mut below = Vec::new();
            let before = trie.class.len();
            for range in level {
                let mut rest = &words[range.clone()];
                let best = rest.iter().map(|word| word.2).fold(f32::NEG_INFINITY, f32::max);
                trie.bound.push((-best / BOUND_STEP).clamp(0.0, 255.0) as u8);
                trie.first_child.push((before + below.len()) as u32);
                let mut start = range.start;
                trie.word.push(match rest.first() {
                    Some((spelling, id, _)) if spelling.len() == depth => {
                        (rest, start) = (&rest[1..], start + 1);
                        id.0
                    }
                    _ => NO_WORD,
                });
                while let Some((first, ..)) = rest.first() {
                    let class = first[depth];
                    let same = rest.partition_point(|(spelling, ..)| spelling[depth] == class);
                    trie.class.push(class);
                    below.push(start..start + same);
                    (rest, start) = (&rest[same..], start + same);
                }
            }
            level = below;
            depth += 1;
        }
        trie.first_child.push(trie.class.len() as u32);
        for shrunk in [&mut trie.first_child, &mut trie.word] {
            shrunk.shrink_to_fit();
        }
        trie.class.shrink_to_fit();
        trie.bound.shrink_to_fit();
        trie
    }

    /// The child of `node` for a character.
    pub(crate) fn child(&self, node: u32, class: u16) -> Option<u32> {
        let children = self.first_child[node as usize]..self.first_child[node as usize + 1];
        let classes = &self.class[children.start as usize..children.end as usize];
        let found = if classes.len() <= 8 {
            classes.iter().position(|&c| c == class)
        } else {
            classes.binary_search(&class).ok()
        };
        found.map(|place| children.start + place as u32)
    }

    /// The word that ends at a node.
    pub(crate) fn word(&self, node: u32) -> Option<WordId> {
        let id = self.word[node as usize];
        (id != NO_WORD).then_some(WordId(id))
    }

    /// An upper bound of the scores of all words at or below the node, nats.
    pub(crate) fn bound(&self, node: u32) -> f32 {
        -BOUND_STEP * f32::from(self.bound[node as usize])
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        4 * (self.first_child.len() + self.word.len()) + 2 * self.class.len() + self.bound.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_bounds_hold() {
        let spell = |word: &str| -> Vec<u16> { word.bytes().map(u16::from).collect() };
        let scored = [("a", -3.0), ("an", -1.0), ("ant", -9.5), ("be", -2.0), ("a", -0.1)];
        let list = scored.iter().enumerate();
        let trie = Vocabulary::new(
            list.map(|(i, (word, score))| (spell(word), WordId(i as u32 + 5), *score)).collect(),
        );
        let walk = |word: &str| -> Option<u32> {
            spell(word).iter().try_fold(ROOT, |node, &class| trie.child(node, class))
        };
        for (i, (word, _)) in scored[..4].iter().enumerate() {
            assert_eq!(trie.word(walk(word).unwrap()), Some(WordId(i as u32 + 5)), "{word}");
        }
        assert_eq!(trie.word(walk("b").unwrap()), None);
        for missing in ["c", "bet", "ab", "antt"] {
            assert_eq!(walk(missing), None, "{missing}");
        }
        for (prefix, best) in [("", -1.0), ("a", -1.0), ("ant", -9.5), ("b", -2.0)] {
            let bound = trie.bound(walk(prefix).unwrap());
            assert!((best..best + BOUND_STEP).contains(&bound), "{prefix}: {bound}");
        }
        assert_eq!(Vocabulary::new(Vec::new()).child(ROOT, 1), None);
    }
}
