//! Everything at once (beam, language model, hotwords, keywords, utterances, voice activity): the
//! same result for any cut, any time batch, any number of threads.

mod common;

use std::sync::{Arc, OnceLock};

use common::{Random, Storage, package, sound};
use proptest::prelude::*;
use stonechat::{
    BeamOptions, EndpointRule, EndpointRules, Error, Heard, Hotword, Model, Options, Package,
    Recognizer, Settings, Spotted, SpotterOptions, Stream, Transcript,
};

/// At 16 kHz, for the voice activity detector.
fn model() -> Arc<Model> {
    static MODEL: OnceLock<Arc<Model>> = OnceLock::new();
    let make = || {
        let mut package = package(Storage::Int8, 4);
        package.features["sample_rate_hz"] = 16_000.into();
        Arc::new(Model::from_package(package).unwrap())
    };
    Arc::clone(MODEL.get_or_init(make))
}

/// A trigram over all words of one or two of a few letters, from an artificial text.
fn language_model() -> stonechat_lm::LanguageModel {
    let random = &mut Random(3);
    let mut text = String::new();
    for _ in 0..400 {
        for _ in 0..1 + random.below(8) {
            for _ in 0..1 + random.below(3) {
                text.push(char::from(b'a' + random.below(26) as u8));
            }
            text.push(' ');
        }
        text.push('\n');
    }
    let mut words = std::collections::BTreeMap::new();
    text.split_whitespace().for_each(|word| *words.entry(word).or_insert(0) += 1);
    let total: i32 = words.values().sum();
    let mut arpa = format!(
        "\\data\\\nngram 1={}\n\n\\1-grams:\n-3 <unk>\n-99 <s>\n-1 </s>\n",
        words.len() + 3
    );
    for (word, count) in words {
        arpa += &format!("{} {word}\n", (f64::from(count) / f64::from(total)).log10());
    }
    arpa += "\n\\end\\\n";
    let model = stonechat_lm::arpa::read(arpa.as_bytes()).unwrap();
    let packed = model.pack(stonechat_lm::Bits::default()).unwrap();
    stonechat_lm::LanguageModel::from_bytes(packed).unwrap()
}

/// A package with a language model is decoded with it, unless the settings say otherwise.
#[test]
fn a_package_brings_its_language_model() {
    let lm = language_model();
    let language_model = Some(lm.bytes().to_vec());
    let with = Package { language_model, ..package(Storage::Int8, 4) };
    let bytes = with.to_bytes().unwrap();
    let model = Arc::new(Model::from_bytes(&bytes).unwrap());
    assert_eq!(model.language_model().unwrap().bytes(), lm.bytes());
    let bare = Arc::new(Model::from_package(package(Storage::Int8, 4)).unwrap());
    assert!(bare.language_model().is_none());
    let hear = |recognizer: Recognizer| {
        let mut stream = recognizer.stream();
        stream.push(&sound(4.0, 5)).unwrap();
        stream.finish()
    };
    let settings = |pairs: &[(&str, &str)]| {
        let mut settings = Settings::default();
        pairs.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
        settings
    };
    let brought = hear(settings(&[]).recognizer(Arc::clone(&model)).unwrap());
    let given = settings(&[]).recognizer_with(Arc::clone(&bare), Some(lm)).unwrap();
    let greedy = hear(settings(&[]).recognizer(bare).unwrap());
    assert_eq!(brought, hear(given));
    assert_ne!(brought, greedy);
    for without in [settings(&[("no-lm", "on")]), settings(&[("greedy", "on")])] {
        assert_eq!(hear(without.recognizer(Arc::clone(&model)).unwrap()), greedy);
    }
    let stronger = settings(&[("alpha", "2")]).recognizer(model).unwrap();
    assert!(stronger.search().is_some_and(|search| search.options().alpha == 2.0));
    let damaged = Package { language_model: Some(vec![7; 100]), ..with };
    let error = Model::from_package(damaged).unwrap_err();
    assert!(matches!(error, Error::LanguageModel(_)), "{error}");
}

