//! Closed grammars: exact scores compared with slow versions, and commands among other speech.

mod common;

use std::sync::Arc;

use common::{Random, logits, path, symbols};
use stonechat_decode::{Decoder, Error, Grammar, GrammarDecoder, GrammarOptions, GrammarSearch};

const GARBAGE: f32 = 0.8;
/// Cost of a pause in place of a space.
const PAUSE: f32 = 3.0;

fn search(alphabet: &[String], grammar: &Grammar, options: GrammarOptions) -> Arc<GrammarSearch> {
    Arc::new(GrammarSearch::new(alphabet, 0.02, grammar, options).unwrap())
}

fn decode(search: &Arc<GrammarSearch>, logits: &[Vec<f32>]) -> GrammarDecoder {
    let mut decoder = search.decoder();
    logits.iter().for_each(|frame| decoder.push(frame).unwrap());
    decoder.finish();
    decoder
}

/// Log probabilities relative to the best symbol of each frame; that of the space is at least that
/// of a pause.
fn related(logits: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let relate = |frame: &Vec<f32>| {
        let highest = frame.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut frame: Vec<f32> = frame.iter().map(|logit| logit - highest).collect();
        frame[1] = frame[1].max(frame[0] - PAUSE);
        frame
    };
    logits.iter().map(relate).collect()
}

/// The slow version: every way to divide the frames into phrases, garbage and what is between them.
struct Twin<'a> {
    alphabet: &'a [String],
    frames: Vec<Vec<f32>>,
    greedy: Vec<usize>,
    phrases: &'a [&'a str],
    garbage: Option<f32>,
}

impl<'a> Twin<'a> {
    fn new(
        alphabet: &'a [String],
        logits: &[Vec<f32>],
        phrases: &'a [&'a str],
        garbage: Option<f32>,
    ) -> Self {
        let best = |frame: &Vec<f32>| {
            (0..frame.len()).fold(0, |best, s| if frame[s] > frame[best] { s } else { best })
        };
        let greedy = logits.iter().map(best).collect();
        Self { alphabet, frames: related(logits), greedy, phrases, garbage }
    }

    /// The best path over frames `from..to` that spells a phrase and has a letter first and last.
    fn phrase(&self, phrase: &str, from: usize, to: usize) -> f32 {
        let mut best = f32::NEG_INFINITY;
        let length = to - from;
        for mut number in 0..self.alphabet.len().pow(length as u32) {
            let (mut spelled, mut last, mut score, mut ends) = (String::new(), 0, 0.0, true);
            for (place, frame) in self.frames[from..to].iter().enumerate() {
                let symbol = number % self.alphabet.len();
                number /= self.alphabet.len();
                score += frame[symbol];
                ends &= (place > 0 && place + 1 < length) || symbol > 1;
                if symbol != last && symbol != 0 {
                    spelled += &self.alphabet[symbol];
                }
                last = symbol;
            }
            let words: Vec<&str> = spelled.split_whitespace().collect();
            if ends && words.join(" ") == phrase {
                best = best.max(score);
            }
        }
        best
    }

    /// Waiting: blanks and spaces. If there `must` be a space, at least one is a space, with only
    /// blanks before it.
    fn wait(&self, from: usize, to: usize, must: bool) -> f32 {
        let lax = |frames: &[Vec<f32>]| frames.iter().map(|f| f[0].max(f[1])).sum::<f32>();
        let blank = |frames: &[Vec<f32>]| frames.iter().map(|f| f[0]).sum::<f32>();
        if !must {
            return lax(&self.frames[from..to]);
        }
        let with = |space: usize| {
            blank(&self.frames[from..space])
                + self.frames[space][1]
                + lax(&self.frames[space + 1..to])
        };
        (from..to).map(with).fold(f32::NEG_INFINITY, f32::max)
    }

    /// Garbage over frames `from..to`, beginning with a letter.
    fn garbage(&self, from: usize, to: usize) -> f32 {
        let Some(price) = self.garbage else { return f32::NEG_INFINITY };
        let letters = |t: usize| self.alphabet[self.greedy[t]].trim().len() as f32;
        if letters(from) == 0.0 {
            return f32::NEG_INFINITY;
        }
        let new = |t: &usize| *t == from || self.greedy[*t] != self.greedy[*t - 1];
        -price * (from..to).filter(new).map(letters).sum::<f32>()
    }

    /// The best score of everything that follows from a frame on, between phrases.
    fn from(&self, t: usize) -> f32 {
        let end = self.frames.len();
        // Nothing more.
        let mut best = match self.garbage {
            Some(_) => self.wait(t, end, false),
            None => f32::NEG_INFINITY,
        };
        for begin in t..end {
            let before = self.wait(t, begin, false);
            for after in begin + 1..=end {
                let rest = |from: usize, must_end: f32| {
                    let gaps = (from + 1..=end).map(|next| match self.garbage {
                        Some(_) => self.wait(from, next, true) + self.from(next),
                        None if next == end => self.wait(from, next, true),
                        None => f32::NEG_INFINITY,
                    });
                    gaps.fold(must_end, f32::max)
                };
                let phrases = self.phrases.iter().map(|phrase| self.phrase(phrase, begin, after));
                let phrase = phrases.fold(f32::NEG_INFINITY, f32::max);
                let silent: f32 = self.frames[after..].iter().map(|f| f[0]).sum();
                if phrase > f32::NEG_INFINITY {
                    best = best.max(before + phrase + rest(after, silent));
                }
                let garbage = self.garbage(begin, after);
                if garbage > f32::NEG_INFINITY {
                    let last = if after == end { 0.0 } else { f32::NEG_INFINITY };
                    best = best.max(before + garbage + rest(after, last));
                }
            }
        }
        best
    }
}

