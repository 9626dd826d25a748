//! `--grammar FILE`: what may be said, and what of a transcript was.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use stonechat::{Grammar, Transcript, Word};

/// What a letter outside of the grammar costs where `--garbage` does not say it.
const DEFAULT_GARBAGE: f32 = 1.0;

#[derive(Args)]
pub struct GrammarArgs {
    /// The phrases that may be said, one a line (lines that begin with # are skipped), or a grammar in JSGF (begins with
    /// #JSGF). Other words are rejected: left out of the text, and with --json listed as "rejected"
    #[arg(long, value_name = "FILE", conflicts_with = "greedy")]
    grammar: Option<PathBuf>,
    /// What a letter outside of the grammar costs, in nats: more bends more of what is said into it [default: 1]
    #[arg(long, value_name = "X", requires = "grammar")]
    garbage: Option<f32>,
}

impl GrammarArgs {
    pub fn is_given(&self) -> bool {
        self.grammar.is_some()
    }

    pub fn garbage(&self) -> f32 {
        self.garbage.unwrap_or(DEFAULT_GARBAGE)
    }

    /// The grammar of the file.
    pub fn read(&self) -> Result<Option<Grammar>> {
        let Some(path) = &self.grammar else { return Ok(None) };
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(name)?;
        let grammar = if text.trim_start_matches('\u{feff}').trim_start().starts_with("#JSGF") {
            Grammar::from_jsgf(text.trim_start_matches('\u{feff}'))
        } else {
            let lines = text.lines().map(str::trim);
            Grammar::from_phrases(lines.filter(|line| !line.is_empty() && !line.starts_with('#')))
        };
        Ok(Some(grammar.with_context(name)?))
    }
}

/// The words that are in phrases of a grammar, and the others.
pub fn sort(grammar: &Grammar, transcript: Transcript) -> (Transcript, Vec<Word>) {
    let accepted = grammar.accepted(transcript.words.iter().map(|word| word.word.as_str()));
    let (mut words, mut rejected) = (Vec::new(), Vec::new());
    for (word, accepted) in transcript.words.into_iter().zip(accepted) {
        if accepted { words.push(word) } else { rejected.push(word) }
    }
    (Transcript::from(words), rejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_jsgf_are_told_apart() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let words = |text: &str| -> Result<Vec<String>> {
            std::fs::write(file.path(), text).unwrap();
            let arguments = GrammarArgs { grammar: Some(file.path().into()), garbage: None };
            let grammar = arguments.read()?.unwrap();
            Ok(grammar.words().into_iter().map(String::from).collect())
        };
        for text in [
            "# commands\n\nlight on \n light off",
            "#JSGF V1.0;\npublic <c> = light (on | off);",
            "\u{feff}\n#JSGF V1.0;\npublic <c> = light [on] off;",
        ] {
            assert_eq!(words(text).unwrap(), ["light", "off", "on"], "{text}");
        }
        for text in ["", "# nothing", "#JSGF V1.0;\npublic <c> = light"] {
            let error = format!("{:#}", words(text).unwrap_err());
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn words_outside_are_rejected() {
        let grammar = Grammar::from_phrases(["light on"]).unwrap();
        let word = |word: &str| Word { word: word.into(), start: 0.0, end: 0.1, conf: 1.0 };
        let said = "oh light on light".split(' ').map(word).collect::<Vec<_>>();
        let (transcript, rejected) = sort(&grammar, Transcript::from(said));
        assert_eq!(transcript.text, "light on");
        assert_eq!(rejected, ["oh", "light"].map(word));
    }
}
