//! Keyword spotting: misses against false alarms per hour, over all thresholds.
//!
//! ```text
//! keyword_curve MODEL KEYWORDS.jsonl SPEECH.jsonl CURVE.svg
//! ```
//!
//! The keywords are the texts of the first manifest (a text that begins with "hey" is listened for with and
//! without a space after it). A keyword is missed where no event of it is found in its recording; any
//! event in the second manifest's speech, or of another keyword, is a false alarm. One JSON object goes
//! to stdout, the curve to the file.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::json;
use stonechat::Model;
use stonechat_corpus::{Utterance, read_manifest};
use stonechat_decode::{KeywordSpotter, Spotted, SpotterOptions};

/// Low enough for every point of interest on the curve.
const LOWEST: f32 = -8.0;
/// Where the miss rate is read off, in false alarms an hour.
const PER_HOUR: f64 = 1.0;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, keywords, speech, svg] = &arguments[..] else {
        bail!("usage: keyword_curve MODEL KEYWORDS.jsonl SPEECH.jsonl CURVE.svg");
    };
    let model = Arc::new(Model::load(model)?);
    let keywords = read_manifest(Path::new(keywords))?;
    let speech = read_manifest(Path::new(speech))?;
    let texts: BTreeSet<&str> =
        keywords.iter().map(|u| u.text.as_str()).filter(|text| !text.is_empty()).collect();
    let mut phrases: Vec<(String, &str)> = Vec::new();
    for text in &texts {
        phrases.push((text.to_string(), text));
        if let Some(rest) = text.strip_prefix("hey").filter(|rest| !rest.starts_with(' ')) {
            phrases.push((format!("hey {rest}"), text));
        }
    }
    // The best score of the right keyword in each recording, and the scores of all false alarms.
    let (mut hits, mut alarms, mut seconds) = (Vec::new(), Vec::new(), 0.0);
    for utterance in &keywords {
        let (spotted, length) = spot(&model, utterance, &phrases)?;
        let said = |event: &Spotted| phrases[event.index].1 == utterance.text;
        let (right, wrong): (Vec<_>, Vec<_>) = spotted.iter().partition(|event| said(event));
        seconds += length;
        alarms.extend(wrong.iter().map(|event| event.score));
        if !utterance.text.is_empty() {
            hits.push(right.iter().map(|event| event.score).fold(f32::NEG_INFINITY, f32::max));
        }
    }
    for utterance in &speech {
        let (spotted, length) = spot(&model, utterance, &phrases)?;
        seconds += length;
        alarms.extend(spotted.iter().map(|event| event.score));
    }
    alarms.sort_by(|a, b| b.total_cmp(a));
    let hours = seconds / 3600.0;
    let misses = |threshold: f32| {
        hits.iter().filter(|&&score| score < threshold).count() as f64 / hits.len() as f64
    };
    // A threshold just above the n-th alarm lets n - 1 through.
    let mut curve = vec![(0.0, misses(alarms.first().map_or(LOWEST, |a| a.next_up())))];
    for n in 1..=alarms.len() {
        let threshold = alarms.get(n).map_or(LOWEST, |next| next.next_up());
        curve.push((n as f64 / hours, misses(threshold)));
    }
    let allowed = curve.iter().take_while(|(rate, _)| *rate <= PER_HOUR);
    let (rate, miss) = allowed.last().copied().unwrap_or((0.0, 1.0));
    std::fs::write(svg, draw(&curve)).with_context(|| svg.clone())?;
    let report = json!({
        "keywords": texts,
        "recordings": hits.len(),
        "speech_hours": hours,
        "misses_at_1_per_hour": miss,
        "false_alarms_there_per_hour": rate,
        "misses_at_10_per_hour":
            curve.iter().take_while(|(rate, _)| *rate <= 10.0).last().map(|point| point.1),
    });
    println!("{report}");
    Ok(())
}

/// What is heard in an utterance, and its length in seconds.
fn spot(
    model: &Arc<Model>,
    utterance: &Utterance,
    phrases: &[(String, &str)],
) -> Result<(Vec<Spotted>, f64)> {
    let samples = utterance.read(model.sample_rate_hz())?;
    let options = SpotterOptions { threshold: LOWEST, ..SpotterOptions::default() };
    let symbols = model.alphabet().symbols();
    let listed = phrases.iter().map(|(phrase, _)| phrase.as_str());
    let mut spotter = KeywordSpotter::new(symbols, model.frame_seconds(), listed, options)?;
    let mut spotted = Vec::new();
    for frame in model.logits(&samples).chunks_exact(symbols.len()) {
        spotter.push(frame, &mut spotted)?;
    }
    spotter.finish(&mut spotted);
    Ok((spotted, samples.len() as f64 / f64::from(model.sample_rate_hz())))
}

/// Misses in percent over false alarms an hour from 0.1 to 1000 (logarithmic).
fn draw(curve: &[(f64, f64)]) -> String {
    let x = |rate: f64| 70.0 + 110.0 * (rate.clamp(0.1, 1000.0).log10() + 1.0);
    let y = |miss: f64| 330.0 - 300.0 * miss;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 540 400\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"540\" height=\"400\" fill=\"white\"/>\n",
    );
    for power in -1..=3 {
        let at = x(10f64.powi(power));
        svg += &format!(
            "<path d=\"M{at} 30V330\" stroke=\"#ddd\"/><text x=\"{at}\" y=\"348\" text-anchor=\"middle\">{}</text>\n",
            10f64.powi(power)
        );
    }
    for tenth in (0..=10).step_by(2) {
        let at = y(f64::from(tenth) / 10.0);
        svg += &format!(
            "<path d=\"M70 {at}H510\" stroke=\"#ddd\"/><text x=\"62\" y=\"{}\" text-anchor=\"end\">{} %</text>\n",
            at + 4.0,
            10 * tenth
        );
    }
    let mut path = String::new();
    let mut last = None;
    for &(rate, miss) in curve {
        // Steps: until the next alarm nothing changes.
        if let Some(before) = last {
            path += &format!("L{:.1} {:.1}", x(rate), y(before));
        } else {
            path += &format!("M{:.1} {:.1}", x(rate), y(miss));
        }
        path += &format!("L{:.1} {:.1}", x(rate), y(miss));
        last = Some(miss);
    }
    svg += &format!("<path d=\"{path}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"/>\n");
    svg += "<text x=\"290\" y=\"380\" text-anchor=\"middle\">false alarms an hour</text>\n\
            <text x=\"20\" y=\"180\" text-anchor=\"middle\" transform=\"rotate(-90 20 180)\">missed</text>\n</svg>\n";
    svg
}
