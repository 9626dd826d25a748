//! `--grammar FILE`: what may be said.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use stonechat::Settings;
use stonechat_decode::Error;
use stonechat_files::TextError;
use stonechat_kinds::FileKind;

use crate::kinds;
use crate::settings_args::{checked, explained, help, set};

#[derive(Args)]
pub struct GrammarArgs {
    #[arg(
        long, value_name = "FILE", help = help("grammar"),
        conflicts_with_all = ["greedy", "beam", "lm", "alpha", "beta", "hotword", "hotwords"]
    )]
    grammar: Option<PathBuf>,
    #[arg(
        long, value_name = "X", requires = "grammar", allow_hyphen_values = true,
        value_parser = checked("garbage"), help = help("garbage")
    )]
    garbage: Option<String>,
    #[arg(long, requires = "grammar", conflicts_with = "garbage", help = help("nearest"))]
    nearest: bool,
    #[arg(
        long, value_name = "X", requires = "grammar", allow_hyphen_values = true,
        value_parser = checked("min-confidence"), help = help("min-confidence")
    )]
    min_confidence: Option<String>,
}

impl GrammarArgs {
    pub fn is_given(&self) -> bool {
        self.grammar.is_some()
    }

    /// Sets what was given.
    pub fn apply(&self, settings: &mut Settings) -> Result<()> {
        if let Some(path) = &self.grammar {
            let file = kinds::text(path, "a grammar", |kind| kind == FileKind::Jsgf)?;
            settings.grammar = Some(file.as_str()?.to_string());
        }
        set(settings, "garbage", self.garbage.as_ref())?;
        settings.nearest = self.nearest;
        set(settings, "min-confidence", self.min_confidence.as_ref())
    }

    /// Whether it is a list of phrases.
    pub fn is_list(&self) -> bool {
        let kind = self.grammar.as_ref().and_then(|path| FileKind::of_file(path).ok().flatten());
        kind != Some(FileKind::Jsgf)
    }

    /// The error of a grammar with its file and line.
    pub fn at(&self, error: stonechat::Error) -> anyhow::Error {
        match (&self.grammar, error) {
            (
                Some(path),
                stonechat::Error::Decode(Error::Grammar { line: line @ 1.., message: problem }),
            ) => TextError::Line { path: path.clone(), line, problem }.into(),
            (Some(path), stonechat::Error::Decode(error)) => {
                anyhow::Error::new(error).context(path.display().to_string())
            }
            (_, error) => explained(error),
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
            let mut settings = Settings::default();
            arguments.apply(&mut settings)?;
            let grammar = settings.grammar().map_err(|error| arguments.at(error))?.unwrap();
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
