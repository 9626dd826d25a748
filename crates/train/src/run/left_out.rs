//! Data that a run does not use, or should not use: reported before the training, and an error with
//! `--strict`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use stonechat_corpus::{Part, Utterance};

use crate::data::{Dataset, Source};

/// How many utterances are named.
const NAMED: usize = 3;

/// A sentence for each doubt about the data of a run.
pub fn doubts(train: (&Dataset, &[Source]), dev: Option<(&Dataset, &[Source])>) -> Vec<String> {
    let mut doubts = Vec::new();
    for (set, (data, sources)) in std::iter::once(("train", train)).chain(dev.map(|d| ("dev", d))) {
        doubts.extend(dropped(set, data));
        doubts.extend(empty(set, data, sources));
    }
    doubts.extend(dev.and_then(|(dev, _)| shared(train.0, dev)));
    doubts
}

fn dropped(set: &str, data: &Dataset) -> Option<String> {
    let counts = data.dropped_counts();
    let reasons: Vec<String> = counts.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    let first = data.dropped().iter().map(|d| format!("{}: {}", d.place, d.detail));
    let rest = data.dropped().len().saturating_sub(NAMED);
    let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
    let first: Vec<String> = first.take(NAMED).collect();
    let total = data.dropped().len();
    (total > 0).then(|| {
        format!("{set}: {total} left out ({}): {}{more}", reasons.join(", "), first.join("; "))
    })
}

/// Manifests without lines.
fn empty(set: &str, data: &Dataset, sources: &[Source]) -> Vec<String> {
    let listed: BTreeSet<String> =
        data.utterances().iter().map(|u| u.manifest.display().to_string()).collect();
    let sources = sources.iter().filter(|source| source.repeat > 0);
    let names = sources.map(|source| source.manifest.display().to_string());
    let unused = names.filter(|name| {
        let dropped = |place: &str| place.rsplit_once(':').is_some_and(|(file, _)| file == name);
        !listed.contains(name) && !data.dropped().iter().any(|d| dropped(&d.place))
    });
    unused.map(|name| format!("{set}: {name} lists no recording")).collect()
}

/// Beginning and end (s) of an utterance in its file; `None` for the whole file.
fn part_of(utterance: &Utterance) -> Option<(f64, f64)> {
    let end = |start: f64| start + utterance.duration_s.unwrap_or(f64::INFINITY);
    utterance.offset_s.map(|start| (start, end(start)))
}

/// Recordings that are in both the training and the development set.
fn shared(train: &Dataset, dev: &Dataset) -> Option<String> {
    let real = |u: &Utterance| (u.audio.canonicalize().unwrap_or_else(|_| u.audio.clone()), u.part);
    type Parts = Vec<Option<(f64, f64)>>;
    let mut trained: BTreeMap<(PathBuf, Option<Part>), Parts> = BTreeMap::new();
    for utterance in train.utterances() {
        let part = part_of(utterance);
        trained.entry(real(utterance)).or_default().push(part);
    }
    let both: Vec<String> = dev
        .utterances()
        .iter()
        .filter(|utterance| {
            let part = part_of(utterance);
            let overlaps = |other: &Option<(f64, f64)>| match (part, other) {
                (Some((a, b)), Some((c, d))) => a < *d && *c < b,
                _ => true,
            };
            trained.get(&real(utterance)).is_some_and(|parts| parts.iter().any(overlaps))
        })
        .map(|utterance| utterance.place())
        .collect();
    let named = both.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = if both.len() > NAMED { ", ..." } else { "" };
    (!both.is_empty()).then(|| {
        format!(
            "{} recordings of dev are trained on: its result will be too good: {named}{more}",
            both.len()
        )
    })
}
