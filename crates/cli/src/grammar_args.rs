//! `--grammar FILE`: what may be said.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use stonechat::{Calibration, Grammar, GrammarOptions, GrammarSearch, Model};

use crate::failure::usage;

#[derive(Args)]
pub struct GrammarArgs {
    /// The phrases that may be said, one a line (lines that begin with # are skipped), or a grammar in JSGF (begins with
    /// #JSGF). Other words are rejected: left out of the text, and with --json listed as "rejected"
    #[arg(
        long, value_name = "FILE",
        conflicts_with_all = ["greedy", "beam", "lm", "alpha", "beta", "hotword", "hotwords"]
    )]
    grammar: Option<PathBuf>,
    /// What a letter outside of the grammar costs, in nats, 0 to 1e6: more bends more of what is said into it [default: 2]
    #[arg(long, value_name = "X", requires = "grammar", allow_hyphen_values = true)]
    garbage: Option<f32>,
    /// Always answer with the one phrase of the grammar that is nearest to what was said
    #[arg(long, requires = "grammar", conflicts_with = "garbage")]
    nearest: bool,
    /// Reject phrases whose confidence is lower, 0 to 1 [default: 0]
    #[arg(long, value_name = "X", requires = "grammar", allow_hyphen_values = true)]
    min_confidence: Option<f32>,
}

impl GrammarArgs {
    pub fn is_given(&self) -> bool {
        self.grammar.is_some()
    }

    fn options(&self) -> Result<GrammarOptions> {
        let default = GrammarOptions::default();
        let garbage = self.garbage.unwrap_or(default.garbage);
        if !(0.0..=1e6).contains(&garbage) {
            return Err(usage(format!("--garbage {garbage}: must be 0 to 1e6 nats a letter")));
        }
        let min_confidence = self.min_confidence.unwrap_or(default.min_confidence);
        if !(0.0..=1.0).contains(&min_confidence) {
            return Err(usage(format!("--min-confidence {min_confidence}: must be 0 to 1")));
        }
        Ok(GrammarOptions { garbage, nearest: self.nearest, min_confidence })
    }

    /// The search for a grammar's phrases.
    pub fn search(
        &self,
        model: &Model,
        grammar: &Grammar,
        calibration: Option<Calibration>,
    ) -> Result<GrammarSearch> {
        let name =
            || self.grammar.as_ref().map_or(String::new(), |path| path.display().to_string());
        let search = model.grammar_search(grammar, self.options()?).with_context(name)?;
        Ok(match calibration {
            Some(calibration) => search.with_calibration(calibration),
            None => search,
        })
    }

    /// The grammar of the file.
    pub fn read(&self) -> Result<Option<Grammar>> {
        let Some(path) = &self.grammar else { return Ok(None) };
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(name)?;
        let grammar = if text.trim_start_matches('\u{feff}').trim_start().starts_with("#JSGF") {
            Grammar::from_jsgf(text.trim_start_matches('\u{feff}'))
        } else {
            let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
            Grammar::from_lines(
                lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')),
            )
        };
        Ok(Some(grammar.with_context(name)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_jsgf_are_told_apart() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let words = |text: &str| -> Result<Vec<String>> {
            std::fs::write(file.path(), text).unwrap();
            let arguments = GrammarArgs {
                grammar: Some(file.path().into()),
                garbage: None,
                nearest: false,
                min_confidence: None,
            };
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
}