#[test]
fn the_search_is_exact() {
    let phrases = ["ab", "ab ba", "b a b", "bb", "aab"];
    let grammar = Grammar::from_phrases(phrases).unwrap();
    for (alphabet, frames) in [(&["", " ", "a", "b"][..], 5), (&["", " ", "a", "b", "ab"], 5)] {
        let alphabet = symbols(alphabet);
        for seed in 0..12 {
            let logits = logits(seed, frames, alphabet.len(), 5.0);
            for nearest in [false, true] {
                let options = GrammarOptions { garbage: GARBAGE, nearest, ..Default::default() };
                let found = decode(&search(&alphabet, &grammar, options), &logits).alternatives(1);
                let garbage = (!nearest).then_some(GARBAGE);
                let expected = Twin::new(&alphabet, &logits, &phrases, garbage).from(0);
                let score = found.first().map_or(f64::NEG_INFINITY, |best| best.score);
                assert!(
                    (score - f64::from(expected)).abs() < 1e-4 || score == f64::from(expected),
                    "seed {seed}, nearest {nearest}: {found:?}, not {expected}"
                );
            }
        }
    }
}

/// The best path that spells a phrase, with the usual states: a blank or space before and after,
/// and a blank between letters.
fn align(alphabet: &[String], frames: &[Vec<f32>], phrase: &str) -> f32 {
    let symbol = |c: char| alphabet.iter().position(|s| *s == c.to_string()).unwrap();
    let letters: Vec<usize> = phrase.chars().map(symbol).collect();
    let states = 2 * letters.len() + 1;
    let mut ways = vec![f32::NEG_INFINITY; states];
    ways[0] = 0.0;
    for (t, frame) in frames.iter().enumerate() {
        let old = ways.clone();
        for state in 0..states {
            let letter = (state % 2 == 1).then(|| letters[state / 2]);
            let mut best = old[state];
            if state > 0 && (t > 0 || state == 1) {
                best = best.max(old[state - 1]);
            }
            if state > 2 && letter.is_some() && letter != Some(letters[state / 2 - 1]) {
                best = best.max(old[state - 2]);
            }
            // Between words one more space changes nothing.
            let after_space = || letter.is_none() && letters[state / 2 - 1] == 1;
            let between = state == 0 || state + 1 == states || after_space();
            ways[state] = best
                + match letter {
                    Some(letter) => frame[letter],
                    None if between => frame[0].max(frame[1]),
                    None => frame[0],
                };
        }
    }
    ways[states - 1].max(ways[states - 2])
}

