//! How text is searched for: a beam with the bundled language model where the model is the bundled one, else greedy; a
//! beam with `--beam`, `--lm` or hotwords; the phrases of a grammar with `--grammar`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use stonechat::{
    BeamOptions, BeamSearch, Calibration, Grammar, Hotword, Model, Options, Recognizer,
};
use stonechat_decode::Error;
use stonechat_english::LANGUAGE_MODEL;
use stonechat_lm::LanguageModel;

use crate::failure::{message, usage};
use crate::grammar_args::GrammarArgs;
use crate::kinds;
use crate::model_file::{ModelArg, file_bytes};
use crate::normalise::NormaliseArg;
use crate::output;
use crate::verbs::lm;

/// The beam where `--beam` does not say it.
const DEFAULT_BEAM: u32 = 64;
/// With hotwords, whose beginnings take places in the beam: in a beam of 64 the other words suffer (experiments/decoding).
const HOTWORD_BEAM: u32 = 128;

#[derive(Args)]
pub struct DecoderArgs {
    /// Search with N hypotheses [default: 128 with hotwords, 64 with a language model, else greedy]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    beam: Option<u32>,
    /// Language model (made by `stonechat lm`, or ARPA) [default: with the bundled model, the bundled one]
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
    /// Of hotwords and the phrases of a list, in `eval` also of the manifest's texts.
    #[command(flatten)]
    pub normalise: NormaliseArg,
}

/// A hotword and where it stands.
struct Listed {
    hotword: Hotword,
    place: String,
}

/// Where a language model comes from.
enum Source<'a> {
    File(&'a Path),
    Bundled,
}

impl Source<'_> {
    fn load(&self) -> Result<LanguageModel> {
        match self {
            Self::File(path) => lm::load(path),
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
            let search = self.grammar.search(&model, &grammar, self.calibration()?);
            let search = search.map_err(|error| match self.grammar.is_list() {
                true => self.explained(error),
                false => error,
            })?;
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
                output::warn(&format!(
                    "{}: {left_out} words have characters that the model's alphabet lacks; \
                     they will not be recognised",
                    path.display()
                ));
            }
        }
        if let Some(calibration) = self.calibration()? {
            search = search.with_calibration(calibration);
        }
        let listed = hotwords.iter().map(|listed| listed.hotword.clone()).collect();
        search.with_hotwords(listed).map_err(|error| {
            let Error::Hotword { phrase, .. } = &error else { return error.into() };
            let place = hotwords.iter().find(|listed| listed.hotword.phrase == *phrase);
            let place = place.map_or(String::new(), |listed| listed.place.clone());
            self.explained(anyhow::Error::new(error).context(place))
        })
    }

    /// What may be said, where a grammar is given.
    pub fn grammar(&self) -> Result<Option<Grammar>> {
        self.grammar.read(self.normalise.normaliser().as_ref())
    }

    /// The error of a word that cannot be spelled, with what helps.
    fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        let text = message(&error);
        match self.normalise.normaliser() {
            None if text.contains("alphabet lacks") => {
                anyhow::anyhow!("{text}, or let --normalize english do it")
            }
            _ => error,
        }
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

    fn read_hotwords(&self) -> Result<Vec<Listed>> {
        let rules = self.normalise.normaliser();
        let hotword = |text: &str| {
            let (phrase, boost) = parse(text)?;
            let phrase = rules.as_ref().map_or(phrase.to_string(), |rules| rules.line(phrase));
            let usual = Hotword::new(phrase);
            Ok(Hotword { boost: boost.unwrap_or(usual.boost), ..usual })
        };
        let mut hotwords = Vec::new();
        for text in &self.hotword {
            let place = format!("--hotword {text:?}");
            let hotword =
                hotword(text).map_err(|problem: String| usage(format!("{place}: {problem}")))?;
            hotwords.push(Listed { hotword, place });
        }
        if let Some(path) = &self.hotwords {
            let file = kinds::text(path, "a list of hotwords", |_| false)?;
            for (line, text) in file.entries()? {
                let hotword = hotword(text).map_err(|problem| file.error(line, problem))?;
                let place = format!("{}, line {line}", path.display());
                hotwords.push(Listed { hotword, place });
            }
        }
        Ok(hotwords)
    }
}

/// `TEXT` or `TEXT:BOOST`.
fn parse(text: &str) -> Result<(&str, Option<f32>), String> {
    match text.rsplit_once(':') {
        None => Ok((text.trim(), None)),
        Some((phrase, boost)) => match boost.trim().parse() {
            Ok(boost) => Ok((phrase.trim(), Some(boost))),
            Err(_) => Err(format!("{boost:?} is no number of nats; write TEXT or TEXT:BOOST")),
        },
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
        let hotwords = Command::parse_from(arguments).decoder.read_hotwords()?;
        let triple = |l: Listed| (l.hotword.phrase, l.hotword.boost, l.place);
        Ok(hotwords.into_iter().map(triple).collect())
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
            assert_eq!((&read[0].0[..], read[0].1), (phrase, boost), "{text}");
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
