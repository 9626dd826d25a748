//! OpenAI Realtime: its events in their order, and the text of the library.

mod common;

use common::{Client, SAMPLES, heard, heard_in_utterances, pcm, run, samples, server, talk};
use serde_json::{Value, json};
use stonechat::Settings;

const DELTA: &str = "conversation.item.input_audio_transcription.delta";
const COMPLETED: &str = "conversation.item.input_audio_transcription.completed";

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

async fn begin(address: std::net::SocketAddr, update: Value) -> Client {
    let mut client = Client::connect(address, "/v1/realtime?intent=transcription").await;
    let created = client.answer().await;
    assert_eq!(
        (&created["type"], &created["session"]["type"]),
        (&json!("session.created"), &json!("transcription"))
    );
    client.text(&json!({ "type": "session.update", "session": update }).to_string()).await;
    client
}

async fn append(client: &mut Client, bytes: &[u8], piece: usize) {
    for piece in bytes.chunks(piece) {
        let event = json!({ "type": "input_audio_buffer.append", "audio": base64(piece) });
        client.text(&event.to_string()).await;
    }
}

/// Events until one of a kind, that one included.
async fn until(client: &mut Client, kind: &str) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = client.answer().await;
        let last = event["type"] == kind;
        events.push(event);
        if last {
            return events;
        }
    }
}

/// The deltas of an item.
fn deltas(events: &[Value], item: &Value) -> String {
    let of_item = |event: &&Value| event["type"] == DELTA && event["item_id"] == *item;
    events.iter().filter(of_item).map(|event| event["delta"].as_str().unwrap()).collect()
}

