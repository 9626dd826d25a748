//! The texts that the search has considered, as a tree: each prefix is its parent plus one
//! character.
//!
//! Prefixes are in one vector, parents before children, and are looked up by parent and character
//! in a hash table of their indices. Prefixes that no hypothesis needs any more are removed now and
//! then by [`Prefixes::compact`], which keeps the order; after warm-up nothing is allocated.

use crate::phrases::Phrases;
use crate::symbols::SPACE;
use crate::text_score::{TextScorer, TextState};

/// No prefix, or no slot.
pub(crate) const NONE: u32 = u32::MAX;
/// The prefix that all others continue.
pub(crate) const ROOT: u32 = 0;

/// A text, by its last character.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefix {
    pub parent: u32,
    /// The last character. The root counts as a space.
    pub class: u16,
    /// Where the prefix is in the beam under construction.
    pub slot: u32,
    pub text: TextState,
    /// First frame of the last character and the one after its last, on the likeliest path.
    pub start: u64,
    pub end: u64,
    /// The inflow at `start`, relative to the best hypothesis at that time (log).
    pub inflow: f32,
    /// The highest probability of the last symbol from `start` to `end`.
    pub peak: f32,
    /// For the last letter of a word: the posterior of the word shortly after its end. NaN until
    /// then.
    pub posterior: f32,
}

impl Prefix {
    fn new(parent: u32, class: u16, text: TextState) -> Self {
        Self {
            parent,
            class,
            slot: NONE,
            text,
            start: 0,
            end: 0,
            inflow: f32::NEG_INFINITY,
            peak: 0.0,
            posterior: f32::NAN,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Prefixes {
    nodes: Vec<Prefix>,
    /// Indices of all prefixes except the root, or [`NONE`]; a power of two, at most half full.
    table: Vec<u32>,
    /// Old to new index while compacting.
    moved: Vec<u32>,
}

impl Prefixes {
    pub(crate) fn new(root: TextState) -> Self {
        let mut prefixes = Self { nodes: Vec::new(), table: vec![NONE; 1024], moved: Vec::new() };
        prefixes.clear(root);
        prefixes
    }

    /// Removes everything but the root.
    pub(crate) fn clear(&mut self, root: TextState) {
        self.nodes.clear();
        self.nodes.push(Prefix::new(ROOT, SPACE, root));
        self.table.fill(NONE);
    }

    pub(crate) fn get(&self, node: u32) -> &Prefix {
        &self.nodes[node as usize]
    }

    pub(crate) fn get_mut(&mut self, node: u32) -> &mut Prefix {
        &mut self.nodes[node as usize]
    }

    /// The text with one more symbol, made if it is new; `None` if the scorer forbids it. A space
    /// after a space changes nothing.
    pub(crate) fn extend(
        &mut self,
        scorer: &TextScorer,
        phrases: &Phrases,
        from: u32,
        spelling: &[u16],
    ) -> Option<u32> {
        let mut node = from;
        for &class in spelling {
            let prefix = &self.nodes[node as usize];
            if class == SPACE && prefix.class == SPACE {
                continue;
            }
            let place = self.place(node, class);
            node = match self.table[place] {
                NONE => {
                    let text = scorer.advance(&prefix.text, class, phrases)?;
                    self.insert(place, Prefix::new(node, class, text))
                }
                found => found,
            };
        }
        Some(node)
    }

    fn insert(&mut self, place: usize, prefix: Prefix) -> u32 {
        let index = self.nodes.len() as u32;
        self.nodes.push(prefix);
        self.table[place] = index;
        if 2 * self.nodes.len() > self.table.len() {
            self.table.clear();
            self.table.resize(4 * self.nodes.len().next_power_of_two(), NONE);
            self.fill_table();
        }
        index
    }

    /// Where the child is in the table, or should be.
    fn place(&self, parent: u32, class: u16) -> usize {
        let mask = self.table.len() - 1;
        let key = u64::from(parent) << 16 | u64::from(class);
        // Fibonacci hashing: the high half of the product is well mixed.
        let mut place = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & mask;
        loop {
            match self.table[place] {
                NONE => return place,
                found => {
                    let prefix = &self.nodes[found as usize];
                    if prefix.parent == parent && prefix.class == class {
                        return place;
                    }
                }
            }
            place = (place + 1) & mask;
        }
    }

    fn fill_table(&mut self) {
        for index in 1..self.nodes.len() {
            let Prefix { parent, class, .. } = self.nodes[index];
            let place = self.place(parent, class);
            self.table[place] = index as u32;
        }
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Prefix> {
        self.nodes.iter_mut()
    }

    /// From a prefix up to the root (excluded).
    pub(crate) fn upwards(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let next = |&node: &u32| Some(self.nodes[node as usize].parent);
        std::iter::successors(Some(node), next).take_while(|&node| node != ROOT)
    }

    /// The longest common beginning of two prefixes.
    pub(crate) fn common(&self, mut a: u32, mut b: u32) -> u32 {
        // Parents come before children.
        while a != b {
            let later = if a > b { &mut a } else { &mut b };
            *later = self.nodes[*later as usize].parent;
        }
        a
    }

    /// Keeps `root`, which becomes the root, and the paths from it to `live`, which must all
    /// continue it; `live` gets the new indices. Scores become relative to the new root: its score
    /// is subtracted everywhere and returned.
    pub(crate) fn compact(&mut self, root: u32, live: &mut [u32]) -> f32 {
        const KEPT: u32 = NONE - 1;
        let Self { nodes, moved, .. } = self;
        moved.clear();
        moved.resize(nodes.len(), NONE);
        moved[root as usize] = KEPT;
        for &node in live.iter() {
            let mut node = node;
            while moved[node as usize] == NONE {
                moved[node as usize] = KEPT;
                node = nodes[node as usize].parent;
            }
        }
        let base = nodes[root as usize].text.settled;
        let mut kept = 0;
        for old in root as usize..nodes.len() {
            if moved[old] == NONE {
                continue;
            }
            let mut prefix = nodes[old];
            prefix.parent = if kept == 0 { ROOT } else { moved[prefix.parent as usize] };
            prefix.text.rebase(base);
            moved[old] = kept as u32;
            nodes[kept] = prefix;
            kept += 1;
        }
        nodes.truncate(kept);
        nodes[0].class = SPACE;
        for node in live.iter_mut() {
            *node = moved[*node as usize];
        }
        self.table.fill(NONE);
        self.fill_table();
        base
    }
}
