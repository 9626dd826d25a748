//! Vosk's protocol: every answer, and the text of the library.

mod common;

use common::{
    Client, RATE_HZ, SAMPLES, heard_in_utterances, pcm, run, samples, server, talk, texts, vosk,
};
use serde_json::{Value, json};
use stonechat::Settings;

#[test]
fn text_is_that_of_the_library_however_messages_are_cut() {
    let server = server(|_| {});
    let bytes = pcm(&talk(RATE_HZ));
    let expected = heard_in_utterances(&bytes, RATE_HZ, &Settings::default());
    assert_eq!(expected, SAMPLES.map(|(_, said)| said).join(" "));
    run(async {
        for piece in [3201, 8000, 320_000] {
            let results = vosk(server.address(), "", &bytes, piece).await;
            assert_eq!(texts(&results), expected, "messages of {piece} bytes");
            assert!(piece > 100_000 || results.len() > 3, "utterances end: {results:?}");
        }
    });
}

#[test]
fn messages_of_a_byte_are_messages() {
    let server = server(|_| {});
    let bytes = pcm(&samples("kitchen", 8000)[..4000]);
    let expected = heard_in_utterances(&bytes, 8000, &Settings::default());
    run(async {
        let config = r#"{"config": {"sample_rate": 8000}}"#;
        assert_eq!(texts(&vosk(server.address(), config, &bytes, 1).await), expected);
    });
}

#[test]
fn other_rates_are_heard_at_their_rate() {
    let server = server(|_| {});
    run(async {
        for rate_hz in [8000u32, 44_100, 48_000] {
            let bytes = pcm(&samples("train", rate_hz));
            let expected = heard_in_utterances(&bytes, rate_hz, &Settings::default());
            let config = json!({ "config": { "sample_rate": f64::from(rate_hz) } }).to_string();
            let results = vosk(server.address(), &config, &bytes, 8000).await;
            assert_eq!(texts(&results), expected, "{rate_hz} Hz");
        }
    });
}

