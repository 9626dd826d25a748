//! OpenAI Realtime, transcription only, over a WebSocket.
//!
//! `session.created` comes first. `session.update` sets model, prompt, keywords and turn detection, and every setting by its name in an
//! object `settings`. `input_audio_buffer.append` takes 16-bit samples in base64; text comes as `conversation.item.
//! input_audio_transcription.delta` as it becomes certain, and as `.completed` when an utterance ends: by itself with turn detection,
//! and by `input_audio_buffer.commit`. What is wrong with an event is told as `error`, and the session goes on.

mod session;

use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::app::App;
use crate::live::{Live, Said};
use crate::pcm::Pcm;
use crate::pool::{Panicked, Work};
use crate::sessions::Seat;
use crate::socket::{Incoming, Socket, code};
use session::Session;

/// What is wrong with an event of the client.
#[derive(Debug, PartialEq)]
struct Wrong {
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
}

impl Wrong {
    fn new(message: impl Into<String>) -> Self {
        Self { code: None, param: None, message: message.into() }
    }

    fn field(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(message) }
    }
}

/// How a session ends that the server ends.
enum End {
    Gone,
    Close(u16, &'static str),
}

impl From<Panicked> for End {
    fn from(_: Panicked) -> Self {
        Self::Close(code::BUG, "a bug of the server")
    }
}

/// A session on a socket, to its end.
pub(crate) async fn serve(app: Arc<App>, mut socket: Socket, _seat: Seat) {
    let session = match Session::new(&app) {
        Ok(session) => session,
        Err(_) => return socket.close(code::BUG, "no model").await,
    };
    let mut talk = Talk {
        app,
        socket,
        session,
        live: None,
        pcm: Pcm::default(),
        events: 0,
        items: 0,
        speaking: false,
        seconds: 0.0,
    };
    match talk.run().await {
        Ok(()) | Err(End::Gone) => {}
        Err(End::Close(code, reason)) => talk.socket.close(code, reason).await,
    }
}

struct Talk {
    app: Arc<App>,
    socket: Socket,
    session: Session,
    /// None before the first audio.
    live: Option<Work<Live>>,
    pcm: Pcm,
    /// Events and items so far: their numbers are their names.
    events: u64,
    items: u64,
    speaking: bool,
    seconds: f64,
}

impl Talk {
    async fn run(&mut self) -> Result<(), End> {
        let session = self.session.value();
        self.send("session.created", json!({ "session": session })).await?;
        loop {
            let text = match self.socket.next().await {
                Incoming::Gone => return Ok(()),
                Incoming::End(code, reason) => {
                    // What was said is not lost.
                    if self.speaking {
                        self.commit().await?;
                    }
                    return Err(End::Close(code, reason));
                }
                Incoming::Text(text) => text,
                Incoming::Binary(_) => {
                    self.wrong(Wrong::new("events are text messages"), None).await?;
                    continue;
                }
            };
            let event = serde_json::from_str::<Value>(&text);
            drop(text);
            let event = match event {
                Ok(event @ Value::Object(_)) => event,
                _ => {
                    self.wrong(Wrong::new("an event is a JSON object"), None).await?;
                    continue;
                }
            };
            let id = event.get("event_id").and_then(Value::as_str).map(String::from);
            if let Err(wrong) = self.event(event).await? {
                self.wrong(wrong, id).await?;
            }
        }
    }

    async fn event(&mut self, mut event: Value) -> Result<Result<(), Wrong>, End> {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_string();
        match &kind[..] {
            // The second is its name in the beta.
            "session.update" | "transcription_session.update" => {
                let update = event["session"].take();
                let before = self.session.clone();
                if let Err(wrong) = self.session.update(&update, &self.app) {
                    return Ok(Err(wrong));
                }
                if let Err(wrong) = self.begin_anew().await? {
                    self.session = before;
                    return Ok(Err(wrong));
                }
                let session = self.session.value();
                self.send("session.updated", json!({ "session": session })).await?;
            }
            "input_audio_buffer.append" => {
                let audio = event.get("audio").and_then(Value::as_str).unwrap_or_default();
                let Ok(bytes) = BASE64.decode(audio) else {
                    return Ok(Err(Wrong::field("audio", "audio must be base64")));
                };
                drop(event);
                return self.hear(&bytes).await;
            }
            "input_audio_buffer.commit" => {
                let empty = match &mut self.live {
                    Some(live) => live.run(|live| live.is_empty()).await?,
                    None => true,
                };
                if empty {
                    let code = Some("input_audio_buffer_commit_empty");
                    let wrong = Wrong::new("there is no audio to commit");
                    return Ok(Err(Wrong { code, ..wrong }));
                }
                self.commit().await?;
            }
            "input_audio_buffer.clear" => {
                if let Some(live) = &mut self.live {
                    live.run(Live::reset).await?;
                }
                self.pcm = Pcm::default();
                self.speaking = false;
                self.send("input_audio_buffer.cleared", json!({})).await?;
            }
            _ => {
                let kind: String = kind.chars().take(60).collect();
                return Ok(Err(Wrong::field(
                    "type",
                    format!("{kind:?} is no event of a transcription"),
                )));
            }
        }
        Ok(Ok(()))
    }

    /// A stream with the session's settings; what was said with the old ones is told first.
    async fn begin_anew(&mut self) -> Result<Result<(), Wrong>, End> {
        if self.speaking {
            self.commit().await?;
        }
        let (model, settings) = (Arc::clone(&self.session.model), self.session.settings.clone());
        let rate_hz = self.session.rate_hz;
        let made = self.app.pool.run(move || {
            let recognizer = model.recognizer(&settings)?;
            Live::new(&recognizer, rate_hz)
        });
        match made.await.map_err(self.app.lost("beginning a session"))? {
            Ok(live) => self.live = Some(self.app.work(live)),
            Err(error) => return Ok(Err(Wrong::new(error.to_string()))),
        }
        Ok(Ok(()))
    }