/// Hundreds of similar phrases, and frames that say none of them: the nearest is found.
#[test]
fn no_phrase_is_lost() {
    let alphabet = symbols(&["", " ", "a", "b", "c", "d", "e"]);
    for seed in 0..20 {
        let random = &mut Random(seed);
        let mut phrase = || -> String {
            let word = |random: &mut Random| -> String {
                (0..1 + random.below(3)).map(|_| char::from(b'a' + random.below(5) as u8)).collect()
            };
            let words: Vec<String> = (0..3).map(|_| word(random)).collect();
            words.join(" ")
        };
        let mut phrases: Vec<String> = (0..300).map(|_| phrase()).collect();
        phrases.sort();
        phrases.dedup();
        let grammar = Grammar::from_phrases(phrases.iter().map(String::as_str)).unwrap();
        let logits = logits(1000 + seed, 90, alphabet.len(), 6.0);
        let options = GrammarOptions { nearest: true, ..Default::default() };
        let found = decode(&search(&alphabet, &grammar, options), &logits);
        let frames = related(&logits);
        let score = |phrase: &String| align(&alphabet, &frames, phrase);
        let best = phrases.iter().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap();
        assert_eq!(found.text(), best, "seed {seed}");
        let told = found.alternatives(1)[0].score;
        assert!((told - f64::from(score(best))).abs() < 1e-2, "seed {seed}: {told}");
        assert_eq!(found.rejected(), Some(Vec::new()));
    }
}

#[test]
fn what_is_nearly_a_phrase_becomes_one_and_the_rest_is_rejected() {
    let alphabet = symbols(&["", " ", "a", "b", "c", "d"]);
    let grammar = Grammar::from_jsgf("public <c> = abba [cd];").unwrap();
    let search = search(&alphabet, &grammar, GrammarOptions::default());
    // An "abda" that is half an "abba", then something else, then "cd" alone.
    let mut logits =
        path(&alphabet, &["a", "b", "", "d", "a", " ", "c", "a", "c", " ", "c", "d"], 7.0);
    logits[3] = vec![0.0, 0.0, 0.0, 6.0, 0.0, 7.0];
    let mut decoder = decode(&search, &logits);
    assert_eq!(decoder.text(), "abba");
    let rejected = decoder.rejected().unwrap();
    let texts: Vec<&str> = rejected.iter().map(|word| word.word.as_str()).collect();
    assert_eq!(texts, ["cac", "cd"]);
    assert_eq!(decoder.words()[0].word, "abba");
    assert!((decoder.words()[0].start, decoder.words()[0].end) == (0.0, 0.1));
    assert!((rejected[0].start, rejected[1].end) == (0.12, 0.24), "{rejected:?}");
    // The same again, from the start.
    decoder.reset();
    assert_eq!((decoder.text(), decoder.frames(), decoder.rejected()), ("", 0, Some(Vec::new())));
    logits.iter().for_each(|frame| decoder.push(frame).unwrap());
    decoder.finish();
    assert_eq!(decoder.text(), "abba");
    assert!(matches!(decoder.push(&logits[0]), Err(Error::Finished)));
}

