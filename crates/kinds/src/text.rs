//! Recognises text, and its kind.

use crate::FileKind;
use crate::signatures::contains;

pub(crate) fn kind(head: &[u8]) -> Option<FileKind> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if !is_text(head) {
        return None;
    }
    let start = head.trim_ascii_start();
    let lower = start[..start.len().min(64)].to_ascii_lowercase();
    Some(if start.starts_with(b"\\data\\") {
        FileKind::Arpa
    } else if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        FileKind::Html
    } else if start.starts_with(b"<?xml") || start.starts_with(b"<svg") {
        FileKind::Xml
    } else if start.starts_with(b"{") && contains(start, b"\"audio_filepath\"") {
        FileKind::Manifest
    } else if start.starts_with(b"{") || start.starts_with(b"[{") || start.starts_with(b"[\"") {
        FileKind::Json
    } else if is_arpa(head) {
        FileKind::Arpa
    } else if is_toml(head) {
        FileKind::Toml
    } else {
        FileKind::Text
    })
}

/// UTF-8, except for a character cut by the end of the head, and only the usual control characters.
fn is_text(head: &[u8]) -> bool {
    let control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    if head.is_empty() || head.iter().any(|&byte| control(byte) || byte == 0x7f) {
        return false;
    }
    match std::str::from_utf8(head) {
        Ok(_) => true,
        // Latin-1 has letters above 127 here and there; sounds have them everywhere.
        Err(error) => {
            error.valid_up_to() + 4 > head.len() && error.error_len().is_none()
                || head.iter().filter(|byte| **byte >= 0x80).count() * 5 < head.len()
        }
    }
}

/// Some programs write comments first.
fn is_arpa(head: &[u8]) -> bool {
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    lines.any(|line| line == b"\\data\\")
}

/// The first line that is neither empty nor a comment is a table or a key.
fn is_toml(head: &[u8]) -> bool {
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let Some(line) = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")) else {
        return false;
    };
    let key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.\"".contains(byte);
    if let Some(table) = line.strip_prefix(b"[") {
        let table = table.trim_ascii_end();
        let inner = table.strip_suffix(b"]").unwrap_or(b"");
        return !inner.is_empty() && inner.iter().all(|b| key(b) || b"[]".contains(b));
    }
    let Some(equals) = line.iter().position(|&byte| byte == b'=') else {
        return false;
    };
    let (name, value) = (line[..equals].trim_ascii(), line[equals + 1..].trim_ascii());
    let plain = |byte: &u8| byte.is_ascii_digit() || b"\"'[{-+".contains(byte);
    let literal = value.first().is_some_and(plain) || value == b"true" || value == b"false";
    !name.is_empty() && name.iter().all(key) && literal
}
