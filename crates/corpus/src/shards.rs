//! Recordings with their texts packed into tar files, as WebDataset has them: `x.flac` and `x.json` one after the other.
//!
//! A shard is written in order and never touched again, so that it can lie in any store; a manifest that names the
//! bytes of each recording ([`Part`]) makes it as good as a folder of files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;
use stonechat_files::Output;
use stonechat_kinds::{FileKind, HEAD_BYTES};

use crate::manifest::ANY_RATE_HZ;
use crate::{Doubts, ManifestError, Part, Utterance};

/// What a tar file is counted in.
const BLOCK: u64 = 512;

/// Writes `PREFIX-00000.tar`, `PREFIX-00001.tar` ... Each is at its place when it is whole.
pub struct ShardWriter {
    prefix: PathBuf,
    limit: u64,
    shard: Option<Shard>,
    shards: usize,
    members: usize,
    doubts: Doubts,
    /// Files that are read, and must not be replaced.
    read: BTreeSet<PathBuf>,
}

struct Shard {
    path: PathBuf,
    tar: tar::Builder<Output>,
    bytes: u64,
}

impl ShardWriter {
    /// Shards of about `limit` bytes, at least one recording each.
    pub fn new(prefix: &Path, limit: u64) -> Self {
        Self {
            prefix: prefix.to_owned(),
            limit,
            shard: None,
            shards: 0,
            members: 0,
            doubts: Doubts::default(),
            read: BTreeSet::new(),
        }
    }

    /// Refuses to write over any of these files.
    pub fn apart_from(self, read: BTreeSet<PathBuf>) -> Self {
        Self { read, ..self }
    }

    /// Shards begun so far.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// What was wrong with recordings of which segments were cut out; files that keep their bytes are not decoded.
    pub fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// Adds an utterance and gives it as it lies in its shard. A whole file keeps its bytes; a segment of one is cut out
    /// and becomes a 16-bit wav at the file's rate.
    ///
    /// # Errors
    /// The recording cannot be read, or the shard not be written.
    pub fn add(&mut self, utterance: &Utterance) -> Result<Utterance, ManifestError> {
        let (ending, bytes) = match utterance.offset_s {
            None => {
                let bytes = utterance.bytes()?;
                (ending(&bytes), bytes)
            }
            Some(_) => {
                let rate_hz = utterance.open(ANY_RATE_HZ)?.source_rate_hz();
                let sound = utterance.read(rate_hz)?;
                self.doubts.add(utterance, &sound.warnings);
                ("wav", wav(&sound.samples, rate_hz))
            }
        };
        let (audio, part) = self.put(ending, &bytes, utterance)?;
        Ok(Utterance { audio, part: Some(part), offset_s: None, ..utterance.clone() })
    }

    fn put(
        &mut self,
        ending: &str,
        audio: &[u8],
        utterance: &Utterance,
    ) -> Result<(PathBuf, Part), ManifestError> {
        let text = json!({
            "text": utterance.text,
            "duration": utterance.duration_s,
            "speaker": utterance.speaker,
        });
        let text = text.to_string().into_bytes();
        let needed = member_bytes(audio.len()) + member_bytes(text.len());
        if self.shard.as_ref().is_some_and(|shard| shard.bytes + needed > self.limit) {
            self.end()?;
        }
        let shard = match &mut self.shard {
            Some(shard) => shard,
            none => {
                let name = self.prefix.file_name().unwrap_or_default().to_string_lossy();
                let path = self.prefix.with_file_name(format!("{name}-{:05}.tar", self.shards));
                self.shards += 1;
                stonechat_files::is_input(&path, self.read.iter().map(PathBuf::as_path))?;
                let tar = tar::Builder::new(Output::create(&path)?);
                none.insert(Shard { path, tar, bytes: 0 })
            }
        };
        let name = format!("{:09}", self.members);
        self.members += 1;
        let part = Part::Bytes { start_byte: shard.bytes + BLOCK, bytes: audio.len() as u64 };
        shard.append(&format!("{name}.{ending}"), audio)?;
        shard.append(&format!("{name}.json"), &text)?;
        Ok((shard.path.clone(), part))
    }

    fn end(&mut self) -> Result<(), ManifestError> {
        let Some(shard) = self.shard.take() else { return Ok(()) };
        let fail = |source| ManifestError::io(&shard.path, source);
        Ok(shard.tar.into_inner().map_err(fail)?.commit()?)
    }

    /// Ends the last shard.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> Result<(), ManifestError> {
        self.end()
    }
}

impl Shard {
    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), ManifestError> {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let added = self.tar.append_data(&mut header, name, bytes);
        added.map_err(|error| ManifestError::io(&self.path, error))?;
        self.bytes += member_bytes(bytes.len());
        Ok(())
    }
}

/// What files of this kind are called.
fn ending(file: &[u8]) -> &'static str {
    match FileKind::of(&file[..file.len().min(HEAD_BYTES)]) {
        FileKind::Flac => "flac",
        FileKind::Mpeg => "mp3",
        FileKind::Ogg(_) => "ogg",
        FileKind::Mp4 => "m4a",
        FileKind::Matroska => "webm",
        FileKind::Adts => "aac",
        _ => "wav",
    }
}

/// A header, and whole blocks of content.
fn member_bytes(length: usize) -> u64 {
    BLOCK + (length as u64).next_multiple_of(BLOCK)
}

/// A 16-bit wav of mono samples.
fn wav(samples: &[f32], rate_hz: u32) -> Vec<u8> {
    // A segment is bounded by what memory holds; what is longer than a wav can say is read to its end all the same.
    let data = u32::try_from(2 * samples.len()).unwrap_or(u32::MAX - 36);
    let mut file = Vec::with_capacity(44 + 2 * samples.len());
    let mut put = |bytes: &[u8]| file.extend_from_slice(bytes);
    put(b"RIFF");
    put(&(36 + data).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16u32.to_le_bytes());
    put(&[1, 0, 1, 0]);
    put(&rate_hz.to_le_bytes());
    put(&(2 * rate_hz).to_le_bytes());
    put(&[2, 0, 16, 0]);
    put(b"data");
    put(&data.to_le_bytes());
    for sample in samples {
        put(&((sample * 32768.0).round_ties_even() as i16).to_le_bytes());
    }
    file
}