#[test]
fn confidence_rejects_what_is_far() {
    let alphabet = symbols(&["", " ", "a", "b", "c", "d"]);
    let grammar = Grammar::from_phrases(["abba", "dc"]).unwrap();
    let clear = path(&alphabet, &["a", "b", "", "b", "a", " "], 9.0);
    let mut vague = path(&alphabet, &["a", "b", "", "c", "a", " "], 9.0);
    vague[3][3] = 5.0;
    let conf = |logits: &[Vec<f32>], min_confidence: f32| {
        let options = GrammarOptions { garbage: 2.0, min_confidence, ..Default::default() };
        let decoder = decode(&search(&alphabet, &grammar, options), logits);
        let words = decoder.words();
        assert_eq!(words.len() + decoder.rejected().unwrap().len(), 1, "{words:?}");
        assert_eq!(decoder.evidence().len(), words.len());
        words.first().map(|word| word.conf)
    };
    let [sure, unsure] = [&clear, &vague].map(|logits| conf(logits, 0.0).unwrap());
    assert!(unsure < sure, "{unsure}, {sure}");
    let between = (sure + unsure) / 2.0;
    assert_eq!((conf(&clear, between), conf(&vague, between)), (Some(sure), None));
}

#[test]
fn weights_make_phrases_less_likely() {
    let alphabet = symbols(&["", " ", "a", "b", "c"]);
    // Between "a" and "b", a little nearer to "b".
    let mut logits = path(&alphabet, &["c", "", "a", ""], 9.0);
    logits[2][3] = 9.5;
    for (jsgf, text) in [
        ("public <p> = ca | cb;", "cb"),
        ("public <p> = /1/ ca | /0.7/ cb;", "cb"),
        ("public <p> = /1/ ca | /0.5/ cb;", "ca"),
        ("public <p> = /2/ ca | cb;", "ca"),
        ("public <p> = ca | /0/ cb;", "ca"),
        ("public <p> = <q> | /0.5/ cb; <q> = /3/ ca | /0.1/ cb;", "ca"),
        // The cheapest way to a phrase counts.
        ("public <p> = /2/ ca | cb | /2/ <q>; <q> = cb;", "cb"),
    ] {
        let grammar = Grammar::from_jsgf(jsgf).unwrap();
        let options = GrammarOptions { nearest: true, ..Default::default() };
        assert_eq!(decode(&search(&alphabet, &grammar, options), &logits).text(), text, "{jsgf}");
    }
}

/// A long sequence is settled bit by bit and taken, without a change in the result.
#[test]
fn a_stream_settles_and_stays_small() {
    let alphabet = symbols(&["", " ", "a", "b", "c"]);
    let grammar = Grammar::from_phrases(["ab", "ba ab", "cab"]).unwrap();
    let search = search(&alphabet, &grammar, GrammarOptions::default());
    let said = ["a", "b", " ", "c", "c", " ", "b", "a", " ", "", "a", "b", " ", ""];
    let logits = path(&alphabet, &said.repeat(300), 8.0);
    let whole = decode(&search, &logits);
    assert_eq!(whole.words().len(), 900);
    assert_eq!(whole.rejected().unwrap().len(), 300);
    let mut decoder = search.decoder();
    let (mut words, mut rejected) = (Vec::new(), Vec::new());
    let mut stable = String::new();
    for (n, frame) in logits.iter().enumerate() {
        decoder.push(frame).unwrap();
        let now = &decoder.text()[..decoder.stable_prefix_len()];
        assert!(now.starts_with(&stable), "frame {n}: {stable:?}, then {now:?}");
        stable = now.to_string();
        if n % 50 == 49 {
            words.extend(decoder.take_words());
            rejected.extend(decoder.take_rejected());
            stable = decoder.text()[..decoder.stable_prefix_len()].to_string();
            assert!(decoder.text().len() < 400, "frame {n}: {:?}", decoder.text());
        }
    }
    decoder.finish();
    words.extend(decoder.words());
    rejected.extend(decoder.rejected().unwrap());
    assert_eq!((words, Some(rejected)), (whole.words(), whole.rejected()));
}

