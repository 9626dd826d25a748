//! Load: many clients that speak Vosk's protocol in real time, and how late they are answered.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri};

/// Length of a message, as of a microphone.
const PIECE: Duration = Duration::from_millis(100);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to ask of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Load {
    /// `ws://HOST:PORT/`.
    pub url: String,
    /// A key, where the server wants one.
    pub key: Option<String>,
    /// Sockets at a time.
    pub streams: usize,
    /// 16-bit samples that are said, over and over.
    pub samples: Vec<i16>,
    /// Their rate, Hz.
    pub rate_hz: u32,
    /// For how long each socket talks.
    pub length: Duration,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LoadReport {
    /// Sockets.
    pub streams: usize,
    /// Those that did not come to their end, and the first reason.
    pub lost: usize,
    /// The first reason why one was lost.
    pub reason: Option<String>,
    /// Seconds of audio that were answered.
    pub audio_seconds: f64,
    /// From when a piece of audio was there to be sent to its answer.
    pub lag_ms: Percentiles,
    /// From the end of the audio to the last result.
    pub last_ms: Percentiles,
    /// Memory of the server before and after, as its metrics tell it.
    pub server_rss_mb: Option<[f64; 2]>,
    /// Seconds that the server's threads worked for a second of audio meanwhile.
    pub server_rtf: Option<f64>,
}

/// Of times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Default)]
#[non_exhaustive]
pub struct Percentiles {
    /// Half are shorter.
    pub p50: f64,
    /// 95 of 100 are shorter.
    pub p95: f64,
    /// 99 of 100 are shorter.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Percentiles {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |share: f64| {
            let index = (share * times.len() as f64).ceil() as usize;
            let time = times.get(index.clamp(1, times.len().max(1)) - 1);
            time.map_or(0.0, |time| (time.as_secs_f64() * 1e4).round() / 10.0)
        };
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }
}

/// What one socket found.
struct Client {
    lags: Vec<Duration>,
    last: Duration,
}

/// What the server's metrics say.
struct Metrics {
    rss_mb: Option<f64>,
    work_s: f64,
    audio_s: f64,
}

impl Load {
    /// Sockets that say these samples.
    pub fn new(url: impl Into<String>, streams: usize, samples: Vec<i16>, rate_hz: u32) -> Self {
        let length = Duration::from_secs(20);
        Self { url: url.into(), key: None, streams, samples, rate_hz, length }
    }

