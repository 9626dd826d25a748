//! Bytes to package: every size is checked before it is trusted.

use super::checksum::Checksum;
use super::header::{self, Dtype, Header, Info};
use super::*;
use crate::config::elements;
use crate::linear::GAIN;
use crate::{
    Family, FamilySpec, INT4_GROUP, LinearMap, LinearSpec, Matrix, NetworkConfig, Source, VectorId,
};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

const KEYS: [&str; 8] = [
    FORMAT_KEY,
    VERSION_KEY,
    NETWORK_KEY,
    ALPHABET_KEY,
    FAMILIES_KEY,
    FEATURES_KEY,
    PROVENANCE_KEY,
    CHECKSUM_KEY,
];

/// The bytes of the file, read only if its first bytes and its length are possible for a package.
pub(super) fn load(path: &Path) -> Result<Vec<u8>> {
    let io = |error| Error::io(path, error);
    let mut file = File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(refuse("file", 0, "is not a regular file").in_file(path));
    }
    if meta.len() > MAX_PACKAGE_BYTES as u64 {
        let reason = format!("has {} bytes, at most {MAX_PACKAGE_BYTES} are read", meta.len());
        return Err(refuse("file", 0, reason).in_file(path));
    }
    let mut start = Vec::with_capacity(8);
    (&mut file).take(8).read_to_end(&mut start).map_err(io)?;
    header::length(&start, meta.len()).map_err(|e| e.in_file(path))?;
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    bytes.append(&mut start);
    let rest = meta.len() - 8;
    file.take(rest).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<Package> {
    let header = Header::parse(bytes)?;
    check_format(&header)?;
    check_content(&header, bytes)?;
    let config: NetworkConfig = parse(&header, NETWORK_KEY)?;
    config.validate()?;
    let alphabet: Alphabet = parse(&header, ALPHABET_KEY)?;
    let features = parse(&header, FEATURES_KEY)?;
    let provenance = parse(&header, PROVENANCE_KEY)?;
    let families: BTreeMap<String, Family> = match header.texts.contains_key(FAMILIES_KEY) {
        true => parse(&header, FAMILIES_KEY)?,
        false => BTreeMap::new(),
    };
    // The output layer gives the number of symbols; at the end it is checked against the alphabet.
    let symbols = match header.tensors.get("output.bias").map(|bias| bias.shape.dims()) {
        Some(&[symbols]) => symbols,
        _ => alphabet.len(),
    };
    let maps = config.linear_maps(symbols);
    if let Some(name) = families.keys().find(|name| !maps.iter().any(|map| map.name == **name)) {
        let reason = format!("the network has no map {:?}", shorten(name));
        return Err(refuse(FAMILIES_KEY, 8, reason));
    }
    let mut tensors = Tensors { config: config.clone(), header, bytes, families };
    let network = Network::build(config, symbols, &mut tensors)?;
    let language_model = tensors.language_model()?;
    tensors.finish()?;
    Ok(Package { features, alphabet, network, provenance, language_model })
}

/// Checks that format and version are ours and every key is known.
fn check_format(header: &Header) -> Result<()> {
    let format = text(header, FORMAT_KEY)?;
    if format != FORMAT {
        let reason = format!("is {:?}, must be {FORMAT:?}", shorten(format));
        return Err(refuse(FORMAT_KEY, 8, reason));
    }
    let version = text(header, VERSION_KEY)?;
    if version != FORMAT_VERSION {
        let reason = format!(
            "is {:?}, this version of stonechat reads {FORMAT_VERSION:?}: use a matching one",
            shorten(version)
        );
        return Err(refuse(VERSION_KEY, 8, reason));
    }
    match header.texts.keys().find(|key| !KEYS.contains(&key.as_str())) {
        Some(key) => Err(refuse(key, 8, "is no metadata key of a package")),
        None => Ok(()),
    }
}

/// Compares the content with the checksum, if any.
fn check_content(header: &Header, bytes: &[u8]) -> Result<()> {
    let Some(stored) = header.texts.get(CHECKSUM_KEY) else {
        return Ok(());
    };
    let mut checksum = Checksum::new();
    for (key, value) in &header.texts {
        if key != CHECKSUM_KEY {
            checksum.entry(key, value);
        }
    }
    for (name, info) in &header.tensors {
        let content = &bytes[info.range(header.data_start)];
        checksum.tensor(name, info.dtype.name(), info.shape.dims(), content);
    }
    let found = checksum.finish();
    if *stored == found {
        return Ok(());
    }
    let reason = format!(
        "says {:?}, the content has {found:?}: the file is damaged, get it again",
        shorten(stored)
    );
    Err(refuse(CHECKSUM_KEY, 8, reason))
}