    async fn hear(&mut self, bytes: &[u8]) -> Result<Result<(), Wrong>, End> {
        let since = Instant::now();
        if self.live.is_none()
            && let Err(wrong) = self.begin_anew().await?
        {
            return Ok(Err(wrong));
        }
        let samples = self.pcm.samples(bytes);
        let seconds = samples.len() as f64 / f64::from(self.session.rate_hz);
        self.seconds += seconds;
        if self.seconds > self.app.limits.session.as_secs_f64() {
            return Err(End::Close(
                code::POLICY,
                "the audio is as long as that of a session may be",
            ));
        }
        for piece in samples.chunks(self.session.rate_hz as usize) {
            let (piece, app) = (piece.to_vec(), Arc::clone(&self.app));
            let Some(live) = &mut self.live else { break };
            let pushed = live.run(move |live| {
                let said = live.push(&piece);
                (said, live.is_speech().then(|| live.speech_start_s()), live.origin_s())
            });
            let (said, speech, origin_s) = pushed.await.map_err(app.lost("hearing audio"))?;
            let Ok(said) = said else { return Err(End::Close(code::BUG, "the audio was refused")) };
            self.tell(said, speech, origin_s).await?;
        }
        self.app.metrics.heard(seconds);
        self.app.metrics.answered(since.elapsed());
        Ok(Ok(()))
    }

    /// Tells utterances that have ended by themselves, then what goes on; `speech` is where that begins.
    async fn tell(
        &mut self,
        said: Vec<Said>,
        speech: Option<f64>,
        origin_s: f64,
    ) -> Result<(), End> {
        for said in said {
            match said {
                Said::Ended(rest, said) => {
                    let start = said.words.first().map_or(0.0, |word| origin_s + word.start);
                    let end = said.words.last().map_or(start, |word| origin_s + word.end);
                    self.start(start).await?;
                    let stopped = json!({ "audio_end_ms": ms(end), "item_id": self.item() });
                    self.send("input_audio_buffer.speech_stopped", stopped).await?;
                    self.committed().await?;
                    self.completed(&rest, &said.text, end - start).await?;
                }
                Said::More(more) => {
                    self.start(speech.unwrap_or(self.seconds)).await?;
                    self.delta(&more).await?;
                }
            }
        }
        if let Some(speech) = speech {
            self.start(speech).await?;
        }
        Ok(())
    }

    /// An utterance begins, if none goes on.
    async fn start(&mut self, seconds: f64) -> Result<(), End> {
        if std::mem::replace(&mut self.speaking, true) {
            return Ok(());
        }
        if self.session.detects_turns() {
            let started = json!({ "audio_start_ms": ms(seconds), "item_id": self.item() });
            self.send("input_audio_buffer.speech_started", started).await?;
        }
        Ok(())
    }

    /// Ends the utterance here.
    async fn commit(&mut self) -> Result<(), End> {
        let app = Arc::clone(&self.app);
        let Some(live) = &mut self.live else { return Ok(()) };
        let finished = live.run(|live| {
            let before = live.origin_s();
            let said = live.finish();
            (said, live.origin_s() - before, before)
        });
        let (mut said, seconds, origin_s) =
            finished.await.map_err(app.lost("telling the last result"))?;
        let last = said.pop();
        self.tell(said, None, origin_s).await?;
        self.committed().await?;
        if let Some(Said::Ended(rest, last)) = last {
            self.completed(&rest, &last.text, seconds).await?;
        }
        Ok(())
    }

    async fn committed(&mut self) -> Result<(), End> {
        let previous = (self.items > 0).then(|| format!("item_{}", self.items));
        let committed = json!({ "item_id": self.item(), "previous_item_id": previous });
        self.send("input_audio_buffer.committed", committed).await
    }

    async fn delta(&mut self, more: &str) -> Result<(), End> {
        let delta = json!({ "item_id": self.item(), "content_index": 0, "delta": more });
        self.send("conversation.item.input_audio_transcription.delta", delta).await
    }

    /// The last of an item.
    async fn completed(&mut self, rest: &str, text: &str, seconds: f64) -> Result<(), End> {
        if !rest.is_empty() {
            self.delta(rest).await?;
        }
        let completed = json!({
            "item_id": self.item(), "content_index": 0, "transcript": text,
            "usage": { "type": "duration", "seconds": seconds },
        });
        self.send("conversation.item.input_audio_transcription.completed", completed).await?;
        self.items += 1;
        self.speaking = false;
        Ok(())
    }

    /// The name of the item that goes on.
    fn item(&self) -> String {
        format!("item_{}", self.items + 1)
    }

    async fn wrong(&mut self, wrong: Wrong, event_id: Option<String>) -> Result<(), End> {
        let error = json!({
            "type": "invalid_request_error", "message": wrong.message, "code": wrong.code,
            "param": wrong.param, "event_id": event_id,
        });
        self.send("error", json!({ "error": error })).await
    }

    async fn send(&mut self, kind: &str, mut event: Value) -> Result<(), End> {
        self.events += 1;
        event["type"] = kind.into();
        event["event_id"] = format!("event_{}", self.events).into();
        if self.socket.send(event.to_string()).await { Ok(()) } else { Err(End::Gone) }
    }
}

fn ms(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}