#[test]
fn words_alternatives_and_partial_words() {
    let server = server(|_| {});
    let bytes = pcm(&samples("kitchen", RATE_HZ));
    run(async {
        let words = vosk(server.address(), "", &bytes, 8000).await;
        let list = words[0]["result"].as_array().unwrap();
        assert_eq!(list.len(), 7, "{words:?}");
        assert!(list.iter().all(|w| w["start"].is_number() && w["conf"].is_number()));

        let none = vosk(server.address(), r#"{"config": {"words": 0}}"#, &bytes, 8000).await;
        assert!(none[0]["result"].is_null() && none[0]["text"] == SAMPLES[0].1, "{none:?}");

        let config = r#"{"config": {"max_alternatives": 3}}"#;
        let several = vosk(server.address(), config, &bytes, 8000).await;
        let texts = several[0]["alternatives"].as_array().unwrap();
        assert!(texts.len() == 3 && texts[0]["text"] == SAMPLES[0].1, "{several:?}");

        let mut client = Client::connect(server.address(), "/").await;
        client.text(r#"{"config": {"partial_words": true}}"#).await;
        client.binary(&bytes[..bytes.len() * 3 / 4]).await;
        let partial = client.answer().await;
        let count = partial["partial"].as_str().unwrap().split_whitespace().count();
        assert!(count > 1, "{partial}");
        assert_eq!(partial["partial_result"].as_array().map(Vec::len), Some(count), "{partial}");
    });
}

#[test]
fn grammars_and_hotwords() {
    let server = server(|_| {});
    let bytes = pcm(&samples("kitchen", RATE_HZ));
    run(async {
        let config = r#"{"config": {"phrase_list": ["turn on the light", "in the kitchen", "zebra", "[unk]"]}}"#;
        let results = vosk(server.address(), config, &bytes, 8000).await;
        assert_eq!(texts(&results), "turn on the light in the kitchen");
        let config = r#"{"config": {"phrase_list": ["zebra crossing", "[unk]"]}}"#;
        let results = vosk(server.address(), config, &bytes, 8000).await;
        assert!(texts(&results).split(' ').all(|word| word == "[unk]"), "{results:?}");

        // A boost that nobody can resist shows that it arrived.
        let mut settings = Settings::default();
        settings.set("hotword", "kitten:40").unwrap();
        let expected = heard_in_utterances(&bytes, RATE_HZ, &settings);
        assert!(expected.contains("kitten"), "{expected}");
        let config = r#"{"config": {"hotwords": {"kitten": 40}}}"#;
        assert_eq!(texts(&vosk(server.address(), config, &bytes, 8000).await), expected);
    });
}

#[test]
fn configurations_on_the_way_lose_nothing() {
    let server = server(|_| {});
    let (kitchen, train) = (pcm(&samples("kitchen", RATE_HZ)), pcm(&samples("train", 8000)));
    run(async {
        let mut client = Client::connect(server.address(), "/").await;
        client.binary(&kitchen).await;
        assert!(client.answer().await["partial"].is_string());
        client.text(r#"{"config": {"sample_rate": 8000, "beam": 32}}"#).await;
        client.binary(&train).await;
        let result = client.answer().await;
        assert_eq!(result["text"], SAMPLES[0].1, "what was said before is told");
        client.text("{\"eof\" : 1}").await;
        let mut settings = Settings::default();
        settings.set("beam", "32").unwrap();
        let expected = heard_in_utterances(&train, 8000, &settings);
        assert_eq!(client.answer().await["text"].as_str(), Some(&expected[..]));
    });
}

#[test]
fn reset_begins_another_recording() {
    let server = server(|_| {});
    let bytes = pcm(&samples("winter", RATE_HZ));
    run(async {
        let mut client = Client::connect(server.address(), "/").await;
        let mut results = Vec::new();
        for _ in 0..2 {
            client.binary(&bytes).await;
            client.answer().await;
            client.text("{\"reset\" : 1}").await;
            results.push(client.answer().await);
        }
        assert_eq!(results[0]["text"], SAMPLES[2].1);
        assert_eq!(results[0], results[1], "times begin anew, too");
    });
}

#[test]
fn what_is_wrong_is_told_and_ends_the_session() {
    let server = server(|_| {});
    run(async {
        for (message, part) in [
            ("hello", "JSON"),
            ("{\"config\": {\"sample_rate\": 3}}", "sample_rate"),
            ("{\"config\": {\"sample_rate\": \"x\"}}", "sample_rate"),
            ("{\"config\": {\"beam\": 0}}", "beam"),
            ("{\"config\": {\"beam\": 60000}}", "at most 512"),
            ("{\"config\": {\"lm\": \"/etc/passwd\"}}", "file"),
            ("{\"config\": {\"max_alternatives\": -1}}", "max_alternatives"),
            ("{\"config\": {\"phrase_list\": [3]}}", "grammar"),
            ("{\"config\": {\"words\": []}}", "words"),
            ("{\"config\": 1}", "object"),
        ] {
            let mut client = Client::connect(server.address(), "/").await;
            client.text(message).await;
            let told = client.answer().await;
            let error = told["error"].as_str().unwrap_or_else(|| panic!("{message}: {told}"));
            assert!(error.contains(part), "{message}: {error}");
            assert_eq!(client.closed().await, 1008, "{message}");
        }
        // What goes together is known when the recognizer is made.
        let mut client = Client::connect(server.address(), "/").await;
        client.text(r#"{"config": {"grammar": "lights on", "beam": 3}}"#).await;
        client.binary(&[0; 3200]).await;
        let told = client.answer().await;
        assert!(told["error"].as_str().is_some_and(|e| e.contains("grammar")), "{told}");
        // Fields of other servers are none of ours.
        let config = r#"{"config": {"num_channels": 1, "keep_alive": true}}"#;
        let results: Vec<Value> = vosk(server.address(), config, &[0; 3200], 320).await;
        assert_eq!(results.last().unwrap()["text"], "");
    });
}
