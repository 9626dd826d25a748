//! What was said before the current word, as a tree that all ways through a grammar share.

/// Nothing was said.
pub(super) const ROOT: u32 = 0;
/// The label of garbage.
pub(super) const GARBAGE: u32 = u32::MAX;
/// The label of an unfinished word.
pub(super) const OPEN: u32 = u32::MAX - 1;

/// A word of a phrase, or a stretch of garbage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub parent: u32,
    /// The word, or [`GARBAGE`].
    pub label: u32,
    /// Its first frame and the one after its last.
    pub start: u64,
    pub end: u64,
    /// Log score of the way to its end.
    pub score: f64,
    /// Whether a phrase ends with it.
    pub last: bool,
}

impl Item {
    /// Whether a phrase ends with it.
    pub(super) fn is_phrase(&self) -> bool {
        self.last && self.label != GARBAGE
    }
}

/// The tree, parents before children.
#[derive(Debug, Clone)]
pub(super) struct History {
    items: Vec<Item>,
    /// Number of items after the last compaction.
    kept: usize,
    /// Old to new index while compacting.
    moved: Vec<u32>,
}

/// Items that may be added before compaction is worth the effort.
const SLACK: usize = 4096;

impl History {
    pub(super) fn new() -> Self {
        let mut history = Self { items: Vec::new(), kept: 1, moved: Vec::new() };
        history.clear();
        history
    }

    /// Removes everything but the root.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.kept = 1;
        self.items.push(Item {
            parent: ROOT,
            label: GARBAGE,
            start: 0,
            end: 0,
            score: 0.0,
            last: true,
        });
    }

    pub(super) fn get(&self, item: u32) -> &Item {
        &self.items[item as usize]
    }

    pub(super) fn push(&mut self, item: Item) -> u32 {
        self.items.push(item);
        (self.items.len() - 1) as u32
    }

    /// Whether it has grown enough to be compacted.
    pub(super) fn is_full(&self) -> bool {
        self.items.len() > 2 * self.kept + SLACK
    }

    fn upwards(&self, item: u32) -> impl Iterator<Item = u32> + '_ {
        let parent = |&item: &u32| Some(self.get(item).parent);
        std::iter::successors(Some(item), parent).take_while(|&item| item != ROOT)
    }

    /// The items from the root (excluded) to `item`.
    pub(super) fn way(&self, item: u32) -> Vec<Item> {
        let mut way: Vec<Item> = self.upwards(item).map(|item| *self.get(item)).collect();
        way.reverse();
        way
    }

    /// The ancestor of an item at a given place of its [`way`](Self::way).
    pub(super) fn index(&self, item: u32, place: usize) -> u32 {
        let length = self.upwards(item).count();
        self.upwards(item).nth(length - 1 - place).unwrap_or(ROOT)
    }

    /// The last common ancestor of two items.
    pub(super) fn common(&self, mut a: u32, mut b: u32) -> u32 {
        while a != b {
            let later = if a > b { &mut a } else { &mut b };
            *later = self.get(*later).parent;
        }
        a
    }

    /// Whether `item` is `ancestor` or comes after it.
    pub(super) fn continues(&self, item: u32, ancestor: u32) -> bool {
        self.common(item, ancestor) == ancestor
    }

    /// Keeps `root`, which becomes the root, and the paths from it to the `live` items, which must
    /// all continue it and get their new indices.
    pub(super) fn compact<'a>(&mut self, root: u32, live: impl Iterator<Item = &'a mut u32>) {
        const KEPT: u32 = u32::MAX - 1;
        const GONE: u32 = u32::MAX;
        let live: Vec<&mut u32> = live.collect();
        let Self { items, moved, .. } = self;
        moved.clear();
        moved.resize(items.len(), GONE);
        moved[root as usize] = KEPT;
        for item in &live {
            let mut item = **item;
            while moved[item as usize] == GONE {
                moved[item as usize] = KEPT;
                item = items[item as usize].parent;
            }
        }
        let mut kept = 0;
        for old in root as usize..items.len() {
            if moved[old] == GONE {
                continue;
            }
            let mut item = items[old];
            item.parent = if kept == 0 { ROOT } else { moved[item.parent as usize] };
            moved[old] = kept as u32;
            items[kept] = item;
            kept += 1;
        }
        items.truncate(kept);
        for item in live {
            *item = moved[*item as usize];
        }
        self.kept = kept;
    }
}
