//! Samples in, words out: whatever the cut, whatever the samples.

mod common;

use common::{Random, STORAGES, Storage, model, package, sound};
use proptest::prelude::*;
use stonechat::{
    Error, Model, Options, Part, Partial, Recognizer, Stream, Token, Transcript, Word,
};
use stonechat_decode::{Decoder, GreedyDecoder};

fn recognizer(storage: Storage, time_batch: usize) -> Recognizer {
    Recognizer::new(model(storage), Options { time_batch, ..Options::default() }).unwrap()
}

/// The transcript and the tokens (whose probabilities show every bit of the logits).
fn end(stream: &mut Stream) -> (Transcript, Vec<Token>) {
    (stream.finish(), stream.tokens())
}

fn whole(storage: Storage, samples: &[f32]) -> (Transcript, Vec<Token>) {
    let mut stream = recognizer(storage, 4).stream();
    stream.push(samples).unwrap();
    end(&mut stream)
}

/// Features of the whole sound, logits of the slow version, greedy decoding.
#[test]
fn a_stream_is_features_then_network_then_decoder() {
    let samples = sound(2.03, 1);
    let package = package(Storage::Dense, 0);
    let features = stonechat_audio::features(&common::features(), &samples).unwrap();
    let frames = features.len() / 20;
    let logits = package.network.forward_reference(&features, frames).unwrap();
    let mut decoder = GreedyDecoder::new(package.alphabet.symbols(), 0.02).unwrap();
    for frame in logits.chunks_exact(package.alphabet.len()) {
        decoder.push(frame).unwrap();
    }
    let (transcript, tokens) = whole(Storage::Dense, &samples);
    assert_eq!(transcript.text, decoder.text());
    assert!(transcript.words.len() >= 3, "too few words to mean anything: {transcript:?}");
    let places = |tokens: &[Token]| -> Vec<_> {
        tokens.iter().map(|t| (t.symbol, t.frame, t.frames)).collect()
    };
    assert_eq!(places(&tokens), places(&decoder.tokens()));
    let last = transcript.words.last().unwrap();
    assert!(last.end > 1.9 && last.end <= 2.04, "the end was lost: {last:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_result_does_not_depend_on_the_cut_or_the_batch(
        storage in proptest::sample::select(&STORAGES[..]),
        samples in 0usize..6000,
        cuts in proptest::collection::vec(0usize..1500, 0..8),
        time_batch in 1usize..=4,
        seed in 0u64..100,
    ) {
        let samples = &sound(0.75, seed)[..samples];
        let mut stream = recognizer(storage, time_batch).stream();
        let mut rest = samples;
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            stream.push(now).unwrap();
            rest = later;
        }
        stream.push(rest).unwrap();
        prop_assert_eq!(end(&mut stream), whole(storage, samples));
    }
}

#[test]
fn single_samples_give_the_same_and_partials_only_grow() {
    let samples = sound(1.0, 2);
    for storage in STORAGES {
        let mut stream = recognizer(storage, 1).stream();
        let mut before = String::new();
        for sample in &samples {
            stream.push(std::slice::from_ref(sample)).unwrap();
            assert!(
                stream.partial().starts_with(&before),
                "{before:?} became {:?}",
                stream.partial()
            );
            before = stream.partial().to_string();
        }
        assert!(before.len() > 5, "{storage:?}: {before:?}");
        let (transcript, tokens) = end(&mut stream);
        assert!(transcript.text.starts_with(&before), "{storage:?}");
        assert_eq!((transcript, tokens), whole(storage, &samples), "{storage:?}");
    }
}

#[test]
fn integers_are_the_floats_they_stand_for() {
    let integers: Vec<i16> =
        sound(1.3, 7).iter().map(|sample| (sample * 32_767.0) as i16).collect();
    let floats: Vec<f32> = integers.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    let expected = whole(Storage::Dense, &floats);
    let mut stream = recognizer(Storage::Dense, 4).stream();
    for cut in [usize::MAX, 4096, 777] {
        for piece in integers.chunks(cut) {
            stream.push_i16(piece.iter().copied()).unwrap();
        }
        stream.push_i16([]).unwrap();
        assert_eq!(end(&mut stream), expected, "pieces of {cut}");
        assert!(matches!(stream.push_i16([0]), Err(Error::Finished)));
        stream.reset();
    }
}

#[test]
fn samples_that_are_no_numbers_count_as_silence() {
    let clean = sound(1.0, 3);
    for storage in STORAGES {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (mut spoilt, mut silent) = (clean.clone(), clean.clone());
            let random = &mut Random(5);
            for _ in 0..600 {
                let at = random.below(4000);
                (spoilt[at], silent[at]) = (bad, 0.0);
            }
            assert_eq!(whole(storage, &spoilt), whole(storage, &silent), "{storage:?} with {bad}");
        }
        let (nothing, _) = whole(storage, &vec![f32::NAN; 8000]);
        assert_eq!(nothing, whole(storage, &vec![0.0; 8000]).0, "{storage:?}");
    }
}

