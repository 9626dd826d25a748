//! Which address means what.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Router, middleware};

use crate::app::App;
use crate::openai::{self, ApiError};
use crate::{keys, realtime, socket, vosk};

/// What a person sees who looks with a browser.
const HELLO: &str = concat!(
    "Stonechat ",
    env!("CARGO_PKG_VERSION"),
    "\n\nWebSocket /                     Vosk's protocol\n\
     POST /v1/audio/transcriptions   OpenAI's transcription\n\
     WebSocket /v1/realtime          OpenAI Realtime, transcription\n\
     GET /v1/models                  the models\n\
     GET /healthz, /readyz, /metrics\n",
);

pub(crate) fn router(app: Arc<App>) -> Router {
    // The form around a file is small.
    let most = app.limits.upload_bytes.saturating_add(1 << 20);
    let guarded = Router::new()
        .route("/", any(root))
        .route("/v1/audio/transcriptions", post(openai::transcriptions))
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{name}", get(openai::model))
        .route("/v1/realtime", any(realtime))
        .route("/metrics", get(metrics))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&app), keys::check))
        .layer(DefaultBodyLimit::max(most));
    Router::new()
        .merge(guarded)
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .fallback(unknown)
        .with_state(app)
}

/// Vosk's clients know no paths.
async fn root(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match request {
        Ok(request) => {
            let shared = Arc::clone(&app);
            socket::upgrade(app, request, &headers, "vosk", |socket, seat| {
                vosk::serve(shared, socket, seat)
            })
        }
        Err(_) if !headers.contains_key(header::UPGRADE) => HELLO.into_response(),
        Err(rejection) => rejection.into_response(),
    }
}

/// What the query asks for besides transcription is not had here, and the first event says so.
async fn realtime(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: WebSocketUpgrade,
) -> Response {
    let shared = Arc::clone(&app);
    socket::upgrade(app, request, &headers, "realtime", |socket, seat| {
        realtime::serve(shared, socket, seat)
    })
}

/// Whether new sessions are taken.
async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.sessions.draining.is_cancelled() {
        false => "ready\n".into_response(),
        true => (StatusCode::SERVICE_UNAVAILABLE, "ending\n").into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], app.metrics.text()).into_response()
}

async fn unknown(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(100).collect();
    ApiError::not_found(format!("there is nothing at {path}")).into_response()
}
