//! Damaged messages in every protocol: no panic, and the server goes on.

mod common;

use std::time::Duration;

use common::{Client, file, form, get, raw, run, server};
use stonechat_testing::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const ROUNDS: usize = 40;

/// Some bytes changed, a piece taken out, or twice there.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let start = random.below(bytes.len());
    let end = bytes.len().min(start + 1 + random.below(20));
    match random.below(4) {
        0 => bytes.truncate(start),
        1 => drop(bytes.drain(start..end)),
        2 => {
            let piece = bytes[start..end].to_vec();
            bytes.splice(start..start, piece);
        }
        _ => {
            for _ in 0..1 + random.below(5) {
                let at = random.below(bytes.len());
                bytes[at] = [b'"', b'{', b'9', b'-', b':', b'[', 0, 0xff][random.below(8)];
            }
        }
    }
    bytes
}

/// Says texts and audio, and listens until the server has nothing more to say.
async fn talk(address: std::net::SocketAddr, path: &str, text: &[u8], binary: &[u8]) {
    let mut client = Client::connect(address, path).await;
    client.text(&String::from_utf8_lossy(text)).await;
    if client.try_binary(binary).await {
        let _ = client.try_text("{\"eof\": 1}").await;
    }
    while let Ok(Ok(_)) = timeout(Duration::from_secs(5), client.next()).await {}
}

#[test]
fn damaged_messages_are_told_and_nothing_more() {
    let server = server(|config| {
        config.wyoming = Some("127.0.0.1:0".parse().unwrap());
        config.limits.idle = Duration::from_millis(100);
        config.limits.beam = 32;
    });
    let (address, wyoming) = (server.address(), server.wyoming_address().unwrap());
    let mut random = Random(15);
    let vosk = br#"{"config": {"sample_rate": 8000.0, "words": true, "max_alternatives": 2, "phrase_list": ["lights on", "[unk]"], "hotwords": {"ann": 3}, "beam": 8, "endpoint": 0.5}}"#;
    let realtime = br#"{"type": "session.update", "session": {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "transcription": {"model": "x", "prompt": "Ann, Bob", "keywords": ["a"]}, "turn_detection": {"type": "server_vad", "silence_duration_ms": 300}}}, "settings": {"beam": 8}}}"#;
    let append = br#"{"type": "input_audio_buffer.append", "audio": "AAECAwQFBgcICQoLDA0ODw=="}"#;
    let events = [
        &b"{\"type\": \"transcribe\", \"data\": {\"language\": \"en\", \"transcript_names\": [\"Ann\"]}}\n"[..],
        b"{\"type\": \"audio-start\", \"data\": {\"rate\": 16000, \"width\": 2, \"channels\": 1}}\n",
        b"{\"type\": \"audio-chunk\", \"data_length\": 42, \"payload_length\": 8}\n",
        b"{\"rate\": 16000, \"width\": 2, \"channels\": 1}12345678{\"type\": \"audio-stop\"}\n",
    ]
    .concat();
    let sound = file("kitchen");
    let fields: [(&str, &[u8]); 5] = [
        ("response_format", b"verbose_json"),
        ("timestamp_granularities[]", b"word"),
        ("prompt", b"Ann, Bob"),
        ("hotwords", b"ann:3\nbob"),
        ("file", &sound),
    ];
    let (kind, body) = form(&fields);
    run(async {
        for _ in 0..ROUNDS {
            let binary: Vec<u8> =
                (0..random.below(5000)).map(|_| random.below(256) as u8).collect();
            talk(address, "/", &damaged(vosk, &mut random), &binary).await;
            talk(address, "/v1/realtime", &damaged(realtime, &mut random), &binary).await;
            talk(address, "/v1/realtime", &damaged(append, &mut random), &binary).await;

            let mut stream = raw(wyoming).await;
            stream.write_all(&damaged(&events, &mut random)).await.unwrap();
            let _ = stream.shutdown().await;
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said).await;

            let body = damaged(&body, &mut random);
            let mut stream = raw(address).await;
            let head = format!(
                "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let _ = stream.write_all(&body).await;
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said).await;
            assert!(said.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&said));
        }
        let metrics = get(address, "/metrics").await;
        assert!(metrics.text().contains("\nstonechat_panics_total 0\n"), "{}", metrics.text());
        let answer = common::transcribe(address, &[("file", &sound)]).await;
        assert_eq!(answer.json()["text"], common::SAMPLES[0].1);
    });
}
