//! What other protocols call prompt, keywords, names or terms: words that are expected. Here they are hotwords.

use stonechat::{Alphabet, Settings};
use stonechat_lm::Normaliser;

/// A phrase of more words is a sentence, and its words are nothing to expect more than others.
const MOST_WORDS: usize = 4;
/// So many are taken, and no more.
const MOST_HINTS: usize = 500;

/// Adds hotwords to the settings for what a client expects, as far as the alphabet can spell it. With a grammar there is nothing to
/// add: it says what may be said.
pub(crate) fn add<'a>(
    settings: &mut Settings,
    hints: impl IntoIterator<Item = &'a str>,
    alphabet: &Alphabet,
) {
    if settings.grammar.is_some() || settings.greedy {
        return;
    }
    let english = Normaliser::english();
    let spelled = |text: &str| {
        !text.is_empty() && text.chars().all(|c| alphabet.symbols().iter().any(|s| s.contains(c)))
    };
    for hint in hints.into_iter().take(MOST_HINTS) {
        let plain = hint.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let phrase = if spelled(&plain) { plain } else { english.line(hint) };
        if spelled(&phrase) && phrase.contains(|c| c != ' ') && !settings.hotwords.contains(&phrase)
        {
            settings.hotwords.push(phrase);
        }
    }
}

/// The names and terms of a prompt: what stands between commas, semicolons, full stops and line ends and is no sentence.
pub(crate) fn of_prompt(prompt: &str) -> impl Iterator<Item = &str> {
    let parts = prompt.split([',', ';', '.', '\n', ':', '!', '?']).map(str::trim);
    parts.filter(|part| (1..=MOST_WORDS).contains(&part.split_whitespace().count()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stonechat::Model;

    #[test]
    fn hints_become_hotwords_that_can_be_spelled() {
        let model = Model::from_bytes(stonechat_english::MODEL).unwrap();
        let mut settings = Settings::default();
        settings.set("hotword", "kitchen:3").unwrap();
        let hints = ["Stonechat", "Route 66", "  little   station ", "日本", "", "'", "stonechat"];
        add(&mut settings, hints, model.alphabet());
        let expected = ["kitchen:3", "stonechat", "route sixty six", "little station", "'"];
        assert_eq!(settings.hotwords, expected);
        assert!(settings.recognizer(model).is_ok());
    }

    #[test]
    fn prompts_have_names_and_sentences() {
        let prompt = "ZyntriQix, Digique Plus, CynapseFive. This is a talk about the history of birds.\nTim: hello";
        let found: Vec<&str> = of_prompt(prompt).collect();
        assert_eq!(found, ["ZyntriQix", "Digique Plus", "CynapseFive", "Tim", "hello"]);
        assert_eq!(of_prompt(" ,,. ").count(), 0);
    }
}