    /// Talks to the server in real time, the sockets shifted evenly within a piece.
    ///
    /// # Errors
    /// An address that is none, and no samples. Sockets that fail are part of the report.
    pub fn run(self) -> Result<LoadReport, String> {
        let uri: Uri = self.url.parse().map_err(|error| format!("{}: {error}", self.url))?;
        if uri.scheme_str() != Some("ws") || uri.host().is_none() {
            return Err(format!("{}: must be ws://HOST:PORT/", self.url));
        }
        if self.samples.is_empty() || self.streams == 0 {
            return Err("there is nothing to say: give audio and at least one stream".into());
        }
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| format!("no threads: {error}"))?;
        runtime.block_on(self.talk(&uri))
    }

    async fn talk(self, uri: &Uri) -> Result<LoadReport, String> {
        let load = Arc::new(self);
        let before = load.metrics(uri).await;
        // Time to connect, before anything is measured.
        let start = Instant::now() + Duration::from_millis(500 + 5 * load.streams as u64);
        let clients: Vec<_> = (0..load.streams)
            .map(|n| {
                let load = Arc::clone(&load);
                let shift = PIECE.mul_f64(n as f64 / load.streams as f64);
                tokio::spawn(async move { load.client(start + shift).await })
            })
            .collect();
        let (mut lags, mut lasts, mut lost, mut reason) = (Vec::new(), Vec::new(), 0, None);
        for client in clients {
            match client.await.map_err(|error| error.to_string()).and_then(|found| found) {
                Ok(client) => {
                    lags.extend(client.lags);
                    lasts.push(client.last);
                }
                Err(problem) => {
                    lost += 1;
                    reason.get_or_insert(problem);
                }
            }
        }
        let after = load.metrics(uri).await;
        let rss = |metrics: &Option<Metrics>| metrics.as_ref()?.rss_mb;
        let rtf = |before: Metrics, after: Metrics| {
            let audio_s = after.audio_s - before.audio_s;
            (audio_s > 0.0).then(|| (after.work_s - before.work_s) / audio_s)
        };
        Ok(LoadReport {
            streams: load.streams,
            lost,
            reason,
            audio_seconds: lags.len() as f64 * PIECE.as_secs_f64(),
            lag_ms: Percentiles::of(lags),
            last_ms: Percentiles::of(lasts),
            server_rss_mb: rss(&before).zip(rss(&after)).map(|(before, after)| [before, after]),
            server_rtf: before.zip(after).and_then(|(before, after)| rtf(before, after)),
        })
    }

    async fn client(&self, start: Instant) -> Result<Client, String> {
        let failed = |error: tokio_tungstenite::tungstenite::Error| error.to_string();
        let mut request = (&self.url[..]).into_client_request().map_err(failed)?;
        if let Some(key) = &self.key {
            let value = HeaderValue::from_str(&format!("Bearer {key}"));
            let value = value.map_err(|_| "the key is none that a header can hold")?;
            request.headers_mut().insert("authorization", value);
        }
        let (mut socket, _) = connect_async(request).await.map_err(failed)?;
        let config = json!({ "config": { "sample_rate": self.rate_hz } }).to_string();
        socket.send(Message::text(config)).await.map_err(failed)?;
        let samples = (f64::from(self.rate_hz) * PIECE.as_secs_f64()) as usize;
        let count = (self.length.as_secs_f64() / PIECE.as_secs_f64()).ceil() as usize;
        let mut said = self.samples.iter().cycle();
        let mut lags = Vec::with_capacity(count);
        let mut due = start;
        for _ in 0..count {
            let piece =
                said.by_ref().take(samples).flat_map(|s| s.to_le_bytes()).collect::<Vec<u8>>();
            sleep_until(due).await;
            socket.send(Message::binary(piece)).await.map_err(failed)?;
            answer(&mut socket).await?;
            lags.push(due.elapsed());
            due += PIECE;
        }
        let ended = Instant::now();
        socket.send(Message::text("{\"eof\": 1}")).await.map_err(failed)?;
        let last = answer(&mut socket).await?;
        if last.get("error").is_some() {
            return Err(last.to_string());
        }
        Ok(Client { lags, last: ended.elapsed() })
    }

    /// None where they cannot be had.
    async fn metrics(&self, uri: &Uri) -> Option<Metrics> {
        let (host, port) = (uri.host()?, uri.port_u16().unwrap_or(80));
        let mut stream = TcpStream::connect((host, port)).await.ok()?;
        let key = self.key.as_ref().map(|key| format!("Authorization: Bearer {key}\r\n"));
        let request = format!(
            "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{}\r\n",
            key.unwrap_or_default()
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut text = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut text)).await.ok()?.ok()?;
        let value = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok())
        };
        Some(Metrics {
            rss_mb: value("process_resident_memory_bytes ")
                .map(|bytes| (bytes / 1e5).round() / 10.0),
            work_s: value("stonechat_work_seconds_total ")?,
            audio_s: value("stonechat_audio_seconds_total ")?,
        })
    }
}

async fn answer<S>(socket: &mut S) -> Result<Value, String>
where
    S: StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    loop {
        match timeout(PATIENCE, socket.next()).await {
            Err(_) => return Err(format!("no answer within {} s", PATIENCE.as_secs())),
            Ok(Some(Ok(Message::Text(text)))) => {
                return serde_json::from_str(&text).map_err(|error| error.to_string());
            }
            Ok(Some(Ok(Message::Close(frame)))) => {
                let reason = frame.map_or_else(String::new, |frame| frame.to_string());
                return Err(format!("the server closed: {reason}"));
            }
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => return Err(error.to_string()),
            Ok(None) => return Err("the server has gone".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_a_hundred() {
        let times = (1..=100).rev().map(Duration::from_millis).collect();
        let found = Percentiles::of(times);
        assert_eq!((found.p50, found.p95, found.p99, found.max), (50.0, 95.0, 99.0, 100.0));
        assert_eq!(Percentiles::of(vec![Duration::from_micros(1540)]).p99, 1.5);
        assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for url in ["", "http://localhost:1/", "wss://localhost/", "ws:///", "localhost:2700"] {
            assert!(Load::new(url, 1, vec![0], 16_000).run().is_err(), "{url}");
        }
        assert!(Load::new("ws://localhost:1/", 0, vec![0], 16_000).run().is_err());
        let nobody = Load { length: PIECE, ..Load::new("ws://127.0.0.1:1/", 2, vec![0], 16_000) };
        let report = nobody.run().unwrap();
        assert!(report.lost == 2 && report.reason.is_some() && report.server_rtf.is_none());
    }
}
