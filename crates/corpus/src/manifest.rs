//! NeMo JSONL manifests: one utterance a line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::ManifestError;

/// One line of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    /// The audio file, resolved against the manifest's folder.
    pub audio: PathBuf,
    /// Where the utterance starts in the file, in seconds. Without it the whole file is the utterance; with it
    /// (0 included) the utterance is cut out by `offset_s` and `duration_s`.
    pub offset_s: Option<f64>,
    /// Declared length in seconds, above 0; without it the utterance lasts to the end of the file.
    pub duration_s: Option<f64>,
    /// The transcript; empty = nothing to be recognised is said.
    pub text: String,
    /// Who speaks, if the manifest says so.
    pub speaker: Option<String>,
    /// The manifest that lists it.
    pub manifest: Arc<Path>,
    /// Line number in the manifest, from 1.
    pub line: usize,
}

impl Utterance {
    /// `manifest:line`, the name of the utterance in reports.
    pub fn place(&self) -> String {
        format!("{}:{}", self.manifest.display(), self.line)
    }

    /// Decodes the utterance: mono samples in [-1, 1] at `rate_hz`.
    ///
    /// # Errors
    /// [`ManifestError::Audio`] if the file is missing, not audio, damaged, or ends before the segment starts.
    pub fn read(&self, rate_hz: u32) -> Result<Vec<f32>, ManifestError> {
        let samples = match self.offset_s {
            None => stonechat_audio::read_file(&self.audio, rate_hz),
            Some(offset) => {
                stonechat_audio::read_segment(&self.audio, rate_hz, offset, self.duration_s)
            }
        }
        .map_err(|error| self.audio_error(error))?;
        if samples.is_empty() {
            let problem = format!(
                "{}: no sample in this segment; check the file and `offset`",
                self.audio.display()
            );
            return Err(self.audio_error(problem));
        }
        Ok(samples)
    }

    /// The error of this utterance's audio.
    pub fn audio_error(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> ManifestError {
        ManifestError::Audio {
            manifest: self.manifest.to_path_buf(),
            line: self.line,
            source: source.into(),
        }
    }
}

/// Reads a manifest: NeMo JSONL with `audio_filepath` (relative to the manifest's folder), `text` and the optional
/// `duration` (s), `offset` (s) and `speaker`. Other fields are ignored, empty lines are skipped.
///
/// # Errors
/// The file cannot be read, or the first wrong line: [`ManifestError::Line`] names file, line and field.
pub fn read_manifest(path: &Path) -> Result<Vec<Utterance>, ManifestError> {
    read_manifest_lines(path)?.into_iter().collect()
}

/// As [`read_manifest`], but a wrong line is one entry of the result and the other lines are still read.
///
/// # Errors
/// The file cannot be read.
pub fn read_manifest_lines(
    path: &Path,
) -> Result<Vec<Result<Utterance, ManifestError>>, ManifestError> {
    let bytes = std::fs::read(path).map_err(|error| ManifestError::io(path, error))?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let manifest: Arc<Path> = path.into();
    let lines = bytes.split(|&byte| byte == b'\n').enumerate();
    Ok(lines
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, line)| {
            parse_line(line.trim_ascii(), &manifest, index + 1).map_err(|(field, problem)| {
                ManifestError::Line { path: path.to_path_buf(), line: index + 1, field, problem }
            })
        })
        .collect())
}

type FieldError = (&'static str, String);

fn parse_line(line: &[u8], manifest: &Arc<Path>, number: usize) -> Result<Utterance, FieldError> {
    let line = std::str::from_utf8(line).map_err(|error| {
        (
            "line",
            format!("not UTF-8 from byte {}; save the manifest as UTF-8", error.valid_up_to() + 1),
        )
    })?;
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|error| {
        ("line", format!("not a JSON object: {error}; write one object a line"))
    })?;
    let audio = string(&object, "audio_filepath")?
        .ok_or_else(|| missing("audio_filepath", "the path of the audio file"))?;
    if audio.is_empty() {
        return Err(("audio_filepath", "empty; give the path of the audio file".into()));
    }
    let duration_s = number_of(&object, "duration")?;
    if let Some(duration) = duration_s.filter(|&duration| duration <= 0.0) {
        return Err(("duration", format!("{duration} s; it must be above 0")));
    }
    let offset_s = number_of(&object, "offset")?;
    if let Some(offset) = offset_s.filter(|&offset| offset < 0.0) {
        return Err(("offset", format!("{offset} s; it must not be negative")));
    }
    let text = string(&object, "text")?
        .ok_or_else(|| missing("text", "the transcript (\"\" if nothing is said)"))?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    Ok(Utterance {
        audio: folder.join(audio),
        offset_s,
        duration_s,
        text: text.to_owned(),
        speaker: speaker(&object)?,
        manifest: Arc::clone(manifest),
        line: number,
    })
}

fn missing(field: &'static str, what: &str) -> FieldError {
    (field, format!("missing; give {what}"))
}

/// `null` counts as absent: exporters write it for what they do not know.
fn string<'a>(
    object: &'a Map<String, Value>,
    field: &'static str,
) -> Result<Option<&'a str>, FieldError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err((field, format!("{other} is not a string"))),
    }
}

fn number_of(object: &Map<String, Value>, field: &'static str) -> Result<Option<f64>, FieldError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err((field, format!("{value} is not a number of seconds"))),
        },
    }
}

/// Speakers are often numbered; a number is the same speaker as its digits.
fn speaker(object: &Map<String, Value>) -> Result<Option<String>, FieldError> {
    match object.get("speaker") {
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        _ => Ok(string(object, "speaker")?.map(str::to_owned)),
    }
}
