//! Vosk's protocol over a WebSocket, as `vosk-server` speaks it.
//!
//! Text messages: `{"config": {...}}` gets no answer; `{"eof": 1}` gets the last result, and the socket is closed; `{"reset": 1}` gets the
//! result so far, and another recording begins. Binary messages are 16-bit samples, and each gets one answer: `{"partial"}`, or `{"text",
//! "result"}` where an utterance has ended. `config` takes Vosk's fields (`sample_rate`, `words`, `partial_words`, `max_alternatives`,
//! `phrase_list` or `grammar`, `model`) and all settings by their names. What is wrong is told as `{"error"}`, and the socket is closed.

use std::sync::Arc;
use std::time::Instant;

use ::vosk::{Session, Told, grammar_settings};
use axum::body::Bytes;
use serde_json::{Map, Value, json};
use stonechat::Settings;

use crate::app::App;
use crate::models::Served;
use crate::pcm::Pcm;
use crate::pool::{Panicked, Work};
use crate::sessions::Seat;
use crate::socket::{Incoming, Socket, code};

/// Samples of one piece of work, in seconds.
const PIECE_S: usize = 1;

/// What a text message asks for.
#[derive(Debug, PartialEq)]
enum Request {
    Config(Map<String, Value>),
    Eof,
    Reset,
}

impl Request {
    fn of(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| format!("a text message must be a JSON object: {error}"))?;
        let Value::Object(mut fields) = value else {
            return Err("a text message must be a JSON object".into());
        };
        match fields.remove("config") {
            Some(Value::Object(config)) => return Ok(Self::Config(config)),
            Some(_) => return Err("config must be an object".into()),
            None => {}
        }
        if fields.contains_key("eof") {
            return Ok(Self::Eof);
        }
        if fields.contains_key("reset") {
            return Ok(Self::Reset);
        }
        Err("a text message must have config, eof or reset".into())
    }
}

/// What the configurations so far ask for.
#[derive(Clone)]
struct Configured {
    model: Arc<Served>,
    rate_hz: u32,
    settings: Settings,
    told: Told,
}

impl Configured {
    fn new(model: Arc<Served>) -> Self {
        let settings = model.base.clone();
        let told = Told {
            // As Vosk's server has it.
            words: true,
            partial_words: false,
            alternatives: settings.nbest as usize,
            unknown: false,
        };
        Self { rate_hz: model.model.sample_rate_hz(), model, settings, told }
    }

    /// The same with what a message says on top. Fields that nobody knows are skipped, as Vosk's server skips them.
    fn with(&self, config: &Map<String, Value>, app: &App) -> Result<Self, String> {
        let mut new = self.clone();
        if let Some(name) = config.get("model") {
            let name = name.as_str().ok_or("config: model must be a text")?;
            new = Self::new(app.models.get(Some(name))?);
        }
        for (field, value) in config {
            new.set(field, value).map_err(|problem| format!("config: {problem}"))?;
        }
        app.limits.check(&new.settings, &new.model.base)?;
        Ok(new)
    }

    fn set(&mut self, field: &str, value: &Value) -> Result<(), String> {
        let wrong = |must: &str| Err(format!("{field} must be {must}"));
        let truth = |value| truth(value).ok_or_else(|| format!("{field} must be true or false"));
        match field {
            "model" => {}
            "sample_rate" => match value.as_f64() {
                Some(rate) if (1000.0..=768_000.0).contains(&rate) => {
                    self.rate_hz = rate.round() as u32
                }
                _ => return wrong("a number of samples a second, 1000 to 768000"),
            },
            "words" => self.told.words = truth(value)?,
            "partial_words" => {
                self.told.partial_words = truth(value)?;
            }
            "max_alternatives" => match value.as_u64() {
                Some(count @ 0..=1000) => {
                    self.told.alternatives = count as usize;
                    self.settings.nbest = count as u32;
                }
                _ => return wrong("0 to 1000"),
            },
            "phrase_list" | "grammar" if value.is_array() => {
                let (settings, unknown) = grammar_settings(&value.to_string())?;
                self.told.unknown = unknown;
                self.settings = closed(&self.model.base, settings, self.settings.nbest);
            }
            _ => {
                if stonechat::Setting::named(field).is_ok() {
                    self.settings.set_value(field, value).map_err(|error| error.to_string())?;
                    self.told.alternatives = self.settings.nbest as usize;
                }
            }
        }
        Ok(())
    }
}

/// Settings of a grammar, with those of the server that say nothing of how text is searched for; without a grammar those of the server.
fn closed(base: &Settings, grammar: Settings, nbest: u32) -> Settings {
    if grammar.grammar.is_none() {
        return Settings { nbest, ..base.clone() };
    }
    Settings {
        nbest,
        keywords: base.keywords.clone(),
        threshold: base.threshold,
        vad: base.vad,
        vad_threshold: base.vad_threshold,
        endpoint: base.endpoint,
        ..grammar
    }
}

/// JSON's, and that of scripts.
fn truth(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_f64().map(|number| number != 0.0))
}

/// How a session ends that the server ends.
struct End {
    code: u16,
    reason: &'static str,
    /// What the client is told first.
    told: Option<Value>,
}

impl End {
    fn because(told: String) -> Self {
        Self { code: code::POLICY, reason: "see the error", told: Some(json!({ "error": told })) }
    }
}

impl From<Panicked> for End {
    fn from(_: Panicked) -> Self {
        let told = Some(json!({ "error": "the session met a bug of the server" }));
        Self { code: code::BUG, reason: "a bug of the server", told }
    }
}

