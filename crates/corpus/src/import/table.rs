//! Tables of texts, whatever parts their columns.

use std::path::Path;

use super::{Import, recording};
use crate::ManifestError;
use crate::text::read_text;

/// The first line that is not empty.
pub(super) fn first_line(path: &Path) -> Result<String, ManifestError> {
    let text = read_text(path)?;
    Ok(text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("").to_owned())
}

/// Where in a row the parts of an utterance stand.
pub(super) struct Columns {
    pub audio: usize,
    pub text: usize,
    pub speaker: Option<usize>,
    pub offset: Option<usize>,
    pub duration: Option<usize>,
}

/// Reads the rows of `source`, whose cells are parted by a byte and, if `quoted`, may be in double quotes. `columns`
/// finds them in the headings; `headings` stand for a first line that is not there.
pub(super) fn import(
    source: &Path,
    root: &Path,
    (parting, quoted): (u8, bool),
    headings: Option<&[String]>,
    columns: impl FnOnce(&[String]) -> Result<Columns, String>,
) -> Result<Import, ManifestError> {
    let text = read_text(source)?;
    let mut rows = rows(&text, parting, quoted).into_iter();
    let headings = match headings {
        Some(headings) => headings.to_vec(),
        None => rows.next().map(|(_, cells)| cells).unwrap_or_default(),
    };
    let columns = columns(&headings).map_err(|problem| ManifestError::layout(source, problem))?;
    let mut found = Import::default();
    for (line, row) in rows {
        let place = (source, line);
        let cell = |column: Option<usize>| column.and_then(|c| row.get(c)).map(String::as_str);
        let (Some(name), Some(text)) = (cell(Some(columns.audio)), cell(Some(columns.text))) else {
            found.leave_out(place, format!("{} columns, too few", row.len()));
            continue;
        };
        let times = [cell(columns.offset), cell(columns.duration)].map(seconds);
        let Some(audio) = recording(root, name).filter(|_| !name.is_empty()) else {
            found.no_recording(place, root, name);
            continue;
        };
        match times {
            [Ok(offset), Ok(duration)] => {
                found.add(audio, text, cell(columns.speaker), place);
                if let Some(utterance) = found.utterances.last_mut() {
                    (utterance.offset_s, utterance.duration_s) = (offset, duration);
                }
            }
            [Err(wrong), _] | [_, Err(wrong)] => {
                found.leave_out(place, format!("{wrong:?} is not a number of seconds"));
            }
        }
    }
    Ok(found)
}

/// The cells of each row without the white space around them, and the line it begins in; empty rows are left out.
fn rows(text: &str, parting: u8, quoted: bool) -> Vec<(usize, Vec<String>)> {
    let mut reader = csv_core::ReaderBuilder::new().delimiter(parting).quoting(quoted).build();
    let (mut input, mut rows) = (text.as_bytes(), Vec::new());
    // No cell is longer than the text.
    let mut cell = vec![0; text.len() + 1];
    let start = text.len() - text.trim_start_matches(['\r', '\n']).len();
    let (mut counted, mut line) = (start, 1 + newlines(&text.as_bytes()[..start]));
    let (mut filled, mut row) = (0, Vec::new());
    loop {
        let (result, read, written) = reader.read_field(input, &mut cell[filled..]);
        (input, filled) = (&input[read..], filled + written);
        match result {
            csv_core::ReadFieldResult::Field { record_end } => {
                row.push(String::from_utf8_lossy(&cell[..filled]).trim().to_owned());
                filled = 0;
                if record_end {
                    if row.iter().any(|cell| !cell.is_empty()) {
                        rows.push((line, std::mem::take(&mut row)));
                    }
                    row.clear();
                    // The next row begins behind all ends of lines, of which a cell may have some, too.
                    let ends = |byte: &&u8| matches!(byte, b'\r' | b'\n');
                    let begins = text.len() - input.len() + input.iter().take_while(ends).count();
                    line += newlines(&text.as_bytes()[counted..begins]);
                    counted = begins;
                }
            }
            // Asked once more with nothing left, it gives the last cell, or ends.
            csv_core::ReadFieldResult::InputEmpty | csv_core::ReadFieldResult::OutputFull => {}
            csv_core::ReadFieldResult::End => return rows,
        }
    }
}

fn newlines(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte == b'\n').count()
}

/// A time, if there is one; or the text that is not a time.
fn seconds(cell: Option<&str>) -> Result<Option<f64>, &str> {
    match cell {
        None | Some("") => Ok(None),
        Some(cell) => match cell.parse::<f64>() {
            Ok(seconds) if seconds >= 0.0 && seconds.is_finite() => Ok(Some(seconds)),
            _ => Err(cell),
        },
    }
}
