//! `stonechat doctor`: what a bug report needs, and whether the program works on this machine.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use stonechat_kernels::Isa;
use stonechat_kernels::tuning::Processor;

use crate::decoder_args::DecoderArgs;
use crate::failure::{Verdict, message};
use crate::memory::peak_rss_mb;
use crate::model_file::ModelArg;
use crate::output::{self, megabytes, thousands};

/// Two seconds of speech, made for the project, and what is said there.
const SPEECH: &[u8] = include_bytes!("../../../../samples/kitchen.flac");
const SAID: &str = "turn on the light in the kitchen";

#[derive(Args)]
pub struct Doctor {
    #[command(flatten)]
    model: ModelArg,
    #[command(flatten)]
    decoder: DecoderArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    version: &'static str,
    /// Operating system and processor architecture.
    system: String,
    features: Vec<&'static str>,
    debug_build: bool,
    /// The processor as it names itself.
    processor: String,
    /// The instruction set that products run on, and why it is that one.
    isa: &'static str,
    isa_reason: String,
    isas: Vec<&'static str>,
    /// Threads that run at the same time here.
    threads: Option<usize>,
    model: String,
    model_bytes: Option<u64>,
    lm_bytes: Option<u64>,
    parameters: Option<usize>,
    sample_rate_hz: Option<u32>,
    symbols: Option<usize>,
    self_test: SelfTest,
    peak_rss_mb: Option<f64>,
}

/// The recognition of two seconds of speech. Other models than the bundled one may hear something else there.
#[derive(Serialize)]
struct SelfTest {
    passed: bool,
    expected: Option<&'static str>,
    text: Option<String>,
    error: Option<String>,
    audio_seconds: f64,
    seconds: f64,
}

/// What is known of a model that can be read.
struct Model {
    bytes: u64,
    lm_bytes: u64,
    parameters: usize,
    sample_rate_hz: u32,
    symbols: usize,
}

impl Doctor {
    pub fn run(self) -> Result<Verdict> {
        let model = self.look();
        let (model, broken) = match model {
            Ok(model) => (Some(model), None),
            Err(error) => (None, Some(message(&error))),
        };
        let self_test = match broken {
            None => self.test(),
            Some(error) => SelfTest { error: Some(error), ..SelfTest::default() },
        };
        let isa = Isa::detect();
        let isas: Vec<Isa> = Isa::available();
        let verdict = if self_test.passed { Verdict::Good } else { Verdict::Bad };
        let report = Report {
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            features: features(),
            debug_build: cfg!(debug_assertions),
            processor: Processor::detect().to_string(),
            isa: isa.name(),
            isa_reason: match isas.len() {
                0 | 1 => "the processor supports none of the others".into(),
                count => format!("the fastest of the {count} that this processor has"),
            },
            isas: isas.iter().map(|isa| isa.name()).collect(),
            threads: std::thread::available_parallelism().ok().map(usize::from),
            model: self.model.name(),
            model_bytes: model.as_ref().map(|model| model.bytes),
            lm_bytes: model.as_ref().map(|model| model.lm_bytes),
            parameters: model.as_ref().map(|model| model.parameters),
            sample_rate_hz: model.as_ref().map(|model| model.sample_rate_hz),
            symbols: model.as_ref().map(|model| model.symbols),
            self_test,
            peak_rss_mb: peak_rss_mb(),
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        Ok(verdict)
    }

    fn look(&self) -> Result<Model> {
        let package = self.model.package()?;
        let parameters = package.network.params();
        let model = self.model.load()?;
        Ok(Model {
            bytes: self.model.bytes()?,
            lm_bytes: self.decoder.lm_bytes(&self.model)?,
            parameters,
            sample_rate_hz: model.sample_rate_hz(),
            symbols: model.alphabet().len(),
        })
    }

    fn test(&self) -> SelfTest {
        let start = Instant::now();
        let mut test =
            SelfTest { expected: self.model.is_bundled().then_some(SAID), ..SelfTest::default() };
        match self.hear() {
            Ok((text, audio_seconds)) => {
                test.passed = test.expected.is_none_or(|expected| expected == text);
                (test.text, test.audio_seconds) = (Some(text), audio_seconds);
            }
            Err(error) => test.error = Some(message(&error)),
        }
        test.seconds = start.elapsed().as_secs_f64();
        test
    }

    /// The text of the speech and its length.
    fn hear(&self) -> Result<(String, f64)> {
        let mut settings = self.decoder.settings()?;
        settings.vad = Some(false);
        let recognizer = self.decoder.recognizer(&settings, &self.model)?;
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let path = folder.path().join("speech.flac");
        stonechat_files::write(&path, SPEECH)?;
        let samples =
            stonechat_audio::read_file(&path, recognizer.model().sample_rate_hz())?.samples;
        if samples.is_empty() {
            bail!("the speech of the self-test has no sample");
        }
        let mut stream = recognizer.stream();
        stream.push(&samples)?;
        let text = stream.finish().text;
        Ok((text, stream.seconds()))
    }
}

impl Default for SelfTest {
    fn default() -> Self {
        Self {
            passed: false,
            expected: None,
            text: None,
            error: None,
            audio_seconds: 0.0,
            seconds: 0.0,
        }
    }
}

fn features() -> Vec<&'static str> {
    let all = [("full", cfg!(feature = "full"))];
    all.into_iter().filter(|(_, built)| *built).map(|(name, _)| name).collect()
}

impl Report {
    fn render(&self) -> String {
        let unknown = || "unknown".to_string();
        let features = match self.features.len() {
            0 => "none".to_string(),
            _ => self.features.join(", "),
        };
        let debug = if self.debug_build { ", built without optimisation: slow" } else { "" };
        let bytes = |bytes: Option<u64>| bytes.map_or_else(unknown, megabytes);
        let count = |count: Option<usize>| count.map_or_else(unknown, thousands);
        let SelfTest { text, error, expected, .. } = &self.self_test;
        let outcome = match (self.self_test.passed, text, error) {
            (true, Some(text), _) => format!("passed: {text:?}"),
            (false, Some(text), _) => {
                format!("FAILED: {text:?} where {:?} is said", expected.unwrap_or_default())
            }
            (_, None, error) => format!("FAILED: {}", error.clone().unwrap_or_default()),
        };
        format!(
            "stonechat {}, {}, features: {features}{debug}\n\
             processor        {}\n\
             instruction set  {}: {} ({})\n\
             threads          {}\n\
             model            {}: {}, {} parameters, {} symbols, {} Hz\n\
             language model   {}\n\
             self-test        {outcome} ({:.1} s of audio in {:.2} s)\n\
             peak memory      {}",
            self.version,
            self.system,
            self.processor,
            self.isa,
            self.isa_reason,
            self.isas.join(", "),
            self.threads.map_or_else(unknown, |threads| threads.to_string()),
            self.model,
            bytes(self.model_bytes),
            count(self.parameters),
            count(self.symbols),
            self.sample_rate_hz.map_or_else(unknown, |hz| hz.to_string()),
            bytes(self.lm_bytes),
            self.self_test.audio_seconds,
            self.self_test.seconds,
            self.peak_rss_mb.map_or_else(unknown, |mb| format!("{mb:.1} MB")),
        )
    }
}
