//! Speech recognition as a service: one port for Vosk's WebSocket protocol, OpenAI's transcription over HTTP and OpenAI Realtime, with
//! health and metrics; another one for Wyoming.
//!
//! [`Server::start`] takes a [`Config`], binds its address and runs until [`Server::drain`]:
//!
//! ```no_run
//! use std::sync::Arc;
//! use stonechat::Model;
//! use stonechat_server::{Config, NamedModel, Server};
//!
//! let load = || Model::load("english.stonechat").map_err(|error| error.to_string());
//! let server = Server::start(Config::new(vec![NamedModel::new("english", load)]))?;
//! println!("listening on {}", server.address());
//! server.wait();
//! # Ok::<(), stonechat_server::Error>(())
//! ```
//!
//! # How it works
//! Sockets are tokio's; recognition is done by threads of its own ([`Config::threads`]). What a session has (stream, settings) goes to a
//! thread with one piece of audio, at most a second of it, and comes back with the answer before the next piece is read: nothing
//! can pile up, a client that sends too much waits (TCP does that by itself), and no session waits for more than a piece of each other.
//! A session that panics loses what it has, and nobody else does.
//!
//! # Promises
//! - Text is what the library gives for the same samples and settings.
//! - Nothing that a client sends opens a file, and every message has limits ([`Limits`]).
//! - It prints nothing: what is worth telling goes to [`Config::notice`].

#![forbid(unsafe_code)]

mod app;
mod certain;
mod config;
mod error;
mod hints;
mod http;
mod keys;
mod listener;
mod live;
mod load;
mod metrics;
mod models;
mod openai;
mod pcm;
mod pool;
mod realtime;
mod server;
mod sessions;
mod socket;
mod tls;
mod vosk;
mod wyoming;
mod wyoming_event;

pub use config::{Config, Limits, Notice};
pub use error::Error;
pub use keys::Keys;
pub use load::{Load, LoadReport, Percentiles};
pub use models::{LoadModel, NamedModel};
pub use server::Server;
pub use tls::Tls;
