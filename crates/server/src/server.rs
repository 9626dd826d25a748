//! A server that runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::app::App;
use crate::config::{Config, Notice};
use crate::{Error, http, listener, wyoming};

/// Threads for sockets: they only pass messages on.
const SOCKET_THREADS: usize = 2;
/// How long sessions have to say good-bye once they are stopped.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// A server with its threads. Dropping it ends all sessions at once.
pub struct Server {
    app: Arc<App>,
    runtime: Runtime,
    address: SocketAddr,
    wyoming: Option<SocketAddr>,
}

impl Server {
    /// Loads the models, listens and serves.
    ///
    /// # Errors
    /// A public address without what makes it safe, models that cannot be loaded or do not take the settings, an address that
    /// cannot be listened on.
    pub fn start(config: Config) -> Result<Self, Error> {
        config.check()?;
        let (wanted, wanted_wyoming) = (config.address, config.wyoming);
        let app = Arc::new(App::new(config)?);
        let runtime = Builder::new_multi_thread()
            .worker_threads(SOCKET_THREADS)
            .thread_name("sockets")
            .enable_all()
            .build()
            .map_err(Error::Threads)?;
        let failed = |source| Error::Listen { address: wanted, source };
        let listener = runtime.block_on(TcpListener::bind(wanted)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let router = http::router(Arc::clone(&app));
        runtime.spawn(listener::run(Arc::clone(&app), listener, router));
        let mut wyoming = None;
        if let Some(wanted) = wanted_wyoming {
            let failed = |source| Error::Listen { address: wanted, source };
            let listener = runtime.block_on(TcpListener::bind(wanted)).map_err(failed)?;
            wyoming = Some(listener.local_addr().map_err(failed)?);
            runtime.spawn(wyoming::run(Arc::clone(&app), listener));
        }
        Ok(Self { app, runtime, address, wyoming })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for Wyoming, if it does.
    pub fn wyoming_address(&self) -> Option<SocketAddr> {
        self.wyoming
    }

    /// Reads the models and the certificate again. Sessions that are open keep the ones that they have; if a model cannot be loaded, all stay as they
    /// were. What happened is told as a [`Notice`].
    pub fn reload(&self) {
        match self.app.reload() {
            Ok(()) => self.app.tell(&Notice::Reloaded),
            Err(error) => self.app.tell(&Notice::NotReloaded(error.to_string())),
        }
    }

    /// Begins to end: it is not ready any more and takes no new sessions, those on sockets get their last result, files are
    /// heard to their end. [`wait`](Self::wait) returns when they all have ended, after [`Limits::drain`](crate::Limits::drain) at
    /// the latest.
    pub fn drain(&self) {
        self.app.sessions.draining.cancel();
    }

    /// Waits until the server has been told to [`drain`](Self::drain), by another thread, and has done so.
    pub fn wait(&self) {
        let sessions = &self.app.sessions;
        self.runtime.block_on(async {
            sessions.draining.cancelled().await;
            sessions.tracker.close();
            let all = sessions.tracker.wait();
            if tokio::time::timeout(self.app.limits.drain, all).await.is_err() {
                sessions.stopped.cancel();
            }
            // Answers that were written are still on their way through tasks of their own.
            tokio::time::sleep(LAST_MOMENT).await;
            sessions.stopped.cancel();
        });
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}
