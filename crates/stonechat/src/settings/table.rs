//! The table of settings: name, value, help text, how to set and get each.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::{Value, json};
use stonechat_files::TextFile;

use super::{Language, Settings};
use crate::Error;

/// A row of the table.
pub struct Setting {
    /// The name, which is that of the command's option without the dashes.
    pub name: &'static str,
    /// The kind of value.
    pub value: &'static str,
    /// What it does, with its default.
    pub help: &'static str,
    set: fn(&mut Settings, &str) -> Result<(), String>,
    /// Null for the default.
    get: fn(&Settings) -> Value,
}

impl Setting {
    /// The row with this name, with `-` or `_` between its words.
    ///
    /// # Errors
    /// [`Error::Setting`] that lists all names.
    pub fn named(name: &str) -> Result<&'static Self, Error> {
        let wanted = name.replace('_', "-");
        SETTINGS.iter().find(|setting| setting.name == wanted).ok_or_else(|| {
            let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
            let problem = format!("unknown setting; the settings are {}", names.join(", "));
            Error::Setting { name: name.chars().take(60).collect(), problem }
        })
    }

    /// Checks a value.
    ///
    /// # Errors
    /// The requirement that the value breaks.
    pub fn check(&self, value: &str) -> Result<(), String> {
        self.apply(&mut Settings::default(), value)
    }

    pub(super) fn apply(&self, settings: &mut Settings, value: &str) -> Result<(), String> {
        (self.set)(settings, value)
    }

    pub(super) fn of(&self, settings: &Settings) -> Value {
        (self.get)(settings)
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> Error {
        Error::Setting { name: self.name.into(), problem: problem.into() }
    }
}

