//! `stonechat listen`: what a microphone hears, a line an utterance.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::audio_source::AudioSource;
use crate::decoder_args::DecoderArgs;
use crate::failure::Verdict;
use crate::inputs::Input;
use crate::model_file::ModelArg;
use crate::output;
use crate::partial_line::PartialLine;
use crate::settings_args::{checked, set};
use crate::voice_args::VoiceArgs;

/// Reads raw PCM (signed 16 bit, little endian, mono) from stdin until it ends, as
/// `arecord -q -t raw -f S16_LE -r 16000 -c 1 | stonechat listen` has it
#[derive(Args)]
pub struct Listen {
    #[command(flatten)]
    model: ModelArg,
    #[command(flatten)]
    decoder: DecoderArgs,
    #[command(flatten)]
    voice: VoiceArgs,
    /// Sample rate of the PCM [default: the model's]
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
    /// Silence that ends an utterance
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = checked("endpoint"))]
    endpoint: String,
    /// Print Vosk's objects, one a line: {"partial", "stable"} while an utterance grows (stable: how many of
    /// its characters stay), {"text", "result"} when it has ended, {"warnings"} at the end if there are any
    #[arg(long)]
    json: bool,
}

impl Listen {
    pub fn run(self) -> Result<Verdict> {
        let mut settings = self.decoder.settings()?;
        self.voice.apply(&mut settings, true)?;
        set(&mut settings, "endpoint", Some(&self.endpoint))?;
        let recognizer = self.decoder.recognizer(&settings, &self.model)?;
        let rate_hz = recognizer.model().sample_rate_hz();
        let mut source = AudioSource::open(&Input::Stdin, rate_hz, self.rate.unwrap_or(rate_hz))?;
        let mut stream = recognizer.stream();
        let mut partial = (!self.json && std::io::stderr().is_terminal()).then(PartialLine::new);
        let (mut samples, mut shown, mut more) = (Vec::new(), String::new(), true);
        while more {
            more = source.next_chunk(&mut samples)?;
            stream.push(&samples)?;
            samples.clear();
            let last = if more { None } else { Some(stream.finish()) };
            for said in stream.take_utterances().into_iter().chain(last) {
                if let Some(line) = &mut partial {
                    line.clear();
                }
                match self.json {
                    true if !said.is_silent() => json_line(&said)?,
                    false if !said.words.is_empty() => {
                        output::text(&said.text)?;
                    }
                    _ => {}
                }
                shown.clear();
            }
            if let Some(line) = &mut partial {
                line.show(&[], stream.partial());
            }
            if self.json && more && stream.partial() != shown {
                shown = stream.partial().to_string();
                json_line(&stream.partial_result())?;
            }
        }
        if let Some(line) = &mut partial {
            line.clear();
        }
        let warnings = source.tell_warnings(&Input::Stdin);
        if self.json && !warnings.is_empty() {
            json_line(&serde_json::json!({ "warnings": warnings }))?;
        }
        Ok(Verdict::Good)
    }
}

/// One object on one line, at once.
fn json_line(value: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
