//! Who may come in: `Authorization: Bearer KEY`, or a WebSocket subprotocol where a browser can set no headers.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Error;
use crate::app::App;
use crate::openai::ApiError;

/// What OpenAI's clients in browsers put before the key.
const SUBPROTOCOL: &str = "openai-insecure-api-key.";

/// Keys that open the server.
#[derive(Clone, Default)]
pub struct Keys(Vec<String>);

impl Keys {
    /// The keys of a text, one a line; empty lines and lines that begin with # are skipped.
    ///
    /// # Errors
    /// [`Error::Keys`] where there is none, and for one that no header can hold.
    pub fn of_text(text: &str) -> Result<Self, Error> {
        let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
        let lines: Vec<_> =
            lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
        if lines.is_empty() {
            return Err(Error::Keys("there is no key: write one a line".into()));
        }
        for (n, line) in &lines {
            let fits = |b: u8| b.is_ascii_graphic() && !matches!(b, b',' | b';' | b'"');
            if !line.bytes().all(fits) {
                let problem = "a key is made of ASCII letters, digits and signs, without spaces, commas, semicolons and quotes";
                return Err(Error::Keys(format!("line {n}: {problem}")));
            }
        }
        Ok(Self(lines.into_iter().map(|(_, line)| line.to_string()).collect()))
    }

    /// Whether everybody may come in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one of them; how long that takes does not tell how much of a key is right.
    fn contains(&self, offered: &str) -> bool {
        let same = |key: &String| {
            let differing = key.bytes().zip(offered.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
            key.len() == offered.len() && differing == 0
        };
        self.0.iter().fold(false, |found, key| found | same(key))
    }

    /// Whether a request has one.
    fn open(&self, headers: &HeaderMap) -> bool {
        if self.is_empty() {
            return true;
        }
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
            let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
        let mut offered = bearer.into_iter().chain(subprotocols(headers).filter_map(key_of));
        offered.any(|key| self.contains(key))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

fn key_of(subprotocol: &str) -> Option<&str> {
    subprotocol.strip_prefix(SUBPROTOCOL)
}

fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).map(str::trim)
}

/// The subprotocol to agree on: browsers give up where none of those that they offered is chosen. A key is chosen only where nothing
/// else was offered.
pub(crate) fn subprotocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let first =
        |key: bool| subprotocols(headers).find(|p| !p.is_empty() && key_of(p).is_some() == key);
    HeaderValue::from_str(first(false).or_else(|| first(true))?).ok()
}

/// Lets a request pass that has a key.
pub(crate) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if app.keys.open(request.headers()) {
        return next.run(request).await;
    }
    app.metrics.refused("key");
    ApiError::unauthorized().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_lines() {
        let keys = Keys::of_text("# ours\n\n first \nsecond-2\n").unwrap();
        for (header, value, opens) in [
            ("authorization", "Bearer first", true),
            ("authorization", "bearer second-2", true),
            ("authorization", "Bearer firs", false),
            ("authorization", "Bearer firstt", false),
            ("authorization", "Basic first", false),
            ("authorization", "first", false),
            ("sec-websocket-protocol", "realtime, openai-insecure-api-key.first", true),
            ("sec-websocket-protocol", "realtime, first", false),
            ("x-key", "first", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header, HeaderValue::from_static(value));
            assert_eq!(keys.open(&headers), opens, "{header}: {value}");
            assert!(Keys::default().open(&headers), "no keys, no door");
        }
        for (text, part) in
            [("", "no key"), ("# one", "no key"), ("a\nb c\n", "line 2"), ("é", "line 1")]
        {
            let error = Keys::of_text(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_key_is_not_what_is_agreed_on() {
        for (offered, chosen) in [
            ("realtime, openai-insecure-api-key.k", Some("realtime")),
            ("openai-insecure-api-key.k, stonechat", Some("stonechat")),
            ("openai-insecure-api-key.k", Some("openai-insecure-api-key.k")),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offered));
            let found = subprotocol(&headers);
            assert_eq!(found.as_ref().map(|v| v.to_str().unwrap()), chosen, "{offered}");
        }
        assert_eq!(subprotocol(&HeaderMap::new()), None);
    }
}
