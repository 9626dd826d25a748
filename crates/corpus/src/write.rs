//! Manifests written: the lines that [`read_manifest`](crate::read_manifest) reads.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};
use stonechat_files::Output;

use crate::{ManifestError, Part, Utterance, address};

/// The line of `utterance` in a manifest in `folder`: `audio_filepath` relative to it, and what is known of `offset`,
/// `duration`, `text` and `speaker`. A caller may add fields; readers ignore them.
pub fn manifest_line(utterance: &Utterance, folder: &Path) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("audio_filepath".into(), json!(relative(&utterance.audio, folder)));
    match utterance.part {
        None => {}
        Some(Part::Bytes { start_byte, bytes }) => {
            line.insert("start_byte".into(), json!(start_byte));
            line.insert("bytes".into(), json!(bytes));
        }
        Some(Part::Row(row)) => {
            line.insert("row".into(), json!(row));
        }
    }
    if let Some(offset) = utterance.offset_s {
        line.insert("offset".into(), json!(milliseconds(offset)));
    }
    if let Some(duration) = utterance.duration_s {
        line.insert("duration".into(), json!(milliseconds(duration)));
    }
    line.insert("text".into(), json!(utterance.text));
    if let Some(speaker) = &utterance.speaker {
        line.insert("speaker".into(), json!(speaker));
    }
    line
}

/// Writes `lines` to `path`, one a line.
///
/// # Errors
/// The file cannot be written.
pub fn write_manifest(
    path: &Path,
    lines: impl IntoIterator<Item = Map<String, Value>>,
) -> Result<(), ManifestError> {
    let mut file = Output::create(path)?;
    for line in lines {
        let line = Value::Object(line);
        writeln!(file, "{line}").map_err(|error| file.error(error))?;
    }
    Ok(file.commit()?)
}

/// Seconds to the millisecond, as people write them.
fn milliseconds(seconds: f64) -> f64 {
    (1e3 * seconds).round() / 1e3
}

/// `path` as seen from `folder`: it stays right when both move together. If there is no relative path, the absolute one.
fn relative(path: &Path, folder: &Path) -> String {
    if let Some(address) = address::relative(path, folder) {
        return address;
    }
    let absolute = |path: &Path| {
        path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.into())
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let path = absolute(path);
    let way = pathdiff::diff_paths(&path, absolute(folder)).unwrap_or(path);
    way.to_string_lossy().into_owned()
}
