//! Files of counts, so that counting can be spread over machines: each part of a text is counted
//! alone, and the counts are merged later.
//!
//! A file has its own words, numbered in order of appearance, and the n-grams of the highest order
//! in these numbers:
//!
//! ```text
//! magic   8 bytes    "STCOUNT1"
//! u32 order, u64 sentences, u64 words, u32 different words, u64 n-grams
//! words   u32 length, bytes, u64 count                 for each word; numbers from 3 on
//! n-grams order x u32 (last word first), u64 count     sorted
//! u32     CRC-32 of all of it
//! ```
//!
//! All numbers are little endian. Counts are integers, so any division of a text into parts, merged
//! in any order, gives the same sums and therefore the same model.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::counts::{self, TextSize};
use super::sort::{Key, Sorter, Spool};
use super::{Estimate, EstimateOptions, Progress, of_counts};
use crate::text::Sentences;
use crate::{Error, MAX_ORDER, Result, SPECIAL_WORDS};

const MAGIC: &[u8; 8] = b"STCOUNT1";
/// Smaller numbers are those of `<unk>`, `<s>` and `</s>`.
const FIRST: u32 = SPECIAL_WORDS.len() as u32;
/// Longest word in bytes, which is the longest line of a text.
const MAX_WORD_BYTES: usize = 1 << 24;
/// Buffer of a file that is read in order.
const BUFFER: usize = 1 << 16;

/// The n-grams of a text, or of several, with their counts.
pub struct Counts {
    order: usize,
    size: TextSize,
    /// By number, from [`FIRST`] on.
    words: Vec<(Box<str>, u64)>,
    grams: Spool<u64>,
}

impl Counts {
    /// Counts the n-grams of `order` words of a text, in about `memory` bytes and temporary files
    /// in `folder`. The words of the text are in memory, too.
    ///
    /// # Errors
    /// An impossible order, no words, temporary files that cannot be written, and the errors of
    /// `text`.
    pub fn of(
        text: &mut dyn Sentences,
        order: usize,
        (folder, memory): (&Path, usize),
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        EstimateOptions::new(order).validate()?;
        let mut words = Words::default();
        let mut count = |word: &str| {
            let number = words.number(word)?;
            words.list[(number - FIRST) as usize].1 += 1;
            Ok(number)
        };
        let (grams, mut size) =
            counts::count_ngrams(text, order, (folder, memory), &mut count, &mut |n| {
                progress(Progress::Ngrams(n));
            })?;
        size.different_words = words.list.len() as u64;
        Ok(Self { order, size, words: words.list, grams })
    }

    /// The merged counts of several files.
    ///
    /// # Errors
    /// Files that cannot be read, are damaged or of different orders; temporary files that cannot
    /// be written.
    pub fn merge(files: &[PathBuf], (folder, memory): (&Path, usize)) -> Result<Self> {
        let mut words = Words::default();
        let (order, mut size) = headers(files, &mut |word, count| {
            let number = words.number(word)?;
            words.list[(number - FIRST) as usize].1 += count;
            Ok(())
        })?;
        size.different_words = words.list.len() as u64;
        let grams = gather(files, order, (folder, memory), &mut |word| words.number(word))?;
        Ok(Self { order, size, words: words.list, grams })
    }

    /// The size of the text.
    pub fn text(&self) -> TextSize {
        self.size
    }

    /// Number of different n-grams of the highest order.
    pub fn ngrams(&self) -> u64 {
        self.grams.records()
    }

