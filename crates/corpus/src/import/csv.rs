//! Any table with a path and a text in each row.

use std::path::Path;

use super::table::{self, Columns};
use super::{Import, table::first_line};
use crate::ManifestError;

/// Names of the columns in the table.
const AUDIO: [&str; 10] = [
    "audio_filepath",
    "audio",
    "audio_path",
    "path",
    "file",
    "filename",
    "file_name",
    "wav",
    "wav_filename",
    "clip",
];
const TEXT: [&str; 4] = ["text", "transcript", "transcription", "sentence"];
const SPEAKER: [&str; 3] = ["speaker", "speaker_id", "client_id"];

/// What may part columns.
const PARTING: [char; 4] = [',', '\t', ';', '|'];

pub(super) fn import(
    source: &Path,
    root: &Path,
    headings: Option<&[String]>,
) -> Result<Import, ManifestError> {
    let first = first_line(source)?;
    let times = |parting: &char| first.matches(*parting).count();
    // Of equals the last: a table of one column has no text, which is found below.
    let parting = PARTING.into_iter().rev().max_by_key(times).unwrap_or(',');
    table::import(source, root, (parting as u8, true), headings, |headings| {
        let place = |names: &[&str]| {
            let called = |heading: &String| names.contains(&heading.to_lowercase().as_str());
            headings.iter().position(called)
        };
        let needed = |what: &str, names: &[&str]| {
            place(names).ok_or_else(|| {
                format!(
                    "no column for the {what} among its headings {headings:?}: call it {:?}, or name the columns of a \
                     table without headings (--columns)",
                    names[0]
                )
            })
        };
        Ok(Columns {
            audio: needed("recording", &AUDIO)?,
            text: needed("text", &TEXT)?,
            speaker: place(&SPEAKER),
            offset: place(&["offset"]),
            duration: place(&["duration"]),
        })
    })
}
