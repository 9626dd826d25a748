//! Connections: taken one by one, each with a limit on how long it may take to ask for something.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::app::App;
use crate::config::Notice;

/// How long the head of a request may take, and how long a connection may wait for another.
const HEAD: Duration = Duration::from_secs(15);
/// Connections beside those of sessions: requests for health, metrics, models, and those that are refused.
const MORE: usize = 128;
/// How long to wait where the system has no more connections to give.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until sessions are stopped.
pub(crate) async fn run(app: Arc<App>, listener: TcpListener, router: Router) {
    let stopped = app.sessions.stopped.clone();
    let most = app.limits.sessions.saturating_add(MORE).min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(most));
    let taking = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let served = encrypted(app.acceptor(), stream, router.clone());
                    let stopped = stopped.clone();
                    tokio::spawn(async move {
                        stopped.run_until_cancelled_owned(served).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    app.tell(&Notice::Accept(error.to_string()));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    stopped.run_until_cancelled(taking).await;
}

async fn encrypted(acceptor: Option<TlsAcceptor>, stream: TcpStream, router: Router) {
    // Answers are small and each is waited for.
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => serve(stream, router).await,
        Some(acceptor) => {
            // Who speaks no TLS, or too slowly, is not served.
            if let Ok(Ok(stream)) = timeout(HEAD, acceptor.accept(stream)).await {
                serve(stream, router).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10);
    let served = http
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    // A client that breaks off is no news.
    let _ = served.await;
}
