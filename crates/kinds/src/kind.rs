//! The kinds, their names, and advice for each.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::{HEAD_BYTES, audio, signatures, text};

/// What the first bytes of a file look like. `Display` gives its name with an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// No bytes.
    Empty,
    /// Zeros, as from a broken download or a full disk.
    Zeros,
    /// Wav: RIFF, RF64, BW64.
    Wav,
    /// Sony Wave64.
    Wave64,
    /// Native FLAC.
    Flac,
    /// MPEG audio, layers 1 to 3.
    Mpeg,
    /// Ogg with the codec of its first stream, as [`OggCodec`](FileKind::Ogg) names it: "vorbis",
    /// "opus", "flac", "speex", "theora video" or "an unknown codec".
    Ogg(&'static str),
    /// AIFF or AIFF-C.
    Aiff,
    /// Sun's or NeXT's `.au`.
    Au,
    /// Apple's Core Audio Format.
    Caf,
    /// MPEG-4 or QuickTime: m4a, mp4, mov, 3gp.
    Mp4,
    /// Matroska or WebM.
    Matroska,
    /// AAC frames without a container (ADTS).
    Adts,
    /// NIST SPHERE, used by old speech corpora.
    Sphere,
    /// Audio or video that is not supported: its name, with an article.
    OtherMedia(&'static str),
    /// A Stonechat package.
    Package,
    /// A Stonechat packed language model.
    PackedLm,
    /// A checkpoint of a training.
    Checkpoint,
    /// Counts of n-grams, as `stonechat lm count` writes them.
    Counts,
    /// An ARPA language model.
    Arpa,
    /// KenLM's binary language model.
    KenLm,
    /// Weights in safetensors.
    Safetensors,
    /// A PyTorch file (zip with a pickle).
    PyTorch,
    /// A Python pickle.
    Pickle,
    /// An ONNX model.
    Onnx,
    /// A manifest: JSON lines with `audio_filepath`.
    Manifest,
    /// A Parquet table.
    Parquet,
    /// A JSGF grammar.
    Jsgf,
    /// A recipe, a plan or other TOML.
    Toml,
    /// JSON of another kind.
    Json,
    /// A Git LFS pointer instead of the file.
    LfsPointer,
    /// HTML: often the error page of a download.
    Html,
    /// XML, SVG and such.
    Xml,
    /// Text in UTF-16.
    Utf16,
    /// Any other text.
    Text,
    /// A compressed file or archive: its name, with an article.
    Archive(&'static str),
    /// A picture, document, program or similar: its name, with an article.
    Other(&'static str),
    /// None of these: its first bytes.
    Unknown([u8; 8]),
}

impl FileKind {
    /// The kind of a file that begins with `head` ([`HEAD_BYTES`] of it are enough).
    pub fn of(head: &[u8]) -> Self {
        if head.is_empty() {
            return Self::Empty;
        }
        if head.len() >= 8 && head.iter().all(|&byte| byte == 0) {
            return Self::Zeros;
        }
        audio::kind(head)
            .or_else(|| signatures::kind(head))
            .or_else(|| text::kind(head))
            .or_else(|| audio::by_frames(head))
            .unwrap_or_else(|| {
                let mut bytes = [0; 8];
                let count = head.len().min(8);
                bytes[..count].copy_from_slice(&head[..count]);
                Self::Unknown(bytes)
            })
    }

    /// The kind of a file; `None` if it is not a regular file (nothing is taken from a pipe).
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub fn of_file(path: impl AsRef<Path>) -> io::Result<Option<Self>> {
        let path = path.as_ref();
        if !path.metadata()?.is_file() {
            return Ok(None);
        }
        let mut file = File::open(path)?;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        Read::by_ref(&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        // Cover art can be longer than the head: what the tag belongs to comes after it.
        if let Some(tag) = audio::id3v2_bytes(&head).filter(|&tag| tag >= head.len() as u64) {
            let mut behind = Vec::with_capacity(HEAD_BYTES);
            file.seek(SeekFrom::Start(tag))?;
            file.take(HEAD_BYTES as u64).read_to_end(&mut behind)?;
            if let Some(kind) = audio::kind(&behind) {
                return Ok(Some(kind));
            }
        }
        Ok(Some(Self::of(&head)))
    }

    /// Whether it is audio, or video that may contain audio.
    pub fn is_audio(self) -> bool {
        use FileKind::{
            Adts, Aiff, Au, Caf, Flac, Matroska, Mp4, Mpeg, Ogg, OtherMedia, Sphere, Wav, Wave64,
        };
        matches!(
            self,
            Wav | Wave64 | Flac | Mpeg | Ogg(_) | Aiff | Au | Caf | Mp4 | Matroska | Adts | Sphere
        ) || matches!(self, OtherMedia(_))
    }

    /// What to do with such a file if something else was expected: the end of a sentence, such as
    /// `pack it with ...`. `None` if there is no advice.
    pub fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::Empty | Self::Zeros => "fetch or write it again",
            Self::OtherMedia(_) => "convert it with `ffmpeg -i FILE -ac 1 -ar 16000 OUT.wav`",
            kind if kind.is_audio() => "give it to `stonechat transcribe`",
            Self::Package => "give it as --model",
            Self::PackedLm => "give it as --lm",
            Self::Checkpoint => {
                "go on with it by `stonechat train --resume`, or use the run's package"
            }
            Self::Counts => "make a model of it with `stonechat lm merge`",
            Self::Arpa => "pack it with `stonechat lm quantize`",
            Self::KenLm => {
                "keep the ARPA file it was made from and pack that with `stonechat lm quantize`"
            }
            Self::Safetensors | Self::PyTorch | Self::Pickle => {
                "make a package of its weights with `stonechat import`, which reads safetensors"
            }
            Self::Onnx => "`stonechat export` writes ONNX, nothing here reads it",
            Self::Manifest => "give it to `stonechat train` or `stonechat eval`",
            Self::Parquet => "make a manifest of it with `stonechat data make`",
            Self::Jsgf => "give it as --grammar",
            Self::Toml => {
                "give it to `stonechat train` if it is a recipe, to `stonechat sweep` if it is a sweep"
            }
            Self::LfsPointer => "fetch the file itself with `git lfs pull`",
            Self::Html => "it may be the error page of a download: fetch the file again",
            Self::Utf16 => "save it as UTF-8",
            Self::Archive(_) => "unpack it first",
            _ => return None,
        })
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::Zeros => "a file that begins with nothing but zeros",
            Self::Wav => "a wav file",
            Self::Wave64 => "a Wave64 file",
            Self::Flac => "a flac file",
            Self::Mpeg => "an mp3 file",
            Self::Ogg(codec) => return write!(f, "an ogg file with {codec}"),
            Self::Aiff => "an AIFF file",
            Self::Au => "an au file",
            Self::Caf => "a Core Audio file",
            Self::Mp4 => "MPEG-4 audio or video",
            Self::Matroska => "Matroska or WebM audio or video",
            Self::Adts => "an AAC file",
            Self::Sphere => "a NIST SPHERE file",
            Self::Package => "a Stonechat package",
            Self::PackedLm => "a packed language model",
            Self::Checkpoint => "a checkpoint of a training",
            Self::Counts => "counts of n-grams",
            Self::Arpa => "an ARPA language model",
            Self::KenLm => "a binary language model of KenLM",
            Self::Safetensors => "weights in safetensors",
            Self::PyTorch => "a PyTorch file",
            Self::Pickle => "a Python pickle",
            Self::Onnx => "an ONNX model",
            Self::Manifest => "a manifest",
            Self::Parquet => "a Parquet table",
            Self::Jsgf => "a JSGF grammar",
            Self::Toml => "a TOML file",
            Self::Json => "a JSON file",
            Self::LfsPointer => "a Git LFS pointer, not the file itself",
            Self::Html => "an HTML page",
            Self::Xml => "an XML file",
            Self::Utf16 => "text in UTF-16",
            Self::Text => "text",
            Self::OtherMedia(name) | Self::Archive(name) | Self::Other(name) => name,
            Self::Unknown(bytes) => {
                f.write_str("an unknown file that begins with the bytes")?;
                return bytes.iter().try_for_each(|byte| write!(f, " {byte:02x}"));
            }
        })
    }
}
