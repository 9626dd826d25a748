//! Makes of any bytes a grammar or a whole search, and panics where what comes out does not hold together.

use std::sync::Arc;

use stonechat_decode::{
    BeamDecoder, BeamOptions, BeamSearch, Decoder, Grammar, GrammarOptions, GrammarSearch, Hotword,
    KeywordSpotter, SpotterOptions,
};

/// The bytes, taken off the front; zeros when they are used up.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// In `from..to`, in 256 steps.
    fn between(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * f32::from(self.byte()) / 256.0
    }

    /// A text of the alphabet's letters, 1 to 8 long.
    fn phrase(&mut self) -> String {
        let length = 1 + self.byte() % 8;
        (0..length).map(|_| [' ', 'a', 'b', 'c'][usize::from(self.byte() % 4)]).collect()
    }
}

/// Any text as a grammar; one that is accepted recognises frames.
pub fn grammar(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(grammar) = Grammar::from_jsgf(&text) else { return };
    let words = grammar.words();
    assert!(words.is_sorted());
    assert_eq!(grammar.accepted(words.iter().copied()).len(), words.len());
    let mut letters: Vec<char> = words.iter().flat_map(|word| word.chars()).take(20).collect();
    letters.sort_unstable();
    letters.dedup();
    let symbols: Vec<String> = ["".into(), " ".into()]
        .into_iter()
        .chain(letters.into_iter().filter(|&c| c != ' ').map(String::from))
        .collect();
    // Words beyond the first letters cannot be spelled: an error.
    let search = GrammarSearch::new(&symbols, 0.02, &grammar, GrammarOptions::default());
    let Ok(search) = search else { return };
    let mut decoder = Arc::new(search).decoder();
    for frame in 0..40 {
        let logits: Vec<f32> =
            (0..symbols.len()).map(|s| ((frame * 7 + s * 13) % 11) as f32).collect();
        decoder.push(&logits).expect("a logit for each symbol");
    }
    decoder.finish();
    holds_together(&decoder);
}

/// A search of any setup over any frames, with words taken and hotwords changed on the way.
pub fn search(data: &[u8]) {
    let mut source = Source(data);
    let alphabets: [&[&str]; 3] =
        [&["", " ", "a", "b", "c"], &["", "a", "b", "ab", "c", "b c", " a"], &["", "c", "a"]];
    let alphabet = alphabets[usize::from(source.byte() % 3)];
    let symbols: Vec<String> = alphabet.iter().map(|symbol| symbol.to_string()).collect();
    let flags = source.byte();
    let options = BeamOptions {
        width: 1 + usize::from(source.byte() % 40),
        score_threshold: source.between(0.1, 30.0),
        max_symbols: 1 + usize::from(source.byte() % 8),
        symbol_mass: source.between(0.5, 1.0),
        alpha: source.between(0.0, 2.0),
        beta: source.between(-3.0, 3.0),
        unknown_word: source.between(-10.0, 2.0),
        unknown_letter: source.between(-3.0, 1.0),
        lexicon_only: flags & 1 != 0,
    };
    let mut search = BeamSearch::new(&symbols, 0.02, options).expect("all in range");
    if flags & 2 != 0 {
        let words: Vec<String> = (0..4).map(|_| source.phrase().replace(' ', "")).collect();
        search = search.with_lexicon(words.iter().map(String::as_str));
    }
    let phrases: Vec<String> = (0..3).map(|_| source.phrase()).collect();
    let grammar = Grammar::from_phrases(phrases.iter().map(String::as_str)).ok();
    let closed = GrammarOptions {
        garbage: source.between(0.0, 5.0),
        nearest: flags & 8 != 0,
        min_confidence: source.between(0.0, 0.9),
    };
    let closed = grammar
        .filter(|_| flags & 4 != 0)
        .map(|grammar| GrammarSearch::new(&symbols, 0.02, &grammar, closed).map(Arc::new));
    let phrase = source.phrase();
    let spotter = KeywordSpotter::new(&symbols, 0.02, [&phrase[..]], SpotterOptions::default());
    let (mut spotter, mut spotted) = (spotter.ok(), Vec::new());
    let mut decoder: Box<dyn Decoder> = match closed {
        // Some phrases have letters that some alphabets lack.
        Some(Ok(search)) => Box::new(search.decoder()),
        _ => Box::new(BeamDecoder::new(Arc::new(search))),
    };
    let mut stable = String::new();
    while !source.0.is_empty() && decoder.frames() < 2000 {
        match source.byte() {
            0 => {
                decoder.take_words();
                stable.clear();
                // What is left begins anew.
                stable.push_str(&decoder.text()[..decoder.stable_prefix_len()]);
            }
            1 => {
                let boost = source.between(-1.0, 20.0);
                // A phrase of spaces or a boost below 0 is refused, and nothing changes.
                let _ = decoder.set_hotwords(vec![Hotword { phrase: source.phrase(), boost }]);
            }
            2 => {
                decoder.reset();
                stable.clear();
            }
            loud => {
                let frame: Vec<f32> = (0..symbols.len())
                    .map(|_| match source.byte() {
                        255 => f32::NAN,
                        254 => f32::INFINITY,
                        253 => f32::NEG_INFINITY,
                        byte => f32::from(byte) * f32::from(loud) / 2048.0,
                    })
                    .collect();
                decoder.push(&frame).expect("a logit for each symbol");
                if let Some(spotter) = &mut spotter {
                    spotter.push(&frame, &mut spotted).expect("a logit for each symbol");
                }
                let now = &decoder.text()[..decoder.stable_prefix_len()];
                assert!(now.starts_with(&stable), "{stable:?} was stable, now {now:?}");
                stable = now.to_string();
            }
        }
    }
    decoder.finish();
    holds_together(&*decoder);
    assert!(spotted.iter().all(|s| s.score <= 0.0 && s.start < s.end));
}

fn holds_together(decoder: &dyn Decoder) {
    let words = decoder.words();
    let texts: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
    assert_eq!(texts.join(" "), decoder.text());
    assert_eq!(decoder.stable_prefix_len(), decoder.text().len());
    for word in &words {
        assert!(word.start < word.end && (0.0..=1.0).contains(&word.conf), "{word:?}");
    }
    assert!(words.windows(2).all(|pair| pair[0].start <= pair[1].start), "{words:?}");
    let alternatives = decoder.alternatives(5);
    assert!(alternatives.windows(2).all(|pair| pair[0].score >= pair[1].score));
    // The nearest phrase may be too long for what was heard.
    assert!(alternatives.first().map_or("", |best| &best.text[..]) == decoder.text());
}
