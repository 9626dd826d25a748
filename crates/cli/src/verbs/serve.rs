//! `stonechat serve`: the recognizer as a service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use stonechat::Model;
use stonechat_english::LANGUAGE_MODEL;
use stonechat_lm::LanguageModel;
use stonechat_server::{Config, Error, Keys, NamedModel, Server, Tls};

use crate::decoder_args::DecoderArgs;
use crate::failure::{Verdict, message, usage};
use crate::model_file::ModelArg;
use crate::settings_args::{checked, help, set};
use crate::voice_args::VoiceArgs;
use crate::{interrupt, language_model, output};

/// How the model is called that comes with the program.
const BUNDLED: &str = "english";

/// Serves speech recognition: Vosk's WebSocket protocol, OpenAI's transcription and Realtime on one port, Wyoming on another. Ctrl-C or
/// SIGTERM ends it when all sessions have had their last result, a second one at once; SIGHUP loads models and certificate
/// again
#[derive(Args)]
pub struct Serve {
    /// Models by name, the first for clients that name none [default: the bundled English model, as english]
    #[arg(long, value_name = "NAME=FILE,...", value_delimiter = ',')]
    model: Vec<String>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2700")]
    listen: SocketAddr,
    /// Where to listen for Wyoming (Home Assistant), usually at port 10300
    #[arg(long, value_name = "ADDRESS:PORT")]
    wyoming: Option<SocketAddr>,
    /// Threads that recognise [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Sessions at a time; others are told to come later
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_sessions: u32,
    /// Largest file, in MB
    #[arg(long, value_name = "MB", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_upload: u32,
    /// Largest message on a socket, in kB
    #[arg(long, value_name = "KB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    max_message: u32,
    /// Longest session, and longest audio, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 240, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_length: u32,
    /// A client that says nothing for so long is gone
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    idle: u32,
    /// Largest beam that a client may ask for
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    max_beam: u32,
    /// For how long sessions may go on after Ctrl-C or SIGTERM
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    drain: u32,
    /// Keys that clients must have, one a line (`Authorization: Bearer KEY`)
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Certificate with its chain, in PEM: the port then speaks https and wss
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen where others can reach the server without keys or encryption: something in front of it has both
    #[arg(long)]
    insecure: bool,
    #[arg(long, value_name = "SECONDS", value_parser = checked("endpoint"), help = help("endpoint"))]
    endpoint: Option<String>,
    #[command(flatten)]
    decoder: DecoderArgs,
    #[command(flatten)]
    voice: VoiceArgs,
    /// Print one JSON object when it listens: {"address", "wyoming", "models"}
    #[arg(long)]
    json: bool,
}

/// What is told when it listens.
#[derive(Serialize)]
struct Listening {
    address: SocketAddr,
    wyoming: Option<SocketAddr>,
    models: Vec<String>,
}

impl Serve {
    pub fn run(self) -> Result<Verdict> {
        let models = self.models()?;
        let names: Vec<String> = models.iter().map(|model| model.name.clone()).collect();
        let server = Server::start(self.config(models)?).map_err(explained)?;
        let listening = Listening {
            address: server.address(),
            wyoming: server.wyoming_address(),
            models: names,
        };
        let server = Arc::new(server);
        let told = Arc::clone(&server);
        interrupt::catch(move || {
            output::say("ending: sessions get their last result");
            told.drain();
        })?;
        reload_on_hangup(&server)?;
        if self.json {
            output::json(&listening)?;
        } else {
            output::text(&listening.render(self.tls_cert.is_some()))?;
        }
        server.wait();
        Ok(Verdict::Good)
    }

