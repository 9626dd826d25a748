//! A microphone as mono samples at the model's rate: at the device's own rate and channels, opened again when it dies, until Ctrl-C.

mod device;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use stonechat_audio::{Resampler, SignalRepair, Warning, WarningKind};

use device::Opened;
pub use device::{Listed, list};

use crate::{interrupt, output};

/// How long is waited for samples before looking again.
const PAUSE: Duration = Duration::from_millis(10);
/// A device that has not called for so long is dead, whatever it says.
const DEAD_AFTER: Duration = Duration::from_secs(1);
/// How often it is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// Silence that is heard where the device went, seconds: what was said before then ends.
const SILENCE_S: u32 = 2;

/// One microphone, whatever becomes of the device.
pub struct Microphone {
    wanted: Option<String>,
    model_hz: u32,
    /// None while it is gone.
    running: Option<Running>,
    gone_since: Option<Instant>,
    next_try: Instant,
    /// The loudest sample since it was last asked for.
    peak: f32,
    lost_s: f64,
    gone_s: f64,
    overruns: u64,
    warnings: Vec<Warning>,
    ended: bool,
}

struct Running {
    device: Opened,
    repair: SignalRepair,
    resampler: Resampler,
    raw: Vec<f32>,
    mono: Vec<f32>,
    calls: u64,
    last_call: Instant,
}

impl Running {
    fn new(wanted: Option<&str>, model_hz: u32) -> Result<Self> {
        let device = Opened::new(wanted)?;
        Ok(Self {
            repair: SignalRepair::live(device.rate_hz, device.channels),
            resampler: Resampler::new(device.rate_hz, model_hz)?,
            device,
            raw: Vec::new(),
            mono: Vec::new(),
            calls: 0,
            last_call: Instant::now(),
        })
    }

    /// Appends what has come, at the model's rate; with `last` all of it.
    fn hear(&mut self, out: &mut Vec<f32>, last: bool) -> Result<()> {
        self.raw.clear();
        self.mono.clear();
        self.device.take(&mut self.raw);
        self.repair.push(&self.raw, &mut self.mono);
        if last {
            self.repair.finish(&mut self.mono);
        }
        self.resampler.push(&self.mono, out)?;
        if last {
            self.resampler.finish(out)?;
        }
        Ok(())
    }

    fn is_dead(&mut self) -> bool {
        let calls = self.device.signals.calls.load(Ordering::Relaxed);
        if calls != self.calls {
            (self.calls, self.last_call) = (calls, Instant::now());
        }
        self.device.signals.dead.load(Ordering::Relaxed) || self.last_call.elapsed() > DEAD_AFTER
    }
}

impl Microphone {
    /// Opens the microphone of a name, or the system's own. From here on Ctrl-C only asks for the end.
    pub fn open(wanted: Option<&str>, model_hz: u32) -> Result<Self> {
        let running = Running::new(wanted, model_hz)?;
        interrupt::catch(|| {})?;
        let mut microphone = Self {
            wanted: wanted.map(str::to_string),
            model_hz,
            running: None,
            gone_since: None,
            next_try: Instant::now(),
            peak: 0.0,
            lost_s: 0.0,
            gone_s: 0.0,
            overruns: 0,
            warnings: Vec::new(),
            ended: false,
        };
        microphone.tell(&running, "listening");
        microphone.running = Some(running);
        Ok(microphone)
    }

    fn tell(&self, running: &Running, what: &str) {
        let Opened { name, rate_hz, channels, .. } = &running.device;
        output::say(&format!("{what} to {name} ({rate_hz} Hz, {channels} channels); Ctrl-C ends"));
    }

    /// Appends the next samples, waiting for them; false at the end.
    pub fn next_chunk(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        let before = out.len();
        while out.len() == before && !self.ended {
            if interrupt::asked() {
                self.ended = true;
                self.stop(out)?;
            } else if self.running.is_some() {
                self.hear(out)?;
            } else if Instant::now() >= self.next_try {
                self.reopen();
            }
            if out.len() == before && !self.ended {
                std::thread::sleep(PAUSE);
            }
        }
        self.peak = out[before..].iter().fold(self.peak, |peak, x| peak.max(x.abs()));
        Ok(out.len() > before)
    }

    fn hear(&mut self, out: &mut Vec<f32>) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        running.hear(out, false)?;
        self.lost_s += running.device.take_lost_s();
        if running.calls == 0 && running.device.signals.calls.load(Ordering::Relaxed) > 0 {
            // Only now it is sure that the device is back: some open and say nothing.
            if let Some(since) = self.gone_since.take() {
                let gone_s = since.elapsed().as_secs_f64();
                self.gone_s += gone_s;
                let again = self.running.as_ref().map(|running| running.device.name.clone());
                let name = again.unwrap_or_default();
                output::say(&format!("listening again to {name}, after {gone_s:.1} s"));
            }
        }
        if self.running.as_mut().is_some_and(Running::is_dead) {
            let name = self.stop(out)?;
            out.extend(std::iter::repeat_n(0.0, (SILENCE_S * self.model_hz) as usize));
            if self.gone_since.is_none() {
                self.gone_since = Some(Instant::now());
                output::warn(&format!("{name}: gone; waiting for it to come back"));
            }
        }
        Ok(())
    }

    /// Takes what the device still has, and lets it go.
    fn stop(&mut self, out: &mut Vec<f32>) -> Result<String> {
        let Some(mut running) = self.running.take() else { return Ok(String::new()) };
        running.hear(out, true)?;
        self.lost_s += running.device.take_lost_s();
        self.overruns += running.device.signals.overruns.load(Ordering::Relaxed);
        for warning in running.repair.warnings() {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        Ok(running.device.name)
    }

    fn reopen(&mut self) {
        // Whatever it says, it may come back.
        self.running = Running::new(self.wanted.as_deref(), self.model_hz).ok();
        self.next_try = Instant::now() + RETRY;
    }

    /// The loudest sample since the last call, in dB below full scale.
    pub fn level_db(&mut self) -> f32 {
        20.0 * std::mem::take(&mut self.peak).max(1e-5).log10()
    }

    /// What was wrong with the audio so far.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut all = self.warnings.clone();
        let mut add = |message| all.push(Warning::new(WarningKind::Lost, message));
        if self.lost_s > 0.0 {
            add(format!("{:.2} s were lost: the computer was too slow", self.lost_s));
        }
        if self.overruns > 0 {
            add(format!("the sound system lost audio {} times", self.overruns));
        }
        if self.gone_s > 0.0 {
            add(format!("{:.1} s were not heard: the microphone was gone", self.gone_s));
        }
        all
    }
}
