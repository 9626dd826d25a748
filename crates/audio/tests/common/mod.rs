//! Shared by several test files: signals and hand-made wav files.
#![allow(dead_code, unused_imports)] // every test file uses its own part

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The sweep of `fixtures/make_fixtures.py`.
pub fn sweep(rate_hz: u32, seconds: f64) -> Vec<f32> {
    (0..(seconds * f64::from(rate_hz)) as usize)
        .map(|n| {
            let t = n as f64 / f64::from(rate_hz);
            (0.5 * (TAU * (300.0 * t + 400.0 * t * t)).sin()) as f32
        })
        .collect()
}

pub use stonechat_testing::{Folder, largest_difference, noise, tone};

/// A wav header, field by field, so that each of them can be wrong.
#[derive(Clone)]
pub struct Wav {
    pub riff_bytes: Option<u32>,
    pub fmt_bytes: u32,
    pub tag: u16,
    pub channels: u16,
    pub rate_hz: u32,
    pub block: Option<u16>,
    pub bits: u16,
    /// Chunks between fmt and data, whole.
    pub between: Vec<u8>,
    pub data_bytes: Option<u32>,
    pub data: Vec<u8>,
    /// Chunks after data.
    pub after: Vec<u8>,
}

impl Wav {
    pub fn pcm16(rate_hz: u32, channels: u16, samples: &[f32]) -> Wav {
        let data =
            samples.iter().flat_map(|x| ((x * 32_768.0).round() as i16).to_le_bytes()).collect();
        Wav { data, ..Wav::empty(1, 16, rate_hz, channels) }
    }

    pub fn float(rate_hz: u32, channels: u16, samples: &[f32]) -> Wav {
        let data = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        Wav { data, ..Wav::empty(3, 32, rate_hz, channels) }
    }

    pub fn empty(tag: u16, bits: u16, rate_hz: u32, channels: u16) -> Wav {
        Wav {
            riff_bytes: None,
            fmt_bytes: 16,
            tag,
            channels,
            rate_hz,
            block: None,
            bits,
            between: Vec::new(),
            data_bytes: None,
            data: Vec::new(),
            after: Vec::new(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let block = self.block.unwrap_or(self.channels.wrapping_mul(self.bits.div_ceil(8)));
        let mut fmt = Vec::new();
        fmt.extend(self.tag.to_le_bytes());
        fmt.extend(self.channels.to_le_bytes());
        fmt.extend(self.rate_hz.to_le_bytes());
        fmt.extend(self.rate_hz.wrapping_mul(u32::from(block)).to_le_bytes());
        fmt.extend(block.to_le_bytes());
        fmt.extend(self.bits.to_le_bytes());
        let mut body = b"WAVEfmt ".to_vec();
        body.extend(self.fmt_bytes.to_le_bytes());
        body.extend(fmt);
        body.extend(&self.between);
        body.extend(b"data");
        body.extend(self.data_bytes.unwrap_or(self.data.len() as u32).to_le_bytes());
        body.extend(&self.data);
        body.extend(&self.after);
        let mut bytes = b"RIFF".to_vec();
        bytes.extend(self.riff_bytes.unwrap_or(body.len() as u32).to_le_bytes());
        bytes.extend(body);
        bytes
    }
}
