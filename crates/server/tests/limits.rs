//! What clients may not do, and that nobody else feels it when they try.

mod common;

use std::time::Duration;

use common::{
    Client, RATE_HZ, SAMPLES, file, get, handshake, pcm, raw, run, samples, server, texts,
    transcribe, vosk,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

async fn metric(address: std::net::SocketAddr, name: &str) -> f64 {
    let text = get(address, "/metrics").await;
    let line = text.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[test]
fn more_sessions_than_allowed_are_refused() {
    let server = server(|config| config.limits.sessions = 2);
    let address = server.address();
    run(async {
        let mut first = Client::connect(address, "/").await;
        let mut second = Client::connect(address, "/").await;
        for client in [&mut first, &mut second] {
            client.binary(&[0; 320]).await;
            client.answer().await;
        }
        let mut third = Client::connect(address, "/").await;
        assert_eq!(third.closed().await, 1013);
        let answer = transcribe(address, &[("file", &file("kitchen"))]).await;
        assert_eq!((answer.status, &answer.headers["retry-after"]), (503, &"5".parse().unwrap()));
        assert_eq!(metric(address, "stonechat_refused_total{reason=\"full\"}").await, 2.0);
        drop(first);
        // The place is free as soon as the server has noticed.
        while metric(address, "stonechat_sessions{protocol=\"vosk\"}").await > 1.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let answer = transcribe(address, &[("file", &file("kitchen"))]).await;
        assert_eq!(answer.json()["text"], SAMPLES[0].1);
    });
}

#[test]
fn large_messages_end_the_session() {
    let server = server(|config| config.limits.message_bytes = 10_000);
    run(async {
        let mut client = Client::connect(server.address(), "/").await;
        client.binary(&[0; 10_000]).await;
        assert!(client.answer().await["partial"].is_string());
        client.binary(&[0; 10_001]).await;
        // What was said so far is told.
        assert_eq!(client.answer().await["text"], "");
        assert_eq!(client.closed().await, 1009);
    });
}

#[test]
fn idle_sessions_end_with_their_text() {
    let server = server(|config| config.limits.idle = Duration::from_millis(300));
    let bytes = pcm(&samples("kitchen", RATE_HZ));
    run(async {
        let mut client = Client::connect(server.address(), "/").await;
        client.binary(&bytes).await;
        client.answer().await;
        assert_eq!(client.answer().await["text"], SAMPLES[0].1);
        assert_eq!(client.closed().await, 1008);
        // An upload that stops on the way.
        let (kind, body) = common::form(&[("file", &file("kitchen"))]);
        let head = format!(
            "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: a\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = raw(server.address()).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body[..1000]).await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 408");
    });
}

#[test]
fn sessions_and_audio_have_a_longest_length() {
    let server = server(|config| config.limits.session = Duration::from_secs(3));
    run(async {
        let mut client = Client::connect(server.address(), "/").await;
        client.binary(&[0; 64_000]).await;
        assert!(client.answer().await["partial"].is_string());
        client.binary(&[0; 64_000]).await;
        assert!(client.answer().await["error"].as_str().unwrap().contains("long"));
        let long = stonechat_testing::wav(&vec![0.0; 16_000 * 4], 16_000, 1);
        let answer = transcribe(server.address(), &[("file", &long)]).await;
        assert_eq!(answer.status, 413, "{}", answer.text());
    });
}

/// Clients that die, stall, send garbage, while another one talks.
#[test]
fn nobody_feels_what_others_do() {
    let server = server(|_| {});
    let address = server.address();
    let bytes = pcm(&samples("train", RATE_HZ));
    run(async {
        let mut honest = Client::connect(address, "/").await;
        let mut results = Vec::new();
        for (n, piece) in bytes.chunks(8000).enumerate() {
            // One dies in the middle of a message, one in the middle of a handshake.
            let mut dying = handshake(address, "/").await;
            dying.send(Message::binary(vec![7; 9999])).await.unwrap();
            dying.get_mut().write_all(&[0x82, 0xfe, 0x10]).await.unwrap();
            drop(dying);
            let mut half = raw(address).await;
            half.write_all(b"GET / HTTP/1.1\r\nupgr").await.unwrap();
            drop(half);
            // Frames that are none: reserved bits, a text that is no UTF-8, no mask.
            for frame in [&[0xff; 16][..], &[0x81, 0x81, 0, 0, 0, 0, 0xff], &[0x82, 0x02, 1, 2]] {
                let mut garbage = handshake(address, "/").await;
                garbage.get_mut().write_all(frame).await.unwrap();
                while let Some(Ok(_)) = garbage.next().await {}
            }
            // No HTTP at all.
            let mut noise = raw(address).await;
            noise.write_all(&[0x16, 3, 1, n as u8, 0, b'\r', b'\n', b'\r', b'\n']).await.unwrap();
            let mut said = Vec::new();
            let _ = noise.read_to_end(&mut said).await;
            // A stall: never a byte after the handshake.
            std::mem::forget(handshake(address, "/").await);

            honest.binary(piece).await;
            results.push(honest.answer().await);
        }
        honest.text("{\"eof\": 1}").await;
        results.push(honest.answer().await);
        assert_eq!(texts(&results), SAMPLES[1].1);
        assert_eq!(metric(address, "stonechat_panics_total").await, 0.0);
    });
}

#[test]
fn many_at_a_time_and_many_in_turn_hear_what_one_hears() {
    let server = server(|_| {});
    let address = server.address();
    let bytes = pcm(&samples("kitchen", RATE_HZ));
    run(async {
        let all = (0..40).map(|n| vosk(address, "", &bytes, 3000 + 100 * n));
        for results in futures_util::future::join_all(all).await {
            assert_eq!(texts(&results), SAMPLES[0].1);
        }
        for _ in 0..100 {
            let mut client = Client::connect(address, "/").await;
            client.text("{\"eof\": 1}").await;
            assert_eq!(client.answer().await["text"], "");
        }
    });
}

#[test]
fn draining_gives_everyone_the_end() {
    let server = server(|_| {});
    let address = server.address();
    let bytes = pcm(&samples("winter", RATE_HZ));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.wait());
        run(async {
            assert_eq!(get(address, "/readyz").await.status, 200);
            let mut client = Client::connect(address, "/").await;
            client.binary(&bytes).await;
            client.answer().await;
            server.drain();
            assert_eq!(client.answer().await["text"], SAMPLES[2].1);
            // Still alive, but not ready.
            assert_eq!(get(address, "/healthz").await.status, 200);
            assert_eq!(get(address, "/readyz").await.status, 503);
            let mut late = Client::connect(address, "/").await;
            assert_eq!(late.closed().await, 1013);
            assert_eq!(client.closed().await, 1001);
        });
        waiting.join().unwrap();
    });
}
