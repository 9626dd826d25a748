//! What a user may choose, by the names of the command's options: one table for every surface.

mod build;
mod json;
mod table;

use std::path::PathBuf;

pub use self::table::{SETTINGS, Setting};
use crate::{Error, Hotword};
use stonechat_lm::Normaliser;

/// How speech becomes text, as a user says it: set by [`set`](Self::set) with the names of the command's options, read from
/// an object with the same names (serde), or written field by field. [`SETTINGS`] is the table of all of them; nothing that
/// is not set differs from what the command does by itself.
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
/// Values are checked one by one where they are set, and with each other where the
/// [`recognizer`](Self::recognizer) is made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Hypotheses of the beam search, 1 to 65536.
    pub beam: Option<u32>,
    /// The best symbol of each frame: no search, no language model.
    pub greedy: bool,
    /// File of a packed language model, in place of the one that came with the model.
    pub lm: Option<PathBuf>,
    /// Leaves the language model that came with the model out.
    pub no_lm: bool,
    /// Weight of the language model.
    pub alpha: Option<f32>,
    /// Bonus for each word, in nats.
    pub beta: Option<f32>,
    /// What is expected, as `TEXT` or `TEXT:BOOST`.
    pub hotwords: Vec<String>,
    /// What may be said: phrases, one a line, or JSGF.
    pub grammar: Option<String>,
    /// What a letter outside of the grammar costs, in nats.
    pub garbage: Option<f32>,
    /// Always the phrase of the grammar that is nearest.
    pub nearest: bool,
    /// Phrases of less confidence are rejected.
    pub min_confidence: Option<f32>,
    /// The weights that make confidences ([`ConfidenceWeights`](crate::ConfidenceWeights)).
    pub confidence_weights: Option<[f32; 5]>,
    /// How written text becomes spoken words: in hotwords, keywords and the phrases of a list.
    pub normalize: Option<Language>,
    /// Phrases to listen for.
    pub keywords: Vec<String>,
    /// The lowest score of a keyword, nats a letter.
    pub threshold: Option<f32>,
    /// Voice activity detection; by default where it can be had.
    pub vad: Option<bool>,
    /// The least probability of speech.
    pub vad_threshold: Option<f32>,
    /// Seconds of silence that end an utterance; by default utterances do not end by themselves.
    pub endpoint: Option<f64>,
    /// Alternative texts that transcripts have.
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
    /// The beam where none is set.
    const BEAM: u32 = 64;
    /// With hotwords, whose beginnings take places in the beam: in a beam of 64 the other words suffer
    /// (`experiments/decoding`).
    const HOTWORD_BEAM: u32 = 128;

    /// Sets what `name` names, with `-` or `_` between its words; `hotword`, `hotwords`, `keyword` and `keywords` add to what is there.
    ///
    /// # Errors
    /// [`Error::Setting`] for a name that is not in the table, and a value that the setting does not take.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let setting = Setting::named(name)?;
        setting.apply(self, value).map_err(|problem| {
            let start: String = value.chars().take(60).collect();
            setting.error(format!("{start:?}: {problem}"))
        })
    }

    /// Whether making the recognizer opens a file that a setting names. A server that takes settings from
    /// strangers refuses those that do.
    pub fn opens_file(&self) -> bool {
        self.lm.is_some()
    }

    /// The width of the beam, if there is to be one.
    pub fn beam_width(&self) -> u32 {
        let usual = if self.hotwords.is_empty() { Self::BEAM } else { Self::HOTWORD_BEAM };
        self.beam.unwrap_or(usual)
    }

    /// The hotwords as a decoder takes them, for [`Stream::set_hotwords`](crate::Stream::set_hotwords): in spoken words, and
    /// with the usual boost where none is given.
    ///
    /// # Errors
    /// [`Error::Setting`] for a boost that is no number.
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