    fn config(&self, models: Vec<NamedModel>) -> Result<Config> {
        let mut config = Config::new(models);
        config.address = self.listen;
        config.wyoming = self.wyoming;
        config.settings = self.decoder.settings()?;
        // Each model has it already.
        config.settings.lm = None;
        self.voice.apply(&mut config.settings, true)?;
        set(&mut config.settings, "endpoint", self.endpoint.as_ref())?;
        if let Some(threads) = self.threads {
            config.threads = threads.into();
        }
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        config.limits.sessions = self.max_sessions as usize;
        config.limits.upload_bytes = self.max_upload as usize * 1_000_000;
        config.limits.message_bytes = self.max_message as usize * 1024;
        config.limits.session = 60 * seconds(self.max_length);
        config.limits.idle = seconds(self.idle);
        config.limits.beam = self.max_beam;
        config.limits.drain = seconds(self.drain);
        if let Some(path) = &self.key_file {
            let name = || path.display().to_string();
            let text = std::fs::read_to_string(path).with_context(name)?;
            config.keys = Keys::of_text(&text).with_context(name)?;
        }
        config.tls = self
            .tls_cert
            .clone()
            .zip(self.tls_key.clone())
            .map(|(certificate, key)| Tls { certificate, key });
        config.insecure = self.insecure;
        config.notice = Arc::new(|notice| output::say(&notice.to_string()));
        Ok(config)
    }

    /// The models, with how each is read.
    fn models(&self) -> Result<Vec<NamedModel>> {
        let lm = self.decoder.lm().map(Path::to_path_buf);
        if self.model.is_empty() {
            let load = move || load(&ModelArg::bundled(), lm.as_deref());
            return Ok(vec![NamedModel::new(BUNDLED, load)]);
        }
        if lm.is_some() && self.model.len() > 1 {
            return Err(usage(
                "--lm with several models: put each one's language model into it (stonechat pack)",
            ));
        }
        let named = |text: &String| match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                let (model, lm) = (ModelArg::file(path.into()), lm.clone());
                Ok(NamedModel::new(name, move || load(&model, lm.as_deref())))
            }
            _ => Err(usage(format!("--model {text}: write NAME=FILE"))),
        };
        self.model.iter().map(named).collect()
    }
}

/// A model with its language model, as the other verbs have it.
fn load(model: &ModelArg, lm: Option<&Path>) -> Result<Model, String> {
    let load = || -> Result<Model> {
        let loaded = model.load()?;
        Ok(match lm {
            Some(path) => loaded.with_language_model(language_model::load(path)?),
            None if model.is_bundled() => {
                let lm = LanguageModel::from_bytes(LANGUAGE_MODEL);
                loaded.with_language_model(lm.context("the bundled language model")?)
            }
            None => loaded,
        })
    };
    load().map_err(|error| message(&error))
}

/// What is refused because of how the command was called.
fn explained(error: Error) -> anyhow::Error {
    match error {
        Error::Public { address, lacks } => usage(format!(
            "--listen {address} can be reached from outside: {lacks} (--key-file, --tls-cert and --tls-key), or say --insecure where \
             something in front of it has both"
        )),
        error => error.into(),
    }
}

/// SIGHUP reads models and certificate again.
#[cfg(unix)]
fn reload_on_hangup(server: &Arc<Server>) -> Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGHUP])
        .context("SIGHUP cannot be caught")?;
    let server = Arc::clone(server);
    std::thread::spawn(move || signals.forever().for_each(|_| server.reload()));
    Ok(())
}

/// Other systems have no such signal.
#[cfg(not(unix))]
fn reload_on_hangup(_: &Arc<Server>) -> Result<()> {
    Ok(())
}

impl Listening {
    fn render(&self, tls: bool) -> String {
        let (http, socket) = if tls { ("https", "wss") } else { ("http", "ws") };
        let address = self.address;
        let mut text = format!(
            "models: {}\nVosk: {socket}://{address}/\nOpenAI: {http}://{address}/v1",
            self.models.join(", ")
        );
        if let Some(wyoming) = self.wyoming {
            text += &format!("\nWyoming: tcp://{wyoming}");
        }
        text
    }
}
