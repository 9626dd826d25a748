//! `spot --manifest`: misses and false alarms of keywords over all thresholds.
//!
//! A keyword is missed where it is in an utterance's text and no event of it in its audio; any event of a keyword that is not
//! in the text is a false alarm.

use std::path::Path;

use anyhow::{Result, bail};
use serde::Serialize;
use stonechat::{Recognizer, Spotted};
use stonechat_audio::Sound;
use stonechat_corpus::{Doubts, read_manifest};

use crate::output::{self, Table};
use crate::progress;

/// Low enough for every point of interest on the curve.
pub const LOWEST: f32 = -8.0;
/// False alarms an hour that the table has rows for.
const ROWS: [f64; 8] = [0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];

/// What each threshold costs.
#[derive(Serialize)]
pub struct Curve {
    keywords: Vec<String>,
    /// Keywords in the texts.
    said: usize,
    hours: f64,
    /// The lowest threshold with no more than the wanted rate of false alarms, and what it costs.
    chosen: Point,
    /// From strict to lax.
    points: Vec<Point>,
}

#[derive(Clone, Copy, Serialize)]
struct Point {
    threshold: f32,
    /// Share of the keywords that were said.
    missed: f64,
    false_alarms_per_hour: f64,
}

impl Curve {
    /// Listens to all utterances of a manifest for the recognizer's keywords, which must be listened for down to
    /// [`LOWEST`].
    pub fn measure(
        recognizer: &Recognizer,
        keywords: &[String],
        manifest: &Path,
        per_hour: f64,
    ) -> Result<Self> {
        let utterances = read_manifest(manifest)?;
        if utterances.is_empty() {
            bail!("{}: no utterance to listen to", manifest.display());
        }
        let rate_hz = recognizer.model().sample_rate_hz();
        let bar = progress::bar(utterances.len(), "utterances");
        // The best score of each keyword where it was said, and of all false alarms.
        let (mut hits, mut alarms, mut seconds) = (Vec::new(), Vec::new(), 0.0);
        let mut doubts = Doubts::default();
        for utterance in &utterances {
            let Sound { samples, warnings } = utterance.read(rate_hz)?;
            doubts.add(utterance, &warnings);
            let spotted = spot(recognizer, &samples, &mut seconds)?;
            for (index, keyword) in keywords.iter().enumerate() {
                let scores = spotted.iter().filter(|s| s.index == index).map(|s| s.score);
                match has(&utterance.text, keyword) {
                    true => hits.push(scores.fold(f32::NEG_INFINITY, f32::max)),
                    false => alarms.extend(scores),
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        output::tell(&doubts);
        if hits.is_empty() {
            bail!("{}: no text has one of the keywords", manifest.display());
        }
        alarms.sort_by(|a, b| b.total_cmp(a));
        let hours = seconds / 3600.0;
        // Just above the n-th false alarm n are let through, counted from 0.
        let point = |n: usize| {
            let threshold = alarms.get(n).map_or(LOWEST, |alarm| alarm.next_up()).min(0.0);
            let missed = hits.iter().filter(|score| **score < threshold).count();
            let missed = missed as f64 / hits.len() as f64;
            Point { threshold, missed, false_alarms_per_hour: n as f64 / hours }
        };
        let points: Vec<Point> = (0..=alarms.len()).map(point).collect();
        let chosen = *at(&points, per_hour);
        Ok(Self { keywords: keywords.to_vec(), said: hits.len(), hours, chosen, points })
    }

    pub fn render(&self) -> String {
        let mut table = Table::new(["false alarms an hour", "threshold", "missed"]);
        for rate in ROWS {
            let Point { threshold, missed, .. } = at(&self.points, rate);
            table.row([
                format!("{rate}"),
                format!("{threshold:.3}"),
                format!("{:.1} %", 100.0 * missed),
            ]);
        }
        let Point { threshold, missed, false_alarms_per_hour } = self.chosen;
        format!(
            "{} keywords said in {:.2} h\n{}\n--threshold {threshold:.3} misses {:.1} % at {false_alarms_per_hour:.1} false alarms an hour",
            self.said,
            self.hours,
            table.render(),
            100.0 * missed,
        )
    }
}

/// The last point with no more false alarms than that; at least the first.
fn at(points: &[Point], per_hour: f64) -> &Point {
    let within = points.partition_point(|point| point.false_alarms_per_hour <= per_hour);
    &points[within.saturating_sub(1)]
}

fn spot(recognizer: &Recognizer, samples: &[f32], seconds: &mut f64) -> Result<Vec<Spotted>> {
    let mut stream = recognizer.stream();
    stream.push(samples)?;
    stream.finish();
    *seconds += stream.seconds();
    Ok(stream.take_spotted())
}

/// Whether a text has a keyword as whole words, or is that keyword written in one word.
fn has(text: &str, keyword: &str) -> bool {
    let [text, keyword]: [Vec<&str>; 2] = [text, keyword].map(|t| t.split_whitespace().collect());
    text.windows(keyword.len().max(1)).any(|words| words == keyword)
        || text.concat() == keyword.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_whole_words() {
        for (text, keyword, expected) in [
            ("turn on the light", "the light", true),
            ("turn on the lights", "the light", false),
            ("gone", "on", false),
            ("heycomputer", "hey computer", true),
            ("heycomputer", "computer", false),
            ("", "on", false),
        ] {
            assert_eq!(has(text, keyword), expected, "{text:?}, {keyword:?}");
        }
    }

    #[test]
    fn the_lowest_threshold_within_a_rate_is_chosen() {
        let point = |threshold, rate| Point { threshold, missed: 0.0, false_alarms_per_hour: rate };
        let points = [point(-1.0, 0.0), point(-2.0, 1.0), point(-3.0, 2.0)];
        for (rate, threshold) in [(0.0, -1.0), (0.9, -1.0), (1.0, -2.0), (9.0, -3.0)] {
            assert_eq!(at(&points, rate).threshold, threshold, "{rate}");
        }
    }
}
