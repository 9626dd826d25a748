//! The first 256 bytes, and the place of each section.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use super::monotone::Monotone;
use super::words::Words;
use super::{Bits, UNQUANTIZED, bits};
use crate::model_builder::MAX_GRAMS;
use crate::{Error, MAX_ORDER, MAX_WORDS, Result, SPECIAL_WORDS};

pub(super) const MAGIC: [u8; 8] = *b"stoneLM\x01";
pub(super) const HEADER_BYTES: usize = 256;

/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 34;

/// Words, bins, and two for each order.
const SECTIONS: usize = 2 + 2 * MAX_ORDER;
const WORDS: usize = 0;
const BINS: usize = 1;

/// Positions in the header.
const COUNTS_AT: usize = 16;
const SECTIONS_AT: usize = COUNTS_AT + 8 * MAX_ORDER;
const CHECKSUM_AT: usize = HEADER_BYTES - 4;

fn grams_section(n: usize) -> usize {
    2 + 2 * n
}

fn children_section(n: usize) -> usize {
    3 + 2 * n
}

fn section_name(section: usize) -> &'static str {
    const NAMES: [&str; SECTIONS] = [
        "vocabulary",
        "bins",
        "unigrams",
        "children of unigrams",
        "bigrams",
        "children of bigrams",
        "trigrams",
        "children of trigrams",
        "4-grams",
        "children of 4-grams",
        "5-grams",
        "children of 5-grams",
    ];
    NAMES[section]
}

/// One order.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub grams: Range<usize>,
    pub word_bits: u32,
    /// Bits of an n-gram.
    pub record_bits: u32,
    pub prob_bins: Vec<f32>,
    pub backoff_bins: Vec<f32>,
    /// Where the children begin; not in the last order.
    pub children: Range<usize>,
    pub first_child: Monotone,
}

/// The place of each section, checked against the length of the file.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub order: usize,
    pub bits: Bits,
    pub counts: [usize; MAX_ORDER],
    pub words: Words,
    pub levels: Vec<Level>,
    ranges: [Range<usize>; SECTIONS],
}

