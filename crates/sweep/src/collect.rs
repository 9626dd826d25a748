//! One table of all runs of a sweep, from their logs.
//!
//! One row per item: `item`, `state`, the keys that it sets, and for each stage `STAGE.` followed
//! by
//!
//! ```text
//! epochs, loss            of the last epoch
//! cer, wer                of the epoch with the least CER on the development set
//! last_cer                of the last epoch
//! truncated_cer           before any training of the stage, where it starts truncated
//! parameters              trainable values
//! nu_rec, nu_nonrec       mean of the last diagnosis over recurrent and over other maps
//! rank90                  sum of the 90 % ranks
//! ```

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::run::check_done;
use crate::{Error, Item, State, Table, state};

/// The table of a sweep's items in `folder`; items that were never begun have only their keys.
///
/// # Errors
/// A log that cannot be read, or a line that is not a JSON object (the last may be incomplete); an
/// item that was trained with other keys than its current ones.
pub fn collect(items: &[Item], folder: &Path) -> Result<Table, Error> {
    let rows: Result<Vec<_>, _> = items.iter().map(|item| row(item, folder)).collect();
    Ok(Table::of("item", &rows?))
}

fn row(item: &Item, folder: &Path) -> Result<Map<String, Value>, Error> {
    let state = state(item, folder);
    let mut row = Map::new();
    row.insert("item".into(), json!(item.name));
    let name = match state {
        State::Missing => "missing",
        State::Begun => "begun",
        State::Done => "done",
    };
    row.insert("state".into(), json!(name));
    row.extend(item.values());
    if state == State::Done {
        check_done(item, folder)?;
    }
    if state != State::Missing {
        for entry in entries(&folder.join(&item.name).join("metrics.jsonl"))? {
            take(&mut row, &entry);
        }
    }
    Ok(row)
}

fn entries(path: &Path) -> Result<Vec<Value>, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    let lines: Vec<&str> = text.lines().collect();
    let mut entries = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        match serde_json::from_str::<Value>(line) {
            Ok(entry) if entry.is_object() => entries.push(entry),
            // A running training may be writing it just now.
            _ if i + 1 == lines.len() => {}
            _ => {
                let reason = "is no JSON object".into();
                return Err(Error::Line { path: path.to_owned(), line: i + 1, reason });
            }
        }
    }
    Ok(entries)
}

/// Adds the contents of a log line about its stage to the row.
fn take(row: &mut Map<String, Value>, entry: &Value) {
    let Some(stage) = entry["stage"].as_str() else { return };
    let key = |name: &str| format!("{stage}.{name}");
    if let Some(cer) = entry["truncated"]["cer"].as_f64() {
        row.insert(key("truncated_cer"), json!(cer));
    }
    if entry["parameters"].is_u64() {
        row.insert(key("parameters"), entry["parameters"].clone());
    }
    let Some(epoch) = entry["epoch"].as_u64() else { return };
    row.insert(key("epochs"), json!(epoch + 1));
    row.insert(key("loss"), entry["train_loss"].clone());
    if let Some(cer) = entry["dev"]["cer"].as_f64() {
        row.insert(key("last_cer"), json!(cer));
        let best = row.get(&key("cer")).and_then(Value::as_f64);
        if best.is_none_or(|best| cer < best) {
            row.insert(key("cer"), json!(cer));
            row.insert(key("wer"), entry["dev"]["wer"].clone());
        }
    }
    if let Some(weights) = entry["weights"].as_array().filter(|weights| !weights.is_empty()) {
        let recurrent =
            |weight: &&Value| weight["name"].as_str().is_some_and(|n| n.ends_with(".rec"));
        let nu = |keep: bool| {
            let of = weights.iter().filter(|weight| recurrent(weight) == keep);
            let values: Vec<f64> = of.filter_map(|weight| weight["nu"].as_f64()).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        row.insert(key("nu_rec"), json!(nu(true)));
        row.insert(key("nu_nonrec"), json!(nu(false)));
        let ranks: u64 = weights.iter().filter_map(|weight| weight["rank90"].as_u64()).sum();
        row.insert(key("rank90"), json!(ranks));
    }
}