#[test]
fn a_phrase_that_cannot_go_on_is_complete() {
    let alphabet = symbols(&["", " ", "a", "b", "c"]);
    let grammar = Grammar::from_phrases(["ab", "ab c", "ba"]).unwrap();
    for (said, complete) in [
        (&[""; 4][..], false),
        (&["a", "b", ""], false),
        (&["a", "b", " ", "c"], true),
        (&["b", "a"], true),
        (&["b", "a", "", ""], true),
        (&["b", "a", " ", ""], true),
        (&["b", ""], false),
        (&["c", "c", " ", ""], false),
    ] {
        let search = search(&alphabet, &grammar, GrammarOptions::default());
        let mut decoder = search.decoder();
        path(&alphabet, said, 9.0).iter().for_each(|frame| decoder.push(frame).unwrap());
        assert_eq!(decoder.is_complete(), complete, "{said:?}");
    }
}

#[test]
fn the_nearest_phrase_needs_something_that_was_said() {
    let alphabet = symbols(&["", " ", "a", "b", "c"]);
    let grammar = Grammar::from_phrases(["ab", "ba"]).unwrap();
    let options = GrammarOptions { nearest: true, ..Default::default() };
    for (said, text) in [
        (&["", "", " ", ""][..], ""),
        (&["c", "", "b", " "], "ab"),
        (&["b", "", "", ""], "ba"),
        // Too short for two letters.
        (&["a"], ""),
    ] {
        let found = decode(&search(&alphabet, &grammar, options), &path(&alphabet, said, 9.0));
        assert_eq!(found.text(), text, "{said:?}");
    }
}

#[test]
fn what_cannot_be_spelled_is_refused() {
    let alphabet = symbols(&["", " ", "a"]);
    let made = |grammar: &Grammar, options| GrammarSearch::new(&alphabet, 0.02, grammar, options);
    let grammar = Grammar::from_phrases(["a", "a stop"]).unwrap();
    let error = made(&grammar, GrammarOptions::default()).err();
    assert!(
        matches!(&error, Some(Error::Grammar { line: 2, message }) if message.contains("stop")),
        "{error:?}"
    );
    let grammar = Grammar::from_phrases(["a"]).unwrap();
    for garbage in [-1.0, f32::NAN, f32::INFINITY] {
        let options = GrammarOptions { garbage, ..Default::default() };
        assert!(matches!(made(&grammar, options), Err(Error::Option { .. })), "{garbage}");
    }
    let options = GrammarOptions { min_confidence: 1.5, ..Default::default() };
    assert!(matches!(made(&grammar, options), Err(Error::Option { .. })));
}

/// Texts that would take for ever, or all of the stack, if they were believed.
#[test]
fn grammars_that_explode_are_refused() {
    let doubling: String =
        (0..60).map(|n| format!("<r{n}> = <r{m}> | <r{m}>;\n", m = n + 1)).collect();
    let chain: String = (0..100_000).map(|n| format!("<r{n}> = <r{m}>;\n", m = n + 1)).collect();
    let subsets = format!("public <p> = (a | b)* a{};", " (a | b)".repeat(40));
    for text in [
        format!("public <p> = <r0>;\n{doubling}<r60> = a;"),
        format!("public <p> = <r0>;\n{chain}<r100000> = a;"),
        subsets,
        format!("public <p> = {}a{};", "(".repeat(100_000), ")".repeat(100_000)),
    ] {
        assert!(Grammar::from_jsgf(&text).is_err(), "{}", &text[..60]);
    }
    // Repetitions of repetitions are one.
    let repeated = format!("public <p> = a{};", "+*".repeat(100_000));
    let error = Grammar::from_jsgf(&repeated).unwrap_err().to_string();
    assert!(error.contains("empty"), "{error}");
    let repeated = format!("public <p> = a{};", "+".repeat(100_000));
    let grammar = Grammar::from_jsgf(&repeated).unwrap();
    assert_eq!(grammar.accepted(["a", "a", "b"]), [true, true, false]);
}