fn recognizer(time_batch: usize) -> Recognizer {
    let model = model();
    let options = BeamOptions { width: 12, alpha: 0.3, ..BeamOptions::default() };
    let hotwords = ["it is", "qx", "an"].map(Hotword::new);
    let search =
        model.beam_search(options).unwrap().with_language_model(Arc::new(language_model()));
    let search = search.with_hotwords(hotwords.to_vec()).unwrap();
    let rule = |after, silence_s, length_s| EndpointRule { after, silence_s, length_s };
    let rules = EndpointRules(vec![rule(Heard::Speech, 0.08, 0.0), rule(Heard::Speech, 0.0, 1.0)]);
    let spotting = SpotterOptions { threshold: -4.0, window_s: 1.0 };
    let recognizer = Recognizer::new(model, Options { time_batch, ..Options::default() }).unwrap();
    let recognizer = recognizer.with_search(search).unwrap().with_endpoint_rules(rules);
    let recognizer = recognizer.with_keywords(["e", "a t"], spotting).unwrap().with_utterances();
    #[cfg(feature = "vad")]
    let recognizer = recognizer
        .with_voice_detection(stonechat::VoiceOptions { threshold: 0.1, padding_s: 0.1 })
        .unwrap();
    recognizer
}

/// Sounds with silence between them.
fn samples(seed: u64) -> Vec<f32> {
    let random = &mut Random(seed);
    let mut samples = Vec::new();
    for part in 0..3 {
        samples.extend(sound(0.4 + 0.2 * part as f64, seed + part));
        samples.extend(vec![0.0; random.below(9_000)]);
    }
    samples
}

type Outcome = (Vec<Transcript>, Vec<Spotted>);

fn end(stream: &mut Stream, mut outcome: Outcome) -> Outcome {
    let last = stream.finish();
    outcome.0.extend(stream.take_utterances());
    outcome.0.push(last);
    outcome.1.extend(stream.take_spotted());
    outcome
}

fn whole(samples: &[f32]) -> Outcome {
    let mut stream = recognizer(4).stream();
    stream.push(samples).unwrap();
    end(&mut stream, Outcome::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_cut_and_no_batch_changes_anything(
        cuts in prop::collection::vec(0usize..4000, 0..30),
        time_batch in 1usize..=4,
        seed in 0u64..1000,
    ) {
        let samples = samples(seed);
        let mut stream = recognizer(time_batch).stream();
        let (mut rest, mut outcome) = (&samples[..], Outcome::default());
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            stream.push(now).unwrap();
            outcome.0.extend(stream.take_utterances());
            outcome.1.extend(stream.take_spotted());
            rest = later;
        }
        stream.push(rest).unwrap();
        prop_assert_eq!(end(&mut stream, outcome), whole(&samples));
    }
}

#[test]
fn threads_change_nothing() {
    let sounds: Vec<Vec<f32>> = (0..12).map(samples).collect();
    let expected: Vec<Outcome> = sounds.iter().map(|samples| whole(samples)).collect();
    let said = expected.iter().map(|(utterances, _)| utterances.len()).sum::<usize>();
    assert!(said > 15, "{said} utterances: too few to mean anything");
    assert!(expected.iter().any(|(_, spotted)| !spotted.is_empty()));
    let recognizer = &recognizer(4);
    for threads in [1, 2, 3, 8] {
        // Each thread has several streams open at once and feeds them in turns.
        let mut found = vec![Outcome::default(); sounds.len()];
        std::thread::scope(|scope| {
            let share = sounds.len().div_ceil(threads);
            for (sounds, found) in sounds.chunks(share).zip(found.chunks_mut(share)) {
                scope.spawn(move || {
                    let mut streams: Vec<Stream> =
                        sounds.iter().map(|_| recognizer.stream()).collect();
                    let longest = sounds.iter().map(Vec::len).max().unwrap_or(0);
                    for start in (0..longest).step_by(1600) {
                        for (stream, sound) in streams.iter_mut().zip(sounds) {
                            let piece = start.min(sound.len())..(start + 1600).min(sound.len());
                            stream.push(&sound[piece]).unwrap();
                        }
                    }
                    for (stream, found) in streams.iter_mut().zip(found) {
                        *found = end(stream, Outcome::default());
                    }
                });
            }
        });
        assert_eq!(found, expected, "{threads} threads");
    }
}

