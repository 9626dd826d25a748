//! How text is searched for: a beam with the bundled language model where the model is the bundled one, else greedy; a
//! beam with `--beam`, `--lm` or hotwords; the phrases of a grammar with `--grammar`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use stonechat::{Error, Recognizer, Settings};
use stonechat_decode::Error as DecodeError;
use stonechat_english::LANGUAGE_MODEL;
use stonechat_files::TextFile;
use stonechat_lm::LanguageModel;

use crate::failure::{message, usage};
use crate::grammar_args::GrammarArgs;
use crate::kinds;
use crate::language_model;
use crate::model_file::{ModelArg, file_bytes};
use crate::normalise::NormaliseArg;
use crate::output;
use crate::settings_args::{checked, help, set};

#[derive(Args)]
pub struct DecoderArgs {
    #[arg(long, value_name = "N", value_parser = checked("beam"), help = help("beam"))]
    beam: Option<String>,
    /// Language model (made by `stonechat lm`, or ARPA) [default: the one that came with the model]
    #[arg(long, value_name = "FILE")]
    lm: Option<PathBuf>,
    #[arg(long, conflicts_with = "lm", help = help("no-lm"))]
    no_lm: bool,
    #[arg(
        long, help = help("greedy"),
        conflicts_with_all = ["beam", "lm", "alpha", "beta", "hotword", "hotwords"]
    )]
    greedy: bool,
    #[arg(
        long, value_name = "X", allow_hyphen_values = true,
        value_parser = checked("alpha"), help = help("alpha")
    )]
    alpha: Option<String>,
    #[arg(
        long, value_name = "X", allow_hyphen_values = true,
        value_parser = checked("beta"), help = help("beta")
    )]
    beta: Option<String>,
    #[arg(long, value_name = "TEXT[:BOOST]", value_parser = checked("hotword"), help = help("hotword"))]
    hotword: Vec<String>,
    #[arg(long, value_name = "FILE", help = help("hotwords"))]
    hotwords: Option<PathBuf>,
    #[command(flatten)]
    grammar: GrammarArgs,
    #[arg(
        long, value_name = "W,W,W,W,W", allow_hyphen_values = true, conflicts_with = "greedy",
        value_parser = checked("confidence-weights"), help = help("confidence-weights")
    )]
    confidence_weights: Option<String>,
    /// Of hotwords and the phrases of a list, in `eval` also of the manifest's texts.
    #[command(flatten)]
    pub normalise: NormaliseArg,
}

impl DecoderArgs {
    /// Size of the language model's file, 0 without one.
    pub fn lm_bytes(&self, model: &ModelArg) -> Result<u64> {
        match &self.lm {
            Some(path) => file_bytes(path),
            // A grammar says what may be said, and needs no model of anything else.
            None if self.greedy || self.no_lm || self.grammar.is_given() => Ok(0),
            None if model.is_bundled() => Ok(LANGUAGE_MODEL.len() as u64),
            None => Ok(model.package()?.language_model.map_or(0, |lm| lm.len() as u64)),
        }
    }

    /// The language model that is asked for.
    #[cfg(feature = "serve")]
    pub fn lm(&self) -> Option<&std::path::Path> {
        self.lm.as_deref()
    }

    /// The settings that the arguments ask for.
    pub fn settings(&self) -> Result<Settings> {
        let mut settings = Settings {
            greedy: self.greedy,
            lm: self.lm.clone(),
            no_lm: self.no_lm,
            hotwords: self.hotword.clone(),
            normalize: self.normalise.language(),
            ..Settings::default()
        };
        set(&mut settings, "beam", self.beam.as_ref())?;
        set(&mut settings, "alpha", self.alpha.as_ref())?;
        set(&mut settings, "beta", self.beta.as_ref())?;
        set(&mut settings, "confidence-weights", self.confidence_weights.as_ref())?;
        if let Some(file) = self.hotword_file()? {
            let check = checked("hotword");
            let entries = file.entries()?;
            if entries.is_empty() {
                let path = file.path().display();
                bail!("{path}: there is no hotword in it: leave it out, or write one a line");
            }
            for (line, text) in entries {
                let text = check(text).map_err(|problem| file.error(line, problem))?;
                settings.hotwords.push(text);
            }
        }
        self.grammar.apply(&mut settings)?;
        Ok(settings)
    }