fn text<'a>(header: &'a Header, key: &str) -> Result<&'a str> {
    let Some(text) = header.texts.get(key) else {
        return Err(refuse(key, 8, "is missing from __metadata__"));
    };
    if text.len() > MAX_METADATA_BYTES {
        let reason = format!("has {} bytes, at most {MAX_METADATA_BYTES} are read", text.len());
        return Err(refuse(key, 8, reason));
    }
    Ok(text)
}

fn parse<T: DeserializeOwned>(header: &Header, key: &str) -> Result<T> {
    serde_json::from_str(text(header, key)?).map_err(|e| refuse(key, 8, shorten(&e.to_string())))
}

/// The tensors that are not used yet.
struct Tensors<'a> {
    header: Header,
    bytes: &'a [u8],
    config: NetworkConfig,
    /// The families of maps whose tensor names do not identify them.
    families: BTreeMap<String, Family>,
}

impl Tensors<'_> {
    /// Takes a tensor out: its info, its offset in the file and its bytes.
    fn take(&mut self, name: &str) -> Option<(Info, usize, &[u8])> {
        let info = self.header.tensors.remove(name)?;
        let range = info.range(self.header.data_start);
        Some((info, range.start, &self.bytes[range]))
    }

    fn missing(&self, name: &str, what: &str) -> Error {
        refuse(name, self.header.data_start, format!("the config needs {what}"))
    }

    /// The bytes of a tensor of exactly this type and shape.
    fn exactly(&mut self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&[u8]> {
        if !self.header.tensors.contains_key(name) {
            return Err(self.missing(name, "this tensor, but it is missing"));
        }
        let Some((info, offset, bytes)) = self.take(name) else { return Ok(&[]) };
        if info.dtype != dtype || info.shape.dims() != shape {
            let reason = format!(
                "is {} of shape {:?}, must be {} of shape {shape:?}",
                info.dtype.name(),
                info.shape.dims(),
                dtype.name(),
            );
            return Err(refuse(name, offset, reason));
        }
        Ok(bytes)
    }

    /// A float tensor of exactly this shape.
    fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.exactly(name, Dtype::F32, shape).map(floats)
    }

    /// An int8 tensor of exactly this shape.
    fn integers(&mut self, name: &str, shape: &[usize]) -> Result<Vec<i8>> {
        self.exactly(name, Dtype::I8, shape).map(integers)
    }

    /// A matrix in any storage, with its scales; [`LinearMap::new`] checks its shape.
    fn matrix(&mut self, name: &str) -> Result<Option<Matrix>> {
        let mask = format!("{name}{MASK}");
        let Some((info, offset, bytes)) = self.take(name) else {
            return Ok(None);
        };
        if info.dtype == Dtype::U8 {
            let (data, rows, cols) = int4_values(name, &info, offset, bytes)?;
            let groups = cols.div_ceil(INT4_GROUP);
            let group_scales = self.integers(&format!("{name}{GROUP}"), &[rows, groups])?;
            let scales = self.floats(&format!("{name}{SCALE}"), &[rows])?;
            return Ok(Some(Matrix::Int4 { rows, cols, data, group_scales, scales }));
        }
        if let ([_], true) = (info.shape.dims(), self.header.tensors.contains_key(&mask)) {
            return self.sparse(name, &info, offset).map(Some);
        }
        let &[rows, cols] = info.shape.dims() else {
            let reason = format!("has shape {:?}, must have two dimensions", info.shape.dims());
            return Err(refuse(name, offset, reason));
        };
        let bytes = &self.bytes[info.range(self.header.data_start)];
        if info.dtype == Dtype::F32 {
            return Ok(Some(Matrix::F32 { rows, cols, data: floats(bytes) }));
        }
        let data = integers(bytes);
        let scales = self.floats(&format!("{name}{SCALE}"), &[rows])?;
        Ok(Some(Matrix::Int8 { rows, cols, data, scales }))
    }

    /// A matrix that stores only its nonzero values; `info` and `offset` are those of the values.
    fn sparse(&mut self, name: &str, info: &Info, offset: usize) -> Result<Matrix> {
        let mask_name = format!("{name}{MASK}");
        let Some((mask, mask_offset, _)) = self.take(&mask_name) else {
            return Err(self.missing(&mask_name, "this tensor, but it is missing"));
        };
        let start = self.header.data_start;
        let bits = &self.bytes[mask.range(start)];
        let values = &self.bytes[info.range(start)];
        let (&[rows, stride], Dtype::U8) = (mask.shape.dims(), mask.dtype) else {
            return Err(refuse(&mask_name, mask_offset, "must be U8 of two dimensions"));
        };
        let Some(cols) = mask::columns(bits, stride) else {
            return Err(refuse(&mask_name, mask_offset, "has rows that do not end alike"));
        };
        elements(name, 1, rows, cols)?;
        let wrong = || refuse(name, offset, "does not have one value for each one in its mask");
        if info.dtype == Dtype::F32 {
            let data = mask::unpack(bits, stride, cols, &floats(values)).ok_or_else(wrong)?;
            return Ok(Matrix::F32 { rows, cols, data });
        }
        let data = mask::unpack(bits, stride, cols, &integers(values)).ok_or_else(wrong)?;
        let scales = self.floats(&format!("{name}{SCALE}"), &[rows])?;
        Ok(Matrix::Int8 { rows, cols, data, scales })
    }

    /// A dense or low-rank map, as its tensors say, with their size.
    fn plain_map(&mut self, name: &str) -> Result<LinearMap> {
        let mut part = |part: &str| self.matrix(&format!("{name}.{part}"));
        if let Some(weight) = part("weight")? {
            return Ok(LinearMap::from(weight));
        }
        let (Some(u), Some(v)) = (part("u")?, part("v")?) else {
            let what = "this map, but neither a weight nor both u and v are there";
            return Err(self.missing(name, what));
        };
        let spec = FamilySpec::new(name, Family::low_rank(u.cols()), u.rows(), v.cols())?;
        LinearMap::new(name, spec, vec![u, v], None)
    }

    /// The language model's file, if any.
    fn language_model(&mut self) -> Result<Option<Vec<u8>>> {
        let Some((info, offset, bytes)) = self.take(LANGUAGE_MODEL) else { return Ok(None) };
        match (info.dtype, info.shape.dims()) {
            (Dtype::U8, [_]) => Ok(Some(bytes.to_vec())),
            (dtype, shape) => {
                let reason =
                    format!("is {} of shape {shape:?}, must be U8 of one dimension", dtype.name());
                Err(refuse(LANGUAGE_MODEL, offset, reason))
            }
        }
    }

    /// Checks that all tensors were used.
    fn finish(self) -> Result<()> {
        match self.header.tensors.first_key_value() {
            Some((name, info)) => {
                let offset = info.range(self.header.data_start).start;
                Err(refuse(name, offset, "no layer of the config uses this tensor"))
            }
            None => Ok(()),
        }
    }
}

