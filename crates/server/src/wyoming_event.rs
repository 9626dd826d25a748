//! Events of Wyoming: a line of JSON, then data and payload of the lengths that it states.

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Bytes of the line.
const LINE: u64 = 64 << 10;
/// What the events that are sent say of themselves.
const VERSION: &str = "1.10.2";

/// An event.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) data: Map<String, Value>,
    pub(crate) payload: Vec<u8>,
}

impl Event {
    /// One of our own.
    pub(crate) fn new(kind: &str, data: Value) -> Self {
        let data = match data {
            Value::Object(data) => data,
            _ => Map::new(),
        };
        Self { kind: kind.into(), data, payload: Vec::new() }
    }

    /// A text of the data.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name)?.as_str()
    }

    /// The texts of a list of the data.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.data
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.data.get(name)?.as_u64()
    }

    /// The bytes on the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = json!({ "type": self.kind, "version": VERSION });
        let data = match self.data.is_empty() {
            true => Vec::new(),
            false => Value::Object(self.data.clone()).to_string().into_bytes(),
        };
        if !data.is_empty() {
            head["data_length"] = data.len().into();
        }
        if !self.payload.is_empty() {
            head["payload_length"] = self.payload.len().into();
        }
        [head.to_string().as_bytes(), b"\n", &data, &self.payload].concat()
    }
}

/// What was wrong with what came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The connection has ended.
    Gone,
    /// It speaks something else, or too much of it.
    Wrong(String),
}

/// What the line of an event says.
#[derive(Debug, PartialEq)]
pub(crate) struct Head {
    kind: String,
    data: Map<String, Value>,
    data_bytes: usize,
    payload_bytes: usize,
}

impl Head {
    /// Of a line; data and payload have at most so many bytes together.
    pub(crate) fn of(line: &[u8], most: usize) -> Result<Self, String> {
        let head: Value = serde_json::from_slice(line)
            .map_err(|error| format!("an event begins with a line of JSON: {error}"))?;
        let Value::Object(mut head) = head else {
            return Err("the line of an event is a JSON object".into());
        };
        let Some(Value::String(kind)) = head.remove("type") else {
            return Err("the line of an event has a type".into());
        };
        let data = match head.remove("data") {
            Some(Value::Object(data)) => data,
            Some(Value::Null) | None => Map::new(),
            Some(_) => return Err("data must be an object".into()),
        };
        let length = |name: &str| match head.get(name) {
            None | Some(Value::Null) => Ok(0),
            Some(value) => {
                let length = value.as_u64().and_then(|length| usize::try_from(length).ok());
                length
                    .filter(|length| *length <= most)
                    .ok_or_else(|| format!("{name}: 0 to {most}"))
            }
        };
        let (data_bytes, payload_bytes) = (length("data_length")?, length("payload_length")?);
        Ok(Self { kind, data, data_bytes, payload_bytes })
    }
}

/// Reads one event.
pub(crate) async fn read(stream: &mut BufReader<TcpStream>, most: usize) -> Result<Event, Broken> {
    let gone = |_| Broken::Gone;
    let mut line = Vec::new();
    let read = (&mut *stream).take(LINE).read_until(b'\n', &mut line).await.map_err(gone)?;
    if read == 0 {
        return Err(Broken::Gone);
    }
    let Head { kind, mut data, data_bytes, payload_bytes } =
        Head::of(&line, most).map_err(Broken::Wrong)?;
    if data_bytes > 0 {
        let mut bytes = vec![0; data_bytes];
        stream.read_exact(&mut bytes).await.map_err(gone)?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(more)) => data.extend(more),
            _ => return Err(Broken::Wrong("data must be a JSON object".into())),
        }
    }
    let mut payload = vec![0; payload_bytes];
    stream.read_exact(&mut payload).await.map_err(gone)?;
    Ok(Event { kind, data, payload })
}

/// Writes one event.
pub(crate) async fn write(stream: &mut BufReader<TcpStream>, event: &Event) -> std::io::Result<()> {
    stream.write_all(&event.bytes()).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_what_follows() {
        let most = 1000;
        let fine = Head::of(br#"{"type": "audio-chunk", "data": {"rate": 16000}, "data_length": 3, "payload_length": 1000}"#, most).unwrap();
        assert_eq!((&fine.kind[..], fine.data_bytes, fine.payload_bytes), ("audio-chunk", 3, 1000));
        assert_eq!(fine.data["rate"], 16000);
        for (line, part) in [
            ("", "JSON"),
            ("{}", "type"),
            ("[]", "object"),
            (r#"{"type": 3}"#, "type"),
            (r#"{"type": "a", "data": 3}"#, "object"),
            (r#"{"type": "a", "data_length": -1}"#, "data_length"),
            (r#"{"type": "a", "payload_length": 1001}"#, "payload_length"),
            (r#"{"type": "a", "payload_length": 1e99}"#, "payload_length"),
            (r#"{"type": "a", "payload_length": "9"}"#, "payload_length"),
        ] {
            let problem = Head::of(line.as_bytes(), most).unwrap_err();
            assert!(problem.contains(part), "{line}: {problem}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut event = Event::new("transcript", json!({ "text": "caf\u{e9}" }));
        event.payload = vec![1, 2, 3];
        let bytes = event.bytes();
        let end = bytes.iter().position(|b| *b == b'\n').unwrap();
        let head = Head::of(&bytes[..end], 100).unwrap();
        let (data, payload) = bytes[end + 1..].split_at(head.data_bytes);
        assert_eq!((head.kind.as_str(), payload), ("transcript", &[1, 2, 3][..]));
        assert_eq!(serde_json::from_slice::<Value>(data).unwrap()["text"], "caf\u{e9}");
        assert_eq!(
            Event::new("ping", Value::Null).bytes(),
            b"{\"type\":\"ping\",\"version\":\"1.10.2\"}\n"
        );
    }
}
