//! Sorting on disk: any number of n-grams in a fixed amount of memory.
//!
//! Records fill a buffer; a full buffer is sorted and written out as a run; the runs are merged at
//! the end. Temporary files have no name, so nothing stays behind however the process ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use crate::{Error, MAX_ORDER, Result};

/// Words of an n-gram in sorting order; unused ones at the end are 0.
pub(super) type Key = [u32; MAX_ORDER];

/// Buffer of a file that is read or written in order.
const FILE_BUFFER: usize = 1 << 16;
/// Runs merged at a time: this many buffers are open, however small the memory.
const MAX_RUNS: usize = 256;

/// The value that belongs to the words.
pub(super) trait Value: Copy {
    /// Bytes in a file.
    const BYTES: usize;
    fn encode(self, bytes: &mut [u8]);
    fn decode(bytes: &[u8]) -> Self;
    /// Merges the value of another record with the same words.
    fn merge(&mut self, other: Self);
}

impl Value for u64 {
    const BYTES: usize = 8;

    fn encode(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Self {
        bytes.first_chunk().map_or(0, |&bytes| u64::from_le_bytes(bytes))
    }

    fn merge(&mut self, other: Self) {
        *self += other;
    }
}

/// For records that are all different.
impl<const N: usize> Value for [f32; N] {
    const BYTES: usize = 4 * N;

    fn encode(self, bytes: &mut [u8]) {
        for (to, number) in bytes.chunks_exact_mut(4).zip(self) {
            to.copy_from_slice(&number.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Self {
        let (numbers, _) = bytes.as_chunks::<4>();
        std::array::from_fn(|n| numbers.get(n).map_or(0.0, |&bytes| f32::from_le_bytes(bytes)))
    }

    fn merge(&mut self, _: Self) {
        debug_assert!(false, "these records have different words");
    }
}

/// For records that are all different.
impl<const N: usize> Value for [u64; N] {
    const BYTES: usize = 8 * N;

    fn encode(self, bytes: &mut [u8]) {
        for (to, number) in bytes.chunks_exact_mut(8).zip(self) {
            to.copy_from_slice(&number.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Self {
        let (numbers, _) = bytes.as_chunks::<8>();
        std::array::from_fn(|n| numbers.get(n).map_or(0, |&bytes| u64::from_le_bytes(bytes)))
    }

    fn merge(&mut self, _: Self) {
        debug_assert!(false, "these records have different words");
    }
}

/// Records in a temporary file, written once in order and read as often as needed.
pub(super) struct Spool<V> {
    length: usize,
    file: BufWriter<File>,
    records: u64,
    value: PhantomData<V>,
}

impl<V: Value> Spool<V> {
    /// For n-grams of `length` words.
    pub fn new(folder: &Path, length: usize) -> Result<Self> {
        let file = tempfile::tempfile_in(folder)
            .map_err(|e| Error::io(format!("temporary file in {}", folder.display()), e))?;
        let file = BufWriter::with_capacity(FILE_BUFFER, file);
        Ok(Self { length, file, records: 0, value: PhantomData })
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    pub fn push(&mut self, key: &Key, value: V) -> Result<()> {
        let mut bytes = [0; 4 * MAX_ORDER + 16];
        let words = 4 * self.length;
        for (to, word) in bytes.chunks_exact_mut(4).zip(&key[..self.length]) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        value.encode(&mut bytes[words..words + V::BYTES]);
        self.records += 1;
        self.file.write_all(&bytes[..words + V::BYTES]).map_err(temporary)
    }

    /// Reads from the beginning.
    pub fn read(&mut self) -> Result<Reader<'_, V>> {
        self.file.flush().map_err(temporary)?;
        let file = self.file.get_mut();
        file.rewind().map_err(temporary)?;
        let file = BufReader::with_capacity(FILE_BUFFER, &*file);
        Ok(Reader { length: self.length, file, left: self.records, value: PhantomData })
    }
}

fn temporary(error: io::Error) -> Error {
    Error::io("temporary file", error)
}

/// Reads a [`Spool`].
pub(super) struct Reader<'a, V> {
    length: usize,
    file: BufReader<&'a File>,
    left: u64,
    value: PhantomData<V>,
}

impl<V: Value> Reader<'_, V> {
    pub fn next(&mut self) -> Result<Option<(Key, V)>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut bytes = [0; 4 * MAX_ORDER + 16];
        let words = 4 * self.length;
        self.file.read_exact(&mut bytes[..words + V::BYTES]).map_err(temporary)?;
        let mut key = Key::default();
        for (word, from) in key.iter_mut().zip(bytes[..words].as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*from);
        }
        Ok(Some((key, V::decode(&bytes[words..]))))
    }
}

/// Takes records in any order and returns them sorted by their words; records with the same words
/// are merged.
pub(super) struct Sorter<V> {
    folder: PathBuf,
    length: usize,
    buffer: Vec<(Key, V)>,
    capacity: usize,
    runs: Vec<Spool<V>>,
}

impl<V: Value> Sorter<V> {
    /// For n-grams of `length` words, in about `memory` bytes.
    pub fn new(folder: &Path, length: usize, memory: usize) -> Self {
        let capacity = (memory / size_of::<(Key, V)>()).max(64);
        Self { folder: folder.into(), length, buffer: Vec::new(), capacity, runs: Vec::new() }
    }

    pub fn push(&mut self, key: Key, value: V) -> Result<()> {
        if self.buffer.len() == self.capacity {
            self.compact();
            // Merging gains little if few were the same.
            if self.buffer.len() > self.capacity / 2 {
                self.spill()?;
            }
        }
        if self.buffer.len() == self.buffer.capacity() {
            // No more than the budget, unlike doubling.
            let more = self.buffer.len().clamp(1024, self.capacity.max(1024));
            self.buffer.reserve_exact(more.min(self.capacity.max(1024) - self.buffer.len()).max(1));
        }
        self.buffer.push((key, value));
        Ok(())
    }

    /// Sorts the buffer and merges equal records.
    fn compact(&mut self) {
        self.buffer.sort_unstable_by_key(|record| record.0);
        self.buffer.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1.merge(next.1);
            }
            same
        });
    }

