//! What all handlers share.

use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;

use crate::config::{Config, Limits, Notice};
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::pool::{Panicked, Pool, Work};
use crate::sessions::Sessions;
use crate::tls::Tls;

pub(crate) struct App {
    pub(crate) models: Models,
    pub(crate) limits: Limits,
    pub(crate) keys: Keys,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sessions: Sessions,
    pub(crate) pool: Arc<Pool>,
    tls: Option<Tls>,
    acceptor: RwLock<Option<TlsAcceptor>>,
    notice: Arc<dyn Fn(&Notice) + Send + Sync>,
}

impl App {
    pub(crate) fn new(config: Config) -> Result<Self, crate::Error> {
        let metrics = Arc::new(Metrics::new());
        let models = Models::load(config.models, config.settings)?;
        metrics.loaded(models.list().len());
        let pool =
            Pool::new(config.threads, Arc::clone(&metrics)).map_err(crate::Error::Threads)?;
        let acceptor = config.tls.as_ref().map(Tls::acceptor).transpose()?;
        Ok(Self {
            models,
            tls: config.tls,
            acceptor: RwLock::new(acceptor),
            sessions: Sessions::new(config.limits.sessions, Arc::clone(&metrics)),
            limits: config.limits,
            keys: config.keys,
            pool: Arc::new(pool),
            metrics,
            notice: config.notice,
        })
    }

    pub(crate) fn tell(&self, notice: &Notice) {
        (self.notice)(notice);
    }

    /// Reads models and certificate again; what is wrong leaves all as it was.
    pub(crate) fn reload(&self) -> Result<(), crate::Error> {
        let acceptor = self.tls.as_ref().map(Tls::acceptor).transpose()?;
        self.models.reload()?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    /// What encrypts a connection, if anything does.
    pub(crate) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts and tells a panic, and passes it on.
    pub(crate) fn lost(&self, doing: &'static str) -> impl FnOnce(Panicked) -> Panicked + '_ {
        move |panicked| {
            self.metrics.panicked();
            self.tell(&Notice::Panic { doing });
            panicked
        }
    }

    /// Something for the threads to work on.
    pub(crate) fn work<S: Send + 'static>(&self, state: S) -> Work<S> {
        Work::new(Arc::clone(&self.pool), state)
    }
}
