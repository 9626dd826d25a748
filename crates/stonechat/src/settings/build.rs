//! From settings to a recognizer.

use std::sync::Arc;

use stonechat_lm::LanguageModel;

use super::{Settings, spoken, table};
use crate::{
    BeamOptions, BeamSearch, ConfidenceWeights, EndpointRules, Error, Grammar, GrammarOptions,
    GrammarSearch, Heard, Model, Options, Recognizer, SpotterOptions,
};

impl Settings {
    /// The recognizer that the settings describe. With a language model ([`lm`](Self::lm) or the
    /// model's own) or a beam it uses a beam search, with a grammar the grammar's search, otherwise
    /// greedy decoding. Voice activity detection is on if it is available (feature `vad`, a model
    /// of 16 kHz).
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that conflict or that this build or model does not support,
    /// [`Error::LanguageModel`] for the file of [`lm`](Self::lm), [`Error::Decode`] for phrases
    /// that the alphabet cannot spell.
    pub fn recognizer(&self, model: impl Into<Arc<Model>>) -> Result<Recognizer, Error> {
        let lm = self.lm.as_ref().map(LanguageModel::load).transpose()?;
        self.recognizer_with(model, lm)
    }

    /// [`recognizer`](Self::recognizer) with a language model that is already loaded, in place of
    /// the file [`lm`](Self::lm).
    ///
    /// # Errors
    /// Those of [`recognizer`](Self::recognizer).
    pub fn recognizer_with(
        &self,
        model: impl Into<Arc<Model>>,
        lm: Option<LanguageModel>,
    ) -> Result<Recognizer, Error> {
        let model = model.into();
        self.check(lm.is_some())?;
        let mut recognizer = Recognizer::new(Arc::clone(&model), Options::default())?;
        if let Some(grammar) = self.grammar()? {
            recognizer = recognizer.with_grammar(self.grammar_search(&model, &grammar)?)?;
        } else {
            let own = || model.language_model().filter(|_| !self.no_lm && !self.greedy).cloned();
            let lm = lm.or_else(own);
            if self.alpha.is_some() && lm.is_none() {
                return Err(
                    self.error("alpha", "is the weight of a language model: give one by lm")
                );
            }
            if lm.is_some() || self.is_beam() {
                recognizer = recognizer.with_search(self.beam_search(&model, lm)?)?;
            }
        }
        if let Some(silence_s) = self.endpoint {
            recognizer = recognizer.with_endpoint_rules(rules(silence_s)).with_utterances();
        }
        if !self.keywords.is_empty() {
            let rules = self.rules();
            let phrases: Vec<String> =
                self.keywords.iter().map(|phrase| spoken(rules.as_ref(), phrase)).collect();
            let default = SpotterOptions::default();
            let threshold = self.threshold.unwrap_or(default.threshold);
            let options = SpotterOptions { threshold, ..default };
            recognizer = recognizer.with_keywords(phrases.iter().map(String::as_str), options)?;
        }
        self.with_voice(recognizer.with_alternatives(self.nbest as usize))
    }

    /// The grammar, if any.
    ///
    /// # Errors
    /// [`Error::Decode`] with the line of the text, or [`Error::Setting`].
    pub fn grammar(&self) -> Result<Option<Grammar>, Error> {
        let Some(text) = &self.grammar else { return Ok(None) };
        let text = text.trim_start_matches('\u{feff}');
        let rules = self.rules();
        if text.trim_start().starts_with("#JSGF") {
            if rules.is_some() {
                let problem = "is for lists of phrases, and the grammar is in JSGF";
                return Err(self.error("normalize", problem));
            }
            return Ok(Some(Grammar::from_jsgf(text)?));
        }
        let lines =
            table::lines("grammar", text).map_err(|problem| self.error("grammar", problem))?;
        let phrases: Vec<(usize, String)> =
            lines.into_iter().map(|(line, text)| (line, spoken(rules.as_ref(), &text))).collect();
        let phrases = phrases.iter().map(|(line, text)| (*line, &text[..]));
        Ok(Some(Grammar::from_lines(phrases)?))
    }

    /// Whether a beam is asked for, apart from a language model.
    fn is_beam(&self) -> bool {
        self.beam.is_some()
            || self.beta.is_some()
            || !self.hotwords.is_empty()
            || self.confidence_weights.is_some()
            || self.nbest > 0
    }

