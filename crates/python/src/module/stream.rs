//! Streams.

use std::sync::{Mutex, TryLockError};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use serde::Serialize;
use stonechat::Settings;

use super::border::{apart, name};
use super::samples::{Pcm, Samples};
use crate::Failure;

/// One utterance, or one endless microphone.
#[pyclass(frozen, module = "stonechat._native")]
pub struct Stream(Mutex<Running>);

struct Running {
    stream: stonechat::Stream,
    pcm: Pcm,
    finished: bool,
}

impl Stream {
    pub fn new(stream: stonechat::Stream) -> Self {
        Self(Mutex::new(Running { stream, pcm: Pcm::default(), finished: false }))
    }

    /// Does something with the stream, which nobody else may be using.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Running) -> Result<T, Failure> + Send,
    ) -> PyResult<T> {
        apart(py, || match self.0.try_lock() {
            Ok(mut running) => work(&mut running),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::runtime("another thread is using the stream: one call at a time"))
            }
            Err(TryLockError::Poisoned(_)) => {
                Err(Failure::runtime("a bug was met in this stream before: make another one"))
            }
        })
    }
}

#[pymethods]
impl Stream {
    fn push(&self, py: Python<'_>, samples: &Bound<'_, PyAny>) -> PyResult<()> {
        let samples = Samples::of(samples)?.ok_or_else(|| {
            PyTypeError::new_err(format!(
                "samples must be an array of float32 or int16, or bytes of 16-bit samples, not {}",
                name(samples)
            ))
        })?;
        self.with(py, |Running { stream, pcm, finished }| {
            if *finished {
                return Err(stonechat::Error::Finished.into());
            }
            let pushed = match samples {
                Samples::Bytes(bytes) => stream.push_i16(pcm.samples(&bytes)),
                Samples::Floats(samples) => stream.push(&samples),
                Samples::Integers(samples) => stream.push_i16(samples),
            };
            Ok(pushed?)
        })
    }

    /// The text so far and how many of its characters stay.
    fn partial(&self, py: Python<'_>) -> PyResult<(String, usize)> {
        self.with(py, |running| {
            let partial = running.stream.partial_result();
            Ok((partial.partial.to_string(), partial.stable))
        })
    }

    /// A list of JSON.
    fn take_utterances(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |running| json(&running.stream.take_utterances()))
    }

    /// A list of JSON.
    fn take_spotted(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |running| json(&running.stream.take_spotted()))
    }

    /// An object of JSON.
    fn finish(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |running| {
            running.finished = true;
            json(&running.stream.finish())
        })
    }

    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |Running { stream, pcm, finished }| {
            stream.reset();
            (*pcm, *finished) = (Pcm::default(), false);
            Ok(())
        })
    }

    /// A list or an object of JSON.
    fn set_hotwords(&self, py: Python<'_>, hotwords: &str) -> PyResult<()> {
        self.with(py, |running| {
            let mut settings = Settings::default();
            settings.set_value("hotwords", &serde_json::from_str(hotwords)?)?;
            Ok(running.stream.set_hotwords(settings.hotword_list()?)?)
        })
    }

    #[getter]
    fn finished(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |running| Ok(running.finished))
    }

    #[getter]
    fn seconds(&self, py: Python<'_>) -> PyResult<f64> {
        self.with(py, |running| Ok(running.stream.seconds()))
    }

    #[getter]
    fn rate(&self, py: Python<'_>) -> PyResult<u32> {
        self.with(py, |running| Ok(running.stream.sample_rate_hz()))
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value)?)
}
