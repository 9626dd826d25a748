//! Counts heap allocations: a frame allocates nothing after warm-up, and a long stream does not
//! grow.
#![allow(unsafe_code)]

mod common;

use common::{
    NATIVE, Random, STORAGES, Storage, config, model, model_of, model_of_cells, network, sound,
    structure,
};
use stonechat::{BeamOptions, Options, Preference, Recognizer, Stream};
use stonechat_model::Cell::{Gru, Lstm, Rnn};
use stonechat_testing::{Counting, allocations, live_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn stream(storage: Storage, time_batch: usize, profile: bool) -> Stream {
    let options = Options { time_batch, profile };
    Recognizer::new(model(storage), options).unwrap().stream()
}

#[test]
fn a_frame_allocates_nothing_after_warm_up() {
    let samples = sound(6.0, 1);
    let (warm_up, rest) = samples.split_at(8000);
    for storage in STORAGES {
        for (time_batch, profile) in [(1, false), (4, false), (3, true)] {
            let mut stream = stream(storage, time_batch, profile);
            stream.push(warm_up).unwrap();
            let (calls, mut text) = (allocations(), stream.partial().len());
            for chunk in rest.chunks(333) {
                stream.push(chunk).unwrap();
            }
            let grown = stream.partial().len() - text;
            assert_eq!(allocations() - calls, 0, "{storage:?}, batches of {time_batch}");
            assert!(grown > 20, "no text came: the decoder was not tested");

            // A second utterance in the same stream is warm from its first sample.
            stream.finish();
            stream.reset();
            let calls = allocations();
            stream.push(&samples).unwrap();
            text = stream.partial().len();
            assert_eq!(
                allocations() - calls,
                0,
                "{storage:?}, second utterance, {text} bytes of text"
            );
        }
    }
}

#[cfg(feature = "resample")]
#[test]
fn conversion_of_the_rate_allocates_nothing_either() {
    let samples = sound(6.0, 1);
    let (warm_up, rest) = samples.split_at(8000);
    for rate_hz in [16_000, 44_100, 48_000] {
        let recognizer = Recognizer::new(model(STORAGES[0]), Options::default()).unwrap();
        let mut stream = recognizer.stream_at(rate_hz).unwrap();
        stream.push(warm_up).unwrap();
        let calls = allocations();
        for chunk in rest.chunks(333).chain([rest]) {
            stream.push(chunk).unwrap();
        }
        assert_eq!(allocations() - calls, 0, "{rate_hz} Hz");
    }
}

#[test]
fn no_cell_allocates_after_warm_up() {
    for cell in [Gru, Lstm, Rnn] {
        for storage in STORAGES {
            let model = model_of_cells(cell, storage);
            let mut stream = model.acoustic_stream(&Options::default()).unwrap();
            let features = Random(1).values(100 * 20, 1.0);
            let mut logits = Vec::with_capacity(200 * model.alphabet().len());
            stream.push(&features[..20 * 20], &mut logits).unwrap();
            let calls = allocations();
            stream.push(&features, &mut logits).unwrap();
            assert_eq!(allocations() - calls, 0, "{cell:?} {storage:?}");
        }
    }
}

#[test]
fn products_of_structured_maps_allocate_nothing_either() {
    let config = config(24, vec![], &[24, 24]);
    let features = Random(3).values(200 * config.input, 1.0);
    for family in NATIVE {
        for int8 in [false, true] {
            let mut network = network(&config, 5, Storage::Dense, 1);
            assert!(structure(&mut network, family, int8, 2) >= 4, "{family}");
            let model = model_of(network, &Preference::Smallest);
            let mut stream = model.acoustic_stream(&Options::default()).unwrap();
            let mut logits = Vec::with_capacity(200 * 5);
            let (warm_up, rest) = features.split_at(20 * config.input);
            stream.push(warm_up, &mut logits).unwrap();
            let calls = allocations();
            rest.chunks(3 * config.input).for_each(|x| stream.push(x, &mut logits).unwrap());
            assert_eq!(allocations() - calls, 0, "{family}, int8 {int8}");
        }
    }
}

/// Three minutes with a word every tenth of a second, taken away every second.
#[test]
fn a_long_stream_does_not_grow() {
    let second = sound(1.0, 2);
    let mut stream = stream(Storage::Int8, 4, false);
    let mut words = 0;
    let mut after_warm_up = 0;
    for n in 0..180 {
        stream.push(&second).unwrap();
        words += stream.take_words().len();
        assert!(
            stream.partial().len() < 200,
            "an unfinished word of {} bytes",
            stream.partial().len()
        );
        match n {
            0..2 => after_warm_up = live_bytes(),
            _ => assert_eq!(live_bytes(), after_warm_up, "after {n} seconds"),
        }
    }
    assert!(words > 500, "{words} words");
}

/// Without `take_words` only the transcript grows: 24 bytes and its text for each letter, at
/// most doubled by the growth of vectors.
#[test]
fn a_long_stream_grows_by_its_words_only() {
    let second = sound(1.0, 2);
    let mut stream = stream(Storage::Int8, 4, false);
    stream.push(&second).unwrap();
    let before = live_bytes();
    for _ in 0..400 {
        stream.push(&second).unwrap();
    }
    let letters = stream.tokens().len() as isize;
    let grown = live_bytes() - before;
    assert!(letters > 4096, "{letters} letters fit into the reserve: nothing was tested");
    assert!(grown > 0 && grown <= 2 * 25 * letters, "{grown} bytes for {letters} letters");
}

/// The memory of a beam search depends on its width, and stays within a megabyte.
#[test]
fn a_long_beam_stream_does_not_grow() {
    let second = sound(1.0, 2);
    let model = model(Storage::Int8);
    let search = model.beam_search(BeamOptions { width: 16, ..BeamOptions::default() }).unwrap();
    let recognizer = Recognizer::new(model, Options::default()).unwrap();
    let mut stream = recognizer.with_search(search.with_lexicon(["a", "it"])).unwrap().stream();
    let (mut words, mut after_warm_up) = (0, 0);
    for n in 0..180 {
        stream.push(&second).unwrap();
        words += stream.take_words().len();
        if n == 5 {
            after_warm_up = live_bytes();
        }
        let grown = live_bytes() - after_warm_up;
        assert!(n < 5 || grown < 1 << 18, "{grown} bytes after {n} seconds");
    }
    assert!(words > 200, "{words} words");
}
