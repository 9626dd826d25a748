//! Package to bytes.
//!
//! The header is not written by the safetensors crate because that stores the metadata in a hash
//! map: the same package would give different bytes every time.

use super::checksum::Checksum;
use super::*;
use crate::linear::GAIN;
use crate::{Family, INT4_GROUP, Matrix, VectorId};
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// Name, type, shape and bytes of a tensor.
struct Tensor {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

pub(super) fn to_bytes(package: &Package) -> Result<Vec<u8>> {
    let mut tensors = tensors(&package.network);
    if let Some(bytes) = &package.language_model {
        let (name, shape) = (LANGUAGE_MODEL.into(), vec![bytes.len()]);
        tensors.push(Tensor { name, dtype: "U8", shape, bytes: bytes.clone() });
    }
    // Floats first, so that everything is aligned to its size (as safetensors requires), then by
    // name.
    tensors.sort_by(|a, b| (a.dtype != "F32", &a.name).cmp(&(b.dtype != "F32", &b.name)));
    let mut header = Map::new();
    header.insert("__metadata__".into(), metadata(package, &tensors)?);
    let mut offset = 0;
    for tensor in &tensors {
        let end = offset + tensor.bytes.len();
        let entry = json!({
            "dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [offset, end],
        });
        header.insert(tensor.name.clone(), entry);
        offset = end;
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    if header.len() > MAX_HEADER_BYTES {
        return Err(too_long("header", header.len(), MAX_HEADER_BYTES));
    }
    let total = 8 + header.len() + offset;
    if total > MAX_PACKAGE_BYTES {
        return Err(too_long("file", total, MAX_PACKAGE_BYTES));
    }
    let mut bytes = Vec::with_capacity(total);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for tensor in &tensors {
        bytes.extend_from_slice(&tensor.bytes);
    }
    Ok(bytes)
}

fn metadata(package: &Package, tensors: &[Tensor]) -> Result<Value> {
    let network = serde_json::to_value(&package.network.config);
    let alphabet = serde_json::to_value(&package.alphabet);
    let json = |key: &str, value: serde_json::Result<Value>| {
        value.map_err(|e| Error::Argument(format!("{key} cannot be written as JSON: {e}")))
    };
    let families: BTreeMap<String, Family> = package
        .network
        .maps()
        .iter()
        .filter(|map| !map.map.family().told_by_tensors())
        .map(|map| (map.name(), map.map.family().clone()))
        .collect();
    let mut texts = BTreeMap::from([
        (FORMAT_KEY, FORMAT.to_string()),
        (VERSION_KEY, FORMAT_VERSION.to_string()),
        (NETWORK_KEY, json(NETWORK_KEY, network)?.to_string()),
        (ALPHABET_KEY, json(ALPHABET_KEY, alphabet)?.to_string()),
        (FEATURES_KEY, package.features.to_string()),
        (PROVENANCE_KEY, package.provenance.to_string()),
    ]);
    if !families.is_empty() {
        texts
            .insert(FAMILIES_KEY, json(FAMILIES_KEY, serde_json::to_value(&families))?.to_string());
    }
    let mut metadata = Map::new();
    let mut checksum = Checksum::new();
    for (key, text) in texts {
        if text.len() > MAX_METADATA_BYTES {
            return Err(too_long(key, text.len(), MAX_METADATA_BYTES));
        }
        checksum.entry(key, &text);
        metadata.insert(key.into(), Value::String(text));
    }
    let by_name: BTreeMap<&str, &Tensor> =
        tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    for (name, tensor) in by_name {
        checksum.tensor(name, tensor.dtype, &tensor.shape, &tensor.bytes);
    }
    metadata.insert(CHECKSUM_KEY.into(), Value::String(checksum.finish()));
    Ok(Value::Object(metadata))
}

fn too_long(what: &str, length: usize, limit: usize) -> Error {
    Error::Argument(format!(
        "{what} of the package would have {length} bytes, more than the {limit} that can be read back: shorten it"
    ))
}

fn tensors(network: &Network) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for map in network.maps() {
        if let Some(gain) = map.map.gain() {
            tensors.push(float(format!("{}.{GAIN}", map.name()), vec![gain.len()], gain));
        }
        for (part, matrix) in map.map.named_parts() {
            let name = format!("{}.{part}", map.name());
            let mut shape = vec![matrix.rows(), matrix.cols()];
            if matrix.is_sparse() {
                shape = vec![matrix.nonzeros()];
                tensors.push(mask_of(format!("{name}{MASK}"), matrix));
            }
            match matrix {
                Matrix::F32 { data, .. } if matrix.is_sparse() => {
                    let kept: Vec<f32> = data.iter().copied().filter(|w| *w != 0.0).collect();
                    tensors.push(float(name, shape, &kept));
                }
                Matrix::F32 { data, .. } => tensors.push(float(name, shape, data)),
                Matrix::Int8 { data, scales, .. } => {
                    let shape_of_scales = vec![scales.len()];
                    tensors.push(float(format!("{name}{SCALE}"), shape_of_scales, scales));
                    if matrix.is_sparse() {
                        let kept: Vec<i8> = data.iter().copied().filter(|q| *q != 0).collect();
                        tensors.push(integers(name, shape, &kept));
                        continue;
                    }
                    tensors.push(integers(name, shape, data));
                }
                Matrix::Int4 { rows, cols, data, group_scales, scales } => {
                    tensors.push(float(format!("{name}{SCALE}"), vec![*rows], scales));
                    let groups = vec![*rows, cols.div_ceil(INT4_GROUP)];
                    tensors.push(integers(format!("{name}{GROUP}"), groups, group_scales));
                    let mut shape = vec![*rows, cols.div_ceil(2)];
                    shape.extend((cols % 2 == 1).then_some(1));
                    let bytes = half_bytes::pack(data, *cols);
                    tensors.push(Tensor { name, dtype: "U8", shape, bytes });
                }
            }
        }
    }
    let width = network.config.recurrent_output();
    for (id, vector) in network.vectors() {
        let shape = match id {
            VectorId::RowConv => vec![vector.len() / width, width],
            _ => vec![vector.len()],
        };
        tensors.push(float(network.config.vector_name(id), shape, vector));
    }
    tensors
}

/// One bit for each element: whether it is nonzero.
fn mask_of(name: String, matrix: &Matrix) -> Tensor {
    let cols = matrix.cols();
    let bytes = match matrix {
        Matrix::F32 { data, .. } => mask::pack(data.iter().map(|w| *w != 0.0), cols),
        Matrix::Int8 { data, .. } | Matrix::Int4 { data, .. } => {
            mask::pack(data.iter().map(|q| *q != 0), cols)
        }
    };
    Tensor { name, dtype: "U8", shape: vec![matrix.rows(), cols / 8 + 1], bytes }
}

fn integers(name: String, shape: Vec<usize>, values: &[i8]) -> Tensor {
    Tensor { name, dtype: "I8", shape, bytes: values.iter().map(|&q| q as u8).collect() }
}

fn float(name: String, shape: Vec<usize>, values: &[f32]) -> Tensor {
    Tensor {
        name,
        dtype: "F32",
        shape,
        bytes: values.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}
