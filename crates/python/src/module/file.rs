//! File objects of Python, and whatever else audio may be given as.

use std::io::{self, Read};
use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use stonechat_audio::AudioReader;

use super::border::{Raised, name};
use super::samples::{Pcm, Samples};
use crate::Failure;
use crate::recording::Source;

/// Bytes that are asked of a file object at a time.
const READ_BYTES: usize = 1 << 16;

/// What `transcribe` takes.
pub enum Audio {
    Path(PathBuf),
    File { file: Py<PyAny>, name: String },
    Samples(Samples),
}

impl Audio {
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(path) = object.extract() {
            return Ok(Self::Path(path));
        }
        if object.hasattr("read")? {
            let name = object.getattr("name").and_then(|name| name.extract());
            let name = name.unwrap_or_else(|_| "file object".into());
            return Ok(Self::File { file: object.clone().unbind(), name });
        }
        Samples::of(object)?.map(Self::Samples).ok_or_else(|| {
            PyTypeError::new_err(format!(
                "audio must be a path, a binary file, bytes, or an array of float32 or int16, not {}",
                name(object)
            ))
        })
    }

    /// Where its samples come from. `rate_hz` is that of raw samples, where one is given.
    pub fn source(
        self,
        rate_hz: Option<u32>,
        model_hz: u32,
        raised: &Raised,
    ) -> Result<Source, Failure> {
        let file = |reader| Ok(Source::File(Box::new(reader)));
        match (self, rate_hz) {
            (Self::Path(_), Some(_)) => {
                Err(Failure::value("rate: is that of raw samples, and a file says its own"))
            }
            (Self::Path(path), None) => file(AudioReader::open(path, model_hz)?),
            (Self::File { file: object, name }, None) => {
                let pipe = PythonFile::new(object, raised);
                file(AudioReader::from_pipe(pipe, &name, model_hz)?)
            }
            (Self::File { file, .. }, Some(rate_hz)) => {
                Ok(pcm(PythonFile::new(file, raised), rate_hz))
            }
            (Self::Samples(Samples::Bytes(bytes)), None) => {
                file(AudioReader::from_bytes(bytes, "bytes", model_hz)?)
            }
            (Self::Samples(Samples::Bytes(bytes)), Some(rate_hz)) => {
                Ok(pcm(io::Cursor::new(bytes), rate_hz))
            }
            (Self::Samples(Samples::Floats(samples)), rate_hz) => {
                Ok(at_once(samples, rate_hz.unwrap_or(model_hz)))
            }
            (Self::Samples(Samples::Integers(samples)), rate_hz) => {
                let samples = samples.into_iter().map(float).collect();
                Ok(at_once(samples, rate_hz.unwrap_or(model_hz)))
            }
        }
    }
}

fn float(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

fn at_once(samples: Vec<f32>, rate_hz: u32) -> Source {
    let mut samples = Some(samples);
    Source::samples(rate_hz, move |out| {
        let samples = samples.take().unwrap_or_default();
        out.extend_from_slice(&samples);
        Ok(!samples.is_empty())
    })
}

/// Raw samples of 16 bits.
fn pcm(mut reader: impl Read + Send + 'static, rate_hz: u32) -> Source {
    let (mut bytes, mut pcm) = (vec![0; READ_BYTES], Pcm::default());
    Source::samples(rate_hz, move |out| {
        let read = loop {
            match reader.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        out.extend(pcm.samples(&bytes[..read]).map(float));
        if read == 0 && pcm.is_odd() {
            return Err(Failure::value("half a sample at the end: is it PCM of 16 bits?"));
        }
        Ok(read > 0)
    })
}

/// Reads from an object with a method `read`.
struct PythonFile {
    file: Py<PyAny>,
    raised: Raised,
    /// What came and was not asked for.
    rest: io::Cursor<Vec<u8>>,
}

impl PythonFile {
    fn new(file: Py<PyAny>, raised: &Raised) -> Self {
        Self { file, raised: raised.clone(), rest: io::Cursor::default() }
    }

    fn fetch(&self) -> PyResult<Vec<u8>> {
        Python::attach(|py| {
            let read = self.file.bind(py).call_method1("read", (READ_BYTES,))?;
            match Samples::of(&read)? {
                Some(Samples::Bytes(bytes)) => Ok(bytes),
                _ => Err(PyTypeError::new_err(format!(
                    "read() of the file gave {}, not bytes: open it with mode \"rb\"",
                    name(&read)
                ))),
            }
        })
    }
}

impl Read for PythonFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.position() == self.rest.get_ref().len() as u64 {
            let bytes = self.fetch().map_err(|error| {
                let message = error.to_string();
                self.raised.keep(error);
                io::Error::other(message)
            })?;
            self.rest = io::Cursor::new(bytes);
        }
        self.rest.read(buffer)
    }
}
