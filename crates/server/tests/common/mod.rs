//! A server in this process, and clients of it that speak through sockets.

#![allow(dead_code)] // Each test file uses its part.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use futures_util::{SinkExt, StreamExt};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use stonechat::{Model, PackedLanguageModel, Settings, Stream};
use stonechat_server::{Config, NamedModel, Server};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

pub const RATE_HZ: u32 = 16_000;
/// What is said in the samples.
pub const SAMPLES: [(&str, &str); 3] = [
    ("kitchen", "turn on the light in the kitchen"),
    ("train", "they waited for the train in the little station"),
    ("winter", "it was a cold day in the middle of winter"),
];

pub fn model() -> Result<Model, String> {
    let lm = PackedLanguageModel::from_bytes(stonechat_english::LANGUAGE_MODEL);
    let model = Model::from_bytes(stonechat_english::MODEL).map_err(|error| error.to_string())?;
    Ok(model.with_language_model(lm.map_err(|error| error.to_string())?))
}

pub fn shared_model() -> Arc<Model> {
    static MODEL: OnceLock<Arc<Model>> = OnceLock::new();
    Arc::clone(MODEL.get_or_init(|| Arc::new(model().unwrap())))
}

/// The bundled model at a free port of this machine.
pub fn config() -> Config {
    let mut config = Config::new(vec![NamedModel::new("english", model)]);
    config.address.set_port(0);
    config.threads = 2;
    config
}

pub fn server(change: impl FnOnce(&mut Config)) -> Server {
    let mut config = config();
    change(&mut config);
    Server::start(config).unwrap()
}

pub fn file(name: &str) -> Vec<u8> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    std::fs::read(samples.join(format!("{name}.flac"))).unwrap()
}

pub fn samples(name: &str, rate_hz: u32) -> Vec<f32> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    stonechat_audio::read_file(samples.join(format!("{name}.flac")), rate_hz).unwrap().samples
}

/// All samples with a pause after each.
pub fn talk(rate_hz: u32) -> Vec<f32> {
    let pause = vec![0.0; rate_hz as usize * 3 / 2];
    SAMPLES.iter().flat_map(|(name, _)| [samples(name, rate_hz), pause.clone()].concat()).collect()
}

/// 16 bits, as clients send them, and what the library hears in those.
pub fn pcm(samples: &[f32]) -> Vec<u8> {
    stonechat_testing::pcm(samples)
}

pub fn integers(bytes: &[u8]) -> impl Iterator<Item = i16> {
    bytes.as_chunks::<2>().0.iter().copied().map(i16::from_le_bytes)
}

/// What the library makes of 16-bit samples.
pub fn heard(bytes: &[u8], rate_hz: u32, settings: &Settings) -> String {
    let recognizer = settings.recognizer(shared_model()).unwrap();
    text(recognizer.stream_at(rate_hz).unwrap(), bytes)
}

/// The same with utterances that end by themselves, as on sockets.
pub fn heard_in_utterances(bytes: &[u8], rate_hz: u32, settings: &Settings) -> String {
    let recognizer = settings.recognizer(shared_model()).unwrap().with_utterances();
    text(recognizer.stream_at(rate_hz).unwrap(), bytes)
}

fn text(mut stream: Stream, bytes: &[u8]) -> String {
    stream.push_i16(integers(bytes)).unwrap();
    let last = stream.finish();
    let said = stream.take_utterances().into_iter().chain([last]);
    said.map(|said| said.text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Runs a test's own sockets.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    runtime().block_on(test)
}

pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A status, headers and a body.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// One request on a connection of its own.
pub async fn request(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, Method::GET, path, &[], Vec::new()).await
}

/// A form as clients send it; a field called `file` is one.
pub fn form(fields: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let boundary = "------------------------7d1c2b9f";
    let mut body = Vec::new();
    for (name, value) in fields {
        let file = if *name == "file" { "; filename=\"a.flac\"" } else { "" };
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
        );
        body.extend(head.bytes());
        body.extend(*value);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A file to text.
pub async fn transcribe(address: SocketAddr, fields: &[(&str, &[u8])]) -> Answer {
    let (kind, body) = form(fields);
    let path = "/v1/audio/transcriptions";
    request(address, Method::POST, path, &[("content-type", &kind)], body).await
}

/// A WebSocket of a client.
pub struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub async fn connect(address: SocketAddr, path: &str) -> Self {
        Self::connect_with(address, path, &[]).await.unwrap()
    }

    pub async fn connect_with(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<Error>> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(Self(connect_async(request).await?.0))
    }

    pub async fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub async fn binary(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// False where the server has closed.
    pub async fn try_text(&mut self, text: &str) -> bool {
        self.0.send(Message::text(text)).await.is_ok()
    }

    /// False where the server has closed.
    pub async fn try_binary(&mut self, bytes: &[u8]) -> bool {
        self.0.send(Message::binary(bytes.to_vec())).await.is_ok()
    }

    /// The next message, or how the server closed.
    pub async fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub async fn answer(&mut self) -> Value {
        self.next().await.unwrap_or_else(|close| panic!("closed: {close:?}"))
    }

    /// The code that the server closed with.
    pub async fn closed(&mut self) -> u16 {
        match self.next().await {
            Err(Some(frame)) => frame.code.into(),
            other => panic!("no close: {other:?}"),
        }
    }
}

/// All texts of a talk by Vosk's protocol, in messages of a size.
pub async fn vosk(address: SocketAddr, config: &str, bytes: &[u8], piece: usize) -> Vec<Value> {
    let mut client = Client::connect(address, "/").await;
    if !config.is_empty() {
        client.text(config).await;
    }
    let mut results = Vec::new();
    for piece in bytes.chunks(piece) {
        client.binary(piece).await;
        let answer = client.answer().await;
        if answer.get("partial").is_none() {
            results.push(answer);
        }
    }
    client.text("{\"eof\" : 1}").await;
    results.push(client.answer().await);
    assert_eq!(client.closed().await, 1000);
    results
}

pub fn texts(results: &[Value]) -> String {
    let texts = results.iter().filter_map(|result| result["text"].as_str());
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Something that is no WebSocket, through one's own hands.
pub async fn raw(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

pub async fn handshake(address: SocketAddr, path: &str) -> WebSocketStream<TcpStream> {
    let stream = raw(address).await;
    client_async(format!("ws://{address}{path}"), stream).await.unwrap().0
}