    /// A usage error if `--normalize` has nothing to turn into spoken words: for verbs that read no other texts.
    pub fn check_normalise(&self) -> Result<()> {
        let lists = !self.hotword.is_empty() || self.hotwords.is_some() || self.grammar.is_given();
        match self.normalise.language() {
            Some(_) if !lists => Err(usage(
                "--normalize is for what --hotword, --hotwords and --grammar list, and none is given: leave it out",
            )),
            _ => Ok(()),
        }
    }

    /// The recognizer of [`settings`](Self::settings), to which the verb may have added.
    pub fn recognizer(&self, settings: &Settings, model: &ModelArg) -> Result<Recognizer> {
        let mut loaded = model.load()?;
        if model.is_bundled() {
            let lm = LanguageModel::from_bytes(LANGUAGE_MODEL);
            loaded = loaded.with_language_model(lm.context("the bundled language model")?);
        }
        let lm = self.lm.as_deref().map(language_model::load).transpose()?;
        let recognizer =
            settings.recognizer_with(loaded, lm).map_err(|error| self.placed(settings, error))?;
        if let (Some(path), Some(search)) = (&self.lm, recognizer.search())
            && let left_out @ 1.. = search.words_left_out()
        {
            output::warn(&format!(
                "{}: {left_out} words have characters that the model's alphabet lacks; \
                 they will not be recognised",
                path.display()
            ));
        }
        Ok(recognizer)
    }

    fn hotword_file(&self) -> Result<Option<TextFile>> {
        let read = |path: &PathBuf| kinds::text(path, "a list of hotwords", |_| false);
        self.hotwords.as_ref().map(read).transpose()
    }

    /// The error with the place of the hotword or phrase that it speaks of, and with what helps.
    fn placed(&self, settings: &Settings, error: Error) -> anyhow::Error {
        let error = match error {
            Error::Decode(DecodeError::Hotword { ref phrase, .. }) => {
                let place = self.place_of(settings, phrase).unwrap_or_default();
                anyhow::Error::new(error).context(place)
            }
            error => self.grammar.at(error),
        };
        let text = message(&error);
        if self.normalise.language().is_none()
            && text.contains("not in the alphabet")
            && self.grammar.is_list()
        {
            return anyhow::anyhow!("{text}, or let --normalize english do it");
        }
        error
    }

    /// Where a hotword stands.
    fn place_of(&self, settings: &Settings, phrase: &str) -> Option<String> {
        let index = settings.hotword_list().ok()?.iter().position(|h| h.phrase == phrase)?;
        if let Some(text) = self.hotword.get(index) {
            return Some(format!("--hotword {text:?}"));
        }
        let file = self.hotword_file().ok()??;
        let (line, _) = *file.entries().ok()?.get(index - self.hotword.len())?;
        Some(format!("{}, line {line}", file.path().display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        decoder: DecoderArgs,
    }

    fn read(arguments: &[&str]) -> Result<Vec<(String, f32, String)>> {
        let arguments = ["test"].iter().chain(arguments);
        let decoder = Command::try_parse_from(arguments)?.decoder;
        let settings = decoder.settings()?;
        let hotwords = settings.hotword_list()?.into_iter();
        let place = |phrase: &str| decoder.place_of(&settings, phrase).unwrap();
        Ok(hotwords.map(|h| (h.phrase.clone(), h.boost, place(&h.phrase))).collect())
    }

    #[test]
    fn hotwords_are_read() {
        for (text, phrase, boost) in [
            ("stone", "stone", 5.0),
            ("stone chat and all", "stone chat and all", 9.0),
            ("stone chat:4", "stone chat", 4.0),
            ("stone : 2.5 ", "stone", 2.5),
        ] {
            let read = read(&["--hotword", text]).unwrap();
            let expected = (phrase.to_string(), boost, format!("--hotword {text:?}"));
            assert_eq!(read, [expected], "{text}");
        }
        assert!(read(&["--hotword", "stone:much"]).is_err());
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        std::fs::write(path, "\u{feff}# names\r\n\r\nann\r\n bob:3 \r\n").unwrap();
        let hotword =
            |phrase: &str, boost, line| (phrase.to_string(), boost, format!("{path}, line {line}"));
        let expected = [hotword("ann", 3.0, 3), hotword("bob", 3.0, 4)];
        assert_eq!(read(&["--hotwords", path]).unwrap(), expected);
        std::fs::write(path, "Route 66\n").unwrap();
        let expected = [hotword("route sixty six", 9.0, 1)];
        assert_eq!(read(&["--hotwords", path, "--normalize", "english"]).unwrap(), expected);
        std::fs::write(path, "ann\nbob:x\n").unwrap();
        let error = read(&["--hotwords", path]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{path}, line 2: ")), "{error}");
    }
}
