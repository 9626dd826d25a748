//! How speech without a pause is cut: `forced_cuts SECONDS FILE...`.
//!
//! The recordings, as they are listed and until there are so many seconds of them, are made one without pauses: what is 30 dB below the loudest
//! 20 ms of its recording for longer than 60 ms is taken out. That is recognised twice, with the usual rules (a cut after 20 s, at the
//! next end of a word, at the latest after 25 s) and with none that cuts. Printed are the cuts, those that fall into a word of
//! the uncut text, those that had to be made within a word, and the word errors of the joined text against the uncut one.

use std::error::Error;
use std::sync::Arc;

use stonechat::{EndpointRules, Model, PackedLanguageModel, Recognizer, Settings, Stream, Word};
use stonechat_decode::ErrorCount;

const RATE_HZ: usize = 16_000;
const BLOCK: usize = RATE_HZ / 50;
/// Pushed at once: less than a frame, so that a cut is made where it belongs.
const PIECE: usize = 160;
/// Words of the uncut text that a cut this close to their edge does not hit, seconds: their edges are frames.
const EDGE_S: f64 = 0.02;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments.next().ok_or("usage: forced_cuts SECONDS FILE...")?.parse()?;
    let mut samples = Vec::new();
    for path in arguments {
        if samples.len() as f64 >= seconds * RATE_HZ as f64 {
            break;
        }
        samples.extend(without_pauses(&stonechat_audio::read_file(&path, RATE_HZ as u32)?.samples));
    }
    let recognizer = || -> Result<Recognizer, stonechat::Error> {
        let model = Arc::new(Model::from_bytes(stonechat_english::MODEL)?);
        let lm = PackedLanguageModel::from_bytes(stonechat_english::LANGUAGE_MODEL.to_vec());
        Settings { vad: Some(false), ..Settings::default() }.recognizer_with(model, lm.ok())
    };
    let uncut = recognizer()?.with_endpoint_rules(EndpointRules(Vec::new()));
    let (_, whole) = hear(&mut uncut.stream(), &samples)?;
    let (cuts, said) = hear(&mut recognizer()?.stream(), &samples)?;
    let forced = |cut: &&Cut| cut.length_s >= 24.999;
    let inside = |cut: &&Cut| {
        whole.iter().any(|word| word.start + EDGE_S < cut.at_s && cut.at_s < word.end - EDGE_S)
    };
    let text =
        |words: &[Word]| words.iter().map(|word| &word.word[..]).collect::<Vec<_>>().join(" ");
    let errors = ErrorCount::words(&text(&whole), &text(&said)).errors();
    println!(
        "{:.0} s of speech without pauses: {} cuts, {} within a word of the uncut text, {} after 25 s; {} of {} words differ ({:.2} a cut)",
        samples.len() as f64 / RATE_HZ as f64,
        cuts.len(),
        cuts.iter().filter(inside).count(),
        cuts.iter().filter(forced).count(),
        errors,
        whole.len(),
        errors as f64 / cuts.len().max(1) as f64,
    );
    Ok(())
}

/// Where an utterance ended.
struct Cut {
    at_s: f64,
    length_s: f64,
}

fn hear(stream: &mut Stream, samples: &[f32]) -> Result<(Vec<Cut>, Vec<Word>), stonechat::Error> {
    let (mut cuts, mut words, mut before) = (Vec::new(), Vec::new(), 0.0);
    let frame_s = Model::from_bytes(stonechat_english::MODEL)?.frame_seconds();
    for piece in samples.chunks(PIECE) {
        stream.push(piece)?;
        if stream.endpoint() {
            let length_s = stream.decoder().frames() as f64 * frame_s;
            before += length_s;
            cuts.push(Cut { at_s: before, length_s });
            words.extend(stream.end_utterance().words);
        }
    }
    words.extend(stream.finish().words);
    Ok((cuts, words))
}

/// Speech without what is quiet for longer than three blocks.
fn without_pauses(samples: &[f32]) -> Vec<f32> {
    let power = |block: &[f32]| block.iter().map(|x| x * x).sum::<f32>();
    let blocks: Vec<&[f32]> = samples.chunks_exact(BLOCK).collect();
    let loudest = blocks.iter().map(|block| power(block)).fold(0.0, f32::max);
    let (mut speech, mut quiet) = (Vec::new(), Vec::new());
    for block in blocks {
        if power(block) < 1e-3 * loudest {
            quiet.push(block);
            continue;
        }
        if quiet.len() <= 3 {
            speech.extend(quiet.concat());
        }
        quiet.clear();
        speech.extend(block);
    }
    speech
}
