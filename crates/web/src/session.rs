//! The same in plain Rust, which tests can call.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use stonechat::{Error, PackedLanguageModel, Settings};

/// A loaded model.
pub struct Model(Arc<stonechat::Model>);

impl Model {
    pub fn new(package: &[u8], language_model: Option<Vec<u8>>) -> Result<Self, Error> {
        let model = stonechat::Model::from_bytes(package)?;
        Ok(Self(Arc::new(match language_model {
            Some(bytes) => model.with_language_model(PackedLanguageModel::from_bytes(bytes)?),
            None => model,
        })))
    }

    pub fn sample_rate_hz(&self) -> u32 {
        self.0.sample_rate_hz()
    }

    /// With settings from a JSON object. A page has no files: settings that open one are refused.
    pub fn recognizer(&self, settings: &str) -> Result<Recognizer, Error> {
        let refuse = |problem: String| Error::Setting { name: "settings".into(), problem };
        let settings: Settings =
            serde_json::from_str(settings).map_err(|error| refuse(error.to_string()))?;
        if settings.opens_file() {
            return Err(refuse("files cannot be opened here: hand over bytes".into()));
        }
        Ok(Recognizer(settings.recognizer(Arc::clone(&self.0))?))
    }
}

/// A model with settings.
pub struct Recognizer(stonechat::Recognizer);

impl Recognizer {
    pub fn stream(&self, sample_rate_hz: u32) -> Result<Session, Error> {
        Ok(Session { stream: self.0.stream_at(sample_rate_hz)?, ready: VecDeque::new() })
    }
}

/// A stream whose results wait to be fetched.
pub struct Session {
    stream: stonechat::Stream,
    /// JSON objects.
    ready: VecDeque<String>,
}

impl Session {
    pub fn push(&mut self, samples: &[f32]) -> Result<(), Error> {
        self.stream.push(samples)?;
        self.collect();
        Ok(())
    }

    pub fn push_i16(&mut self, samples: &[i16]) -> Result<(), Error> {
        self.stream.push_i16(samples.iter().copied())?;
        self.collect();
        Ok(())
    }

    pub fn partial(&self) -> String {
        json(&self.stream.partial_result())
    }

    pub fn next_result(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    pub fn finish(&mut self) -> String {
        let last = self.stream.finish();
        self.collect();
        json(&last)
    }

    pub fn reset(&mut self) {
        self.stream.reset();
        self.ready.clear();
    }

    pub fn set_hotwords(&mut self, hotwords: &str) -> Result<(), Error> {
        let mut settings = Settings::default();
        let value: Value = serde_json::from_str(hotwords).map_err(|error| Error::Setting {
            name: "hotwords".into(),
            problem: error.to_string(),
        })?;
        settings.set_value("hotwords", &value)?;
        self.stream.set_hotwords(settings.hotword_list()?)
    }

    pub fn seconds(&self) -> f64 {
        self.stream.seconds()
    }

    fn collect(&mut self) {
        let spotted = self.stream.take_spotted();
        self.ready.extend(spotted.iter().map(json));
        let utterances = self.stream.take_utterances();
        let spoken = utterances.iter().filter(|utterance| !utterance.is_silent());
        self.ready.extend(spoken.map(json));
    }
}

/// Results are texts, numbers and lists: nothing that JSON cannot say.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let lm = stonechat_english::LANGUAGE_MODEL.to_vec();
        Model::new(stonechat_english::MODEL, Some(lm)).unwrap()
    }

    /// Something that is no speech, but no silence either.
    fn sound(seconds: f32) -> Vec<f32> {
        (0..(16000.0 * seconds) as u32).map(|n| (n * n % 977) as f32 / 2000.0 - 0.25).collect()
    }

    #[test]
    fn settings_are_an_object_and_open_no_file() {
        let model = model();
        for (settings, part) in [
            ("{}", ""),
            (r#"{"beam": 8, "hotwords": {"little station": 6}, "endpoint": 0.8}"#, ""),
            (r#"{"grammar": ["on", "off"], "keywords": null}"#, ""),
            (r#"{"beem": 8}"#, "beem"),
            (r#"{"lm": "a.lm"}"#, "bytes"),
            (r#"{"hotwords": ["caf\u00e9"]}"#, "\u{e9}"),
            ("[]", "map"),
            ("", "EOF"),
        ] {
            match model.recognizer(settings) {
                Ok(_) => assert!(part.is_empty(), "{settings} is accepted"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(!part.is_empty() && error.contains(part), "{settings}: {error}");
                }
            }
        }
        assert!(Model::new(b"no package", None).is_err());
        assert!(Model::new(stonechat_english::MODEL, Some(b"no model".to_vec())).is_err());
    }

    #[test]
    fn a_stream_ends_and_begins_anew_with_the_same_result() {
        let recognizer = model().recognizer(r#"{"vad": false, "endpoint": 0.5}"#).unwrap();
        let mut stream = recognizer.stream(48000).unwrap();
        let mut results = Vec::new();
        for _ in 0..2 {
            let mut all = Vec::new();
            for piece in sound(1.5).chunks(777) {
                stream.push(piece).unwrap();
                let partial: Value = serde_json::from_str(&stream.partial()).unwrap();
                let (text, stable) = (partial["partial"].as_str().unwrap(), &partial["stable"]);
                assert!(stable.as_u64().unwrap() as usize <= text.len(), "{partial}");
                all.extend(std::iter::from_fn(|| stream.next_result()));
            }
            assert!((stream.seconds() - 0.5).abs() < 0.01, "{}", stream.seconds());
            let last: Value = serde_json::from_str(&stream.finish()).unwrap();
            assert!(last["text"].is_string() && last["result"].is_array(), "{last}");
            assert!(stream.push(&[0.0]).is_err(), "a finished stream takes nothing");
            all.push(last.to_string());
            results.push(all);
            stream.reset();
        }
        assert_eq!(results[0], results[1]);
        assert!(recognizer.stream(3).is_err());
    }

    #[test]
    fn hotwords_change_on_the_way() {
        let recognizer = model().recognizer("{}").unwrap();
        let mut stream = recognizer.stream(16000).unwrap();
        stream.push(&sound(0.3)).unwrap();
        stream.set_hotwords(r#"["little station:6", "kitchen"]"#).unwrap();
        stream.set_hotwords(r#"{"kitchen": 3}"#).unwrap();
        for wrong in ["", "3", r#"["caf\u00e9"]"#] {
            assert!(stream.set_hotwords(wrong).is_err(), "{wrong}");
        }
        stream.push(&sound(0.3)).unwrap();
    }
}
