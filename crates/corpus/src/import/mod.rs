//! Recordings as others lay them out, one layout a file.
//!
//! An importer only finds what belongs together: a recording, its text, its speaker and its place in a longer file. It
//! decodes nothing and changes no text.

mod common_voice;
mod csv;
mod folder;
mod kaldi;
mod librispeech;
#[cfg(feature = "parquet")]
mod parquet;
mod table;
mod webdataset;

use std::path::{Path, PathBuf};

use stonechat_kinds::FileKind;

use crate::address::is_address;
use crate::manifest::kind;
use crate::{Files, ManifestError, Utterance, read_manifest};

/// How recordings and transcripts lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A manifest (JSONL).
    Manifest,
    /// A folder, and those in it, of `x.wav` (or another kind of audio) beside `x.txt`.
    Folder,
    /// A table with a line of headings: path, text, and perhaps speaker, offset and duration.
    Csv,
    /// A TSV of Common Voice beside its folder `clips`.
    CommonVoice,
    /// Folders of `SPEAKER-CHAPTER.trans.txt` beside `SPEAKER-CHAPTER-NUMBER.flac`.
    LibriSpeech,
    /// A tar file of `x.flac` beside `x.txt` or `x.json`, or a folder of such: shards of WebDataset.
    WebDataset,
    /// A Parquet table with the files of the recordings in a column, as Hugging Face hands data sets out, or a folder of such
    /// (feature `parquet`).
    Parquet,
    /// A data folder of Kaldi: `wav.scp`, `text`, and perhaps `segments` and `utt2spk`.
    Kaldi,
}

impl Layout {
    /// What `source` looks like.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(source: &Path) -> Result<Self, ManifestError> {
        if is_address(source) {
            // A folder there cannot be looked into.
            if ends_in(source, "tar") {
                return Ok(Self::WebDataset);
            }
            let kind = kind(source, &Files::shared());
            return match kind.map_err(|error| ManifestError::io(source, error))? {
                Some(FileKind::Parquet) => Ok(Self::Parquet),
                _ => Ok(Self::Manifest),
            };
        }
        let is_dir = source.metadata().map_err(|error| ManifestError::io(source, error))?.is_dir();
        if is_dir {
            return Ok(if source.join("wav.scp").is_file() {
                Self::Kaldi
            } else if !named(source, "tar")?.is_empty() {
                Self::WebDataset
            } else if !named(source, "parquet")?.is_empty() {
                Self::Parquet
            } else if librispeech::transcripts(source)?.is_empty() {
                Self::Folder
            } else {
                Self::LibriSpeech
            });
        }
        if ends_in(source, "tar") {
            return Ok(Self::WebDataset);
        }
        if FileKind::of_file(source).is_ok_and(|kind| kind == Some(FileKind::Parquet)) {
            return Ok(Self::Parquet);
        }
        let first = table::first_line(source)?;
        Ok(if first.starts_with('{') {
            Self::Manifest
        } else if common_voice::is_heading(&first) {
            Self::CommonVoice
        } else {
            Self::Csv
        })
    }
}

/// What the source does not say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The layout; [`Layout::of`] where absent.
    pub layout: Option<Layout>,
    /// Folder that paths start from; the source's own where absent (Common Voice: `clips` in it).
    pub audio: Option<PathBuf>,
    /// Names of the columns of a table without headings.
    pub columns: Option<Vec<String>>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// Recordings with texts, in the source's order (folders: by name). Their `manifest` and `line` are where the text
    /// stands.
    pub utterances: Vec<Utterance>,
    /// What has no counterpart.
    pub left_out: Vec<LeftOut>,
}

/// Something that makes no utterance.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// File, or `file:line`.
    pub place: String,
    /// Why.
    pub reason: String,
}

/// Finds the recordings of `source`.
///
/// # Errors
/// The source cannot be read, or nothing in it is laid out as expected.
pub fn import(source: &Path, options: &Options) -> Result<Import, ManifestError> {
    let layout = options.layout.map_or_else(|| Layout::of(source), Ok)?;
    let folder = match layout {
        Layout::Folder | Layout::LibriSpeech | Layout::Kaldi => source,
        _ => source.parent().unwrap_or(Path::new("")),
    };
    let audio = options.audio.as_deref();
    let root = audio.unwrap_or(folder);
    match layout {
        Layout::Manifest => Ok(Import { utterances: read_manifest(source)?, left_out: Vec::new() }),
        Layout::Folder => folder::import(source),
        Layout::Csv => csv::import(source, root, options.columns.as_deref()),
        Layout::CommonVoice => common_voice::import(source, audio.unwrap_or(&folder.join("clips"))),
        Layout::LibriSpeech => librispeech::import(source),
        Layout::Kaldi => kaldi::import(source, root),
        Layout::WebDataset => webdataset::import(source),
        #[cfg(feature = "parquet")]
        Layout::Parquet => parquet::import(source),
        #[cfg(not(feature = "parquet"))]
        Layout::Parquet => Err(ManifestError::layout(source, crate::files::NO_PARQUET)),
    }
}

/// Endings of audio files, in the order in which they are tried.
const ENDINGS: [&str; 10] =
    ["wav", "flac", "mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "webm"];

/// Fields or columns that may have the text, the first that is there.
pub(crate) const TEXTS: [&str; 4] = ["text", "transcript", "transcription", "sentence"];

/// Is this such a file, by its name?
fn ends_in(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// The files of a folder that end in `ending`, or the one that `source` is, by name.
fn named(source: &Path, ending: &str) -> Result<Vec<PathBuf>, ManifestError> {
    if !source.is_dir() {
        return Ok(vec![source.to_owned()]);
    }
    let entries = std::fs::read_dir(source).map_err(|error| ManifestError::io(source, error))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| ManifestError::io(source, error))?.path();
        found.extend(ends_in(&path, ending).then_some(path));
    }
    found.sort();
    Ok(found)
}

/// The recording `name` below `folder`, which may lack its ending.
fn recording(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    let with = |ending: &&str| PathBuf::from(format!("{}.{ending}", path.display()));
    ENDINGS.iter().map(with).find(|path| path.is_file())
}

impl Import {
    fn add(
        &mut self,
        audio: PathBuf,
        text: &str,
        speaker: Option<&str>,
        place: (&Path, usize),
    ) -> &mut Utterance {
        self.utterances.push_mut(Utterance {
            audio,
            part: None,
            offset_s: None,
            duration_s: None,
            text: text.trim().to_owned(),
            speaker: speaker.filter(|speaker| !speaker.is_empty()).map(str::to_owned),
            manifest: place.0.into(),
            line: place.1,
            files: Files::default(),
        })
    }

    fn leave_out(&mut self, place: (&Path, usize), reason: impl Into<String>) {
        let place = format!("{}:{}", place.0.display(), place.1);
        self.left_out.push(LeftOut { place, reason: reason.into() });
    }

    /// Leaves a text out whose recording is not there.
    fn no_recording(&mut self, place: (&Path, usize), folder: &Path, name: &str) {
        let path = folder.join(name);
        self.leave_out(place, format!("{}: no such recording", path.display()));
    }
}
