//! `stonechat listen`: what a microphone hears, a line an utterance.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::audio_source::AudioSource;
use crate::decoder_args::DecoderArgs;
use crate::failure::{Verdict, usage};
use crate::inputs::Input;
#[cfg(feature = "microphone")]
use crate::microphone::{self, Listed, Microphone};
use crate::model_file::ModelArg;
use crate::output;
use crate::partial_line::PartialLine;
use crate::settings_args::{checked, set};
use crate::voice_args::VoiceArgs;

/// Hears a microphone (--microphone, in programs built with that feature) until Ctrl-C, or reads raw PCM (signed 16 bit, little
/// endian, mono) from stdin until it ends, as `arecord -q -t raw -f S16_LE -r 16000 -c 1 | stonechat listen` has it
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
    /// Listen to a microphone: the system's, or the one of this name (--devices), or a part of it
    #[cfg(feature = "microphone")]
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, conflicts_with = "rate")]
    microphone: Option<Option<String>>,
    /// List the microphones and end
    #[cfg(feature = "microphone")]
    #[arg(long, conflicts_with_all = ["microphone", "rate"])]
    devices: bool,
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
        #[cfg(feature = "microphone")]
        if self.devices {
            return self.list();
        }
        self.decoder.check_normalise()?;
        let mut settings = self.decoder.settings()?;
        self.voice.apply(&mut settings, true)?;
        set(&mut settings, "endpoint", Some(&self.endpoint))?;
        let recognizer = self.decoder.recognizer(&settings, &self.model)?;
        let rate_hz = recognizer.model().sample_rate_hz();
        let (mut source, name) = self.source(rate_hz)?;
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
                #[cfg(feature = "microphone")]
                match source.level_db() {
                    Some(level_db) => line.show_level(level_db, stream.partial()),
                    None => line.show(&[], stream.partial()),
                }
                #[cfg(not(feature = "microphone"))]
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
        let warnings = source.tell_warnings(&name);
        if self.json && !warnings.is_empty() {
            json_line(&serde_json::json!({ "warnings": warnings }))?;
        }
        Ok(Verdict::Good)
    }

    /// Where the audio comes from, and what warnings call it.
    fn source(&self, rate_hz: u32) -> Result<(AudioSource, String)> {
        #[cfg(feature = "microphone")]
        if let Some(wanted) = &self.microphone {
            let microphone = Microphone::open(wanted.as_deref(), rate_hz)?;
            return Ok((AudioSource::Microphone(Box::new(microphone)), "microphone".into()));
        }
        if std::io::stdin().is_terminal() {
            let how = match cfg!(feature = "microphone") {
                true => "--microphone listens to one",
                false => "build the command with `--features microphone` and use --microphone",
            };
            return Err(usage(format!(
                "stdin is a terminal: pipe audio into it, as `arecord -q -t raw -f S16_LE -r 16000 -c 1 | stonechat listen` or \
                 `pw-record` do; {how}"
            )));
        }
        let source = AudioSource::open(&Input::Stdin, rate_hz, self.rate)?;
        Ok((source, Input::Stdin.to_string()))
    }

    /// A line a microphone; the default one is marked.
    #[cfg(feature = "microphone")]
    fn list(&self) -> Result<Verdict> {
        let devices = microphone::list()?;
        if self.json {
            json_line(&serde_json::json!({ "devices": devices }))?;
            return Ok(Verdict::Good);
        }
        for Listed { id, name, default } in &devices {
            let mark = if *default { "*" } else { " " };
            output::text(&format!("{mark} {id}  {name}"))?;
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
