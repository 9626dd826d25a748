//! What was found and done, as warnings.

use super::measure::{Measure, QUIET_PEAK, SILENT_PEAK};
use crate::{Warning, WarningKind};

/// A larger share of samples at full scale is worth a warning.
const MUCH_CLIPPED: f64 = 1e-3;

/// What was done to the blocks given out.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    /// The largest gain, and how long the level was raised, in seconds.
    raised: f32,
    raised_s: f64,
    /// Samples that were NaN or infinite.
    pub(super) no_numbers: u64,
}

impl Done {
    /// Records what happens to the next `frames`.
    pub(super) fn note(&mut self, measure: &Measure, frames: usize) {
        let gain = measure.repair().gain;
        if gain > 1.0 {
            self.raised = self.raised.max(gain);
            self.raised_s += measure.seconds(frames);
        }
    }
}

pub(super) fn warnings(measure: &Measure, done: &Done) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut add = |kind, message: String| warnings.push(Warning::new(kind, message));
    if measure.frames == 0 || !measure.is_judged() {
        return warnings;
    }
    let (repair, peak) = (measure.repair(), measure.peak());
    let numbers = |which: &dyn Fn(usize) -> bool| {
        let numbers: Vec<String> =
            (0..repair.weights.len()).filter(|&n| which(n)).map(|n| (n + 1).to_string()).collect();
        let channel = if numbers.len() == 1 { "channel" } else { "channels" };
        (!numbers.is_empty()).then(|| format!("{channel} {}", numbers.join(", ")))
    };
    if repair.scale > 1.0 {
        let bits = repair.scale.log2() as u32 + 1;
        let message =
            format!("float samples in the range of {bits}-bit integers: divided by 2^{}", bits - 1);
        add(WarningKind::IntegerScale, message);
    }
    let damaged = [
        (done.no_numbers, "not numbers (NaN or infinite)"),
        (measure.absurd_count(), "far beyond full scale"),
    ];
    for (count, what) in damaged.into_iter().filter(|(count, _)| *count > 0) {
        let message = format!("damaged: samples that are {what} became silence: {count}");
        add(WarningKind::Damaged, message);
    }
    if measure.is_noise() {
        let message = "it sounds like loud white noise, as data of another format does: check the sample \
                       format and the byte order";
        add(WarningKind::Noise, message.into());
    }
    if peak <= SILENT_PEAK {
        let message = match peak {
            0.0 => "there is no sound in it, only zeros".to_string(),
            _ => format!("there is no sound in it: its peak is {:.0} dBFS", decibels(peak)),
        };
        add(WarningKind::Silent, message);
    } else if let Some(dead) = numbers(&|n| repair.weights[n] == 0.0) {
        add(WarningKind::DeadChannel, format!("no sound in {dead}: left out"));
    }
    if let Some(opposite) = numbers(&|n| repair.weights[n] < 0.0) {
        let message = format!("{opposite} of opposite sign, which the mean would cancel: inverted");
        add(WarningKind::OppositeChannels, message);
    }
    let largest = repair.offsets.iter().fold(0.0f64, |most, offset| most.max(offset.abs()));
    if largest > 0.0 {
        let share = 100.0 * largest / f64::from(repair.scale);
        let message = format!("a constant offset of {share:.0} % of full scale was removed");
        add(WarningKind::Offset, message);
    }
    if repair.scale == 1.0 && measure.clipped() > MUCH_CLIPPED {
        let share = 100.0 * measure.clipped();
        let message = format!(
            "{share:.1} % of the samples are clipped at full scale: record at a lower level"
        );
        add(WarningKind::Clipped, message);
    }
    if repair.gain < 1.0 {
        let message =
            format!("peaks {:.0} dB above full scale: lowered by as much", decibels(peak));
        add(WarningKind::Loud, message);
    }
    if let Some(message) = quiet(peak, done) {
        add(WarningKind::Quiet, message);
    }
    warnings
}

/// The warning about a quiet recording.
fn quiet(peak: f32, done: &Done) -> Option<String> {
    let by = decibels(done.raised);
    if peak < QUIET_PEAK && peak > SILENT_PEAK {
        let found = format!("very quiet, with a peak of {:.0} dBFS", decibels(peak));
        return Some(match done.raised > 1.0 {
            true => format!("{found}: raised by {by:.0} dB"),
            false => format!("{found}, and nothing in it stands out as speech"),
        });
    }
    let seconds = done.raised_s;
    (seconds >= 1.0).then(|| {
        format!("very quiet for its first {seconds:.0} s: raised there by up to {by:.0} dB")
    })
}

fn decibels(amplitude: f32) -> f64 {
    20.0 * f64::from(amplitude).log10()
}
