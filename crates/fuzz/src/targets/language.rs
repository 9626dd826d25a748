//! Any bytes must end in an answer or an error, and what is accepted must hold together.

use stonechat_lm::estimate::{self, EstimateOptions};
use stonechat_lm::{Bits, LanguageModel, Normaliser, WordId, arpa as text};

/// Loads a packed model and asks it everything once. The bytes are tried as they are, and with checksums that fit them, so
/// that what lies behind the checksums is reached, too.
pub fn packed(bytes: &[u8]) {
    ask(bytes);
    ask(&with_checksums(bytes.to_vec()));
}

fn ask(bytes: &[u8]) {
    let Ok(lm) = LanguageModel::from_bytes(bytes.to_vec()) else {
        return;
    };
    let mut state = lm.start();
    for id in 0..64 {
        state = lm.score(state, WordId(id * 7 % 23)).1;
        lm.end(state);
        let word = lm.word(WordId(id)).unwrap_or_default();
        lm.word_id(&word);
    }
    let _ = lm.to_model();
}

/// Sets the checksums of a packed model to those of its bytes. From byte 56 on the header has the length and the checksum of each
/// of twelve sections, 12 bytes each, and in its last four its own checksum.
pub fn with_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    const HEADER: usize = 256;
    if bytes.len() < HEADER {
        return bytes;
    }
    let mut start = HEADER;
    for entry in (0..12).map(|section| 56 + 12 * section) {
        let length = u64::from_le_bytes(bytes[entry..entry + 8].try_into().expect("eight bytes"));
        let Some(end) = usize::try_from(length).ok().and_then(|length| start.checked_add(length))
        else {
            break;
        };
        let Some(section) = bytes.get(start..end) else { break };
        let checksum = crc32(section);
        bytes[entry + 8..entry + 12].copy_from_slice(&checksum.to_le_bytes());
        start = end.next_multiple_of(8);
    }
    let checksum = crc32(&bytes[..HEADER - 4]);
    bytes[HEADER - 4..HEADER].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// CRC-32 (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// Reads ARPA text, packs what came of it, and writes it again.
pub fn arpa(bytes: &[u8]) {
    let Ok(model) = text::read(bytes) else {
        return;
    };
    let packed = model.pack(Bits::default()).and_then(LanguageModel::from_bytes);
    // What could be read can be packed.
    assert!(packed.is_ok_and(|lm| lm.counts() == model.counts()));
    let mut written = Vec::new();
    text::write(&model, &mut written).expect("memory takes everything");
    assert!(text::read(&written[..]).is_ok_and(|again| again.counts() == model.counts()));
}

/// Reads counts, and estimates the model that they make.
pub fn counts(bytes: &[u8]) {
    thread_local! {
        static FOLDER: stonechat_testing::Folder = stonechat_testing::Folder::new();
    }
    let path = FOLDER.with(|folder| folder.write("counts", bytes));
    let Ok(order) = estimate::order_of(&path) else { return };
    let folder = path.parent().expect("the file is in it").to_path_buf();
    let options = EstimateOptions { memory: 1 << 20, folder, ..EstimateOptions::new(order) };
    if let Ok(estimated) = estimate::estimate_counts(&[path], &options, &mut |_| {}) {
        let model = estimated.into_model().expect("an estimate makes a model");
        model.pack(Bits::default()).expect("a model can be packed");
    }
}

/// Reads rules for written text, and applies them.
pub fn rules(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let english = Normaliser::english().line(&text);
    assert!(!english.contains('\n') || text.contains('\n'));
    if let Ok(rules) = Normaliser::from_rules(&text) {
        rules.line("On May 3rd, 1984 Dr. Smith paid $1,234.50 & left.");
        rules.line(&text);
    }
}