/// The file's bytes.
pub(super) fn load(path: &Path) -> Result<Vec<u8>> {
    let io = |error| Error::io(path.display().to_string(), error);
    let mut file = File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    let refuse = |reason: String| Err(Error::packed("file", 0, reason).in_file(path));
    if !meta.is_file() {
        return refuse("is not a regular file".into());
    }
    if meta.len() > MAX_BYTES {
        return refuse(format!("has {} bytes, at most {MAX_BYTES} are read", meta.len()));
    }
    let mut start = Vec::new();
    (&mut file).take(MAGIC.len() as u64).read_to_end(&mut start).map_err(io)?;
    check_magic(&start).map_err(|error| error.in_file(path))?;
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    bytes.append(&mut start);
    file.take(meta.len() - bytes.len() as u64).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn check_magic(bytes: &[u8]) -> Result<()> {
    let (name, version) = MAGIC.split_at(MAGIC.len() - 1);
    match bytes.strip_prefix(name) {
        Some(rest) if rest.starts_with(version) => Ok(()),
        Some([found, ..]) => {
            let reason = format!("is of version {found}, this version of stonechat reads 1");
            Err(Error::packed("header", 0, reason))
        }
        _ => Err(Error::packed("header", 0, "is not that of a packed language model")),
    }
}

/// The contents of the header, by which the file is written and read.
#[derive(Clone, Debug, Default)]
pub(super) struct Header {
    pub order: usize,
    pub prob_bits: u32,
    pub backoff_bits: u32,
    pub counts: [usize; MAX_ORDER],
}

impl Header {
    /// Lengths of all sections; that of the vocabulary is given.
    pub fn lengths(&self, words: usize) -> [usize; SECTIONS] {
        let mut lengths = [0; SECTIONS];
        lengths[WORDS] = words;
        for n in 0..self.order {
            lengths[BINS] += 4 * (self.prob_bins() + self.backoff_bins(n));
            let grams = self.counts[n] as u64 * u64::from(self.record_bits(n));
            lengths[grams_section(n)] = bits::bytes(grams);
            if n + 1 < self.order {
                lengths[children_section(n)] = self.first_child(n).bytes();
            }
        }
        lengths
    }

    pub fn prob_bins(&self) -> usize {
        if self.prob_bits == UNQUANTIZED { 0 } else { 1 << self.prob_bits }
    }

    pub fn backoff_bins(&self, n: usize) -> usize {
        let has_bins = n + 1 < self.order && self.backoff_bits != UNQUANTIZED;
        if has_bins { 1 << self.backoff_bits } else { 0 }
    }

    pub fn word_bits(&self, n: usize) -> u32 {
        if n == 0 { 0 } else { bits::width(self.counts[0] as u64 - 1) }
    }

    pub fn record_bits(&self, n: usize) -> u32 {
        let backoff = if n + 1 < self.order { self.backoff_bits } else { 0 };
        self.word_bits(n) + self.prob_bits + backoff
    }

    pub fn first_child(&self, n: usize) -> Monotone {
        Monotone::new(self.counts[n] + 1, self.counts[n + 1] as u64)
    }

    /// The whole file of these sections.
    pub fn assemble(&self, sections: [Vec<u8>; SECTIONS]) -> Vec<u8> {
        let mut file = vec![0; HEADER_BYTES];
        file[..8].copy_from_slice(&MAGIC);
        file[8] = self.order as u8;
        file[9] = self.prob_bits as u8;
        file[10] = self.backoff_bits as u8;
        for (n, &count) in self.counts.iter().enumerate() {
            put_u64(&mut file, COUNTS_AT + 8 * n, count as u64);
        }
        for (i, section) in sections.into_iter().enumerate() {
            let at = SECTIONS_AT + 12 * i;
            put_u64(&mut file, at, section.len() as u64);
            put_u32(&mut file, at + 8, crc32fast::hash(&section));
            file.extend(section);
            file.resize(file.len().next_multiple_of(8), 0);
        }
        let checksum = crc32fast::hash(&file[..CHECKSUM_AT]);
        put_u32(&mut file, CHECKSUM_AT, checksum);
        file
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        let refuse = |reason: String| Err(Error::packed("header", 0, reason));
        check_magic(bytes)?;
        if bytes.len() < HEADER_BYTES {
            let reason = format!("needs {HEADER_BYTES} bytes, the file has {}", bytes.len());
            return refuse(reason);
        }
        if get_u32(bytes, CHECKSUM_AT) != crc32fast::hash(&bytes[..CHECKSUM_AT]) {
            return refuse("is damaged: get the file again".into());
        }
        let (order, prob_bits, backoff_bits) =
            (usize::from(bytes[8]), u32::from(bytes[9]), u32::from(bytes[10]));
        if !(1..=MAX_ORDER).contains(&order) {
            return refuse(format!("has order {order}, must be 1 to {MAX_ORDER}"));
        }
        Bits { prob: prob_bits, backoff: backoff_bits }.validate()?;
        let mut header = Header { order, prob_bits, backoff_bits, counts: [0; MAX_ORDER] };
        for n in 0..MAX_ORDER {
            let count = get_u64(bytes, COUNTS_AT + 8 * n);
            let limit = match n {
                0 => MAX_WORDS,
                n if n < order => MAX_GRAMS,
                _ => 0,
            };
            if count > limit as u64 || n == 0 && count < SPECIAL_WORDS.len() as u64 {
                return refuse(format!(
                    "has {count} {}-grams, at most {limit} are possible",
                    n + 1
                ));
            }
            header.counts[n] = count as usize;
        }
        Ok(header)
    }
}

impl Layout {
    /// Checks everything except the meaning of the n-grams.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let header = Header::read(bytes)?;
        let expected = header.lengths(0);
        let mut ranges: [Range<usize>; SECTIONS] = std::array::from_fn(|_| 0..0);
        let mut start = HEADER_BYTES;
        for (i, range) in ranges.iter_mut().enumerate() {
            let name = section_name(i);
            let refuse = |reason: String| Err(Error::packed(name, start, reason));
            let length = get_u64(bytes, SECTIONS_AT + 12 * i);
            let rest = (bytes.len() - start) as u64;
            let padded = length.checked_next_multiple_of(8);
            let Some(padded) = padded.filter(|&padded| padded <= rest) else {
                return refuse(format!(
                    "has {length} bytes, but only {rest} are left: the file is truncated"
                ));
            };
            if i != WORDS && length != expected[i] as u64 {
                return refuse(format!("has {length} bytes, must have {}", expected[i]));
            }
            *range = start..start + length as usize;
            if get_u32(bytes, SECTIONS_AT + 12 * i + 8) != crc32fast::hash(&bytes[range.clone()]) {
                return refuse("is damaged: get the file again".into());
            }
            start += padded as usize;
        }
        if start != bytes.len() {
            let reason = format!("{} bytes after the last section", bytes.len() - start);
            return Err(Error::packed("file", start, reason));
        }
        let words = Words::read(&bytes[ranges[WORDS].clone()], header.counts[0], HEADER_BYTES)?;
        let mut bins = bins(&bytes[ranges[BINS].clone()], ranges[BINS].start)?.into_iter();
        let levels = (0..header.order).map(|n| Level {
            grams: ranges[grams_section(n)].clone(),
            word_bits: header.word_bits(n),
            record_bits: header.record_bits(n),
            prob_bins: bins.by_ref().take(header.prob_bins()).collect(),
            backoff_bins: bins.by_ref().take(header.backoff_bins(n)).collect(),
            children: ranges[children_section(n)].clone(),
            first_child: match n + 1 < header.order {
                true => header.first_child(n),
                false => Monotone::default(),
            },
        });
        Ok(Self {
            order: header.order,
            bits: Bits { prob: header.prob_bits, backoff: header.backoff_bits },
            counts: header.counts,
            words,
            levels: levels.collect(),
            ranges,
        })
    }

    pub fn words_section<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.ranges[WORDS].clone()).unwrap_or_default()
    }

    pub fn sections(&self) -> impl Iterator<Item = (String, Range<usize>)> {
        let named = self.ranges.iter().enumerate();
        let named = named.map(|(i, range)| (section_name(i).to_string(), range.clone()));
        std::iter::once(("header".to_string(), 0..HEADER_BYTES))
            .chain(named.filter(|(_, range)| !range.is_empty()))
    }
}

fn bins(section: &[u8], offset: usize) -> Result<Vec<f32>> {
    let (values, _) = section.as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    match values.iter().position(|value| !value.is_finite()) {
        Some(bad) => Err(Error::packed("bins", offset + 4 * bad, "is not a finite number")),
        None => Ok(values),
    }
}

fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Inside the header, whose length is already checked.
fn get_u64(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |&bytes| u64::from_le_bytes(bytes))
}

fn get_u32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |&bytes| u32::from_le_bytes(bytes))
}
