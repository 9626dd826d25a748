//! OpenAI's HTTP interface: every format, and the text of the library.

mod common;

use axum::http::Method;
use common::{
    SAMPLES, file, get, heard, model, pcm, request, run, samples, server, talk, transcribe,
};
use serde_json::{Value, json};
use stonechat::Settings;
use stonechat_server::{Keys, NamedModel};
use stonechat_testing::wav_i16;

/// Names and values of a form.
type Fields<'a> = &'a [(&'a str, &'a [u8])];

/// A 16-bit wav file of all samples.
fn long() -> (Vec<u8>, Vec<u8>) {
    let bytes = pcm(&talk(16_000));
    let integers: Vec<i16> = common::integers(&bytes).collect();
    (wav_i16(&integers, 16_000, 1), bytes)
}

/// The events of a stream.
fn events(body: &str) -> Vec<Value> {
    let lines = body.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_format_has_the_text_of_the_library() {
    let server = server(|_| {});
    let address = server.address();
    let (wav, bytes) = long();
    let expected = heard(&bytes, 16_000, &Settings::default());
    assert_eq!(expected.split(' ').count(), SAMPLES.map(|(_, s)| s).join(" ").split(' ').count());
    run(async {
        for (format, kind) in [
            ("json", "application/json"),
            ("text", "text/plain; charset=utf-8"),
            ("srt", "text/plain; charset=utf-8"),
            ("vtt", "text/plain; charset=utf-8"),
            ("verbose_json", "application/json"),
        ] {
            let fields: [(&str, &[u8]); 3] =
                [("model", b"whisper-1"), ("response_format", format.as_bytes()), ("file", &wav)];
            let answer = transcribe(address, &fields).await;
            assert_eq!(answer.status, 200, "{format}: {}", answer.text());
            assert_eq!(answer.headers["content-type"], kind, "{format}");
            let body = answer.text();
            let said = match format {
                "text" => body.trim_end().to_string(),
                "srt" | "vtt" => {
                    let spoken = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
                    body.lines().filter(spoken).collect::<Vec<_>>().join(" ")
                }
                _ => answer.json()["text"].as_str().unwrap().into(),
            };
            assert_eq!(said, expected, "{format}: {body}");
        }
        // Any order of the fields, and no model.
        let answer = transcribe(address, &[("file", &wav), ("response_format", b"text")]).await;
        assert_eq!(answer.text().trim_end(), expected);
        // The files as they lie there.
        for (name, said) in SAMPLES {
            let answer = transcribe(address, &[("file", &file(name))]).await.json();
            assert_eq!(
                (&answer["text"], &answer["usage"]["type"]),
                (&json!(said), &json!("duration"))
            );
        }
    });
}

#[test]
fn verbose_has_words_and_segments() {
    let server = server(|_| {});
    let (wav, _) = long();
    run(async {
        let mut fields: Vec<(&str, &[u8])> =
            vec![("file", &wav), ("response_format", b"verbose_json"), ("temperature", b"0.2")];
        let segments = transcribe(server.address(), &fields).await.json();
        assert!(segments["words"].is_null());
        let list = segments["segments"].as_array().unwrap();
        assert_eq!(list.len(), 3, "{segments}");
        for (n, segment) in list.iter().enumerate() {
            let names = [
                "id",
                "seek",
                "start",
                "end",
                "text",
                "tokens",
                "temperature",
                "avg_logprob",
                "compression_ratio",
                "no_speech_prob",
            ];
            assert!(names.iter().all(|name| !segment[name].is_null()), "{segment}");
            assert_eq!(
                (segment["id"].as_u64(), segment["temperature"].as_f64()),
                (Some(n as u64), Some(0.2))
            );
            assert!(segment["avg_logprob"].as_f64().unwrap() <= 0.0, "{segment}");
        }
        let joined: String = list.iter().map(|s| s["text"].as_str().unwrap()).collect();
        assert_eq!(joined.trim(), segments["text"].as_str().unwrap());

        fields.push(("timestamp_granularities[]", b"word"));
        let words = transcribe(server.address(), &fields).await.json();
        assert!(words["segments"].is_null());
        let list = words["words"].as_array().unwrap();
        let joined: Vec<&str> = list.iter().map(|w| w["word"].as_str().unwrap()).collect();
        assert_eq!(joined.join(" "), words["text"].as_str().unwrap());
        let times: Vec<f64> = list.iter().map(|w| w["start"].as_f64().unwrap()).collect();
        assert!(times.is_sorted() && words["duration"].as_f64() > times.last().copied());

        fields.push(("timestamp_granularities[]", b"segment"));
        let both = transcribe(server.address(), &fields).await.json();
        assert!(both["words"].is_array() && both["segments"].is_array());
    });
}

#[test]
fn deltas_are_never_taken_back() {
    let server = server(|_| {});
    let (wav, bytes) = long();
    run(async {
        for endpoint in [None, Some("0.6")] {
            let mut fields: Vec<(&str, &[u8])> = vec![("stream", b"true"), ("file", &wav)];
            let mut settings = Settings::default();
            if let Some(endpoint) = endpoint {
                fields.insert(0, ("endpoint", endpoint.as_bytes()));
                settings.set("endpoint", endpoint).unwrap();
            }
            let answer = transcribe(server.address(), &fields).await;
            assert_eq!(answer.headers["content-type"], "text/event-stream");
            let events = events(answer.text());
            let (last, deltas) = events.split_last().unwrap();
            assert_eq!(last["type"], "transcript.text.done", "{events:?}");
            assert!(deltas.iter().all(|e| e["type"] == "transcript.text.delta"), "{deltas:?}");
            let joined: String = deltas.iter().map(|e| e["delta"].as_str().unwrap()).collect();
            assert_eq!(json!(joined), last["text"]);
            assert_eq!(joined, heard(&bytes, 16_000, &settings));
            assert!(deltas.len() > 2, "they come on the way: {deltas:?}");
        }
    });
}

#[test]
fn expected_words_are_hotwords() {
    let server = server(|_| {});
    let bytes = pcm(&samples("kitchen", 16_000));
    let wav = wav_i16(&common::integers(&bytes).collect::<Vec<_>>(), 16_000, 1);
    let text = |hotword: &str| {
        let mut settings = Settings::default();
        settings.set("hotword", hotword).unwrap();
        heard(&bytes, 16_000, &settings)
    };
    run(async {
        for (field, value, hotword) in [
            ("keywords[]", "kitchens", "kitchens"),
            ("prompt", "Names: Kitchens. This is a sentence of words.", "kitchens"),
            ("hotword", "kitten:40", "kitten:40"),
            ("hotwords", "kitten:40\n", "kitten:40"),
        ] {
            let fields: [(&str, &[u8]); 2] = [(field, value.as_bytes()), ("file", &wav)];
            let answer = transcribe(server.address(), &fields).await.json();
            assert_eq!(answer["text"], text(hotword), "{field}");
        }
        let fields: [(&str, &[u8]); 2] = [("grammar", b"zebra\nturn on the light"), ("file", &wav)];
        let answer = transcribe(server.address(), &fields).await.json();
        assert_eq!(answer["text"], "turn on the light");
    });
}

#[test]
fn wrong_requests_say_what_is_wrong() {
    let server = server(|config| config.limits.upload_bytes = 3_000_000);
    let address = server.address();
    let sound = file("kitchen");
    run(async {
        let large = vec![0; 3_000_001];
        let cases: [(Fields, u16, &str); 11] = [
            (&[("model", b"x")], 400, "file"),
            (&[("file", b"")], 400, "file"),
            (&[("file", b"this is no audio, but a text")], 400, "not audio"),
            (&[("file", &sound[..200])], 400, "file"),
            (&[("response_format", b"xml"), ("file", &sound)], 400, "verbose_json"),
            (&[("timestamp_granularities[]", b"letter"), ("file", &sound)], 400, "segment"),
            (&[("temperature", b"2"), ("file", &sound)], 400, "temperature"),
            (&[("beam", b"0"), ("file", &sound)], 400, "beam"),
            (&[("beam", b"513"), ("file", &sound)], 400, "at most 512"),
            (&[("lm", b"/etc/passwd"), ("file", &sound)], 400, "lm"),
            (&[("file", &large)], 413, "larger than 3000000 bytes"),
        ];
        for (fields, status, part) in cases {
            let answer = transcribe(address, fields).await;
            let error = answer.json();
            let message = error["error"]["message"].as_str().unwrap().to_string();
            assert_eq!(answer.status, status, "{message}");
            assert!(message.contains(part), "{part}: {message}");
            assert!(!message.contains("/tmp"), "{message}");
            assert_eq!(error["error"]["type"], "invalid_request_error");
        }
        let path = "/v1/audio/transcriptions";
        let answer = request(address, Method::POST, path, &[], b"{}".to_vec()).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &Value::Null));
        assert_eq!(get(address, path).await.status, 405);
        assert_eq!(get(address, "/v1/nothing").await.status, 404);
        // Large files wait on disk.
        let (wav, _) = long();
        let longer = [&wav[..], &wav[44..], &wav[44..], &wav[44..]].concat();
        assert!(longer.len() > 1 << 20 && longer.len() < 3_000_000);
        let answer = transcribe(address, &[("file", &longer)]).await;
        assert!(answer.status == 200 && answer.json()["text"].as_str().unwrap().len() > 300);
        let broken = [vec![0; 2_000_000], sound.clone()].concat();
        let answer = transcribe(address, &[("file", &broken)]).await;
        assert!(answer.status == 400 && !answer.text().contains("tmp"), "{}", answer.text());
    });
}

