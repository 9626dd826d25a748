//! Beam search, hotwords and ends of utterances in a stream.

mod common;

use std::sync::Arc;

use common::{Random, Storage, model, sound};
use stonechat::{
    BeamDecoder, BeamOptions, Decoder, EndpointRule, EndpointRules, Error, Grammar, GrammarOptions,
    Heard, Hotword, Options, Recognizer, Transcript, Word,
};

const WORDS: [&str; 4] = ["a", "the", "of", "it"];

fn beam(time_batch: usize) -> Recognizer {
    let model = model(Storage::Int8);
    let options = BeamOptions { width: 12, beta: 0.5, ..BeamOptions::default() };
    let search = model.beam_search(options).unwrap().with_lexicon(WORDS);
    let recognizer = Recognizer::new(model, Options { time_batch, ..Options::default() }).unwrap();
    recognizer.with_search(search).unwrap()
}

#[test]
fn a_stream_searches_the_logits_of_its_model() {
    let samples = sound(3.0, 1);
    let recognizer = beam(4);
    let mut decoder = BeamDecoder::new(Arc::clone(recognizer.search().unwrap()));
    let logits = recognizer.model().logits(&samples);
    for frame in logits.chunks_exact(recognizer.model().alphabet().len()) {
        decoder.push(frame).unwrap();
    }
    decoder.finish();
    let mut stream = recognizer.stream();
    stream.push(&samples).unwrap();
    assert_eq!(stream.finish(), Transcript::from(decoder.words()));
    assert_eq!(stream.alternatives(5), decoder.alternatives(5));
    assert!(decoder.words().len() > 3, "too few words to mean anything: {:?}", decoder.text());
    assert!(!stream.tokens().is_empty());
    assert_eq!(stream.tokens(), decoder.tokens());
    assert_eq!(stream.decoder().evidence(), decoder.evidence());
}

#[test]
fn the_text_does_not_depend_on_the_cut_or_the_batch() {
    let samples = sound(4.0, 2);
    let mut whole = beam(4).stream();
    whole.push(&samples).unwrap();
    let expected = (whole.finish(), whole.alternatives(10));
    let random = &mut Random(3);
    for time_batch in 1..=4 {
        let mut stream = beam(time_batch).stream();
        let mut rest = &samples[..];
        let mut stable = String::new();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(random.below(2000).min(rest.len()));
            stream.push(now).unwrap();
            assert!(stream.partial().starts_with(&stable), "{stable:?}, {:?}", stream.partial());
            stable = stream.partial()[..stream.stable_prefix_len()].to_string();
            rest = later;
        }
        assert_eq!((stream.finish(), stream.alternatives(10)), expected, "batches of {time_batch}");
    }
}

#[test]
fn taken_words_and_the_rest_are_the_whole() {
    let samples = sound(8.0, 4);
    let mut stream = beam(4).stream();
    stream.push(&samples).unwrap();
    let whole = stream.finish().words;
    stream.reset();
    let mut words: Vec<Word> = Vec::new();
    for second in samples.chunks(8000) {
        stream.push(second).unwrap();
        words.extend(stream.take_words());
    }
    assert!(words.len() > 3, "{words:?}");
    words.extend(stream.finish().words);
    assert_eq!(words, whole);
}

/// An utterance ends where the rules say; the next continues in the same audio and time.
#[test]
fn utterances_follow_each_other_in_a_stream() {
    let rule = EndpointRule { after: Heard::Speech, silence_s: 0.0, length_s: 1.0 };
    for search in [false, true] {
        let recognizer = match search {
            false => Recognizer::new(model(Storage::Int8), Options::default()).unwrap(),
            true => beam(4),
        };
        let recognizer = recognizer.with_endpoint_rules(EndpointRules(vec![rule]));
        let mut stream = recognizer.stream();
        let mut utterances = Vec::new();
        for chunk in sound(6.0, 5).chunks(800) {
            stream.push(chunk).unwrap();
            if stream.endpoint() {
                utterances.push(stream.end_utterance());
                assert!(stream.partial().is_empty() && !stream.endpoint());
            }
        }
        utterances.push(stream.finish());
        // A second each, and as long as it takes to the end of a word.
        assert!((2..=7).contains(&utterances.len()), "{} utterances", utterances.len());
        let words: Vec<&Word> = utterances.iter().flat_map(|u| &u.words).collect();
        assert!(
            words.len() > 5 && words.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9)
        );
        let last = words.last().unwrap();
        assert!(last.end > 5.0 && last.end < 6.1, "{last:?}");
        stream.reset();
        stream.push(&sound(1.0, 1)).unwrap();
        assert!(stream.finish().words.iter().all(|word| word.end < 1.1));
    }
}

