//! Wyoming: its events in their order, and the text of the library.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{RATE_HZ, SAMPLES, heard, pcm, run, samples};
use serde_json::{Value, json};
use stonechat::Settings;
use stonechat_server::{Config, Server};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

fn server(change: impl FnOnce(&mut Config)) -> (Server, SocketAddr) {
    let server = common::server(|config| {
        config.wyoming = Some("127.0.0.1:0".parse().unwrap());
        change(config);
    });
    let address = server.wyoming_address().unwrap();
    (server, address)
}

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    /// Data in the line, as old clients have it.
    async fn send(&mut self, kind: &str, data: Value, payload: &[u8]) {
        let head = json!({ "type": kind, "data": data, "payload_length": payload.len() });
        let bytes = [head.to_string().as_bytes(), b"\n", payload].concat();
        self.0.write_all(&bytes).await.unwrap();
    }

    /// Data behind the line, as new ones have it.
    async fn send_apart(&mut self, kind: &str, data: Value, payload: &[u8]) {
        let data = data.to_string();
        let head =
            json!({ "type": kind, "data_length": data.len(), "payload_length": payload.len() });
        let bytes = [head.to_string().as_bytes(), b"\n", data.as_bytes(), payload].concat();
        self.0.write_all(&bytes).await.unwrap();
    }

    /// None where the server has closed.
    async fn next(&mut self) -> Option<(String, Value)> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await.unwrap() == 0 {
            return None;
        }
        let head: Value = serde_json::from_str(&line).unwrap();
        let mut data = vec![0; head["data_length"].as_u64().unwrap_or(0) as usize];
        self.0.read_exact(&mut data).await.unwrap();
        let data =
            if data.is_empty() { Value::Null } else { serde_json::from_slice(&data).unwrap() };
        Some((head["type"].as_str().unwrap().into(), data))
    }

    /// Says samples and gives the transcript.
    async fn say(
        &mut self,
        bytes: &[u8],
        rate: u32,
        channels: u32,
        piece: usize,
    ) -> Vec<(String, Value)> {
        let format = json!({ "rate": rate, "width": 2, "channels": channels, "timestamp": null });
        self.send("audio-start", format.clone(), &[]).await;
        for piece in bytes.chunks(piece) {
            self.send_apart("audio-chunk", format.clone(), piece).await;
        }
        self.send("audio-stop", json!({}), &[]).await;
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("closed");
            let last = event.0 == "transcript-stop" || event.0 == "error";
            events.push(event);
            if last {
                return events;
            }
        }
    }
}

/// The text, which chunks and transcript must agree on.
fn text(events: &[(String, Value)]) -> String {
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| &kind[..]).collect();
    assert_eq!(kinds[0], "transcript-start", "{kinds:?}");
    assert_eq!(kinds[kinds.len() - 2..], ["transcript", "transcript-stop"], "{kinds:?}");
    let chunks = events.iter().filter(|(kind, _)| kind == "transcript-chunk");
    let joined: String = chunks.map(|(_, data)| data["text"].as_str().unwrap()).collect();
    assert_eq!(events[events.len() - 2].1["text"], joined);
    joined
}

#[test]
fn text_is_that_of_the_library_in_every_format() {
    let (_server, address) = server(|_| {});
    run(async {
        let mut client = Client::connect(address).await;
        for (n, (name, said)) in SAMPLES.iter().enumerate() {
            let rate_hz = [RATE_HZ, 48_000, 22_050][n];
            let bytes = pcm(&samples(name, rate_hz));
            let expected = heard(&bytes, rate_hz, &Settings::default());
            // One channel, then two with the same.
            let events = client.say(&bytes, rate_hz, 1, [1, 2047, 9600][n].max(31)).await;
            assert_eq!(text(&events), expected);
            assert_eq!(expected.split(' ').count(), said.split(' ').count());
            let both: Vec<u8> = bytes.chunks(2).flat_map(|sample| sample.repeat(2)).collect();
            assert_eq!(
                text(&client.say(&both, rate_hz, 2, 3333).await),
                expected,
                "{name}, stereo"
            );
        }
        assert_eq!(text(&client.say(&[], RATE_HZ, 1, 1).await), "");
    });
}

#[test]
fn names_and_terms_are_hotwords() {
    let (_server, address) = server(|_| {});
    let bytes = pcm(&samples("kitchen", RATE_HZ));
    run(async {
        for list in ["transcript_names", "transcript_terms"] {
            let mut client = Client::connect(address).await;
            client
                .send("transcribe", json!({ "language": "en", list: ["Kitchens", "日本"] }), &[])
                .await;
            let mut settings = Settings::default();
            settings.set("hotword", "kitchens").unwrap();
            let expected = heard(&bytes, RATE_HZ, &settings);
            assert_eq!(text(&client.say(&bytes, RATE_HZ, 1, 2048).await), expected, "{list}");
        }
    });
}

#[test]
fn it_describes_itself_and_answers_pings() {
    let (_server, address) = server(|_| {});
    run(async {
        let mut client = Client::connect(address).await;
        client.send("describe", Value::Null, &[]).await;
        let (kind, info) = client.next().await.unwrap();
        assert_eq!((&kind[..], &info["asr"][0]["models"][0]["name"]), ("info", &json!("english")));
        assert_eq!(info["asr"][0]["supports_transcript_streaming"], true);
        client.send("something-new", json!({ "a": 1 }), &[1, 2, 3]).await;
        client.send("ping", json!({ "text": "still there?" }), &[]).await;
        let (kind, data) = client.next().await.unwrap();
        assert_eq!((&kind[..], &data["text"]), ("pong", &json!("still there?")));
    });
}

#[test]
fn garbage_ends_the_connection_with_a_reason() {
    let (_server, address) = server(|config| {
        config.limits.idle = Duration::from_millis(300);
        config.limits.sessions = 1;
    });
    let bytes = pcm(&samples("kitchen", RATE_HZ));
    run(async {
        for (bytes, code) in [
            (&b"hello\n"[..], "protocol"),
            (b"{\"type\": 3}\n", "protocol"),
            (b"{\"type\": \"audio-chunk\", \"payload_length\": 99999999999}\n", "protocol"),
            (b"{\"type\": \"audio-chunk\", \"data_length\": 3}\n[1]", "protocol"),
            (b"{\"type\": \"audio-start\", \"data\": {\"rate\": 16000, \"width\": 4, \"channels\": 1}}\n", "audio-format"),
            (b"{\"type\": \"audio-start\", \"data\": {\"rate\": 16000, \"width\": 2, \"channels\": 99}}\n", "audio-format"),
            (b"{\"type\": \"ping\"", "idle"),
        ] {
            let mut client = Client::connect(address).await;
            client.0.write_all(bytes).await.unwrap();
            let (kind, data) = client.next().await.unwrap();
            assert_eq!((&kind[..], &data["code"]), ("error", &json!(code)), "{data}");
            assert!(client.next().await.is_none());
        }
        // One that falls silent gets its text first, and its place is free again.
        for _ in 0..2 {
            let mut client = Client::connect(address).await;
            let format = json!({ "rate": RATE_HZ, "width": 2, "channels": 1 });
            client.send("audio-chunk", format, &bytes).await;
            let mut last = None;
            while let Some((kind, data)) = client.next().await {
                if kind == "transcript" {
                    last = Some(data["text"].clone());
                }
            }
            assert_eq!(last, Some(json!(SAMPLES[0].1)));
        }
    });
}
