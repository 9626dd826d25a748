//! A WebSocket with the limits of a session.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::time::{Instant, timeout, timeout_at};

use crate::app::App;
use crate::keys;
use crate::sessions::Seat;

/// Codes of RFC 6455, section 7.4.1, and of its registry.
pub(crate) mod code {
    pub(crate) const NORMAL: u16 = 1000;
    pub(crate) const AWAY: u16 = 1001;
    pub(crate) const POLICY: u16 = 1008;
    pub(crate) const TOO_BIG: u16 = 1009;
    pub(crate) const BUG: u16 = 1011;
    pub(crate) const LATER: u16 = 1013;
}

/// What came.
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    Binary(axum::body::Bytes),
    /// The client has closed, or is not there any more.
    Gone,
    /// The session must end, and why.
    End(u16, &'static str),
}

/// A socket of a session.
pub(crate) struct Socket {
    inner: WebSocket,
    app: Arc<App>,
    ends: Instant,
}

/// Answers a request for a socket; `serve` has it from then on. Without a place the socket is closed at once, since browsers cannot see
/// the status of a refused one.
pub(crate) fn upgrade<F>(
    app: Arc<App>,
    mut request: WebSocketUpgrade,
    headers: &HeaderMap,
    protocol: &'static str,
    serve: impl FnOnce(Socket, Seat) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send,
{
    if let Some(chosen) = keys::subprotocol(headers) {
        request.set_selected_protocol(chosen);
    }
    let most = app.limits.message_bytes;
    // The usual buffers of 128 kB are for larger messages than these.
    let request = request.max_message_size(most).max_frame_size(most).read_buffer_size(16 << 10);
    request.write_buffer_size(0).on_upgrade(async move |inner| {
        let stopped = app.sessions.stopped.clone();
        let ends = Instant::now() + app.limits.session;
        let mut socket = Socket { inner, app: Arc::clone(&app), ends };
        match app.sessions.admit(protocol) {
            Ok(seat) => {
                let _ = stopped.run_until_cancelled(serve(socket, seat)).await;
            }
            Err(refused) => socket.close(code::LATER, refused.message()).await,
        }
    })
}

impl Socket {
    /// The next message with something in it.
    pub(crate) async fn next(&mut self) -> Incoming {
        let draining = self.app.sessions.draining.clone();
        loop {
            let now = Instant::now();
            if now >= self.ends {
                return Incoming::End(code::POLICY, "the session is as long as sessions may be");
            }
            let until = self.ends.min(now + self.app.limits.idle);
            let received = tokio::select! {
                received = timeout_at(until, self.inner.recv()) => received,
                () = draining.cancelled() => return Incoming::End(code::AWAY, "the server is ending"),
            };
            match received {
                Err(_) if Instant::now() >= self.ends => {}
                Err(_) => return Incoming::End(code::POLICY, "nothing was said for too long"),
                Ok(Some(Ok(Message::Text(text)))) => return Incoming::Text(text),
                Ok(Some(Ok(Message::Binary(bytes)))) => return Incoming::Binary(bytes),
                // Answered by the library; they show that somebody is there.
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                Ok(Some(Err(error))) if error.to_string().contains("too long") => {
                    return Incoming::End(
                        code::TOO_BIG,
                        "the message is larger than messages may be",
                    );
                }
                Ok(None | Some(Ok(Message::Close(_)) | Err(_))) => return Incoming::Gone,
            }
        }
    }

    /// Sends a text; false if the client is gone or does not take it.
    pub(crate) async fn send(&mut self, text: String) -> bool {
        let sent = timeout(self.app.limits.idle, self.inner.send(Message::Text(text.into()))).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Closes it, and waits for a moment for the client's consent: what was sent is lost if a connection is cut with bytes unread.
    pub(crate) async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        let patience = Duration::from_secs(2).min(self.app.limits.idle);
        let closing = async {
            if self.inner.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.inner.recv().await {}
            }
        };
        let _ = timeout(patience, closing).await;
    }
}
