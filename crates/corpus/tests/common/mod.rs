//! A folder of small recordings.

#![allow(dead_code)] // Each test file uses its own part.

use std::path::PathBuf;

pub const RATE_HZ: u32 = 8_000;

pub struct Folder(pub tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A 16-bit wav of so many seconds.
    pub fn say(&self, name: &str, seconds: f64) -> PathBuf {
        let samples = (seconds * f64::from(RATE_HZ)).round() as u32;
        let mut wav = Vec::from(*b"RIFF");
        wav.extend((36 + 2 * samples).to_le_bytes());
        wav.extend(b"WAVEfmt ");
        wav.extend(16u32.to_le_bytes());
        wav.extend([1, 0, 1, 0]);
        wav.extend(RATE_HZ.to_le_bytes());
        wav.extend((2 * RATE_HZ).to_le_bytes());
        wav.extend([2, 0, 16, 0]);
        wav.extend(b"data");
        wav.extend((2 * samples).to_le_bytes());
        wav.extend((0..samples).flat_map(|n| ((n * 7919 % 2000) as i16 - 1000).to_le_bytes()));
        self.write(name, wav)
    }
}