#[test]
fn models_have_names() {
    let server = server(|config| {
        config.models = vec![NamedModel::new("first", model), NamedModel::new("second", model)];
    });
    let address = server.address();
    run(async {
        let list = get(address, "/v1/models").await.json();
        let names: Vec<&str> =
            list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
        assert_eq!(names, ["first", "second"]);
        assert_eq!(get(address, "/v1/models/second").await.json()["id"], "second");
        assert_eq!(get(address, "/v1/models/third").await.status, 404);
        let sound = file("kitchen");
        for (name, status) in [("second", 200), ("whisper-1", 200), ("third", 404)] {
            let answer = transcribe(address, &[("model", name.as_bytes()), ("file", &sound)]).await;
            assert_eq!(answer.status, status, "{name}: {}", answer.text());
        }
    });
}

#[test]
fn keys_open_the_door() {
    let server = server(|config| config.keys = Keys::of_text("sesame").unwrap());
    let address = server.address();
    run(async {
        for (key, status) in [("Bearer sesame", 200), ("Bearer sesam", 401), ("", 401)] {
            let headers = [("authorization", key)];
            let answer = request(address, Method::GET, "/v1/models", &headers, Vec::new()).await;
            assert_eq!(answer.status, status, "{key}");
            if status == 401 {
                assert_eq!(answer.json()["error"]["code"], "invalid_api_key");
            }
        }
        assert_eq!(get(address, "/metrics").await.status, 401);
        assert_eq!(get(address, "/healthz").await.status, 200);
        assert!(common::Client::connect_with(address, "/", &[]).await.is_err());
        let offered = "stonechat, openai-insecure-api-key.sesame";
        for header in [("authorization", "Bearer sesame"), ("sec-websocket-protocol", offered)] {
            let mut client = common::Client::connect_with(address, "/", &[header]).await.unwrap();
            client.binary(&[0; 320]).await;
            assert!(client.answer().await["partial"].is_string());
        }
    });
}
