//! `eval --logits`: what the network says of each utterance, for other decoders and experiments.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use stonechat::Model;
use stonechat_tune::weights::Heard;

/// Writes `N.npy` (float32, `frames x symbols`) for each utterance, and `index.json` with the
/// symbols, the frame length and the texts.
pub fn write(folder: &Path, model: &Model, heard: &[Heard]) -> Result<()> {
    let symbols = model.alphabet().symbols();
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (n, heard) in heard.iter().enumerate() {
        let path = folder.join(format!("{n}.npy"));
        stonechat_files::write(&path, &npy(&heard.logits, symbols.len()))?;
    }
    let texts: Vec<&str> = heard.iter().map(|heard| heard.text.as_str()).collect();
    let index =
        json!({ "symbols": symbols, "frame_seconds": model.frame_seconds(), "texts": texts });
    let path = folder.join("index.json");
    Ok(stonechat_files::write(&path, index.to_string().as_bytes())?)
}

/// NumPy's format, version 1.0: a header of Python's literals, padded to 64 bytes, then the values.
fn npy(values: &[f32], columns: usize) -> Vec<u8> {
    let rows = values.len() / columns;
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let unpadded = 10 + header.len() + 1;
    header.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}
