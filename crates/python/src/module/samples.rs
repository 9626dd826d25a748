//! Bytes and arrays, whatever they are of: by the buffer protocol, without numpy.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

/// What a buffer holds.
pub enum Samples {
    /// A file, or samples of 16 bits in little-endian order.
    Bytes(Vec<u8>),
    /// Within -1 to 1.
    Floats(Vec<f32>),
    Integers(Vec<i16>),
}

/// Big-endian or not, where an array says so.
const NATIVE_IS_BIG: bool = cfg!(target_endian = "big");

impl Samples {
    /// Of anything that has a buffer; none otherwise.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let py = object.py();
        // A view fills in what some exporters leave out, strides for one.
        let view = match PyMemoryView::from(object) {
            Ok(view) => view,
            Err(error) if error.is_instance_of::<PyTypeError>(py) => return Ok(None),
            Err(error) => return Err(error),
        };
        let shape: Vec<usize> = view.getattr("shape")?.extract()?;
        if shape.len() != 1 {
            let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
            return Err(PyValueError::new_err(format!(
                "samples: an array of {} dimensions ({}), and one channel is expected: an array of one dimension",
                shape.len(),
                sizes.join(" x ")
            )));
        }
        let buffer = PyUntypedBuffer::get(&view)?;
        let (is_big, kind) = match buffer.format().to_bytes() {
            [kind] | [b'@' | b'=', kind] => (NATIVE_IS_BIG, *kind),
            [b'<', kind] => (false, *kind),
            [b'>' | b'!', kind] => (true, *kind),
            _ => (NATIVE_IS_BIG, 0),
        };
        let native = is_big == NATIVE_IS_BIG;
        match (kind, buffer.item_size()) {
            (b'B', 1) => Ok(Some(Self::Bytes(bytes(&view)?))),
            (b'f', 4) => match buffer.as_typed::<f32>() {
                Ok(floats) if native => Ok(Some(Self::Floats(floats.to_vec(py)?))),
                _ => Ok(Some(Self::Floats(
                    wide(&bytes(&view)?, is_big).map(f32::from_bits).collect(),
                ))),
            },
            (b'h', 2) => match buffer.as_typed::<i16>() {
                Ok(integers) if native => Ok(Some(Self::Integers(integers.to_vec(py)?))),
                _ => Ok(Some(Self::Integers(narrow(&bytes(&view)?, is_big).collect()))),
            },
            _ => Err(PyValueError::new_err(format!(
                "samples: an array of {}, and float32 (-1 to 1) or int16 is expected",
                element(object, &buffer)
            ))),
        }
    }
}

/// The bytes of a buffer in the order of its elements.
fn bytes(view: &Bound<'_, PyMemoryView>) -> PyResult<Vec<u8>> {
    Ok(view.call_method0("tobytes")?.cast::<PyBytes>()?.as_bytes().to_vec())
}

fn wide(bytes: &[u8], is_big: bool) -> impl Iterator<Item = u32> {
    bytes.as_chunks().0.iter().map(move |four| match is_big {
        true => u32::from_be_bytes(*four),
        false => u32::from_le_bytes(*four),
    })
}

fn narrow(bytes: &[u8], is_big: bool) -> impl Iterator<Item = i16> {
    bytes.as_chunks().0.iter().map(move |two| match is_big {
        true => i16::from_be_bytes(*two),
        false => i16::from_le_bytes(*two),
    })
}

/// What the elements are, as numpy or as the buffer calls it.
fn element(object: &Bound<'_, PyAny>, buffer: &PyUntypedBuffer) -> String {
    let dtype = object.getattr("dtype").and_then(|dtype| dtype.str()).map(|text| text.to_string());
    dtype.unwrap_or_else(|_| format!("the format {:?}", buffer.format().to_string_lossy()))
}

/// Little-endian samples of 16 bits that come cut anywhere.
#[derive(Debug, Default)]
pub struct Pcm {
    /// The first half of a sample whose second half has not come yet.
    odd: Option<u8>,
}

impl Pcm {
    /// The samples that are complete now.
    pub fn samples<'a>(&'a mut self, bytes: &'a [u8]) -> impl Iterator<Item = i16> + 'a {
        let mut bytes = bytes.iter().copied();
        std::iter::from_fn(move || {
            let low = self.odd.take().or_else(|| bytes.next())?;
            match bytes.next() {
                Some(high) => Some(i16::from_le_bytes([low, high])),
                None => {
                    self.odd = Some(low);
                    None
                }
            }
        })
    }

    /// Whether half a sample is left.
    pub fn is_odd(&self) -> bool {
        self.odd.is_some()
    }
}