#[test]
fn a_stream_that_was_reset_is_as_new() {
    let mut stream = recognizer(4).stream();
    for seed in 0..3 {
        let samples = samples(seed);
        stream.push(&samples).unwrap();
        assert_eq!(end(&mut stream, Outcome::default()), whole(&samples));
        assert!(stream.push(&samples).is_err());
        stream.reset();
    }
}

#[cfg(feature = "vad")]
mod voice {
    use super::*;
    use stonechat::{Error, VoiceOptions};

    fn silent(options: VoiceOptions) -> Recognizer {
        let recognizer = Recognizer::new(model(), Options::default()).unwrap();
        recognizer.with_voice_detection(options).unwrap()
    }

    #[test]
    fn only_what_is_spoken_is_heard() {
        let samples = sound(4.0, 1);
        let all = Recognizer::new(model(), Options::default()).unwrap();
        let heard = |recognizer: Recognizer| {
            let mut stream = recognizer.stream();
            stream.push(&samples).unwrap();
            stream.finish().text
        };
        let every = heard(all);
        assert!(!every.is_empty());
        // Some of any sound is at least slightly like speech, and none of this sound surely is.
        let lax = VoiceOptions { threshold: f32::MIN_POSITIVE, padding_s: 0.3 };
        let strict = VoiceOptions { threshold: 1.0, padding_s: 0.3 };
        assert_eq!([lax, strict].map(|options| heard(silent(options))), [every, String::new()]);
    }

    /// More padding than look-ahead: what is silent must not depend on what came in the same piece.
    #[test]
    fn nothing_later_than_the_look_ahead_counts() {
        let mut tried = 0;
        for seed in 0..60 {
            let samples = sound(3.0, seed);
            let mut detector = stonechat_audio::VoiceDetector::new(16_000).unwrap();
            let mut likely = Vec::new();
            detector.push(&samples, &mut likely);
            // With this threshold speech begins in the middle, at the first frame that is more
            // likely than all before.
            let loudest = |to: usize| likely[..to].iter().copied().fold(0.0, f32::max);
            let mut middle = likely.len() / 3..likely.len() / 2;
            let Some(at) = middle.find(|&at| likely[at] > loudest(at)) else { continue };
            let options = VoiceOptions { threshold: likely[at], padding_s: 10.0 };
            let heard = |cut: usize| {
                let mut stream = silent(options).stream();
                samples.chunks(cut).for_each(|piece| stream.push(piece).unwrap());
                stream.finish()
            };
            let whole = heard(samples.len());
            assert_eq!(heard(37), whole, "seed {seed}");
            let Some(first) = whole.words.first() else { continue };
            tried += 1;
            let from = at as f64 * 0.016 - f64::from(model().lookahead_ms()) / 1000.0;
            assert!(first.start > from - 0.04, "seed {seed}: silence to {from} s, {first:?}");
        }
        assert!(tried > 2, "only {tried} sounds say anything");
    }

    #[test]
    fn odd_options_are_refused() {
        let default = VoiceOptions::default();
        for options in [
            VoiceOptions { threshold: 0.0, ..default },
            VoiceOptions { threshold: f32::NAN, ..default },
            VoiceOptions { padding_s: -1.0, ..default },
            VoiceOptions { padding_s: f64::INFINITY, ..default },
        ] {
            let recognizer = Recognizer::new(model(), Options::default()).unwrap();
            let error = recognizer.with_voice_detection(options).unwrap_err();
            assert!(matches!(error, Error::Voice { .. }), "{error}");
        }
        let other_rate = Recognizer::new(common::model(Storage::Int8), Options::default()).unwrap();
        assert!(other_rate.with_voice_detection(default).is_err());
    }
}
