//! Formats with signatures: models, archives, pictures, programs.

use crate::FileKind;

/// (place, bytes, kind); the first match counts.
const SIGNATURES: [(usize, &[u8], FileKind); 39] = [
    (0, b"stoneLM", FileKind::PackedLm),
    (0, b"STCOUNT1", FileKind::Counts),
    (0, b"mmap lm http://kheafield.com", FileKind::KenLm),
    (0, b"\x28\xb5\x2f\xfd", FileKind::Archive("a file compressed by zstd")),
    (0, b"\x1f\x8b", FileKind::Archive("a file compressed by gzip")),
    (0, b"\xfd7zXZ\0", FileKind::Archive("a file compressed by xz")),
    (0, b"BZh", FileKind::Archive("a file compressed by bzip2")),
    (0, b"7z\xbc\xaf\x27\x1c", FileKind::Archive("a 7z archive")),
    (0, b"Rar!\x1a\x07", FileKind::Archive("a rar archive")),
    (257, b"ustar", FileKind::Archive("a tar archive")),
    (0, b"%PDF", FileKind::Other("a PDF document")),
    (0, b"{\\rtf", FileKind::Other("an RTF document")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind::Other("an old Office document")),
    (0, b"\x89PNG\r\n\x1a\n", FileKind::Other("a PNG picture")),
    (0, b"\xff\xd8\xff", FileKind::Other("a JPEG picture")),
    (0, b"GIF8", FileKind::Other("a GIF picture")),
    (0, b"\x7fELF", FileKind::Other("a program")),
    (0, b"MZ", FileKind::Other("a program for Windows")),
    (0, b"\xcf\xfa\xed\xfe", FileKind::Other("a program for macOS")),
    (0, b"\0asm", FileKind::Other("a WebAssembly module")),
    (0, b"SQLite format 3\0", FileKind::Other("an SQLite database")),
    (0, b"\x93NUMPY", FileKind::Other("a NumPy array")),
    (0, b"\x89HDF\r\n\x1a\n", FileKind::Other("an HDF5 file")),
    (0, b"PAR1", FileKind::Parquet),
    (0, b"GGUF", FileKind::Other("a GGUF model")),
    (0, b"lmgg", FileKind::Other("a ggml model")),
    (0, b"\x80\x02", FileKind::Pickle),
    (0, b"\x80\x04", FileKind::Pickle),
    (4, b"TFL3", FileKind::Other("a TensorFlow Lite model")),
    (0, b"LZIP", FileKind::Archive("a file compressed by lzip")),
    (0, b"\x04\x22\x4d\x18", FileKind::Archive("a file compressed by lz4")),
    (0, b"#!/", FileKind::Other("a script")),
    (0, b"\xff\xfe", FileKind::Utf16),
    (0, b"\xfe\xff", FileKind::Utf16),
    (0, b"#JSGF", FileKind::Jsgf),
    (0, b"\xef\xbb\xbf#JSGF", FileKind::Jsgf),
    (0, b"version https://git-lfs", FileKind::LfsPointer),
    (0, b"PK\x05\x06", FileKind::Archive("an empty zip archive")),
    (0, b"\0BFM", FileKind::Other("an OpenFst model")),
];

pub(crate) fn kind(head: &[u8]) -> Option<FileKind> {
    if head.starts_with(b"PK\x03\x04") {
        return Some(match contains(head, b"data.pkl") || contains(head, b".pt") {
            true => FileKind::PyTorch,
            false => FileKind::Archive("a zip archive"),
        });
    }
    if let Some(kind) = safetensors(head) {
        return Some(kind);
    }
    let known = SIGNATURES
        .iter()
        .find(|(at, bytes, _)| head.get(*at..).is_some_and(|b| b.starts_with(bytes)));
    known.map(|(_, _, kind)| *kind).or_else(|| onnx(head))
}

/// A length of 8 bytes and a JSON object: packages and checkpoints are safetensors with our
/// metadata.
fn safetensors(head: &[u8]) -> Option<FileKind> {
    let (length, json) = head.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*length) >= 1 << 40 || !json.starts_with(b"{\"") {
        return None;
    }
    let any = |names: &[&[u8]]| names.iter().any(|name| contains(json, name));
    Some(if contains(json, b"\"alphabet\":\"{") {
        FileKind::Package
    } else if any(&[b"\"progress\":\"{", b"\"optimizer_steps\":\"", b"\"parameter/"]) {
        FileKind::Checkpoint
    } else {
        FileKind::Safetensors
    })
}

/// The field `ir_version`, then the name of the producer or the graph.
fn onnx(head: &[u8]) -> Option<FileKind> {
    let known = head.len() > 16 && head[0] == 8 && (1..=20).contains(&head[1]);
    (known && matches!(head[2], 0x12 | 0x1a | 0x22 | 0x3a)).then_some(FileKind::Onnx)
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
