//! The header of a safetensors file; all limits apply while it is read.
//!
//! The safetensors crate (which the tests compare this with) first builds a general JSON tree,
//! which takes 25 times the header for a hostile one. Here a name that is too long, a fifth
//! dimension or a 4097th tensor is an error as soon as it is met, so that memory stays below a
//! small multiple of the header.

use super::{MAX_HEADER_BYTES, MAX_TENSORS, refuse, shorten};
use crate::Error;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops::Range;

const METADATA: &str = "__metadata__";
const MAX_RANK: usize = 4;
const MAX_NAME_BYTES: usize = 256;
const MAX_METADATA_ENTRIES: usize = 64;

/// Element types that packages use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Dtype {
    F32,
    I8,
    U8,
}

impl Dtype {
    pub(super) fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "F32",
            Dtype::I8 => "I8",
            Dtype::U8 => "U8",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Dtype::F32 => 4,
            Dtype::I8 | Dtype::U8 => 1,
        }
    }
}

/// Sizes of the dimensions of a tensor, at most four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    dims: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    pub(super) fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }
}

/// Type, shape and place of a tensor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Info {
    pub(super) dtype: Dtype,
    pub(super) shape: Shape,
    /// Start and end of its bytes, counted from the end of the header.
    #[serde(rename = "data_offsets")]
    offsets: (usize, usize),
}

impl Info {
    /// Its bytes in the file, for a header that [`Header::parse`] accepted.
    pub(super) fn range(&self, data_start: usize) -> Range<usize> {
        data_start + self.offsets.0..data_start + self.offsets.1
    }
}

/// Metadata and tensors by name.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) texts: BTreeMap<String, String>,
    pub(super) tensors: BTreeMap<String, Info>,
    /// Where the tensors' bytes begin in the file.
    pub(super) data_start: usize,
}

impl Header {
    /// Reads the header of the file `bytes`. The tensors of an accepted header follow one another
    /// and fill the file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let data_start = 8 + length(bytes, bytes.len() as u64)?;
        let bad = |reason: String| refuse("header", 8, shorten(&reason));
        let text = std::str::from_utf8(&bytes[8..data_start]).map_err(|e| bad(e.to_string()))?;
        let (texts, tensors) = serde_json::from_str::<Contents>(text)
            .map(|contents| (contents.texts, contents.tensors))
            .map_err(|e| bad(e.to_string()))?;
        let header = Self { texts, tensors, data_start };
        header.check_layout(bytes.len() - data_start)?;
        Ok(header)
    }

    /// Checks that tensors follow each other without gaps or overlaps and end with the file, and
    /// that sizes fit shapes.
    fn check_layout(&self, data_bytes: usize) -> Result<(), Error> {
        let mut in_order: Vec<_> = self.tensors.iter().collect();
        in_order.sort_by_key(|(_, info)| info.offsets);
        let mut next = 0;
        for (name, info) in in_order {
            let (from, to) = info.offsets;
            let fail =
                |reason: String| Err(refuse(name, self.data_start.saturating_add(from), reason));
            if from != next {
                return fail(format!("begins at {from}, the tensor before it ends at {next}"));
            }
            let dims = info.shape.dims().iter();
            let size = dims.copied().try_fold(info.dtype.bytes(), usize::checked_mul);
            if size.is_none() || size != to.checked_sub(from) {
                return fail(format!(
                    "has offsets {from} and {to}, which do not hold {} of shape {:?}",
                    info.dtype.name(),
                    info.shape.dims()
                ));
            }
            if to > data_bytes {
                return fail(format!("ends at {to} of {data_bytes} bytes: truncated"));
            }
            next = to;
        }
        if next != data_bytes {
            let reason = format!("{} bytes belong to no tensor", data_bytes - next);
            return Err(refuse("end", self.data_start.saturating_add(next), reason));
        }
        Ok(())
    }
}

/// The length of the header that the first 8 bytes declare, checked against the length of the file.
pub(super) fn length(start: &[u8], file_bytes: u64) -> Result<usize, Error> {
    let Some(declared) = start.first_chunk::<8>() else {
        let reason = format!("has {} bytes, fewer than a header's length takes", start.len());
        return Err(refuse("file", 0, reason));
    };
    let declared = u64::from_le_bytes(*declared);
    if declared > MAX_HEADER_BYTES as u64 {
        let reason = format!("is none, or above {MAX_HEADER_BYTES}: not a package, or damaged");
        return Err(refuse("header length", 0, reason));
    }
    if declared > file_bytes - 8 {
        let reason = format!("declares {declared} bytes in a file of {file_bytes}: truncated");
        return Err(refuse("header length", 0, reason));
    }
    Ok(declared as usize)
}

/// What the header's JSON holds.
struct Contents {
    texts: BTreeMap<String, String>,
    tensors: BTreeMap<String, Info>,
}

impl<'de> Deserialize<'de> for Contents {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Contents;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Contents, A::Error> {
                let mut texts = None;
                let mut tensors = BTreeMap::new();
                while let Some(name) = map.next_key_seed(Name)? {
                    if name == METADATA {
                        let previous = texts.replace(map.next_value_seed(Texts)?);
                        if previous.is_some() {
                            return Err(A::Error::custom("__metadata__ is there twice"));
                        }
                        continue;
                    }
                    if tensors.len() == MAX_TENSORS {
                        return Err(A::Error::custom(format!("more than {MAX_TENSORS} tensors")));
                    }
                    insert_once(&mut tensors, name, |name| {
                        map.next_value::<Info>()
                            .map_err(|e| A::Error::custom(format!("tensor `{name}`: {e}")))
                    })?;
                }
                let texts = texts.ok_or_else(|| A::Error::custom("no __metadata__"))?;
                Ok(Contents { texts, tensors })
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

fn insert_once<V, E: serde::de::Error>(
    map: &mut BTreeMap<String, V>,
    name: String,
    value: impl FnOnce(&str) -> Result<V, E>,
) -> Result<(), E> {
    match map.entry(name) {
        Entry::Vacant(free) => {
            let value = value(free.key())?;
            free.insert(value);
            Ok(())
        }
        Entry::Occupied(taken) => Err(E::custom(format!("`{}` is there twice", taken.key()))),
    }
}

/// Reads a name of bounded length.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<String, D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<String, E> {
        if name.len() > MAX_NAME_BYTES {
            let reason = format!("a name of {} bytes, at most {MAX_NAME_BYTES}", name.len());
            return Err(E::custom(reason));
        }
        Ok(name.into())
    }
}

/// Reads `__metadata__`: strings by name.
struct Texts;

impl<'de> DeserializeSeed<'de> for Texts {
    type Value = BTreeMap<String, String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Texts {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("__metadata__, an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut texts = BTreeMap::new();
        while let Some(key) = map.next_key_seed(Name)? {
            if texts.len() == MAX_METADATA_ENTRIES {
                return Err(A::Error::custom("too many entries in __metadata__"));
            }
            insert_once(&mut texts, key, |_| map.next_value::<String>())?;
        }
        Ok(texts)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX_RANK} dimensions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
                let mut shape = Shape { dims: [0; MAX_RANK], rank: 0 };
                for dim in &mut shape.dims {
                    match seq.next_element()? {
                        Some(size) => *dim = size,
                        None => return Ok(shape),
                    }
                    shape.rank += 1;
                }
                match seq.next_element::<IgnoredAny>()? {
                    Some(_) => Err(A::Error::custom(format!("more than {MAX_RANK} dimensions"))),
                    None => Ok(shape),
                }
            }
        }

        deserializer.deserialize_seq(Reader)
    }
}