#[test]
fn hotwords_need_a_search_and_letters() {
    let mut greedy = Recognizer::new(model(Storage::Int8), Options::default()).unwrap().stream();
    assert!(matches!(greedy.set_hotwords(Vec::new()), Err(Error::Decode(_))));
    assert!(greedy.alternatives(3).is_empty() && greedy.decoder().evidence().is_empty());
    let mut stream = beam(4).stream();
    stream.push(&sound(1.0, 7)).unwrap();
    stream.set_hotwords(vec![Hotword { phrase: "it of".into(), boost: 90.0 }]).unwrap();
    assert!(matches!(stream.set_hotwords(vec![Hotword::new("7")]), Err(Error::Decode(_))));
    stream.push(&sound(3.0, 8)).unwrap();
    let text = stream.finish().text;
    assert!(text.contains("it of"), "{text:?}");
}

#[test]
fn the_search_of_another_alphabet_is_refused() {
    let symbols = ["", "a", "b"].map(String::from);
    let search = stonechat::BeamSearch::new(&symbols, 0.02, BeamOptions::default()).unwrap();
    let model = model(Storage::Int8);
    let made = Recognizer::new(model, Options::default()).unwrap().with_search(search);
    assert!(matches!(made, Err(Error::SearchSymbols { search: 3, .. })));
}

/// Words outside all phrases are in no text, whoever asks; and an utterance ends early if nothing
/// can follow.
#[test]
fn a_grammar_sorts_what_is_said() {
    let samples = sound(4.0, 2);
    let model = model(Storage::Int8);
    let mut greedy = Recognizer::new(Arc::clone(&model), Options::default()).unwrap().stream();
    greedy.push(&samples).unwrap();
    let said = greedy.finish().words;
    let phrase = said[said.len() / 2].word.clone();
    let grammar = Grammar::from_phrases([&phrase[..]]).unwrap();
    // Garbage is free: the text stays as heard.
    let options = GrammarOptions { garbage: 0.0, ..GrammarOptions::default() };
    let recognizer = |time_batch| {
        let search = model.grammar_search(&grammar, options).unwrap();
        let options = Options { time_batch, ..Options::default() };
        Recognizer::new(Arc::clone(&model), options).unwrap().with_grammar(search).unwrap()
    };
    let mut stream = recognizer(4).stream();
    stream.push(&samples).unwrap();
    let partial = stream.partial_result();
    assert!(partial.stable <= partial.partial.len());
    let whole = stream.finish();
    assert!(!whole.words.is_empty() && whole.words.iter().all(|word| word.word == phrase));
    let rejected = whole.rejected.clone().unwrap();
    assert_eq!(rejected.len() + whole.words.len(), said.len());
    assert_eq!(stream.partial(), whole.text);
    assert_eq!(stream.alternatives(1)[0].text, whole.text);
    assert!(stream.tokens().is_empty() && stream.set_hotwords(Vec::new()).is_err());
    // In pieces, taking what is settled.
    let mut stream = recognizer(1).stream();
    let (mut words, mut rest) = (Vec::new(), Vec::new());
    for piece in samples.chunks(777) {
        stream.push(piece).unwrap();
        words.extend(stream.take_words());
        rest.extend(stream.take_rejected());
    }
    let last = stream.finish();
    words.extend(last.words);
    rest.extend(last.rejected.unwrap());
    assert_eq!((words, rest), (whole.words, rejected));
}
