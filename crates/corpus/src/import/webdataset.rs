//! Tar files of WebDataset: `x.flac` beside `x.txt` or `x.json`. Nothing is unpacked: an utterance is bytes of the shard.

use std::io::{BufReader, Read};
use std::path::Path;

use serde_json::Value;

use super::{ENDINGS, Import, TEXTS, named};
use crate::blob::Blob;
use crate::{Files, ManifestError, Part};

/// Longest text of an utterance, in bytes.
const MOST_TEXT: u64 = 1 << 20;

/// What is known of a key so far.
#[derive(Default)]
struct Sample {
    key: String,
    /// Place in the shard, from 1.
    number: usize,
    part: Option<Part>,
    text: Option<String>,
    speaker: Option<String>,
}

pub(super) fn import(source: &Path) -> Result<Import, ManifestError> {
    let files = Files::shared();
    let mut import = Import::default();
    for shard in named(source, "tar")? {
        read(&shard, &files, &mut import)?;
    }
    Ok(import)
}

fn read(shard: &Path, files: &Files, import: &mut Import) -> Result<(), ManifestError> {
    let wrong = |error: std::io::Error| {
        ManifestError::layout(shard, format!("{error}; an uncompressed tar file is wanted"))
    };
    let file = Blob::open(shard, files).map_err(|error| ManifestError::io(shard, error))?;
    let mut archive = tar::Archive::new(BufReader::new(file.at(0)));
    let mut sample = Sample::default();
    for (number, entry) in archive.entries_with_seek().map_err(wrong)?.enumerate() {
        let entry = entry.map_err(wrong)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().map_err(wrong)?.to_string_lossy().into_owned();
        // A key ends at the first dot of the file's name: `a/b.c.txt` is what `a/b` has under `c.txt`.
        let folder = name.rfind('/').map_or(0, |slash| slash + 1);
        let Some(dot) = name[folder..].find('.').map(|dot| folder + dot) else { continue };
        let (key, ending) = (&name[..dot], name[dot + 1..].to_lowercase());
        if key != sample.key {
            std::mem::replace(
                &mut sample,
                Sample { key: key.to_owned(), number: number + 1, ..Sample::default() },
            )
            .add(shard, files, import);
        }
        let part = Part::Bytes { start_byte: entry.raw_file_position(), bytes: entry.size() };
        match ending.as_str() {
            "txt" => sample.text = Some(text(entry).map_err(wrong)?),
            "json" => sample.take(&text(entry).map_err(wrong)?),
            ending if ENDINGS.contains(&ending) => sample.part = Some(part),
            _ => {}
        }
    }
    sample.add(shard, files, import);
    Ok(())
}

fn text(entry: impl Read) -> std::io::Result<String> {
    let text = std::io::read_to_string(entry.take(MOST_TEXT + 1))?;
    match text.len() as u64 <= MOST_TEXT {
        true => Ok(text),
        false => Err(std::io::Error::other("a text of more than a megabyte")),
    }
}

impl Sample {
    /// What a JSON says; a text file has the last word about the text.
    fn take(&mut self, json: &str) {
        let Ok(value) = serde_json::from_str::<Value>(json) else { return };
        let field = |name: &str| value[name].as_str().map(str::to_owned);
        if self.text.is_none() {
            self.text = TEXTS.into_iter().find_map(field);
        }
        self.speaker = field("speaker").or(self.speaker.take());
    }

    fn add(self, shard: &Path, files: &Files, import: &mut Import) {
        let place = (shard, self.number);
        match (self.part, self.text) {
            (None, None) => {}
            (Some(part), Some(text)) => {
                let added = import.add(shard.to_owned(), &text, self.speaker.as_deref(), place);
                (added.part, added.files) = (Some(part), files.clone());
            }
            (Some(_), None) => import.leave_out(
                place,
                format!("{}: no text: a .txt, or a .json with a field `text`", self.key),
            ),
            (None, Some(_)) => import.leave_out(place, format!("{}: no recording", self.key)),
        }
    }
}
