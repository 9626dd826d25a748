//! The result of voice activity detection for a frame of logits, and its options.

/// When a frame counts as speech.
///
/// ```
/// use stonechat::VoiceOptions;
///
/// // For a noisy room; see `Recognizer::with_voice_detection` (feature `vad`).
/// let options = VoiceOptions { threshold: 0.8, ..VoiceOptions::default() };
/// assert_eq!(options.padding_s, 0.3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoiceOptions {
    /// The lowest probability that counts as speech, above 0 and at most 1. Lower values accept
    /// more.
    pub threshold: f32,
    /// This much audio before and after speech does not count as silence, in seconds, 0 to 10.
    /// Before speech it is at most the model's look-ahead.
    pub padding_s: f64,
}

impl Default for VoiceOptions {
    fn default() -> Self {
        Self { threshold: 0.5, padding_s: 0.3 }
    }
}

/// What the detector says of a frame of logits; all false without a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Activity {
    /// Nobody speaks in it or near it.
    pub silent: bool,
    /// Somebody speaks in it.
    pub speaking: bool,
}