    fn spill(&mut self) -> Result<()> {
        let mut run = Spool::new(&self.folder, self.length)?;
        for (key, value) in self.buffer.drain(..) {
            run.push(&key, value)?;
        }
        self.runs.push(run);
        if self.runs.len() == MAX_RUNS {
            let merged = merge(&self.folder, self.length, &mut self.runs)?;
            self.runs = vec![merged];
        }
        Ok(())
    }

    /// All records in order. The memory is released.
    pub fn finish(mut self) -> Result<Spool<V>> {
        self.compact();
        self.spill()?;
        drop(std::mem::take(&mut self.buffer));
        match self.runs.len() {
            1 => Ok(self.runs.remove(0)),
            _ => merge(&self.folder, self.length, &mut self.runs),
        }
    }
}

fn merge<V: Value>(folder: &Path, length: usize, runs: &mut [Spool<V>]) -> Result<Spool<V>> {
    let mut merged = Spool::new(folder, length)?;
    let mut readers = runs.iter_mut().map(Spool::read).collect::<Result<Vec<_>>>()?;
    let mut values = Vec::with_capacity(readers.len());
    let mut heap = BinaryHeap::with_capacity(readers.len());
    for (run, reader) in readers.iter_mut().enumerate() {
        let first = reader.next()?;
        values.push(first.map(|(_, value)| value));
        heap.extend(first.map(|(key, _)| Reverse((key, run))));
    }
    let mut last: Option<(Key, V)> = None;
    while let Some(Reverse((key, run))) = heap.pop() {
        if let Some(value) = values[run] {
            last = match last {
                Some((same, mut sum)) if same == key => {
                    sum.merge(value);
                    Some((same, sum))
                }
                before => {
                    if let Some((key, value)) = before {
                        merged.push(&key, value)?;
                    }
                    Some((key, value))
                }
            };
        }
        if let Some((key, value)) = readers[run].next()? {
            values[run] = Some(value);
            heap.push(Reverse((key, run)));
        }
    }
    if let Some((key, value)) = last {
        merged.push(&key, value)?;
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use stonechat_testing::Random;

    #[test]
    fn sorted_and_summed_in_any_memory() {
        // 0 bytes: 64 records in memory, and more runs than are merged at once.
        for memory in [0, 10_000, 10_000_000] {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::<u64>::new(folder.path(), 3, memory);
            let mut expected = BTreeMap::new();
            let mut random = Random(1);
            for i in 0..30_000u64 {
                let (a, b) = (random.below(16) as u32, random.below(40) as u32);
                let key = [a, b, i as u32 % 37, 0, 0];
                sorter.push(key, i).unwrap();
                *expected.entry(key).or_insert(0) += i;
            }
            let mut spool = sorter.finish().unwrap();
            assert_eq!(spool.records(), expected.len() as u64);
            for _ in 0..2 {
                let mut reader = spool.read().unwrap();
                for (&key, &sum) in &expected {
                    assert_eq!(reader.next().unwrap(), Some((key, sum)), "memory {memory}");
                }
                assert_eq!(reader.next().unwrap(), None);
            }
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn nothing_to_sort() {
        let sorter = Sorter::<[f32; 2]>::new(&std::env::temp_dir(), 2, 1000);
        assert_eq!(sorter.finish().unwrap().read().unwrap().next().unwrap(), None);
    }
}