/// A second of the wildest samples; four seconds later, the words are those of a stream that never
/// heard it. (This network forgets within that time.)
#[test]
fn nothing_poisons_the_state() {
    let after = sound(7.0, 4);
    let random = &mut Random(6);
    let mut wild: Vec<f32> = (0..7990).map(|_| f32::from_bits(random.bits() as u32)).collect();
    wild.extend([f32::MAX, f32::MIN, f32::MIN_POSITIVE, f32::NAN, f32::INFINITY, -0.0, 1e-45]);
    wild.resize(8000, 0.0);
    for storage in STORAGES {
        let late_words = |first_second: &[f32]| -> Vec<String> {
            let mut stream = recognizer(storage, 4).stream();
            stream.push(first_second).unwrap();
            stream.push(&after).unwrap();
            let words = stream.finish().words;
            assert!(words.iter().all(|w| (0.0..=1.0).contains(&w.conf)), "{storage:?}: {words:?}");
            words.into_iter().filter(|w| w.start > 5.0).map(|w| w.word).collect()
        };
        let (spoilt, clean) = (late_words(&wild), late_words(&[0.0; 8000]));
        assert!(
            clean.len() > 3 && spoilt == clean,
            "{storage:?}: {spoilt:?} after noise, {clean:?} after silence"
        );
    }
}

#[test]
fn a_stream_ends_once_and_can_be_reset() {
    let samples = sound(0.8, 8);
    for storage in STORAGES {
        let expected = whole(storage, &samples);
        let mut stream = recognizer(storage, 4).stream();
        for pushed in [0, 100, 3000, 6400] {
            stream.push(&samples[..pushed]).unwrap();
            assert_eq!(stream.seconds(), pushed as f64 / 8000.0);
            if pushed != 3000 {
                let transcript = stream.finish();
                assert_eq!(stream.finish(), transcript, "a second finish");
                assert!(matches!(stream.push(&samples), Err(Error::Finished)));
                assert_eq!(stream.partial(), transcript.text);
            }
            stream.reset();
            assert_eq!(stream.partial(), "");
            stream.push(&samples).unwrap();
            assert_eq!(end(&mut stream), expected, "{storage:?} after {pushed} samples");
            stream.reset();
        }
    }
}

#[test]
fn an_utterance_without_samples_has_no_text() {
    let mut stream = recognizer(Storage::Int8, 4).stream();
    stream.push(&[]).unwrap();
    assert_eq!(stream.finish(), Transcript::default());
}

#[test]
fn taken_words_and_the_rest_are_the_whole() {
    let samples = sound(4.0, 9);
    let (transcript, _) = whole(Storage::Int8, &samples);
    let mut stream = recognizer(Storage::Int8, 2).stream();
    let mut words = Vec::new();
    for chunk in samples.chunks(777) {
        stream.push(chunk).unwrap();
        words.extend(stream.take_words());
        let shown = stream.words().iter().map(|w| w.word.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(stream.partial(), shown);
    }
    let taken = words.len();
    words.extend(stream.finish().words);
    assert!(taken > 5, "only {taken} of {} words were taken", words.len());
    assert_eq!(Transcript::from(words), transcript);
}

#[test]
fn results_are_written_as_vosk_writes_them() {
    let word = |word: &str, start, end| Word { word: word.into(), start, end, conf: 0.75 };
    let transcript = Transcript::from(vec![word("so", 0.1, 0.24), word("it", 0.3, 0.4)]);
    let json = r#"{"text":"so it","result":[{"word":"so","start":0.1,"end":0.24,"conf":0.75},{"word":"it","start":0.3,"end":0.4,"conf":0.75}]}"#;
    assert_eq!(serde_json::to_string(&transcript).unwrap(), json);
    assert_eq!(serde_json::from_str::<Transcript>(json).unwrap(), transcript);
    let partial = Partial { partial: "so i", stable: 3 };
    assert_eq!(serde_json::to_string(&partial).unwrap(), r#"{"partial":"so i","stable":3}"#);
}

#[test]
fn a_profile_has_every_part_and_only_on_request() {
    let mut stream = recognizer(Storage::Int8, 4).stream();
    stream.push(&sound(0.5, 1)).unwrap();
    assert!(stream.profile().is_none());

    let options = Options { profile: true, ..Options::default() };
    let mut stream = Recognizer::new(model(Storage::Int8), options).unwrap().stream();
    stream.push(&sound(0.5, 1)).unwrap();
    stream.finish();
    let mut profile = stream.profile().unwrap().clone();
    let names: Vec<String> = profile.parts().map(|(part, _)| part.to_string()).collect();
    let expected = "features conv.0 conv.1 gru.0.nonrec gru.0.rec gru.1.nonrec gru.1.rec row_conv fc output decode";
    assert_eq!(names.join(" "), expected);
    for (part, time) in profile.parts() {
        assert!(!time.is_zero(), "{part} took no time");
    }
    let outside = |(part, _): &(Part, _)| matches!(part, Part::Features | Part::Decode);
    let rest: std::time::Duration = profile.parts().filter(outside).map(|(_, time)| time).sum();
    assert_eq!(profile.acoustic() + rest, profile.total());
    let once = profile.clone();
    profile.add(&once);
    assert_eq!(profile.total(), 2 * once.total());
}

#[test]
fn a_shared_model_serves_streams_on_several_threads() {
    let samples = sound(1.0, 11);
    let recognizer = recognizer(Storage::Int8, 4);
    let expected = whole(Storage::Int8, &samples);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let mut stream = recognizer.stream();
            let (samples, expected) = (&samples, &expected);
            scope.spawn(move || {
                stream.push(samples).unwrap();
                assert_eq!(&end(&mut stream), expected);
            });
        }
    });
}

#[test]
fn time_batches_out_of_range_are_refused() {
    for time_batch in [0, 5, usize::MAX] {
        let made =
            Recognizer::new(model(Storage::Dense), Options { time_batch, ..Options::default() });
        assert!(matches!(made, Err(Error::TimeBatch(n)) if n == time_batch));
    }
    let unshared = Model::from_package(package(Storage::Dense, 1)).unwrap();
    assert!(Recognizer::new(unshared, Options::default()).is_ok());
}
