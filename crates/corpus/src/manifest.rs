//! NeMo JSONL manifests: one utterance a line.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use stonechat_audio::{AudioReader, Sound};
use stonechat_files::{LineError, TextFile};
use stonechat_kinds::{FileKind, HEAD_BYTES};

use crate::address::{is_address, resolve};
use crate::blob::Blob;
use crate::{Files, ManifestError, Part};

/// The fields that are read.
const FIELDS: [&str; 8] =
    ["audio_filepath", "start_byte", "bytes", "row", "duration", "text", "offset", "speaker"];

/// A rate to open a file at whose own is not known yet.
pub(crate) const ANY_RATE_HZ: u32 = 16_000;

/// One line of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    /// The audio file, resolved against the manifest's folder; an address (http, https, S3) in a build that reads such.
    pub audio: PathBuf,
    /// Which part of that file the recording is, where it is a shard of many.
    pub part: Option<Part>,
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
    /// What the utterances of a manifest keep open together; none of its own opens what it needs each time.
    pub files: Files,
}

impl Utterance {
    /// `manifest:line`, the name of the utterance in reports.
    pub fn place(&self) -> String {
        format!("{}:{}", self.manifest.display(), self.line)
    }

    /// Decodes the utterance: mono samples in [-1, 1] at `rate_hz`, and what was wrong with the recording although there are
    /// some ([`Doubts`](crate::Doubts) counts that).
    ///
    /// # Errors
    /// [`ManifestError::Audio`] if the file is missing, not audio, damaged, or ends before the segment starts.
    pub fn read(&self, rate_hz: u32) -> Result<Sound, ManifestError> {
        let sound = match (self.part, self.offset_s) {
            (None, Some(offset)) if !is_address(&self.audio) => {
                stonechat_audio::read_segment(&self.audio, rate_hz, offset, self.duration_s)
                    .map_err(|error| self.audio_error(error))?
            }
            _ => self.read_whole(rate_hz)?,
        };
        if sound.samples.is_empty() {
            let problem = format!(
                "{}: no sample in this segment; check the file and `offset`",
                self.audio.display()
            );
            return Err(self.audio_error(problem));
        }
        Ok(sound)
    }

    /// The recording as a whole, or the segment of a member of a shard.
    fn read_whole(&self, rate_hz: u32) -> Result<Sound, ManifestError> {
        let mut reader = self.open(rate_hz)?;
        let mut samples = Vec::new();
        while reader.next_chunk(&mut samples).map_err(|error| self.audio_error(error))? {}
        if let Some(offset) = self.offset_s {
            let count = |seconds: f64| (seconds * f64::from(rate_hz)).round() as usize;
            samples.drain(..count(offset).min(samples.len()));
            samples.truncate(self.duration_s.map_or(usize::MAX, count));
        }
        Ok(Sound { samples, warnings: reader.warnings() })
    }

    /// Opens the recording, of which the utterance may be a segment.
    ///
    /// # Errors
    /// [`ManifestError::Audio`] if the file is missing, not audio, or damaged.
    pub fn open(&self, rate_hz: u32) -> Result<AudioReader, ManifestError> {
        match self.part {
            None if !is_address(&self.audio) => AudioReader::open(&self.audio, rate_hz),
            None => {
                let name = self.audio.display().to_string();
                AudioReader::from_bytes(self.bytes()?, &name, rate_hz)
            }
            Some(part) => AudioReader::from_bytes(self.bytes()?, &part.name(&self.audio), rate_hz),
        }
        .map_err(|error| self.audio_error(error))
    }

