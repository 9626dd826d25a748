//! Functions: packages and language models made of others, subtitles, the table of settings.

use std::path::PathBuf;

use pyo3::prelude::*;
use stonechat::{SETTINGS, Word};

use super::border::apart;
use crate::workshop;

/// What a package holds: JSON.
#[pyfunction]
#[pyo3(signature = (model=None))]
pub fn inspect(py: Python<'_>, model: Option<PathBuf>) -> PyResult<String> {
    apart(py, || Ok(workshop::inspect(model.as_deref())?.to_string()))
}

/// Compresses a package; how, and by which audio, are objects of JSON.
#[pyfunction]
pub fn compress(
    py: Python<'_>,
    model: Option<PathBuf>,
    output: PathBuf,
    how: &str,
    calibrate: &str,
) -> PyResult<String> {
    apart(py, || {
        let (how, calibrate) = (serde_json::from_str(how)?, serde_json::from_str(calibrate)?);
        Ok(workshop::compress(model.as_deref(), &output, how, &calibrate)?.to_string())
    })
}

/// Quantizes a package.
#[pyfunction]
pub fn quantize(
    py: Python<'_>,
    model: Option<PathBuf>,
    output: PathBuf,
    bits: u8,
    correction: usize,
    calibrate: &str,
) -> PyResult<String> {
    apart(py, || {
        let calibrate = serde_json::from_str(calibrate)?;
        let change = workshop::quantize(model.as_deref(), &output, bits, correction, &calibrate)?;
        Ok(change.to_string())
    })
}

/// Makes a language model; how is an object of JSON.
#[pyfunction]
pub fn lm_build(
    py: Python<'_>,
    texts: Vec<PathBuf>,
    output: PathBuf,
    how: &str,
) -> PyResult<String> {
    apart(py, || Ok(workshop::lm_build(texts, &output, &serde_json::from_str(how)?)?.to_string()))
}

/// Words, a list of JSON, as SubRip or WebVTT.
#[pyfunction]
pub fn subtitles(py: Python<'_>, words: &str, seconds: f64, vtt: bool) -> PyResult<String> {
    apart(py, || {
        let words: Vec<Word> = serde_json::from_str(words)?;
        Ok(match vtt {
            true => stonechat::subtitles::vtt(&words, seconds),
            false => stonechat::subtitles::srt(&words, seconds),
        })
    })
}

/// The settings: name, value and help of each.
#[pyfunction]
pub fn settings() -> Vec<(&'static str, &'static str, &'static str)> {
    SETTINGS.iter().map(|setting| (setting.name, setting.value, setting.help)).collect()
}

/// The version of the library.
#[pyfunction]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