/// A session on a socket, to its end.
pub(crate) async fn serve(app: Arc<App>, mut socket: Socket, _seat: Seat) {
    let end = match Talk::new(app) {
        Ok(mut talk) => talk.run(&mut socket).await,
        Err(problem) => Err(End::because(problem)),
    };
    if let Err(end) = end {
        if let Some(told) = end.told {
            socket.send(told.to_string()).await;
        }
        socket.close(end.code, end.reason).await;
    }
}

struct Talk {
    app: Arc<App>,
    configured: Configured,
    /// None before the first audio.
    session: Option<Work<Session>>,
    pcm: Pcm,
    seconds: f64,
}

impl Talk {
    fn new(app: Arc<App>) -> Result<Self, String> {
        let configured = Configured::new(app.models.get(None)?);
        Ok(Self { app, configured, session: None, pcm: Pcm::default(), seconds: 0.0 })
    }

    /// Ok where the client has gone.
    async fn run(&mut self, socket: &mut Socket) -> Result<(), End> {
        loop {
            let answer = match socket.next().await {
                Incoming::Gone => return Ok(()),
                Incoming::End(code, reason) => {
                    let told = if self.session.is_some() { Some(self.last().await?) } else { None };
                    return Err(End { code, reason, told });
                }
                Incoming::Binary(bytes) => self.heard(bytes).await?,
                Incoming::Text(text) => match Request::of(&text).map_err(End::because)? {
                    Request::Config(config) => {
                        self.configure(&config).await?;
                        continue;
                    }
                    Request::Reset => {
                        let last = self.last().await?;
                        self.session = None;
                        last
                    }
                    Request::Eof => {
                        let told = Some(self.last().await?);
                        return Err(End { code: code::NORMAL, reason: "", told });
                    }
                },
            };
            if !socket.send(answer.to_string()).await {
                return Ok(());
            }
        }
    }

    async fn configure(&mut self, config: &Map<String, Value>) -> Result<(), End> {
        let new = self.configured.with(config, &self.app).map_err(End::because)?;
        if let Some(session) = &mut self.session {
            let next = new.clone();
            let changed = session.run(move |session| {
                session.told = next.told;
                let recognizer = next.model.recognizer(&next.settings)?;
                session.go_on_with(recognizer, next.rate_hz)
            });
            let changed = changed.await.map_err(self.app.lost("taking a configuration"))?;
            changed.map_err(|error| End::because(format!("config: {error}")))?;
        }
        self.configured = new;
        Ok(())
    }

    /// The session, begun where there is none.
    async fn session(&mut self) -> Result<&mut Work<Session>, End> {
        if self.session.is_none() {
            let configured = self.configured.clone();
            let made = self.app.pool.run(move || {
                let recognizer = configured.model.recognizer(&configured.settings)?;
                Session::new(recognizer, configured.rate_hz, configured.told)
            });
            let made = made.await.map_err(self.app.lost("beginning a session"))?;
            let session = made.map_err(|error| End::because(error.to_string()))?;
            self.session = Some(self.app.work(session));
        }
        Ok(self.session.as_mut().expect("made above"))
    }

    async fn heard(&mut self, bytes: Bytes) -> Result<Value, End> {
        let since = Instant::now();
        let samples = self.pcm.samples(&bytes);
        drop(bytes);
        let seconds = samples.len() as f64 / f64::from(self.configured.rate_hz);
        self.seconds += seconds;
        if self.seconds > self.app.limits.session.as_secs_f64() {
            return Err(End::because("the audio is as long as that of a session may be".into()));
        }
        let app = Arc::clone(&self.app);
        let piece = self.configured.rate_hz as usize * PIECE_S;
        let session = self.session().await?;
        for piece in samples.chunks(piece) {
            let piece = piece.to_vec();
            let pushed = session.run(move |session| session.push_integers(piece.into_iter())).await;
            let pushed = pushed.map_err(app.lost("hearing audio"))?;
            pushed.map_err(|error| End::because(error.to_string()))?;
        }
        let answer = session.run(|session| match session.push_integers([].into_iter()) {
            Ok(true) => session.result(),
            _ => session.partial(),
        });
        let answer = answer.await.map_err(app.lost("telling a result"))?;
        app.metrics.heard(seconds);
        app.metrics.answered(since.elapsed());
        Ok(answer)
    }

    async fn last(&mut self) -> Result<Value, End> {
        let app = Arc::clone(&self.app);
        let session = self.session().await?;
        let last = session.run(Session::last).await;
        Ok(last.map_err(app.lost("telling the last result"))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_messages_are_told_apart() {
        for (text, expected) in [
            (r#"{"eof" : 1}"#, Ok(Request::Eof)),
            (r#"{"reset" : 1}"#, Ok(Request::Reset)),
            (r#"{"config": {}}"#, Ok(Request::Config(Map::new()))),
            (r#"{"config": 3}"#, Err("object")),
            (r#"{"other": 3}"#, Err("config, eof or reset")),
            ("[]", Err("object")),
            ("", Err("JSON")),
            ("\u{0}{", Err("JSON")),
        ] {
            match (Request::of(text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{text}: {problem}"),
                (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_grammar_keeps_what_goes_with_it() {
        let mut base = Settings::default();
        for (name, value) in
            [("beam", "32"), ("hotword", "ann"), ("vad", "off"), ("endpoint", "0.5")]
        {
            base.set(name, value).unwrap();
        }
        let (grammar, _) = grammar_settings(r#"["lights on"]"#).unwrap();
        let settings = closed(&base, grammar, 3);
        assert_eq!((settings.beam, settings.hotwords.len()), (None, 0));
        assert_eq!((settings.vad, settings.endpoint, settings.nbest), (Some(false), Some(0.5), 3));
        let (none, _) = grammar_settings("[]").unwrap();
        assert_eq!(closed(&base, none, 0), base);
    }
}
