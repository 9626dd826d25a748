//! Wyoming, the protocol of Home Assistant's voice: events over a plain connection on a port of its own.
//!
//! `describe` is answered by `info`. `transcribe` names a model and the names and terms to expect, which become hotwords; then come
//! `audio-start`, `audio-chunk`s and `audio-stop`. `transcript-start` and `transcript-chunk`s come as text becomes certain, at the end
//! `transcript` with all of it and `transcript-stop`. `ping` is answered by `pong`, and what is unknown is skipped, as the protocol wants it.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use stonechat::Settings;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::app::App;
use crate::config::Notice;
use crate::hints;
use crate::live::{Live, Said};
use crate::models::Served;
use crate::pcm::Pcm;
use crate::pool::Work;
use crate::sessions::Seat;
use crate::wyoming_event::{Broken, Event, read, write};

/// Connections beside those of sessions: requests for information.
const MORE: usize = 64;
/// Channels of audio that are mixed.
const CHANNELS: u64 = 8;

/// Takes connections until sessions are stopped.
pub(crate) async fn run(app: Arc<App>, listener: TcpListener) {
    let stopped = app.sessions.stopped.clone();
    let most = app.limits.sessions.saturating_add(MORE).min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(most));
    let taking = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    let (app, stopped) = (Arc::clone(&app), stopped.clone());
                    tokio::spawn(async move {
                        let mut talk = Talk::new(app, stream);
                        stopped.run_until_cancelled_owned(talk.run()).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    app.tell(&Notice::Accept(error.to_string()));
                    tokio::time::sleep(crate::listener::PAUSE).await;
                }
            }
        }
    };
    stopped.run_until_cancelled(taking).await;
}

/// Why a connection ends that the server ends.
struct End {
    code: &'static str,
    text: String,
}

impl End {
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl From<crate::pool::Panicked> for End {
    fn from(_: crate::pool::Panicked) -> Self {
        Self::new("bug", "the session met a bug of the server")
    }
}

/// How samples are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    rate_hz: u32,
    channels: usize,
}

impl Format {
    fn of(event: &Event) -> Result<Self, End> {
        let wrong = |text: &str| End::new("audio-format", text);
        if event.number("width") != Some(2) {
            return Err(wrong("width must be 2: samples of 16 bits"));
        }
        let rate = event.number("rate").and_then(|rate| u32::try_from(rate).ok());
        let rate_hz = rate.filter(|rate| (1000..=768_000).contains(rate));
        let channels = event.number("channels").filter(|count| (1..=CHANNELS).contains(count));
        match (rate_hz, channels) {
            (Some(rate_hz), Some(channels)) => Ok(Self { rate_hz, channels: channels as usize }),
            _ => Err(wrong("rate must be 1000 to 768000 and channels 1 to 8")),
        }
    }
}

/// A session on a connection: what is being said.
struct Utterance {
    work: Work<Live>,
    format: Format,
    pcm: Pcm,
    /// Samples of a frame whose other channels have not come yet.
    frame: Vec<i16>,
    /// Whether the client was told of some text.
    begun: bool,
    text: String,
    _seat: Seat,
}

struct Talk {
    app: Arc<App>,
    stream: BufReader<TcpStream>,
    model: Option<Arc<Served>>,
    hints: Vec<String>,
    utterance: Option<Utterance>,
}

impl Talk {
    fn new(app: Arc<App>, stream: TcpStream) -> Self {
        let stream = BufReader::with_capacity(16 << 10, stream);
        Self { app, stream, model: None, hints: Vec::new(), utterance: None }
    }

    async fn run(&mut self) {
        if let Err(end) = self.events().await {
            self.send("error", json!({ "text": end.text, "code": end.code })).await;
        }
    }

    /// Ok where the client has gone.
    async fn events(&mut self) -> Result<(), End> {
        let (idle, most) = (self.app.limits.idle, self.app.limits.message_bytes);
        let draining = self.app.sessions.draining.clone();
        loop {
            let received = tokio::select! {
                received = timeout(idle, read(&mut self.stream, most)) => received,
                () = draining.cancelled() => {
                    self.stop().await?;
                    return Err(End::new("draining", "the server is ending"));
                }
            };
            let event = match received {
                Ok(Ok(event)) => event,
                Ok(Err(Broken::Gone)) => return Ok(()),
                Ok(Err(Broken::Wrong(problem))) => return Err(End::new("protocol", problem)),
                Err(_) => {
                    self.stop().await?;
                    return Err(End::new("idle", "nothing was said for too long"));
                }
            };
            let sent = match &event.kind[..] {
                "describe" => self.send("info", info(&self.app)).await,
                "ping" => self.send("pong", Value::Object(event.data)).await,
                "transcribe" => {
                    self.transcribe(&event)?;
                    true
                }
                "audio-start" => {
                    self.begin(Format::of(&event)?).await?;
                    true
                }
                "audio-chunk" => self.hear(&event).await?,
                "audio-stop" => self.stop().await?,
                _ => true,
            };
            if !sent {
                return Ok(());
            }
        }
    }

    async fn send(&mut self, kind: &str, data: Value) -> bool {
        let event = Event::new(kind, data);
        let sent = timeout(self.app.limits.idle, write(&mut self.stream, &event)).await;
        matches!(sent, Ok(Ok(())))
    }

