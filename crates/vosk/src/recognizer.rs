//! A Vosk recognizer: a session, and the settings for starting another one.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use serde_json::Value;
use stonechat::{EndpointRules, Error, Heard, Recognizer, Settings};

use crate::grammar;
use crate::model::VoskModel;
use crate::result::Told;
use crate::session::Session;

pub(crate) struct VoskRecognizer {
    model: Arc<VoskModel>,
    rate_hz: u32,
    settings: Settings,
    rules: EndpointRules,
    pub(crate) session: Session,
    /// The text that was returned last.
    text: CString,
}

impl VoskRecognizer {
    pub(crate) fn new(
        model: Arc<VoskModel>,
        rate_hz: f32,
        grammar: Option<&str>,
    ) -> Result<Self, String> {
        if !(1.0..=1e6).contains(&rate_hz) {
            return Err(format!("{rate_hz} Hz is no sampling rate"));
        }
        let (settings, unknown) =
            grammar.map_or_else(|| Ok(Default::default()), grammar::settings)?;
        let (rate_hz, rules) = (rate_hz.round() as u32, EndpointRules::default());
        let told = Told { unknown, ..Told::default() };
        let session = recognizer(&model, &settings, &rules)
            .and_then(|recognizer| Session::new(recognizer, rate_hz, told))
            .map_err(|error| error.to_string())?;
        Ok(Self { model, rate_hz, settings, rules, session, text: CString::default() })
    }

    /// Starts again with other settings.
    fn change(&mut self, settings: Settings, rules: EndpointRules) -> Result<(), String> {
        recognizer(&self.model, &settings, &rules)
            .and_then(|recognizer| self.session.replace(recognizer, self.rate_hz))
            .map_err(|error| error.to_string())?;
        (self.settings, self.rules) = (settings, rules);
        Ok(())
    }

    pub(crate) fn set_grammar(&mut self, json: &str) -> Result<(), String> {
        let (settings, unknown) = grammar::settings(json)?;
        self.change(Settings { nbest: self.settings.nbest, ..settings }, self.rules.clone())?;
        self.session.told.unknown = unknown;
        Ok(())
    }

    pub(crate) fn set_alternatives(&mut self, count: usize) -> Result<(), String> {
        let count = count.min(1000);
        let settings = Settings { nbest: count as u32, ..self.settings.clone() };
        self.change(settings, self.rules.clone())?;
        self.session.told.alternatives = count;
        Ok(())
    }

    /// Seconds of silence at the start and after speech, and the longest utterance.
    pub(crate) fn set_delays(
        &mut self,
        start_s: f64,
        end_s: f64,
        longest_s: f64,
    ) -> Result<(), String> {
        let mut rules = EndpointRules::default();
        for rule in &mut rules.0 {
            match (rule.after, rule.silence_s > 0.0) {
                (Heard::Anything, _) => rule.silence_s = start_s,
                (_, false) => rule.length_s = longest_s,
                (Heard::Phrase, _) => rule.silence_s = rule.silence_s.min(end_s),
                (Heard::Speech, _) => rule.silence_s = end_s,
            }
        }
        self.change(self.settings.clone(), rules)
    }

    /// A text that lives until the next one.
    pub(crate) fn lend(&mut self, json: Value) -> *const c_char {
        // JSON has no zero bytes.
        self.text = CString::new(format!("{json:#}")).unwrap_or_default();
        self.text.as_ptr()
    }
}

fn recognizer(
    model: &VoskModel,
    settings: &Settings,
    rules: &EndpointRules,
) -> Result<Recognizer, Error> {
    Ok(model.recognizer(settings)?.with_endpoint_rules(rules.clone()))
}
