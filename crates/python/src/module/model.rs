//! Models.

use std::sync::Arc;

use pyo3::prelude::*;
use stonechat::PackedLanguageModel;
use stonechat_english::{LANGUAGE_MODEL, MODEL};

use super::border::{Content, apart};
/// A loaded model with its language model, shared by recognizers.
#[pyclass(frozen, module = "stonechat._native")]
pub struct Model(pub(super) Arc<stonechat::Model>);

#[pymethods]
impl Model {
    /// Of a package; without one the bundled model.
    #[new]
    #[pyo3(signature = (source=None))]
    fn new(py: Python<'_>, source: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let source = source.map(|source| Content::of(source, "model")).transpose()?;
        apart(py, || {
            Ok(Self(Arc::new(match source {
                None => stonechat::Model::from_bytes(MODEL)?
                    .with_language_model(PackedLanguageModel::from_bytes(LANGUAGE_MODEL)?),
                Some(Content::Path(path)) => stonechat::Model::load(path)?,
                Some(Content::Bytes(bytes)) => stonechat::Model::from_bytes(&bytes)?,
            })))
        })
    }

    #[getter]
    fn sample_rate(&self) -> u32 {
        self.0.sample_rate_hz()
    }
}
