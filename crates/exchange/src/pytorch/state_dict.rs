//! A state dict: named tensors of a safetensors file, as floats.

use crate::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;
use std::path::Path;

/// The tensors of a network trained elsewhere, read from a safetensors file
/// (`safetensors.torch.save_file` in Python).
///
/// Elements may be 16-, 32- or 64-bit floats or bfloat16; all become 32-bit floats. Of tensors of
/// other types only the names are kept.
#[derive(Debug, Clone, Default)]
pub struct StateDict {
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    /// `Err` names an element type that is not a float.
    pub(super) values: std::result::Result<Vec<f32>, String>,
}

impl StateDict {
    /// Reads the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Safetensors`] if they are not one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let file =
            SafeTensors::deserialize(bytes).map_err(|e| Error::Safetensors(e.to_string()))?;
        let tensor = |view: &TensorView<'_>| Tensor {
            shape: view.shape().to_vec(),
            values: floats(view.dtype(), view.data()),
        };
        let tensors = file.iter().map(|(name, view)| (name.to_string(), tensor(&view)));
        Ok(Self { tensors: tensors.collect() })
    }

    /// Reads a safetensors file.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::InFile`] with the errors of [`from_bytes`](Self::from_bytes).
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| Error::Io { path: path.into(), error })?;
        Self::from_bytes(&bytes)
            .map_err(|error| Error::InFile { path: path.into(), error: Box::new(error) })
    }

    /// Names of all tensors, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }
}

fn floats(dtype: Dtype, bytes: &[u8]) -> std::result::Result<Vec<f32>, String> {
    fn read<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|&b| value(b)).collect()
    }
    match dtype {
        Dtype::F32 => Ok(read(bytes, f32::from_le_bytes)),
        Dtype::F64 => Ok(read(bytes, |b| f64::from_le_bytes(b) as f32)),
        Dtype::F16 => Ok(read(bytes, |b| half(u16::from_le_bytes(b)))),
        // The upper half of a 32-bit float.
        Dtype::BF16 => Ok(read(bytes, |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16))),
        other => Err(format!("{other:?}")),
    }
}

/// The value of a 16-bit float: sign, 5 bits of exponent (bias 15), 10 of mantissa.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => mantissa * 2f32.powi(-24),
        31 if mantissa == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + mantissa) * 2f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_float() {
        let half: Vec<u8> = [0x3c00u16, 0xc000, 0x0001, 0x7bff, 0x3555]
            .iter()
            .flat_map(|b| b.to_le_bytes())
            .collect();
        let expected = [1.0, -2.0, 5.960_464_5e-8, 65504.0, 0.333_251_95];
        assert_eq!(floats(Dtype::F16, &half).unwrap(), expected);
        assert_eq!(floats(Dtype::BF16, &[0x80, 0x3f, 0x20, 0xc1]).unwrap(), [1.0, -10.0]);
        assert_eq!(floats(Dtype::F64, &0.1f64.to_le_bytes()).unwrap(), [0.1]);
        assert_eq!(floats(Dtype::F32, &0.1f32.to_le_bytes()).unwrap(), [0.1]);
        assert_eq!(floats(Dtype::I64, &[0; 8]).unwrap_err(), "I64");
    }
}
