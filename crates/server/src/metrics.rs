//! What is counted, in the text format of Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

type Seconds = Counter<f64, AtomicU64>;
/// One label with its name.
type Label = [(&'static str, &'static str); 1];

/// Counters since the start.
pub(crate) struct Metrics {
    registry: Registry,
    /// What every program has, by the names that all of them use.
    process: Registry,
    memory: Gauge,
    sessions: Family<Label, Gauge>,
    opened: Family<Label, Counter>,
    refused: Family<Label, Counter>,
    audio: Seconds,
    work: Seconds,
    waits: Histogram,
    lags: Histogram,
    panics: Counter,
    models: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let times = || Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let mut metrics = Self {
            registry: Registry::with_prefix("stonechat"),
            process: Registry::default(),
            memory: Gauge::default(),
            sessions: Family::default(),
            opened: Family::default(),
            refused: Family::default(),
            audio: Seconds::default(),
            work: Seconds::default(),
            waits: times(),
            lags: times(),
            panics: Counter::default(),
            models: Gauge::default(),
        };
        if resident_bytes().is_some() {
            let help = "Resident memory";
            let memory = metrics.memory.clone();
            metrics.process.register_with_unit(
                "process_resident_memory",
                help,
                Unit::Bytes,
                memory,
            );
        }
        let registry = &mut metrics.registry;
        registry.register("sessions", "Sessions that are open", metrics.sessions.clone());
        registry.register("sessions_opened", "Sessions since the start", metrics.opened.clone());
        registry.register(
            "refused",
            "Requests that were refused, and why",
            metrics.refused.clone(),
        );
        registry.register_with_unit(
            "audio",
            "Audio recognised",
            Unit::Seconds,
            metrics.audio.clone(),
        );
        registry.register_with_unit(
            "work",
            "Time that threads worked; divided by that of audio it is the real-time factor",
            Unit::Seconds,
            metrics.work.clone(),
        );
        registry.register_with_unit(
            "wait",
            "How long pieces of work waited for a thread",
            Unit::Seconds,
            metrics.waits.clone(),
        );
        registry.register_with_unit(
            "lag",
            "From a message with audio to its answer",
            Unit::Seconds,
            metrics.lags.clone(),
        );
        registry.register("panics", "Sessions that met a bug", metrics.panics.clone());
        registry.register("models", "Models that are loaded", metrics.models.clone());
        metrics
    }

    pub(crate) fn opened(&self, protocol: &'static str) {
        self.opened.get_or_create(&[("protocol", protocol)]).inc();
        self.sessions.get_or_create(&[("protocol", protocol)]).inc();
    }

    pub(crate) fn closed(&self, protocol: &'static str) {
        self.sessions.get_or_create(&[("protocol", protocol)]).dec();
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// A piece of work that waited and was done.
    pub(crate) fn worked(&self, waited: Duration, worked: Duration) {
        self.waits.observe(waited.as_secs_f64());
        self.work.inc_by(worked.as_secs_f64());
    }

    pub(crate) fn heard(&self, seconds: f64) {
        self.audio.inc_by(seconds);
    }

    pub(crate) fn answered(&self, after: Duration) {
        self.lags.observe(after.as_secs_f64());
    }

    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }

    pub(crate) fn loaded(&self, models: usize) {
        self.models.set(i64::try_from(models).unwrap_or(i64::MAX));
    }

    /// All of them as text.
    pub(crate) fn text(&self) -> String {
        if let Some(bytes) = resident_bytes() {
            self.memory.set(bytes);
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode_registry(&mut text, &self.process)
            .and_then(|()| encode_registry(&mut text, &self.registry))
            .and_then(|()| encode_eof(&mut text));
        text
    }
}

/// Memory of this process, where the system tells it.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::new();
        metrics.opened("vosk");
        metrics.opened("vosk");
        metrics.closed("vosk");
        metrics.refused("full");
        metrics.heard(1.5);
        metrics.worked(Duration::from_millis(3), Duration::from_millis(250));
        metrics.answered(Duration::from_millis(3));
        let text = metrics.text();
        for line in [
            "stonechat_sessions{protocol=\"vosk\"} 1",
            "stonechat_sessions_opened_total{protocol=\"vosk\"} 2",
            "stonechat_refused_total{reason=\"full\"} 1",
            "stonechat_audio_seconds_total 1.5",
            "stonechat_work_seconds_total 0.25",
            "stonechat_wait_seconds_bucket{le=\"0.004\"} 1",
            "stonechat_lag_seconds_count 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
