//! The fields of a request for a transcription.

use std::io::Write;
use std::sync::Arc;

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use stonechat::{Setting, Settings};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::ApiError;
use crate::app::App;
use crate::hints;
use crate::models::Served;

/// Larger files wait on disk.
const IN_MEMORY: usize = 1 << 20;
/// Bytes of a field that is no file.
const FIELD_BYTES: usize = 256 << 10;

/// How a transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Text,
    Srt,
    Vtt,
    Verbose,
}

/// A file that was sent.
pub(crate) enum Upload {
    Memory(Vec<u8>),
    Disk(NamedTempFile),
}

/// All fields.
pub(crate) struct Form {
    pub(crate) model: Arc<Served>,
    pub(crate) file: Option<Upload>,
    pub(crate) format: Format,
    /// Which times `verbose_json` has.
    pub(crate) words: bool,
    pub(crate) segments: bool,
    pub(crate) stream: bool,
    pub(crate) temperature: f64,
    /// Names and values of settings, in their order.
    settings: Vec<(String, String)>,
    hints: Vec<String>,
}

impl Form {
    fn new(model: Arc<Served>) -> Self {
        Self {
            model,
            file: None,
            format: Format::Json,
            words: false,
            segments: false,
            stream: false,
            temperature: 0.0,
            settings: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Reads all fields, in any order. A file waits in memory, or on disk if it is large.
    pub(crate) async fn read(mut body: Multipart, app: &App) -> Result<Self, ApiError> {
        let first = app.models.get(None).map_err(ApiError::no_model)?;
        let mut form = Self::new(first);
        let mut rest = super::FORM_BYTES;
        while let Some(field) = timely(app, body.next_field()).await? {
            let name = field.name().unwrap_or_default().to_string();
            if name == "file" {
                form.file = Some(upload(field, app).await?);
                continue;
            }
            let value = text(field, app, FIELD_BYTES.min(rest)).await?;
            rest = rest.saturating_sub(name.len() + value.len());
            form.set(&name, value, app)?;
        }
        Ok(form)
    }

    /// One field that is no file. Those that mean nothing here are skipped: clients send what other services take.
    fn set(&mut self, name: &str, value: String, app: &App) -> Result<(), ApiError> {
        let wrong = |must: &str| Err(ApiError::invalid(Some(name), format!("must be {must}")));
        match name.strip_suffix("[]").unwrap_or(name) {
            "model" => self.model = app.models.get(Some(&value)).map_err(ApiError::no_model)?,
            "response_format" => {
                self.format = match &value[..] {
                    "json" | "" => Format::Json,
                    "text" => Format::Text,
                    "srt" => Format::Srt,
                    "vtt" => Format::Vtt,
                    "verbose_json" => Format::Verbose,
                    _ => return wrong("json, text, srt, vtt or verbose_json"),
                };
            }
            "timestamp_granularities" => match &value[..] {
                "word" => self.words = true,
                "segment" => self.segments = true,
                _ => return wrong("word or segment"),
            },
            "stream" => match &value.to_ascii_lowercase()[..] {
                "true" | "1" => self.stream = true,
                "false" | "0" | "" => self.stream = false,
                _ => return wrong("true or false"),
            },
            "temperature" => match value.trim().parse() {
                Ok(temperature @ 0.0..=1.0) => self.temperature = temperature,
                _ => return wrong("0 to 1"),
            },
            "prompt" => self.hints.extend(hints::of_prompt(&value).map(String::from)),
            // One a field, as OpenAI's clients send a list; our own name for them takes lines.
            "keywords" if name.ends_with("[]") => self.hints.push(value),
            setting if Setting::named(setting).is_ok() => {
                let mut tried = Settings::default();
                tried.set(setting, &value).map_err(ApiError::of_setting)?;
                self.settings.push((setting.into(), value));
            }
            _ => {}
        }
        Ok(())
    }

    /// What the model's recognizer is made with.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = self.model.base.clone();
        // A recording is one text, unless asked otherwise.
        settings.endpoint = None;
        for (name, value) in &self.settings {
            // They were tried when they came.
            let _ = settings.set(name, value);
        }
        let hints = self.hints.iter().map(String::as_str);
        hints::add(&mut settings, hints, self.model.model.alphabet());
        settings
    }
}

/// Waits for the client, but not for ever.
async fn timely<T>(
    app: &App,
    received: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, ApiError> {
    match timeout(app.limits.idle, received).await {
        Ok(Ok(received)) => Ok(received),
        Ok(Err(error)) if error.status() == 413 => Err(ApiError::too_large(format!(
            "the request is larger than {} bytes",
            app.limits.upload_bytes
        ))),
        Ok(Err(error)) => Err(ApiError::invalid(None, format!("the form: {}", error.body_text()))),
        Err(_) => Err(ApiError::too_slow()),
    }
}

async fn text(mut field: Field<'_>, app: &App, most: usize) -> Result<String, ApiError> {
    let name = field.name().unwrap_or_default().to_string();
    let mut bytes = Vec::new();
    while let Some(chunk) = timely(app, field.chunk()).await? {
        if bytes.len() + chunk.len() > most {
            return Err(ApiError::too_large(format!("{name}: the fields are too long")));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid(Some(&name), "is no text in UTF-8"))
}

async fn upload(mut field: Field<'_>, app: &App) -> Result<Upload, ApiError> {
    let most = app.limits.upload_bytes;
    let mut bytes = Vec::new();
    let mut disk: Option<(NamedTempFile, tokio::fs::File)> = None;
    let mut length = 0;
    while let Some(chunk) = timely(app, field.chunk()).await? {
        length += chunk.len();
        if length > most {
            return Err(ApiError::too_large(format!("file: larger than {most} bytes")));
        }
        if let Some((_, file)) = &mut disk {
            file.write_all(&chunk).await.map_err(no_disk)?;
            continue;
        }
        bytes.extend_from_slice(&chunk);
        if bytes.len() > IN_MEMORY {
            let begun = std::mem::take(&mut bytes);
            let (named, file) = tokio::task::spawn_blocking(move || -> std::io::Result<_> {
                let mut named = NamedTempFile::new()?;
                named.write_all(&begun)?;
                let file = named.as_file().try_clone()?;
                Ok((named, file))
            })
            .await
            .map_err(|error| ApiError::server(error.to_string()))?
            .map_err(no_disk)?;
            disk = Some((named, tokio::fs::File::from_std(file)));
        }
    }
    match disk {
        None => Ok(Upload::Memory(bytes)),
        Some((named, mut file)) => {
            file.flush().await.map_err(no_disk)?;
            Ok(Upload::Disk(named))
        }
    }
}

fn no_disk(error: std::io::Error) -> ApiError {
    ApiError::server(format!("the file cannot be kept while it is heard: {error}"))
}
