//! A recognizer of Vosk: a stream, and what it tells.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use serde_json::Value;
use stonechat::{EndpointRules, Error, Heard, Settings, Stream, Transcript};

use crate::grammar;
use crate::model::VoskModel;
use crate::result::Told;

pub(crate) struct VoskRecognizer {
    model: Arc<VoskModel>,
    rate_hz: u32,
    settings: Settings,
    rules: EndpointRules,
    told: Told,
    stream: Stream,
    /// Utterances that have ended and were not asked for.
    ended: Vec<Transcript>,
    finished: bool,
    /// The text that was given out last.
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
        let stream =
            stream(&model, &settings, &rules, rate_hz).map_err(|error| error.to_string())?;
        let text = CString::default();
        Ok(Self {
            model,
            rate_hz,
            settings,
            rules,
            told,
            stream,
            ended: Vec::new(),
            finished: false,
            text,
        })
    }

    /// Begins anew with other settings.
    fn change(&mut self, settings: Settings, rules: EndpointRules) -> Result<(), String> {
        self.stream = stream(&self.model, &settings, &rules, self.rate_hz)
            .map_err(|error| error.to_string())?;
        (self.settings, self.rules) = (settings, rules);
        self.ended.clear();
        self.finished = false;
        Ok(())
    }

    pub(crate) fn set_grammar(&mut self, json: &str) -> Result<(), String> {
        let (settings, unknown) = grammar::settings(json)?;
        self.change(Settings { nbest: self.settings.nbest, ..settings }, self.rules.clone())?;
        self.told.unknown = unknown;
        Ok(())
    }

    pub(crate) fn set_alternatives(&mut self, count: usize) -> Result<(), String> {
        let count = count.min(1000);
        let settings = Settings { nbest: count as u32, ..self.settings.clone() };
        self.change(settings, self.rules.clone())?;
        self.told.alternatives = count;
        Ok(())
    }

    pub(crate) fn set_words(&mut self, on: bool) {
        self.told.words = on;
    }

    pub(crate) fn set_partial_words(&mut self, on: bool) {
        self.told.partial_words = on;
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

    /// Takes samples; whether an utterance has ended.
    pub(crate) fn push(&mut self, samples: &[f32]) -> Result<bool, Error> {
        self.push_with(|stream| stream.push(samples))
    }

    /// [`push`](Self::push) of samples of 16 bits.
    pub(crate) fn push_integers(
        &mut self,
        samples: impl ExactSizeIterator<Item = i16>,
    ) -> Result<bool, Error> {
        if samples.len() == 0 {
            return Ok(!self.ended.is_empty());
        }
        self.push_with(|stream| stream.push_i16(samples))
    }

    fn push_with(
        &mut self,
        push: impl FnOnce(&mut Stream) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        if self.finished {
            // After the final result another recording begins.
            self.reset();
        }
        push(&mut self.stream)?;
        self.ended.extend(self.stream.take_utterances());
        Ok(!self.ended.is_empty())
    }

    /// What has ended; if nothing has, the utterance ends here.
    pub(crate) fn result(&mut self) -> *const c_char {
        let mut said = std::mem::take(&mut self.ended);
        if said.is_empty() && !self.finished {
            said.push(self.stream.end_utterance());
        }
        self.lend(self.told.result(&said))
    }

    pub(crate) fn partial_result(&mut self) -> *const c_char {
        self.lend(self.told.partial(&self.stream))
    }

    /// The rest of the recording.
    pub(crate) fn final_result(&mut self) -> *const c_char {
        let mut said = std::mem::take(&mut self.ended);
        if !self.finished {
            let last = self.stream.finish();
            said.extend(self.stream.take_utterances());
            said.push(last);
            self.finished = true;
        }
        self.lend(self.told.result(&said))
    }

    pub(crate) fn reset(&mut self) {
        self.stream.reset();
        self.ended.clear();
        self.finished = false;
    }

    /// A text that lives until the next one.
    fn lend(&mut self, json: Value) -> *const c_char {
        // JSON has no zero bytes.
        self.text = CString::new(format!("{json:#}")).unwrap_or_default();
        self.text.as_ptr()
    }
}

fn stream(
    model: &VoskModel,
    settings: &Settings,
    rules: &EndpointRules,
    rate_hz: u32,
) -> Result<Stream, Error> {
    let recognizer = model.recognizer(settings)?;
    recognizer.with_endpoint_rules(rules.clone()).with_utterances().stream_at(rate_hz)
}
