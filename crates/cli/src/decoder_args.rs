//! How text is searched for: a beam with the bundled language model where the model is the bundled one, else greedy; a
//! beam with `--beam`, `--lm` or hotwords; the phrases of a grammar with `--grammar`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use std::sync::Arc;

use stonechat::{
    BeamOptions, BeamSearch, Calibration, Grammar, Hotword, Model, Options, Recognizer,
};
use stonechat_english::LANGUAGE_MODEL;
use stonechat_lm::LanguageModel;

use crate::failure::usage;
use crate::grammar_args::GrammarArgs;
use crate::model_file::{ModelArg, file_bytes};

/// The beam where `--beam` does not say it.
const DEFAULT_BEAM: u32 = 64;
/// With hotwords, whose beginnings take places in the beam: in a beam of 64 the other words suffer (experiments/decoding).
const HOTWORD_BEAM: u32 = 128;

#[derive(Args)]
pub struct DecoderArgs {
    /// Search with N hypotheses [default: 128 with hotwords, 64 with a language model, else greedy]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    beam: Option<u32>,
    /// Language model (made by `stonechat lm`) [default: with the bundled model, the bundled one]
    #[arg(long, value_name = "FILE")]
    lm: Option<PathBuf>,
    /// Leave the bundled language model out
    #[arg(long, conflicts_with = "lm")]
    no_lm: bool,
    /// The best symbol of each frame: no search and no language model
    #[arg(long, conflicts_with_all = ["beam", "lm", "alpha", "beta", "hotword", "hotwords"])]
    greedy: bool,
    /// Weight of the language model
    #[arg(long, value_name = "X")]
    alpha: Option<f32>,
    /// What each word is worth, in nats
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    beta: Option<f32>,
    /// A word or phrase that is expected, and what it is worth in nats [default: 1 a letter, 9 at
    /// most]; may be repeated
    #[arg(long, value_name = "TEXT[:BOOST]")]
    hotword: Vec<String>,
    /// Hotwords, one a line; empty lines and lines that begin with # are skipped
    #[arg(long, value_name = "FILE")]
    hotwords: Option<PathBuf>,
    #[command(flatten)]
    grammar: GrammarArgs,
    /// The weights that make confidences, as `eval --calibrate` prints them [default: fitted to the bundled models]
    #[arg(
        long,
        value_name = "W,W,W,W,W",
        value_delimiter = ',',
        allow_hyphen_values = true,
        conflicts_with = "greedy"
    )]
    confidence_weights: Vec<f32>,
}

/// Where a language model comes from.
enum Source<'a> {
    File(&'a Path),
    Bundled,
}

impl Source<'_> {
    fn load(&self) -> Result<LanguageModel> {
        match self {
            Self::File(path) => Ok(LanguageModel::load(path)?),
            Self::Bundled => {
                LanguageModel::from_bytes(LANGUAGE_MODEL).context("the bundled language model")
            }
        }
    }
}

