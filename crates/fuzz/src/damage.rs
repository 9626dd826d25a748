//! Inputs changed by chance: bytes as broken disks and liars change them, words as people do.

use std::ops::Range;

use stonechat_testing::Random;

/// Texts that readers stumble over.
const WORDS: [&str; 30] = [
    "0",
    "-1",
    "1",
    "-0",
    "1e39",
    "-1e39",
    "1e-50",
    "nan",
    "inf",
    "-inf",
    "255",
    "65536",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999",
    "\u{feff}",
    "\0",
    "\"",
    "\\",
    "\r\n",
    "\n\n",
    "{",
    "}",
    "[]",
    "\u{e9}",
    "\u{1f600}",
    "null",
];

/// Changes one to six parts of `bytes`, with pieces of `other` where they are of use. `text`: words rather than bytes.
pub fn damage(bytes: &[u8], other: &[u8], text: bool, random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(6) {
        if bytes.is_empty() {
            bytes.extend(other.iter().take(random.below(64)));
        } else if text && random.below(4) > 0 {
            change_word(&mut bytes, other, random);
        } else {
            change_bytes(&mut bytes, other, random);
        }
    }
    bytes
}

fn change_bytes(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    // Half of it near the start, where headers are.
    let near = if random.below(2) == 0 { 256 } else { bytes.len() };
    let at = random.below(near.min(bytes.len()));
    let end = (at + 1 + random.below(64)).min(bytes.len());
    match random.below(8) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        2 => bytes[at..end].fill([0, 0xff][random.below(2)]),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        5 => bytes.truncate(at),
        6 => bytes[at] = random.below(256) as u8,
        _ => {
            let from = random.below(other.len().max(1));
            bytes.splice(at..end, other[from.min(other.len())..].iter().copied().take(400));
        }
    }
}

fn change_word(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let word = word_at(bytes, random.below(bytes.len()));
    let line = line_at(bytes, random.below(bytes.len()));
    match random.below(7) {
        0 | 1 => drop(bytes.splice(word, WORDS[random.below(WORDS.len())].bytes())),
        2 | 3 if !other.is_empty() => {
            let taken = word_at(other, random.below(other.len()));
            bytes.splice(word, other[taken].iter().copied());
        }
        4 => drop(bytes.drain(line)),
        5 => {
            let part = bytes[line.clone()].to_vec();
            bytes.splice(line.start..line.start, part);
        }
        _ if !other.is_empty() => {
            let taken = line_at(other, random.below(other.len()));
            bytes.splice(line.start..line.start, other[taken].iter().copied());
        }
        _ => drop(bytes.drain(word)),
    }
}

/// The letters and digits around a place, or the one byte there.
fn word_at(text: &[u8], at: usize) -> Range<usize> {
    let inside =
        |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte) || **byte >= 0x80;
    let before = text[..at].iter().rev().take_while(inside).count();
    let behind = text[at..].iter().take_while(inside).count();
    at - before..(at + behind).max(at + 1)
}

/// The line around a place, with its end.
fn line_at(text: &[u8], at: usize) -> Range<usize> {
    let start = text[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let end =
        text[at..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |end| at + end + 1);
    start..end
}
