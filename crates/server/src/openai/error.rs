//! Errors as OpenAI's clients read them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::json_response;
use crate::pool::Panicked;
use crate::sessions::Refused;

/// `{"error": {"message", "type", "param", "code"}}` with a status.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) kind: &'static str,
    pub(crate) param: Option<String>,
    pub(crate) code: Option<&'static str>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), kind, param: None, code: None }
    }

    /// The request is wrong; `param` is the field.
    pub(crate) fn invalid(param: Option<&str>, message: impl Into<String>) -> Self {
        let message = match param {
            Some(param) => format!("{param}: {}", message.into()),
            None => message.into(),
        };
        let error = Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message);
        Self { param: param.map(Into::into), ..error }
    }

    pub(crate) fn with_param(self, param: &str) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
    }

    pub(crate) fn too_slow() -> Self {
        let message = "nothing came for too long";
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", message)
    }

    pub(crate) fn no_model(message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message);
        Self { param: Some("model".into()), code: Some("model_not_found"), ..error }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
    }

    pub(crate) fn unauthorized() -> Self {
        let message = "a key is needed: Authorization: Bearer KEY";
        let error = Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message);
        Self { code: Some("invalid_api_key"), ..error }
    }

    pub(crate) fn refused(refused: Refused) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", refused.message())
    }

    /// The server's own trouble.
    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    /// What the library says of settings that do not go together.
    pub(crate) fn of_setting(error: stonechat::Error) -> Self {
        match error {
            stonechat::Error::Setting { name, problem } => Self::invalid(Some(&name), problem),
            error => Self::invalid(None, error.to_string()),
        }
    }

    fn value(&self) -> Value {
        json!({
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        })
    }

    /// In the middle of events.
    pub(crate) fn event(&self) -> Value {
        json!({ "type": "error", "error": self.value() })
    }
}

impl From<Panicked> for ApiError {
    fn from(_: Panicked) -> Self {
        Self::server("the request met a bug of the server")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = json_response(self.status, &json!({ "error": self.value() }));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
