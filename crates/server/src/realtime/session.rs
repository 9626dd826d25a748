//! What a client of OpenAI Realtime has configured.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use stonechat::Settings;

use super::Wrong;
use crate::app::App;
use crate::hints;
use crate::models::Served;

/// The service knows no other rate; here others can be had.
const RATE_HZ: u32 = 24_000;
/// Silence that ends an utterance, as the service has it.
const SILENCE_MS: f64 = 500.0;

/// A session's configuration.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) model: Arc<Served>,
    pub(super) rate_hz: u32,
    /// What the recognizer is made with.
    pub(super) settings: Settings,
    transcription: Map<String, Value>,
    /// Milliseconds of silence and, if given, the least probability of speech; none without turn detection.
    turns: Option<(f64, Option<f64>)>,
    /// Settings by their own names.
    own: Map<String, Value>,
}

impl Session {
    pub(super) fn new(app: &App) -> Result<Self, Wrong> {
        let mut session = Self {
            model: app.models.get(None).map_err(Wrong::new)?,
            rate_hz: RATE_HZ,
            settings: Settings::default(),
            transcription: Map::new(),
            turns: Some((SILENCE_MS, None)),
            own: Map::new(),
        };
        session.settings = session.made(app)?;
        Ok(session)
    }

    pub(super) fn detects_turns(&self) -> bool {
        self.turns.is_some()
    }

    /// Takes what an update names; nothing of it if something is wrong.
    pub(super) fn update(&mut self, update: &Value, app: &App) -> Result<(), Wrong> {
        if !update.is_object() {
            return Err(Wrong::field("session", "session must be an object"));
        }
        let input = &update["audio"]["input"];
        let mut new = self.clone();
        new.set_format(&input["format"])?;
        // The second names are those of the beta.
        for transcription in [&input["transcription"], &update["input_audio_transcription"]] {
            if let Value::Object(fields) = transcription {
                new.transcription.extend(fields.clone());
            }
        }
        for of in [input, update] {
            if let Some(turns) = of.get("turn_detection") {
                new.set_turns(turns)?;
            }
        }
        if let Value::Object(own) = &update["settings"] {
            new.own.extend(own.clone());
        }
        if let Some(name) = new.transcription.get("model").and_then(Value::as_str) {
            let model = app.models.get(Some(name));
            new.model = model.map_err(|problem| Wrong::field("model", problem))?;
        }
        new.settings = new.made(app)?;
        *self = new;
        Ok(())
    }

    fn set_format(&mut self, format: &Value) -> Result<(), Wrong> {
        let wrong = |message: &str| Err(Wrong::field("session.audio.input.format", message));
        match &format["type"] {
            Value::Null => {}
            Value::String(kind) if kind == "audio/pcm" => {}
            _ => {
                return wrong(
                    "audio/pcm is what is taken: samples of 16 bits, little endian, mono",
                );
            }
        }
        match &format["rate"] {
            Value::Null => {}
            rate => match rate.as_u64() {
                Some(rate @ 1000..=768_000) => self.rate_hz = rate as u32,
                _ => return wrong("rate must be 1000 to 768000"),
            },
        }
        Ok(())
    }

    fn set_turns(&mut self, turns: &Value) -> Result<(), Wrong> {
        let name = "session.audio.input.turn_detection";
        self.turns = match turns["type"].as_str() {
            _ if turns.is_null() => None,
            Some("server_vad") | None => {
                let silence = turns["silence_duration_ms"].as_f64();
                let threshold = turns["threshold"].as_f64();
                let silence = silence.unwrap_or(SILENCE_MS);
                if !(50.0..=60_000.0).contains(&silence) {
                    return Err(Wrong::field(name, "silence_duration_ms must be 50 to 60000"));
                }
                if threshold.is_some_and(|threshold| !(threshold > 0.0 && threshold <= 1.0)) {
                    return Err(Wrong::field(name, "threshold must be above 0 and at most 1"));
                }
                Some((silence, threshold))
            }
            Some("semantic_vad") => Some((SILENCE_MS, None)),
            Some(_) => return Err(Wrong::field(name, "type must be server_vad or semantic_vad")),
        };
        Ok(())
    }

    /// The settings that all of it makes.
    fn made(&self, app: &App) -> Result<Settings, Wrong> {
        let mut settings = self.model.base.clone();
        settings.endpoint = None;
        if let Some((silence_ms, threshold)) = self.turns {
            settings.endpoint = Some(silence_ms / 1000.0);
            // The service's usual threshold of 0.5 is ours, too.
            settings.vad_threshold = threshold.map(|t| t as f32).or(settings.vad_threshold);
        }
        for (name, value) in &self.own {
            let set = settings.set_value(name, value);
            set.map_err(|error| Wrong::field("session.settings", error.to_string()))?;
        }
        let prompt = self.transcription.get("prompt").and_then(Value::as_str).unwrap_or_default();
        let keywords = self.transcription.get("keywords").and_then(Value::as_array);
        let keywords = keywords.into_iter().flatten().filter_map(Value::as_str);
        hints::add(
            &mut settings,
            hints::of_prompt(prompt).chain(keywords),
            self.model.model.alphabet(),
        );
        app.limits.check(&settings, &self.model.base).map_err(Wrong::new)?;
        Ok(settings)
    }

    /// As clients are told it.
    pub(super) fn value(&self) -> Value {
        let mut transcription = self.transcription.clone();
        transcription.insert("model".into(), self.model.name.clone().into());
        let turns = self.turns.map(|(silence_ms, threshold)| {
            json!({
                "type": "server_vad", "threshold": threshold.unwrap_or(0.5),
                "silence_duration_ms": silence_ms as u64, "prefix_padding_ms": 0,
            })
        });
        json!({
            "type": "transcription",
            "object": "realtime.transcription_session",
            "audio": { "input": {
                "format": { "type": "audio/pcm", "rate": self.rate_hz },
                "transcription": transcription,
                "noise_reduction": null,
                "turn_detection": turns,
            } },
            "settings": self.own,
        })
    }
}
