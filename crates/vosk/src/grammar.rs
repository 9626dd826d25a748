//! Grammars in Vosk's format: a JSON list of phrases, in which `[unk]` stands for everything else.

use stonechat::Settings;

/// How everything else is shown.
pub(crate) const UNKNOWN: &str = "[unk]";
/// The cost of a letter outside a closed grammar, too high to be paid.
const CLOSED: f32 = 1000.0;

/// The settings for a grammar (for an empty list those without a grammar), and whether `[unk]` is
/// shown.
///
/// # Errors
/// Text that is not a JSON list of texts.
pub fn settings(json: &str) -> Result<(Settings, bool), String> {
    let phrases: Vec<String> = serde_json::from_str(json)
        .map_err(|error| format!("the grammar is no JSON list of texts: {error}"))?;
    let unknown = phrases.iter().any(|phrase| phrase.trim() == UNKNOWN);
    // A phrase may contain words and [unk]; here anything may be said in place of [unk].
    let spoken: Vec<String> = phrases
        .iter()
        .map(|phrase| {
            phrase.split_whitespace().filter(|w| *w != UNKNOWN).collect::<Vec<_>>().join(" ")
        })
        .filter(|phrase| !phrase.is_empty())
        .collect();
    let mut settings = Settings::default();
    if !spoken.is_empty() {
        settings.grammar = Some(spoken.join("\n"));
        settings.garbage = (!unknown).then_some(CLOSED);
        settings.normalize = Some(stonechat::Language::English);
    }
    Ok((settings, unknown && !spoken.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_become_grammars() {
        for (json, phrases, garbage, unknown) in [
            (r#"["lights on", "lights off"]"#, Some("lights on\nlights off"), Some(CLOSED), false),
            (r#"["lights on", "[unk]"]"#, Some("lights on"), None, true),
            (r#"["lights  [unk] on"]"#, Some("lights on"), Some(CLOSED), false),
            (r#"["[unk]"]"#, None, None, false),
            ("[]", None, None, false),
        ] {
            let (settings, told) = settings(json).unwrap();
            let found = (settings.grammar.as_deref(), settings.garbage, told);
            assert_eq!(found, (phrases, garbage, unknown), "{json}");
        }
        for json in ["", "lights on", "{}", "[1]", "[[]]"] {
            assert!(settings(json).is_err(), "{json}");
        }
    }
}