    /// Writes the counts.
    ///
    /// # Errors
    /// Temporary files that cannot be read, and the errors of `out`.
    pub fn write(&mut self, out: &mut dyn Write) -> Result<()> {
        let mut out = Summed { out, sum: crc32fast::Hasher::new() };
        out.put(MAGIC)?;
        out.put(&(self.order as u32).to_le_bytes())?;
        out.put(&self.size.sentences.to_le_bytes())?;
        out.put(&self.size.words.to_le_bytes())?;
        out.put(&(self.words.len() as u32).to_le_bytes())?;
        out.put(&self.grams.records().to_le_bytes())?;
        for (word, count) in &self.words {
            out.put(&(word.len() as u32).to_le_bytes())?;
            out.put(word.as_bytes())?;
            out.put(&count.to_le_bytes())?;
        }
        let mut grams = self.grams.read()?;
        while let Some((key, count)) = grams.next()? {
            for word in &key[..self.order] {
                out.put(&word.to_le_bytes())?;
            }
            out.put(&count.to_le_bytes())?;
        }
        let sum = out.sum.clone().finalize();
        out.put(&sum.to_le_bytes())
    }
}

/// Estimates a model from the counts of several files: the same as from their texts as one text.
///
/// `options.order` must be that of the files.
///
/// # Errors
/// Impossible options, files that cannot be read, are damaged or of another order, temporary files
/// that cannot be written.
pub fn estimate_counts(
    files: &[PathBuf],
    options: &EstimateOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Estimate> {
    options.validate()?;
    let mut counted: HashMap<Box<str>, u64> = HashMap::new();
    let (order, mut size) = headers(files, &mut |word, count| {
        *counted.entry(word.into()).or_default() += count;
        Ok(())
    })?;
    if order != options.order {
        return Err(Error::option(
            "order",
            format!("is {}, the counts have {order}", options.order),
        ));
    }
    let vocabulary = counts::vocabulary(&counted, options.min_word_count, options.max_words)?;
    let ids: HashMap<&str, u32> = vocabulary.iter().zip(0..).collect();
    size.different_words = counted.len() as u64;
    let known = |word: &str| ids.get(word).copied().unwrap_or(counts::UNKNOWN);
    let unknown = counted.iter().filter(|(word, _)| known(word) == counts::UNKNOWN);
    size.unknown_words = unknown.map(|(_, count)| count).sum();
    let disk = (options.folder.as_path(), options.memory);
    let full = gather(files, order, disk, &mut |word| Ok(known(word)))?;
    drop(counted);
    drop(ids);
    of_counts(full, vocabulary, size, options, progress)
}

/// The order of a file of counts.
///
/// # Errors
/// If the file cannot be read, or is not a file of counts.
pub fn order_of(path: &Path) -> Result<usize> {
    Ok(CountFile::open(path)?.order)
}

/// Words and their numbers, from [`FIRST`] on.
#[derive(Default)]
struct Words {
    numbers: HashMap<Box<str>, u32>,
    list: Vec<(Box<str>, u64)>,
}

impl Words {
    fn number(&mut self, word: &str) -> Result<u32> {
        if let Some(&number) = self.numbers.get(word) {
            return Ok(number);
        }
        let number = u32::try_from(self.list.len()).ok().and_then(|n| n.checked_add(FIRST));
        let number = number.ok_or_else(|| Error::Model("more different words than 2^32".into()))?;
        self.numbers.insert(word.into(), number);
        self.list.push((word.into(), 0));
        Ok(number)
    }
}

/// The common order of the files and the size of their texts; calls `word` for each word of each
/// file.
fn headers(
    files: &[PathBuf],
    word: &mut dyn FnMut(&str, u64) -> Result<()>,
) -> Result<(usize, TextSize)> {
    let mut size = TextSize::default();
    let mut order = None;
    for path in files {
        let mut file = CountFile::open(path)?;
        if *order.get_or_insert(file.order) != file.order {
            let reason = format!("counts of {}-grams, the files before have others", file.order);
            return Err(Error::Model(reason).in_file(path));
        }
        size.sentences += file.size.sentences;
        size.words += file.size.words;
        file.words(word).map_err(|error| error.in_file(path))?;
    }
    let order = order.ok_or_else(|| Error::Model("there are no counts to merge".into()))?;
    Ok((order, size))
}

/// The n-grams of all files, renumbered by `number`, sorted and summed.
fn gather(
    files: &[PathBuf],
    order: usize,
    (folder, memory): (&Path, usize),
    number: &mut dyn FnMut(&str) -> Result<u32>,
) -> Result<Spool<u64>> {
    let mut sorter = Sorter::new(folder, order, memory);
    for path in files {
        let mut file = CountFile::open(path)?;
        let mut read = || {
            let mut numbers: Vec<u32> = (0..FIRST).collect();
            file.words(&mut |word, _| {
                numbers.push(number(word)?);
                Ok(())
            })?;
            file.grams(&mut |mut key, count| {
                for word in &mut key[..order] {
                    let known = numbers.get(*word as usize);
                    *word =
                        *known.ok_or_else(|| damaged("an n-gram has an unknown word number"))?;
                }
                sorter.push(key, count)
            })
        };
        read().map_err(|error| error.in_file(path))?;
    }
    sorter.finish()
}

/// A file of counts that is read once, in order.
struct CountFile {
    input: BufReader<File>,
    sum: crc32fast::Hasher,
    order: usize,
    size: TextSize,
    grams: u64,
}

impl CountFile {
    fn open(path: &Path) -> Result<Self> {
        let input = File::open(path).map_err(|e| Error::io(path.display().to_string(), e))?;
        let input = BufReader::with_capacity(BUFFER, input);
        let sum = crc32fast::Hasher::new();
        let mut file = Self { input, sum, order: 0, size: TextSize::default(), grams: 0 };
        file.head().map_err(|error| error.in_file(path))?;
        Ok(file)
    }

    fn head(&mut self) -> Result<()> {
        if self.take::<8>().is_ok_and(|magic| magic != *MAGIC) {
            return Err(Error::Model("is not a file of counts (`stonechat lm count`)".into()));
        }
        self.order = self.u32()? as usize;
        self.size.sentences = self.u64()?;
        self.size.words = self.u64()?;
        self.size.different_words = u64::from(self.u32()?);
        self.grams = self.u64()?;
        match (1..=MAX_ORDER).contains(&self.order) {
            true => Ok(()),
            false => Err(damaged("its order cannot be")),
        }
    }

    /// Reads all words with their counts, directly after the header.
    fn words(&mut self, visit: &mut dyn FnMut(&str, u64) -> Result<()>) -> Result<()> {
        let mut word = Vec::new();
        for _ in 0..self.size.different_words {
            let length = self.u32()? as usize;
            if length > MAX_WORD_BYTES {
                return Err(damaged("a word is too long"));
            }
            // Room for what is there, not for what is said to be.
            word.clear();
            let mut input = Read::by_ref(&mut self.input).take(length as u64);
            let there = input.read_to_end(&mut word).map_err(|e| Error::io("reading", e))?;
            if there < length {
                return Err(damaged("it ends too early"));
            }
            self.sum.update(&word);
            let count = self.u64()?;
            visit(std::str::from_utf8(&word).map_err(|_| damaged("a word is not UTF-8"))?, count)?;
        }
        Ok(())
    }

    /// Reads all n-grams with their counts, after the words, and checks the checksum at the end.
    fn grams(&mut self, visit: &mut dyn FnMut(Key, u64) -> Result<()>) -> Result<()> {
        for _ in 0..self.grams {
            let mut key = Key::default();
            for word in &mut key[..self.order] {
                *word = self.u32()?;
            }
            let count = self.u64()?;
            visit(key, count)?;
        }
        let sum = self.sum.clone().finalize();
        match self.u32()? == sum {
            true => Ok(()),
            false => Err(damaged("its checksum is wrong")),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.input.read_exact(bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
            _ => Error::io("reading", error),
        })?;
        self.sum.update(bytes);
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

fn damaged(how: &str) -> Error {
    Error::Model(format!("this file of counts is damaged ({how}): count the text again"))
}

/// A writer that computes the checksum.
struct Summed<'a> {
    out: &'a mut dyn Write,
    sum: crc32fast::Hasher,
}

impl Summed<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.sum.update(bytes);
        self.out.write_all(bytes).map_err(|error| Error::io("writing counts", error))
    }
}
