//! OpenAI's HTTP interface: `/v1/audio/transcriptions` and `/v1/models`.

mod answer;
mod error;
mod form;
mod recording;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

pub(crate) use error::ApiError;
use form::{Form, Format};
use recording::{Heard, Recording};

use crate::app::App;
use crate::models::Served;
use crate::pool::Work;
use crate::sessions::Seat;

/// Bytes of a form besides its file.
const FORM_BYTES: usize = 1 << 20;

/// The models that there are.
pub(crate) async fn models(State(app): State<Arc<App>>) -> Response {
    let list: Vec<Value> = app.models.list().iter().map(|model| described(model)).collect();
    json_response(StatusCode::OK, &json!({ "object": "list", "data": list }))
}

/// One of them, by its own name.
pub(crate) async fn model(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    match app.models.list().iter().find(|model| model.name == name) {
        Some(model) => json_response(StatusCode::OK, &described(model)),
        None => ApiError::no_model(format!("there is no model {name:?}")).into_response(),
    }
}

fn described(model: &Served) -> Value {
    json!({ "id": model.name, "object": "model", "created": model.since, "owned_by": "stonechat" })
}

pub(crate) fn json_response(status: StatusCode, value: &Value) -> Response {
    let body = Body::from(value.to_string());
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// A recording to text.
pub(crate) async fn transcriptions(State(app): State<Arc<App>>, request: Request) -> Response {
    let transcribed = async {
        let seat = app.sessions.admit("openai").map_err(ApiError::refused)?;
        let form = Multipart::from_request(request, &())
            .await
            .map_err(|error| ApiError::invalid(None, format!("not a form: {error}")))?;
        let form = Form::read(form, &app).await?;
        transcribe(Arc::clone(&app), seat, form).await
    };
    let stopped = app.sessions.stopped.clone();
    match stopped.run_until_cancelled(transcribed).await {
        Some(Ok(response)) => response,
        Some(Err(error)) => error.into_response(),
        None => ApiError::refused(crate::sessions::Refused::Draining).into_response(),
    }
}

async fn transcribe(app: Arc<App>, seat: Seat, mut form: Form) -> Result<Response, ApiError> {
    let file = form.file.take().ok_or_else(|| ApiError::invalid(Some("file"), "is missing"))?;
    let (model, settings) = (Arc::clone(&form.model), form.settings());
    app.limits.check(&settings, &model.base).map_err(|problem| ApiError::invalid(None, problem))?;
    let deadline = app.limits.session.as_secs_f64();
    let opened = app.pool.run(move || {
        let recognizer = model.recognizer(&settings).map_err(ApiError::of_setting)?;
        Recording::open(&recognizer, file, deadline)
    });
    let opened = opened.await.map_err(app.lost("opening a recording"))??;
    let mut work = app.work(opened);
    if form.stream {
        // The first piece shows whether it is audio, while a status can still be told.
        let first = advance(&app, &mut work).await?;
        return Ok(streamed(app, seat, work, first, form));
    }
    loop {
        if advance(&app, &mut work).await?.ended {
            break;
        }
    }
    let format = form.format;
    let text = work.run(move |recording| answer::render(&form, recording));
    let text = text.await.map_err(app.lost("writing a transcript"))?;
    drop(seat);
    let kind = match format {
        Format::Json | Format::Verbose => "application/json",
        Format::Text | Format::Srt | Format::Vtt => "text/plain; charset=utf-8",
    };
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response())
}

/// One piece of the recording.
async fn advance(app: &App, work: &mut Work<Recording>) -> Result<Heard, ApiError> {
    let heard = work.run(Recording::advance).await;
    let heard = heard.map_err(app.lost("hearing a recording"))??;
    app.metrics.heard(heard.seconds);
    Ok(heard)
}

/// Text as it becomes certain, as server-sent events: what was told is never taken back.
fn streamed(
    app: Arc<App>,
    seat: Seat,
    mut work: Work<Recording>,
    first: Heard,
    form: Form,
) -> Response {
    let (send, receive) = mpsc::channel::<Value>(4);
    let stopped = app.sessions.stopped.clone();
    let told = async move {
        let _seat = seat;
        let idle = app.limits.idle;
        let mut heard = Ok(first);
        loop {
            let (events, ended) = match heard {
                Ok(heard) => {
                    let delta = heard.delta;
                    let delta = (!delta.is_empty()).then(|| answer::delta(&delta));
                    let done = match heard.ended {
                        true => work.run(|recording| answer::done(recording)).await.ok(),
                        false => None,
                    };
                    (delta.into_iter().chain(done).collect(), heard.ended)
                }
                Err(error) => (vec![ApiError::event(&error)], true),
            };
            for event in events {
                // A client that takes nothing for too long is gone.
                if send.send_timeout(event, idle).await.is_err() {
                    return;
                }
            }
            if ended {
                return;
            }
            heard = advance(&app, &mut work).await;
        }
    };
    tokio::spawn(async move { stopped.run_until_cancelled_owned(told).await });
    drop(form);
    let events = stream::unfold(receive, async |mut receive| {
        let value = receive.recv().await?;
        Some((Ok::<_, Infallible>(Event::default().data(value.to_string())), receive))
    });
    Sse::new(Box::pin(events)).into_response()
}