#[test]
fn a_commit_ends_an_utterance() {
    let server = server(|_| {});
    run(async {
        let off =
            json!({ "type": "transcription", "audio": { "input": { "turn_detection": null } } });
        let mut client = begin(server.address(), off).await;
        let updated = client.answer().await;
        assert_eq!(updated["type"], "session.updated");
        assert_eq!(updated["session"]["audio"]["input"]["turn_detection"], Value::Null);
        let mut previous = Value::Null;
        for (n, (name, _)) in SAMPLES.iter().enumerate() {
            let bytes = pcm(&samples(name, 24_000));
            let expected = heard(&bytes, 24_000, &Settings::default());
            append(&mut client, &bytes, [4801, 24_000, 200_000][n]).await;
            client.text(r#"{"type": "input_audio_buffer.commit"}"#).await;
            let events = until(&mut client, COMPLETED).await;
            let completed = events.last().unwrap();
            assert_eq!(completed["transcript"], expected, "{name}");
            assert_eq!(deltas(&events, &completed["item_id"]), expected, "{events:?}");
            assert_eq!(completed["usage"]["type"], "duration");
            let committed = events.iter().find(|e| e["type"] == "input_audio_buffer.committed");
            let committed = committed.unwrap();
            assert_eq!(
                (&committed["item_id"], &committed["previous_item_id"]),
                (&completed["item_id"], &previous)
            );
            previous = completed["item_id"].clone();
        }
        client.text(r#"{"type": "input_audio_buffer.commit", "event_id": "mine"}"#).await;
        let error = client.answer().await["error"].clone();
        assert_eq!(
            (&error["code"], &error["event_id"]),
            (&json!("input_audio_buffer_commit_empty"), &json!("mine"))
        );
    });
}

#[test]
fn turns_are_detected() {
    let server = server(|_| {});
    let bytes = pcm(&talk(24_000));
    let mut settings = Settings::default();
    settings.set("endpoint", "0.7").unwrap();
    let expected = heard_in_utterances(&bytes, 24_000, &settings);
    run(async {
        let turns = json!({ "type": "server_vad", "silence_duration_ms": 700 });
        let update = json!({ "audio": { "input": { "turn_detection": turns } } });
        let mut client = begin(server.address(), update).await;
        client.answer().await;
        append(&mut client, &bytes, 9600).await;
        let mut texts = Vec::new();
        let mut end_ms = 0;
        for (_, said) in SAMPLES {
            let events = until(&mut client, COMPLETED).await;
            let completed = events.last().unwrap();
            let item = &completed["item_id"];
            assert_eq!(deltas(&events, item), completed["transcript"].as_str().unwrap());
            let kinds: Vec<&str> = events
                .iter()
                .map(|e| e["type"].as_str().unwrap())
                .filter(|k| *k != DELTA)
                .collect();
            let expected = [
                "input_audio_buffer.speech_started",
                "input_audio_buffer.speech_stopped",
                "input_audio_buffer.committed",
                COMPLETED,
            ];
            assert_eq!(kinds, expected, "{events:?}");
            let started = events.iter().find(|e| e["type"] == expected[0]).unwrap();
            let stopped = events.iter().find(|e| e["type"] == expected[1]).unwrap();
            assert!(started["item_id"] == *item && stopped["item_id"] == *item);
            let start_ms = started["audio_start_ms"].as_u64().unwrap();
            assert!(start_ms >= end_ms, "{start_ms} ms, after {end_ms} ms");
            end_ms = stopped["audio_end_ms"].as_u64().unwrap();
            assert!(end_ms > start_ms + 1000, "{said}: {start_ms} to {end_ms} ms");
            texts.push(completed["transcript"].as_str().unwrap().to_string());
        }
        assert_eq!(texts.join(" "), expected);
    });
}

#[test]
fn keywords_prompts_and_settings_arrive() {
    let server = server(|_| {});
    let bytes = pcm(&samples("kitchen", 24_000));
    run(async {
        for (update, hotword) in [
            (
                json!({ "audio": { "input": { "transcription": { "model": "whisper-1", "keywords": ["Kitchens"] } } } }),
                "kitchens",
            ),
            (
                json!({ "audio": { "input": { "transcription": { "prompt": "Names: Kitchens" } } } }),
                "kitchens",
            ),
            (json!({ "settings": { "hotwords": { "kitten": 40 } } }), "kitten:40"),
        ] {
            let mut settings = Settings::default();
            settings.set("hotword", hotword).unwrap();
            let expected = heard(&bytes, 24_000, &settings);
            let mut update = update;
            update["audio"]["input"]["turn_detection"] = Value::Null;
            let mut client = begin(server.address(), update.clone()).await;
            assert_eq!(client.answer().await["type"], "session.updated", "{update}");
            append(&mut client, &bytes, 48_000).await;
            client.text(r#"{"type": "input_audio_buffer.commit"}"#).await;
            let events = until(&mut client, COMPLETED).await;
            assert_eq!(events.last().unwrap()["transcript"], expected, "{update}");
        }
    });
}

#[test]
fn what_is_wrong_is_told_and_the_session_goes_on() {
    let server = server(|_| {});
    let bytes = pcm(&samples("kitchen", 24_000));
    run(async {
        let mut client =
            begin(server.address(), json!({ "audio": { "input": { "turn_detection": null } } }))
                .await;
        client.answer().await;
        let update = |input: Value| {
            json!({ "type": "session.update", "session": { "audio": { "input": input } } })
                .to_string()
        };
        for (event, part) in [
            ("hello".to_string(), "JSON"),
            ("[]".to_string(), "JSON"),
            ("{}".to_string(), "no event"),
            (r#"{"type": "response.create"}"#.to_string(), "response.create"),
            (r#"{"type": "input_audio_buffer.append", "audio": "%"}"#.to_string(), "base64"),
            (r#"{"type": "session.update"}"#.to_string(), "object"),
            (update(json!({ "format": { "type": "audio/pcmu" } })), "audio/pcm"),
            (update(json!({ "format": { "type": "audio/pcm", "rate": 3 } })), "rate"),
            (update(json!({ "turn_detection": { "type": "server_vad", "threshold": 2 } })), "threshold"),
            (update(json!({ "turn_detection": { "type": "server_vad", "silence_duration_ms": 1 } })), "silence"),
            (update(json!({ "turn_detection": { "type": "magic" } })), "server_vad"),
            (r#"{"type": "session.update", "session": {"settings": {"beam": 0}}}"#.to_string(), "beam"),
            (r#"{"type": "session.update", "session": {"settings": {"lm": "/etc/passwd"}}}"#.to_string(), "file"),
            (r#"{"type": "session.update", "session": {"settings": {"beam": 8, "grammar": ["on"]}}}"#.to_string(), "grammar"),
        ] {
            client.text(&event).await;
            let told = client.answer().await;
            assert_eq!(told["type"], "error", "{event}: {told}");
            assert!(told["error"]["message"].as_str().unwrap().contains(part), "{event}: {told}");
        }
        append(&mut client, &bytes, 9600).await;
        client.text(r#"{"type": "input_audio_buffer.clear"}"#).await;
        until(&mut client, "input_audio_buffer.cleared").await;
        append(&mut client, &bytes, 9600).await;
        client.text(r#"{"type": "input_audio_buffer.commit"}"#).await;
        let events = until(&mut client, COMPLETED).await;
        assert_eq!(
            events.last().unwrap()["transcript"],
            heard(&bytes, 24_000, &Settings::default())
        );
    });
}
