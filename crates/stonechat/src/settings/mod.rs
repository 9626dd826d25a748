//! What a user can choose, by the names of the command's options: one table for every surface.

mod build;
mod json;
mod table;

use std::path::PathBuf;

pub use self::table::{SETTINGS, Setting};
use crate::{Error, Hotword};
use stonechat_lm::Normaliser;

/// How speech becomes text. Set values by [`set`](Self::set) with the names of the command's
/// options, read them from an object with the same names (serde), or write the fields. [`SETTINGS`]
/// is the table of all settings. What is not set is as in the command by default.
///
/// ```no_run
/// use stonechat::{Model, Settings};
///
/// let mut settings = Settings::default();
/// settings.set("beam", "32")?;
/// settings.set("hotword", "little station:6")?;
/// let same: Settings = serde_json::from_str(r#"{"beam": 32, "hotwords": {"little station": 6}}"#).unwrap();
/// assert_eq!(settings, same);
/// let recognizer = settings.recognizer(Model::load("english.stonechat")?)?;
/// # Ok::<(), stonechat::Error>(())
/// ```
///
/// Each value is checked when it is set, and against the others when the
/// [`recognizer`](Self::recognizer) is made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Hypotheses of the beam search, 1 to 65536.
    pub beam: Option<u32>,
    /// Take the best symbol of each frame: no search, no language model.
    pub greedy: bool,
    /// File of a packed language model, in place of the one that came with the model.
    pub lm: Option<PathBuf>,
    /// Do not use the language model that came with the model.
    pub no_lm: bool,
    /// Weight of the language model.
    pub alpha: Option<f32>,
    /// Bonus for each word, in nats.
    pub beta: Option<f32>,
    /// Expected words and phrases, as `TEXT` or `TEXT:BOOST`.
    pub hotwords: Vec<String>,
    /// The phrases that may be said: one a line, or JSGF.
    pub grammar: Option<String>,
    /// Cost of a letter outside the grammar, in nats.
    pub garbage: Option<f32>,
    /// Always answer with the nearest phrase of the grammar.
    pub nearest: bool,
    /// Phrases with a lower confidence are rejected.
    pub min_confidence: Option<f32>,
    /// The weights that make confidences ([`ConfidenceWeights`](crate::ConfidenceWeights)).
    pub confidence_weights: Option<[f32; 5]>,
    /// How written text becomes spoken words, in hotwords, keywords and lists of phrases.
    pub normalize: Option<Language>,
    /// Phrases to listen for.
    pub keywords: Vec<String>,
    /// The lowest score of a keyword, in nats per letter.
    pub threshold: Option<f32>,
    /// Voice activity detection; on by default where available.
    pub vad: Option<bool>,
    /// The lowest probability that counts as speech.
    pub vad_threshold: Option<f32>,
    /// Seconds of silence that end an utterance; by default utterances do not end by themselves.
    pub endpoint: Option<f64>,
    /// How many alternative texts a transcript has.
    pub nbest: u32,
}

/// A language whose written text can be turned into spoken words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// Lower case, letters and apostrophes, numbers as words.
    English,
}

impl Settings {
    /// The default beam.
    const BEAM: u32 = 64;
    /// The default beam with hotwords. Their beginnings take places in the beam: with 64 the other
    /// words suffer (`experiments/decoding`).
    const HOTWORD_BEAM: u32 = 128;

    /// Sets the setting `name`, which may use `-` or `_` between its words. `hotword`, `hotwords`,
    /// `keyword` and `keywords` add to the list.
    ///
    /// # Errors
    /// [`Error::Setting`] for an unknown name or a wrong value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let setting = Setting::named(name)?;
        setting.apply(self, value).map_err(|problem| {
            let start: String = value.chars().take(60).collect();
            setting.error(format!("{start:?}: {problem}"))
        })
    }

    /// Whether making the recognizer opens a file that a setting names. A server that takes
    /// settings from strangers should refuse those.
    pub fn opens_file(&self) -> bool {
        self.lm.is_some()
    }

    /// The width of the beam, if a beam search is used.
    pub fn beam_width(&self) -> u32 {
        let usual = if self.hotwords.is_empty() { Self::BEAM } else { Self::HOTWORD_BEAM };
        self.beam.unwrap_or(usual)
    }

    /// The hotwords for [`Stream::set_hotwords`](crate::Stream::set_hotwords): in spoken words,
    /// with the usual boost if none is given.
    ///
    /// # Errors
    /// [`Error::Setting`] for a boost that is not a number.
    pub fn hotword_list(&self) -> Result<Vec<Hotword>, Error> {
        let rules = self.rules();
        let hotword = |text: &String| {
            let (phrase, boost) =
                table::hotword(text).map_err(|problem| self.error("hotword", problem))?;
            let usual = Hotword::new(spoken(rules.as_ref(), phrase));
            Ok(Hotword { boost: boost.unwrap_or(usual.boost), ..usual })
        };
        self.hotwords.iter().map(hotword).collect()
    }

    fn rules(&self) -> Option<Normaliser> {
        self.normalize.map(|Language::English| Normaliser::english())
    }

    fn error(&self, name: &str, problem: impl Into<String>) -> Error {
        Error::Setting { name: name.into(), problem: problem.into() }
    }
}

fn spoken(rules: Option<&Normaliser>, text: &str) -> String {
    rules.map_or_else(|| text.to_string(), |rules| rules.line(text))
}
