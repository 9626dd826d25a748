//! How many sessions there may be, and how they end together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::metrics::Metrics;

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Draining,
}

impl Refused {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Full => "too many sessions at a time: try again later",
            Self::Draining => "the server is ending: try again, another one will answer",
        }
    }
}

/// Places for sessions.
pub(crate) struct Sessions {
    places: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    /// From now on no sessions begin, and those that are there end as soon as their protocol allows.
    pub(crate) draining: CancellationToken,
    /// Those that are there end now.
    pub(crate) stopped: CancellationToken,
    pub(crate) tracker: TaskTracker,
}

impl Sessions {
    pub(crate) fn new(most: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            metrics,
            draining: CancellationToken::new(),
            stopped: CancellationToken::new(),
            tracker: TaskTracker::new(),
        }
    }

    pub(crate) fn admit(&self, protocol: &'static str) -> Result<Seat, Refused> {
        let refuse = |reason, refused| {
            self.metrics.refused(reason);
            Err(refused)
        };
        if self.draining.is_cancelled() {
            return refuse("draining", Refused::Draining);
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return refuse("full", Refused::Full);
        };
        self.metrics.opened(protocol);
        let metrics = Arc::clone(&self.metrics);
        Ok(Seat { protocol, metrics, _place: place, _token: self.tracker.token() })
    }
}

/// A place; it is free again when this is dropped.
pub(crate) struct Seat {
    protocol: &'static str,
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
    _token: TaskTrackerToken,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.metrics.closed(self.protocol);
    }
}
