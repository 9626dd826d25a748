//! One table of all runs of a sweep, from their logs.
//!
//! One row per item: `item`, `arm` where the sweep has arms, `state`, the keys that it sets, and for
//! each stage `STAGE.` followed by
//!
//! ```text
//! epochs, loss            of the last epoch
//! cer, wer                of the epoch with the least CER on the development set
//! last_cer, dev_loss      of the last epoch
//! truncated_cer,          before any training of the stage, where it starts truncated
//! truncated_loss
//! parameters              trainable values
//! nonzero                 those of them that are not pruned
//! nu_rec, nu_nonrec       mean of the last diagnosis over recurrent and over other maps
//! rank90                  sum of the 90 % ranks
//! nu.MAP, rank90.MAP,     those of each map, and its trainable values; the rank of the displacement where its family
//! parameters.MAP,         has one
//! displacement_rank90.MAP
//! epoch_s                 mean seconds of an epoch's steps
//! ```
//!
//! Or a row an epoch: `item`, `arm`, its keys, `stage`, `epoch` (counted from 1 over all stages), `loss`, `cer`, `wer`,
//! `parameters`; and where a stage starts truncated, a row half an epoch later for the net before it is trained.

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

/// The table of all epochs of a sweep's items in `folder`.
///
/// # Errors
/// Those of [`collect`].
pub fn collect_epochs(items: &[Item], folder: &Path) -> Result<Table, Error> {
    let mut rows = Vec::new();
    for item in items {
        let (head, log) = log(item, folder)?;
        let mut done = 0.0;
        for entry in log {
            let Some(mut row) = epoch(&entry, &mut done) else { continue };
            row.extend(head.clone());
            rows.push(row);
        }
    }
    Ok(Table::of("item", &rows))
}

/// What a line of the log says at the end of an epoch, or of a truncated net; `done`: epochs before it.
fn epoch(entry: &Value, done: &mut f64) -> Option<Map<String, Value>> {
    let (at, dev) = match entry["epoch"].is_u64() {
        true => (*done + 1.0, &entry["dev"]),
        false => (*done + 0.5, entry.get("truncated")?),
    };
    *done = at.floor();
    let columns = [
        ("stage", &entry["stage"]),
        ("epoch", &json!(at)),
        ("loss", &entry["train_loss"]),
        ("cer", &dev["cer"]),
        ("wer", &dev["wer"]),
        ("parameters", &entry["parameters"]),
    ];
    Some(columns.map(|(name, value)| (name.to_owned(), value.clone())).into_iter().collect())
}

fn row(item: &Item, folder: &Path) -> Result<Map<String, Value>, Error> {
    let (mut row, log) = log(item, folder)?;
    let name = match state(item, folder) {
        State::Missing => "missing",
        State::Begun => "begun",
        State::Done => "done",
    };
    row.insert("state".into(), json!(name));
    for entry in &log {
        take(&mut row, entry);
    }
    let stages: Vec<&str> = log.iter().filter_map(|entry| entry["stage"].as_str()).collect();
    for stage in stages {
        let of = log.iter().filter(|entry| entry["stage"] == *stage);
        let seconds: Vec<f64> = of.filter_map(|entry| entry["seconds"].as_f64()).collect();
        if !seconds.is_empty() {
            let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
            row.insert(format!("{stage}.epoch_s"), json!(mean));
        }
    }
    Ok(row)
}

/// What an item is, and its log so far.
fn log(item: &Item, folder: &Path) -> Result<(Map<String, Value>, Vec<Value>), Error> {
    let mut head = Map::new();
    head.insert("item".into(), json!(item.name));
    head.extend(item.arm.as_ref().map(|arm| ("arm".into(), json!(arm))));
    head.extend(item.values());
    let log = match state(item, folder) {
        State::Missing => Vec::new(),
        state => {
            if state == State::Done {
                check_done(item, folder)?;
            }
            entries(&folder.join(&item.name).join("metrics.jsonl"))?
        }
    };
    Ok((head, log))
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
        row.insert(key("truncated_loss"), entry["truncated"]["loss"].clone());
    }
    if entry["parameters"].is_u64() {
        row.insert(key("parameters"), entry["parameters"].clone());
    }
    let Some(epoch) = entry["epoch"].as_u64() else { return };
    row.insert(key("epochs"), json!(epoch + 1));
    row.insert(key("loss"), entry["train_loss"].clone());
    if let Some(cer) = entry["dev"]["cer"].as_f64() {
        row.insert(key("last_cer"), json!(cer));
        row.insert(key("dev_loss"), entry["dev"]["loss"].clone());
        let best = row.get(&key("cer")).and_then(Value::as_f64);
        if best.is_none_or(|best| cer < best) {
            row.insert(key("cer"), json!(cer));
            row.insert(key("wer"), entry["dev"]["wer"].clone());
        }
    }
    if let Some(weights) = entry["weights"].as_array().filter(|weights| !weights.is_empty()) {
        for weight in weights {
            let Some(map) = weight["name"].as_str() else { continue };
            let of_map = ["nu", "rank90", "displacement_rank90", "parameters"];
            for what in of_map.into_iter().filter(|what| !weight[what].is_null()) {
                row.insert(key(&format!("{what}.{map}")), weight[what].clone());
            }
        }
        let recurrent =
            |weight: &&Value| weight["name"].as_str().is_some_and(|n| n.ends_with(".rec"));
        let nu = |keep: bool| {
            let of = weights.iter().filter(|weight| recurrent(weight) == keep);
            let values: Vec<f64> = of.filter_map(|weight| weight["nu"].as_f64()).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        row.insert(key("nu_rec"), json!(nu(true)));
        row.insert(key("nu_nonrec"), json!(nu(false)));
        let zeros = weights.iter().map(|weight| {
            let count = weight["parameters"].as_f64().unwrap_or(0.0);
            weight["zeros"].as_f64().unwrap_or(0.0) * count
        });
        let nonzero = entry["parameters"].as_f64().map(|all| all - zeros.sum::<f64>().round());
        row.insert(key("nonzero"), json!(nonzero));
        let ranks: u64 = weights.iter().filter_map(|weight| weight["rank90"].as_u64()).sum();
        row.insert(key("rank90"), json!(ranks));
    }
}