    /// Rejects settings that exclude each other or that lack another one.
    fn check(&self, lm: bool) -> Result<(), Error> {
        let of_search = [
            ("beam", self.beam.is_some()),
            ("lm", lm || self.lm.is_some()),
            ("alpha", self.alpha.is_some()),
            ("beta", self.beta.is_some()),
            ("hotwords", !self.hotwords.is_empty()),
        ];
        let of_confidence =
            [("confidence-weights", self.confidence_weights.is_some()), ("nbest", self.nbest > 0)];
        let given = |settings: &[(&'static str, bool)]| {
            settings.iter().find(|(_, given)| *given).map(|(name, _)| *name)
        };
        let both = |name: &str, other: &str| {
            Err(self.error(name, format!("cannot be used together with {other}: leave one out")))
        };
        if self.greedy
            && let Some(name) = given(&[&of_search[..], &of_confidence].concat())
        {
            return both(name, "greedy");
        }
        if self.no_lm && (lm || self.lm.is_some()) {
            return both("lm", "no-lm");
        }
        let of_grammar = [
            ("garbage", self.garbage.is_some()),
            ("nearest", self.nearest),
            ("min-confidence", self.min_confidence.is_some()),
        ];
        match (&self.grammar, given(&of_grammar)) {
            (None, Some(name)) => {
                return Err(self.error(name, "is for grammars, and there is no grammar"));
            }
            (Some(_), _) if self.greedy => return both("greedy", "grammar"),
            (Some(_), _) => {
                if let Some(name) = given(&of_search) {
                    return both(name, "grammar");
                }
            }
            _ => {}
        }
        if self.nearest && self.garbage.is_some() {
            return both("garbage", "nearest");
        }
        if self.threshold.is_some() && self.keywords.is_empty() {
            return Err(self.error("threshold", "is that of keywords, and there is none"));
        }
        Ok(())
    }

    fn calibration(&self) -> Option<ConfidenceWeights> {
        self.confidence_weights.map(|weights| ConfidenceWeights { weights })
    }

    fn beam_search(&self, model: &Model, lm: Option<LanguageModel>) -> Result<BeamSearch, Error> {
        let default = BeamOptions::default();
        let options = BeamOptions {
            width: self.beam_width() as usize,
            alpha: self.alpha.unwrap_or(default.alpha),
            // Without a language model words cost nothing, so there is nothing for beta to offset.
            beta: self.beta.unwrap_or(if lm.is_some() { default.beta } else { 0.0 }),
            ..default
        };
        let mut search = model.beam_search(options)?;
        if let Some(lm) = lm {
            search = search.with_language_model(Arc::new(lm));
        }
        if let Some(calibration) = self.calibration() {
            search = search.with_calibration(calibration);
        }
        Ok(search.with_hotwords(self.hotword_list()?)?)
    }

    fn grammar_search(&self, model: &Model, grammar: &Grammar) -> Result<GrammarSearch, Error> {
        let default = GrammarOptions::default();
        let options = GrammarOptions {
            garbage: self.garbage.unwrap_or(default.garbage),
            nearest: self.nearest,
            min_confidence: self.min_confidence.unwrap_or(default.min_confidence),
        };
        let search = model.grammar_search(grammar, options)?;
        Ok(match self.calibration() {
            Some(calibration) => search.with_calibration(calibration),
            None => search,
        })
    }

    #[cfg(feature = "vad")]
    fn with_voice(&self, recognizer: Recognizer) -> Result<Recognizer, Error> {
        let rate_hz = recognizer.model().sample_rate_hz();
        let can = rate_hz == stonechat_audio::VoiceDetector::SAMPLE_RATE_HZ;
        match self.vad {
            Some(true) if !can => {
                let problem = format!("is for models of 16 kHz, and this one is of {rate_hz} Hz");
                return Err(self.error("vad", problem));
            }
            Some(false) => return Ok(recognizer),
            None if !can && self.vad_threshold.is_none() => return Ok(recognizer),
            _ => {}
        }
        let default = crate::VoiceOptions::default();
        let threshold = self.vad_threshold.unwrap_or(default.threshold);
        recognizer.with_voice_detection(crate::VoiceOptions { threshold, ..default })
    }

    #[cfg(not(feature = "vad"))]
    fn with_voice(&self, recognizer: Recognizer) -> Result<Recognizer, Error> {
        if self.vad == Some(true) || self.vad_threshold.is_some() {
            return Err(self.error("vad", "this program was built without the feature vad"));
        }
        Ok(recognizer)
    }
}

/// The usual rules with another silence after speech.
fn rules(silence_s: f64) -> EndpointRules {
    let mut rules = EndpointRules::default();
    for rule in
        rules.0.iter_mut().filter(|rule| rule.after >= Heard::Speech && rule.silence_s > 0.0)
    {
        // After a complete phrase a shorter silence is enough, unless the given one is shorter
        // still.
        rule.silence_s = match rule.after {
            Heard::Phrase => rule.silence_s.min(silence_s),
            _ => silence_s,
        };
    }
    rules
}
