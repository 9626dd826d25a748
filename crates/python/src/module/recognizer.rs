//! Recognizers.

use pyo3::prelude::*;
use stonechat::{PackedLanguageModel, Settings};

use super::border::{Content, Raised, apart, rate_hz};
use super::file::Audio;
use super::model::Model;
use super::stream::Stream;
use crate::Failure;
use crate::recording::hear;

/// A model with settings.
#[pyclass(frozen, module = "stonechat._native")]
pub struct Recognizer {
    recognizer: stonechat::Recognizer,
    settings: Settings,
}

#[pymethods]
impl Recognizer {
    /// `settings` is an object of JSON with the names of the command's options, `lm` a language model, path or bytes.
    #[new]
    #[pyo3(signature = (model, settings, lm=None))]
    fn new(
        py: Python<'_>,
        model: &Model,
        settings: &str,
        lm: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let lm = lm.map(|lm| Content::of(lm, "lm")).transpose()?;
        apart(py, || {
            // Setting by setting: through serde, an error would say where in the text it is.
            let given: serde_json::Map<_, _> = serde_json::from_str(settings)?;
            let mut settings = Settings::default();
            for (name, value) in &given {
                settings.set_value(name, value)?;
            }
            let lm = match lm {
                None => None,
                Some(Content::Path(path)) => Some(PackedLanguageModel::load(path)?),
                Some(Content::Bytes(bytes)) => Some(PackedLanguageModel::from_bytes(bytes)?),
            };
            let recognizer = match lm {
                None => settings.recognizer(model.0.clone())?,
                lm => settings.recognizer_with(model.0.clone(), lm)?,
            };
            Ok(Self { recognizer, settings })
        })
    }

    #[getter]
    fn sample_rate(&self) -> u32 {
        self.recognizer.model().sample_rate_hz()
    }

    /// A stream at a rate. With `utterances` they end by themselves, after a second of silence where the settings do not say
    /// otherwise.
    #[pyo3(signature = (rate=None, utterances=false))]
    fn stream(&self, py: Python<'_>, rate: Option<i64>, utterances: bool) -> PyResult<Stream> {
        let rate = rate.map(rate_hz).transpose()?;
        apart(py, || {
            let recognizer = match utterances {
                true => &self.recognizer.clone().with_utterances(),
                false => &self.recognizer,
            };
            Ok(Stream::new(match rate {
                None => recognizer.stream(),
                Some(rate_hz) => recognizer.stream_at(rate_hz)?,
            }))
        })
    }

    /// Transcribes a recording: JSON.
    #[pyo3(signature = (audio, rate=None))]
    fn transcribe(
        &self,
        py: Python<'_>,
        audio: &Bound<'_, PyAny>,
        rate: Option<i64>,
    ) -> PyResult<String> {
        let (audio, rate) = (Audio::of(audio)?, rate.map(rate_hz).transpose()?);
        let raised = Raised::default();
        let done = apart(py, || {
            let mut source = audio.source(rate, self.sample_rate(), &raised)?;
            let heard = hear(&self.recognizer, &self.settings, &mut source, &mut raised.stop())?;
            serde_json::to_string(&heard).map_err(Failure::from)
        });
        done.map_err(|error| raised.or(error))
    }
}
