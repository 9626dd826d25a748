//! `--grammar FILE`: what may be said.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use stonechat::{Calibration, Grammar, GrammarOptions, GrammarSearch, Model};
use stonechat_decode::Error;
use stonechat_files::TextError;
use stonechat_kinds::FileKind;
use stonechat_lm::Normaliser;

use crate::kinds;

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
        let search = model.grammar_search(grammar, self.options()?);
        let search = search.map_err(|error| match error {
            stonechat::Error::Decode(error) => self.at(error),
            other => other.into(),
        })?;
        Ok(match calibration {
            Some(calibration) => search.with_calibration(calibration),
            None => search,
        })
    }

    /// The grammar of the file, its phrases as `rules` have them.
    pub fn read(&self, rules: Option<&Normaliser>) -> Result<Option<Grammar>> {
        let Some(path) = &self.grammar else { return Ok(None) };
        let file = kinds::text(path, "a grammar", |kind| kind == FileKind::Jsgf)?;
        let grammar = if file.as_str()?.trim_start().starts_with("#JSGF") {
            if rules.is_some() {
                return Err(usage(
                    "--normalize is for lists of phrases, and the grammar is in JSGF",
                ));
            }
            Grammar::from_jsgf(file.as_str()?)
        } else {
            let spoken = |text: &str| rules.map_or(text.to_string(), |r| r.line(text));
            let phrases = file.entries()?.into_iter().map(|(line, text)| (line, spoken(text)));
            let phrases: Vec<(usize, String)> = phrases.collect();
            Grammar::from_lines(phrases.iter().map(|(line, text)| (*line, &text[..])))
        };
        Ok(Some(grammar.map_err(|error| self.at(error))?))
    }

    /// Whether it is a list of phrases.
    pub fn is_list(&self) -> bool {
        let kind = self.grammar.as_ref().and_then(|path| FileKind::of_file(path).ok().flatten());
        kind != Some(FileKind::Jsgf)
    }

    /// The error of a grammar with its file and line.
    pub fn at(&self, error: Error) -> anyhow::Error {
        match (&self.grammar, error) {
            (Some(path), Error::Grammar { line: line @ 1.., message: problem }) => {
                TextError::Line { path: path.clone(), line, problem }.into()
            }
            (Some(path), error) => anyhow::Error::new(error).context(path.display().to_string()),
            (None, error) => error.into(),
        }
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
            let grammar = arguments.read(None)?.unwrap();
            Ok(grammar.words().into_iter().map(String::from).collect())
        };
        for text in [
            "# commands\n\nlight on \n light off",
            "#JSGF V1.0;\npublic <c> = light (on | off);",
            "\u{feff}\n#JSGF V1.0;\npublic <c> = light [on] off;",
        ] {
            assert_eq!(words(text).unwrap(), ["light", "off", "on"], "{text}");
        }
        for text in ["", "# nothing", "#JSGF V1.0;\npublic <c> = light", "caf\u{e9}\n\0"] {
            let error = format!("{:#}", words(text).unwrap_err());
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
    }
}
