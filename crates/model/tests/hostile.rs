//! Damaged and hostile packages: every truncation, 10,000 bit flips and artificial headers are
//! errors, never a panic, and never take more memory than stated.
#![allow(unsafe_code)]

mod common;

use common::{Parts, Random, full_package};
use safetensors::SafeTensors;
use std::collections::HashMap;
use stonechat_model::Package;
use stonechat_testing::{Counting, peak_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Length of the header that `bytes` declares.
fn header_bytes(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = full_package().to_bytes().unwrap();
    for length in 0..bytes.len() {
        let (result, peak) = peak_bytes(|| Package::from_bytes(&bytes[..length]).err());
        assert!(result.is_some(), "cut at {length} of {}", bytes.len());
        assert!(peak <= 4 * header_bytes(&bytes), "cut at {length}: {peak} bytes");
    }
}

#[test]
fn every_bit_flip_is_an_error() {
    let bytes = full_package().to_bytes().unwrap();
    let mut random = Random(2016);
    let mut worst = 0;
    for round in 0..10_000 {
        // The header is a third of the file: give it half of the flips.
        let range = if round % 2 == 0 { bytes.len() } else { 8 + header_bytes(&bytes) };
        let (byte, bit) = (random.below(range), random.below(8));
        let mut damaged = bytes.clone();
        damaged[byte] ^= 1 << bit;
        let (result, peak) = peak_bytes(|| Package::from_bytes(&damaged).err());
        assert!(result.is_some(), "bit {bit} of byte {byte} flipped: loaded all the same");
        worst = worst.max(peak);
    }
    // The tensors once, and the parsed header.
    let bound = bytes.len() + 4 * header_bytes(&bytes);
    assert!(worst <= bound, "{worst} bytes for a file of {}", bytes.len());
}

#[test]
fn noise_over_the_file_is_an_error() {
    let bytes = full_package().to_bytes().unwrap();
    let mut random = Random(42);
    for round in 0..2_000 {
        let mut damaged = bytes.clone();
        let start = random.below(bytes.len());
        let length = 1 + random.below(64.min(bytes.len() - start));
        for byte in &mut damaged[start..start + length] {
            *byte = random.bits() as u8;
        }
        let loaded = Package::from_bytes(&damaged).is_ok();
        assert!(!loaded || damaged == bytes, "round {round}: {length} bytes from {start}");
    }
}

#[test]
fn without_a_checksum_nothing_loads_that_safetensors_refuses() {
    let bytes = Parts::of(&full_package()).to_bytes();
    let mut random = Random(7);
    let mut loaded = 0;
    for _ in 0..10_000 {
        let (byte, bit) = (random.below(bytes.len()), random.below(8));
        let mut damaged = bytes.clone();
        damaged[byte] ^= 1 << bit;
        let (result, peak) = peak_bytes(|| Package::from_bytes(&damaged).is_ok());
        assert!(peak <= bytes.len() + 4 * header_bytes(&bytes), "{peak} bytes");
        if result {
            loaded += 1;
            let theirs = SafeTensors::deserialize(&damaged);
            assert!(theirs.is_ok(), "bit {bit} of byte {byte}: {:?}", theirs.err());
        }
    }
    // Most flips hit a mantissa, which only the checksum can detect.
    assert!(loaded > 1000, "{loaded}");
}

/// A file with this header and `data` zero bytes.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

/// A header without tensors, with these metadata in place of sensible ones.
fn header(changed: &[(&str, &str)]) -> String {
    let mut texts = HashMap::from([
        ("format", "stonechat"),
        ("format_version", "1"),
        ("network", r#"{"input":4,"gru":[4]}"#),
        ("alphabet", r#"{"symbols":["","a"]}"#),
        ("features", "0"),
        ("provenance", "0"),
    ]);
    texts.extend(changed.iter().copied());
    serde_json::json!({ "__metadata__": texts }).to_string()
}

/// `n` texts with `#` replaced by their number, with commas between.
fn repeat(text: &str, n: usize) -> String {
    let texts: Vec<String> = (0..n).map(|i| text.replace('#', &i.to_string())).collect();
    texts.join(",")
}

/// Checks that each file is an error with these words, and the memory needed to find out.
fn refused(table: Vec<(&str, Vec<u8>)>) {
    for (words, bytes) in table {
        let (result, peak) = peak_bytes(|| Package::from_bytes(&bytes).err());
        let error = result.unwrap_or_else(|| panic!("{words}: loaded")).to_string();
        assert!(error.contains(words), "wanted {words}, got: {error}");
        assert!(error.len() < 400, "{words}: {} bytes of message", error.len());
        // What `Package::from_bytes` promises: no tensor is read here.
        assert!(peak <= 4 * bytes.len() + (8 << 20), "{words}: {peak} bytes for {}", bytes.len());
    }
}

#[test]
fn files_that_are_not_safetensors_are_errors() {
    let declared = |length: u64| length.to_le_bytes().to_vec();
    refused(vec![
        ("EOF", file("", 0)),
        ("no __metadata__", file("{}", 0)),
        ("expected an object of tensors", file("null", 0)),
        ("utf-8", [&8u64.to_le_bytes()[..], &[0xff; 8]].concat()),
        ("expected a string", file(r#"{"__metadata__":{"format":1}}"#, 0)),
        ("__metadata__ is there twice", file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0)),
        ("`a` is there twice", file(r#"{"__metadata__":{"a":"","a":""}}"#, 0)),
        (
            "too many entries",
            file(&format!(r#"{{"__metadata__":{{{}}}}}"#, repeat(r##""#":"""##, 65)), 0),
        ),
        ("expected an object", file(&"[".repeat(1 << 20), 0)),
        ("a name of 1000000 bytes", file(&format!(r#"{{"{}":0}}"#, "a".repeat(1_000_000)), 0)),
        ("truncated", declared(1)),
        ("truncated", declared(1 << 20)),
        ("above 1048576", declared((1 << 20) + 1)),
        ("above 1048576", declared(1 << 40)),
        ("above 1048576", declared(u64::MAX - 7)),
        ("above 1048576", declared(u64::MAX)),
    ]);
}

#[test]
fn tensors_that_do_not_fill_the_file_are_errors() {
    let tensor = |name: &str, shape: &str, from: u64, to: u64| {
        format!(r#","{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    let with = |tensors: String, data| {
        let header = header(&[]);
        file(&format!("{}{tensors}}}", &header[..header.len() - 1]), data)
    };
    let one = |shape: &str, from, to, data| with(tensor("t", shape, from, to), data);
    let empty = repeat(r##""t#":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"##, 14_000);
    let a_million = format!("[{}1]", "1,".repeat(500_000));
    refused(vec![
        ("do not hold F32 of shape", one("[4294967296,4294967296,2]", 0, 0, 0)),
        ("do not hold F32 of shape", one("[4611686018427387904]", 0, 0, 0)),
        ("do not hold F32 of shape [2]", one("[2]", 0, 4, 4)),
        ("expected usize", one("[18446744073709551616]", 0, 0, 0)),
        ("expected usize", one("[-1]", 0, 4, 4)),
        ("more than 4 dimensions", one(&a_million, 0, 4, 4)),
        ("begins at 4, the tensor before it ends at 0", one("[1]", 4, 0, 4)),
        ("begins at 4, the tensor before it ends at 0", one("[1]", 4, 8, 8)),
        ("begins at 18446744073709551611", one("[1]", u64::MAX - 4, u64::MAX, 4)),
        ("ends at 4096 of 4 bytes: truncated", one("[1024]", 0, 4096, 4)),
        ("4 bytes belong to no tensor", one("[1]", 0, 4, 8)),
        (
            "the tensor before it ends at 4",
            with(tensor("a", "[1]", 0, 4) + &tensor("b", "[1]", 0, 4), 4),
        ),
        ("`t` is there twice", with(tensor("t", "[1]", 0, 4) + &tensor("t", "[1]", 4, 8), 8)),
        ("more than 4096 tensors", with(format!(",{empty}"), 0)),
        ("unknown variant `F64`", with(tensor("t", "[1]", 0, 8).replace("F32", "F64"), 8)),
        ("unknown field `path`", with(tensor("t", "[1]", 0, 4).replace("shape", "path"), 4)),
        ("missing field `shape`", with(r#","t":{"dtype":"F32","data_offsets":[0,0]}"#.into(), 0)),
    ]);
}

#[test]
fn metadata_that_ask_for_much_are_errors() {
    let network =
        |layers: &str| file(&header(&[("network", &format!(r#"{{"input":4,{layers}}}"#))]), 0);
    let features = |text: &str| file(&header(&[("features", text), ("provenance", text)]), 0);
    let symbols = format!(r##"{{"symbols":["",{}]}}"##, repeat(r##""#""##, 17_000));
    let missing = "gru.0.nonrec";
    refused(vec![
        ("makes a weight of more than", network(r#""gru":[65536,65536]"#)),
        (missing, network(r#""gru":[10000,10000]"#)),
        (missing, network(r#""gru":[16384],"row_conv":{"lookahead":1024}"#)),
        ("is 60001, must be in 1..=16", network(&format!(r#""gru":[{}1]"#, "1,".repeat(60_000)))),
        (missing, file(&header(&[("alphabet", &symbols)]), 0)),
        (missing, features(&format!("[{}0]", "0,".repeat(65_000)))),
        (missing, features(&format!("[{}0]", "{},".repeat(43_000)))),
        ("has 500000 bytes, at most", features(&"0".repeat(500_000))),
    ]);
}
