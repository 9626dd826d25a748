//! What voice activity detection says of a frame of logits, and its options.

/// When a frame counts as speech.
///
/// ```
/// use stonechat::VoiceOptions;
///
/// // For a noisy room. `Recognizer::with_voice_detection`, in builds with the feature `vad`, takes it.
/// let options = VoiceOptions { threshold: 0.8, ..VoiceOptions::default() };
/// assert_eq!(options.padding_s, 0.3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoiceOptions {
    /// The least probability of speech, above 0 and at most 1: nearer to 0 takes more for speech.
    pub threshold: f32,
    /// What precedes and follows speech by up to so much is not taken for silence, in seconds, 0 to 10. Before speech it
    /// is the model's look-ahead at most.
    pub padding_s: f64,
}

impl Default for VoiceOptions {
    fn default() -> Self {
        Self { threshold: 0.5, padding_s: 0.3 }
    }
}

/// What is known of a frame of logits: nothing, without a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Activity {
    /// Nobody speaks in it, nor near it.
    pub silent: bool,
    /// Somebody speaks in it.
    pub speaking: bool,
}