impl Source<Matrix, Vec<f32>> for Tensors<'_> {
    /// A map of its family, with the size that the config gives it.
    fn map(&mut self, map: &LinearSpec) -> Result<LinearMap> {
        let name = &map.name;
        let Some(family) = self.families.remove(name) else { return self.plain_map(name) };
        let spec = FamilySpec::new(name, family, map.rows, map.cols)?;
        let mut parts = Vec::new();
        for part in spec.parts() {
            let name = format!("{name}.{}", part.name);
            let matrix = self.matrix(&name)?;
            parts.push(matrix.ok_or_else(|| self.missing(&name, "this part, but it is missing"))?);
        }
        let gain = format!("{name}.{GAIN}");
        let gain = match self.header.tensors.contains_key(&gain) {
            true => Some(self.floats(&gain, &[map.rows])?),
            false => None,
        };
        LinearMap::new(name, spec, parts, gain)
    }

    fn vector(&mut self, id: VectorId, len: usize) -> Result<Vec<f32>> {
        let name = self.config.vector_name(id);
        match id {
            VectorId::RowConv => {
                let width = self.config.recurrent_output();
                self.floats(&name, &[len / width, width])
            }
            _ => self.floats(&name, &[len]),
        }
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (values, _) = bytes.as_chunks::<4>();
    values.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

fn integers(bytes: &[u8]) -> Vec<i8> {
    bytes.iter().map(|&b| b as i8).collect()
}

/// The values of an int4 tensor, with its rows and columns.
fn int4_values(
    name: &str,
    info: &Info,
    offset: usize,
    bytes: &[u8],
) -> Result<(Vec<i8>, usize, usize)> {
    let (rows, cols) = match *info.shape.dims() {
        [rows, pairs] => (rows, pairs.saturating_mul(2)),
        [rows, pairs, 1] if pairs > 0 => (rows, pairs.saturating_mul(2) - 1),
        ref shape => {
            let reason =
                format!("is U8 of shape {shape:?}, must have two dimensions, or 1 as third");
            return Err(refuse(name, offset, reason));
        }
    };
    let values = half_bytes::unpack(bytes, cols).map_err(|at| {
        refuse(name, offset + at, "has a half byte beyond its last column that is not 8")
    })?;
    Ok((values, rows, cols))
}
