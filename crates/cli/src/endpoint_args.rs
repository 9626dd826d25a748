//! Where one utterance ends and the next begins.

use stonechat::{EndpointRules, Heard, Recognizer};

/// The usual rules, with another silence after speech.
pub fn rules(silence_s: f64) -> EndpointRules {
    let mut rules = EndpointRules::default();
    for rule in
        rules.0.iter_mut().filter(|rule| rule.after >= Heard::Speech && rule.silence_s > 0.0)
    {
        // After a complete phrase less is enough, as long as this is not less still.
        rule.silence_s = match rule.after {
            Heard::Phrase => rule.silence_s.min(silence_s),
            _ => silence_s,
        };
    }
    rules
}

/// The same recognizer, whose utterances end after so much silence.
pub fn splitting(recognizer: Recognizer, silence_s: f64) -> Recognizer {
    recognizer.with_endpoint_rules(rules(silence_s)).with_utterances()
}

/// A silence as users write it, in seconds.
pub fn silence(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=60.0).contains(&seconds) => Ok(seconds),
        _ => Err("must be 0.05 to 60 seconds".into()),
    }
}
