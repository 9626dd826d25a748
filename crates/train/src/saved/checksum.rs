//! The checksum of a checkpoint: CRC-32 over its metadata and tensors, in the order of their names.

use std::collections::HashMap;

use safetensors::SafeTensors;

/// The metadata key of the checksum itself.
pub const KEY: &str = "checksum";

/// The checksum of the metadata, except [`KEY`], and of the tensors: name, shape, bytes.
pub fn of<'a>(
    metadata: &HashMap<String, String>,
    tensors: impl IntoIterator<Item = (&'a str, &'a [usize], std::borrow::Cow<'a, [u8]>)>,
) -> String {
    let mut crc = crc32fast::Hasher::new();
    let mut part = |bytes: &[u8]| {
        crc.update(&(bytes.len() as u64).to_le_bytes());
        crc.update(bytes);
    };
    let mut entries: Vec<_> = metadata.iter().filter(|(key, _)| *key != KEY).collect();
    entries.sort();
    for (key, value) in entries {
        part(key.as_bytes());
        part(value.as_bytes());
    }
    let mut tensors: Vec<_> = tensors.into_iter().collect();
    tensors.sort_by_key(|(name, ..)| *name);
    for (name, shape, bytes) in tensors {
        part(name.as_bytes());
        shape.iter().for_each(|length| part(&(*length as u64).to_le_bytes()));
        part(&bytes);
    }
    format!("{:08x}", crc.finalize())
}

/// Whether a file has the right checksum. Checkpoints of earlier versions have none and are
/// accepted.
pub fn holds(metadata: &HashMap<String, String>, tensors: &SafeTensors<'_>) -> bool {
    let Some(expected) = metadata.get(KEY) else { return true };
    let views = tensors.tensors();
    let parts = views.iter().map(|(name, view)| (&name[..], view.shape(), view.data().into()));
    *expected == of(metadata, parts)
}
