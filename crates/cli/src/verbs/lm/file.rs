//! Models in files, packed or ARPA, and text.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use stonechat_files::Output;
use stonechat_kinds::{FileKind, HEAD_BYTES};
use stonechat_lm::text::{TextFiles, open};
use stonechat_lm::{Bits, LanguageModel, NgramModel, arpa};

use crate::failure::usage;
use crate::kinds;
use crate::language_model::explained;
use crate::normalise::NormaliseArg;
use crate::output;

/// Text to read.
#[derive(Args)]
pub struct Texts {
    /// Text files, plain or compressed with gzip or xz: one sentence per line, words separated by spaces
    #[arg(value_name = "TEXT", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    normalise: NormaliseArg,
}

impl Texts {
    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// The texts. A file that has marks between its words is told: they are taken as words, too.
    ///
    /// # Errors
    /// A file of a kind whose lines are no sentences.
    pub fn read(self) -> Result<TextFiles> {
        use FileKind::{Archive, Html, Json, Toml, Xml};
        for path in &self.files {
            let packed = |kind| matches!(kind, Archive(name) if name.contains("gzip") || name.contains("xz"));
            let fits = |kind| kinds::plain(kind) || matches!(kind, Html | Xml);
            kinds::check(path, "text", |kind| fits(kind) || packed(kind))?;
            let Some(kind) = content(path)? else { continue };
            if kind == FileKind::Empty && self.files.len() > 1 {
                output::warn(&format!("{}: there is nothing in it", path.display()));
            }
            if !fits(kind) {
                return Err(kinds::other(path, kind, "text"));
            }
            if matches!(kind, Html | Json | Toml | Xml) {
                let name = path.display();
                output::warn(&format!(
                    "{name}: this seems to be {kind}, not plain text: its marks and keys are counted as words"
                ));
            }
        }
        Ok(TextFiles::new(self.files, self.normalise.normaliser()))
    }
}

/// What is in a file, unpacked if it is compressed; nothing is taken out of a pipe to look at it.
fn content(path: &Path) -> Result<Option<FileKind>> {
    if !path.is_file() {
        return Ok(None);
    }
    let mut file = open(path)?;
    let head = file.fill_buf().with_context(|| path.display().to_string())?;
    Ok(Some(FileKind::of(&head[..head.len().min(HEAD_BYTES)])))
}

/// Widths of a packed model.
#[derive(Args)]
pub struct Widths {
    /// Bits of a probability in the packed model: 2 to 16, or 32 for unquantized
    #[arg(long, value_name = "N")]
    prob_bits: Option<u32>,
    /// Bits of a back-off weight in the packed model: 2 to 16, or 32 for unquantized
    #[arg(long, value_name = "N")]
    backoff_bits: Option<u32>,
}

impl Widths {
    /// The widths asked for: of a probability, of a back-off weight.
    pub fn given(&self) -> (Option<u32>, Option<u32>) {
        (self.prob_bits, self.backoff_bits)
    }

    /// A usage error if widths are asked for where the output is text, which has none.
    pub fn check(&self, output: &Path) -> Result<()> {
        match self.given() {
            (None, None) => Ok(()),
            _ if Format::of(output) == Format::Packed => Ok(()),
            _ => Err(usage(
                "--prob-bits and --backoff-bits are of packed models, the output is named as ARPA",
            )),
        }
    }

    /// The widths asked for, and those of `default` otherwise.
    pub fn or(&self, default: Bits) -> Bits {
        Bits {
            prob: self.prob_bits.unwrap_or(default.prob),
            backoff: self.backoff_bits.unwrap_or(default.backoff),
        }
    }
}

/// A file as a model that can be changed.
///
/// # Errors
/// What is wrong with it, or what else it is.
pub fn read(path: &Path) -> Result<NgramModel> {
    read_model(path).map_err(|error| explained(path, error))
}

fn read_model(path: &Path) -> Result<NgramModel> {
    let in_file = |error: stonechat_lm::Error| error.in_file(path);
    let mut file = open(path)?;
    let start = file.fill_buf().with_context(|| path.display().to_string())?;
    if LanguageModel::is_packed(start) {
        drop(file);
        let model = LanguageModel::load(path)?;
        return Ok(model.to_model().map_err(in_file)?);
    }
    Ok(arpa::read(file).map_err(in_file)?)
}

/// What a file's name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Packed,
    Arpa,
    ArpaGzip,
}

impl Format {
    pub fn of(path: &Path) -> Self {
        let is = |path: &Path, extension: &str| {
            path.extension()
                .and_then(OsStr::to_str)
                .is_some_and(|e| e.eq_ignore_ascii_case(extension))
        };
        match path.file_stem() {
            _ if is(path, "arpa") => Format::Arpa,
            Some(stem) if is(path, "gz") && is(Path::new(stem), "arpa") => Format::ArpaGzip,
            _ => Format::Packed,
        }
    }
}

/// Writes a model in the format that the name asks for; a file of that name stays as it was until all is
/// written.
pub fn write(model: &NgramModel, bits: Bits, path: &Path) -> Result<()> {
    write_with(path, |out| match Format::of(path) {
        Format::Packed => Ok(out.write_all(&model.pack(bits)?)?),
        _ => Ok(arpa::write(model, out)?),
    })
}

/// As [`write()`], with what is written left to `content`; compressed where the name asks for it.
pub fn write_with(path: &Path, content: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let name = || path.display().to_string();
    let mut out = Output::create(path)?;
    match Format::of(path) {
        Format::ArpaGzip => {
            let mut gzip = flate2::write::GzEncoder::new(&mut out, flate2::Compression::default());
            content(&mut gzip).with_context(name)?;
            gzip.finish().with_context(name)?;
        }
        _ => content(&mut out).with_context(name)?,
    }
    Ok(out.commit()?)
}

/// What is said of a file that was written.
#[derive(Serialize)]
pub struct Written {
    pub output: String,
    pub bytes: u64,
    /// Unigrams first.
    pub ngrams: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_ngram: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prob_bits: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_bits: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
}

impl Written {
    pub fn new(path: &Path, ngrams: Vec<usize>, bits: Bits) -> Result<Self> {
        let bytes = fs::metadata(path).with_context(|| path.display().to_string())?.len();
        let packed = Format::of(path) == Format::Packed;
        let total: usize = ngrams.iter().sum();
        Ok(Self {
            output: path.display().to_string(),
            bytes,
            bytes_per_ngram: packed.then(|| bytes as f64 / total as f64),
            ngrams,
            prob_bits: packed.then_some(bits.prob),
            backoff_bits: packed.then_some(bits.backoff),
            threshold: None,
        })
    }

    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            return output::json(self);
        }
        let counts = self.ngrams.iter().map(|&count| output::thousands(count));
        let counts = counts.collect::<Vec<_>>().join(" + ");
        let mut line =
            format!("{}: {counts} n-grams, {}", self.output, output::megabytes(self.bytes));
        if let Some(each) = self.bytes_per_ngram {
            line += &format!(", {each:.2} bytes an n-gram");
        }
        output::text(&line)
    }
}
