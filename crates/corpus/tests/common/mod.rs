//! A folder of small recordings.

#![allow(dead_code)] // Each test file uses its own part.

use std::path::PathBuf;

pub const RATE_HZ: u32 = 8_000;

pub struct Folder(pub stonechat_testing::Folder);

impl Folder {
    pub fn new() -> Self {
        Self(stonechat_testing::Folder::new())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.0.write(name, content)
    }

    /// A 16-bit wav of so many seconds.
    pub fn say(&self, name: &str, seconds: f64) -> PathBuf {
        let samples = (seconds * f64::from(RATE_HZ)).round() as usize;
        let noise = stonechat_testing::noise(1, samples);
        self.write(name, stonechat_testing::wav(&noise, RATE_HZ, 1))
    }
}
