//! A data folder of Kaldi (<https://kaldi-asr.org/doc/data_prep.html>): `wav.scp` names the recordings, `segments` (if
//! there) the parts of them that are utterances, `text` what is said, `utt2spk` who speaks.

use std::collections::HashMap;
use std::path::Path;

use super::{Import, recording};
use crate::ManifestError;
use crate::text::read_text;

/// Lines of a key and the rest.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    (1..).zip(text.lines()).filter_map(|(line, content)| {
        let content = content.trim();
        let (key, rest) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
        (!key.is_empty()).then_some((line, key, rest.trim()))
    })
}

pub(super) fn import(source: &Path, root: &Path) -> Result<Import, ManifestError> {
    let optional = |name: &str| {
        let path = source.join(name);
        if path.is_file() { read_text(&path) } else { Ok(String::new()) }
    };
    let text_path = source.join("text");
    let (recordings, texts) = (read_text(&source.join("wav.scp"))?, read_text(&text_path)?);
    let (segments, speakers) = (optional("segments")?, optional("utt2spk")?);
    let recordings: HashMap<&str, &str> = lines(&recordings).map(|(_, id, to)| (id, to)).collect();
    let segments: HashMap<&str, &str> = lines(&segments).map(|(_, id, to)| (id, to)).collect();
    let speakers: HashMap<&str, &str> = lines(&speakers).map(|(_, id, to)| (id, to)).collect();
    let mut found = Import::default();
    for (line, id, text) in lines(&texts) {
        let place = (text_path.as_path(), line);
        let (name, times) = match segments.get(id).map(|segment| part(segment)) {
            None => (id, None),
            Some(Some((name, times))) => (name, Some(times)),
            Some(None) => {
                found.leave_out(
                    place,
                    format!("segments: {id}: not a recording, a start and an end"),
                );
                continue;
            }
        };
        let Some(path) = recordings.get(name) else {
            found.leave_out(place, format!("wav.scp has no recording {name}"));
            continue;
        };
        if path.ends_with('|') {
            let reason =
                format!("wav.scp: {name} is a command, and none is run: decode it to a file");
            found.leave_out(place, reason);
            continue;
        }
        let Some(audio) = recording(root, path) else {
            found.no_recording(place, root, path);
            continue;
        };
        found.add(audio, text, speakers.get(id).copied(), place);
        if let (Some((start, end)), Some(utterance)) = (times, found.utterances.last_mut()) {
            // An end of -1 is that of the recording.
            utterance.offset_s = Some(start);
            utterance.duration_s = (end > start).then_some(end - start);
        }
    }
    Ok(found)
}

/// Recording, start and end of a segment.
fn part(segment: &str) -> Option<(&str, (f64, f64))> {
    let mut fields = segment.split_whitespace();
    let name = fields.next()?;
    let start: f64 = fields.next()?.parse().ok().filter(|&start| start >= 0.0)?;
    let end: f64 = fields.next()?.parse().ok()?;
    (end > start || end < 0.0).then_some((name, (start, end)))
}