/// All settings. The command has an option with each name. If the command's option takes a text
/// FILE, all other surfaces take the text itself.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "beam",
        value: "N",
        help: "Search with N hypotheses, 1 to 65536 [default: 128 with hotwords, 64 with a language model, else greedy]",
        set: |s, v| put(&mut s.beam, number(v, 1..=65536, "1 to 65536")),
        get: |s| json!(s.beam),
    },
    Setting {
        name: "greedy",
        value: "BOOL",
        help: "The best symbol of each frame: no search and no language model",
        set: |s, v| truth(v).map(|on| s.greedy = on),
        get: |s| flag(s.greedy),
    },
    Setting {
        name: "lm",
        value: "FILE",
        help: "A language model made by `stonechat lm` [default: the one that came with the model]",
        set: |s, v| put(&mut s.lm, path(v)),
        get: |s| json!(s.lm),
    },
    Setting {
        name: "no-lm",
        value: "BOOL",
        help: "Leave the language model that came with the model out",
        set: |s, v| truth(v).map(|on| s.no_lm = on),
        get: |s| flag(s.no_lm),
    },
    Setting {
        name: "alpha",
        value: "X",
        help: "Weight of the language model, 0 to 1e6 [default: 0.7]",
        set: |s, v| put(&mut s.alpha, number(v, 0.0..=1e6, "0 to 1e6")),
        get: |s| float(s.alpha),
    },
    Setting {
        name: "beta",
        value: "X",
        help: "What each word is worth, in nats, -1e6 to 1e6 [default: 0.25, without a language model 0]",
        set: |s, v| put(&mut s.beta, number(v, -1e6..=1e6, "-1e6 to 1e6 nats")),
        get: |s| float(s.beta),
    },
    Setting {
        name: "hotword",
        value: "TEXT[:BOOST]",
        help: "A word or phrase that is expected, and what it is worth in nats [default: 1 a letter, 9 at most]; may be repeated",
        set: |s, v| hotword(v).map(|_| s.hotwords.push(v.trim().into())),
        get: |_| Value::Null,
    },
    Setting {
        name: "hotwords",
        value: "LIST",
        help: "Hotwords, one a line; empty lines and lines that begin with # are skipped",
        set: |s, v| add_lines(&mut s.hotwords, "hotwords", v, |line| hotword(line).map(|_| ())),
        get: |s| list(&s.hotwords),
    },
    Setting {
        name: "grammar",
        value: "LIST",
        help: "The phrases that may be said, one a line (lines that begin with # are skipped), or a grammar in JSGF (begins with \
               #JSGF). Other words are rejected: left out of the text, and listed as \"rejected\" in results as JSON",
        set: |s, v| put(&mut s.grammar, phrase(v).map(|()| v.into())),
        get: |s| json!(s.grammar),
    },
    Setting {
        name: "garbage",
        value: "X",
        help: "What a letter outside of the grammar costs, in nats, 0 to 1e6: more bends more of what is said into it [default: 2]",
        set: |s, v| put(&mut s.garbage, number(v, 0.0..=1e6, "0 to 1e6 nats a letter")),
        get: |s| float(s.garbage),
    },
    Setting {
        name: "nearest",
        value: "BOOL",
        help: "Always answer with the one phrase of the grammar that is nearest to what was said",
        set: |s, v| truth(v).map(|on| s.nearest = on),
        get: |s| flag(s.nearest),
    },
    Setting {
        name: "min-confidence",
        value: "X",
        help: "Reject phrases of the grammar whose confidence is lower, 0 to 1 [default: 0]",
        set: |s, v| put(&mut s.min_confidence, number(v, 0.0..=1.0, "0 to 1")),
        get: |s| float(s.min_confidence),
    },
    Setting {
        name: "confidence-weights",
        value: "W,W,W,W,W",
        help: "The weights that make confidences, as `eval --calibrate` prints them [default: fitted to the bundled models]",
        set: |s, v| put(&mut s.confidence_weights, weights(v)),
        get: |s| {
            s.confidence_weights
                .map_or(Value::Null, |w| w.map(|w| float(Some(w))).into_iter().collect())
        },
    },
    Setting {
        name: "normalize",
        value: "LANGUAGE",
        help: "Turn written text into spoken words, in hotwords, keywords and the phrases of a list: english is lower case, letters \
               and apostrophes, numbers as words [default: texts are as they are]",
        set: |s, v| put(&mut s.normalize, language(v)),
        get: |s| s.normalize.map_or(Value::Null, |Language::English| "english".into()),
    },
    Setting {
        name: "keyword",
        value: "PHRASE",
        help: "A word or phrase to listen for, whatever else is said; may be repeated",
        set: |s, v| phrase(v).map(|()| s.keywords.push(v.trim().into())),
        get: |_| Value::Null,
    },
    Setting {
        name: "keywords",
        value: "LIST",
        help: "Keywords, one a line; empty lines and lines that begin with # are skipped",
        set: |s, v| add_lines(&mut s.keywords, "keywords", v, phrase),
        get: |s| list(&s.keywords),
    },
    Setting {
        name: "threshold",
        value: "X",
        help: "The lowest score of a keyword, at most 0 (nats per letter behind what was most likely said): nearer to 0 finds less and \
               is mistaken less [default: -1.3]",
        set: |s, v| put(&mut s.threshold, number(v, f32::MIN..=0.0, "at most 0")),
        get: |s| float(s.threshold),
    },
    Setting {
        name: "vad",
        value: "BOOL",
        help: "Listen only where somebody speaks (voice activity detection; for models of 16 kHz) [default: on for such models]",
        set: |s, v| put(&mut s.vad, truth(v)),
        get: |s| json!(s.vad),
    },
    Setting {
        name: "vad-threshold",
        value: "X",
        help: "The least probability of speech, above 0 and at most 1 [default: 0.5]",
        set: |s, v| {
            put(&mut s.vad_threshold, number(v, f32::MIN_POSITIVE..=1.0, "above 0 and at most 1"))
        },
        get: |s| float(s.vad_threshold),
    },
    Setting {
        name: "endpoint",
        value: "SECONDS",
        help: "End utterances after so much silence, 0.05 to 60 seconds, at the latest after 20 s [default: they do not end by themselves]",
        set: |s, v| put(&mut s.endpoint, number(v, 0.05..=60.0, "0.05 to 60 seconds")),
        get: |s| json!(s.endpoint),
    },
    Setting {
        name: "nbest",
        value: "N",
        help: "Also the N likeliest texts, at most 1000, as \"alternatives\" in results as JSON; implies a beam search [default: 0]",
        set: |s, v| number(v, 0..=1000, "0 to 1000").map(|count| s.nbest = count),
        get: |s| if s.nbest == 0 { Value::Null } else { json!(s.nbest) },
    },
];