impl DecoderArgs {
    /// The language model that goes with a model.
    fn source(&self, model: &ModelArg) -> Option<Source<'_>> {
        match &self.lm {
            Some(path) => Some(Source::File(path)),
            // A grammar says what may be said, and needs no model of anything else.
            None if self.greedy || self.no_lm || self.grammar.is_given() => None,
            None => model.is_bundled().then_some(Source::Bundled),
        }
    }

    /// Whether a beam is asked for, a language model aside.
    fn is_beam(&self) -> bool {
        self.beam.is_some()
            || self.beta.is_some()
            || !self.hotword.is_empty()
            || self.hotwords.is_some()
            || !self.confidence_weights.is_empty()
    }

    /// Size of the language model's file, 0 without one.
    pub fn lm_bytes(&self, model: &ModelArg) -> Result<u64> {
        match self.source(model) {
            Some(Source::File(path)) => file_bytes(path),
            Some(Source::Bundled) => Ok(LANGUAGE_MODEL.len() as u64),
            None => Ok(0),
        }
    }

    /// The recognizer that the arguments ask for. `beam` asks for a beam in any case.
    pub fn recognizer(&self, model: &ModelArg, options: Options, beam: bool) -> Result<Recognizer> {
        if self.greedy && beam {
            return Err(usage("--greedy finds one text and has no weights: leave it out"));
        }
        let source = self.source(model);
        if self.alpha.is_some() && source.is_none() {
            return Err(usage("--alpha is the weight of a language model: give one with --lm"));
        }
        let beam = beam || source.is_some() || self.is_beam();
        let model = model.load()?;
        if let Some(grammar) = self.grammar()? {
            let search = self.grammar.search(&model, &grammar, self.calibration()?)?;
            return Ok(Recognizer::new(model, options)?.with_grammar(search)?);
        }
        let search = if beam { Some(self.search(&model, source.as_ref())?) } else { None };
        let recognizer = Recognizer::new(model, options)?;
        Ok(match search {
            Some(search) => recognizer.with_search(search)?,
            None => recognizer,
        })
    }

    fn search(&self, model: &Model, source: Option<&Source>) -> Result<BeamSearch> {
        let default = BeamOptions::default();
        let hotwords = self.read_hotwords()?;
        let width = if hotwords.is_empty() { DEFAULT_BEAM } else { HOTWORD_BEAM };
        let options = BeamOptions {
            width: self.beam.unwrap_or(width) as usize,
            alpha: self.alpha.unwrap_or(default.alpha),
            // Without a language model words have no price that would have to be made good for.
            beta: self.beta.unwrap_or(if source.is_some() { default.beta } else { 0.0 }),
            ..default
        };
        let mut search = model.beam_search(options)?;
        if let Some(source) = source {
            search = search.with_language_model(Arc::new(source.load()?));
            let left_out = search.words_left_out();
            if let (1.., Source::File(path)) = (left_out, source) {
                eprintln!(
                    "warning: {}: {left_out} words have characters that the model's alphabet lacks; \
                     they will not be recognised",
                    path.display()
                );
            }
        }
        if let Some(calibration) = self.calibration()? {
            search = search.with_calibration(calibration);
        }
        Ok(search.with_hotwords(hotwords)?)
    }

    /// What may be said, if that is limited.
    pub fn grammar(&self) -> Result<Option<Grammar>> {
        self.grammar.read()
    }

    fn calibration(&self) -> Result<Option<Calibration>> {
        if self.confidence_weights.is_empty() {
            return Ok(None);
        }
        match self.confidence_weights[..].try_into() {
            Ok(weights) if self.confidence_weights.iter().all(|weight| weight.is_finite()) => {
                Ok(Some(Calibration { weights }))
            }
            _ => Err(usage(
                "--confidence-weights takes five numbers, as `eval --calibrate` prints them",
            )),
        }
    }

    fn read_hotwords(&self) -> Result<Vec<Hotword>> {
        let mut hotwords = Vec::new();
        for text in &self.hotword {
            hotwords.push(
                parse(text).map_err(|problem| usage(format!("--hotword {text:?}: {problem}")))?,
            );
        }
        if let Some(path) = &self.hotwords {
            hotwords.extend(read_list(path)?);
        }
        Ok(hotwords)
    }
}

fn read_list(path: &Path) -> Result<Vec<Hotword>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
    let hotwords = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    hotwords
        .map(|(n, line)| {
            parse(line).map_err(|problem| anyhow::anyhow!("{}:{n}: {problem}", path.display()))
        })
        .collect()
}

/// `TEXT` or `TEXT:BOOST`.
fn parse(text: &str) -> Result<Hotword, String> {
    match text.rsplit_once(':') {
        None => Ok(Hotword::new(text)),
        Some((phrase, boost)) => match boost.trim().parse() {
            Ok(boost) => Ok(Hotword { phrase: phrase.trim().into(), boost }),
            Err(_) => Err(format!("{boost:?} is no number of nats; write TEXT or TEXT:BOOST")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hotwords_are_read() {
        let hotword = |phrase: &str, boost| Hotword { phrase: phrase.into(), boost };
        for (text, expected) in [
            ("stone", hotword("stone", 5.0)),
            ("stone chat and all", hotword("stone chat and all", 9.0)),
            ("stone chat:4", hotword("stone chat", 4.0)),
            ("stone : 2.5 ", hotword("stone", 2.5)),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        assert!(parse("stone:much").unwrap_err().contains("much"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# names\n\nann\n bob:3 \n").unwrap();
        let read = read_list(file.path()).unwrap();
        assert_eq!(read, [hotword("ann", 3.0), hotword("bob", 3.0)]);
        std::fs::write(file.path(), "ann\nbob:x\n").unwrap();
        assert!(read_list(file.path()).unwrap_err().to_string().contains(":2: "));
    }
}