    /// The recording's file as it is, encoded.
    ///
    /// # Errors
    /// [`ManifestError::Audio`] if it cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>, ManifestError> {
        match self.part {
            None => whole(&self.audio, &self.files)
                .map_err(|error| self.audio_error(format!("{}: {error}", self.audio.display()))),
            Some(part) => {
                part.read(&self.audio, &self.files).map_err(|problem| self.audio_error(problem))
            }
        }
    }

    /// Whether the audio is behind an address.
    pub fn is_remote(&self) -> bool {
        is_address(&self.audio)
    }

    /// What is another once the recording's file was changed: its length and when that was, or the tag that a server gives it.
    ///
    /// # Errors
    /// [`ManifestError::Audio`] if the file is not there.
    pub fn version(&self) -> Result<String, ManifestError> {
        let fail =
            |error: &std::io::Error| self.audio_error(format!("{}: {error}", self.audio.display()));
        match Blob::open(&self.audio, &self.files).map_err(|error| fail(&error))? {
            Blob::Here(file, length) => {
                let metadata = file.metadata().map_err(|error| fail(&error))?;
                let modified = metadata.modified().ok();
                let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                Ok(format!("{length} bytes {} ns", since.map_or(0, |time| time.as_nanos())))
            }
            #[cfg(feature = "remote")]
            Blob::Remote(_, object) => Ok(format!("{} bytes {}", object.len(), object.version())),
        }
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
/// `duration` (s), `offset` (s) and `speaker`; `start_byte` and `bytes` where the file
/// is a shard, `row` where it is a Parquet table. A Parquet table of recordings is a manifest by itself (feature `parquet`). Other fields are ignored, empty lines are skipped.
///
/// # Errors
/// The file cannot be read, or the first wrong line: [`ManifestError::Line`] names file, line and field.
pub fn read_manifest(path: &Path) -> Result<Vec<Utterance>, ManifestError> {
    read_manifest_with(path, &Files::shared())
}

/// As [`read_manifest`]; the utterances share `files`.
///
/// # Errors
/// As [`read_manifest`].
pub fn read_manifest_with(path: &Path, files: &Files) -> Result<Vec<Utterance>, ManifestError> {
    lines_with(path, files)?.into_iter().collect()
}

/// As [`read_manifest`], but a wrong line is one entry of the result and the other lines are still read.
///
/// # Errors
/// The file cannot be read.
pub fn read_manifest_lines(
    path: &Path,
) -> Result<Vec<Result<Utterance, ManifestError>>, ManifestError> {
    lines_with(path, &Files::shared())
}

fn lines_with(
    path: &Path,
    files: &Files,
) -> Result<Vec<Result<Utterance, ManifestError>>, ManifestError> {
    // Nothing is taken out of a pipe to look at it.
    if let Ok(Some(kind)) = kind(path, files)
        && !may_be_lines(kind)
    {
        #[cfg(feature = "parquet")]
        if kind == FileKind::Parquet {
            return crate::parquet::lines(path, files);
        }
        return Err(ManifestError::Kind { path: path.to_path_buf(), kind });
    }
    let text = whole(path, files).map_err(|source| ManifestError::io(path, source))?;
    Ok(parse(&TextFile::new(path, text), files))
}

/// The lines of a manifest that was read already; its folder is where its paths begin, for a pipe that of the process.
pub fn manifest_lines(file: &TextFile) -> Vec<Result<Utterance, ManifestError>> {
    parse(file, &Files::shared())
}

fn parse(file: &TextFile, files: &Files) -> Vec<Result<Utterance, ManifestError>> {
    let path = file.path();
    let manifest: Arc<Path> = path.into();
    let is_pipe = path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir());
    let folder = if is_pipe { Path::new("") } else { path.parent().unwrap_or(Path::new("")) };
    let filled =
        |text: &Result<&str, LineError>| text.as_ref().map_or(true, |text| !text.trim().is_empty());
    let lines = file.lines().filter(|(_, text)| filled(text));
    lines
        .map(|(line, text)| {
            let text = text.map_err(|problem| ("line", problem.to_string()));
            text.and_then(|text| parse_line(text.trim(), (folder, &manifest), line, files)).map_err(
                |(field, problem)| ManifestError::Line {
                    path: path.to_path_buf(),
                    line,
                    field,
                    problem,
                },
            )
        })
        .collect()
}

/// The kind of a file, here or behind an address; `None` for what is no file.
pub(crate) fn kind(path: &Path, files: &Files) -> std::io::Result<Option<FileKind>> {
    if !is_address(path) {
        return FileKind::of_file(path);
    }
    let file = Blob::open(path, files)?;
    Ok(Some(FileKind::of(&file.bytes(0, file.len().min(HEAD_BYTES as u64))?)))
}

/// A whole file, here or behind an address.
fn whole(path: &Path, files: &Files) -> std::io::Result<Vec<u8>> {
    if !is_address(path) {
        return std::fs::read(path);
    }
    let file = Blob::open(path, files)?;
    file.bytes(0, file.len())
}

/// Whether a file of that kind is a manifest, or may be a damaged one.
fn may_be_lines(kind: FileKind) -> bool {
    use FileKind::{Empty, Json, Manifest, Text, Toml, Unknown, Utf16};
    matches!(kind, Empty | Json | Manifest | Text | Toml | Unknown(_) | Utf16)
}

type FieldError = (&'static str, String);

/// The fields of a line, and the first that is there twice: one of its values would be lost.
struct Fields {
    values: Map<String, Value>,
    twice: Option<&'static str>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields { values: Map::new(), twice: None };
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    let known = FIELDS.into_iter().find(|field| *field == key);
                    if fields.values.insert(key, value).is_some() {
                        fields.twice = fields.twice.or(known);
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn parse_line(
    line: &str,
    (folder, manifest): (&Path, &Arc<Path>),
    number: usize,
    files: &Files,
) -> Result<Utterance, FieldError> {
    let Fields { values: object, twice } = serde_json::from_str(line).map_err(|error| {
        ("line", format!("not a JSON object: {error}; write one object a line"))
    })?;
    if let Some(field) = twice {
        return Err((field, "there twice; keep the one that is right".into()));
    }
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
    let part = part(&object)?;
    let text = string(&object, "text")?
        .ok_or_else(|| missing("text", "the transcript (\"\" if nothing is said)"))?;
    Ok(Utterance {
        audio: resolve(folder, audio),
        part,
        offset_s,
        duration_s,
        text: text.to_owned(),
        speaker: speaker(&object)?,
        manifest: Arc::clone(manifest),
        line: number,
        files: files.clone(),
    })
}

fn part(object: &Map<String, Value>) -> Result<Option<Part>, FieldError> {
    let range = match (number(object, "start_byte")?, number(object, "bytes")?) {
        (None, None) => None,
        (Some(start_byte), Some(bytes)) => Some(Part::Bytes { start_byte, bytes }),
        (None, _) => return Err(missing("start_byte", "where the recording starts in its shard")),
        (_, None) => return Err(missing("bytes", "how long the recording is in its shard")),
    };
    match (range, number(object, "row")?) {
        (Some(_), Some(_)) => {
            Err(("row", "beside `start_byte`; a recording is a row or some bytes".into()))
        }
        (range, row) => Ok(range.or(row.map(Part::Row))),
    }
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

fn number(object: &Map<String, Value>, field: &'static str) -> Result<Option<u64>, FieldError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(bytes) => Ok(Some(bytes)),
            None => Err((field, format!("{value} is not a whole number from 0 on"))),
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
