//! What a server is told before it starts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use stonechat::Settings;

use crate::{Error, Keys, NamedModel, Tls};

/// Where Vosk's own server listens.
const PORT: u16 = 2700;

/// What to serve, where and to whom.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Where to listen for Wyoming, if at all.
    pub wyoming: Option<SocketAddr>,
    /// At least one; the first is meant where a client names none.
    pub models: Vec<NamedModel>,
    /// What sessions begin with; their own settings come on top.
    pub settings: Settings,
    /// What a client may take.
    pub limits: Limits,
    /// Threads that recognise.
    pub threads: usize,
    /// Who may come in; everybody where there are none.
    pub keys: Keys,
    /// Encryption of what is not Wyoming.
    pub tls: Option<Tls>,
    /// An address that others can reach is meant to be open: something in front of the server asks for keys and encrypts.
    pub insecure: bool,
    /// Is told what is worth telling.
    pub notice: Arc<dyn Fn(&Notice) + Send + Sync>,
}

impl Config {
    /// These models on port 2700 of this machine alone, with the usual limits and a thread a core.
    pub fn new(models: Vec<NamedModel>) -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, PORT).into(),
            wyoming: None,
            models,
            settings: Settings::default(),
            limits: Limits::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            keys: Keys::default(),
            tls: None,
            insecure: false,
            notice: Arc::new(|_| {}),
        }
    }

    /// Nobody listens to the whole world by mistake.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let open = |address: &SocketAddr| !address.ip().is_loopback() && !self.insecure;
        if let Some(address) = self.wyoming.filter(open) {
            let lacks = "Wyoming has neither keys nor encryption, so listen on this machine alone";
            return Err(Error::Public { address, lacks });
        }
        let lacks = match (self.keys.is_empty(), &self.tls) {
            _ if !open(&self.address) => return Ok(()),
            (true, None) => "give keys and a certificate",
            (true, Some(_)) => "give keys",
            (false, None) => "give a certificate",
            (false, Some(_)) => return Ok(()),
        };
        Err(Error::Public { address: self.address, lacks })
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("address", &self.address)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What a client may take.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Sessions at a time: sockets and files that are being recognised.
    pub sessions: usize,
    /// Bytes of a file.
    pub upload_bytes: usize,
    /// Bytes of a message on a socket.
    pub message_bytes: usize,
    /// For how long a client may say nothing, or take nothing.
    pub idle: Duration,
    /// Length of a session, and of its audio.
    pub session: Duration,
    /// Hypotheses of a beam search that a client may ask for.
    pub beam: u32,
    /// Bytes of a grammar or a list of words that a client may send.
    pub list_bytes: usize,
    /// For how long sessions may go on when the server is told to end.
    pub drain: Duration,
}

impl Default for Limits {
    /// 1000 sessions, files of 100 MB, messages of 1 MB, 30 s idle, 4 h, a beam of 512, lists of 64 kB, 30 s to drain.
    fn default() -> Self {
        Self {
            sessions: 1000,
            upload_bytes: 100_000_000,
            message_bytes: 1 << 20,
            idle: Duration::from_secs(30),
            session: Duration::from_secs(4 * 3600),
            beam: 512,
            list_bytes: 64 << 10,
            drain: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Whether a stranger may have these settings; `base` are those of whoever runs the server.
    pub(crate) fn check(&self, settings: &Settings, base: &Settings) -> Result<(), String> {
        if settings.lm != base.lm {
            return Err("lm: a file of the server cannot be asked for".into());
        }
        if settings.beam.is_some_and(|beam| beam > self.beam) && settings.beam != base.beam {
            return Err(format!("beam: at most {} here", self.beam));
        }
        let bytes = |list: &[String]| list.iter().map(String::len).sum::<usize>();
        for (name, bytes, own) in [
            (
                "grammar",
                settings.grammar.as_ref().map_or(0, String::len),
                settings.grammar == base.grammar,
            ),
            ("hotwords", bytes(&settings.hotwords), settings.hotwords == base.hotwords),
            ("keywords", bytes(&settings.keywords), settings.keywords == base.keywords),
        ] {
            if bytes > self.list_bytes && !own {
                return Err(format!("{name}: at most {} bytes here", self.list_bytes));
            }
        }
        Ok(())
    }
}

/// Something that whoever runs the server wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A session met a bug and has ended; the others go on.
    Panic {
        /// What it was doing.
        doing: &'static str,
    },
    /// The models were read again.
    Reloaded,
    /// They could not be; those from before go on.
    NotReloaded(String),
    /// No connection could be taken: the system's reason.
    Accept(String),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic { doing } => {
                write!(f, "a session met a bug while {doing}, and has ended; please report it")
            }
            Self::Reloaded => f.write_str("models loaded again: new sessions have them"),
            Self::NotReloaded(problem) => {
                write!(f, "models not loaded again, those from before go on: {problem}")
            }
            Self::Accept(problem) => write!(f, "a connection could not be taken: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_get_no_files_and_no_endless_lists() {
        let limits = Limits { list_bytes: 20, beam: 100, ..Limits::default() };
        let mut base = Settings::default();
        base.set("beam", "1000").unwrap();
        for (name, value, problem) in [
            ("beam", "100", ""),
            ("beam", "101", "beam"),
            ("lm", "/etc/passwd", "lm"),
            ("hotword", "little station", ""),
            ("hotword", "a little station in the middle", "hotwords"),
            ("grammar", "turn on the light in the kitchen", "grammar"),
            ("keyword", "turn on the light in the kitchen", "keywords"),
        ] {
            let mut settings = base.clone();
            settings.set(name, value).unwrap();
            let checked = limits.check(&settings, &base);
            match checked {
                Ok(()) => assert!(problem.is_empty(), "{name} {value} is accepted"),
                Err(text) => {
                    assert!(!problem.is_empty() && text.starts_with(problem), "{name}: {text}");
                }
            }
        }
        assert!(limits.check(&base, &base).is_ok(), "whoever runs the server may");
    }

    #[test]
    fn public_addresses_are_refused() {
        let load = || Err::<stonechat::Model, _>("never loaded".to_string());
        let mut config = Config::new(vec![NamedModel::new("a", load)]);
        for (address, fine) in [
            ("127.0.0.1:0", true),
            ("[::1]:0", true),
            ("0.0.0.0:0", false),
            ("[::]:0", false),
            ("192.0.2.1:0", false),
        ] {
            config.address = address.parse().unwrap();
            config.insecure = false;
            assert_eq!(config.check().is_ok(), fine, "{address}");
            config.insecure = true;
            assert!(config.check().is_ok(), "{address}");
        }
        config.insecure = false;
        config.keys = Keys::of_text("sesame").unwrap();
        assert!(config.check().unwrap_err().to_string().contains("certificate"));
        config.tls = Some(Tls { certificate: "a.pem".into(), key: "b.pem".into() });
        assert!(config.check().is_ok());
        config.wyoming = Some("0.0.0.0:0".parse().unwrap());
        assert!(config.check().unwrap_err().to_string().contains("Wyoming"));
        config.wyoming = Some("127.0.0.1:0".parse().unwrap());
        assert!(config.check().is_ok());
    }
}