    fn transcribe(&mut self, event: &Event) -> Result<(), End> {
        let model = self.app.models.get(event.text("name"));
        self.model = Some(model.map_err(|problem| End::new("model", problem))?);
        let hints = event.texts("transcript_names").chain(event.texts("transcript_terms"));
        self.hints = hints.map(String::from).collect();
        Ok(())
    }

    async fn begin(&mut self, format: Format) -> Result<(), End> {
        let seat = self.app.sessions.admit("wyoming");
        let seat = seat.map_err(|refused| End::new("refused", refused.message()))?;
        let model = match &self.model {
            Some(model) => Arc::clone(model),
            None => self.app.models.get(None).map_err(|problem| End::new("model", problem))?,
        };
        // What is said between start and stop is one text.
        let mut settings = Settings { endpoint: None, ..model.base.clone() };
        hints::add(&mut settings, self.hints.iter().map(String::as_str), model.model.alphabet());
        let checked = self.app.limits.check(&settings, &model.base);
        checked.map_err(|problem| End::new("settings", problem))?;
        let made = self.app.pool.run(move || {
            let recognizer = model.recognizer(&settings)?;
            Live::new(&recognizer, format.rate_hz)
        });
        let live = made.await.map_err(self.app.lost("beginning a session"))?;
        let live = live.map_err(|error| End::new("settings", error.to_string()))?;
        self.utterance = Some(Utterance {
            work: self.app.work(live),
            format,
            pcm: Pcm::default(),
            frame: Vec::new(),
            begun: false,
            text: String::new(),
            _seat: seat,
        });
        Ok(())
    }

    async fn hear(&mut self, event: &Event) -> Result<bool, End> {
        let since = Instant::now();
        let format = Format::of(event)?;
        if self.utterance.is_none() {
            self.begin(format).await?;
        }
        let app = Arc::clone(&self.app);
        let Some(utterance) = &mut self.utterance else { return Ok(true) };
        if utterance.format != format {
            return Err(End::new("audio-format", "a chunk has another format than the start"));
        }
        let samples = utterance.mono(&event.payload);
        let seconds = samples.len() as f64 / f64::from(format.rate_hz);
        let longest_s = app.limits.session.as_secs_f64();
        let mut said = Vec::new();
        for piece in samples.chunks(format.rate_hz as usize) {
            let piece = piece.to_vec();
            let pushed = utterance.work.run(move |live| (live.push(&piece), live.seconds())).await;
            let (pushed, seconds) = pushed.map_err(app.lost("hearing audio"))?;
            said.extend(pushed.map_err(|error| End::new("audio", error.to_string()))?);
            if seconds > longest_s {
                return Err(End::new("length", "the audio is as long as that of a session may be"));
            }
        }
        app.metrics.heard(seconds);
        app.metrics.answered(since.elapsed());
        self.tell(said).await
    }

    /// Tells text that is certain.
    async fn tell(&mut self, said: Vec<Said>) -> Result<bool, End> {
        for said in said {
            let more = match said {
                Said::More(more) | Said::Ended(more, _) => more,
            };
            let Some(utterance) = self.utterance.as_mut().filter(|_| !more.is_empty()) else {
                continue;
            };
            utterance.text.push_str(&more);
            let first = !std::mem::replace(&mut utterance.begun, true);
            if first && !self.send("transcript-start", json!({ "language": "en" })).await
                || !self.send("transcript-chunk", json!({ "text": more })).await
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The end of an utterance, if there is one.
    async fn stop(&mut self) -> Result<bool, End> {
        let Some(utterance) = &mut self.utterance else { return Ok(true) };
        let last = utterance.work.run(Live::finish).await;
        let last = last.map_err(self.app.lost("telling the last result"))?;
        let mut sent = self.tell(last).await?;
        let Some(utterance) = self.utterance.take() else { return Ok(sent) };
        if !utterance.begun {
            sent &= self.send("transcript-start", json!({ "language": "en" })).await;
        }
        let transcript = json!({ "text": utterance.text, "language": "en" });
        sent &= self.send("transcript", transcript).await;
        Ok(sent && self.send("transcript-stop", Value::Null).await)
    }
}

impl Utterance {
    /// The mean of all channels.
    fn mono(&mut self, bytes: &[u8]) -> Vec<i16> {
        let samples = self.pcm.samples(bytes);
        let channels = self.format.channels;
        if channels == 1 {
            return samples;
        }
        self.frame.extend(samples);
        let whole = self.frame.len() / channels * channels;
        let mean = |frame: &[i16]| {
            let sum: i32 = frame.iter().map(|sample| i32::from(*sample)).sum();
            (sum / channels as i32) as i16
        };
        let mono = self.frame[..whole].chunks(channels).map(mean).collect();
        self.frame.drain(..whole);
        mono
    }
}

/// What there is.
fn info(app: &App) -> Value {
    let attribution = json!({ "name": "Stonechat", "url": "" });
    let models: Vec<Value> = app
        .models
        .list()
        .iter()
        .map(|model| {
            json!({
                "name": model.name, "description": model.name, "installed": true,
                "version": env!("CARGO_PKG_VERSION"), "languages": ["en"], "attribution": attribution,
            })
        })
        .collect();
    json!({
        "asr": [{
            "name": "stonechat", "description": "Streaming speech recognition by small networks",
            "installed": true, "version": env!("CARGO_PKG_VERSION"), "attribution": attribution,
            "models": models, "supports_transcript_streaming": true,
        }],
        "tts": [], "handle": [], "intent": [], "wake": [], "mic": [], "snd": [],
    })
}
