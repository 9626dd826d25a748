//! How requests go out: one call of a blocking client each, so that nothing here needs threads or an event loop of its own.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

/// A server that says nothing for so long is asked again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Answers that are longer are no blocks.
const MOST_BYTES: u64 = 64 << 20;

/// The blocking client under the store's retries and signatures.
#[derive(Clone, Debug)]
pub(super) struct Client(ureq::Agent);

impl Client {
    pub(super) fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .max_idle_connections_per_host(16)
            .accept_encoding("identity")
            .build();
        Self(config.new_agent())
    }

    fn run(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let in_part = request.headers().contains_key("range");
        let (head, body) = request.into_parts();
        let body = body.as_bytes().map(|bytes| bytes.to_vec()).unwrap_or_default();
        let response = match body.is_empty() {
            true => self.0.run(ureq::http::Request::from_parts(head, ())),
            false => self.0.run(ureq::http::Request::from_parts(head, body)),
        };
        let (head, body) = response.map_err(failure)?.into_parts();
        // A server that hands out the whole of what a part was asked of: the store says so, without a byte of it.
        let whole = in_part && head.status.as_u16() == 200;
        let bytes = match whole {
            true => Vec::new(),
            false => body.into_with_config().limit(MOST_BYTES).read_to_vec().map_err(failure)?,
        };
        Ok(HttpResponse::from_parts(head, Bytes::from(bytes).into()))
    }
}

impl HttpConnector for Client {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.run(request)
    }
}

/// Which failures pass by themselves is for the store to know by their kinds.
fn failure(error: ureq::Error) -> HttpError {
    let kind = match &error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => HttpErrorKind::Connect,
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            HttpErrorKind::Connect
        }
        // Whatever a connection was in the middle of: all that is asked here can be asked again.
        ureq::Error::Io(_) | ureq::Error::Protocol(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
