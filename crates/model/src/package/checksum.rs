//! CRC-32 of a package's content, so that a damaged file is an error, not a slightly different
//! model.
//!
//! It covers the content and not the layout: it stays valid if a tool rewrites the safetensors file
//! with the same tensors and metadata. `name\0` stands for the name and a zero byte:
//!
//! ```text
//! for each metadata entry but the checksum, by key:   key\0 value\0
//! for each tensor, by name:                           name\0 dtype\0 dim,dim,...\0 bytes
//! ```

use crc32fast::Hasher;

/// Running checksum; entries and tensors must come in order of their names.
pub(super) struct Checksum(Hasher);

impl Checksum {
    pub(super) fn new() -> Self {
        Self(Hasher::new())
    }

    pub(super) fn entry(&mut self, key: &str, value: &str) {
        for text in [key, value] {
            self.0.update(text.as_bytes());
            self.0.update(&[0]);
        }
    }

    pub(super) fn tensor(&mut self, name: &str, dtype: &str, shape: &[usize], bytes: &[u8]) {
        self.entry(name, dtype);
        for (i, dim) in shape.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            self.0.update(format!("{comma}{dim}").as_bytes());
        }
        self.0.update(&[0]);
        self.0.update(bytes);
    }

    /// Eight hexadecimal digits.
    pub(super) fn finish(self) -> String {
        format!("{:08x}", self.0.finalize())
    }
}