/// Splits `TEXT` or `TEXT:BOOST` into phrase and boost.
pub(super) fn hotword(text: &str) -> Result<(&str, Option<f32>), String> {
    let (text, boost) = match text.rsplit_once(':') {
        None => (text, None),
        Some((text, boost)) => match boost.trim().parse() {
            Ok(boost) => (text, Some(boost)),
            Err(_) => {
                return Err(format!("{boost:?} is not a number of nats; write TEXT or TEXT:BOOST"));
            }
        },
    };
    phrase(text).map(|()| (text.trim(), boost))
}

/// The lines of a list that are neither empty nor comments, with their numbers from 1.
pub(super) fn lines(name: &str, text: &str) -> Result<Vec<(usize, String)>, String> {
    let file = TextFile::new(Path::new(name), text.into());
    let entries = file.entries().map_err(|error| error.to_string())?;
    Ok(entries.into_iter().map(|(line, text)| (line, text.to_string())).collect())
}

fn add_lines(
    to: &mut Vec<String>,
    name: &str,
    text: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<(), String> {
    let lines = lines(name, text)?;
    for (line, text) in &lines {
        check(text).map_err(|problem| format!("line {line}: {problem}"))?;
    }
    to.extend(lines.into_iter().map(|(_, text)| text));
    Ok(())
}

fn phrase(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("must have a word".into()) } else { Ok(()) }
}

fn put<T>(place: &mut Option<T>, value: Result<T, String>) -> Result<(), String> {
    *place = Some(value?);
    Ok(())
}

/// A number within a range. Whole numbers may be written with a decimal point, as scripting
/// languages do (`64.0`).
fn number<T: FromStr + PartialOrd>(
    text: &str,
    range: RangeInclusive<T>,
    must: &str,
) -> Result<T, String> {
    let text = text.trim();
    let parsed = text.parse().ok().or_else(|| text.strip_suffix(".0")?.parse().ok());
    parsed.filter(|value| range.contains(value)).ok_or_else(|| format!("must be {must}"))
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must name a file".into()) } else { Ok(text.into()) }
}

fn language(text: &str) -> Result<Language, String> {
    if text == "english" { Ok(Language::English) } else { Err("must be english".into()) }
}

fn truth(text: &str) -> Result<bool, String> {
    match text {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

fn weights(text: &str) -> Result<[f32; 5], String> {
    let numbers: Option<Vec<f32>> = text.split(',').map(|w| w.trim().parse().ok()).collect();
    let numbers = numbers.filter(|numbers| numbers.iter().all(|weight| weight.is_finite()));
    numbers.and_then(|numbers| numbers.try_into().ok()).ok_or_else(|| {
        "must be five numbers with commas between them, as `eval --calibrate` prints them".into()
    })
}

fn flag(on: bool) -> Value {
    if on { true.into() } else { Value::Null }
}

fn list(texts: &[impl Display]) -> Value {
    if texts.is_empty() { Value::Null } else { texts.iter().map(ToString::to_string).collect() }
}

/// The number as it was written: 0.7, not the nearest f32 with 17 digits.
fn float(value: Option<f32>) -> Value {
    json!(value.and_then(|value| value.to_string().parse::<f64>().ok()))
}
