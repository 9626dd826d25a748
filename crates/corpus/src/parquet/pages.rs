//! Pages of recordings: what is unpacked in one go, and those that were used last.

use std::collections::VecDeque;
use std::sync::Arc;

use parquet::data_type::ByteArray;

/// Bytes of pages that are kept beside those at work.
const MOST_BYTES: usize = 64 << 20;
/// Pages that are kept: they are looked through one by one.
const MOST_PAGES: usize = 256;

/// The recordings of some rows, which lie in one piece of memory.
pub(super) struct Page {
    /// Which table it is of.
    pub(super) table: u64,
    /// Its first row in the table.
    pub(super) first: u64,
    pub(super) recordings: Vec<Option<ByteArray>>,
}

impl Page {
    /// Whether row `row` is in it.
    fn has(&self, table: u64, row: u64) -> bool {
        self.table == table
            && (self.first..self.first + self.recordings.len() as u64).contains(&row)
    }

    fn bytes(&self) -> usize {
        self.recordings.iter().flatten().map(ByteArray::len).sum()
    }
}

/// Pages in the order of their last use.
#[derive(Default)]
pub(super) struct Kept {
    pages: VecDeque<Arc<Page>>,
    bytes: usize,
}

impl Kept {
    /// The page with a row of a table.
    pub(super) fn get(&mut self, table: u64, row: u64) -> Option<Arc<Page>> {
        let place = self.pages.iter().rposition(|page| page.has(table, row))?;
        let page = self.pages.remove(place)?;
        self.pages.push_back(Arc::clone(&page));
        Some(page)
    }

    /// Keeps a page, and lets those go that were not used for the longest.
    pub(super) fn put(&mut self, page: &Arc<Page>) {
        self.bytes += page.bytes();
        self.pages.push_back(Arc::clone(page));
        while self.pages.len() > 1 && (self.bytes > MOST_BYTES || self.pages.len() > MOST_PAGES) {
            let oldest = self.pages.pop_front();
            self.bytes -= oldest.map_or(0, |page| page.bytes());
        }
    }
}
